#!/usr/bin/env python3
"""Checks a bundle of highwater's, with nothing of highwater's own.

    verify_bundle.py FILE [--agent HEX] [--central HEX]

Prints what it holds, as JSON. HEX is a public key: 64 hexadecimal digits. Exit status: 0 fine, 1 something does not fit, 2 it can't
be tried. docs/bundle.md and docs/wire.md describe the bytes. Python 3.9 or later, and the package `cryptography` for --agent and
--central.
"""

import argparse
import hashlib
import json
import struct
import sys
import zlib

FIRST_LINE = b"highwater bundle 1\n"
FILE_MAX, UNPACKED_MAX, RECORD_MAX, RECORDS_MAX = 64 << 20, 512 << 20, 1 << 20, 200_000
RECORDS = {1: "export", 2: "report", 3: "activation", 4: "reply", 5: "answer", 6: "succession", 7: "grant", 8: "end"}
# The kind of envelope that a record holds: its number, and the word under its signature.
KINDS = {"export": (7, "export"), "report": (1, "report"), "activation": (4, "activation"), "answer": (3, "answer"),
         "succession": (6, "succession"), "grant": (5, "grant"), "receipt": (2, "receipt")}


class Bad(Exception):
    """What does not fit."""


def varint(data, at):
    value, shift = 0, 0
    while True:
        if at >= len(data) or shift > 63:
            raise Bad("a number is cut off or too long")
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def message(data):
    """Protocol Buffers: for each field its values, in their order."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 2:
            length, at = varint(data, at)
            value, at = data[at:at + length], at + length
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
            value, at = data[at:at + length], at + length
        else:
            raise Bad(f"a field of type {kind}")
        if at > len(data):
            raise Bad("a field is cut off")
        found.setdefault(key >> 3, []).append(value)
    return found


def last(fields, number, default):
    """The value of a field: of one that is there more than once, the last counts."""
    return fields.get(number, [default])[-1]


def signed(number):
    return number >> 1 ^ -(number & 1)


def text(fields, number):
    return last(fields, number, b"").decode()


def unpacked(packed):
    """The bytes in the gzip member."""
    if len(packed) > FILE_MAX:
        raise Bad("the file is too long")
    if packed[:4] != b"\x1f\x8b\x08\x00":
        raise Bad("this is no bundle")
    unpacker = zlib.decompressobj(-15)
    try:
        plain = unpacker.decompress(packed[10:], UNPACKED_MAX + 1)
    except zlib.error as error:
        raise Bad(f"the packing is broken: {error}") from None
    if len(plain) > UNPACKED_MAX:
        raise Bad("it is too long once unpacked")
    if not unpacker.eof:
        raise Bad("the file is cut off")
    if unpacker.unused_data != struct.pack("<II", zlib.crc32(plain), len(plain) & 0xFFFFFFFF):
        raise Bad("the checksum does not fit, or something follows it")
    return plain


def records(plain):
    """The name and bytes of each record but the last."""
    if not plain.startswith(FIRST_LINE):
        raise Bad("this is no bundle, or one of another version")
    at, found = len(FIRST_LINE), []
    while True:
        if at + 4 > len(plain):
            raise Bad(f"cut off after record {len(found)}")
        length = int.from_bytes(plain[at:at + 4], "big")
        body = plain[at + 4:at + 4 + length]
        if length > RECORD_MAX or len(body) != length:
            raise Bad(f"record {len(found) + 1} is too long or cut off")
        fields = message(body)
        known = [number for number in fields if number in RECORDS]
        if len(known) != 1:
            raise Bad(f"record {len(found) + 1} is of no kind or of several")
        name, value = RECORDS[known[0]], last(fields, known[0], b"")
        if name == "end":
            end = message(value)
            if last(end, 1, 0) != len(found):
                raise Bad("the end tells another number of records")
            if last(end, 2, b"") != hashlib.sha256(plain[:at]).digest():
                raise Bad("the end's digest does not fit")
            if at + 4 + length != len(plain):
                raise Bad("something follows the end")
            return found
        if len(found) == RECORDS_MAX:
            raise Bad("there are too many records")
        found.append((name, value))
        at += 4 + length


def key_id(key):
    return hashlib.sha256(key).digest()[:16]


def opened(kind, envelope, keys):
    """The payload of an envelope. Where there are keys, one of them must have signed it; which one is told too."""
    fields = message(envelope)
    payload, signature = last(fields, 2, b""), last(fields, 4, b"")
    number, word = KINDS[kind]
    if last(fields, 1, 0) != number:
        raise Bad(f"an envelope that should hold a message of kind {word} holds another")
    if keys is None:
        return payload, None
    for key in keys:
        if key_id(key) == last(fields, 3, b""):
            from cryptography.exceptions import InvalidSignature
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
            try:
                Ed25519PublicKey.from_public_bytes(key).verify(signature, b"highwater/v1/" + word.encode() + b"\0" + payload)
            except InvalidSignature:
                raise Bad(f"the signature of a message of kind {word} does not fit") from None
            return payload, key
    raise Bad(f"a message of kind {word} is signed by another key")


def answer(envelope, line):
    """What an answer says, signed by the last key of the line."""
    payload, _ = opened("answer", envelope, line[-1:] if line else None)
    fields = message(payload)
    outcomes = [message(outcome) for outcome in fields.get(3, [])]
    if len(outcomes) > 200:
        raise Bad("an answer is about too many reports")
    receipts, refused = [], []
    for outcome in outcomes:
        digest = last(outcome, 1, b"")
        if 2 in outcome:
            receipt = message(opened("receipt", last(outcome, 2, b""), line)[0])
            if last(receipt, 3, b"") != digest:
                raise Bad("a receipt is for another report than the outcome around it")
            receipts.append({"instance": text(receipt, 1), "sequence": last(receipt, 2, 0), "digest": digest.hex(),
                             "received_at": signed(last(receipt, 4, 0))})
        else:
            refused.append({"digest": digest.hex(), "message": text(message(last(outcome, 3, b"")), 2)})
    return {"nonce": last(fields, 1, b"").hex(), "answered_at": signed(last(fields, 2, 0)), "receipts": receipts,
            "refused": refused, "licences": len(fields.get(4, []))}


def told(found, agent, central):
    """What the records say, in their order."""
    said, here, line = [], None, None
    for name, value in found:
        if name == "export":
            fields = message(opened("export", value, agent)[0])
            here = {"export": text(fields, 1), "nonce": last(fields, 2, b"").hex(), "exported_at": signed(last(fields, 3, 0)),
                    "pinned_key": last(fields, 4, b"").hex(), "announced": last(fields, 5, 0), "reports": []}
            said.append(here)
        elif name == "report":
            payload, _ = opened("report", value, agent)
            fields = message(payload)
            if here is None or "reports" not in here:
                raise Bad("a report without an export before it")
            if text(fields, 1) != here["export"]:
                raise Bad("a report of another instance than the export before it")
            here["reports"].append({"sequence": last(fields, 2, 0), "day": text(message(last(fields, 4, b"")), 1),
                                    "digest": hashlib.sha256(payload).hexdigest()})
        elif name == "activation":
            fields = message(opened("activation", value, [last(message(last(message(value), 2, b"")), 3, b"")])[0])
            said.append({"activation": text(fields, 2), "nonce": last(fields, 7, b"").hex()})
            here = None
        elif name == "reply":
            fields = message(value)
            here = {"reply": text(fields, 1), "nonce": last(fields, 2, b"").hex(), "read": last(fields, 3, 0),
                    "accepted": last(fields, 4, 0), "cut": text(fields, 5), "answers": []}
            line = [central] if central else None
            said.append(here)
        elif here is None or "reply" not in here:
            raise Bad(f"a record {name} without a reply before it")
        elif name == "succession":
            payload, _ = opened("succession", value, line[-1:] if line else None)
            if line:
                line.append(last(message(payload), 1, b""))
        elif name == "answer":
            one = answer(value, line)
            if one["nonce"] != here["nonce"]:
                raise Bad("an answer has another nonce than its reply")
            here["answers"].append(one)
        else:
            fields = message(value)
            grant, _ = opened("grant", last(fields, 1, b""), None)
            here["grant"] = text(message(grant), 3)
    return said


def key(hexadecimal):
    if hexadecimal is None:
        return None
    data = bytes.fromhex(hexadecimal)
    if len(data) != 32:
        raise ValueError
    return data


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--agent", metavar="HEX")
    parser.add_argument("--central", metavar="HEX")
    options = parser.parse_args()
    try:
        agent, central = key(options.agent), key(options.central)
        with open(options.file, "rb") as file:
            packed = file.read(FILE_MAX + 1)
    except (OSError, ValueError) as error:
        print(f"can't be tried: {error}", file=sys.stderr)
        return 2
    try:
        print(json.dumps(told(records(unpacked(packed)), agent and [agent], central)))
    except (Bad, UnicodeDecodeError) as error:
        print(f"bad: {error}", file=sys.stderr)
        return 1
    except ImportError:
        print("the package cryptography is missing: apt-get install python3-cryptography", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
