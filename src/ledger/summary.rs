//! Folding a day's slots, as they stand in the ring.

use super::{Ledger, LedgerError};
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
        let outages = self.outages(day.start, day.end, to_seq).map_err(|e| self.failed(e))?;
        let mut fold = DayFold::new(day.clone(), length, &outages);
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
        self.summary_out_of_order(day, from_seq, to_seq, until, length)
    }

    fn summary_out_of_order(
        &self,
        day: &BillingDay,
        from_seq: i64,
        to_seq: i64,
        until: i64,
        length: SlotLength,
    ) -> Result<DaySummary, LedgerError> {
        let outages = self.outages(day.start, day.end, to_seq).map_err(|e| self.failed(e))?;
        let mut fold = DayFold::new(day.clone(), length, &outages);
        let mut slots = Vec::new();
        self.visit(from_seq, to_seq, |slot| {
            if day.holds(slot.record.slot, slot.record.length) && slot.at <= until {
                slots.push(slot.record);
            }
            Ok(())
        })?;
        slots.sort_by_key(|record| record.slot.start(record.length));
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
