//! How an enrolment token is made: its secret is shown once, and central keeps the SHA-256.

use crate::keys::KeyError;
use crate::model::{By, Confirm, NewToken, Token};
use crate::secrets;
use crate::store::Store;
use highwater_rules::sign::{Identity, sha256};
use highwater_rules::token::{EnrolmentToken, SECRET_BYTES};

/// The most instances that a token with a limit may let join.
pub const USES_MAX: u32 = 1_000_000;
/// The longest that a token with an end holds, in seconds: ten years.
pub const EXPIRES_MAX_S: u64 = 3650 * 86_400;

/// A token to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The contract that instances join under.
    pub contract: String,
    /// How many instances may join; `None` is without a limit.
    pub uses: Option<u32>,
    /// How long it holds, in seconds; `None` is without an end.
    pub expires_in_s: Option<u64>,
    /// What an activation by it needs.
    pub confirm: Confirm,
}

impl Wanted {
    /// Whether it is within its bounds.
    ///
    /// # Errors
    /// The bound that it is not within.
    pub fn check(&self) -> Result<(), String> {
        if self.uses.is_some_and(|uses| !(1..=USES_MAX).contains(&uses)) {
            return Err(format!("a token lets 1 to {USES_MAX} instances join, or any number"));
        }
        if self.expires_in_s.is_some_and(|seconds| !(1..=EXPIRES_MAX_S).contains(&seconds)) {
            return Err("a token holds for 1 second to 10 years, or without an end".to_owned());
        }
        Ok(())
    }
}

/// Makes a token, keeps what is to be kept, and gives its text: that is shown once.
///
/// # Errors
/// [`crate::store::StoreError::Absent`] where there is no such contract; else when the store or the system's random numbers fail.
pub async fn make(store: &dyn Store, wanted: Wanted, by: By) -> Result<(Token, String), KeyError> {
    let kept = store.signing_keys().await?;
    let newest = kept.last().ok_or(KeyError::None)?;
    let secret: [u8; SECRET_BYTES] = secrets::random()?;
    let text = EnrolmentToken::new(secret, &Identity::from_seed(&newest.seed).public()).text();
    let end = |seconds: u64| by.at.saturating_add_unsigned(seconds);
    let new = NewToken {
        secret: sha256(&secret),
        key: newest.id,
        contract: wanted.contract,
        uses: wanted.uses,
        expires_at: wanted.expires_in_s.map(end),
        confirm: wanted.confirm,
    };
    let token = store.create_token(new, by).await?;
    Ok((token, text))
}
