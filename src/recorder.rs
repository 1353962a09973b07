//! From a sample to the ledger: which slot is due, what its record says, and what to do while the ledger can't be written.

use crate::ledger::{Closed, Ledger, LedgerError, Plan};
use crate::sampler::Sample;
use highwater_rules::assemble;
use highwater_rules::day::BillingDay;
use highwater_rules::meter::GapReason;
use highwater_rules::node::Node;
use highwater_rules::record::{Mark, Missed, SlotRecord};
use highwater_rules::slot::Slot;
use std::collections::VecDeque;
use std::path::PathBuf;

/// How many records wait in memory while the disk is full: a day of five-minute slots.
pub const PENDING_MAX_SLOTS: usize = 288;

/// A slot to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Which.
    pub slot: Slot,
    /// The end of the last slot written before it in time, where the clock was set back.
    resumed_after: Option<i64>,
}

/// What became of a sample.
#[derive(Debug)]
pub struct Recorded {
    /// What was recorded.
    pub record: SlotRecord,
    /// Days that this closed.
    pub closed: Vec<Closed>,
    /// Why the ledger can't be written, if so; what was recorded then waits.
    pub failure: Option<LedgerError>,
    /// Where a ledger found damaged was moved to.
    pub moved_aside: Option<PathBuf>,
    /// The ledger's files had been removed or replaced, and it was opened again.
    pub opened_again: bool,
    /// Records that wait in memory.
    pub pending: usize,
    /// Records that there was no room for: they became gaps.
    pub dropped: usize,
}

/// A record that is not written yet, and the notes that belong with it.
#[derive(Debug)]
struct Waiting {
    record: SlotRecord,
    notes: Vec<(String, String)>,
}

/// Keeps the record of one instance.
#[derive(Debug)]
pub struct Recorder {
    ledger: Ledger,
    plan: Plan,
    previous: Option<SlotRecord>,
    /// The end of the latest slot recorded: later than the last record's own where the clock was set back.
    latest_at: i64,
    pending: VecDeque<Waiting>,
    /// The day of the last record whose past days are known to be closed.
    closed_before: Option<BillingDay>,
}

impl Recorder {
    /// A recorder on a ledger.
    ///
    /// # Errors
    /// When the ledger's rows can't be read.
    pub fn new(ledger: Ledger, plan: Plan) -> Result<Self, LedgerError> {
        let previous = ledger.last()?.map(|stored| stored.record);
        let latest_at = ledger.latest_seen()?;
        Ok(Recorder { ledger, plan, previous, latest_at, pending: VecDeque::new(), closed_before: None })
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The ledger, for what is written beside the slots.
    pub fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// The record made last.
    #[must_use]
    pub fn previous(&self) -> Option<&SlotRecord> {
        self.previous.as_ref()
    }

    /// The notes that sources left last, written or not.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn notes(&self) -> Result<Vec<(String, String)>, LedgerError> {
        let mut notes = Vec::new();
        for waiting in self.pending.iter().rev() {
            add_older(&mut notes, waiting.notes.clone());
        }
        add_older(&mut notes, self.ledger.notes()?);
        Ok(notes)
    }

    /// Follows a changed configuration.
    ///
    /// # Errors
    /// When the ledger can't be made to follow; all then stays as it was.
    pub fn follow(&mut self, plan: Plan) -> Result<(), LedgerError> {
        self.ledger.follow(plan.clone())?;
        self.plan = plan;
        self.closed_before = None;
        Ok(())
    }

    /// Lets the next report tell another node.
    pub fn follow_node(&mut self, node: Option<Node>) {
        self.plan.node.clone_from(&node);
        self.ledger.follow_node(node);
    }

    /// The slot that is due at `now`, if it has not been read already. At the agent's start only one that follows the last record
    /// is: of any other it did not see the end.
    ///
    /// # Errors
    /// When the ledger can't be asked.
    pub fn due(&self, now: &Mark, starting: bool) -> Result<Option<Due>, LedgerError> {
        let length = self.plan.length;
        let Some(slot) = assemble::due(now, length) else { return Ok(None) };
        let Some(previous) = &self.previous else {
            return Ok((!starting).then_some(Due { slot, resumed_after: None }));
        };
        if starting && !assemble::follows(previous, slot, length) {
            return Ok(None);
        }
        if previous.at().max(self.latest_at) <= slot.start(length) {
            return Ok(Some(Due { slot, resumed_after: None }));
        }
        // The clock was set back, perhaps some slots ago, or it is early in the slot after the one just read.
        let overlaps =
            |r: &SlotRecord| r.at() > slot.start(length) && r.slot.start(r.length) < slot.end(length);
        if overlaps(previous)
            || self.pending.iter().any(|waiting| overlaps(&waiting.record))
            || self.ledger.has(slot, length)?
        {
            return Ok(None);
        }
        let written = self.ledger.last_before(slot.start(length))?;
        let waiting = self
            .pending
            .iter()
            .map(|waiting| waiting.record.at())
            .filter(|at| *at <= slot.start(length))
            .max();
        Ok(Some(Due { slot, resumed_after: written.max(waiting) }))
    }

    /// Records a sample of the slot that was due.
    pub fn record(&mut self, due: Due, now: Mark, sample: Sample) -> Recorded {
        let mut record = assemble::record(
            self.previous.as_ref(),
            due.resumed_after,
            due.slot,
            self.plan.length,
            now,
            sample.seen,
            &sample.missing,
        );
        record.add(sample.bursts);
        self.latest_at = self.latest_at.max(record.at());
        self.previous = Some(record.clone());
        self.pending.push_back(Waiting { record: record.clone(), notes: sample.notes });
        let mut recorded = Recorded {
            record,
            closed: Vec::new(),
            failure: None,
            moved_aside: None,
            opened_again: false,
            pending: 0,
            dropped: 0,
        };
        self.flush(&mut recorded);
        recorded.dropped = self.drop_excess();
        recorded.pending = self.pending.len();
        recorded
    }

    /// Writes what waits and seals the chain, as before the agent ends.
    ///
    /// # Errors
    /// When the ledger can't be written.
    pub fn seal(&mut self) -> Result<(), LedgerError> {
        self.flush_pending()?;
        self.ledger.seal()
    }

    fn flush_pending(&mut self) -> Result<(), LedgerError> {
        while let Some(Waiting { record, notes }) = self.pending.front() {
            self.ledger.append(record, notes)?;
            self.pending.pop_front();
        }
        Ok(())
    }

    fn flush(&mut self, recorded: &mut Recorded) {
        let in_place = if self.ledger.is_in_place() {
            Ok(())
        } else {
            recorded.opened_again = true;
            self.closed_before = None;
            self.ledger.open_again()
        };
        let mut written = in_place.and_then(|()| self.flush_pending());
        if written.as_ref().is_err_and(LedgerError::is_damage) {
            written = self.ledger.begin_anew().and_then(|aside| {
                recorded.moved_aside = Some(aside);
                self.closed_before = None;
                self.flush_pending()
            });
        }
        let closed = written.and_then(|()| self.close_days(&recorded.record));
        match closed {
            Ok(closed) => recorded.closed = closed,
            Err(error) => recorded.failure = Some(error),
        }
    }

    /// Closes the days before the record's, and its own with its last slot. Asked once a day, not once a slot.
    fn close_days(&mut self, record: &SlotRecord) -> Result<Vec<Closed>, LedgerError> {
        let day = self.plan.calendar.day_of(record.slot, record.length);
        if self.closed_before.as_ref() == Some(&day) && record.at() < day.end {
            return Ok(Vec::new());
        }
        let closed = self.ledger.close_days(record.at())?;
        self.closed_before = Some(day);
        Ok(closed)
    }

    /// What there is no room for becomes a gap, told by the record after it.
    fn drop_excess(&mut self) -> usize {
        let mut dropped = 0;
        while self.pending.len() > PENDING_MAX_SLOTS {
            let Some(Waiting { record: lost, notes }) = self.pending.pop_front() else { break };
            dropped += 1;
            if let Some(Waiting { record: next, notes: newer }) = self.pending.front_mut() {
                add_older(newer, notes);
                let gap = Missed { first: lost.slot, last: lost.slot, reason: GapReason::AgentDown };
                let own = std::mem::take(&mut next.missed);
                next.missed = lost.missed;
                for run in std::iter::once(gap).chain(own) {
                    push_run(&mut next.missed, run);
                }
            }
        }
        dropped
    }
}

/// Adds the notes of those that have left no newer one.
fn add_older(notes: &mut Vec<(String, String)>, older: Vec<(String, String)>) {
    for (source, note) in older {
        if !notes.iter().any(|(known, _)| *known == source) {
            notes.push((source, note));
        }
    }
}

/// Adds a run of missed slots behind others, and to the last of them where it goes on with the same reason.
fn push_run(runs: &mut Vec<Missed>, run: Missed) {
    match runs.last_mut() {
        Some(last) if last.reason == run.reason && last.last.next() == run.first => last.last = run.last,
        _ => runs.push(run),
    }
}
