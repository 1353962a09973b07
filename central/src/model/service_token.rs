//! Service tokens: what fetches the licences of one contract, and may do nothing else. Central keeps their SHA-256 only.

use highwater_rules::chain::Digest;
use serde::Serialize;

/// A service token, as central keeps it: never the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceToken {
    /// Its id, by which it is listed and revoked. It tells nothing of the secret.
    pub id: String,
    /// The contract whose licences it fetches.
    pub contract: String,
    /// What it is called; may be empty.
    pub name: String,
    /// When it was made.
    pub created_at: i64,
    /// It was taken back.
    pub revoked: bool,
}

/// A service token to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewServiceToken {
    /// The SHA-256 of its secret.
    pub secret: Digest,
    /// The contract whose licences it fetches.
    pub contract: String,
    /// What it is called; may be empty.
    pub name: String,
}
