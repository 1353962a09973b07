//! An instance that joins, from its request's bytes to the signed grant.

use crate::keys::{KeyError, Keys};
use crate::model::{self, Denied, Granted, HostFacts, Joining, NodeFacts};
use crate::store::{Store, StoreError};
use highwater_proto::v1::{Activation, ActivationResponse, Envelope, Grant, Host, Kind, Mode};
use highwater_rules::licence;
use highwater_rules::node;
use highwater_rules::report::is_uuid;
use highwater_rules::sign::{PublicKey, SealError, sha256};
use highwater_rules::token::SECRET_BYTES;
use prost::Message as _;

/// The longest request, in bytes.
pub const REQUEST_MAX_BYTES: usize = 64 * 1024;
/// What a host tells of itself is cut to this, in letters.
const FACT_MAX_CHARS: usize = 256;

/// Why an instance does not join.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// It asks for nothing that can be granted.
    #[error("not a request to join: {0}")]
    Malformed(String),
    /// It is not signed by the key that it brings.
    #[error("not a request to join: {0}")]
    Signature(#[from] SealError),
    /// Its token does not let it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys can't be read.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

fn malformed(what: impl std::fmt::Display) -> JoinError {
    JoinError::Malformed(what.to_string())
}

/// Lets an instance join, or says why not.
///
/// # Errors
/// When the request is none, its token does not let it, or the store fails.
pub async fn join(store: &dyn Store, keys: &Keys, body: &[u8], now_s: i64) -> Result<Vec<u8>, JoinError> {
    let envelope = Envelope::decode(body).map_err(malformed)?;
    let request = Activation::decode(&envelope.payload[..]).map_err(malformed)?;
    let key =
        PublicKey::from_slice(&request.public_key).ok_or_else(|| malformed("its key is no Ed25519 key"))?;
    key.open(&envelope, Kind::Activation)?;
    if request.secret.len() != SECRET_BYTES {
        return Err(malformed(format!("its token's secret is not of {SECRET_BYTES} bytes")));
    }
    if !is_uuid(&request.instance) {
        return Err(malformed("the instance's id is no UUID"));
    }
    if !(16..=32).contains(&request.nonce.len()) {
        return Err(malformed("its nonce is not of 16 to 32 bytes"));
    }
    if let Some(node) = &request.node {
        node::check(&node.cluster, &node.name, &node.hardware).map_err(malformed)?;
    }
    let joining = Joining {
        secret: sha256(&request.secret),
        instance: request.instance,
        key_id: key.id(),
        public_key: key.bytes(),
        host: facts(&request.host.unwrap_or_default()),
        agent_version: cut(&request.agent_version),
        first_start: request.first_start,
        node: request.node.map(NodeFacts::from),
    };
    let granted = match store.activate(joining, now_s).await? {
        Ok(granted) => granted,
        Err(denied) => {
            tracing::warn!(reason = denied.word(), "activation_denied");
            return Err(denied.into());
        }
    };
    let activation = &granted.activation;
    tracing::info!(
        identity = activation.identity,
        instance = activation.instance,
        contract = activation.contract,
        repeated = granted.repeated,
        "activated"
    );
    answer(keys, granted, &key, request.nonce, now_s).await
}

async fn answer(
    keys: &Keys,
    granted: Granted,
    key: &PublicKey,
    nonce: Vec<u8>,
    now_s: i64,
) -> Result<Vec<u8>, JoinError> {
    let mut ring = keys.ring();
    if ring.key(&granted.first_key).is_none() {
        // Another process has made the token with a new key.
        ring = keys.refresh().await?;
    }
    let first = ring.key(&granted.first_key).ok_or(KeyError::None)?;
    let current = ring.current().ok_or(KeyError::None)?;
    let mode = match granted.contract.mode {
        model::Mode::Online => Mode::Online,
        model::Mode::Offline => Mode::Offline,
    };
    let grant = Grant {
        nonce,
        instance: granted.activation.instance,
        identity: granted.activation.identity,
        public_key: key.bytes().to_vec(),
        activated_at: granted.activation.activated_at,
        answered_at: now_s,
        terms: Some(granted.contract.terms()),
        product: granted.contract.product,
        customer: granted.contract.customer,
        mode: mode.into(),
        licence: granted.licence.map(|one| licence::sign(&one.claims, current)).unwrap_or_default(),
    };
    let response = ActivationResponse {
        grant: Some(current.seal(Kind::Grant, grant.encode_to_vec())),
        first_key: first.public().bytes().to_vec(),
        successions: ring.successions_from(Some(granted.first_key)),
    };
    Ok(response.encode_to_vec())
}

fn cut(text: &str) -> String {
    text.chars().take(FACT_MAX_CHARS).collect()
}

fn facts(host: &Host) -> HostFacts {
    HostFacts {
        name: cut(&host.name),
        name_hashed: host.name_hashed,
        os: cut(&host.os),
        os_version: cut(&host.os_version),
        kernel: cut(&host.kernel),
        cores: host.cores,
        virtualization: cut(&host.virtualization),
        memory_bytes: host.memory_bytes,
    }
}
