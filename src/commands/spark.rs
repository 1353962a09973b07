//! A day at a glance: one character an hour of it.

use highwater_rules::day::BillingDay;
use highwater_rules::figure::total;
use highwater_rules::meter::{Meter, Series, TOTAL};
use highwater_rules::record::SlotRecord;
use std::collections::BTreeMap;

const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// An hour without a reading. A gap is never a zero.
const GAP: char = '·';
const BUCKETS: usize = 24;

/// The highest reading of each twenty-fourth of a day, by series and total.
pub(super) struct Sparks {
    day: BillingDay,
    highest: BTreeMap<Series, [Option<f64>; BUCKETS]>,
}

impl Sparks {
    pub(super) fn new(day: BillingDay) -> Self {
        Sparks { day, highest: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, record: &SlotRecord) {
        if !self.day.holds(record.slot, record.length) {
            return;
        }
        let into = record.slot.start(record.length) - self.day.start;
        let span = (self.day.end - self.day.start).max(1);
        let bucket = usize::try_from(into * BUCKETS as i64 / span).unwrap_or(0);
        for entry in &record.entries {
            if let Ok(reading) = entry.outcome {
                self.raise(&entry.series, bucket, reading.value);
            }
        }
        for meter in Meter::ALL {
            if let Some(Ok(reading)) = total(*meter, &record.entries) {
                self.raise(&Series::new(*meter, TOTAL), bucket, reading.value);
            }
        }
    }

    fn raise(&mut self, series: &Series, bucket: usize, value: f64) {
        if !self.highest.contains_key(series) {
            self.highest.insert(series.clone(), [None; BUCKETS]);
        }
        if let Some(place) = self.highest.get_mut(series).and_then(|day| day.get_mut(bucket)) {
            *place = Some(place.map_or(value, |highest| highest.max(value)));
        }
    }

    /// The sparkline of a series, from zero at the bottom to the day's peak at the top.
    pub(super) fn line(&self, series: &Series) -> String {
        let Some(day) = self.highest.get(series) else { return String::new() };
        let peak = day.iter().flatten().copied().fold(0.0, f64::max);
        let level = |value: f64| {
            let share = if peak > 0.0 { value / peak } else { 0.0 };
            let index = (share * (LEVELS.len() - 1) as f64).round() as usize;
            LEVELS.get(index).copied().unwrap_or('█')
        };
        day.iter().map(|value| value.map_or(GAP, level)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_rules::day::Calendar;
    use highwater_rules::record::{Entry, Mark, Reading};
    use highwater_rules::slot::SlotLength;

    #[test]
    fn a_day_is_drawn_hour_by_hour_and_a_gap_is_no_zero() {
        let day = Calendar::utc().day(jiff::civil::date(2026, 11, 20));
        let length = SlotLength::new(3600).unwrap();
        let series = Series::new(Meter::SslTps, "haproxy");
        let mut sparks = Sparks::new(day.clone());
        for (hour, value) in [(0, 0.0), (1, 50.0), (2, 100.0), (23, 100.0)] {
            let slot = length.slot_at(day.start + hour * 3600);
            let taken = Mark { wall_ms: 0, mono_ms: 0, boot_ms: 0, boot_id: String::new() };
            let entries =
                vec![Entry { series: series.clone(), outcome: Ok(Reading::plain(value)), counters: None }];
            sparks.add(&SlotRecord { slot, length, taken, clock_step_ms: 0, missed: vec![], entries });
        }
        assert_eq!(sparks.line(&series), "▁▅█····················█");
        assert_eq!(sparks.line(&Series::new(Meter::SslTps, TOTAL)), sparks.line(&series));
        assert_eq!(sparks.line(&Series::new(Meter::RamCapacity, "host")), "");
    }
}
