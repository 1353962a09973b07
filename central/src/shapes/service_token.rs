//! A service token, as others read it: never its secret.

use super::at;
use crate::model::ServiceToken;
use serde::Serialize;

/// What fetches the licences of one contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceTokenShape {
    /// Its id, by which it is revoked. It tells nothing of the secret.
    pub id: String,
    /// The contract whose licences it fetches.
    pub contract: String,
    /// What it is called; may be empty.
    pub name: String,
    /// When it was made.
    pub created_at: String,
    /// It was taken back.
    pub revoked: bool,
}

impl From<ServiceToken> for ServiceTokenShape {
    fn from(token: ServiceToken) -> Self {
        ServiceTokenShape {
            id: token.id,
            contract: token.contract,
            name: token.name,
            created_at: at(token.created_at),
            revoked: token.revoked,
        }
    }
}
