//! From what a source said to what the ledger keeps: gauges as they are, counters as rates over the time between.

use crate::meter::{CountRule, GapReason, Meter, Series, TOTAL};
use crate::record::{Counters, Directions, Entry, Reading};

/// What a source says of one series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Figure {
    /// The figure itself, at the slot's end.
    Gauge(f64),
    /// A counter of events; the reading is events per second.
    Count(Counters),
    /// Counters of bytes received and sent; the reading is bit/s.
    Traffic(Counters, CountRule),
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
            let outcome = if value.is_finite() && value >= 0.0 {
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

/// The instance's reading of a meter in one slot: the sum over its series, directions summed before the rule is applied (two
/// arms of a load balancer carry each byte once in and once out). `None` where the meter has no series; a gap in any series is
/// a gap in the sum, since a part that is missing is not a zero. Where the sum was kept itself, as that of bursts is
/// ([`burst`](crate::burst)), it is that.
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
        sum = Some(match (sum, entry.outcome) {
            (None, outcome) => outcome,
            (Some(Err(a)), Err(b)) => Err(a.min(b)),
            (Some(Err(gap)), Ok(_)) | (Some(Ok(_)), Err(gap)) => Err(gap),
            (Some(Ok(a)), Ok(b)) => Ok(added(a, b)),
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
        for value in [f64::NAN, f64::INFINITY, -1.0] {
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

    proptest! {
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
