//! Asking central for a licence.

use super::client::Client;
use super::identity::Identity;
use super::push::{NONCE_BYTES, PushError};
use super::random;
use highwater_proto::v1::{Envelope, Kind, LicenceRequest, LicenceResponse};
use highwater_rules::receipt::AnswerError;
use highwater_rules::renewal::{Renewed, believe};
use highwater_rules::sign::PublicKey;
use prost::Message as _;

/// Where a request for a licence goes.
const PATH: &str = "/v1/licences";

/// Who asks, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The instance's id.
    pub instance: String,
    /// The id of the licence that it holds.
    pub held: Option<String>,
    /// Now, in unix seconds.
    pub now_s: i64,
}

/// What central answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Its answer, which is believed.
    pub renewed: Renewed,
    /// The successions that came with it: where `renewed.key` is another than the pinned one, they lead to it
    /// ([`super::Enrolment::with_pinned`]).
    pub successions: Vec<Envelope>,
}

/// Asks central for the instance's licence, and believes the answer or not. `pinned` is central's key. What the licence says is not
/// looked at.
///
/// # Errors
/// When central can't be reached or does not take the request, or its answer is not believed.
pub async fn ask(
    client: &Client,
    identity: &Identity,
    pinned: &PublicKey,
    question: &Question,
) -> Result<Asked, PushError> {
    let mut nonce = [0; NONCE_BYTES];
    random::fill(&mut nonce)?;
    let request = LicenceRequest {
        instance: question.instance.clone(),
        nonce: nonce.to_vec(),
        held: question.held.clone().unwrap_or_default(),
        sent_at: question.now_s,
        pinned_key: pinned.id().0.to_vec(),
    };
    let sealed = identity.key().seal(Kind::LicenceRequest, request.encode_to_vec());
    let answer = client.post(PATH, sealed.encode_to_vec()).await?;
    let renewed = believe(&answer, pinned, &nonce)?;
    let response = LicenceResponse::decode(&answer[..]).map_err(|e| AnswerError::Malformed(e.to_string()))?;
    Ok(Asked { renewed, successions: response.successions })
}
