//! The loop's part in joining by itself, and in the cluster.

use super::{Daemon, look};
use crate::enroller;
use crate::gate::State;
#[cfg(not(feature = "kubernetes"))]
use crate::steward;
use highwater_rules::grace::Stage;
use highwater_rules::record::Mark;

impl Daemon {
    /// Takes up what came of joining by itself.
    pub(super) fn enrolled(&mut self, ended: enroller::Ended) {
        self.enroller.settle(ended, &self.clock.now());
        if look(&mut self.reporter) {
            self.joined();
        }
        self.settle();
    }

    /// Begins what is due: to join, and errands at the API server.
    pub(super) fn look_after_the_cluster(&mut self, state: &State, grace: Stage, now: &Mark) {
        let is_joined = self.reporter.joined().is_some();
        let knows_node = self.recorder.ledger().node().is_some();
        self.enroller.begin_if_due(&self.config, is_joined, knows_node, now);
        self.serve(state, grace, now);
    }

    #[cfg(not(feature = "kubernetes"))]
    fn serve(&mut self, _: &State, _: Stage, _: &Mark) {}

    /// Nothing ends that never begins.
    #[cfg(not(feature = "kubernetes"))]
    pub(super) fn served(&mut self, ended: steward::Ended) {
        match ended {}
    }
}

#[cfg(feature = "kubernetes")]
mod with {
    use super::{Daemon, Mark, Stage, State};
    use crate::renewer::Who;
    use crate::steward::{Ended, LicenceEnd, Look};
    use crate::{events, node};
    use highwater_rules::node::Node;

    impl Daemon {
        pub(super) fn serve(&mut self, state: &State, grace: Stage, now: &Mark) {
            let joined = self.reporter.joined().cloned();
            let (licence, now_s) = (self.keeper.licence_state(), self.keeper.now_s());
            let ask = match self.steward.keeps_licence() {
                true => self.renewer.due(joined.as_deref(), licence, now_s, now),
                false => None,
            };
            let look = Look {
                state,
                grace,
                is_joined: joined.is_some(),
                ask,
                own: self.renewer.own_of_cluster(),
                keys: self.renewer.keys(),
                who: Who::of(self.keeper.standing(), self.recorder.ledger().cluster()),
            };
            self.steward.look(look, now);
        }

        /// Takes up what came of an errand at the API server.
        pub(in crate::daemon) fn served(&mut self, ended: Ended) {
            let now = self.clock.now();
            self.steward.settle(&ended, &now);
            match ended {
                Ended::Node(Ok(node)) => self.follow_node(node, &now),
                Ended::Licence(end) => self.take_up_licence(*end, &now),
                Ended::Node(Err(_)) | Ended::Warned(..) | Ended::Told(_) => {}
            }
            self.settle();
        }

        fn follow_node(&mut self, node: Node, now: &Mark) {
            if self.recorder.ledger().node() == Some(&node) {
                return;
            }
            if let Err(error) = node::store(&self.config.state_dir, &node) {
                self.steward.node_unkept(&error, now);
            }
            events::node_known(&node);
            self.recorder.follow_node(Some(node));
        }

        fn take_up_licence(&mut self, end: LicenceEnd, now: &Mark) {
            if let (Some(token), Some(joined)) = (end.newer, self.reporter.joined().cloned()) {
                let who = Who::of(self.keeper.standing(), self.recorder.ledger().cluster());
                self.renewer.take_up(&[token], &joined, &who);
            }
            let Some(asked) = end.asked else { return };
            if let Some(asked) = asked.asked() {
                self.reporter.pin(&asked.renewed.key, &asked.successions);
            }
            if let Some(joined) = self.reporter.joined().cloned() {
                let who = Who::of(self.keeper.standing(), self.recorder.ledger().cluster());
                self.renewer.settle(asked, &joined, &who, now);
            }
        }
    }
}
