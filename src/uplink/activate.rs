//! Joining: an enrolment token becomes a grant.

use super::client::Client;
use super::enrolment::{Enrolment, EnrolmentError};
use super::identity::Identity;
use super::push::{NONCE_BYTES, PushError};
use super::random::{self, NoRandom};
use crate::config::CentralUrl;
use highwater_proto::v1::{Activation, ActivationResponse, Envelope, Host, Kind, Node};
use highwater_rules::chain::Digest;
use highwater_rules::receipt::{AnswerError, believe_grant};
use highwater_rules::sign::PublicKey;
use highwater_rules::token::EnrolmentToken;
use highwater_rules::trust;
use prost::Message as _;

/// Where an activation goes.
const PATH: &str = "/v1/activations";

/// Who joins, and with what.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The token.
    pub token: EnrolmentToken,
    /// The instance's id.
    pub instance: String,
    /// The agent's first start, in unix seconds.
    pub first_start: i64,
    /// The host.
    pub host: Host,
    /// The node of a cluster that it runs on, its name as it may leave the host.
    pub node: Option<Node>,
    /// Now, in unix seconds.
    pub now_s: i64,
    /// The certificates (PEM) to be kept for the pushes to come.
    pub ca_pem: Option<String>,
}

/// Why a host has not joined.
#[derive(Debug, thiserror::Error)]
pub enum ActivateError {
    /// The exchange with central came to nothing.
    #[error(transparent)]
    Exchange(#[from] PushError),
    /// What central answered does not hold together.
    #[error(transparent)]
    Enrolment(#[from] EnrolmentError),
}

/// Asks central to let an agent join. Nothing is kept yet: that is [`Enrolment::store`].
///
/// # Errors
/// When central can't be reached, refuses the token, or its answer is not signed by the key that the token names.
pub async fn activate(
    client: &Client,
    identity: &Identity,
    candidate: &Candidate,
) -> Result<Enrolment, ActivateError> {
    let nonce = nonce().map_err(PushError::Random)?;
    let sealed = request(identity, candidate, nonce);
    let answer = client.post(PATH, sealed.encode_to_vec()).await.map_err(PushError::Uplink)?;
    let awaited = Awaited {
        nonce,
        fingerprint: candidate.token.fingerprint,
        instance: candidate.instance.clone(),
        central: Some(client.central().clone()),
        ca_pem: candidate.ca_pem.clone(),
    };
    granted(&answer, &awaited, &identity.public())
}

/// The nonce of an activation.
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn nonce() -> Result<[u8; NONCE_BYTES], NoRandom> {
    let mut nonce = [0; NONCE_BYTES];
    random::fill(&mut nonce)?;
    Ok(nonce)
}

/// What asks central to let an agent join, signed by the agent's key.
#[must_use]
pub fn request(identity: &Identity, candidate: &Candidate, nonce: [u8; NONCE_BYTES]) -> Envelope {
    let own = identity.public();
    let request = Activation {
        secret: candidate.token.secret.to_vec(),
        instance: candidate.instance.clone(),
        public_key: own.bytes().to_vec(),
        host: Some(candidate.host.clone()),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        first_start: candidate.first_start,
        nonce: nonce.to_vec(),
        sent_at: candidate.now_s,
        node: candidate.node.clone(),
    };
    identity.key().seal(Kind::Activation, request.encode_to_vec())
}

/// What an activation waits for, and what the answer is held to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// The request's nonce.
    pub nonce: [u8; NONCE_BYTES],
    /// The fingerprint of central's key, as the token names it.
    pub fingerprint: Digest,
    /// The instance's id.
    pub instance: String,
    /// Where central is, as far as it is known.
    pub central: Option<CentralUrl>,
    /// The certificates (PEM) to be kept for the pushes to come.
    pub ca_pem: Option<String>,
}

/// Makes of central's answer, an [`ActivationResponse`], what is kept of it. `own` is the agent's key.
///
/// # Errors
/// When it is not signed by the key that the token names, is to another request, or does not hold together.
pub fn granted(answer: &[u8], awaited: &Awaited, own: &PublicKey) -> Result<Enrolment, ActivateError> {
    let fingerprint = &awaited.fingerprint;
    let joined = believe_grant(answer, fingerprint, &awaited.nonce, &awaited.instance, own)
        .map_err(PushError::Answer)?;
    let response = ActivationResponse::decode(answer)
        .map_err(|e| PushError::Answer(AnswerError::Malformed(e.to_string())))?;
    let first =
        trust::pin(fingerprint, &response.first_key).map_err(|e| PushError::Answer(AnswerError::Trust(e)))?;
    let (url, ca_pem) = (awaited.central.clone(), awaited.ca_pem.clone());
    Ok(Enrolment::new(url, ca_pem, &first, &response.successions, joined)?)
}
