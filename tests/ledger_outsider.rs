//! `docs/ledger.md` is enough for an outsider: its Python program, which knows nothing of this code, agrees with the agent.
#![expect(clippy::unwrap_used, reason = "a test fails where it can't go on")]

use highwater::ledger::{Ledger, Plan};
use highwater_rules::day::Calendar;
use highwater_rules::meter::{CountRule, GapReason, Meter, Series};
use highwater_rules::record::{Counters, Directions, Entry, Mark, Missed, Reading, SlotRecord};
use highwater_rules::slot::{Slot, SlotLength};
use std::path::Path;
use std::process::Command;

const FIRST: i64 = 5_983_776;

fn record(n: i64) -> SlotRecord {
    let length = SlotLength::default();
    let slot = Slot(FIRST + n * 3);
    let rx = n as f64 / 7.0;
    let missed = Missed { first: Slot(slot.0 - 2), last: Slot(slot.0 - 1), reason: GapReason::AgentDown };
    let counters = Counters { first: u64::MAX - n.unsigned_abs(), second: Some(7), incarnation: 0 };
    SlotRecord {
        slot,
        length,
        taken: Mark {
            wall_ms: slot.end(length) * 1000 + 3,
            mono_ms: n,
            boot_ms: n + 1,
            boot_id: "boot é".into(),
        },
        clock_step_ms: -n,
        missed: if n > 0 { vec![missed] } else { vec![] },
        entries: vec![
            Entry {
                series: Series::new(Meter::RamCapacity, "host"),
                outcome: Ok(Reading::plain(0.0)),
                counters: None,
            },
            Entry {
                series: Series::new(Meter::NetworkThroughput, "eth0"),
                outcome: Ok(Reading::directed(Directions { rx, tx: 0.1, rule: CountRule::Sum })),
                counters: Some(counters),
            },
            Entry {
                series: Series::new(Meter::SslTps, "haproxy"),
                outcome: Err(GapReason::SourceFailed),
                counters: Some(Counters { first: 1, second: None, incarnation: u64::MAX }),
            },
        ],
    }
}

fn outsider(ledger: &Path) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verify_ledger.py");
    let output = Command::new("python3").arg(script).arg(ledger).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_program_written_from_the_documentation_agrees_with_the_agent() {
    if Command::new("python3").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "python3 is missing, and CI must run this");
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"skipped: python3 is not installed\n");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan {
        length: SlotLength::default(),
        retention_s: 40 * 300,
        calendar: Calendar::utc(),
        hash_names: false,
        node: None,
    };
    let mut ledger = Ledger::open(dir.path(), plan).unwrap().ledger;
    for n in 0..100 {
        ledger.append(&record(n), &[]).unwrap();
        ledger.close_days(record(n).at()).unwrap();
    }
    ledger.seal().unwrap();
    assert_eq!(ledger.verify().unwrap().first_bad, None);
    let path = ledger.path().to_owned();
    let (ok, said) = outsider(&path);
    assert!(ok && said.contains("40 slots"), "{said}");
    let edit = rusqlite::Connection::open(&path).unwrap();
    edit.execute("UPDATE ring SET counter = counter + 1 WHERE counter IS NOT NULL AND id >> 16 = 20", [])
        .unwrap();
    let bad = ledger.verify().unwrap().first_bad.unwrap();
    let (ok, said) = outsider(&path);
    assert!(!ok && said.contains(&bad.slot.unwrap().to_string()), "{said}, but the agent says {bad:?}");
}
