//! A central of a test: its keys, and the answers that it signs.

use highwater_proto::v1::{
    Activation, ActivationResponse, Answer, Envelope, Grant, Kind, Outcome, Receipt, Report, ReportBatch,
    ReportResponse, Succession, Terms, outcome,
};
use highwater_rules::sign::{Identity, PublicKey, sha256};
use highwater_rules::token::{EnrolmentToken, SECRET_BYTES};
use prost::Message as _;

pub(crate) fn key(n: u8) -> Identity {
    Identity::from_seed(&[n; 32])
}

pub(crate) fn handover(from: u8, to: u8) -> Envelope {
    let succession = Succession { next_key: key(to).public().bytes().to_vec(), made_at: 0 };
    key(from).seal(Kind::Succession, succession.encode_to_vec())
}

pub(crate) fn terms() -> Terms {
    Terms { contract: "c-1".to_owned(), contract_end: 1_893_456_000, grace_s: 7_776_000 }
}

/// The token of the central that began with key `n`.
pub(crate) fn token(n: u8) -> String {
    EnrolmentToken::new([5; SECRET_BYTES], &key(n).public()).text()
}

/// Receipts for all reports of a batch, signed by key `signer`. What is spoilt in the answer comes before the signature.
pub(crate) fn receipts(
    body: &[u8],
    signer: u8,
    successions: Vec<Envelope>,
    spoil: impl Fn(&mut Answer),
) -> Vec<u8> {
    let batch = ReportBatch::decode(body).unwrap();
    let outcomes = batch.reports.iter().map(|sealed| receipt(sealed, signer)).collect();
    let mut answer = Answer { nonce: batch.nonce, answered_at: 1_795_000_000, outcomes, ..Answer::default() };
    spoil(&mut answer);
    let answer = key(signer).seal(Kind::Answer, answer.encode_to_vec());
    ReportResponse { answer: Some(answer), successions }.encode_to_vec()
}

fn receipt(sealed: &Envelope, signer: u8) -> Outcome {
    let report = Report::decode(&sealed.payload[..]).unwrap();
    let digest = sha256(&sealed.payload).0.to_vec();
    let receipt = Receipt {
        identity: report.instance.clone(),
        instance: report.instance,
        sequence: report.sequence,
        report_digest: digest.clone(),
        received_at: 1_795_000_000,
        terms: Some(terms()),
    };
    let sealed = key(signer).seal(Kind::Receipt, receipt.encode_to_vec());
    Outcome { report_digest: digest, result: Some(outcome::Result::Receipt(sealed)) }
}

/// What an activation says, once its signature has been found to be of the key that it brings.
pub(crate) fn candidate(body: &[u8]) -> Activation {
    let sealed = Envelope::decode(body).unwrap();
    let activation = Activation::decode(&sealed.payload[..]).unwrap();
    let own = PublicKey::from_slice(&activation.public_key).unwrap();
    own.open(&sealed, Kind::Activation).unwrap();
    assert_eq!(activation.secret, [5; SECRET_BYTES]);
    activation
}

/// The grant for an activation, by the central that began with key `first` and signs with `signer`.
pub(crate) fn grant(body: &[u8], first: u8, signer: u8, successions: Vec<Envelope>) -> Vec<u8> {
    grant_with(body, first, signer, successions, "")
}

/// The same, with a licence.
pub(crate) fn grant_with(
    body: &[u8],
    first: u8,
    signer: u8,
    successions: Vec<Envelope>,
    licence: &str,
) -> Vec<u8> {
    let activation = candidate(body);
    let grant = Grant {
        nonce: activation.nonce,
        identity: activation.instance.clone(),
        instance: activation.instance,
        public_key: activation.public_key,
        activated_at: 1_795_000_000,
        answered_at: 1_795_000_000,
        terms: Some(terms()),
        product: "Load\u{1b}[2J Balancer".to_owned(),
        customer: "Example GmbH".to_owned(),
        licence: licence.to_owned(),
        ..Grant::default()
    };
    let grant = key(signer).seal(Kind::Grant, grant.encode_to_vec());
    let first_key = key(first).public().bytes().to_vec();
    ActivationResponse { grant: Some(grant), first_key, successions }.encode_to_vec()
}
