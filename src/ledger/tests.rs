//! The ledger against a model, and the promises that only its own connection can show.

use super::*;
use highwater_rules::chain;
use highwater_rules::meter::{CountRule, GapReason, Meter, Series};
use highwater_rules::peaks::{DayFold, DaySlot, DaySummary};
use highwater_rules::record::{Counters, Directions, Entry, Mark, Missed, Reading, SlotRecord};
use highwater_rules::slot::Slot;
use proptest::prelude::*;

const HOUR: u64 = 3600;
/// 2026-11-20T00:00:00Z, as an hour.
const FIRST_HOUR: i64 = 1_795_132_800 / 3600;

fn plan(slots: u64) -> Plan {
    let length = SlotLength::new(HOUR).unwrap();
    Plan { length, retention_s: slots * HOUR, calendar: Calendar::utc(), hash_names: false, node: None }
}

fn open(dir: &Path, slots: u64) -> Ledger {
    let opened = Ledger::open(dir, plan(slots)).unwrap();
    assert!(opened.moved_aside.is_none());
    opened.ledger
}

fn record(hour: i64, value: Result<f64, GapReason>) -> SlotRecord {
    record_of(SlotLength::new(HOUR).unwrap(), hour, value)
}

fn record_of(length: SlotLength, slot: i64, value: Result<f64, GapReason>) -> SlotRecord {
    let wall_ms = Slot(slot).end(length) * 1000;
    let counters = Counters { first: slot.unsigned_abs() * 1_000_003, second: Some(7), incarnation: 0 };
    let directions = |rx| Directions { rx, tx: 0.5, rule: CountRule::Max };
    SlotRecord {
        slot: Slot(slot),
        length,
        taken: Mark { wall_ms, mono_ms: wall_ms - 5, boot_ms: wall_ms, boot_id: "boot".into() },
        clock_step_ms: 0,
        missed: Vec::new(),
        entries: vec![
            Entry {
                series: Series::new(Meter::RamCapacity, "host"),
                outcome: Ok(Reading::plain(64.0)),
                counters: None,
            },
            Entry {
                series: Series::new(Meter::NetworkThroughput, "eth0"),
                outcome: value.map(|v| Reading::directed(directions(v))),
                counters: Some(counters),
            },
        ],
    }
}

/// Writes a record as the agent does: what has ended is closed at once.
fn written(ledger: &mut Ledger, record: &SlotRecord) -> Digest {
    let digest = ledger.append(record, &[]).unwrap();
    ledger.close_days(record.at()).unwrap();
    digest
}

fn page_count(ledger: &Ledger) -> i64 {
    ledger.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap()
}

#[test]
fn what_was_written_is_read_back_to_the_bit() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(dir.path(), 100);
    let mut odd = record(FIRST_HOUR, Ok(0.1 + 0.2));
    odd.entries[1].counters =
        Some(Counters { first: u64::MAX, second: Some(1 << 63), incarnation: u64::MAX });
    odd.missed = vec![Missed { first: Slot(1), last: Slot(9), reason: GapReason::HostDown }];
    odd.clock_step_ms = -1;
    ledger.append(&odd, &[]).unwrap();
    assert_eq!(ledger.last().unwrap().unwrap().record, odd);
    drop(ledger);
    assert_eq!(open(dir.path(), 100).last().unwrap().unwrap().record, odd);
}

#[test]
fn closing_a_day_touches_only_its_own_rows() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(dir.path(), 24 * 30);
    for hour in 0..24 * 10 {
        ledger.append(&record(FIRST_HOUR + hour, Ok(1.0)), &[]).unwrap();
        ledger.close_days((FIRST_HOUR + hour + 1) * 3600).unwrap();
    }
    for sql in read::day_statements() {
        let mut explain = ledger.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps: Vec<String> = {
            let bounds = vec![1; explain.parameter_count()];
            explain.query_map(rusqlite::params_from_iter(bounds), |row| row.get(3)).unwrap()
        }
        .map(Result::unwrap)
        .collect();
        assert!(
            steps.iter().all(|s| s.starts_with("SEARCH") || s.starts_with("USE TEMP B-TREE")),
            "{sql} is done by {steps:?}"
        );
    }
    // And counted: the statements that a day's summary runs step over its own rows only.
    let row = ledger.days("2026-11-22", "2026-11-22").unwrap().remove(0);
    let mut rows = 0;
    ledger
        .visit(row.first_seq, row.last_seq.unwrap(), |_| {
            rows += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(rows, 24);
}

#[test]
fn a_ring_that_has_gone_round_stops_growing() {
    let dir = tempfile::tempdir().unwrap();
    // All within a day: each day adds its own peaks, which are kept for three years.
    let length = SlotLength::new(1).unwrap();
    let plan = Plan { length, retention_s: 600, calendar: Calendar::utc(), hash_names: false, node: None };
    let mut ledger = Ledger::open(dir.path(), plan).unwrap().ledger;
    let mut sizes = Vec::new();
    let mut random = 12_345_u64;
    for second in 0..600 * 5 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let value = match random >> 60 {
            0 => Err(GapReason::SourceFailed),
            1..6 => Ok(0.0),
            _ => Ok((random >> 20) as f64 / 7.0),
        };
        ledger.append(&record_of(length, FIRST_HOUR * 3600 + second, value), &[]).unwrap();
        if (second + 1) % 600 == 0 {
            sizes.push(page_count(&ledger));
        }
    }
    assert!(sizes.iter().all(|s| *s == sizes[0]), "pages after each round: {sizes:?}");
    assert_eq!(ledger.verify().unwrap().first_bad, None);
    assert_eq!(ledger.verify().unwrap().slots, 600);
}

#[test]
fn another_retention_keeps_the_chain_and_what_is_not_too_old() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(dir.path(), 48);
    for hour in 0..40 {
        written(&mut ledger, &record(FIRST_HOUR + hour, Ok(1.0)));
    }
    for slots in [72, 24] {
        ledger.follow(plan(slots)).unwrap();
        for _ in 0..3 {
            let next = ledger.last().unwrap().unwrap().record.slot.0 + 1;
            written(&mut ledger, &record(next, Ok(2.0)));
        }
        assert_eq!(ledger.verify().unwrap().first_bad, None);
    }
    assert_eq!(ledger.verify().unwrap().slots, 46);
    // A day on, the rings of the earlier retentions have outlived the new one.
    for _ in 0..30 {
        let next = ledger.last().unwrap().unwrap().record.slot.0 + 1;
        written(&mut ledger, &record(next, Ok(3.0)));
    }
    let verdict = ledger.verify().unwrap();
    assert_eq!((verdict.first_bad, verdict.slots), (None, 24));
    drop(ledger);
    assert_eq!(open(dir.path(), 24).verify().unwrap().first_bad, None);
}

#[test]
fn days_without_a_single_slot_are_closed_as_missed_but_days_a_clock_jumped_over_are_not() {
    for (reason, days) in [(GapReason::HostDown, 5), (GapReason::ClockJump, 2)] {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = open(dir.path(), 24 * 30);
        for hour in 0..12 {
            ledger.append(&record(FIRST_HOUR + hour, Ok(1.0)), &[]).unwrap();
        }
        let late = FIRST_HOUR + 24 * 4 + 5;
        let mut after = record(late, Ok(2.0));
        after.missed = vec![Missed { first: Slot(FIRST_HOUR + 12), last: Slot(late - 1), reason }];
        ledger.append(&after, &[]).unwrap();
        let closed = ledger.close_days((late + 1) * 3600).unwrap();
        assert_eq!(closed.len() + 1, days, "{reason}");
        assert_eq!(closed[0].summary.coverage.read, 12);
        assert_eq!(closed[0].summary.coverage.missed(reason), 12);
        for absent in &closed[1..] {
            assert_eq!(absent.summary.coverage.missed(reason), 24);
        }
        assert_eq!(ledger.verify().unwrap().first_bad, None);
    }
}

#[test]
fn a_clock_ten_years_ahead_forgets_no_day() {
    for reason in [GapReason::ClockJump, GapReason::HostDown] {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = open(dir.path(), 24 * 30);
        for hour in 0..50 {
            written(&mut ledger, &record(FIRST_HOUR + hour, Ok(1.0)));
        }
        let ahead = FIRST_HOUR + 24 * 3653;
        let mut blip = record(ahead, Ok(1.0));
        blip.missed = vec![Missed { first: Slot(FIRST_HOUR + 50), last: Slot(ahead - 1), reason }];
        written(&mut ledger, &blip);
        let first = ledger.days("2026-11-20", "2026-11-20").unwrap().remove(0);
        assert_eq!(ledger.peaks(&first).unwrap().len(), 4, "{reason}");
        assert_eq!(ledger.verify().unwrap().first_bad, None);
    }
}

#[test]
fn a_day_of_a_new_time_zone_holds_the_slots_read_under_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(dir.path(), 24 * 30);
    for hour in 0..10 {
        written(&mut ledger, &record(FIRST_HOUR + hour, Ok(1.0)));
    }
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let length = SlotLength::new(HOUR).unwrap();
    let calendar = Calendar::new("Europe/Berlin", zone, length, FIRST_HOUR * 3600).unwrap();
    ledger.follow(Plan { calendar, ..plan(24 * 30) }).unwrap();
    for hour in 10..23 {
        written(&mut ledger, &record(FIRST_HOUR + hour, Ok(2.0)));
    }
    let days = ledger.days("", "~").unwrap();
    let told: Vec<_> =
        days.iter().map(|d| (d.time_zone.as_str(), d.coverage.read, d.coverage.expected())).collect();
    // Berlin's day began at 23:00 UTC of the day before, an hour before the first slot.
    assert_eq!(told, [("Europe/Berlin", 23, 24), ("UTC", 10, 10)]);
    assert_eq!(ledger.verify().unwrap().first_bad, None);
}

#[test]
fn a_clock_set_back_into_a_closed_day_opens_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(dir.path(), 24 * 30);
    for hour in 0..10 {
        ledger.append(&record(FIRST_HOUR + hour, Ok(1.0)), &[]).unwrap();
    }
    // Two days ahead for one slot, then back.
    ledger.append(&record(FIRST_HOUR + 58, Ok(9.0)), &[]).unwrap();
    assert_eq!(ledger.close_days((FIRST_HOUR + 59) * 3600).unwrap().len(), 2);
    for hour in 10..24 {
        ledger.append(&record(FIRST_HOUR + hour, Ok(if hour == 12 { 5.0 } else { 1.0 })), &[]).unwrap();
    }
    let closed = ledger.close_days((FIRST_HOUR + 24) * 3600).unwrap();
    assert_eq!((closed.len(), closed[0].revision), (1, 2));
    assert_eq!(closed[0].summary.coverage.read, 24);
    let network = closed[0].summary.series.iter().find(|s| s.series.subject == "eth0").unwrap();
    assert_eq!(network.peak.unwrap().reading.value, 5.0);
    assert_eq!(ledger.verify().unwrap().first_bad, None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Random actions against a model in memory: what is read back, the digests, and the days' summaries are the model's.
    #[test]
    fn the_ledger_does_as_a_model_in_memory(
        capacity in 3u64..40,
        actions in proptest::collection::vec((0u8..12, 0i64..6, 0.0f64..1e9), 1..60),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = open(dir.path(), capacity);
        let mut model: Vec<SlotRecord> = Vec::new();
        let mut digest = chain::genesis(ledger.instance(), ledger.first_start());
        let mut hour = FIRST_HOUR;
        for (action, skip, value) in actions {
            if action == 0 {
                // The agent is started again.
                drop(ledger);
                ledger = open(dir.path(), capacity);
            }
            let mut next = record(hour + skip, if action == 1 { Err(GapReason::CounterReset) } else { Ok(value) });
            if skip > 0 {
                next.missed = vec![Missed { first: Slot(hour), last: Slot(hour + skip - 1), reason: GapReason::AgentDown }];
            }
            hour += skip + 1;
            digest = chain::digest(&digest, &next);
            prop_assert_eq!(written(&mut ledger, &next), digest);
            model.push(next);
        }
        let kept = &model[model.len().saturating_sub(usize::try_from(capacity).unwrap())..];
        let mut read = Vec::new();
        ledger.visit(i64::MIN, i64::MAX, |slot| { read.push(slot.record); Ok(()) }).unwrap();
        prop_assert_eq!(&read, kept);
        prop_assert_eq!(ledger.verify().unwrap().first_bad, None);
        let day = Calendar::utc().day_at(kept[kept.len() - 1].slot.start(plan(1).length));
        let summary = ledger.summary(&day, 0, i64::MAX, day.end, plan(1).length).unwrap();
        prop_assert_eq!(summary, model_summary(&day, kept));
    }
}

fn model_summary(day: &BillingDay, records: &[SlotRecord]) -> DaySummary {
    let length = plan(1).length;
    let outages: Vec<_> = records
        .iter()
        .flat_map(|r| &r.missed)
        .map(|m| highwater_rules::coverage::Outage {
            from: m.first.start(length),
            to: m.last.end(length),
            reason: m.reason,
        })
        .collect();
    let mut fold = DayFold::new(day.clone(), length, &outages);
    for record in records.iter().filter(|r| day.holds(r.slot, r.length)) {
        fold.add(DaySlot { start: record.slot.start(length), length, entries: &record.entries });
    }
    fold.finish(day.end)
}

#[test]
fn notes_go_with_their_record_and_outlast_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let note = |source: &str, text: &str| (source.to_owned(), text.to_owned());
    let mut ledger = open(dir.path(), 100);
    ledger.append(&record(FIRST_HOUR, Ok(1.0)), &[note("ssl/a", "one"), note("ssl/b", "x")]).unwrap();
    ledger.append(&record(FIRST_HOUR + 1, Ok(1.0)), &[note("ssl/a", "two")]).unwrap();
    // A record that can't be written takes its notes with it.
    ledger
        .connection
        .execute_batch("CREATE TRIGGER no BEFORE INSERT ON ring BEGIN SELECT raise(ABORT, 'no'); END")
        .unwrap();
    assert!(ledger.append(&record(FIRST_HOUR + 2, Ok(1.0)), &[note("ssl/a", "three")]).is_err());
    ledger.connection.execute_batch("DROP TRIGGER no").unwrap();
    assert_eq!(ledger.notes().unwrap(), [note("ssl/a", "two"), note("ssl/b", "x")]);
    drop(ledger);
    let ledger = open(dir.path(), 100);
    ledger.drop_notes_but(&["ssl/a", "ram"]).unwrap();
    assert_eq!(ledger.notes().unwrap(), [note("ssl/a", "two")]);
    assert!(ledger.kept().unwrap().is_empty(), "a note is nothing else of the ledger's state");
}

#[test]
fn a_note_that_stays_as_it_is_costs_no_write() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(dir.path(), 100);
    let notes = [("ssl/a".to_owned(), "same".to_owned())];
    let mut changes = Vec::new();
    for hour in 0..3 {
        let before = ledger.connection.total_changes();
        let with = if hour == 2 { &[][..] } else { &notes[..] };
        ledger.append(&record(FIRST_HOUR + hour, Ok(1.0)), with).unwrap();
        changes.push(ledger.connection.total_changes() - before);
    }
    assert_eq!(changes[1], changes[2], "{changes:?}");
}
