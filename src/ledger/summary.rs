//! Folding a day's slots, as they stand in the ring.

use super::{Ledger, LedgerError};
use highwater_rules::coverage::Outage;
use highwater_rules::day::BillingDay;
use highwater_rules::peaks::{DayFold, DaySlot, DaySummary};
use highwater_rules::slot::SlotLength;

impl Ledger {
    /// The summary of a day up to `until` (unix seconds), from the slots numbered `from_seq..=to_seq`, which may hold others too.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn summary(
        &self,
        day: &BillingDay,
        from_seq: i64,
        to_seq: i64,
        until: i64,
        length: SlotLength,
    ) -> Result<DaySummary, LedgerError> {
        let outages = self.outages(day.start, day.end).map_err(|e| self.failed(e))?;
        self.fold(day, (from_seq, to_seq), until, length, &outages)
    }

    /// The same, where the outages are known.
    pub(super) fn fold(
        &self,
        day: &BillingDay,
        (from_seq, to_seq): (i64, i64),
        until: i64,
        length: SlotLength,
        outages: &[Outage],
    ) -> Result<DaySummary, LedgerError> {
        let mut fold = DayFold::new(day.clone(), length, outages);
        // Slots come in the order of time, unless the clock was set back: then they are gathered and sorted first.
        let mut last = i64::MIN;
        let mut in_order = true;
        self.visit(from_seq, to_seq, |slot| {
            let start = slot.record.slot.start(slot.record.length);
            if day.holds(slot.record.slot, slot.record.length) && slot.at <= until {
                in_order &= start >= last;
                last = start;
                if in_order {
                    fold.add(DaySlot { start, length: slot.record.length, entries: &slot.record.entries });
                }
            }
            Ok(())
        })?;
        if in_order {
            return Ok(fold.finish(until));
        }
        let mut slots = Vec::new();
        self.visit(from_seq, to_seq, |slot| {
            if day.holds(slot.record.slot, slot.record.length) && slot.at <= until {
                slots.push(slot.record);
            }
            Ok(())
        })?;
        slots.sort_by_key(|record| record.slot.start(record.length));
        let mut fold = DayFold::new(day.clone(), length, outages);
        for record in &slots {
            fold.add(DaySlot {
                start: record.slot.start(record.length),
                length: record.length,
                entries: &record.entries,
            });
        }
        Ok(fold.finish(until))
    }
}
