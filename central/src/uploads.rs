//! An agent that asks where to upload to: from its request's bytes to the signed answer.

use crate::central::Central;
use crate::intake;
use crate::keys::KeyError;
use crate::model::ActivationState;
use crate::object_store::{ObjectStorage, StorageError};
use crate::secrets;
use crate::store::StoreError;
use highwater_proto::v1::upload_answer::Header;
use highwater_proto::v1::{Envelope, Kind, UploadAnswer, UploadRequest, UploadResponse};
use highwater_rules::bundle::BUNDLE_MAX_BYTES;
use highwater_rules::report::is_uuid;
use highwater_rules::sign::{KeyId, SealError, hex};
use prost::Message as _;

/// The longest request, in bytes.
pub const REQUEST_MAX_BYTES: usize = 16 * 1024;
/// The longest bundle of receipts that is told with an answer, in bytes; a longer one lies in the store only.
pub const RECEIPTS_MAX_BYTES: usize = 2 << 20;
/// Bytes of the random part of a key.
const RANDOM_BYTES: usize = 16;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// It asks for nothing that can be answered.
    #[error("not a request for a place to upload to: {0}")]
    Malformed(String),
    /// It is not signed by the key that it names.
    #[error("not a request for a place to upload to: {0}")]
    Signature(#[from] SealError),
    /// No URL can be signed.
    #[error("no URL can be signed now: {0}")]
    Storage(#[from] StorageError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys can't be read.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

fn malformed(what: impl std::fmt::Display) -> UploadError {
    UploadError::Malformed(what.to_string())
}

/// Answers an agent that asks for a place: with signed URLs, or with why there are none.
///
/// # Errors
/// When the request is none, no URL can be signed, or the store fails.
pub async fn answer(central: &Central, body: &[u8]) -> Result<Vec<u8>, UploadError> {
    let envelope = Envelope::decode(body).map_err(malformed)?;
    let request = UploadRequest::decode(&envelope.payload[..]).map_err(malformed)?;
    if !is_uuid(&request.instance) {
        return Err(malformed("the instance's id is no UUID"));
    }
    if !(16..=32).contains(&request.nonce.len()) {
        return Err(malformed("its nonce is not of 16 to 32 bytes"));
    }
    let key_id = KeyId::from_slice(&envelope.key_id).ok_or_else(|| malformed("it names no key"))?;
    let now_s = central.clock.now_s();
    let mut answer = UploadAnswer {
        nonce: request.nonce.clone(),
        answered_at: now_s,
        max_bytes: BUNDLE_MAX_BYTES,
        ..UploadAnswer::default()
    };
    match intake::key_of(&*central.store, &central.known, key_id).await? {
        Some(key) => {
            key.open(&envelope, Kind::UploadRequest)?;
            grant(central, key_id, &request.instance, &mut answer).await?;
        }
        None => "no activation has this key: activate the instance again".clone_into(&mut answer.refusal),
    }
    let ring = central.keys.ring();
    let signer = ring.current().ok_or(KeyError::None)?;
    let pinned = KeyId::from_slice(&request.pinned_key);
    let successions = if pinned == Some(signer.id()) { Vec::new() } else { ring.successions_from(pinned) };
    let answer = Some(signer.seal(Kind::UploadAnswer, answer.encode_to_vec()));
    Ok(UploadResponse { answer, successions }.encode_to_vec())
}

/// Puts URLs into an answer, or why there are none.
async fn grant(
    central: &Central,
    key: KeyId,
    instance: &str,
    answer: &mut UploadAnswer,
) -> Result<(), UploadError> {
    let activation = central.store.uploader(key).await?.filter(|found| found.instance == instance);
    let refusal = match (&central.storage, &activation) {
        (None, _) => {
            "this central has no object storage: set uplink.transport to \"direct\", or ask whoever runs central for \
             --object-store"
        }
        (_, None) => "no activation of this instance has this key: activate the instance again",
        (_, Some(found)) if found.state != ActivationState::Active => {
            "the activation is not active: ask the vendor to enable it"
        }
        (Some(storage), Some(found)) => return sign(central, storage, &found.identity, answer).await,
    };
    refusal.clone_into(&mut answer.refusal);
    Ok(())
}

async fn sign(
    central: &Central,
    storage: &ObjectStorage,
    identity: &str,
    answer: &mut UploadAnswer,
) -> Result<(), UploadError> {
    let random = hex(&secrets::random::<RANDOM_BYTES>()?);
    let upload = central.store.upload_place(identity.to_owned(), random).await?;
    let pair = storage.sign(identity, &upload.random).await?;
    let valid_s = i64::try_from(storage.valid().as_secs()).unwrap_or(i64::MAX);
    answer.put_url = pair.put;
    answer.receipts_url = pair.get;
    answer.expires_at = answer.answered_at.saturating_add(valid_s);
    let headers = storage.place().provider.headers().iter();
    answer.headers = headers
        .map(|(name, value)| Header { name: (*name).to_owned(), value: (*value).to_owned() })
        .collect();
    answer.receipts = upload.receipts;
    tracing::debug!(identity, "upload_granted");
    Ok(())
}
