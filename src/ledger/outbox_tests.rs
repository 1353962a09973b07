//! The outbox and what stands beside the ledger: nothing is reported twice or left out, whatever becomes of the file.

use super::mirror::Mirror;
use super::{Fate, Kept, Ledger, Plan};
use highwater_rules::chain::Digest;
use highwater_rules::day::Calendar;
use highwater_rules::meter::{Meter, Series};
use highwater_rules::node::Node;
use highwater_rules::record::{Entry, Mark, Reading, SlotRecord};
use highwater_rules::report::{self, Names};
use highwater_rules::sign::sha256;
use highwater_rules::slot::{Slot, SlotLength};
use std::path::Path;

const HOUR: i64 = 3600;
/// 2026-03-01T00:00:00Z, in hours.
const FIRST: i64 = 1_772_323_200 / HOUR;

fn plan(hash_names: bool) -> Plan {
    let length = SlotLength::new(3600).unwrap();
    Plan { length, retention_s: 40 * 24 * 3600, calendar: Calendar::utc(), hash_names, node: None }
}

fn open(dir: &Path) -> Ledger {
    Ledger::open(dir, plan(false)).unwrap().ledger
}

fn slot(hour: i64) -> SlotRecord {
    let slot = Slot(FIRST + hour);
    let entry = |subject: &str| Entry {
        series: Series::new(Meter::RamCapacity, subject),
        outcome: Ok(Reading::plain(hour as f64)),
        counters: None,
    };
    let ms = (slot.0 + 1) * HOUR * 1000;
    SlotRecord {
        slot,
        length: SlotLength::new(3600).unwrap(),
        taken: Mark { wall_ms: ms, mono_ms: ms, boot_ms: ms, boot_id: "boot".to_owned() },
        clock_step_ms: 0,
        missed: Vec::new(),
        entries: vec![entry("host"), entry("vm-of-a-customer")],
    }
}

/// Writes the hours and closes the days that they end; gives the numbers of the reports made.
fn write(ledger: &mut Ledger, hours: std::ops::Range<i64>) -> Vec<u64> {
    let mut made = Vec::new();
    for hour in hours {
        let record = slot(hour);
        ledger.append(&record, &[]).unwrap();
        made.extend(ledger.close_days(record.at()).unwrap().iter().map(|closed| closed.report));
    }
    made
}

fn sequences(ledger: &Ledger) -> Vec<u64> {
    ledger.pending(1000, usize::MAX).unwrap().iter().map(|r| r.sequence).collect()
}

#[test]
fn each_closed_day_is_a_report_chained_to_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(dir.path());
    assert_eq!(write(&mut ledger, 0..80), [1, 2, 3]);
    let mut previous: Option<Digest> = None;
    let mut last_row = 0;
    for made in ledger.pending(10, usize::MAX).unwrap() {
        let report = report::read(&made.payload).unwrap();
        assert_eq!((report.sequence, made.digest), (made.sequence, sha256(&made.payload)));
        assert_eq!(report.previous, previous.map(|d| d.0.to_vec()).unwrap_or_default());
        let chain = report.chain.unwrap();
        assert_eq!((chain.first_row, chain.last_row), (last_row + 1, last_row + 24));
        assert_eq!((report.hourly_ram.len(), report.revision, report.partial), (24, 1, false));
        (previous, last_row) = (Some(made.digest), chain.last_row);
    }
}

#[test]
fn an_open_day_is_reported_in_part_and_its_end_supersedes_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(dir.path());
    assert_eq!(ledger.report_open_day().unwrap(), None, "nothing was metered yet");
    write(&mut ledger, 0..30);
    assert!(ledger.draft_open_day().unwrap().is_some());
    assert_eq!(ledger.report_open_day().unwrap(), Some(2));
    assert_eq!(ledger.report_open_day().unwrap(), Some(2), "it tells all that there is");
    assert_eq!(ledger.draft_open_day().unwrap(), None);
    assert_eq!(write(&mut ledger, 30..48), [3]);
    let of = |sequence| report::read(&ledger.report(sequence).unwrap().unwrap().payload).unwrap();
    let (part, whole) = (of(2), of(3));
    assert_eq!((part.partial, part.day.as_ref().unwrap().until), (true, (FIRST + 30) * HOUR));
    assert_eq!((whole.partial, &whole.day.as_ref().unwrap().day), (false, &part.day.as_ref().unwrap().day));
    assert_eq!(whole.chain.as_ref().unwrap().first_digest, part.chain.as_ref().unwrap().first_digest);
    assert_eq!(ledger.report_open_day().unwrap(), None, "the day has just been closed");
}

#[test]
fn a_report_tells_the_node_as_it_is_known_when_the_report_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let node = |name: &str| Some(Node::new("k-1", name, "00112233445566ff").unwrap());
    let mut ledger = Ledger::open(dir.path(), Plan { node: node("node-a"), ..plan(false) }).unwrap().ledger;
    assert_eq!(ledger.cluster(), Some("k-1"));
    write(&mut ledger, 0..30);
    ledger.follow_node(node("node-b"));
    write(&mut ledger, 30..50);
    ledger.follow(Plan { node: node("node-b"), ..plan(true) }).unwrap();
    write(&mut ledger, 50..80);
    ledger.follow_node(None);
    write(&mut ledger, 80..100);
    let told = |sequence| report::read(&ledger.report(sequence).unwrap().unwrap().payload).unwrap().node;
    assert_eq!(told(1).unwrap().name, "node-a");
    assert_eq!(told(2), node("node-b").map(|node| node.told(&Names::Plain)));
    assert_eq!(told(3), node("node-b").map(|node| node.told(&ledger.names())));
    assert!(told(3).unwrap().name_hashed);
    assert_eq!((told(4), ledger.cluster()), (None, None));
}

#[test]
fn a_receipted_report_waits_no_more_and_a_parked_one_hinders_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(dir.path());
    write(&mut ledger, 0..100);
    let receipt = Fate::Receipted { receipt: vec![1], received_at: 7 };
    let kept = Kept { timeline: "{}".to_owned(), seal: vec![9; 64] };
    ledger.settle(&[(1, receipt.clone()), (2, Fate::Parked { why: "no".to_owned() })], Some(&kept)).unwrap();
    assert_eq!(sequences(&ledger), [3, 4]);
    drop(ledger);
    let mut ledger = open(dir.path());
    assert_eq!(ledger.report(1).unwrap().unwrap().fate, receipt);
    assert_eq!(ledger.kept().unwrap(), [kept.clone(), kept], "in the ledger and in the file beside it");
    let counts = ledger.outbox_counts().unwrap();
    assert_eq!((counts.pending, counts.parked, counts.receipted), (2, 1, 1));
    assert_eq!(ledger.oldest_pending_until().unwrap(), Some((FIRST + 72) * HOUR));
    assert_eq!(ledger.unpark().unwrap(), 1);
    assert_eq!(sequences(&ledger), [2, 3, 4]);
}

#[test]
fn what_waits_is_found_by_an_index() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    for query in super::outbox::outbox_statements() {
        let plan: Vec<String> = ledger
            .connection
            .prepare(&format!("EXPLAIN QUERY PLAN {query}"))
            .unwrap()
            .query_map([], |row| row.get(3))
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap();
        assert!(plan.iter().all(|step| step.contains("USING INDEX outbox_waiting")), "{query}: {plan:?}");
    }
}

#[test]
fn a_batch_is_bounded_in_reports_and_in_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(dir.path());
    write(&mut ledger, 0..24 * 6);
    assert_eq!(ledger.pending(4, usize::MAX).unwrap().len(), 4);
    let one = ledger.report(1).unwrap().unwrap().payload.len();
    assert_eq!(ledger.pending(100, one * 5 / 2).unwrap().len(), 2);
    assert_eq!(ledger.pending(100, 1).unwrap().len(), 1, "one that is longer goes alone");
}

/// What becomes of the files between two runs of the agent, and which report the next day then makes.
#[test]
fn reports_are_numbered_on_whatever_becomes_of_the_ledger() {
    type Harm = fn(&Path, &Path);
    let cases: [(&str, Harm, bool); 4] = [
        ("the ledger was removed", |dir, _| remove(dir), true),
        (
            "the ledger was damaged",
            |dir, _| {
                std::fs::write(dir.join("ledger.db"), b"SQLite format 3\0 and then nothing of it").unwrap();
                let _ = std::fs::remove_file(dir.join("ledger.db-wal"));
            },
            true,
        ),
        (
            "the ledger was put back to an older state",
            |dir, older| {
                remove(dir);
                std::fs::copy(older, dir.join("ledger.db")).unwrap();
            },
            false,
        ),
        (
            "the file beside it was removed",
            |dir, _| std::fs::remove_file(dir.join("instance.json")).unwrap(),
            false,
        ),
    ];
    for (what, harm, is_told) in cases {
        let dir = tempfile::tempdir().unwrap();
        let older = dir.path().join("older.db");
        let mut ledger = open(dir.path());
        write(&mut ledger, 0..48);
        let (instance, first_start) = (ledger.instance().to_owned(), ledger.first_start());
        ledger.seal().unwrap();
        drop(ledger);
        std::fs::copy(dir.path().join("ledger.db"), &older).unwrap();
        let mut ledger = open(dir.path());
        write(&mut ledger, 48..100);
        let fourth = ledger.report(4).unwrap().unwrap().digest;
        drop(ledger);
        harm(dir.path(), &older);
        let mut ledger = open(dir.path());
        assert_eq!((ledger.instance(), ledger.first_start()), (&*instance, first_start), "{what}");
        let made = write(&mut ledger, 100..121);
        assert_eq!(made.last(), Some(&(4 + made.len() as u64)), "{what}");
        let fifth = report::read(&ledger.report(5).unwrap().unwrap().payload).unwrap();
        assert_eq!(fifth.previous, fourth.0, "{what}");
        assert_eq!(!fifth.damaged.is_empty(), is_told, "{what}: {:?}", fifth.damaged);
    }
}

fn remove(dir: &Path) {
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        let _ = std::fs::remove_file(dir.join(name));
    }
}

#[test]
fn another_instances_file_beside_the_ledger_is_not_believed() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut ledger = open(one.path());
    write(&mut ledger, 0..100);
    drop(ledger);
    let instance = open(other.path()).instance().to_owned();
    std::fs::copy(one.path().join("instance.json"), other.path().join("instance.json")).unwrap();
    let mut ledger = open(other.path());
    assert_eq!(ledger.instance(), instance);
    assert_eq!(write(&mut ledger, 0..24), [1]);
    assert_eq!(Mirror::load(ledger.path()).unwrap().unwrap().instance, instance);
}

#[test]
fn hashed_names_stay_the_same_over_a_lost_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Ledger::open(dir.path(), plan(true)).unwrap().ledger;
    let mut ledger = open();
    write(&mut ledger, 0..24);
    let names = ledger.names();
    let payload = ledger.report(1).unwrap().unwrap().payload;
    assert!(!String::from_utf8_lossy(&payload).contains("customer"));
    drop(ledger);
    remove(dir.path());
    assert_eq!(open().names(), names);
}
