//! Enrolment tokens, as central keeps them: never the secret.

use highwater_rules::chain::Digest;
use highwater_rules::sign::KeyId;
use serde::{Deserialize, Serialize};

super::words! {
    /// What an activation by a token needs.
    Confirm {
        /// Nothing more.
        Auto = "auto",
        /// An operator's confirmation.
        Manual = "manual",
    }
}

/// An enrolment token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its id, by which it is listed and revoked. It tells nothing of the secret.
    pub id: String,
    /// The contract that it is for.
    pub contract: String,
    /// How many more instances may join; `None` is without a limit.
    pub uses_left: Option<u32>,
    /// Its last second.
    pub expires_at: Option<i64>,
    /// What an activation by it needs.
    pub confirm: Confirm,
    /// It was taken back.
    pub revoked: bool,
    /// When it was made.
    pub created_at: i64,
}

/// A token to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// The SHA-256 of its secret.
    pub secret: Digest,
    /// Central's key whose fingerprint it brings.
    pub key: KeyId,
    /// The contract that it is for.
    pub contract: String,
    /// How many instances may join; `None` is without a limit.
    pub uses: Option<u32>,
    /// Its last second.
    pub expires_at: Option<i64>,
    /// What an activation by it needs.
    pub confirm: Confirm,
}
