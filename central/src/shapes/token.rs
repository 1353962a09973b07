//! An enrolment token, as others read it: never its secret.

use super::at;
use crate::model::{Confirm, Token};
use serde::Serialize;

/// What an operator hands out so that instances may join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Token)]
pub struct TokenShape {
    /// Its id, by which it is revoked. It tells nothing of the secret.
    #[schema(format = "uuid")]
    pub id: String,
    /// The contract that it is for.
    #[schema(format = "uuid")]
    pub contract: String,
    /// How many more instances may join; null is without a limit.
    #[schema(required)]
    pub uses_left: Option<u32>,
    /// Its last second; null where it has none.
    #[schema(format = DateTime, required)]
    pub expires_at: Option<String>,
    /// What an activation by it needs.
    pub confirm: Confirm,
    /// It was taken back.
    pub revoked: bool,
    /// When it was made.
    #[schema(format = DateTime)]
    pub created_at: String,
}

impl From<Token> for TokenShape {
    fn from(token: Token) -> Self {
        TokenShape {
            id: token.id,
            contract: token.contract,
            uses_left: token.uses_left,
            expires_at: token.expires_at.map(at),
            confirm: token.confirm,
            revoked: token.revoked,
            created_at: at(token.created_at),
        }
    }
}
