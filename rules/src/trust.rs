//! Central's keys as an agent trusts them: one is pinned, and only a key that the pinned one named can take its place.

use crate::chain::Digest;
use crate::sign::{KeyId, PublicKey, SealError};
use highwater_proto::v1::{Envelope, Kind, Succession};
use prost::Message as _;

/// How many successions are followed at once.
pub const SUCCESSIONS_MAX: usize = 64;

/// Why a key is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The key is not the one whose fingerprint is pinned.
    #[error("central's key {found} is not the pinned one ({pinned})")]
    Fingerprint {
        /// The fingerprint of the key that was shown.
        found: String,
        /// The one that is pinned.
        pinned: String,
    },
    /// 32 bytes that are no key.
    #[error("central sent what is no Ed25519 key")]
    NoKey,
    /// A succession is not signed by the key before it.
    #[error("a succession of central's key is not signed by the key before it: {0}")]
    Succession(#[from] SealError),
    /// A succession can't be read.
    #[error("a succession of central's key can't be read")]
    Malformed,
    /// There are more of them than anyone makes.
    #[error("central sent more than {SUCCESSIONS_MAX} successions of its key")]
    TooMany,
}

/// The key that is trusted after `pinned` gave way along `successions`. Those before `pinned` are passed over: a sender may show
/// the whole line.
///
/// # Errors
/// When one of them is not signed by the key before it.
pub fn follow(pinned: &PublicKey, successions: &[Envelope]) -> Result<PublicKey, TrustError> {
    if successions.len() > SUCCESSIONS_MAX {
        return Err(TrustError::TooMany);
    }
    let mut key = pinned.clone();
    let from = successions.iter().position(|s| KeyId::from_slice(&s.key_id) == Some(pinned.id()));
    for envelope in successions.iter().skip(from.unwrap_or(successions.len())) {
        let payload = key.open(envelope, Kind::Succession)?;
        let succession = Succession::decode(payload).map_err(|_| TrustError::Malformed)?;
        key = PublicKey::from_slice(&succession.next_key).ok_or(TrustError::NoKey)?;
    }
    Ok(key)
}

/// The key that a token pins, as central showed it.
///
/// # Errors
/// When it is another.
pub fn pin(fingerprint: &Digest, shown: &[u8]) -> Result<PublicKey, TrustError> {
    let key = PublicKey::from_slice(shown).ok_or(TrustError::NoKey)?;
    if key.fingerprint() == *fingerprint {
        return Ok(key);
    }
    Err(TrustError::Fingerprint { found: key.fingerprint().hex(), pinned: fingerprint.hex() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::Identity;

    fn key(n: u8) -> Identity {
        Identity::from_seed(&[n; 32])
    }

    fn handover(from: u8, to: u8) -> Envelope {
        let succession = Succession { next_key: key(to).public().bytes().to_vec(), made_at: 0 };
        key(from).seal(Kind::Succession, succession.encode_to_vec())
    }

    #[test]
    fn trust_goes_along_an_unbroken_line_only() {
        let line = [handover(1, 2), handover(2, 3)];
        assert_eq!(follow(&key(1).public(), &line), Ok(key(3).public()));
        assert_eq!(
            follow(&key(2).public(), &line),
            Ok(key(3).public()),
            "a line may begin before the pinned key"
        );
        assert_eq!(follow(&key(3).public(), &line), Ok(key(3).public()));
        assert_eq!(follow(&key(9).public(), &line), Ok(key(9).public()), "a stranger's line changes nothing");
        let broken = [handover(1, 2), handover(9, 3)];
        assert_eq!(follow(&key(1).public(), &broken), Err(TrustError::Succession(SealError::Key)));
        let mut forged = handover(1, 2);
        forged.signature[0] ^= 1;
        assert_eq!(follow(&key(1).public(), &[forged]), Err(TrustError::Succession(SealError::Signature)));
    }

    #[test]
    fn only_the_key_of_the_fingerprint_is_pinned() {
        let fingerprint = key(1).public().fingerprint();
        assert_eq!(pin(&fingerprint, &key(1).public().bytes()), Ok(key(1).public()));
        assert!(matches!(pin(&fingerprint, &key(2).public().bytes()), Err(TrustError::Fingerprint { .. })));
        assert_eq!(pin(&fingerprint, b"short"), Err(TrustError::NoKey));
    }
}
