//! From what a source said to what the ledger keeps: gauges as they are, counters as rates over the time between, or as what was
//! added meanwhile.

use crate::meter::{CountRule, GapReason, Meter, Series, TOTAL};
use crate::record::{Counters, Directions, Entry, Reading};

/// The greatest gauge that is believed, in its own unit: an exabyte of memory, or what no appliance does in a second. What is told
/// above it is a source's mistake.
pub const GAUGE_MAX: f64 = 1e18;

/// What a source says of one series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Figure {
    /// The figure itself, at the slot's end.
    Gauge(f64),
    /// A counter of events; the reading is events per second.
    Count(Counters),
    /// Counters of bytes received and sent; the reading is bit/s.
    Traffic(Counters, CountRule),
    /// A counter of what is told by the slot and not by the second (bytes through a virtual service); the reading is what was added
    /// to it, both directions together where it has two.
    Amount(Counters),
}

impl Figure {
    /// The counters behind it, where it has some.
    #[must_use]
    pub const fn counters(&self) -> Option<Counters> {
        match self {
            Figure::Gauge(_) => None,
            Figure::Count(counters) | Figure::Traffic(counters, _) | Figure::Amount(counters) => {
                Some(*counters)
            }
        }
    }
}

/// One thing that a source saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Of what.
    pub series: Series,
    /// What it saw.
    pub figure: Figure,
}

/// What is known of a series from the slot before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Before {
    /// Its counters were read at the end of the slot before.
    Counters(Counters),
    /// It was there, but its counters were not read, for this reason.
    Gap(GapReason),
    /// It was not there: the agent has just begun, or the series has.
    Nothing,
}

/// The entry that an observation makes.
///
/// `counted_ms` is the time for which counter differences stand, or why they don't
/// ([`counted_ms`](crate::timeline::counted_ms)); `begun` tells that the agent wrote the slot before, so that a series unknown
/// from it is new.
#[must_use]
pub fn entry(
    observed: Observation,
    before: Before,
    counted_ms: Result<i64, GapReason>,
    begun: bool,
) -> Entry {
    let Observation { series, figure } = observed;
    match figure {
        Figure::Gauge(value) => {
            let outcome = if (0.0..=GAUGE_MAX).contains(&value) {
                Ok(Reading::plain(value))
            } else {
                Err(GapReason::SourceFailed)
            };
            Entry { series, outcome, counters: None }
        }
        Figure::Count(now) => {
            let outcome = differences(now, before, counted_ms, begun)
                .map(|d| Reading::plain(per_second(d.first, d.ms)));
            Entry { series, outcome, counters: Some(now) }
        }
        Figure::Traffic(now, rule) => {
            let outcome = differences(now, before, counted_ms, begun).map(|d| {
                let bits = |bytes: u64| per_second(bytes, d.ms) * 8.0;
                Reading::directed(Directions { rx: bits(d.first), tx: bits(d.second), rule })
            });
            Entry { series, outcome, counters: Some(now) }
        }
        Figure::Amount(now) => {
            // Above 2^53 its last bits are lost: one part in 10^16.
            let outcome = differences(now, before, counted_ms, begun)
                .map(|d| Reading::plain((u128::from(d.first) + u128::from(d.second)) as f64));
            Entry { series, outcome, counters: Some(now) }
        }
    }
}

struct Differences {
    first: u64,
    second: u64,
    ms: i64,
}

fn differences(
    now: Counters,
    before: Before,
    counted_ms: Result<i64, GapReason>,
    begun: bool,
) -> Result<Differences, GapReason> {
    let before = match before {
        Before::Counters(counters) => counters,
        Before::Gap(reason) => return Err(reason),
        Before::Nothing if begun => return Err(GapReason::CounterReset),
        Before::Nothing => return Err(GapReason::AgentDown),
    };
    let ms = counted_ms?;
    if now.incarnation != before.incarnation {
        return Err(GapReason::CounterReset);
    }
    let first = now.first.checked_sub(before.first).ok_or(GapReason::CounterReset)?;
    let second = match (now.second, before.second) {
        (Some(now), Some(before)) => now.checked_sub(before).ok_or(GapReason::CounterReset)?,
        (None, None) => 0,
        _ => return Err(GapReason::CounterReset),
    };
    Ok(Differences { first, second, ms })
}

fn per_second(count: u64, ms: i64) -> f64 {
    // A count above 2^53 loses its last bits here: one part in 10^16.
    count as f64 * 1000.0 / ms as f64
}

/// The instance's reading of a meter in one slot: the entry with the subject [`TOTAL`] where the source tells it itself, as it
/// does of the pods of a node, which share what has no limit.
///
/// Else it is the sum over the meter's series, directions summed before the rule is applied (two arms of a load balancer carry
/// each byte once in and once out). `None` where the meter has no series; a gap in any series is a gap in the sum, since a part
/// that is missing is not a zero; so is a sum that is no number any more. A [burst meter](Meter::is_burst) has no sum: `None`
/// where there is no such entry.
#[must_use]
pub fn total<'a>(
    meter: Meter,
    entries: impl IntoIterator<Item = &'a Entry>,
) -> Option<Result<Reading, GapReason>> {
    let mut sum: Option<Result<Reading, GapReason>> = None;
    for entry in entries.into_iter().filter(|e| e.series.meter == meter) {
        if entry.series.subject == TOTAL {
            return Some(entry.outcome);
        }
        if meter.is_burst() {
            continue;
        }
        sum = Some(match (sum, entry.outcome) {
            (None, outcome) => outcome,
            (Some(Err(a)), Err(b)) => Err(a.min(b)),
            (Some(Err(gap)), Ok(_)) | (Some(Ok(_)), Err(gap)) => Err(gap),
            (Some(Ok(a)), Ok(b)) => {
                let sum = added(a, b);
                if sum.value.is_finite() { Ok(sum) } else { Err(GapReason::SourceFailed) }
            }
        });
    }
    sum
}

fn added(a: Reading, b: Reading) -> Reading {
    match (a.directions, b.directions) {
        (Some(x), Some(y)) => {
            Reading::directed(Directions { rx: x.rx + y.rx, tx: x.tx + y.tx, rule: x.rule })
        }
        _ => Reading::plain(a.value + b.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counters(first: u64, second: Option<u64>, incarnation: u64) -> Counters {
        Counters { first, second, incarnation }
    }
    fn count(now: Counters, before: Before, ms: Result<i64, GapReason>) -> Result<f64, GapReason> {
        let series = Series::new(Meter::SslTps, "haproxy");
        entry(Observation { series, figure: Figure::Count(now) }, before, ms, true).outcome.map(|r| r.value)
    }

    #[test]
    fn a_counter_gives_a_rate_or_the_reason_why_not() {
        let now = counters(4_129, None, 7);
        let cases = [
            ("one slot", Before::Counters(counters(0, None, 7)), Ok(300_000), Ok(4129.0 / 300.0)),
            ("no change", Before::Counters(now), Ok(300_000), Ok(0.0)),
            (
                "ran backwards",
                Before::Counters(counters(4130, None, 7)),
                Ok(300_000),
                Err(GapReason::CounterReset),
            ),
            (
                "another process",
                Before::Counters(counters(0, None, 8)),
                Ok(300_000),
                Err(GapReason::CounterReset),
            ),
            ("new series", Before::Nothing, Ok(300_000), Err(GapReason::CounterReset)),
            (
                "source failed before",
                Before::Gap(GapReason::SourceFailed),
                Ok(1),
                Err(GapReason::SourceFailed),
            ),
            (
                "clock set",
                Before::Counters(counters(0, None, 7)),
                Err(GapReason::ClockJump),
                Err(GapReason::ClockJump),
            ),
        ];
        for (name, before, ms, expect) in cases {
            assert_eq!(count(now, before, ms), expect, "{name}");
        }
    }

    #[test]
    fn counters_of_64_bits_do_not_overflow() {
        let before = Before::Counters(counters(u64::MAX - 3000, None, 0));
        assert_eq!(count(counters(u64::MAX, None, 0), before, Ok(300_000)), Ok(10.0));
        assert!(count(counters(u64::MAX, None, 0), Before::Counters(counters(0, None, 0)), Ok(1)).is_ok());
    }

    #[test]
    fn a_gauge_that_is_no_number_is_a_gap() {
        for value in [f64::NAN, f64::INFINITY, -1.0, 1e308, 1.1 * GAUGE_MAX] {
            let series = Series::new(Meter::RamCapacity, "host");
            let made =
                entry(Observation { series, figure: Figure::Gauge(value) }, Before::Nothing, Ok(1), true);
            assert_eq!(made.outcome, Err(GapReason::SourceFailed));
        }
    }

    fn traffic(subject: &str, rx: f64, tx: f64, rule: CountRule) -> Entry {
        Entry {
            series: Series::new(Meter::NetworkThroughput, subject),
            outcome: Ok(Reading::directed(Directions { rx, tx, rule })),
            counters: None,
        }
    }

    #[test]
    fn a_byte_through_two_arms_is_counted_once() {
        let arms = [traffic("eth0", 100.0, 5.0, CountRule::Max), traffic("eth1", 5.0, 100.0, CountRule::Max)];
        let total = total(Meter::NetworkThroughput, &arms).unwrap().unwrap();
        assert_eq!(total.value, 105.0);
    }

    #[test]
    fn a_gap_in_one_series_is_a_gap_in_the_total() {
        let mut two =
            vec![traffic("eth0", 1.0, 2.0, CountRule::Sum), traffic("eth1", 3.0, 4.0, CountRule::Sum)];
        assert_eq!(total(Meter::NetworkThroughput, &two).unwrap().unwrap().value, 10.0);
        two[1].outcome = Err(GapReason::CounterReset);
        assert_eq!(total(Meter::NetworkThroughput, &two), Some(Err(GapReason::CounterReset)));
        assert_eq!(total(Meter::SslTps, &two), None);
    }

    #[test]
    fn a_sum_that_overflows_is_a_gap_and_never_infinite() {
        let plain = |value| Entry {
            series: Series::new(Meter::SslTps, "lm"),
            outcome: Ok(Reading::plain(value)),
            counters: None,
        };
        let over = [plain(1e308), plain(1e308)];
        assert_eq!(total(Meter::SslTps, &over), Some(Err(GapReason::SourceFailed)));
        let arms = [traffic("a", 1e308, 0.0, CountRule::Sum), traffic("b", 1e308, 0.0, CountRule::Sum)];
        assert_eq!(total(Meter::NetworkThroughput, &arms), Some(Err(GapReason::SourceFailed)));
        assert_eq!(
            total(Meter::SslTps, &[plain(GAUGE_MAX), plain(0.0)]),
            Some(Ok(Reading::plain(GAUGE_MAX)))
        );
    }

    fn amount(now: Counters, before: Before, ms: Result<i64, GapReason>) -> Result<f64, GapReason> {
        let series = Series::new(Meter::VsBytes, "front/web");
        entry(Observation { series, figure: Figure::Amount(now) }, before, ms, true).outcome.map(|r| r.value)
    }

    #[test]
    fn an_amount_is_what_was_added_however_long_it_took() {
        let before = Before::Counters(counters(1_000, None, 7));
        for ms in [500, 300_000, 449_999] {
            assert_eq!(amount(counters(5_129, None, 7), before, Ok(ms)), Ok(4_129.0), "{ms} ms");
        }
        assert_eq!(amount(counters(5_129, None, 8), before, Ok(1)), Err(GapReason::CounterReset));
        assert_eq!(amount(counters(5_129, None, 7), Before::Nothing, Ok(1)), Err(GapReason::CounterReset));
        assert_eq!(
            amount(counters(5_129, None, 7), Before::Gap(GapReason::SourceFailed), Ok(1)),
            Err(GapReason::SourceFailed)
        );
        assert_eq!(
            amount(counters(5_129, None, 7), before, Err(GapReason::ClockJump)),
            Err(GapReason::ClockJump)
        );
        let two = Before::Counters(counters(0, Some(0), 7));
        assert_eq!(amount(counters(u64::MAX, Some(u64::MAX), 7), two, Ok(1)), Ok(2.0 * u64::MAX as f64));
    }

    #[test]
    fn the_total_of_a_burst_is_an_entry_and_not_a_sum() {
        let burst = |subject: &str, outcome: Result<f64, GapReason>| Entry {
            series: Series::new(Meter::SslTpsBurst, subject),
            outcome: outcome.map(Reading::plain),
            counters: None,
        };
        let mut entries = vec![burst("a", Ok(10.0)), burst("b", Ok(8.0))];
        assert_eq!(total(Meter::SslTpsBurst, &entries), None, "two peaks don't say when they were");
        entries.push(burst(TOTAL, Ok(11.0)));
        assert_eq!(total(Meter::SslTpsBurst, &entries), Some(Ok(Reading::plain(11.0))));
        entries[2].outcome = Err(GapReason::SourceFailed);
        assert_eq!(total(Meter::SslTpsBurst, &entries), Some(Err(GapReason::SourceFailed)));
        assert_eq!(total(Meter::NetworkThroughputBurst, &entries), None);
    }

    #[test]
    fn the_total_of_pods_is_what_their_source_tells_and_not_their_sum() {
        let ram = |subject: &str, outcome: Result<f64, GapReason>| Entry {
            series: Series::new(Meter::RamCapacity, subject),
            outcome: outcome.map(Reading::plain),
            counters: None,
        };
        let mut entries = vec![
            ram("a/x", Ok(5.0)),
            ram("pods/unlimited", Ok(30.0)),
            ram(TOTAL, Ok(30.0)),
            ram("z/y", Ok(9.0)),
        ];
        assert_eq!(total(Meter::RamCapacity, &entries), Some(Ok(Reading::plain(30.0))));
        entries[2].outcome = Err(GapReason::SourceFailed);
        assert_eq!(total(Meter::RamCapacity, &entries), Some(Err(GapReason::SourceFailed)));
        // A pod whose figure is missing is not added to what is known of all.
        entries[2].outcome = Ok(Reading::plain(30.0));
        entries[0].outcome = Err(GapReason::SourceFailed);
        assert_eq!(total(Meter::RamCapacity, &entries), Some(Ok(Reading::plain(30.0))));
        assert_eq!(total(Meter::RamCapacity, &[ram(TOTAL, Ok(0.0))]), Some(Ok(Reading::plain(0.0))));
    }

    proptest! {
        #[test]
        fn an_amount_is_the_counters_difference_and_a_gap_where_they_ran_backwards_or_began_anew(
            a in any::<u64>(), b in any::<u64>(), two in proptest::option::of((any::<u64>(), any::<u64>())),
            ms in 1i64..5_400_000, life in 0u64..2,
        ) {
            let now = counters(b, two.map(|(_, b)| b), life);
            let made = amount(now, Before::Counters(counters(a, two.map(|(a, _)| a), 0)), Ok(ms));
            let added = b.checked_sub(a).filter(|_| life == 0).and_then(|first| {
                let (a, b) = two.unwrap_or_default();
                Some(u128::from(first) + u128::from(b.checked_sub(a)?))
            });
            prop_assert_eq!(made, added.map(|added| added as f64).ok_or(GapReason::CounterReset));
        }

        #[test]
        fn no_counters_make_a_negative_or_unbounded_rate(
            a in any::<u64>(), b in any::<u64>(), ms in 500i64..5_400_000, life in 0u64..2,
        ) {
            if let Ok(rate) = count(counters(b, None, life), Before::Counters(counters(a, None, 0)), Ok(ms)) {
                prop_assert!(rate.is_finite() && rate >= 0.0);
                prop_assert!(life == 0 && b >= a);
                prop_assert!((rate * ms as f64 / 1000.0 - (b - a) as f64).abs() <= (b - a) as f64 * 1e-12 + 1e-9);
            }
        }
    }
}
