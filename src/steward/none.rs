//! A build without Kubernetes support.

use crate::config::Config;
use highwater_rules::record::Mark;

/// What came of an errand: there are none.
#[derive(Clone, Copy)]
pub(crate) enum Ended {}

/// Nothing to do.
pub(crate) struct Steward;

impl Steward {
    pub(crate) const fn new(_: &Config, _: &str, _: &Mark) -> Self {
        Steward
    }

    /// Follows a changed configuration.
    pub(crate) const fn follow(&mut self, _: &Config, _: &Mark) {}

    /// Whether the licence is the cluster's, and renewed by whoever holds the Lease.
    pub(crate) const fn keeps_licence(&self) -> bool {
        false
    }

    /// When something is due next, in unix seconds.
    pub(crate) const fn wake_at(&self, _: &Mark) -> Option<i64> {
        None
    }

    /// Waits for ever.
    pub(crate) async fn ended(&mut self) -> Ended {
        std::future::pending().await
    }
}
