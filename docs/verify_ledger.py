#!/usr/bin/env python3
"""Walks the hash chain of a highwater ledger, with nothing of highwater's own.

    python3 docs/verify_ledger.py PATH

PATH is a ledger.db. Prints `ok` and the number of slots, or the first row that does not fit. Exit status: 0 fine, 1 not as the
agent wrote it, 2 no ledger. docs/ledger.md describes the tables and the bytes. Python 3.9 or later; opens the file read-only.
"""

import hashlib
import os
import sqlite3
import struct
import sys
import urllib.parse

METERS = {"ram_capacity": 1, "network_throughput": 2, "ssl_tps": 3, "vs_bytes": 4,
          "network_throughput_burst": 5, "ssl_tps_burst": 6}
GAPS = {"clock_jump": 1, "host_down": 2, "agent_down": 3, "counter_reset": 4, "source_failed": 5}
RULES = {"max": 1, "rx": 2, "tx": 3, "sum": 4}
APPLICATION_ID = 0x48574C47
SCHEMA_VERSION = 2
CANONICAL_VERSION = 1
# A slot's own row in table `ring` has the id `position << 16`; the rows of its samples add the series' number.
SERIES_BITS = 16
SERIES_MAX = (1 << SERIES_BITS) - 1


class Bad(Exception):
    """A row that does not fit."""


def int64(value):
    return struct.pack(">q", value)


def count(value):
    return struct.pack(">I", value)


def double(value):
    return struct.pack(">d", value)


def text(value):
    data = value.encode()[:0xFFFF]
    return struct.pack(">H", len(data)) + data


def code(codes, word):
    try:
        return bytes([codes[word]])
    except KeyError:
        raise Bad(f"`{word}` is not one of {', '.join(codes)}") from None


def entry(sample):
    """The bytes of one series in a slot."""
    meter, subject, value, rx, tx, rule, gap, counter, counter_tx, incarnation = sample
    out = code(METERS, meter) + text(subject)
    if value is not None and gap is None:
        out += b"\0" + double(value)
        if rx is not None and tx is not None:
            out += b"\1" + double(rx) + double(tx) + code(RULES, rule)
        else:
            out += b"\0"
    else:
        out += code(GAPS, gap)
    if counter is None:
        return out + b"\0"
    # Counters are unsigned; SQLite keeps those above 2^63 as two's complement, whose bytes are the same.
    out += b"\1" + int64(counter)
    out += b"\0" if counter_tx is None else b"\1" + int64(counter_tx)
    return out + int64(incarnation or 0)


def canonical(slot, missed, samples):
    """The bytes that a slot's digest covers."""
    out = bytes([CANONICAL_VERSION])
    out += int64(slot["slot"]) + int64(slot["slot_s"])
    out += int64(slot["taken_ms"]) + int64(slot["mono_ms"]) + int64(slot["boot_ms"])
    out += text(slot["boot_id"] or "") + int64(slot["clock_step_ms"])
    out += count(len(missed))
    for first, last, reason in missed:
        out += int64(first) + int64(last) + code(GAPS, reason)
    out += count(len(samples))
    for sample in sorted(samples, key=lambda s: (METERS.get(s[0], 0), s[1].encode())):
        out += entry(sample)
    return out


def connect(path):
    """Opens the file read-only; without a write-ahead log beside it, also where the directory can't be written to."""
    uri = "file:" + urllib.parse.quote(os.path.abspath(path))
    try:
        db = sqlite3.connect(uri + "?mode=ro", uri=True)
        db.execute("SELECT 1 FROM sqlite_master").fetchall()
    except sqlite3.OperationalError:
        if not os.path.exists(path) or os.path.exists(path + "-wal"):
            raise
        db = sqlite3.connect(uri + "?immutable=1", uri=True)
        db.execute("SELECT 1 FROM sqlite_master").fetchall()
    db.row_factory = sqlite3.Row
    return db


def oldest_expected(rings, head_seq):
    """The number of the oldest row that must still be there."""
    if not rings:
        return 1
    last = rings[1]["first_seq"] - 1 if len(rings) > 1 else head_seq
    return max(1, rings[0]["first_seq"], last - rings[0]["capacity"] + 1)


def position(rings, seq):
    """Where in the ring the row of this number lies; None where there is no ring for it."""
    for ring in reversed(rings):
        if ring["first_seq"] <= seq:
            return ring["base"] + (seq - ring["first_seq"]) % max(1, ring["capacity"])
    return None


def end_of_chain(db, rings, genesis):
    """The number and digest of the row written last: what `head` says, and the rows that follow, since it is not written each time."""
    head = db.execute("SELECT seq, digest FROM head").fetchone()
    seq, digest = tuple(head) if head else (0, genesis)
    while (where := position(rings, seq + 1)) is not None:
        row = db.execute(
            "SELECT digest FROM ring WHERE id = ? AND seq = ?", (where << SERIES_BITS, seq + 1)).fetchone()
        if row is None:
            break
        seq, digest = seq + 1, row["digest"]
    return seq, digest


def check(db, row, expected, previous, rings):
    """Raises Bad where a row does not fit what stands before it, or its own digest."""
    if row["seq"] != expected:
        raise Bad(f"row {expected} should stand here: rows before this one are gone or out of order")
    if row["position"] != position(rings, row["seq"]):
        raise Bad(f"it lies at position {row['position']}, not at {position(rings, row['seq'])}")
    if previous is not None and row["previous"] != previous:
        raise Bad("it does not follow the row before it: one of the two was changed")
    missed = db.execute(
        "SELECT first_slot, last_slot, reason, from_at, to_at FROM missed WHERE position = ? ORDER BY first_slot",
        (row["position"],)).fetchall()
    first = row["position"] << SERIES_BITS
    samples = [tuple(sample) for sample in db.execute(
        "SELECT meter, subject, value, rx, tx, rule, gap, counter, counter_tx, incarnation FROM ring "
        "LEFT JOIN series ON series.id = ring.id & ? WHERE ring.id BETWEEN ? AND ? AND seq IS NULL",
        (SERIES_MAX, first, first | SERIES_MAX))]
    if any(meter is None for meter, *_ in samples):
        raise Bad("a sample is of a series that is gone")
    data = canonical(row, [tuple(m)[:3] for m in missed], samples)
    if hashlib.sha256(row["previous"] + data).digest() != row["digest"]:
        raise Bad("its digest does not fit what it says: the row was changed")
    if row["at"] != (row["slot"] + 1) * row["slot_s"]:
        raise Bad(f"its end is written as {row['at']}, its slot says {(row['slot'] + 1) * row['slot_s']}")
    for first, last, _, from_at, to_at in missed:
        if (from_at, to_at) != (first * row["slot_s"], (last + 1) * row["slot_s"]):
            raise Bad(f"the slots missed before it are written as {from_at} to {to_at}, their numbers say otherwise")


def verify(db):
    """Walks the chain; returns the number of slots."""
    instance = db.execute("SELECT value FROM state WHERE key = 'instance'").fetchone()[0]
    first_start = db.execute("SELECT value FROM state WHERE key = 'first_start'").fetchone()[0]
    genesis = hashlib.sha256(f"highwater chain 1\n{instance}\n{first_start}\n".encode()).digest()
    rings = db.execute("SELECT base, capacity, first_seq FROM rings ORDER BY first_seq").fetchall()
    head_seq, head_digest = end_of_chain(db, rings, genesis)
    expected = oldest_expected(rings, head_seq)
    # The row before the oldest one kept was overwritten: then the chain is checked from that row's `previous` on.
    previous = genesis if expected == 1 else None
    slots = 0
    for row in db.execute(
            "SELECT slots.*, boot_id FROM slots LEFT JOIN boots ON boots.id = slots.boot ORDER BY seq, position"):
        try:
            check(db, row, expected, previous, rings)
        except (Bad, TypeError, ValueError, AttributeError, struct.error) as why:
            raise Bad(f"slot {row['slot']} (row {row['seq']}): {why}") from None
        expected, previous, slots = row["seq"] + 1, row["digest"], slots + 1
    if expected != head_seq + 1:
        raise Bad(f"row {expected}: the chain goes on to row {head_seq}, but the rows from here on are gone")
    if previous is not None and previous != head_digest:
        raise Bad(f"row {head_seq}: the head of the chain has another digest than the last row")
    for table in ("samples", "missed"):
        stray = db.execute(
            f"SELECT min(position) FROM {table} WHERE position NOT IN (SELECT position FROM slots)").fetchone()[0]
        if stray is not None:
            raise Bad(f"table {table} has rows at position {stray}, where there is no slot")
    return slots


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    path = sys.argv[1]
    try:
        db = connect(path)
        if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise sqlite3.DatabaseError("not a highwater ledger")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"schema {version}: this script knows schema {SCHEMA_VERSION}")
        # One transaction: an agent may write the ledger meanwhile.
        db.execute("BEGIN")
        slots = verify(db)
    except Bad as why:
        print(f"{path}: NOT as the agent wrote it\n{why}")
        return 1
    except (sqlite3.Error, OSError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 2
    print(f"{path}: ok, {slots} slots")
    return 0


if __name__ == "__main__":
    sys.exit(main())
