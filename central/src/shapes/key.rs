//! Central's own keys and tokens, as others read them: never their secrets.

use super::at;
use crate::model::{AdminToken, SigningKey};
use highwater_rules::sign::{Identity, hex};
use serde::Serialize;

/// A key that central signs receipts with, or did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Key)]
pub struct KeyShape {
    /// Its id, in hexadecimal.
    pub id: String,
    /// 32 bytes of Ed25519, in hexadecimal.
    pub public_key: String,
    /// The SHA-256 of the public key, in hexadecimal: what enrolment tokens carry.
    pub fingerprint: String,
    /// When it was made.
    #[schema(format = DateTime)]
    pub made_at: String,
    /// It signs now. The others are kept for what they signed.
    pub current: bool,
}

impl KeyShape {
    /// All keys, oldest first, as the store gives them: the last one signs.
    #[must_use]
    pub fn all(keys: &[SigningKey]) -> Vec<Self> {
        keys.iter()
            .enumerate()
            .map(|(index, key)| {
                let public = Identity::from_seed(&key.seed).public();
                KeyShape {
                    id: key.id.hex(),
                    public_key: hex(&public.bytes()),
                    fingerprint: public.fingerprint().hex(),
                    made_at: at(key.made_at),
                    current: index + 1 == keys.len(),
                }
            })
            .collect()
    }
}

/// A token of the administration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdminTokenShape {
    /// Its id, by which it is revoked. It tells nothing of the secret.
    pub id: String,
    /// What it is called: the audit trail names it so.
    pub name: String,
    /// When it was made.
    pub created_at: String,
    /// It was taken back.
    pub revoked: bool,
}

impl From<AdminToken> for AdminTokenShape {
    fn from(token: AdminToken) -> Self {
        AdminTokenShape {
            id: token.id,
            name: token.name,
            created_at: at(token.created_at),
            revoked: token.revoked,
        }
    }
}
