//! The events of licences.

use crate::log::at;
use highwater_rules::licence::{Claims, Mode, renewal_wanted_from};
use tracing::{debug, error, info, warn};

/// A licence counts that did not before.
pub(crate) fn licence_renewed(claims: &Claims) {
    info!(
        id = claims.id.as_str(),
        mode = claims.mode.word(),
        contract = claims.contract.as_str(),
        expires_at = at(claims.expires_at),
        renew_from = renew_from(claims),
        contract_end = claims.contract_end.map(at),
        "licence_renewed"
    );
}

/// A file holds no licence that counts, or one that came could not be kept.
pub(crate) fn licence_unusable(error: &dyn std::error::Error) {
    warn!(%error, "licence_unusable");
}

/// Central was asked for a licence, and gave none.
pub(crate) fn licence_failed(error: &str, mend: &str, failures: Option<u32>, retry_in_s: i64) {
    warn!(error, mend, failures, retry_in_s, "licence_failed");
}

/// Central was asked for a licence sooner than it gives one.
pub(crate) fn licence_early(allowed_from: i64) {
    debug!(allowed_from = at(allowed_from), "licence_early");
}

/// The licence that counts has ended.
pub(crate) fn licence_expired(claims: &Claims) {
    let (id, mode, expired_at) = (claims.id.as_str(), claims.mode.word(), at(claims.expires_at));
    let mend = match claims.mode {
        Mode::Online => {
            "the agent goes on asking central for the next one: `highwater license renew` tells what hinders it"
        }
        Mode::Offline => "fetch the next one from central, and give it to `highwater license install`",
    };
    warn!(id, mode, expired_at, mend, "licence_expired");
}

/// Central took the licence back.
pub(crate) fn licence_revoked(claims: &Claims) {
    let (id, contract, revoked_at) = (claims.id.as_str(), claims.contract.as_str(), at(claims.issued_at));
    error!(
        id,
        contract,
        revoked_at,
        mend = "ask the vendor why; a new licence opens the gate",
        "licence_revoked"
    );
}

/// The contract wants other slots than the configuration.
pub(crate) fn licence_slot(slot_s: u64, interval_s: i64) {
    let mend = format!("set sampling.interval = \"{slot_s}s\"");
    warn!(slot_s, interval_s, mend, "licence_slot");
}

/// When it is asked for the next one; an offline licence never renews itself.
fn renew_from(claims: &Claims) -> Option<String> {
    Some(renewal_wanted_from(claims)).filter(|from| *from < claims.expires_at).map(at)
}
