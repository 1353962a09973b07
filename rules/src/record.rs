//! What one slot says: its readings and gaps, the counters behind them, and the slots missed since the one before.

use crate::meter::{CountRule, GapReason, Series};
use crate::slot::{Slot, SlotLength};

/// One reading of all the clocks, taken together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Wall clock, in unix milliseconds. May be set to anything by anyone.
    pub wall_ms: i64,
    /// `CLOCK_MONOTONIC`, in milliseconds since the boot: stands still while the host is suspended, never set.
    pub mono_ms: i64,
    /// `CLOCK_BOOTTIME`, in milliseconds since the boot: the same, but counts the time suspended.
    pub boot_ms: i64,
    /// The kernel's boot id: another one means another boot, and that no clock or counter above can be compared.
    pub boot_id: String,
}

/// A cumulative counter, as its source told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Bytes received, or sessions so far.
    pub first: u64,
    /// Bytes sent, where the meter has two directions.
    pub second: Option<u64>,
    /// Which life of the counter this is (a proxy's process id, say): under another one it began anew.
    pub incarnation: u64,
}

/// The two directions of network traffic, in bit/s, and how they make one figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Directions {
    /// Received.
    pub rx: f64,
    /// Sent.
    pub tx: f64,
    /// How they make the billable figure.
    pub rule: CountRule,
}

/// A figure in its meter's base unit. Finite and not negative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// The billable figure.
    pub value: f64,
    /// Its parts, for network throughput.
    pub directions: Option<Directions>,
}

impl Reading {
    /// A reading without directions.
    #[must_use]
    pub const fn plain(value: f64) -> Self {
        Reading { value, directions: None }
    }

    /// A reading made of two directions.
    #[must_use]
    pub fn directed(directions: Directions) -> Self {
        Reading { value: directions.rule.apply(directions.rx, directions.tx), directions: Some(directions) }
    }
}

/// What a slot says of one series: a reading, or why there is none, and the counters read at the slot's end, from which the
/// next slot's figure is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Of what.
    pub series: Series,
    /// The reading, or why there is none.
    pub outcome: Result<Reading, GapReason>,
    /// The counters behind it, where the source has counters and gave them.
    pub counters: Option<Counters>,
}

/// A run of slots for which nothing was written, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// The first of them.
    pub first: Slot,
    /// The last of them.
    pub last: Slot,
    /// Why.
    pub reason: GapReason,
}

/// What one slot says. The unit of the ledger's ring and of its hash chain.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotRecord {
    /// Which slot.
    pub slot: Slot,
    /// How long it is.
    pub length: SlotLength,
    /// The clocks when it was read.
    pub taken: Mark,
    /// How far the wall clock was set since the record before, in milliseconds (forward is positive); 0 where it ran true.
    pub clock_step_ms: i64,
    /// The slots missed since the record before, oldest first.
    pub missed: Vec<Missed>,
    /// One entry a series, ordered by series, none twice.
    pub entries: Vec<Entry>,
}

impl SlotRecord {
    /// The end of its slot, in unix seconds.
    #[must_use]
    pub fn at(&self) -> i64 {
        self.slot.end(self.length)
    }

    /// Adds entries of series that it does not have yet.
    pub fn add(&mut self, entries: Vec<Entry>) {
        self.entries.extend(entries);
        self.entries.sort_by(|one, other| one.series.cmp(&other.series));
        self.entries.dedup_by(|later, first| later.series == first.series);
    }

    /// Why the instance's slot does not count as read, if so: the farthest-reaching reason among its gaps. A burst that is not known
    /// leaves the slot's figures what they are.
    #[must_use]
    pub fn gap(&self) -> Option<GapReason> {
        let figures = self.entries.iter().filter(|e| !e.series.meter.is_burst());
        figures.filter_map(|e| e.outcome.err()).min()
    }
}
