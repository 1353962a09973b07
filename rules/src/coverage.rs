//! Coverage: how much of a day was seen, and why the rest was not.

use crate::meter::GapReason;

/// Slots expected, slots read, and slots missed by reason. `expected` is always the sum of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Slots that have a reading.
    pub read: u32,
    missed: [u32; GapReason::ALL.len()],
}

impl Coverage {
    /// Counts one slot: read, or missed for a reason.
    pub fn count(&mut self, gap: Option<GapReason>) {
        match gap {
            None => self.read = self.read.saturating_add(1),
            Some(reason) => self.miss(reason, 1),
        }
    }

    /// Counts `slots` slots missed for a reason.
    pub fn miss(&mut self, reason: GapReason, slots: u32) {
        if let Some(count) = self.missed.get_mut(usize::from(reason.code()) - 1) {
            *count = count.saturating_add(slots);
        }
    }

    /// Slots missed for a reason.
    #[must_use]
    pub fn missed(&self, reason: GapReason) -> u32 {
        self.missed.get(usize::from(reason.code()) - 1).copied().unwrap_or(0)
    }

    /// The reasons that occurred, with their counts.
    pub fn reasons(&self) -> impl Iterator<Item = (GapReason, u32)> + '_ {
        GapReason::ALL.iter().map(|r| (*r, self.missed(*r))).filter(|(_, count)| *count > 0)
    }

    /// Slots that there were.
    #[must_use]
    pub fn expected(&self) -> u32 {
        self.missed.iter().fold(self.read, |sum, count| sum.saturating_add(*count))
    }
}

/// A stretch of time for which nothing was written, and why. Half-open, in unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// Its first second.
    pub from: i64,
    /// The first second after it.
    pub to: i64,
    /// Why.
    pub reason: GapReason,
}

/// The reason why nothing was written at a moment. Where no outage says, it was the agent that was not there: before its first
/// start, above all.
#[must_use]
pub fn reason_at(outages: &[Outage], unix_s: i64) -> GapReason {
    outages
        .iter()
        .filter(|o| (o.from..o.to).contains(&unix_s))
        .map(|o| o.reason)
        .min()
        .unwrap_or(GapReason::AgentDown)
}
