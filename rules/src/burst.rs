//! Bursts: the highest rate of any sub-window of a slot, beside the slot's average.
//!
//! A sub-window is a small slot: its rate is made of two readings by the same rules, and is a gap for the same reasons. Where a
//! single one of a slot's sub-windows could not be formed for a series, the highest of the others may not be the highest, and
//! the slot's burst is a gap. The instance's burst is the peak of the sums, not the sum of the peaks: it is kept as an entry of
//! its own, with subject [`TOTAL`].

use crate::figure::{Before, Observation, entry, total};
use crate::meter::{GapReason, Meter, Series, TOTAL};
use crate::record::{Entry, Mark, Reading};
use crate::slot::SlotLength;
use crate::timeline;
use std::collections::BTreeMap;

/// The sub-windows of the slot that is running.
#[derive(Debug)]
pub struct Bursts {
    window: SlotLength,
    /// The end of the last sub-window: when it was read, and what was seen.
    before: Option<(Mark, Vec<Entry>)>,
    highest: BTreeMap<Series, Result<f64, GapReason>>,
}

impl Bursts {
    /// Bursts of sub-windows of this length.
    #[must_use]
    pub const fn new(window: SlotLength) -> Self {
        Bursts { window, before: None, highest: BTreeMap::new() }
    }

    /// The sub-windows' length.
    #[must_use]
    pub const fn window(&self) -> SlotLength {
        self.window
    }

    /// Whether a sub-window has ended since the last one was taken.
    #[must_use]
    pub fn is_due(&self, now: &Mark) -> bool {
        let ended = |mark: &Mark| self.window.ended_by(mark.wall_ms);
        self.before.as_ref().is_none_or(|(before, _)| ended(before) != ended(now))
    }

    /// Takes what was seen at the end of a sub-window, and the series that should have been seen and were not.
    pub fn add(&mut self, now: &Mark, seen: &[Observation], missing: &[Series]) {
        let counted = match &self.before {
            None => Err(GapReason::AgentDown),
            Some((before, _)) => timeline::counted_ms(before, now, self.window),
        };
        let entries = self.entries(seen, missing, counted);
        for one in &entries {
            if let Some(meter) = one.series.meter.burst() {
                self.raise(Series::new(meter, one.series.subject.clone()), one.outcome);
            }
        }
        for meter in Meter::ALL {
            if let (Some(burst), Some(sum)) = (meter.burst(), total(*meter, &entries)) {
                self.raise(Series::new(burst, TOTAL), sum);
            }
        }
        self.before = Some((now.clone(), entries));
    }

    /// What the slot's sub-windows came to: one entry a series and one for each meter's sum. The next slot's begin.
    pub fn take(&mut self) -> Vec<Entry> {
        let outcome = |highest: Result<f64, GapReason>| highest.map(Reading::plain);
        std::mem::take(&mut self.highest)
            .into_iter()
            .map(|(series, highest)| Entry { series, outcome: outcome(highest), counters: None })
            .collect()
    }

    fn entries(
        &self,
        seen: &[Observation],
        missing: &[Series],
        counted: Result<i64, GapReason>,
    ) -> Vec<Entry> {
        let before = self.before.as_ref().map_or(&[][..], |(_, entries)| entries);
        let known = |series: &Series| match before.iter().find(|entry| entry.series == *series) {
            Some(Entry { counters: Some(counters), .. }) => Before::Counters(*counters),
            Some(Entry { outcome: Err(reason), .. }) => Before::Gap(*reason),
            Some(_) | None => Before::Nothing,
        };
        let counts = |series: &Series| series.meter.burst().is_some();
        let mut entries: Vec<Entry> = seen
            .iter()
            .filter(|observation| counts(&observation.series))
            .map(|observation| {
                entry(observation.clone(), known(&observation.series), counted, self.before.is_some())
            })
            .collect();
        // Missed are those that a source could not tell, and those that were there a sub-window ago. The latter have ended where
        // they are not there again: they are missed once.
        let gone = before.iter().filter(|entry| entry.outcome.is_ok()).map(|entry| &entry.series);
        for series in missing.iter().chain(gone).filter(|series| counts(series)) {
            if !entries.iter().any(|entry| entry.series == *series) {
                let outcome = Err(GapReason::SourceFailed);
                entries.push(Entry { series: series.clone(), outcome, counters: None });
            }
        }
        entries
    }

    /// A rate of one sub-window more. A gap stays one, of the reason that reaches farthest.
    fn raise(&mut self, series: Series, outcome: Result<Reading, GapReason>) {
        let now = outcome.map(|reading| reading.value);
        self.highest
            .entry(series)
            .and_modify(|highest| {
                *highest = match (*highest, now) {
                    (Ok(one), Ok(other)) => Ok(one.max(other)),
                    (Err(one), Err(other)) => Err(one.min(other)),
                    (Err(gap), Ok(_)) | (Ok(_), Err(gap)) => Err(gap),
                };
            })
            .or_insert(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Figure;
    use crate::meter::CountRule;
    use crate::record::Counters;
    use proptest::prelude::*;

    fn mark(window: i64) -> Mark {
        let ms = window * 10_000;
        Mark { wall_ms: 1_795_000_200_000 + ms, mono_ms: ms, boot_ms: ms, boot_id: "a".into() }
    }

    fn bursts() -> Bursts {
        Bursts::new(SlotLength::new(10).unwrap())
    }

    fn sessions(subject: &str, count: u64) -> Observation {
        let figure = Figure::Count(Counters { first: count, second: None, incarnation: 1 });
        Observation { series: Series::new(Meter::SslTps, subject), figure }
    }

    fn taken(bursts: &mut Bursts) -> BTreeMap<String, Result<f64, GapReason>> {
        let entries = bursts.take();
        assert!(entries.iter().all(|entry| entry.series.meter == Meter::SslTpsBurst));
        entries
            .into_iter()
            .map(|entry| (entry.series.subject, entry.outcome.map(|reading| reading.value)))
            .collect()
    }

    #[test]
    fn the_highest_sub_window_of_a_slot_is_kept_and_of_the_sum_likewise() {
        let mut bursts = bursts();
        let counts = [(0, 0), (100, 0), (150, 400), (600, 500)];
        for (window, (a, b)) in counts.into_iter().enumerate() {
            bursts.add(&mark(window as i64), &[sessions("a", a), sessions("b", b)], &[]);
            if window == 0 {
                let first = taken(&mut bursts);
                assert!(first.values().all(|outcome| *outcome == Err(GapReason::AgentDown)), "{first:?}");
            }
        }
        let slot = taken(&mut bursts);
        // Their peaks lie in other sub-windows: the sum's is that of the third, not 45 + 40.
        assert_eq!(slot["a"], Ok(45.0));
        assert_eq!(slot["b"], Ok(40.0));
        assert_eq!(slot[TOTAL], Ok(55.0));
        assert!(bursts.take().is_empty());
    }

    #[test]
    fn a_sub_window_that_could_not_be_formed_makes_the_slots_burst_a_gap_and_no_other_slots() {
        type Harm = fn(&mut Bursts);
        let failed: [(&str, Harm); 4] = [
            ("a source that failed", |b| {
                b.add(&mark(2), &[], &[Series::new(Meter::SslTps, "a")]);
                b.add(&mark(3), &[sessions("a", 300)], &[]);
            }),
            ("a series that went away for a while", |b| {
                b.add(&mark(2), &[], &[]);
                b.add(&mark(3), &[sessions("a", 300)], &[]);
            }),
            ("a counter that began anew", |b| {
                b.add(&mark(2), &[sessions("a", 3)], &[]);
                b.add(&mark(3), &[sessions("a", 300)], &[]);
            }),
            ("a loop that was held up", |b| b.add(&mark(3), &[sessions("a", 300)], &[])),
        ];
        for (what, harm) in failed {
            let mut bursts = bursts();
            bursts.add(&mark(0), &[sessions("a", 0)], &[]);
            bursts.take();
            bursts.add(&mark(1), &[sessions("a", 200)], &[]);
            harm(&mut bursts);
            bursts.add(&mark(4), &[sessions("a", 310)], &[]);
            let slot = taken(&mut bursts);
            assert!(slot["a"].is_err() && slot[TOTAL].is_err(), "{what}: {slot:?}");
            bursts.add(&mark(5), &[sessions("a", 320)], &[]);
            assert_eq!(taken(&mut bursts)["a"], Ok(1.0), "{what}");
        }
    }

    #[test]
    fn what_has_no_rate_has_no_burst() {
        let mut bursts = bursts();
        let ram = Observation { series: Series::new(Meter::RamCapacity, "host"), figure: Figure::Gauge(1.0) };
        bursts.add(&mark(0), &[ram], &[]);
        assert!(bursts.take().is_empty());
    }

    #[test]
    fn traffic_counts_by_its_rule() {
        let traffic = |rx, tx| Observation {
            series: Series::new(Meter::NetworkThroughput, "eth0"),
            figure: Figure::Traffic(Counters { first: rx, second: Some(tx), incarnation: 0 }, CountRule::Max),
        };
        let mut bursts = bursts();
        bursts.add(&mark(0), &[traffic(0, 0)], &[]);
        bursts.take();
        bursts.add(&mark(1), &[traffic(1_000, 50)], &[]);
        bursts.add(&mark(2), &[traffic(1_100, 5_050)], &[]);
        let highest: Vec<_> = bursts.take().into_iter().map(|e| e.outcome.unwrap().value).collect();
        assert_eq!(highest, [4_000.0, 4_000.0]);
    }

    proptest! {
        /// The burst is never under the slot's average, and never above what one sub-window could have held.
        #[test]
        fn a_burst_lies_between_the_average_and_all_in_one_sub_window(
            counts in proptest::collection::vec(0u64..10_000, 1..30),
        ) {
            let mut bursts = bursts();
            let mut sum = 0;
            bursts.add(&mark(0), &[sessions("a", 0)], &[]);
            bursts.take();
            for (n, count) in counts.iter().enumerate() {
                sum += count;
                bursts.add(&mark(n as i64 + 1), &[sessions("a", sum)], &[]);
            }
            let burst = taken(&mut bursts)["a"].unwrap();
            let average = sum as f64 / (counts.len() as f64 * 10.0);
            prop_assert!(burst >= average - 1e-9 && burst <= sum as f64 / 10.0 + 1e-9);
            prop_assert_eq!(burst, *counts.iter().max().unwrap() as f64 / 10.0);
        }
    }
}
