//! Folding a day's slots, as they stand in the ring.

use super::{Ledger, LedgerError};
use highwater_rules::day::BillingDay;
use highwater_rules::facts::{DayFacts, FactsFold};
use highwater_rules::peaks::{DayFold, DaySlot, DaySummary};
use highwater_rules::record::SlotRecord;
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
        Ok(self.summary_and_facts(day, from_seq, to_seq, until, length)?.0)
    }

    /// The same, with what a report tells beside it.
    pub(super) fn summary_and_facts(
        &self,
        day: &BillingDay,
        from_seq: i64,
        to_seq: i64,
        until: i64,
        length: SlotLength,
    ) -> Result<(DaySummary, DayFacts), LedgerError> {
        let outages = self.outages(day.start, day.end, to_seq).map_err(|e| self.failed(e))?;
        let show = |show: &mut dyn FnMut(SlotRecord)| {
            self.visit(from_seq, to_seq, |slot| {
                if day.holds(slot.record.slot, slot.record.length) && slot.at <= until {
                    show(slot.record);
                }
                Ok(())
            })
        };
        // Slots come in the order of time, unless the clock was set back: then they are gathered and sorted first.
        let mut fold = DayFold::new(day.clone(), length, &outages);
        let mut facts = FactsFold::new(day.clone());
        let mut last = i64::MIN;
        let mut in_order = true;
        show(&mut |record| {
            let start = start(&record);
            in_order &= start >= last;
            last = start;
            fold.add(day_slot(&record));
            facts.add(&record);
        })?;
        if in_order {
            return Ok((fold.finish(until), facts.finish()));
        }
        let mut slots = Vec::new();
        show(&mut |record| slots.push(record))?;
        slots.sort_by_key(start);
        let mut fold = DayFold::new(day.clone(), length, &outages);
        let mut facts = FactsFold::new(day.clone());
        for record in &slots {
            fold.add(day_slot(record));
            facts.add(record);
        }
        Ok((fold.finish(until), facts.finish()))
    }
}

fn start(record: &SlotRecord) -> i64 {
    record.slot.start(record.length)
}

fn day_slot(record: &SlotRecord) -> DaySlot<'_> {
    DaySlot { start: start(record), length: record.length, entries: &record.entries }
}
