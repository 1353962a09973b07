//! What a report says of a day beside its peaks: the RAM capacity on the hour, and what the clocks did.

use crate::day::BillingDay;
use crate::figure::total;
use crate::meter::Meter;
use crate::record::SlotRecord;
use std::collections::BTreeSet;

const HOUR_S: i64 = 3600;

/// What the slots of a day say beside their figures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DayFacts {
    /// The RAM capacity in bytes at full hours since the day began (1 is the end of the first hour): of the slot that ends with the
    /// hour or holds it. Hours without a reading are left out.
    pub hourly_ram: Vec<(u32, u64)>,
    /// How often the wall clock was found set.
    pub clock_steps: u32,
    /// The longest of these steps, in milliseconds; forward is positive.
    pub largest_step_ms: i64,
    /// How many boots the rows are of.
    pub boots: u32,
}

/// Gathers the facts of a day from its slots, in the order of time.
#[derive(Debug)]
pub struct FactsFold {
    day: BillingDay,
    facts: DayFacts,
    boots: BTreeSet<String>,
}

impl FactsFold {
    /// A fold of `day`.
    #[must_use]
    pub fn new(day: BillingDay) -> Self {
        FactsFold { day, facts: DayFacts::default(), boots: BTreeSet::new() }
    }

    /// Adds a slot of the day.
    pub fn add(&mut self, record: &SlotRecord) {
        if record.clock_step_ms != 0 {
            self.facts.clock_steps = self.facts.clock_steps.saturating_add(1);
            if record.clock_step_ms.unsigned_abs() > self.facts.largest_step_ms.unsigned_abs() {
                self.facts.largest_step_ms = record.clock_step_ms;
            }
        }
        if !self.boots.contains(&record.taken.boot_id) {
            self.boots.insert(record.taken.boot_id.clone());
        }
        self.on_the_hour(record);
    }

    fn on_the_hour(&mut self, record: &SlotRecord) {
        let hours = |at: i64| at.saturating_sub(self.day.start).div_euclid(HOUR_S);
        let hour = hours(record.at());
        // A slot is an hour long at most, so that it holds one full hour at most.
        let holds = hour > hours(record.slot.start(record.length));
        let Ok(hour) = u32::try_from(hour) else { return };
        let last = self.facts.hourly_ram.last().map_or(0, |(hour, _)| *hour);
        if !holds || hour <= last || record.at() > self.day.end {
            return;
        }
        if let Some(Ok(reading)) = total(Meter::RamCapacity, &record.entries) {
            // A finite figure that is not negative: larger ones than 2^64 saturate.
            self.facts.hourly_ram.push((hour, reading.value as u64));
        }
    }

    /// The day's facts.
    #[must_use]
    pub fn finish(mut self) -> DayFacts {
        self.facts.boots = u32::try_from(self.boots.len()).unwrap_or(u32::MAX);
        self.facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day::Calendar;
    use crate::meter::{GapReason, Series};
    use crate::record::{Entry, Mark, Reading};
    use crate::slot::SlotLength;
    use jiff::civil::date;

    fn facts(length_s: u64, gap_at: Option<i64>) -> DayFacts {
        let day = Calendar::utc().day(date(2026, 11, 20));
        let length = SlotLength::new(length_s).unwrap();
        let mut fold = FactsFold::new(day.clone());
        let mut slot = length.slot_at(day.start);
        while slot.start(length) < day.end {
            let minute = (slot.end(length) - day.start) / 60;
            let outcome = if gap_at == Some(minute) {
                Err(GapReason::SourceFailed)
            } else {
                Ok(Reading::plain(minute as f64))
            };
            let entry = Entry { series: Series::new(Meter::RamCapacity, "host"), outcome, counters: None };
            fold.add(&SlotRecord {
                slot,
                length,
                taken: Mark { wall_ms: 0, mono_ms: 0, boot_ms: 0, boot_id: format!("{}", minute / 721) },
                clock_step_ms: [0, -7000, 3000]
                    .get(usize::try_from(minute / 480).unwrap())
                    .copied()
                    .unwrap_or(0)
                    * i64::from(minute % 480 == 0),
                missed: Vec::new(),
                entries: vec![entry],
            });
            slot = slot.next();
        }
        fold.finish()
    }

    #[test]
    fn ram_is_told_on_the_hour_even_where_no_slot_ends_there() {
        let five_minutes = facts(300, None);
        assert_eq!(five_minutes.hourly_ram.len(), 24);
        assert!(five_minutes.hourly_ram.iter().all(|(hour, at_minute)| u64::from(*hour) * 60 == *at_minute));
        let forty_minutes = facts(2400, None);
        assert_eq!(forty_minutes.hourly_ram[..3], [(1, 80), (2, 120), (3, 200)]);
        assert_eq!(forty_minutes.hourly_ram.len(), 24);
    }

    #[test]
    fn an_hour_without_a_reading_is_left_out() {
        let hours: Vec<u32> = facts(300, Some(180)).hourly_ram.iter().map(|(hour, _)| *hour).collect();
        assert_eq!(hours, (1..=24).filter(|hour| *hour != 3).collect::<Vec<_>>());
    }

    #[test]
    fn set_clocks_and_boots_are_counted() {
        let facts = facts(300, None);
        assert_eq!((facts.clock_steps, facts.largest_step_ms, facts.boots), (2, -7000, 2));
    }
}
