//! The loop's part in keeping the licence.

use super::Daemon;
use crate::renewer::{self, Who};
use highwater_rules::record::Mark;

impl Daemon {
    /// Takes up licences that central offered and files that changed, and begins to ask for the next one where it is time to.
    pub(super) fn look_after_the_licence(&mut self, now: &Mark) {
        let joined = self.reporter.joined().cloned();
        let who = Who::of(self.keeper.standing(), self.recorder.ledger().cluster());
        let offered = self.reporter.take_offered();
        if let Some(joined) = &joined {
            self.renewer.take_up(&offered, joined, &who);
        }
        if self.renewer.look(joined.as_deref(), &who) {
            self.keeper.follow_licence(self.renewer.claims().cloned());
        }
        let (state, now_s) = (self.keeper.licence_state(), self.keeper.now_s());
        self.renewer.tell(state, self.config.sampling.interval.seconds());
        // In a cluster that keeps the licence, whoever holds the Lease asks for all.
        if !self.steward.keeps_licence() {
            self.renewer.begin_if_due(joined.as_deref(), state, now_s, now);
        }
    }

    /// Takes up what central answered when it was asked for a licence.
    pub(super) fn renewed(&mut self, ended: renewer::Ended) {
        let now = self.clock.now();
        if let Some(asked) = ended.asked() {
            self.reporter.pin(&asked.renewed.key, &asked.successions);
        }
        if let Some(joined) = self.reporter.joined() {
            self.renewer.settle(
                ended,
                joined,
                &Who::of(self.keeper.standing(), self.recorder.ledger().cluster()),
                &now,
            );
        }
        self.settle();
    }
}
