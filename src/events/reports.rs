//! The events of reports: pushed, carried, receipted.

use crate::log::at;
use highwater_rules::chain::Digest;
use tracing::{error, info, warn};

pub(crate) fn report_accepted(
    sequence: u64,
    day: &str,
    time_zone: &str,
    partial: bool,
    received_at: i64,
    digest: &Digest,
) {
    info!(
        sequence,
        day,
        time_zone,
        partial = partial.then_some(true),
        received_at = at(received_at),
        digest = digest.hex(),
        "report_accepted"
    );
}

pub(crate) fn report_parked(sequence: u64, day: &str, time_zone: &str, why: &str) {
    error!(sequence, day, time_zone, error = why, "report_parked");
}

pub(crate) fn push_failed(error: &str, mend: &str, failures: u32, retry_in_s: i64) {
    warn!(error, mend, failures, retry_in_s, "push_failed");
}

pub(crate) fn push_recovered(failures: u32) {
    info!(failures, "push_recovered");
}

/// What central answered to an export was taken in.
pub(crate) fn imported(accepted: u64, already: u64, parked: usize, renewed: bool, error: Option<&str>) {
    if error.is_some() {
        warn!(accepted, already, parked, grace_renewed = renewed, error, "imported");
    } else {
        info!(accepted, already, parked, grace_renewed = renewed, "imported");
    }
}

/// A bundle was put into the object store.
pub(crate) fn bundle_uploaded(reports: usize, bytes: usize) {
    info!(reports, bytes, "bundle_uploaded");
}

/// A bundle of receipts was fetched: from the object store, or with central's answer to the request for a place.
pub(crate) fn receipts_fetched(bytes: usize, is_contact: bool) {
    info!(bytes, by = if is_contact { "contact" } else { "object" }, "receipts_fetched");
}

/// The bytes of reports that central has were dropped.
pub(crate) fn pruned(reports: i64, bytes: i64) {
    info!(reports, bytes, "pruned");
}
