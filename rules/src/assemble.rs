//! Assembling a slot's record from what the sources saw and from the record before it.

use crate::figure::{Before, Observation, entry};
use crate::meter::{GapReason, Series};
use crate::record::{Entry, Mark, Missed, SlotRecord};
use crate::slot::{Slot, SlotLength};
use crate::timeline;

/// The slot that is due for a sample: the last one that has ended, if it ended not longer than half a slot ago. A sample taken
/// later would say nothing of the slot's end.
#[must_use]
pub fn due(now: &Mark, length: SlotLength) -> Option<Slot> {
    let slot = length.ended_by(now.wall_ms);
    let late_ms = now.wall_ms.saturating_sub(slot.end(length).saturating_mul(1000));
    (late_ms <= length.millis() / 2).then_some(slot)
}

/// Whether a slot follows the record before it without a hole.
#[must_use]
pub fn follows(before: &SlotRecord, slot: Slot, length: SlotLength) -> bool {
    before.at() == slot.start(length)
}

/// The record of `slot`, read at `now`.
///
/// `seen` is what the sources saw; `missing` are the series that a source should have given and did not. `before` is the record
/// written last, `resumed_after` the end of the last slot written before this one in time, in unix seconds: another than
/// `before`'s where the clock was set back.
#[must_use]
pub fn record(
    before: Option<&SlotRecord>,
    resumed_after: Option<i64>,
    slot: Slot,
    length: SlotLength,
    now: Mark,
    seen: Vec<Observation>,
    missing: &[Series],
) -> SlotRecord {
    let missed = before.map_or_else(Vec::new, |b| missed(b, resumed_after, slot, length, &now));
    let follows = before.is_some_and(|b| follows(b, slot, length));
    let counted = match before {
        None => Err(GapReason::AgentDown),
        Some(before) => match timeline::counted_ms(&before.taken, &now, length) {
            Ok(ms) if follows => Ok(ms),
            // Its start was not read: it is missed for the reason of the slots before it.
            Ok(_) => Err(missed.last().map_or(GapReason::ClockJump, |m| m.reason)),
            Err(reason) => Err(missed.last().map_or(reason, |m| m.reason.min(reason))),
        },
    };
    let known = |series: &Series| match before.and_then(|b| b.entries.iter().find(|e| e.series == *series)) {
        Some(Entry { counters: Some(counters), .. }) => Before::Counters(*counters),
        Some(Entry { outcome: Err(reason), .. }) => Before::Gap(*reason),
        Some(_) | None => Before::Nothing,
    };
    let gaps = missing.iter().map(|series| Entry {
        series: series.clone(),
        outcome: Err(GapReason::SourceFailed),
        counters: None,
    });
    let mut entries: Vec<Entry> = seen
        .into_iter()
        .map(|o| {
            let before = known(&o.series);
            entry(o, before, counted, follows)
        })
        .chain(gaps)
        .collect();
    entries.sort_by(|a, b| a.series.cmp(&b.series));
    // A series is said once: what was seen stands before the gap of a source that gave it up.
    entries.dedup_by(|later, first| later.series == first.series);
    let clock_step_ms =
        before.and_then(|b| timeline::passed(&b.taken, &now, length)).map_or(0, |p| p.step_ms);
    SlotRecord { slot, length, taken: now, clock_step_ms, missed, entries }
}

fn missed(
    before: &SlotRecord,
    resumed_after: Option<i64>,
    slot: Slot,
    length: SlotLength,
    now: &Mark,
) -> Vec<Missed> {
    let set_back = before.at() > slot.start(length);
    // A clock that was set back earlier runs into slots that were written before that: they are not missed.
    let after = match resumed_after {
        Some(after) if set_back || after > before.at() => after,
        None if set_back => i64::MAX,
        _ => before.at(),
    };
    // The first slot that begins at or after the last one written ended.
    let first = Slot(-((-after).div_euclid(length.seconds())));
    if first >= slot {
        return Vec::new();
    }
    if set_back {
        return vec![Missed { first, last: slot.previous(), reason: GapReason::ClockJump }];
    }
    timeline::missed(&before.taken, now, first, slot.previous(), length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Figure;
    use crate::meter::{CountRule, Meter};
    use crate::record::Counters;
    use proptest::prelude::*;

    fn five() -> SlotLength {
        SlotLength::default()
    }

    /// The clocks at a slot's end, `late_ms` after it, for a host that booted `boot_at` (unix seconds).
    fn mark(slot: i64, late_ms: i64, boot_at: i64, boot_id: &str) -> Mark {
        let wall_ms = (slot + 1) * 300_000 + late_ms;
        let up = wall_ms - boot_at * 1000;
        Mark { wall_ms, mono_ms: up, boot_ms: up, boot_id: boot_id.into() }
    }

    fn seen(bytes: u64) -> Vec<Observation> {
        let counters = Counters { first: bytes, second: Some(0), incarnation: 0 };
        vec![
            Observation { series: Series::new(Meter::RamCapacity, "host"), figure: Figure::Gauge(64.0) },
            Observation {
                series: Series::new(Meter::NetworkThroughput, "eth0"),
                figure: Figure::Traffic(counters, CountRule::Max),
            },
        ]
    }

    fn eth0(record: &SlotRecord) -> Result<f64, GapReason> {
        let entry = record.entries.iter().find(|e| e.series.subject == "eth0").unwrap();
        entry.outcome.map(|r| r.value)
    }

    fn first() -> SlotRecord {
        record(None, None, Slot(1000), five(), mark(1000, 5, 0, "a"), seen(1_000_000), &[])
    }

    #[test]
    fn the_first_slot_has_the_gauge_but_no_rate() {
        let first = first();
        assert_eq!(eth0(&first), Err(GapReason::AgentDown));
        assert_eq!(first.entries[0].outcome.unwrap().value, 64.0);
        assert!(first.missed.is_empty());
    }

    #[test]
    fn a_slot_after_the_first_has_both() {
        let now = mark(1001, 5, 0, "a");
        let next = record(Some(&first()), None, Slot(1001), five(), now, seen(1_000_000 + 37_500), &[]);
        assert_eq!(eth0(&next), Ok(1000.0));
        assert_eq!(next.gap(), None);
    }

    #[test]
    fn an_agent_that_was_away_says_which_slots_it_missed() {
        let now = mark(1011, 5, 0, "a");
        let next = record(Some(&first()), None, Slot(1011), five(), now, seen(2_000_000), &[]);
        let run = Missed { first: Slot(1001), last: Slot(1010), reason: GapReason::AgentDown };
        assert_eq!(next.missed, vec![run]);
        assert_eq!(eth0(&next), Err(GapReason::AgentDown));
        let after =
            record(Some(&next), None, Slot(1012), five(), mark(1012, 5, 0, "a"), seen(2_037_500), &[]);
        assert_eq!(eth0(&after), Ok(1000.0));
    }

    #[test]
    fn a_reboot_within_a_slot_is_a_gap_and_never_a_spike() {
        let now = mark(1001, 5, 1001 * 300 + 100, "b");
        let next = record(Some(&first()), None, Slot(1001), five(), now, seen(9_000_000_000), &[]);
        assert_eq!(eth0(&next), Err(GapReason::HostDown));
        assert!(next.missed.is_empty());
    }

    #[test]
    fn a_clock_set_forward_or_back_is_told_and_gone_past() {
        // Forward by an hour: twelve slots never were.
        let forward = Mark { wall_ms: 1_013 * 300_000 + 300_005, ..mark(1001, 5, 0, "a") };
        let jumped = record(Some(&first()), None, Slot(1013), five(), forward, seen(2_000_000), &[]);
        assert_eq!(
            jumped.missed,
            vec![Missed { first: Slot(1001), last: Slot(1012), reason: GapReason::ClockJump }]
        );
        assert_eq!((eth0(&jumped), jumped.clock_step_ms), (Err(GapReason::ClockJump), 3_600_000));
        // Back again: the last slot written in time was 1000; 1001 is lost to the two steps.
        let back = mark(1002, 5, 0, "a");
        let next = record(Some(&jumped), Some(1001 * 300), Slot(1002), five(), back, seen(3_000_000), &[]);
        assert_eq!(
            next.missed,
            vec![Missed { first: Slot(1001), last: Slot(1001), reason: GapReason::ClockJump }]
        );
        assert_eq!((eth0(&next), next.clock_step_ms), (Err(GapReason::ClockJump), -3_600_000));
        let after =
            record(Some(&next), None, Slot(1003), five(), mark(1003, 5, 0, "a"), seen(3_037_500), &[]);
        assert_eq!((eth0(&after), after.clock_step_ms), (Ok(1000.0), 0));
    }

    #[test]
    fn slots_written_before_the_clock_was_set_back_are_not_missed_when_it_comes_to_them_again() {
        // 1000 was written after 1001 and 1002: the next to be read is 1003.
        let now = mark(1003, 5, 0, "a");
        let next = record(Some(&first()), Some(1003 * 300), Slot(1003), five(), now, seen(2_000_000), &[]);
        assert_eq!(next.missed, vec![]);
        assert!(eth0(&next).is_err(), "no rate spans what other rows tell");
    }

    #[test]
    fn a_source_that_failed_is_a_gap_until_two_readings_stand_side_by_side() {
        let series = [Series::new(Meter::NetworkThroughput, "eth0"), Series::new(Meter::RamCapacity, "host")];
        let failed = record(Some(&first()), None, Slot(1001), five(), mark(1001, 5, 0, "a"), vec![], &series);
        assert_eq!(failed.gap(), Some(GapReason::SourceFailed));
        let back =
            record(Some(&failed), None, Slot(1002), five(), mark(1002, 5, 0, "a"), seen(5_000_000), &[]);
        assert_eq!(eth0(&back), Err(GapReason::SourceFailed));
        let after =
            record(Some(&back), None, Slot(1003), five(), mark(1003, 5, 0, "a"), seen(5_037_500), &[]);
        assert_eq!(eth0(&after), Ok(1000.0));
    }

    #[test]
    fn a_sample_is_due_for_half_a_slot_after_its_end() {
        for (late_ms, expect) in
            [(0, Some(Slot(7))), (150_000, Some(Slot(7))), (150_001, None), (299_999, None)]
        {
            assert_eq!(due(&mark(7, late_ms, 0, "a"), five()), expect, "{late_ms} ms late");
        }
    }

    proptest! {
        #[test]
        fn no_pair_of_marks_and_counters_makes_a_rate_above_what_passed(
            wall in 0i64..4_000_000_000_000, mono in 0i64..4_000_000_000, bytes in any::<u64>(), same_boot in any::<bool>(),
        ) {
            let first = first();
            let id = if same_boot { "a" } else { "b" };
            let now = Mark { wall_ms: wall, mono_ms: mono, boot_ms: mono, boot_id: id.into() };
            if let Some(slot) = due(&now, five()) {
                let next = record(Some(&first), Some(first.at()), slot, five(), now.clone(), seen(bytes), &[]);
                if let Ok(rate) = eth0(&next) {
                    prop_assert!(same_boot && bytes >= 1_000_000);
                    let ms = (now.mono_ms - first.taken.mono_ms) as f64;
                    prop_assert!((150_000.0..=450_000.0).contains(&ms));
                    prop_assert!(rate <= (bytes - 1_000_000) as f64 * 8000.0 / ms * 1.000_001);
                }
                for run in &next.missed {
                    prop_assert!(run.first <= run.last && run.last < slot);
                }
            }
        }
    }
}
