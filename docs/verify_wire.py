#!/usr/bin/env python3
"""Checks what highwater's agent and central signed, with nothing of highwater's own.

    verify_wire.py report FILE --key PUBLICKEY                    an Envelope of a Report
    verify_wire.py receipt FILE --key PUBLICKEY [--report FILE]   an Envelope of a Receipt; whether it is for this report
    verify_wire.py token TEXT                                     an enrolment token; its secret is not shown
    verify_wire.py vectors DIR                                    every vector below DIR

PUBLICKEY is 64 hexadecimal digits: the agent's for a report, central's for a receipt. Prints what the message says, as JSON. Exit
status: 0 fine, 1 something does not fit, 2 it can't be tried. docs/wire.md describes the bytes. Python 3.9 or later, and the
package `cryptography` (Debian: python3-cryptography) for Ed25519.
"""

import argparse
import base64
import datetime
import functools
import hashlib
import json
import math
import os
import re
import struct
import sys

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    print("the package cryptography is missing: apt-get install python3-cryptography", file=sys.stderr)
    sys.exit(2)


class Bad(Exception):
    """What does not fit: a verdict of docs/wire.md, and why."""

    def __init__(self, verdict, why=""):
        super().__init__(f"{verdict}: {why}" if why else verdict)
        self.verdict = verdict


# --- Protocol Buffers: for each message its fields, as number: (name, type); a leading * says repeated, a ? that absence can be told.

KIND = ["KIND_" + word for word in "UNSPECIFIED REPORT RECEIPT ANSWER ACTIVATION GRANT SUCCESSION".split()]
METER = ["METER_" + word for word in
         "UNSPECIFIED RAM_CAPACITY NETWORK_THROUGHPUT SSL_TPS VS_BYTES NETWORK_THROUGHPUT_BURST SSL_TPS_BURST".split()]
GAP = ["GAP_REASON_" + word for word in
       "UNSPECIFIED CLOCK_JUMP HOST_DOWN AGENT_DOWN COUNTER_RESET SOURCE_FAILED".split()]
RULE = ["COUNT_RULE_" + word for word in "UNSPECIFIED MAX RX TX SUM".split()]
REFUSED = ["REASON_" + word for word in
           "UNSPECIFIED MALFORMED UNKNOWN_KEY SIGNATURE ACTIVATION CONTRACT OUT_OF_TURN".split()]
MODE = ["MODE_" + word for word in "UNSPECIFIED ONLINE OFFLINE".split()]
ENUMS = {"Mode": MODE, "Kind": KIND, "Meter": METER, "Gap": GAP, "Rule": RULE, "Refused": REFUSED}


def fields(text):
    """The fields of a message: `number name type` each, in lines or behind commas."""
    rows = (field.split() for field in text.split(","))
    return {int(number): (name, kind) for number, name, kind in rows}


MESSAGES = {
    "Envelope": fields("1 kind Kind, 2 payload bytes, 3 key_id bytes, 4 signature bytes"),
    "Activation": fields("1 secret bytes, 2 instance string, 3 public_key bytes, 4 host Host, 5 agent_version string, "
                         "6 first_start sint, 7 nonce bytes, 8 sent_at sint, 9 node Node"),
    "Host": fields("1 name string, 2 os string, 3 os_version string, 4 kernel string, 5 cores uint32, "
                   "6 virtualization string, 7 memory_bytes uint64, 8 name_hashed bool"),
    "ActivationResponse": fields("1 grant Envelope, 2 first_key bytes, 3 successions *Envelope"),
    "Grant": fields("1 nonce bytes, 2 instance string, 3 identity string, 4 public_key bytes, 5 activated_at sint, "
                    "6 answered_at sint, 7 terms Terms, 8 product string, 9 customer string, 10 mode Mode, "
                    "11 licence string"),
    "Report": fields("1 instance string, 2 sequence uint64, 3 previous bytes, 4 day UsageDay, 5 partial bool, "
                     "6 revision uint32, 7 chain Chain, 8 hourly_ram *HourlyRam, 9 clock Clock, "
                     "10 agent_version string, 11 made_at sint, 12 first_start sint, 13 damaged string, "
                     "14 names_hashed bool, 15 node Node"),
    "Node": fields("1 cluster string, 2 name string, 3 hardware string, 4 name_hashed bool"),
    "UsageDay": fields("1 day string, 2 time_zone string, 3 until sint, 4 slot_s uint32, 5 coverage Coverage, "
                       "6 series *SeriesDay, 7 present_slots uint32, 8 present_first ?sint, 9 present_last ?sint"),
    "SeriesDay": fields("1 meter Meter, 2 subject string, 3 definition uint32, 4 peak Reading, 5 runner_up Reading, "
                        "6 p95 ?double, 7 coverage Coverage, 8 rule Rule"),
    "Reading": fields("1 value double, 2 at sint, 3 rx ?double, 4 tx ?double"),
    "Coverage": fields("1 read uint32, 2 missed *Missed"),
    "Missed": fields("1 reason Gap, 2 slots uint32"),
    "Chain": fields("1 first_row uint64, 2 last_row uint64, 3 first_digest bytes, 4 last_digest bytes"),
    "HourlyRam": fields("1 hour uint32, 2 bytes uint64"),
    "Clock": fields("1 steps uint32, 2 largest_ms sint, 3 boots uint32"),
    "Terms": fields("1 contract string, 2 contract_end sint, 3 grace_s uint64"),
    "Receipt": fields("1 instance string, 2 sequence uint64, 3 report_digest bytes, 4 received_at sint, "
                      "5 identity string, 6 terms Terms"),
    "ReportResponse": fields("1 answer Envelope, 2 successions *Envelope"),
    "Answer": fields("1 nonce bytes, 2 answered_at sint, 3 outcomes *Outcome, 4 licences *string"),
    "Outcome": fields("1 report_digest bytes, 2 receipt Envelope, 3 refusal Refusal"),
    "Refusal": fields("1 reason Refused, 2 message string, 3 for_good bool"),
    "Succession": fields("1 next_key bytes, 2 made_at sint"),
}
ONE_OF = {"Outcome": ("receipt", "refusal")}
TYPES = {"string": 2, "bytes": 2, "double": 1, "sint": 0, "uint32": 0, "uint64": 0, "bool": 0}


def varint(data, at):
    """A varint and where it ends."""
    value = 0
    for n in range(10):
        if at + n >= len(data):
            raise Bad("malformed", "a number is cut off")
        value |= (data[at + n] & 0x7F) << (7 * n)
        if data[at + n] < 0x80:
            if value >> 64:
                break
            return value, at + n + 1
    raise Bad("malformed", "a number is longer than 64 bits")


def raw_fields(data):
    """The number, type and raw value of each field. Groups, which nobody writes any more, are passed over whole."""
    at, groups = 0, []
    while at < len(data):
        key, at = varint(data, at)
        number, kind = key >> 3, key & 7
        if not 0 < number < 1 << 29:
            raise Bad("malformed", f"field {number}")
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 3:
            groups.append(number)
            continue
        elif kind == 4:
            if not groups or groups.pop() != number:
                raise Bad("malformed", "a group ends that did not begin")
            continue
        elif kind in (1, 2, 5):
            length, at = varint(data, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
            if length > len(data) - at:
                raise Bad("malformed", f"field {number} is cut off")
            value, at = data[at:at + length], at + length
        else:
            raise Bad("malformed", f"type {kind}")
        if not groups:
            yield number, kind, value
    if groups:
        raise Bad("malformed", "a group does not end")


def scalar(kind, value):
    """A value of one of the plain types."""
    if kind in ENUMS:
        number = (value & 0xFFFFFFFF) - ((value & 0x80000000) << 1)
        return ENUMS[kind][number] if 0 < number < len(ENUMS[kind]) else number
    if kind == "string":
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            raise Bad("malformed", "a text is not UTF-8") from None
    return {
        "bytes": lambda: bytes(value), "double": lambda: struct.unpack("<d", value)[0], "bool": lambda: value != 0,
        "sint": lambda: (value >> 1) ^ -(value & 1), "uint32": lambda: value & 0xFFFFFFFF, "uint64": lambda: value,
    }[kind]()


def decode(message, data, into=None):
    """A message as a dictionary. Fields that are not known are passed over."""
    out = {} if into is None else into
    for number, wire, value in raw_fields(data):
        if number not in MESSAGES[message]:
            continue
        name, kind = MESSAGES[message][number]
        repeated, kind = kind.startswith("*"), kind.lstrip("*?")
        if wire != (2 if kind in MESSAGES else TYPES.get(kind, 0)):
            raise Bad("malformed", f"{message}.{name} is of type {wire}")
        if name in ONE_OF.get(message, ()):
            for other in ONE_OF[message]:
                if other != name:
                    out.pop(other, None)
        if repeated:
            out.setdefault(name, []).append(decode(kind, value) if kind in MESSAGES else scalar(kind, value))
        elif kind in MESSAGES:
            out[name] = decode(kind, value, out.get(name))
        else:
            out[name] = scalar(kind, value)
    return out


def told(message, value):
    """A message as JSON shows it: bytes in hexadecimal, defaults left out."""
    shown = {}
    for name, kind in MESSAGES[message].values():
        plain = kind.lstrip("*?")
        if name not in value or (value[name] in (0, "", b"", False) and plain not in MESSAGES and kind[0] != "?"):
            continue
        one = value[name]
        if plain in MESSAGES:
            one = [told(plain, each) for each in one] if kind[0] == "*" else told(plain, one)
        shown[name] = one.hex() if isinstance(one, bytes) else one
    return shown


# --- Keys and envelopes.

WORDS = {word: word[len("KIND_"):].lower() for word in KIND}
P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
ORDER = 2**252 + 27742317777372353535851937790883648493


def of_small_order(point):
    y = (int.from_bytes(point, "little") & ((1 << 255) - 1)) % P
    return y * (y * y - 1) * (D * pow(y, 4, P) + 2 * y * y - 1) % P == 0


def is_point(encoded):
    """Whether the bytes are a point of the curve: whether x^2 = (y^2 - 1) / (d y^2 + 1) has a root."""
    y = (int.from_bytes(encoded, "little") & ((1 << 255) - 1)) % P
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    return square == 0 or pow(square, (P - 1) // 2, P) == 1


@functools.lru_cache(maxsize=64)
def public_key(data):
    if len(data) != 32 or not is_point(data) or of_small_order(data):
        raise Bad("no_key", "these bytes are no Ed25519 key")
    return bytes(data)


def key_id(key):
    return hashlib.sha256(key).digest()[:16]


def unseal(key, kind, envelope):
    """The payload of an envelope that `key` signed as `kind`."""
    if envelope.get("kind") != kind:
        raise Bad("kind", f"it is {envelope.get('kind', 'of no kind')}, not {kind}")
    if envelope.get("key_id") != key_id(key):
        raise Bad("key", f"it names the key {envelope.get('key_id', b'').hex()}, not {key_id(key).hex()}")
    payload, signature = envelope.get("payload", b""), envelope.get("signature", b"")
    if len(signature) != 64 or int.from_bytes(signature[32:], "little") >= ORDER or of_small_order(signature[:32]):
        raise Bad("signature", "it is no signature")
    signed = b"highwater/v1/" + WORDS[kind].encode() + b"\0" + payload
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
    except InvalidSignature:
        raise Bad("signature", "it does not fit the payload and the key") from None
    return payload


def follow(pinned, successions):
    """The keys that are trusted one after the other, from the pinned one on."""
    if len(successions) > 64:
        raise Bad("too_many", "more than 64 successions")
    line = [pinned]
    start = next((n for n, one in enumerate(successions) if one.get("key_id") == key_id(pinned)), len(successions))
    for envelope in successions[start:]:
        try:
            payload = unseal(line[-1], "KIND_SUCCESSION", envelope)
        except Bad as why:
            raise Bad("succession", why) from None
        line.append(public_key(decode("Succession", payload).get("next_key", b"")))
    return line


# --- What each message must say.

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


def need(condition, why, verdict="malformed"):
    if not condition:
        raise Bad(verdict, why)


def size(text):
    return len(text.encode())


def check_coverage(coverage):
    need(coverage is not None, "it tells no coverage")
    missed = coverage.get("missed", [])
    slots = coverage.get("read", 0) + sum(one.get("slots", 0) for one in missed)
    need(slots <= 90000 and len(missed) <= 64, "more slots than a day has")


def check_series(one):
    subject = one.get("subject", "")
    need(1 <= size(subject) <= 256, "a subject without a name, or with one too long")
    readings = [one[name] for name in ("peak", "runner_up") if name in one]
    values = [reading.get("value", 0.0) for reading in readings]
    values += [reading[way] for reading in readings for way in ("rx", "tx") if way in reading]
    values += [one["p95"]] if "p95" in one else []
    need(all(math.isfinite(value) and value >= 0 for value in values), f"{subject} has a figure that is none")
    peak = one["peak"].get("value", 0.0) if "peak" in one else None
    below = [one["runner_up"].get("value", 0.0)] if "runner_up" in one else []
    below += [one["p95"]] if "p95" in one else []
    need(all(peak is not None and value <= peak for value in below), f"{subject} has a figure above its peak")
    if "coverage" in one:
        check_coverage(one["coverage"])


def check_day(day):
    date = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", day.get("day", ""))
    need(date, "the day is no date")
    year, month, number = (int(part) for part in date.groups())
    try:
        # Python's calendar begins with the year 1; the year 0 is like the year 400.
        datetime.date(year or 400, month, number)
    except ValueError:
        raise Bad("malformed", "the day is no date") from None
    need(1 <= size(day.get("time_zone", "")) <= 256, "it names no time zone")
    need(1 <= day.get("slot_s", 0) <= 3600, "a slot is from 1 s to an hour")
    check_coverage(day.get("coverage"))
    for one in day.get("series", []):
        check_series(one)
    names = [(one.get("meter", 0), one["subject"]) for one in day.get("series", [])]
    need(len(set(names)) == len(names), "a series is told twice")


def check_node(node):
    need(re.fullmatch(r"[0-9a-z-]{1,64}", node.get("cluster", "")), "the cluster's id is none")
    need(re.fullmatch(r"[0-9a-z.-]{1,253}", node.get("name", "")), "the node's name is none")
    need(re.fullmatch(r"([0-9a-f]{16})?", node.get("hardware", "")), "the node's hardware id is none")


def read_report(payload):
    """A report that can be."""
    need(len(payload) <= 262144, "longer than 262144 bytes")
    report = decode("Report", payload)
    need(UUID.match(report.get("instance", "")), "the instance's id is no UUID")
    need(1 <= report.get("sequence", 0) < 1 << 63, "the sequence number is not from 1 to 2^63 - 1")
    need(len(report.get("previous", b"")) in (0, 32), "`previous` is not of 32 bytes")
    chain = report.get("chain")
    need(chain is not None, "it names no stretch of the chain")
    need(all(len(chain.get(name, b"")) == 32 for name in ("first_digest", "last_digest")), "a digest is not of 32 bytes")
    need(chain.get("last_row", 0) + 1 >= chain.get("first_row", 0) and chain.get("last_row", 0) < 1 << 63,
         "the chain's last row is before its first")
    hours = [one.get("hour", 0) for one in report.get("hourly_ram", [])]
    need(all(1 <= hour <= 25 for hour in hours) and hours == sorted(set(hours)), "hours that are none, or out of order")
    need(all(size(report.get(name, "")) <= 256 for name in ("agent_version", "damaged")), "a text is too long")
    if "node" in report:
        check_node(report["node"])
    need("day" in report, "it tells no day")
    check_day(report["day"])
    return report


def open_report(key, data):
    """The payload of a report's envelope, and what it says."""
    key = public_key(key)
    payload = unseal(key, "KIND_REPORT", decode("Envelope", data))
    return payload, read_report(payload)


def open_receipt(key, envelope, report=None):
    """What a receipt says; held against the report, where one is given as its instance, sequence and digest."""
    receipt = decode("Receipt", unseal(key, "KIND_RECEIPT", envelope))
    if report is not None:
        said = (receipt.get("instance", ""), receipt.get("sequence", 0), receipt.get("report_digest", b""))
        need(said == report, f"it is for report {said[1]} of {said[0]}, digest {said[2].hex()}", "foreign")
    need("terms" in receipt and UUID.match(receipt.get("identity", "")), "without terms or identity", "foreign")
    return receipt


def open_answer(body, pinned, nonce, sent):
    """What an answer to the reports `sent` says, and the key to pin from now on."""
    response = decode("ReportResponse", body)
    line = follow(pinned, response.get("successions", []))
    need("answer" in response, "it is empty")
    answer = decode("Answer", unseal(line[-1], "KIND_ANSWER", response["answer"]))
    need(answer.get("nonce", b"") == nonce, "it is to another request", "nonce")
    outcomes = answer.get("outcomes", [])
    need(len(outcomes) == len(sent), "not one outcome for each report", "outcomes")
    for outcome, report in zip(outcomes, sent):
        need(outcome.get("report_digest", b"") == report[2], "an outcome is for another report", "outcomes")
        need("receipt" in outcome or "refusal" in outcome, "an outcome is empty", "outcomes")
        if "receipt" in outcome:
            named = outcome["receipt"].get("key_id")
            signer = next((key for key in line if key_id(key) == named), line[-1])
            open_receipt(signer, outcome["receipt"], report)
    return answer, line[-1]


def open_activation(data):
    """The payload of an activation's envelope, and what it says."""
    envelope = decode("Envelope", data)
    need(envelope.get("kind") == "KIND_ACTIVATION", "it is no activation", "kind")
    activation = decode("Activation", envelope.get("payload", b""))
    payload = unseal(public_key(activation.get("public_key", b"")), "KIND_ACTIVATION", envelope)
    need(len(activation.get("secret", b"")) == 20, "the secret is not of 20 bytes")
    need(16 <= len(activation.get("nonce", b"")) <= 32, "the nonce is not of 16 to 32 bytes")
    need(UUID.match(activation.get("instance", "")), "the instance's id is no UUID")
    if "node" in activation:
        check_node(activation["node"])
    return payload, activation


def open_grant(body, fingerprint, nonce, instance, own):
    """What a grant says, and the key to pin."""
    response = decode("ActivationResponse", body)
    first = public_key(response.get("first_key", b""))
    need(hashlib.sha256(first).digest() == fingerprint, "the first key is not the token's", "fingerprint")
    key = follow(first, response.get("successions", []))[-1]
    need("grant" in response, "it is empty")
    grant = decode("Grant", unseal(key, "KIND_GRANT", response["grant"]))
    need(grant.get("nonce", b"") == nonce, "it is to another request", "nonce")
    need(grant.get("instance", "") == instance and grant.get("public_key", b"") == own, "it is another's", "foreign")
    need("terms" in grant and UUID.match(grant.get("identity", "")), "without terms or identity")
    return grant, key


def read_token(text):
    """The secret and the fingerprint of an enrolment token."""
    text = text.strip()
    need(text.startswith("hwt_"), "an enrolment token begins with hwt_", "foreign")
    body = text[len("hwt_"):]
    # A length of 4 n + 1 letters is no base64.
    need(re.fullmatch(r"[A-Za-z0-9_-]*", body) and len(body) % 4 != 1, "letters that are none of base64url", "mistyped")
    data = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    need(len(data) > 4 and hashlib.sha256(data[:-4]).digest()[:4] == data[-4:], "its check does not fit", "mistyped")
    need(data[0] == 1, f"it is of version {data[0]}", "newer")
    need(len(data) == 57, "it is not of 57 bytes", "mistyped")
    return data[1:21], data[21:53]


def file_reports(key, envelopes):
    """Where each report belongs, and which one of each day counts, by line."""
    lines, counts, known, places = [[0, b""]], [{}], {}, []
    for envelope in envelopes:
        payload, report = open_report(key, envelope)
        digest, sequence, previous = hashlib.sha256(payload).digest(), report["sequence"], report.get("previous", b"")
        if digest in known:
            places.append({"place": "again", "line": known[digest]})
            continue
        follows = [n for n, line in enumerate(lines) if line == [sequence - 1, previous]]
        longest = max(range(len(lines)), key=lambda n: (lines[n][0], n))
        missing = sequence - lines[longest][0] - 1
        if follows:
            place = {"place": "next", "line": follows[0]}
        elif previous in known:
            place = {"place": "fork", "line": len(lines), "from": known[previous]}
        elif previous and missing >= 0:
            place = {"place": "after_hole", "line": longest, "missing": missing}
        else:
            place = {"place": "fork", "line": len(lines), "from": 0}
        if place["place"] == "fork":
            lines.append([0, b""])
            counts.append({})
        places.append(place)
        line = known[digest] = place["line"]
        lines[line] = [sequence, digest]
        day = f"{report['day']['day']} {report['day']['time_zone']}"
        counts[line][day] = max(sequence, counts[line].get(day, 0))
    return {"places": places, "counts": counts}


# --- The golden vectors.

def as_sent(given):
    return given["instance"], given["sequence"], bytes.fromhex(given["digest"])


def judge(message, given, data):
    """What this program learns from one vector."""
    given = given or {}
    raw = {name: bytes.fromhex(given[name]) for name in ("key", "pinned", "nonce", "fingerprint", "public_key")
           if name in given}
    one = bytes.fromhex(data) if isinstance(data, str) and message != "Enrolment token" else None
    if message == "Report":
        payload, report = open_report(raw["key"], one)
        return {"digest": hashlib.sha256(payload).hexdigest(), "payload": payload.hex(), "fields": told("Report", report)}
    if message == "Reports of one key":
        return file_reports(raw["key"], [bytes.fromhex(each) for each in data])
    if message == "Receipt":
        envelope = decode("Envelope", one)
        receipt = open_receipt(public_key(raw["key"]), envelope, as_sent(given["report"]))
        return {"payload": envelope["payload"].hex(), "fields": told("Receipt", receipt)}
    if message == "Answer":
        sent = [as_sent(each) for each in given["sent"]]
        answer, key = open_answer(one, public_key(raw["pinned"]), raw["nonce"], sent)
        return {"key": key.hex(), "fields": told("Answer", answer)}
    if message == "Activation":
        payload, activation = open_activation(one)
        return {"payload": payload.hex(), "fields": told("Activation", activation)}
    if message == "Grant":
        grant, key = open_grant(one, raw["fingerprint"], raw["nonce"], given["instance"], raw["public_key"])
        return {"key": key.hex(), "fields": told("Grant", grant)}
    if message == "Succession":
        envelopes = [decode("Envelope", bytes.fromhex(each)) for each in data]
        key = follow(public_key(raw["pinned"]), envelopes)[-1]
        return {"key": key.hex(), "fields": [told("Succession", decode("Succession", each["payload"])) for each in envelopes]}
    if message == "Enrolment token":
        secret, fingerprint = read_token(data)
        return {"secret": secret.hex(), "fingerprint": fingerprint.hex()}
    raise KeyError(f"vectors of an unknown message: {message}")


def check_vectors(folder):
    """Judges every vector; returns how many there were, and those that came out otherwise."""
    count, wrong = 0, []
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".json"):
            continue
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            vectors = json.load(file)
        if vectors["message"] == "Licence":
            continue  # verify_licence.py judges those.
        for case in vectors["cases"]:
            count += 1
            try:
                verdict, result = "ok", judge(vectors["message"], case["given"], case["input"])
            except Bad as why:
                verdict, result = why.verdict, None
            if verdict != case["verdict"]:
                wrong.append(f"{name}: {case['name']}: {verdict}, not {case['verdict']}")
            elif result != case["result"]:
                wrong.append(f"{name}: {case['name']}: {json.dumps(result)}, not {json.dumps(case['result'])}")
    return count, wrong


# --- The command line.

def show(what):
    print(json.dumps(what, indent=2, ensure_ascii=True))


def read_file(path):
    """A file of at most a megabyte: no message is larger."""
    with open(path, "rb") as file:
        data = file.read((1 << 20) + 1)
    need(len(data) <= 1 << 20, f"{path} is longer than a megabyte")
    return data


def run(arguments):
    if arguments.command == "vectors":
        count, wrong = check_vectors(arguments.folder)
        print("\n".join(wrong + [f"{count} vectors, {len(wrong)} came out otherwise"]))
        return 1 if wrong or count == 0 else 0
    if arguments.command == "token":
        show({"fingerprint": read_token(arguments.text)[1].hex()})
        return 0
    key = public_key(arguments.key)
    if arguments.command == "report":
        payload, report = open_report(key, read_file(arguments.file))
        show({"digest": hashlib.sha256(payload).hexdigest(), "fields": told("Report", report)})
        return 0
    expected = None
    if arguments.report:
        # Who signed the report is not asked here: the receipt names its digest.
        payload = decode("Envelope", read_file(arguments.report)).get("payload", b"")
        report = read_report(payload)
        expected = (report["instance"], report["sequence"], hashlib.sha256(payload).digest())
    receipt = open_receipt(key, decode("Envelope", read_file(arguments.file)), expected)
    show({"fields": told("Receipt", receipt)})
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("report", "receipt"):
        command = commands.add_parser(name)
        command.add_argument("file")
        command.add_argument("--key", required=True, type=bytes.fromhex)
        if name == "receipt":
            command.add_argument("--report")
    commands.add_parser("token").add_argument("text")
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
