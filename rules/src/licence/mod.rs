//! Licences: central's signed word that an instance or a cluster may use the software, under which contract, and until when.
//!
//! ```text
//!   claims   what a licence says, whose it is, which of two counts
//!   jws      its compact form: three parts, one algorithm, one signature
//!   term     for how long it holds, and from when on it may be renewed
//!   verdict  grace, licence and contract -> what the gate says
//! ```
//!
//! A licence is a JWT (RFC 7519), signed with EdDSA (RFC 8037) by the key that signs central's receipts. What is under its signature
//! begins with `eyJ`, and what is under that of an envelope with `highwater/v1/`: neither can be passed off as the other.
//! `docs/licences.md` tells the format.

mod claims;
mod error;
mod jws;
mod object;
mod term;
mod verdict;

pub use claims::{Claims, Holder, Limits, Mode, Status, Subject};
pub use error::LicenceError;
pub use jws::{TOKEN_MAX_BYTES, read, sign};
pub use term::{
    CHECK_S, CLUSTER_TERM_S, LicenceState, OFFLINE_TERM_S, RENEW_WITHIN_S, SKEW_S, TERM_MAX_S, TERM_S,
    renewal_allowed_from, renewal_wanted_from, state, term, term_s,
};
pub use verdict::{Because, Verdict, contract_changes_in_s, gate};
