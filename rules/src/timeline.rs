//! Which slots were missed and why, and whether two readings of a counter stand for a slot.
//!
//! The wall clock says which slot it is; the clocks since boot say how much time has really passed. Where the two part, the
//! wall clock was set.

use crate::meter::GapReason;
use crate::record::{Mark, Missed};
use crate::slot::{Slot, SlotLength};

/// A wall clock that strays less than a second, or than this part of a slot, from the clock since boot was slewed, or the two
/// were read a moment apart: it was not set.
const CLOCK_STEP_TOLERANCE_MS: i64 = 1_000;
const CLOCK_STEP_TOLERANCE_PART: i64 = 50;

/// How the clocks moved between two marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// Time that ran while the host was up, in milliseconds.
    pub awake_ms: i64,
    /// Time for which the host was suspended, in milliseconds.
    pub suspended_ms: i64,
    /// How far the wall clock was set, in milliseconds; 0 where it ran true, within a second or a fiftieth of a slot.
    pub step_ms: i64,
}

/// What passed between two marks of the same boot; `None` where the host was booted in between, since then no clock but the
/// wall's spans them.
#[must_use]
pub fn passed(before: &Mark, now: &Mark, length: SlotLength) -> Option<Passed> {
    // A clock since boot that runs backwards under the same boot id is another clock: a checkpointed container or a new
    // time namespace.
    if before.boot_id != now.boot_id || now.mono_ms < before.mono_ms {
        return None;
    }
    let tolerance_ms = CLOCK_STEP_TOLERANCE_MS.max(length.millis() / CLOCK_STEP_TOLERANCE_PART);
    let awake_ms = now.mono_ms.saturating_sub(before.mono_ms);
    let since_boot_ms = now.boot_ms.saturating_sub(before.boot_ms);
    let asleep_ms = since_boot_ms.saturating_sub(awake_ms);
    let suspended_ms = if asleep_ms > tolerance_ms { asleep_ms } else { 0 };
    let strayed_ms =
        now.wall_ms.saturating_sub(before.wall_ms).saturating_sub(awake_ms).saturating_sub(suspended_ms);
    let step_ms = if strayed_ms.saturating_abs() > tolerance_ms { strayed_ms } else { 0 };
    Some(Passed { awake_ms, suspended_ms, step_ms })
}

/// The time in milliseconds for which the difference of two counters, read at the two marks, stands; or why it can't stand
/// for a slot of this length.
///
/// It can when the host stayed up and awake, the clock was not set, and at least half and at most one and a half slots
/// passed: a reading that comes late is still a true average of the time since the one before.
///
/// # Errors
/// The reason of the gap.
pub fn counted_ms(before: &Mark, now: &Mark, length: SlotLength) -> Result<i64, GapReason> {
    let passed = passed(before, now, length).ok_or(GapReason::HostDown)?;
    if passed.suspended_ms > 0 {
        return Err(GapReason::HostDown);
    }
    if passed.step_ms != 0 {
        return Err(GapReason::ClockJump);
    }
    let half = length.millis() / 2;
    if (half..=length.millis() + half).contains(&passed.awake_ms) {
        Ok(passed.awake_ms)
    } else {
        Err(GapReason::AgentDown)
    }
}

/// Why the slots `first..=last` between two marks were missed, oldest run first. Empty where none were.
#[must_use]
pub fn missed(before: &Mark, now: &Mark, first: Slot, last: Slot, length: SlotLength) -> Vec<Missed> {
    if last < first {
        return Vec::new();
    }
    let run = |first: Slot, last: Slot, reason| (first <= last).then_some(Missed { first, last, reason });
    match passed(before, now, length) {
        None => {
            // The host was down until it booted; from then on it was the agent that was not there.
            let booted_s = now.wall_ms.saturating_sub(now.boot_ms).div_euclid(1000);
            let boot_slot = length.slot_at(booted_s).0.clamp(first.0 - 1, last.0);
            [
                run(first, Slot(boot_slot), GapReason::HostDown),
                run(Slot(boot_slot + 1), last, GapReason::AgentDown),
            ]
            .into_iter()
            .flatten()
            .collect()
        }
        Some(passed) => {
            let half_ms =
                (last.0.saturating_sub(first.0).saturating_add(1)).saturating_mul(length.millis()) / 2;
            let reason = if passed.step_ms >= half_ms {
                GapReason::ClockJump
            } else if passed.suspended_ms >= half_ms {
                GapReason::HostDown
            } else {
                GapReason::AgentDown
            };
            run(first, last, reason).into_iter().collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: i64 = 1000;
    fn five() -> SlotLength {
        SlotLength::default()
    }
    fn mark(wall_s: i64, mono_s: i64, boot_s: i64, boot_id: &str) -> Mark {
        Mark { wall_ms: wall_s * S, mono_ms: mono_s * S, boot_ms: boot_s * S, boot_id: boot_id.into() }
    }

    #[test]
    fn a_counter_stands_for_its_slot_only_when_the_time_between_is_known() {
        let before = mark(3000, 100, 100, "a");
        let cases = [
            ("on the grid", mark(3300, 400, 400, "a"), Ok(300 * S)),
            ("read 100 s late", mark(3400, 500, 500, "a"), Ok(400 * S)),
            ("after 149 s", mark(3149, 249, 249, "a"), Err(GapReason::AgentDown)),
            ("stalled for two slots", mark(3600, 700, 700, "a"), Err(GapReason::AgentDown)),
            ("suspended for 200 s", mark(3300, 200, 400, "a"), Err(GapReason::HostDown)),
            ("clock set 100 s forward", mark(3300, 300, 300, "a"), Err(GapReason::ClockJump)),
            ("clock set 100 s back", mark(3300, 500, 500, "a"), Err(GapReason::ClockJump)),
            ("another boot", mark(3300, 60, 60, "b"), Err(GapReason::HostDown)),
            ("clock since boot ran back", mark(3300, 90, 90, "a"), Err(GapReason::HostDown)),
        ];
        for (name, now, expect) in cases {
            assert_eq!(counted_ms(&before, &now, five()), expect, "{name}");
        }
    }

    #[test]
    fn missed_slots_are_laid_to_what_took_their_time() {
        let before = mark(3000, 100, 100, "a");
        let all = |reason| vec![Missed { first: Slot(10), last: Slot(19), reason }];
        let cases = [
            ("agent stopped", mark(6300, 3400, 3400, "a"), all(GapReason::AgentDown)),
            ("suspended", mark(6300, 400, 3400, "a"), all(GapReason::HostDown)),
            ("clock set forward", mark(6300, 400, 400, "a"), all(GapReason::ClockJump)),
            ("booted just now", mark(6300, 60, 60, "b"), {
                vec![Missed { first: Slot(10), last: Slot(19), reason: GapReason::HostDown }]
            }),
            ("booted 1500 s ago", mark(6300, 1500, 1500, "b"), {
                vec![
                    Missed { first: Slot(10), last: Slot(16), reason: GapReason::HostDown },
                    Missed { first: Slot(17), last: Slot(19), reason: GapReason::AgentDown },
                ]
            }),
            ("booted before the last record, by a wall clock set since", mark(6300, 9000, 9000, "b"), {
                all(GapReason::AgentDown)
            }),
        ];
        for (name, now, expect) in cases {
            assert_eq!(missed(&before, &now, Slot(10), Slot(19), five()), expect, "{name}");
        }
        assert!(missed(&before, &mark(3300, 400, 400, "a"), Slot(10), Slot(9), five()).is_empty());
    }

    proptest! {
        #[test]
        fn every_missed_slot_is_laid_to_exactly_one_reason(
            wall in any::<i64>(), mono in any::<i64>(), boot in any::<i64>(), same in any::<bool>(),
            first in -1_000_000i64..1_000_000, count in 0i64..1000,
        ) {
            let before = Mark { wall_ms: 0, mono_ms: 5, boot_ms: 5, boot_id: "a".into() };
            let id = if same { "a" } else { "b" };
            let now = Mark { wall_ms: wall, mono_ms: mono, boot_ms: boot, boot_id: id.into() };
            let runs = missed(&before, &now, Slot(first), Slot(first + count - 1), five());
            let mut next = first;
            for run in runs {
                prop_assert_eq!(run.first.0, next);
                prop_assert!(run.last >= run.first);
                next = run.last.0 + 1;
            }
            prop_assert_eq!(next, first + count);
            let _ = counted_ms(&before, &now, five());
        }
    }
}
