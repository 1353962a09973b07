//! What is told as Events: grace that runs out, each hour, and a stage of the gate that is worse than before, once.

use crate::gate::State;
use crate::kubernetes::event::Warning;
use crate::log::at;
use highwater_rules::grace::Stage;
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
    /// Looks what the gate says now, and where the grace period alone stands.
    pub(super) fn look(&mut self, state: &State, grace: Stage) {
        // At the agent's start the stage is no news; that grace runs out is.
        if self.stage.is_some_and(|before| state.stage > before) {
            self.worse = Some(stage_warning(state));
        }
        if self.worse.is_some() && state.stage == Stage::Open {
            self.worse = None;
        }
        self.stage = Some(state.stage);
        self.low = (grace > Stage::Open).then(|| low_warning(state));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Licence;
    use highwater_rules::grace::Since;
    use highwater_rules::licence::{Because, LicenceState};

    fn state(stage: Stage) -> State {
        State {
            stage,
            because: Because::Grace,
            days_left: 25,
            left_s: 25 * 86_400,
            grace_end: 1_797_160_000,
            ahead_s: 0,
            changes_at: None,
            next_report_due: None,
            contract_end: None,
            licence: Licence { state: LicenceState::Missing, id: None, expires_at: None, renew_from: None },
            since: Since::Receipt,
            since_at: 1_789_384_000,
            instance: "i".to_owned(),
            identity: None,
        }
    }

    fn due(warnings: &Warnings, now_ms: i64) -> Option<&'static str> {
        warnings.due(now_ms).map(|(warning, _)| warning.reason)
    }

    #[test]
    fn grace_that_runs_out_is_told_hourly_and_counted() {
        let mut warnings = Warnings::default();
        assert_eq!((due(&warnings, 0), warnings.due_ms()), (None, None));
        // What was so at the agent's start is told, too.
        warnings.look(&state(Stage::Warning), Stage::Warning);
        assert_eq!(due(&warnings, 5_000), Some("GracePeriodLow"));
        let (warning, count) = warnings.due(5_000).unwrap();
        assert_eq!(count, None);
        warnings.told(warning.suffix, 7, 5_000);
        assert_eq!((due(&warnings, 3_604_999), warnings.due_ms()), (None, Some(3_605_000)));
        warnings.look(&state(Stage::Warning), Stage::Warning);
        let (warning, count) = warnings.due(3_605_000).unwrap();
        assert_eq!((warning.reason, count), ("GracePeriodLow", Some(7)));
        warnings.look(&state(Stage::Open), Stage::Open);
        assert_eq!(due(&warnings, i64::MAX), None);
    }

    #[test]
    fn each_stage_for_the_worse_is_told_once_and_before_the_rest() {
        let mut warnings = Warnings::default();
        let look = |warnings: &mut Warnings, stage, grace| warnings.look(&state(stage), grace);
        look(&mut warnings, Stage::Open, Stage::Open);
        look(&mut warnings, Stage::Warning, Stage::Warning);
        look(&mut warnings, Stage::Warning, Stage::Warning);
        assert_eq!((due(&warnings, 0), warnings.due_ms()), (Some("GateWarning"), Some(0)));
        warnings.told("gate-warning", 1, 0);
        assert_eq!(due(&warnings, 0), Some("GracePeriodLow"));
        // A licence that ended closes the gate while grace goes on.
        look(&mut warnings, Stage::Closed, Stage::Open);
        assert_eq!(due(&warnings, 0), Some("GateClosed"));
        warnings.told("gate-closed", 1, 0);
        assert_eq!(due(&warnings, 0), None);
        look(&mut warnings, Stage::Critical, Stage::Open);
        assert_eq!(due(&warnings, 0), None, "for the better");
        // What was not told before the gate opened again is no news.
        look(&mut warnings, Stage::Closed, Stage::Open);
        look(&mut warnings, Stage::Open, Stage::Open);
        assert_eq!(due(&warnings, 0), None);
    }
}
