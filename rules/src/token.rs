//! Enrolment tokens: what an operator pastes to let an agent join.
//!
//! `hwt_` and 57 bytes in base64url without padding: the version 1, a secret of 20 bytes, the SHA-256 of central's public key, and
//! the first 4 bytes of the SHA-256 of all before them, which tells a token that was mistyped from one that is not known.

use crate::chain::Digest;
use crate::sign::{PublicKey, sha256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Bytes of a token's secret.
pub const SECRET_BYTES: usize = 20;
const PREFIX: &str = "hwt_";
const VERSION: u8 = 1;
const CHECK_BYTES: usize = 4;
const BYTES: usize = 1 + SECRET_BYTES + 32 + CHECK_BYTES;

/// An enrolment token.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolmentToken {
    /// What central knows it by (central keeps its SHA-256 only).
    pub secret: [u8; SECRET_BYTES],
    /// The SHA-256 of the public key that central signs with.
    pub fingerprint: Digest,
}

impl std::fmt::Debug for EnrolmentToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EnrolmentToken(for {})", self.fingerprint.hex())
    }
}

/// Why a text is no enrolment token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It does not look like one.
    #[error("an enrolment token begins with hwt_")]
    Foreign,
    /// A newer central made it.
    #[error("the enrolment token is of a newer version: update highwater")]
    Newer,
    /// It is cut off or mistyped.
    #[error("the enrolment token is incomplete or mistyped: copy it again, whole")]
    Mistyped,
}

impl EnrolmentToken {
    /// A token of a secret, for the central that signs with `key`.
    #[must_use]
    pub fn new(secret: [u8; SECRET_BYTES], key: &PublicKey) -> Self {
        EnrolmentToken { secret, fingerprint: key.fingerprint() }
    }

    /// As the operator sees it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.secret);
        bytes.extend_from_slice(&self.fingerprint.0);
        let check = sha256(&bytes);
        bytes.extend_from_slice(check.0.split_at(CHECK_BYTES).0);
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads a token, with white space around it or not.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let body = text.trim().strip_prefix(PREFIX).ok_or(TokenError::Foreign)?;
        // Longer ones are not even decoded: nothing of a token's size is.
        if body.len() > 2 * BYTES {
            return Err(TokenError::Mistyped);
        }
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| TokenError::Mistyped)?;
        let (&version, _) = bytes.split_first().ok_or(TokenError::Mistyped)?;
        let (body, check) =
            bytes.split_at_checked(bytes.len().saturating_sub(CHECK_BYTES)).ok_or(TokenError::Mistyped)?;
        if !sha256(body).0.starts_with(check) || check.len() != CHECK_BYTES {
            return Err(TokenError::Mistyped);
        }
        if version != VERSION {
            return Err(TokenError::Newer);
        }
        let (secret, fingerprint) =
            body.get(1..).and_then(|rest| rest.split_at_checked(SECRET_BYTES)).ok_or(TokenError::Mistyped)?;
        Ok(EnrolmentToken {
            secret: secret.try_into().map_err(|_| TokenError::Mistyped)?,
            fingerprint: Digest(fingerprint.try_into().map_err(|_| TokenError::Mistyped)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::Identity;
    use proptest::prelude::*;

    fn token() -> EnrolmentToken {
        EnrolmentToken::new([9; SECRET_BYTES], &Identity::from_seed(&[3; 32]).public())
    }

    #[test]
    fn a_token_reads_as_it_was_written() {
        assert_eq!(EnrolmentToken::parse(&format!("  {}\n", token().text())), Ok(token()));
        assert_eq!(token().text().len(), 4 + 76);
    }

    #[test]
    fn every_single_mistyped_letter_is_noticed() {
        let text = token().text();
        for at in 4..text.len() {
            let mut letters = text.clone().into_bytes();
            letters[at] = if letters[at] == b'A' { b'B' } else { b'A' };
            let typed = String::from_utf8(letters).unwrap();
            assert_eq!(EnrolmentToken::parse(&typed), Err(TokenError::Mistyped), "letter {at}");
        }
        assert_eq!(EnrolmentToken::parse("ghp_x"), Err(TokenError::Foreign));
        assert_eq!(EnrolmentToken::parse("hwt_"), Err(TokenError::Mistyped));
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in "(hwt_)?[A-Za-z0-9_-]{0,200}") {
            let _ = EnrolmentToken::parse(&text);
        }
    }
}
