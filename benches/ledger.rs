//! The ledger's work beside a floor, in one run: `cargo bench --bench ledger`.
//!
//! The floor of an append is a bare INSERT of as many bytes into SQLite, in WAL mode with a sync each; the floor of reading is a
//! bare walk over the same rows. Only the ratios say something: machines differ.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench reads the clock, prints, and ends where something fails"
)]

use highwater::ledger::{Fate, Ledger, Plan};
use highwater::uplink::{Enrolment, Identity};
use highwater_proto::v1::{Grant, Kind, Terms};
use highwater_rules::day::Calendar;
use highwater_rules::meter::{CountRule, Meter, Series};
use highwater_rules::receipt::Joined;
use highwater_rules::record::{Counters, Directions, Entry, Mark, Reading, SlotRecord};
use highwater_rules::sign;
use highwater_rules::slot::{Slot, SlotLength};
use prost::Message as _;
use rusqlite::{Connection, params};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const RING_SLOTS: i64 = 34_560;
const SERIES: u64 = 10;
const APPENDS: i64 = 2_000;
/// A grace period's reports.
const EXPORT_DAYS: usize = 90;
/// What carrying by hand may take of an operator's time, on any machine.
const EXPORT_MAX: Duration = Duration::from_secs(1);
/// 2026-07-25T00:00:00Z, in five-minute slots.
const FIRST_SLOT: i64 = 1_784_937_600 / 300;

fn plan() -> Plan {
    Plan {
        length: SlotLength::default(),
        retention_s: 120 * 86_400,
        calendar: Calendar::utc(),
        hash_names: false,
        node: None,
    }
}

fn record(slot: i64) -> SlotRecord {
    let wall_ms = (slot + 1) * 300_000;
    let n = slot.unsigned_abs();
    let entries = (0..SERIES)
        .map(|i| {
            let counters =
                Counters { first: n * 1_000_003 * (i + 1), second: Some(n * 7_919), incarnation: 0 };
            let rx = (n.wrapping_mul(2_654_435_761).wrapping_add(i) % 1_000_000) as f64 / 7.0;
            Entry {
                series: Series::new(Meter::NetworkThroughput, format!("eth{i}")),
                outcome: Ok(Reading::directed(Directions { rx, tx: rx / 3.0, rule: CountRule::Max })),
                counters: Some(counters),
            }
        })
        .collect();
    let taken = Mark { wall_ms, mono_ms: wall_ms, boot_ms: wall_ms, boot_id: "bench".into() };
    SlotRecord {
        slot: Slot(slot),
        length: SlotLength::default(),
        taken,
        clock_step_ms: 0,
        missed: vec![],
        entries,
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let done = work();
    (start.elapsed(), done)
}

/// Each append with a close of the day after its last slot, as the agent does.
fn append(ledger: &mut Ledger, from: i64, to: i64) {
    for slot in from..to {
        ledger.append(&record(slot), &[]).unwrap();
        if (slot + 1) % 288 == 0 {
            ledger.close_days((slot + 1) * 300).unwrap();
        }
    }
}

fn floor_append(dir: &Path, rows: i64) {
    let db = Connection::open(dir.join("floor.db")).unwrap();
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB)")
        .unwrap();
    let bytes = vec![7_u8; 130 + 75 * usize::try_from(SERIES).unwrap()];
    for id in 0..rows {
        db.prepare_cached("INSERT INTO t VALUES (?1, ?2)").unwrap().execute(params![id, bytes]).unwrap();
    }
}

fn floor_walk(path: &Path) -> i64 {
    let db = Connection::open(path).unwrap();
    db.query_row("SELECT count(value) + count(counter) + count(digest) FROM ring", [], |row| row.get(0))
        .unwrap()
}

fn command(state: &Path, arguments: &[&str]) -> Duration {
    let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
    let (took, output) = timed(|| command.arg("--state-dir").arg(state).args(arguments).output().unwrap());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    took
}

/// Joins a central of the bench's own, as files that are carried would.
fn join(ledger: &Ledger, state: &Path) {
    let central = sign::Identity::from_seed(&[1; 32]);
    let identity = Identity::create(state).unwrap();
    let grant = Grant {
        instance: ledger.instance().to_owned(),
        identity: ledger.instance().to_owned(),
        public_key: identity.public().bytes().to_vec(),
        activated_at: FIRST_SLOT * 300,
        terms: Some(Terms { contract: "bench".into(), contract_end: 0, grace_s: 7_776_000 }),
        ..Grant::default()
    };
    let envelope = central.seal(Kind::Grant, grant.encode_to_vec()).encode_to_vec();
    let joined = Joined { grant, envelope, key: central.public() };
    Enrolment::new(None, None, &central.public(), &[], joined).unwrap().store(state).unwrap();
}

/// A quarter's reports, read bare and into a bundle.
fn export(mut ledger: Ledger, state: &Path) {
    join(&ledger, state);
    let older = ledger.entries().unwrap().len() - EXPORT_DAYS;
    let had = || Fate::Receipted { receipt: vec![1], received_at: 0 };
    let fates: Vec<_> = ledger.entries().unwrap().iter().take(older).map(|e| (e.sequence, had())).collect();
    ledger.settle(&fates, None).unwrap();
    drop(ledger);
    let (bare, read) = timed(|| {
        let db = Connection::open(state.join("ledger.db")).unwrap();
        let mut rows =
            db.prepare("SELECT payload FROM outbox WHERE state = 'pending' ORDER BY sequence").unwrap();
        let read: Vec<Vec<u8>> = rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        read.len()
    });
    assert_eq!(read, EXPORT_DAYS);
    let file = state.join("out.hwb");
    let took = command(state, &["export", "-o", file.to_str().unwrap()]);
    println!(
        "export of {EXPORT_DAYS} days      {took:>8.1?}, {:>5.1} x reading the same rows bare; {} KiB",
        ratio(took, bare),
        file.metadata().unwrap().len() / 1024
    );
    assert!(took < EXPORT_MAX, "an export of {EXPORT_DAYS} days took {took:?}");
}

fn main() {
    // On a file system in memory where there is one, so that the figures are of the work and not of a disk.
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let (floor, ()) = timed(|| floor_append(dir.path(), APPENDS));
    let state = dir.path().join("state");
    let mut ledger = Ledger::open(&state, plan()).unwrap().ledger;
    let (ours, ()) = timed(|| append(&mut ledger, FIRST_SLOT, FIRST_SLOT + APPENDS));
    println!(
        "append, {SERIES} series: {:>8.1?} a slot, {:>5.2} x the floor",
        ours / 2000,
        ratio(ours, floor)
    );
    append(&mut ledger, FIRST_SLOT + APPENDS, FIRST_SLOT + RING_SLOTS);
    let (walk, _) = timed(|| floor_walk(ledger.path()));
    let (days, _) = timed(|| {
        let row = ledger.days("", "~").unwrap().remove(60);
        let day = Calendar::utc().day_at(row.starts);
        ledger.summary(&day, row.first_seq, row.last_seq.unwrap(), day.end, SlotLength::default()).unwrap()
    });
    println!("one day's summary:  {days:>8.1?}, {:>5.2} x a bare walk over the ring", ratio(days, walk));
    let size = ledger.path().metadata().unwrap().len();
    drop(ledger);
    println!("a full ring of {RING_SLOTS} slots x {SERIES} series: {} KiB", size / 1024);
    for (name, arguments) in [
        ("peaks", &["peaks", "--from", "2026-07-01", "--json"][..]),
        ("peaks with sparklines", &["peaks", "--from", "2026-07-01"][..]),
        ("status", &["status"][..]),
        ("verify", &["verify"][..]),
    ] {
        let took = command(&state, arguments);
        println!("{name:<22} {took:>8.1?}, {:>5.2} x a bare walk over the ring", ratio(took, walk));
    }
    export(Ledger::open(&state, plan()).unwrap().ledger, &state);
}

fn ratio(ours: Duration, floor: Duration) -> f64 {
    ours.as_secs_f64() / floor.as_secs_f64()
}
