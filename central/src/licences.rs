//! Licences: what is offered with an answer, renewed for one who asks, fetched by someone else, or issued by an operator.

use crate::keys::{KeyError, Keys, Ring};
use crate::model::{By, Licence, LicenceOf, Unlicensed};
use crate::store::{Store, StoreError};
use highwater_proto::v1::licence_refusal::Reason;
use highwater_proto::v1::{
    Envelope, Kind, LicenceAnswer, LicenceRefusal, LicenceRequest, LicenceResponse, licence_answer,
};
use highwater_rules::licence;
use highwater_rules::sign::{Identity, KeyId, PublicKey, SealError};
use prost::Message as _;

/// The longest request, in bytes.
pub const REQUEST_MAX_BYTES: usize = 64 * 1024;
/// The longest id of a licence, in bytes.
const ID_MAX_BYTES: usize = 64;

/// Why a request for a licence has no answer.
#[derive(Debug, thiserror::Error)]
pub enum LicenceRequestError {
    /// It is none.
    #[error("not a request for a licence: {0}")]
    Malformed(String),
    /// It is not signed by the key that it names.
    #[error("not a request for a licence: {0}")]
    Signature(#[from] SealError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys can't be read.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

/// Why someone else gets no licence.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// As things stand, there is none to give.
    #[error("there is no licence: {0}")]
    Unlicensed(#[from] Unlicensed),
    /// The store failed, or nobody has this id.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys can't be read.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

/// The licences of those who have these keys, as compact JWTs signed by the key that signs now: for each whose last one is missing,
/// near its end, otherwise than its contract, or was taken back. **The keys must be of those whose signature was found right**: a
/// licence tells of a contract.
///
/// Where there is nothing to offer, which is usual, it asks no database.
///
/// # Errors
/// When the store fails.
pub async fn offer(
    store: &dyn Store,
    ring: &Ring,
    key_ids: &[KeyId],
    now_s: i64,
) -> Result<Vec<String>, StoreError> {
    let Some(key) = ring.current() else { return Ok(Vec::new()) };
    let offered = store.offer_licences(key_ids.to_vec(), now_s).await?;
    Ok(offered.iter().map(|one| licence::sign(&one.claims, key)).collect())
}

/// Answers a request for a licence.
///
/// # Errors
/// When it is none, is not signed by the key that it names, or the store fails.
pub async fn renew(
    store: &dyn Store,
    keys: &Keys,
    body: &[u8],
    now_s: i64,
) -> Result<Vec<u8>, LicenceRequestError> {
    let malformed = |what: String| LicenceRequestError::Malformed(what);
    let envelope = Envelope::decode(body).map_err(|e| malformed(e.to_string()))?;
    let request = LicenceRequest::decode(&envelope.payload[..]).map_err(|e| malformed(e.to_string()))?;
    if !(16..=32).contains(&request.nonce.len()) {
        return Err(malformed("its nonce is not of 16 to 32 bytes".to_owned()));
    }
    if request.held.len() > ID_MAX_BYTES {
        return Err(malformed(format!(
            "the id of the licence that it holds is longer than {ID_MAX_BYTES} bytes"
        )));
    }
    let key_id = KeyId::from_slice(&envelope.key_id)
        .ok_or_else(|| malformed("the envelope names no key of 16 bytes".to_owned()))?;
    let known = store.public_key(key_id).await?.and_then(|bytes| PublicKey::from_slice(&bytes));
    let result = match known {
        None => Err(Unlicensed::UnknownKey),
        Some(key) => {
            key.open(&envelope, Kind::LicenceRequest)?;
            store.renew_licence(key_id, request.instance, request.held, now_s).await?
        }
    };
    let ring = match &result {
        Ok(licence) => holding(keys, licence).await?,
        Err(_) => keys.ring(),
    };
    let signer = ring.current().ok_or(KeyError::None)?;
    let answer = LicenceAnswer {
        nonce: request.nonce,
        answered_at: now_s,
        result: Some(match result {
            Ok(licence) => licence_answer::Result::Licence(licence::sign(&licence.claims, signer)),
            Err(why) => licence_answer::Result::Refusal(refusal(why)),
        }),
    };
    let pinned = KeyId::from_slice(&request.pinned_key);
    let response = LicenceResponse {
        answer: Some(signer.seal(Kind::LicenceAnswer, answer.encode_to_vec())),
        successions: ring.successions_from(pinned),
    };
    Ok(response.encode_to_vec())
}

fn refusal(why: Unlicensed) -> LicenceRefusal {
    let (reason, allowed_from) = match why {
        Unlicensed::UnknownKey => (Reason::UnknownKey, 0),
        Unlicensed::Activation(_) => (Reason::Activation, 0),
        Unlicensed::Revoked | Unlicensed::NotBegun { .. } | Unlicensed::Ended => (Reason::Contract, 0),
        Unlicensed::Early { allowed_from } => (Reason::Early, allowed_from),
    };
    LicenceRefusal { reason: reason.into(), message: why.to_string(), allowed_from }
}

/// The licence of an instance, for one who carries it there: the newest one where it is good, else a new one. With a `scope`, only
/// under that contract.
///
/// # Errors
/// When nobody has this id, or nobody within the scope; when there is none to give; when the store fails.
pub async fn fetch(
    store: &dyn Store,
    keys: &Keys,
    of: LicenceOf,
    scope: Option<String>,
    by: By,
) -> Result<(Licence, String), FetchError> {
    let licence = store.fetch_licence(of, scope, by).await??;
    let token = token(&*holding(keys, &licence).await?, &licence)?;
    Ok((licence, token))
}

/// Issues a new licence, whatever the age of the last one: an operator wants it so.
///
/// # Errors
/// When nobody has this id; when there is none to give; when the store fails.
pub async fn issue(
    store: &dyn Store,
    keys: &Keys,
    of: LicenceOf,
    by: By,
) -> Result<(Licence, String), FetchError> {
    let licence = store.issue_licence(of, by).await??;
    let token = token(&*holding(keys, &licence).await?, &licence)?;
    Ok((licence, token))
}

/// The compact JWT of a licence that is carried, signed by the key that signed it first: an instance that has no other contact has
/// that key in its line, and may not have seen a newer one.
///
/// # Errors
/// When the ring is empty.
pub fn token(ring: &Ring, licence: &Licence) -> Result<String, KeyError> {
    let key: &Identity = ring.key(&licence.signer).or_else(|| ring.current()).ok_or(KeyError::None)?;
    Ok(licence::sign(&licence.claims, key))
}

/// The ring with the key that signed a licence, which another process may have made.
async fn holding(keys: &Keys, licence: &Licence) -> Result<std::sync::Arc<Ring>, KeyError> {
    let ring = keys.ring();
    if ring.key(&licence.signer).is_some() { Ok(ring) } else { keys.refresh().await }
}
