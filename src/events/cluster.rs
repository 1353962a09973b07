//! The events of joining by itself, and of the agent's part in a cluster.

use tracing::warn;
#[cfg(feature = "kubernetes")]
use {crate::log::at, highwater_rules::licence::Claims, highwater_rules::node::Node, tracing::info};

/// The instance could not be activated by the configured token.
pub(crate) fn enrolment_failed(error: &str, mend: &str, failures: u32, retry_in_s: i64) {
    warn!(error, mend, failures, retry_in_s, "enrolment_failed");
}

/// The API server told which cluster and which node this is.
#[cfg(feature = "kubernetes")]
pub(crate) fn node_known(node: &Node) {
    let hardware = Some(node.hardware.as_str()).filter(|hardware| !hardware.is_empty());
    info!(cluster = node.cluster.as_str(), node = node.name.as_str(), hardware, "node_known");
}

/// An errand at the API server failed.
#[cfg(feature = "kubernetes")]
pub(crate) fn cluster_failed(errand: &str, error: &dyn std::error::Error, failures: u32, retry_in_s: i64) {
    warn!(errand, %error, failures, retry_in_s, "cluster_failed");
}

/// An errand at the API server succeeds again.
#[cfg(feature = "kubernetes")]
pub(crate) fn cluster_recovered(errand: &str, failures: u32) {
    info!(errand, failures, "cluster_recovered");
}

/// The agent put a licence into the cluster's Secret.
#[cfg(feature = "kubernetes")]
pub(crate) fn cluster_licence_kept(secret: &str, claims: &Claims) {
    let (id, contract, expires_at) = (claims.id.as_str(), claims.contract.as_str(), at(claims.expires_at));
    info!(secret, id, contract, expires_at, "cluster_licence_kept");
}

/// The agent took the Lease over from one that showed no life.
#[cfg(feature = "kubernetes")]
pub(crate) fn lease_taken_over(lease: &str, from: &str) {
    info!(lease, from, "lease_taken_over");
}
