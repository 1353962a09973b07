#!/usr/bin/env python3
"""Checks highwater's licences with nothing of highwater's own.

    verify_licence.py licence FILE --key PUBLICKEY [--at MOMENT] [--instance ID [--identity ID]] [--cluster ID]
    verify_licence.py vectors DIR

PUBLICKEY is central's: 64 hexadecimal digits; it may be given several times. MOMENT is in unix seconds. Prints the claims as
JSON, with what the licence is worth at that moment. Exit status: 0 fine, 1 something does not fit, 2 it can't be tried.
docs/licences.md describes the format. Python 3.9 or later, and the package `cryptography` (Debian: python3-cryptography).
"""

import argparse
import base64
import hashlib
import json
import os
import re
import sys
import time
import unicodedata

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    print("the package cryptography is missing: apt-get install python3-cryptography", file=sys.stderr)
    sys.exit(2)

TOKEN_MAX = 8192
WHITE = " \t\n\f\r"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
DAY = 86400


class Bad(Exception):
    """What does not fit: a verdict of docs/licences.md, and why."""

    def __init__(self, verdict, why=""):
        super().__init__(f"{verdict}: {why}" if why else verdict)
        self.verdict = verdict


def need(condition, why, verdict="claims"):
    if not condition:
        raise Bad(verdict, why)


# --- The form.

def unpack(part):
    """The bytes of a part in strict base64url."""
    need(all(letter in LETTERS for letter in part), "a letter is none of base64url", "form")
    idle = {0: 0, 2: 4, 3: 2}.get(len(part) % 4)
    need(idle is not None, "a part is cut off", "form")
    need(not part or LETTERS.index(part[-1]) % (1 << idle) == 0, "idle bits are not zero", "form")
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class Once(dict):
    """A JSON object that remembers which of its names stood twice."""

    def __init__(self, pairs):
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.twice = {name for name in names if names.count(name) > 1}


def no_number(word):
    raise ValueError(f"{word} is no JSON")


def parse(data, verdict):
    """A JSON object."""
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=Once, parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        raise Bad(verdict, str(error)) from None
    need(isinstance(value, Once), "it is no object", verdict)
    return value


def key_id(key):
    return hashlib.sha256(key).digest()[:16].hex()


def check_header(header, keys):
    """The key that the header names."""
    need("alg" in header and "alg" not in header.twice and isinstance(header["alg"], str), "no algorithm", "header")
    need(header["alg"] == "EdDSA", f"it is {header['alg']!r}", "algorithm")
    need(set(header) == {"alg", "typ", "kid"} and not header.twice, "other keys than alg, typ and kid", "header")
    need(header["typ"] == "JWT" and isinstance(header["kid"], str), "its type is another", "header")
    key = next((key for key in keys if key_id(key) == header["kid"]), None)
    need(key is not None, f"{header['kid']} is not trusted", "key")
    return key


def read(token, keys):
    """The claims of a licence that one of the keys signed."""
    token = token.strip(WHITE)
    need(len(token.encode()) <= TOKEN_MAX, f"longer than {TOKEN_MAX} bytes", "too_long")
    parts = token.split(".")
    need(len(parts) == 3, f"{len(parts)} parts", "form")
    header, payload, signature = (unpack(part) for part in parts)
    key = check_header(parse(header, "header"), keys)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, f"{parts[0]}.{parts[1]}".encode())
    except InvalidSignature:
        raise Bad("signature", "it does not fit") from None
    claims = parse(payload, "claims")
    check(claims)
    return claims


# --- The claims.

def is_id(value):
    return isinstance(value, str) and re.fullmatch(r"[!-~]{1,64}", value) is not None


def is_name(value):
    return (isinstance(value, str) and 1 <= len(value) <= 200
            and not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in value))


def is_number(low, high):
    return lambda value: type(value) is int and low <= value <= high


def is_list_of_names(value):
    return isinstance(value, list) and len(value) <= 64 and all(is_name(one) for one in value)


def is_limits(value):
    numbers = ("ram_bytes", "throughput_bps", "ssl_tps")
    return isinstance(value, Once) and not value.twice & {*numbers, "throughput_tier"} and all(
        value.get(name) is None or is_number(0, 2**53 - 1)(value[name]) for name in numbers
    ) and (value.get("throughput_tier") is None or is_name(value["throughput_tier"]))


is_moment = is_number(1, 253402300799)
NEEDED = {
    "iss": lambda value: isinstance(value, str), "aud": lambda value: isinstance(value, str), "jti": is_id,
    "iat": is_moment, "nbf": is_moment, "exp": is_moment, "sub": is_id, "contract": is_id, "product": is_name,
    "customer": is_name, "mode": lambda value: value in ("online", "offline"),
    "status": lambda value: value in ("active", "revoked"), "features": is_list_of_names, "limits": is_limits,
    "grace_s": is_number(1, 3653 * DAY),
}
OPTIONAL = {
    "instance": is_id, "cluster": is_id, "email": lambda value: is_name(value) and len(value.encode()) <= 254,
    "slot_s": lambda value: is_number(1, 3600)(value) and DAY % value == 0, "contract_end": is_moment,
}


def check(claims):
    """Whether the claims are those of a licence."""
    for name, wanted in (("iss", "highwater-central"), ("aud", "highwater")):
        if isinstance(claims.get(name), str):
            need(claims[name] == wanted, f"{name} is {claims[name]!r}", "no_licence")
    need(not claims.twice & {*NEEDED, *OPTIONAL}, f"{', '.join(sorted(claims.twice))} twice")
    for name, fits in NEEDED.items():
        need(name in claims, f"{name} is missing")
        need(fits(claims[name]), f"{name} is {claims[name]!r}")
    for name, fits in OPTIONAL.items():
        need(claims.get(name) is None or fits(claims[name]), f"{name} is {claims.get(name)!r}")
    subjects = [name for name in ("instance", "cluster") if claims.get(name) is not None]
    need(len(subjects) == 1, f"it names {' and '.join(subjects) or 'nobody'}")
    issued, begin, end = claims["iat"], claims["nbf"], claims["exp"]
    if claims["status"] == "active":
        need(begin < end and issued < end, "it ends before it begins")
    else:
        need(issued == begin == end, "a revocation has no term")


def known(claims):
    """The claims that this page describes, without those that say nothing."""
    shown = {name: claims[name] for name in {**NEEDED, **OPTIONAL} if claims.get(name) is not None}
    limits = ("ram_bytes", "throughput_bps", "throughput_tier", "ssl_tps")
    shown["limits"] = {name: claims["limits"][name] for name in limits if claims["limits"].get(name) is not None}
    return shown


def state(claims, now):
    if claims["status"] == "revoked":
        return "revoked"
    if claims["exp"] <= now:
        return "expired"
    return "missing" if claims["nbf"] > now + 300 else "valid"


def renewal(claims):
    """From when on central renews it, and from when on the agent asks."""
    term = claims["exp"] - claims["iat"]
    allowed = claims["iat"] + -(-2 * term // 3)
    return allowed, max(claims["exp"] - 3 * DAY, allowed) if claims["mode"] == "online" else None


def check_holder(claims, instance, identity, cluster):
    if instance is None and cluster is None:
        return
    if claims.get("cluster") is not None:
        need(claims["cluster"] == cluster, f"it is for cluster {claims['cluster']}", "foreign")
        return
    need(claims["instance"] == instance, f"it is for instance {claims['instance']}", "foreign")
    need(identity is None or claims["sub"] == identity, f"its instance is counted for {claims['sub']}", "foreign")


def learnt(claims, now):
    allowed, wanted = renewal(claims)
    return {"claims": known(claims), "state": state(claims, now), "allowed_from": allowed, "wanted_from": wanted}


# --- The golden vectors.

def check_vectors(folder):
    """Judges every vector; returns how many there were, and those that came out otherwise."""
    count, wrong = 0, []
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".json"):
            continue
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            vectors = json.load(file)
        if vectors["message"] != "Licence":
            continue
        for case in vectors["cases"]:
            count += 1
            keys = [bytes.fromhex(key) for key in case["given"]["keys"]]
            try:
                verdict, result = "ok", learnt(read(case["input"], keys), case["given"]["now"])
            except Bad as why:
                verdict, result = why.verdict, None
            if verdict != case["verdict"] or result != case["result"]:
                wrong.append(f"{name}: {case['name']}: {verdict}, not {case['verdict']}: {json.dumps(result)}")
    return count, wrong


# --- The command line.

def run(arguments):
    if arguments.command == "vectors":
        count, wrong = check_vectors(arguments.folder)
        print("\n".join(wrong + [f"{count} vectors, {len(wrong)} came out otherwise"]))
        return 1 if wrong or count == 0 else 0
    with open(arguments.file, "rb") as file:
        data = file.read(TOKEN_MAX * 2)
    try:
        token = data.decode("ascii")
    except UnicodeDecodeError:
        raise Bad("form", "letters that are none of base64url") from None
    claims = read(token, arguments.key)
    check_holder(claims, arguments.instance, arguments.identity, arguments.cluster)
    now = int(time.time()) if arguments.at is None else arguments.at
    print(json.dumps(learnt(claims, now), indent=2, ensure_ascii=True))
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    licence = commands.add_parser("licence")
    licence.add_argument("file")
    licence.add_argument("--key", required=True, action="append", type=bytes.fromhex)
    licence.add_argument("--at", type=int)
    for name in ("--instance", "--identity", "--cluster"):
        licence.add_argument(name)
    commands.add_parser("vectors").add_argument("folder")
    try:
        return run(parser.parse_args())
    except Bad as why:
        print(f"does not fit: {why}")
        return 1
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
