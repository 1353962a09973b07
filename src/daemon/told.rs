//! What others are told at the end of a turn: those who ask the gate, and the service manager.

use super::Daemon;
use crate::events;
use crate::gate::{Licence, State};
use crate::keeper::{self, Ruling, Standing};
use crate::notify::Status;
use highwater_rules::record::{Mark, SlotRecord};

/// What the gate is to tell.
fn told(instance: &str, standing: &Standing, ruling: &Ruling, due: Option<i64>, now_s: i64) -> State {
    let (grace, licence) = (&ruling.grace, &ruling.licence);
    State {
        stage: ruling.verdict.stage,
        because: ruling.verdict.because,
        days_left: grace.days_left,
        left_s: grace.left_s,
        grace_end: grace.end,
        ahead_s: grace.ahead_s,
        changes_at: ruling.changes_in_s.map(|in_s| now_s.saturating_add(in_s)),
        next_report_due: due,
        contract_end: standing.contract_end,
        licence: Licence {
            state: licence.state,
            id: licence.id.clone(),
            expires_at: licence.expires_at,
            renew_from: licence.renew_from,
        },
        since: grace.since.since,
        since_at: grace.since.at_s,
        instance: instance.to_owned(),
        identity: standing.identity.clone(),
    }
}

impl Daemon {
    /// Brings the gate up to date, and what the service manager shows.
    pub(super) fn tell(&mut self, ruling: &Ruling, now: &Mark) {
        let now_s = now.wall_ms.div_euclid(1000);
        let ledger = self.recorder.ledger();
        let standing = self.keeper.standing();
        // Where the ledger can't be asked, another part of the loop tells so.
        let due =
            keeper::next_report_due(ledger, &self.config.sampling.calendar, standing, now_s).unwrap_or(None);
        let state = told(ledger.instance(), standing, ruling, due, now_s);
        let shown = self.gate.show(&state, now_s);
        if let Some((previous, _)) = shown.changed {
            events::gate_changed(previous, &state);
        }
        shown.error.iter().for_each(events::gate_failed);
        if shown.recovered {
            events::gate_recovered();
        }
        if self.manager.listens() {
            let ledger = &self.figures.ledger;
            self.manager.status(&Status {
                stage: state.stage,
                days_left: state.days_left,
                last_sample_at: self.recorder.previous().map(SlotRecord::at),
                waiting: self.recorder.ledger().outbox_counts().ok().map(|counts| counts.pending),
                unwritten: ledger.is_failing.then_some(ledger.waiting),
                now_s,
            });
        }
        self.look_after_the_cluster(&state, ruling.grace.stage, now);
        self.publish(state, now_s);
    }
}
