//! What there is to tell.

use crate::gate::State;
use crate::log::Logged;
use highwater_rules::record::SlotRecord;
use std::collections::BTreeMap;

/// What there is to tell of the agent, counted since its start. Moments are unix seconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    /// When the agent began.
    pub(crate) started_at: i64,
    /// The slot's length, in seconds.
    pub(crate) slot_s: i64,
    /// Slots sampled.
    pub(crate) samples: u64,
    /// Slots missed, by the word of their reason.
    pub(crate) missed: BTreeMap<&'static str, u64>,
    /// Days closed.
    pub(crate) day_closes: u64,
    /// The record of the last slot sampled.
    pub(crate) last: Option<SlotRecord>,
    /// How long its sources took, in milliseconds.
    pub(crate) took_ms: i64,
    /// The sources, and whether each gave all of its series.
    pub(crate) sources: Vec<(String, bool)>,
    /// What the gate tells.
    pub(crate) gate: Option<State>,
    /// The ledger.
    pub(crate) ledger: LedgerFigures,
    /// The outbox; `None` where it can't be asked.
    pub(crate) reports: Option<ReportFigures>,
    /// What was logged.
    pub(crate) logged: Vec<Logged>,
}

/// How writing to the ledger goes.
#[derive(Debug, Clone, Default)]
pub(crate) struct LedgerFigures {
    /// The last record could not be written.
    pub(crate) is_failing: bool,
    /// Records that wait in memory.
    pub(crate) waiting: usize,
    /// Records that there was no room for.
    pub(crate) dropped: u64,
}

/// Reports in the outbox.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ReportFigures {
    /// Those that wait for their receipt.
    pub(crate) waiting: i64,
    /// Those that central refused for good.
    pub(crate) parked: i64,
}
