//! The report of the day that is open: made, or only shown.

use super::outbox::{DayReport, Fate};
use super::{Ledger, LedgerError};
use highwater_rules::report::{self, ChainSpan};
use highwater_rules::sign::sha256;

impl Ledger {
    /// Makes a report of the day that is open, up to the slot written last. A later report of the day supersedes it. Where the report
    /// made last tells all of that and still waits, it is that one. `None` where no day is open.
    ///
    /// # Errors
    /// When it can't be read or made durable.
    pub fn report_open_day(&mut self) -> Result<Option<u64>, LedgerError> {
        let waiting = self.told_so_far()?;
        let made = self.open_day(|day| {
            if waiting.is_some() {
                return Ok((waiting, false));
            }
            let transaction = self.connection.unchecked_transaction()?;
            let sequence = self.add_report(&transaction, day)?;
            transaction.commit()?;
            Ok((Some(sequence), true))
        })?;
        let Some((sequence, is_new)) = made else { return Ok(None) };
        if is_new {
            self.mirror_if_possible(None);
        }
        Ok(sequence)
    }

    /// What [`Ledger::report_open_day`] would make, as its bytes; nothing is written. `None` where it would make none: no day is open,
    /// or the report that tells it all waits already.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn draft_open_day(&self) -> Result<Option<Vec<u8>>, LedgerError> {
        if !self.has_outbox || self.told_so_far()?.is_some() {
            return Ok(None);
        }
        self.open_day(|day| Ok(self.payload(&self.connection, day)?.1))
    }

    /// The report made last, where it is of an open day, waits, is what was made, and no slot was written since.
    fn told_so_far(&self) -> Result<Option<u64>, LedgerError> {
        let newest = self.reports(1)?.pop();
        let newest = newest.filter(|newest| newest.partial && newest.fate == Fate::Pending);
        Ok(newest.and_then(|newest| {
            let is_whole = sha256(&newest.payload) == newest.digest;
            let chain = report::read(&newest.payload).ok().filter(|_| is_whole)?.chain?;
            let is_last =
                chain.last_row == self.head.seq.cast_unsigned() && chain.last_digest == self.head.digest.0;
            is_last.then_some(newest.sequence)
        }))
    }

    /// Gives what is told of the open day, up to the slot written last; `None` where no day is open.
    fn open_day<T>(
        &self,
        give: impl FnOnce(&DayReport<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, LedgerError> {
        let Some(last) = self.last()? else { return Ok(None) };
        let day = self.plan.calendar.day_of(last.record.slot, last.record.length);
        let date = day.date.to_string();
        let zone = self.plan.calendar.name().to_owned();
        let row = self.days(&date, &date)?.into_iter().find(|row| row.time_zone == zone);
        let Some(row) = row.filter(|row| row.closed_at.is_none()) else { return Ok(None) };
        let (summary, facts) =
            self.summary_and_facts(&day, row.first_seq, self.head.seq, last.at, self.plan.length)?;
        let chain = ChainSpan {
            first_row: row.first_seq,
            last_row: self.head.seq,
            first_digest: row.first_digest,
            last_digest: self.head.digest,
        };
        let report = DayReport {
            summary: &summary,
            facts: &facts,
            time_zone: &zone,
            slot_s: self.plan.length.seconds(),
            revision: None,
            chain,
            made_at: last.at,
        };
        give(&report).map(Some).map_err(|e| self.failed(e))
    }
}
