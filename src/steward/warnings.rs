//! What is told as Events: grace that runs out, each hour, and a stage of the gate that is worse than before, once.

use crate::gate::State;
use crate::kubernetes::event::Warning;
use crate::log::at;
use highwater_rules::grace::{Stage, WARNING_S};
use std::collections::BTreeMap;

/// How often a period that runs out is told of, in milliseconds.
const EVERY_MS: i64 = 3_600_000;

/// What is to be told next, and what was.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    stage: Option<Stage>,
    /// A worse stage that is not told yet.
    worse: Option<Warning>,
    /// Grace runs out: the words for it.
    low: Option<Warning>,
    /// When that is to be told next, in milliseconds of the clock since boot.
    low_due_ms: i64,
    /// How often each was told.
    counts: BTreeMap<&'static str, i64>,
}

impl Warnings {
    /// Looks what the gate says now.
    pub(super) fn look(&mut self, state: &State) {
        // At the agent's start the stage is no news; that grace runs out is.
        if self.stage.is_some_and(|before| state.stage > before) {
            self.worse = Some(stage_warning(state));
        }
        if self.worse.is_some() && state.stage == Stage::Open {
            self.worse = None;
        }
        self.stage = Some(state.stage);
        self.low = (state.left_s < WARNING_S).then(|| low_warning(state));
    }

    /// What is due, and how often it was told before.
    pub(super) fn due(&self, now_ms: i64) -> Option<(Warning, Option<i64>)> {
        let low = self.low.as_ref().filter(|_| self.low_due_ms <= now_ms);
        let warning = self.worse.as_ref().or(low)?;
        Some((warning.clone(), self.counts.get(warning.suffix).copied()))
    }

    /// When something is due next.
    pub(super) fn due_ms(&self) -> Option<i64> {
        match (&self.worse, &self.low) {
            (Some(_), _) => Some(0),
            (None, Some(_)) => Some(self.low_due_ms),
            (None, None) => None,
        }
    }

    /// A warning was told, so many times by now.
    pub(super) fn told(&mut self, suffix: &'static str, count: i64, now_ms: i64) {
        self.counts.insert(suffix, count);
        match self.worse.take_if(|worse| worse.suffix == suffix) {
            Some(_) => {}
            None => self.low_due_ms = now_ms.saturating_add(EVERY_MS),
        }
    }
}

fn low_warning(state: &State) -> Warning {
    let receipt = format!("since {} ({})", at(state.since_at), state.since.word());
    let message = format!(
        "{} days of grace left {receipt}: the gate closes on {} unless central gives a receipt before; see that reports reach it",
        state.days_left,
        at(state.grace_end)
    );
    Warning { reason: "GracePeriodLow", message, suffix: "grace-period-low" }
}

fn stage_warning(state: &State) -> Warning {
    let (reason, suffix) = match state.stage {
        Stage::Open | Stage::Warning => ("GateWarning", "gate-warning"),
        Stage::Critical => ("GateCritical", "gate-critical"),
        Stage::Closed => ("GateClosed", "gate-closed"),
    };
    let message = format!(
        "the gate is {} because of {}; {} days of grace are left",
        state.stage.word(),
        state.because.word(),
        state.days_left
    );
    Warning { reason, message, suffix }
}
