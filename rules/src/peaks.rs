//! Daily peaks: a day's slots, folded into what a bill is made from.
//!
//! Definition version 1: the peak is the highest reading of the day, the earliest where several are equal; the runner-up is
//! the highest among the other slots; the 95th percentile is the nearest-rank one (of `n` readings in ascending order, the
//! `ceil(0.95 n)`-th), as burstable bandwidth is billed. The instance's total is summed slot by slot first: its peak is the
//! peak of the sum, not the sum of the peaks.

use crate::coverage::{Coverage, Outage, reason_at};
use crate::day::BillingDay;
use crate::figure::total;
use crate::meter::{GapReason, Meter, Series, TOTAL};
use crate::record::{Entry, Reading};
use crate::slot::SlotLength;
use std::collections::BTreeMap;

/// The version of the definitions above. It stands beside each peak, so that a later definition changes no earlier bill.
pub const PEAK_DEFINITION: u32 = 1;

/// A reading and the slot it stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// The reading.
    pub reading: Reading,
    /// The end of its slot, in unix seconds.
    pub at: i64,
}

/// What a day says of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesDay {
    /// Which series; subject [`TOTAL`] is the instance's sum.
    pub series: Series,
    /// Its highest reading.
    pub peak: Option<Peak>,
    /// The highest in another slot.
    pub runner_up: Option<Peak>,
    /// Its 95th percentile.
    pub p95: Option<f64>,
    /// How much of the series was seen. A slot in which the series did not exist (an interface plugged in at noon) is not
    /// expected of it.
    pub coverage: Coverage,
}

/// What a day says.
#[derive(Debug, Clone, PartialEq)]
pub struct DaySummary {
    /// Which day.
    pub day: BillingDay,
    /// The moment up to which it is told, in unix seconds: the day's end, once it has ended.
    pub until: i64,
    /// How much of the instance was seen: a slot is read when every series in it is.
    pub coverage: Coverage,
    /// Every series and every meter's total, in order.
    pub series: Vec<SeriesDay>,
    /// Slots in which the licensed software was there (RAM capacity above zero).
    pub present_slots: u32,
    /// The ends of the first and of the last such slot, in unix seconds.
    pub present: Option<(i64, i64)>,
}

/// One written slot of a day.
#[derive(Debug, Clone, Copy)]
pub struct DaySlot<'a> {
    /// Its first second, in unix seconds.
    pub start: i64,
    /// Its length.
    pub length: SlotLength,
    /// What it says.
    pub entries: &'a [Entry],
}

#[derive(Default)]
struct SeriesFold {
    peak: Option<Peak>,
    runner_up: Option<Peak>,
    values: Vec<f64>,
    coverage: Coverage,
}

impl SeriesFold {
    fn add(&mut self, at: i64, outcome: Result<Reading, GapReason>) {
        self.coverage.count(outcome.err());
        let Ok(reading) = outcome else { return };
        let seen = Peak { reading, at };
        self.values.push(reading.value);
        let above = |than: &Option<Peak>| than.is_none_or(|p| reading.value > p.reading.value);
        if above(&self.peak) {
            self.runner_up = self.peak.replace(seen);
        } else if above(&self.runner_up) {
            self.runner_up = Some(seen);
        }
    }

    fn finish(mut self, series: Series, unwritten: &Coverage) -> SeriesDay {
        for (reason, slots) in unwritten.reasons() {
            self.coverage.miss(reason, slots);
        }
        SeriesDay {
            series,
            peak: self.peak,
            runner_up: self.runner_up,
            p95: percentile_95(&mut self.values),
            coverage: self.coverage,
        }
    }
}

/// Folds a day's slots, given in ascending order, into its summary.
pub struct DayFold<'a> {
    day: BillingDay,
    length: SlotLength,
    outages: &'a [Outage],
    cursor: i64,
    written: Coverage,
    unwritten: Coverage,
    series: BTreeMap<Series, SeriesFold>,
    present_slots: u32,
    present: Option<(i64, i64)>,
}

impl<'a> DayFold<'a> {
    /// A fold of `day`. `length` is the slot's length where nothing was written; `outages` say why.
    #[must_use]
    pub fn new(day: BillingDay, length: SlotLength, outages: &'a [Outage]) -> Self {
        let cursor = day.start;
        DayFold {
            day,
            length,
            outages,
            cursor,
            written: Coverage::default(),
            unwritten: Coverage::default(),
            series: BTreeMap::new(),
            present_slots: 0,
            present: None,
        }
    }

    /// Adds the next written slot. One that begins before the slots already added end was told before, and is passed over.
    pub fn add(&mut self, slot: DaySlot<'_>) {
        let end = slot.start + slot.length.seconds();
        if end <= self.cursor {
            return;
        }
        self.skip_to(slot.start, slot.length);
        self.cursor = end;
        // A slot was read though the sub-windows within it were not.
        let figures = slot.entries.iter().filter(|e| !e.series.meter.is_burst());
        self.written.count(figures.filter_map(|e| e.outcome.err()).min());
        // A total that is an entry of the slot is folded with the totals below.
        for entry in slot.entries.iter().filter(|e| e.series.subject != TOTAL) {
            match self.series.get_mut(&entry.series) {
                Some(fold) => fold.add(end, entry.outcome),
                None => self.series.entry(entry.series.clone()).or_default().add(end, entry.outcome),
            }
        }
        for meter in Meter::ALL {
            let Some(sum) = total(*meter, slot.entries) else { continue };
            if *meter == Meter::RamCapacity && sum.is_ok_and(|r| r.value > 0.0) {
                self.present_slots += 1;
                self.present = Some((self.present.map_or(end, |(first, _)| first), end));
            }
            self.series.entry(Series::new(*meter, TOTAL)).or_default().add(end, sum);
        }
    }

    fn skip_to(&mut self, until: i64, length: SlotLength) {
        let step = length.seconds();
        while self.cursor < until {
            // The hole's slots lie on the grid of the slot that ends it.
            let next = self.cursor.div_euclid(step).saturating_add(1).saturating_mul(step);
            self.unwritten.miss(reason_at(self.outages, self.cursor), 1);
            self.cursor = next.min(until);
        }
    }

    /// The summary of the day up to `until` (unix seconds; the day's end at the latest).
    #[must_use]
    pub fn finish(mut self, until: i64) -> DaySummary {
        let until = until.clamp(self.day.start, self.day.end);
        self.skip_to(until, self.length);
        let mut coverage = self.written;
        for (reason, slots) in self.unwritten.reasons() {
            coverage.miss(reason, slots);
        }
        let unwritten = self.unwritten;
        let series = self.series.into_iter().map(|(series, fold)| fold.finish(series, &unwritten)).collect();
        DaySummary {
            day: self.day,
            until,
            coverage,
            series,
            present_slots: self.present_slots,
            present: self.present,
        }
    }
}

/// The nearest-rank 95th percentile: the smallest value that at least 95 % of the values do not exceed. Sorts `values`.
#[must_use]
pub fn percentile_95(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let rank = (values.len() * 95).div_ceil(100);
    values.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day::Calendar;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn ram(subject: &str, outcome: Result<f64, GapReason>) -> Entry {
        Entry {
            series: Series::new(Meter::RamCapacity, subject),
            outcome: outcome.map(Reading::plain),
            counters: None,
        }
    }

    /// Folds hourly slots of 2026-11-20 (UTC), given as (hour, entries).
    fn fold(slots: &[(i64, Vec<Entry>)], outages: &[Outage], until_hour: i64) -> DaySummary {
        let day = Calendar::utc().day(date(2026, 11, 20));
        let hour = SlotLength::new(3600).unwrap();
        let mut fold = DayFold::new(day.clone(), hour, outages);
        for (h, entries) in slots {
            fold.add(DaySlot { start: day.start + h * 3600, length: hour, entries });
        }
        fold.finish(day.start + until_hour * 3600)
    }

    fn series<'a>(summary: &'a DaySummary, subject: &str) -> &'a SeriesDay {
        summary.series.iter().find(|s| s.series.subject == subject).unwrap()
    }

    #[test]
    fn the_total_is_the_peak_of_the_sum_not_the_sum_of_the_peaks() {
        let day = fold(
            &[
                (0, vec![ram("a", Ok(10.0)), ram("b", Ok(1.0))]),
                (1, vec![ram("a", Ok(6.0)), ram("b", Ok(7.0))]),
                (2, vec![ram("a", Ok(1.0)), ram("b", Ok(8.0))]),
            ],
            &[],
            3,
        );
        let total = series(&day, TOTAL);
        assert_eq!(total.peak.unwrap().reading.value, 13.0);
        assert_eq!(total.peak.unwrap().at, day.day.start + 7200);
        assert_eq!(total.runner_up.unwrap().reading.value, 11.0);
        assert_eq!(series(&day, "a").peak.unwrap().at, day.day.start + 3600);
    }

    #[test]
    fn the_peak_of_a_burst_is_the_highest_of_its_totals_told_once_a_slot() {
        let burst = |subject: &str, value: f64| Entry {
            series: Series::new(Meter::SslTpsBurst, subject),
            outcome: Ok(Reading::plain(value)),
            counters: None,
        };
        let slot = |a, b, sum| vec![burst("a", a), burst("b", b), burst(TOTAL, sum)];
        let day = fold(&[(0, slot(10.0, 8.0, 11.0)), (1, slot(9.0, 9.0, 18.0))], &[], 2);
        let total = series(&day, TOTAL);
        assert_eq!(total.peak.unwrap().reading.value, 18.0);
        assert_eq!(total.runner_up.unwrap().reading.value, 11.0);
        assert_eq!((total.coverage.read, total.coverage.expected()), (2, 2));
        assert_eq!(day.series.len(), 3);
    }

    #[test]
    fn a_total_that_the_source_tells_is_folded_once_and_pods_may_come_and_go() {
        let day = fold(
            &[
                (0, vec![ram("a/x", Ok(10.0)), ram(TOTAL, Ok(10.0))]),
                (1, vec![ram("a/y", Ok(5.0)), ram("pods/unlimited", Ok(30.0)), ram(TOTAL, Ok(30.0))]),
                (2, vec![ram(TOTAL, Ok(0.0))]),
                (3, vec![ram("a/y", Err(GapReason::SourceFailed)), ram(TOTAL, Err(GapReason::SourceFailed))]),
            ],
            &[],
            4,
        );
        let total = series(&day, TOTAL);
        assert_eq!(total.peak.unwrap().reading.value, 30.0);
        assert_eq!(total.runner_up.unwrap().reading.value, 10.0);
        assert_eq!((total.coverage.read, total.coverage.expected()), (3, 4));
        assert_eq!((series(&day, "a/x").coverage.read, series(&day, "a/x").coverage.expected()), (1, 1));
        assert_eq!((day.series.len(), day.present_slots, day.coverage.read), (4, 2, 3));
    }

    #[test]
    fn of_equal_peaks_the_earliest_is_told_and_the_next_is_the_runner_up() {
        let day = fold(&[(3, vec![ram("a", Ok(5.0))]), (4, vec![ram("a", Ok(5.0))])], &[], 24);
        let a = series(&day, "a");
        assert_eq!(a.peak.unwrap().at, day.day.start + 4 * 3600);
        assert_eq!(a.runner_up.unwrap().at, day.day.start + 5 * 3600);
    }

    #[test]
    fn a_day_tells_what_it_missed_and_why() {
        let midnight = Calendar::utc().day(date(2026, 11, 20)).start;
        let down = Outage { from: midnight + 6 * 3600, to: midnight + 9 * 3600, reason: GapReason::HostDown };
        let day = fold(
            &[
                (4, vec![ram("a", Ok(5.0)), ram("b", Err(GapReason::SourceFailed))]),
                (5, vec![ram("a", Ok(5.0))]),
                (9, vec![ram("a", Err(GapReason::CounterReset)), ram("b", Err(GapReason::SourceFailed))]),
            ],
            &[down],
            24,
        );
        assert_eq!(day.coverage.expected(), 24);
        assert_eq!(day.coverage.read, 1);
        let missed: Vec<_> = day.coverage.reasons().collect();
        assert_eq!(
            missed,
            vec![
                (GapReason::HostDown, 3),
                (GapReason::AgentDown, 4 + 14),
                (GapReason::CounterReset, 1),
                (GapReason::SourceFailed, 1)
            ]
        );
        assert_eq!(series(&day, "a").coverage.read, 2);
        // `b` did not exist at five o'clock: that slot is not expected of it.
        assert_eq!(series(&day, "b").coverage.expected(), 23);
        assert_eq!(series(&day, "b").peak, None);
        assert_eq!(day.present_slots, 1);
    }

    #[test]
    fn a_day_without_a_single_slot_is_all_missed() {
        let day = fold(&[], &[], 24);
        assert_eq!((day.coverage.expected(), day.coverage.read, day.series.len()), (24, 0, 0));
    }

    #[test]
    fn an_open_day_expects_only_the_slots_that_have_ended() {
        let day = fold(&[(0, vec![ram("a", Ok(1.0))])], &[], 2);
        assert_eq!(day.coverage.expected(), 2);
    }

    #[test]
    fn an_interval_changed_in_mid_day_leaves_no_slot_out() {
        let day = Calendar::utc().day(date(2026, 11, 20));
        let (hour, minute) = (SlotLength::new(3600).unwrap(), SlotLength::new(60).unwrap());
        let entries = [ram("a", Ok(1.0))];
        let mut fold = DayFold::new(day.clone(), minute, &[]);
        for h in 0..12 {
            fold.add(DaySlot { start: day.start + h * 3600, length: hour, entries: &entries });
        }
        for m in 0..720 {
            fold.add(DaySlot { start: day.start + 43_200 + m * 60, length: minute, entries: &entries });
        }
        let summary = fold.finish(day.end);
        assert_eq!((summary.coverage.read, summary.coverage.expected()), (732, 732));
    }

    #[test]
    fn the_95th_percentile_is_the_nearest_rank() {
        let mut day: Vec<f64> = (1..=288).map(f64::from).collect();
        assert_eq!(percentile_95(&mut day), Some(274.0));
        let mut twenty: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        assert_eq!(percentile_95(&mut twenty), Some(19.0));
        assert_eq!(percentile_95(&mut [7.0]), Some(7.0));
        assert_eq!(percentile_95(&mut []), None);
    }

    proptest! {
        #[test]
        fn slots_read_and_missed_always_make_the_slots_expected(
            hours in proptest::collection::btree_map(0i64..24, proptest::option::of(0.0f64..1e12), 0..24),
            until in 0i64..=24,
        ) {
            let slots: Vec<_> = hours
                .iter()
                .filter(|(h, _)| **h < until)
                .map(|(h, v)| (*h, vec![ram("a", v.ok_or(GapReason::SourceFailed))]))
                .collect();
            let day = fold(&slots, &[], until);
            prop_assert_eq!(i64::from(day.coverage.expected()), until);
            let values: Vec<f64> = slots.iter().filter_map(|(_, e)| e[0].outcome.ok()).map(|r| r.value).collect();
            prop_assert_eq!(day.coverage.read as usize, values.len());
            if let Some(a) = day.series.iter().find(|s| s.series.subject == "a") {
                let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                prop_assert_eq!(a.peak.map(|p| p.reading.value), (!values.is_empty()).then_some(highest));
                prop_assert_eq!(i64::from(a.coverage.expected()), until);
                if let (Some(p), Some(r)) = (a.peak, a.runner_up) {
                    prop_assert!(r.reading.value <= p.reading.value && r.at != p.at);
                }
            }
        }
    }
}
