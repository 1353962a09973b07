//! Signatures: what is signed is the exact bytes that travel, behind a word that says what they are.

use ed25519_dalek::{Signer as _, VerifyingKey};
use highwater_proto::v1::{Envelope, Kind};
use sha2::{Digest as _, Sha256};

use crate::chain::Digest;

/// Bytes of an Ed25519 public key, and of a secret seed.
pub const KEY_BYTES: usize = 32;
/// Bytes of a key's id.
pub const KEY_ID_BYTES: usize = 16;

/// The SHA-256 of some bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// The SHA-256 of bytes that come in pieces.
#[derive(Debug, Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Adds the next bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all of them.
    #[must_use]
    pub fn end(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// The word that stands for a kind under its signatures.
#[must_use]
pub const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Unspecified => "unspecified",
        Kind::Report => "report",
        Kind::Receipt => "receipt",
        Kind::Answer => "answer",
        Kind::Activation => "activation",
        Kind::Grant => "grant",
        Kind::Succession => "succession",
        Kind::Export => "export",
        Kind::LicenceRequest => "licence-request",
        Kind::LicenceAnswer => "licence-answer",
        Kind::UploadRequest => "upload-request",
        Kind::UploadAnswer => "upload-answer",
    }
}

/// The bytes under a signature: `highwater/v1/`, the kind's word, a zero byte, and the payload.
fn signed_bytes(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() + 32);
    bytes.extend_from_slice(b"highwater/v1/");
    bytes.extend_from_slice(word(kind).as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(payload);
    bytes
}

/// Why an envelope is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It holds something else.
    #[error("the envelope holds another kind of message")]
    Kind,
    /// It names another key.
    #[error("the envelope is signed by another key")]
    Key,
    /// The signature does not fit the payload and the key.
    #[error("the signature does not fit")]
    Signature,
}

/// The id of a public key: the first 16 bytes of its SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; KEY_ID_BYTES]);

impl KeyId {
    /// The id in an envelope, if it is as long as one.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(KeyId)
    }

    /// In lower-case hexadecimal.
    #[must_use]
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
}

/// Bytes in lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// An Ed25519 public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// The key of 32 bytes; `None` where they are no point of the curve, or one that would take any signature.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(bytes.try_into().ok()?).ok()?;
        (!key.is_weak()).then_some(PublicKey(key))
    }

    /// Its 32 bytes.
    #[must_use]
    pub fn bytes(&self) -> [u8; KEY_BYTES] {
        self.0.to_bytes()
    }

    /// The SHA-256 of its bytes: what is pinned.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        sha256(self.0.as_bytes())
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let Digest(full) = self.fingerprint();
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(full.split_at(KEY_ID_BYTES).0);
        KeyId(id)
    }

    /// The payload of an envelope, once its kind, key and signature have been found right.
    ///
    /// # Errors
    /// When one of them is not.
    pub fn open<'e>(&self, envelope: &'e Envelope, kind: Kind) -> Result<&'e [u8], SealError> {
        if envelope.kind() != kind {
            return Err(SealError::Kind);
        }
        if envelope.key_id != self.id().0 {
            return Err(SealError::Key);
        }
        let signature =
            ed25519_dalek::Signature::from_slice(&envelope.signature).map_err(|_| SealError::Signature)?;
        self.0
            .verify_strict(&signed_bytes(kind, &envelope.payload), &signature)
            .map_err(|_| SealError::Signature)?;
        Ok(&envelope.payload)
    }

    /// Whether a signature by [`Identity::sign_bytes`] fits.
    #[must_use]
    pub fn fits(&self, bytes: &[u8], signature: &[u8]) -> bool {
        ed25519_dalek::Signature::from_slice(signature)
            .is_ok_and(|signature| self.0.verify_strict(bytes, &signature).is_ok())
    }
}

/// An Ed25519 key that signs. Its secret is wiped when it is dropped, and never shown.
pub struct Identity {
    key: ed25519_dalek::SigningKey,
    id: KeyId,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({})", self.id.hex())
    }
}

impl Identity {
    /// The key of a secret seed (RFC 8032, section 5.1.5).
    #[must_use]
    pub fn from_seed(seed: &[u8; KEY_BYTES]) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let id = PublicKey(key.verifying_key()).id();
        Identity { key, id }
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.key.verifying_key())
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Signs a payload. The same payload always gives the same envelope.
    #[must_use]
    pub fn seal(&self, kind: Kind, payload: Vec<u8>) -> Envelope {
        let signature = self.key.sign(&signed_bytes(kind, &payload)).to_bytes().to_vec();
        Envelope { kind: kind.into(), payload, key_id: self.id.0.to_vec(), signature }
    }

    /// Signs what never leaves the host. The caller begins the bytes with a word of its own, other than `highwater/v1/`.
    #[must_use]
    pub fn sign_bytes(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_signature_is_for_one_kind_one_key_and_these_bytes() {
        let one = Identity::from_seed(&[1; 32]);
        let other = Identity::from_seed(&[2; 32]);
        let sealed = one.seal(Kind::Receipt, b"payload".to_vec());
        assert_eq!(one.public().open(&sealed, Kind::Receipt), Ok(&b"payload"[..]));
        assert_eq!(one.public().open(&sealed, Kind::Report), Err(SealError::Kind));
        assert_eq!(other.public().open(&sealed, Kind::Receipt), Err(SealError::Key));
        let passed_off = Envelope { kind: Kind::Report.into(), ..sealed.clone() };
        assert_eq!(one.public().open(&passed_off, Kind::Report), Err(SealError::Signature));
        let stolen = Envelope { key_id: other.id().0.to_vec(), ..sealed };
        assert_eq!(other.public().open(&stolen, Kind::Receipt), Err(SealError::Signature));
    }

    #[test]
    fn the_key_of_rfc_8032_signs_as_it_says() {
        // Section 7.1, test 1: an empty message.
        let seed = *b"\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4\x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60";
        let key = Identity::from_seed(&seed);
        assert_eq!(
            hex(&key.public().bytes()),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
        assert!(hex(&key.sign_bytes(b"")).starts_with("e5564300c360ac729086e2cc806e828a"));
    }

    #[test]
    fn a_key_that_would_take_any_signature_is_refused() {
        let mut identity_point = [0; 32];
        identity_point[0] = 1;
        assert!(PublicKey::from_slice(&identity_point).is_none());
        assert!(PublicKey::from_slice(&[1; 31]).is_none());
    }

    proptest! {
        #[test]
        fn no_byte_can_be_changed(payload in proptest::collection::vec(any::<u8>(), 1..64), at in any::<proptest::sample::Index>(), flip in 1u8..) {
            let key = Identity::from_seed(&[7; 32]);
            let sealed = key.seal(Kind::Report, payload);
            let mut changed = sealed.clone();
            let at = at.index(changed.payload.len());
            changed.payload[at] ^= flip;
            prop_assert_eq!(key.public().open(&changed, Kind::Report), Err(SealError::Signature));
            let mut changed = sealed;
            let at = at % changed.signature.len();
            changed.signature[at] ^= flip;
            prop_assert_eq!(key.public().open(&changed, Kind::Report), Err(SealError::Signature));
        }
    }
}
