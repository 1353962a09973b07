//! Central's own keys and tokens.

use highwater_rules::sign::{KEY_BYTES, KeyId};
use serde::Serialize;

/// A key that central signs with, or did. Old ones are kept: their receipts must come out the same.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Its id.
    pub id: KeyId,
    /// Its secret.
    pub seed: [u8; KEY_BYTES],
    /// When it was made.
    pub made_at: i64,
    /// The envelope of the succession by which the key before it gave way; `None` for the first.
    pub succession: Option<Vec<u8>>,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.id.hex())
    }
}

/// A token that opens the administration, as central keeps it: never the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdminToken {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// When it was made.
    pub created_at: i64,
    /// It was taken back.
    pub revoked: bool,
}
