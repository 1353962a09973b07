//! A ledger of each schema that was ever released is opened, brought up, written on and verified. `tests/fixtures/ledgers/` keeps
//! one of each, as the agent of its time left it; its README says how they were made.
#![expect(clippy::unwrap_used, reason = "a test fails where it can't go on")]
#![expect(clippy::disallowed_methods, reason = "this test reads and copies the repository's own fixtures")]

use highwater::ledger::{Ledger, LedgerError, Plan};
use highwater_rules::day::Calendar;
use highwater_rules::record::{Missed, SlotRecord};
use highwater_rules::slot::{Slot, SlotLength};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// No schema has this number.
const UNHEARD_OF: i64 = 99;

fn plan() -> Plan {
    Plan {
        length: SlotLength::new(1).unwrap(),
        retention_s: 120 * 86_400,
        calendar: Calendar::utc(),
        hash_names: false,
        node: None,
    }
}

/// A copy of a fixture in a state directory of its own.
fn state_dir(version: i64) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(fixture(version), ledger_in(dir.path())).unwrap();
    dir
}

fn fixture(version: i64) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/ledgers/v{version}.db"))
}

fn ledger_in(dir: &Path) -> PathBuf {
    dir.join("ledger.db")
}

/// One number that SQLite tells of a ledger that nobody holds.
fn number(dir: &Path, query: &str) -> i64 {
    Connection::open(ledger_in(dir)).unwrap().query_row(query, [], |row| row.get(0)).unwrap()
}

/// The schema that this agent writes.
fn newest() -> i64 {
    let dir = tempfile::tempdir().unwrap();
    drop(Ledger::open(dir.path(), plan()).unwrap());
    number(dir.path(), "PRAGMA user_version")
}

/// What the slot after another one says: the same readings, a second later.
fn next(last: &SlotRecord) -> SlotRecord {
    let mut next = last.clone();
    next.slot = Slot(last.slot.0 + 1);
    next.taken.wall_ms += 1_000;
    next.taken.mono_ms += 1_000;
    next.taken.boot_ms += 1_000;
    next.clock_step_ms = 0;
    next.missed = Vec::<Missed>::new();
    next
}

#[test]
fn a_ledger_of_each_released_schema_is_taken_over_whole() {
    for version in 1..=newest() {
        let dir = state_dir(version);
        assert_eq!(number(dir.path(), "PRAGMA user_version"), version, "the fixture is of that schema");
        let slots = number(dir.path(), "SELECT count(*) FROM slots");
        let days = number(dir.path(), "SELECT count(*) FROM days WHERE closed_at IS NOT NULL");
        assert!(slots >= 10 && days == 1, "v{version}: {slots} slots and {days} closed days show something");

        let mut ledger = Ledger::open(dir.path(), plan()).unwrap().ledger;
        let before = ledger.verify().unwrap();
        assert_eq!(
            (before.first_bad, before.slots, before.days),
            (None, slots.unsigned_abs(), 1),
            "v{version}"
        );
        let last = ledger.last().unwrap().unwrap();
        let digest = ledger.append(&next(&last.record), &[]).unwrap();
        ledger.seal().unwrap();

        let after = ledger.verify().unwrap();
        assert_eq!((after.first_bad, after.slots), (None, slots.unsigned_abs() + 1), "v{version}");
        let newest_slot = ledger.last().unwrap().unwrap();
        assert_eq!(
            (newest_slot.previous, newest_slot.digest),
            (last.digest, digest),
            "v{version}: one chain"
        );
        drop(ledger);
        assert_eq!(number(dir.path(), "PRAGMA user_version"), newest(), "v{version} was brought up");
    }
}

#[test]
fn a_ledger_of_a_newer_schema_is_refused_and_left_as_it_is() {
    let dir = state_dir(newest());
    let file = ledger_in(dir.path());
    let newer = Connection::open(&file).unwrap();
    newer.pragma_update(None, "user_version", UNHEARD_OF).unwrap();
    newer.close().unwrap();
    let before = std::fs::read(&file).unwrap();

    let refused = Ledger::open(dir.path(), plan()).map(|_| ()).unwrap_err();
    assert!(matches!(refused, LedgerError::Newer { found: UNHEARD_OF, .. }), "{refused}");
    assert!(refused.to_string().contains("install that version again"), "it says what to do: {refused}");
    assert_eq!(std::fs::read(&file).unwrap(), before, "not a byte of it has changed");
}
