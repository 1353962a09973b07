//! What central answered, held against what was sent and against the key that is trusted.

use crate::chain::Digest;
use crate::report::is_uuid;
use crate::sign::{PublicKey, SealError, sha256};
use crate::trust::{self, TrustError};
use highwater_proto::v1::{
    self, ActivationResponse, Envelope, Grant, Kind, Receipt, ReportResponse, outcome,
};
use prost::Message as _;

/// The most licences that are taken from one answer; what is behind them is passed over.
pub const LICENCES_MAX: usize = 200;
/// The longest licence that is looked at, in bytes.
const LICENCE_MAX_BYTES: usize = 8 * 1024;

/// Why an answer is not believed. Nothing of it then counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// It can't be read.
    #[error("central's answer can't be read: {0}")]
    Malformed(String),
    /// Its signature does not fit.
    #[error("central's answer is not signed by the pinned key: {0}")]
    Signature(#[from] SealError),
    /// Its key is not trusted.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// It answers another question: an old answer, played again.
    #[error("central's answer is to another request: an old one played again?")]
    Nonce,
    /// It does not answer each report.
    #[error("central's answer is about other reports than those that were sent")]
    Outcomes,
    /// A receipt is for another report or instance.
    #[error("central's receipt is for another report: {0}")]
    Foreign(String),
}

/// What became of one report.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// Central has it.
    Receipted {
        /// What the receipt says.
        receipt: Receipt,
        /// The receipt as it came, to be kept.
        envelope: Vec<u8>,
    },
    /// Central did not take it.
    Refused {
        /// Why.
        reason: v1::refusal::Reason,
        /// The same, for the operator.
        message: String,
        /// It never will.
        for_good: bool,
    },
}

/// An answer that is believed.
#[derive(Debug, Clone, PartialEq)]
pub struct Believed {
    /// Central's clock, in unix seconds.
    pub answered_at: i64,
    /// What became of each report, in the order in which they were sent.
    pub fates: Vec<Fate>,
    /// Licences that central offers, each a compact JWT, at most [`LICENCES_MAX`]. Nothing of them is checked yet.
    pub licences: Vec<String>,
    /// The key that signed: to be pinned from now on.
    pub key: PublicKey,
}

/// A report that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Whose.
    pub instance: String,
    /// Its number.
    pub sequence: u64,
    /// The SHA-256 of its payload.
    pub digest: Digest,
}

/// Reads the answer to a batch. The refusal of a signature by a single receipt is the refusal of the answer.
///
/// # Errors
/// When the answer is not signed by a trusted key, is not to this request, or is about other reports.
pub fn believe(
    body: &[u8],
    pinned: &PublicKey,
    nonce: &[u8],
    sent: &[Sent],
) -> Result<Believed, AnswerError> {
    let response = ReportResponse::decode(body).map_err(unreadable)?;
    let key = trust::follow(pinned, &response.successions)?;
    let envelope = response.answer.ok_or_else(|| AnswerError::Malformed("it is empty".to_owned()))?;
    let answer = v1::Answer::decode(key.open(&envelope, Kind::Answer)?).map_err(unreadable)?;
    if answer.nonce != nonce {
        return Err(AnswerError::Nonce);
    }
    if answer.outcomes.len() != sent.len() {
        return Err(AnswerError::Outcomes);
    }
    let mut fates = Vec::with_capacity(sent.len());
    for (outcome, sent) in answer.outcomes.into_iter().zip(sent) {
        if outcome.report_digest != sent.digest.0 {
            return Err(AnswerError::Outcomes);
        }
        let signer = |envelope: &Envelope| signer(envelope, &key, &response.successions, pinned);
        fates.push(fate(outcome.result, sent, signer)?);
    }
    Ok(Believed { answered_at: answer.answered_at, fates, licences: offered(answer.licences), key })
}

/// What is too long or too much is no reason not to believe the receipts beside it.
pub(crate) fn offered(mut licences: Vec<String>) -> Vec<String> {
    licences.retain(|licence| licence.len() <= LICENCE_MAX_BYTES);
    licences.truncate(LICENCES_MAX);
    licences
}

/// What became of a report, as a believed answer says it; `signer` tells whose key a receipt must be of.
pub(crate) fn fate(
    result: Option<outcome::Result>,
    sent: &Sent,
    signer: impl Fn(&Envelope) -> Result<PublicKey, AnswerError>,
) -> Result<Fate, AnswerError> {
    match result {
        Some(outcome::Result::Receipt(envelope)) => {
            let key = signer(&envelope)?;
            let receipt = Receipt::decode(key.open(&envelope, Kind::Receipt)?).map_err(unreadable)?;
            check_receipt(&receipt, sent)?;
            Ok(Fate::Receipted { receipt, envelope: envelope.encode_to_vec() })
        }
        Some(outcome::Result::Refusal(refusal)) => Ok(Fate::Refused {
            reason: refusal.reason(),
            message: refusal.message.chars().filter(|c| !c.is_control()).take(300).collect(),
            for_good: refusal.for_good,
        }),
        None => Err(AnswerError::Outcomes),
    }
}

/// A receipt given before central's key changed is signed by an older key of the line.
fn signer(
    envelope: &Envelope,
    key: &PublicKey,
    successions: &[Envelope],
    pinned: &PublicKey,
) -> Result<PublicKey, AnswerError> {
    if envelope.key_id == key.id().0 {
        return Ok(key.clone());
    }
    let upto: Vec<Envelope> =
        successions.iter().take_while(|s| s.key_id != envelope.key_id).cloned().collect();
    Ok(trust::follow(pinned, &upto)?)
}

fn check_receipt(receipt: &Receipt, sent: &Sent) -> Result<(), AnswerError> {
    let foreign = |what: &str| Err(AnswerError::Foreign(what.to_owned()));
    if receipt.instance != sent.instance {
        return foreign("another instance's");
    }
    if receipt.sequence != sent.sequence {
        return foreign("another sequence number's");
    }
    if receipt.report_digest != sent.digest.0 {
        return foreign("another digest's");
    }
    if receipt.terms.is_none() || !is_uuid(&receipt.identity) {
        return foreign("without terms or identity");
    }
    Ok(())
}

/// A grant that is believed.
#[derive(Debug, Clone, PartialEq)]
pub struct Joined {
    /// What central grants.
    pub grant: Grant,
    /// The grant as it came, to be kept.
    pub envelope: Vec<u8>,
    /// The key to pin.
    pub key: PublicKey,
}

/// Reads the answer to an activation.
///
/// # Errors
/// When it is not signed by the key of the token's fingerprint, or is for someone else.
pub fn believe_grant(
    body: &[u8],
    fingerprint: &Digest,
    nonce: &[u8],
    instance: &str,
    own: &PublicKey,
) -> Result<Joined, AnswerError> {
    let response = ActivationResponse::decode(body).map_err(unreadable)?;
    let first = trust::pin(fingerprint, &response.first_key)?;
    let key = trust::follow(&first, &response.successions)?;
    let envelope = response.grant.ok_or_else(|| AnswerError::Malformed("it is empty".to_owned()))?;
    let grant = Grant::decode(key.open(&envelope, Kind::Grant)?).map_err(unreadable)?;
    if grant.nonce != nonce {
        return Err(AnswerError::Nonce);
    }
    if grant.instance != instance || grant.public_key != own.bytes() {
        return Err(AnswerError::Foreign("the grant is another instance's".to_owned()));
    }
    if grant.terms.is_none() || !is_uuid(&grant.identity) {
        return Err(AnswerError::Malformed("the grant is without terms or identity".to_owned()));
    }
    Ok(Joined { grant, envelope: envelope.encode_to_vec(), key })
}

#[expect(clippy::needless_pass_by_value, reason = "it stands where an error is mapped")]
pub(crate) fn unreadable(error: prost::DecodeError) -> AnswerError {
    AnswerError::Malformed(error.to_string())
}

/// The digest of a report's payload, as receipts name it.
#[must_use]
pub fn report_digest(payload: &[u8]) -> Digest {
    sha256(payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::Identity;
    use highwater_proto::v1::{Answer, Outcome, Refusal, Succession, Terms};

    const INSTANCE: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

    fn key(n: u8) -> Identity {
        Identity::from_seed(&[n; 32])
    }

    fn sent() -> Sent {
        Sent { instance: INSTANCE.to_owned(), sequence: 3, digest: sha256(b"report") }
    }

    fn receipt() -> Receipt {
        Receipt {
            instance: INSTANCE.to_owned(),
            sequence: 3,
            report_digest: sha256(b"report").0.to_vec(),
            received_at: 100,
            identity: INSTANCE.to_owned(),
            terms: Some(Terms { contract: "c".to_owned(), contract_end: 0, grace_s: 7_776_000 }),
        }
    }

    fn response(
        answer_key: u8,
        receipt_key: u8,
        receipt: &Receipt,
        nonce: &[u8],
        successions: Vec<Envelope>,
    ) -> Vec<u8> {
        let envelope = key(receipt_key).seal(Kind::Receipt, receipt.encode_to_vec());
        let outcome = Outcome {
            report_digest: sha256(b"report").0.to_vec(),
            result: Some(outcome::Result::Receipt(envelope)),
        };
        let answer =
            Answer { nonce: nonce.to_vec(), answered_at: 101, outcomes: vec![outcome], ..Answer::default() };
        let answer = key(answer_key).seal(Kind::Answer, answer.encode_to_vec());
        ReportResponse { answer: Some(answer), successions }.encode_to_vec()
    }

    fn handover(from: u8, to: u8) -> Envelope {
        let succession = Succession { next_key: key(to).public().bytes().to_vec(), made_at: 0 };
        key(from).seal(Kind::Succession, succession.encode_to_vec())
    }

    #[test]
    fn a_good_answer_is_believed() {
        let body = response(1, 1, &receipt(), b"nonce", vec![]);
        let believed = believe(&body, &key(1).public(), b"nonce", &[sent()]).unwrap();
        assert!(matches!(&believed.fates[..], [Fate::Receipted { receipt: r, .. }] if *r == receipt()));
        assert_eq!(believed.key, key(1).public());
    }

    #[test]
    fn a_replayed_foreign_or_altered_answer_is_not() {
        let pinned = key(1).public();
        let check = |body: &[u8]| believe(body, &pinned, b"nonce", &[sent()]).unwrap_err();
        assert_eq!(check(&response(1, 1, &receipt(), b"older", vec![])), AnswerError::Nonce);
        assert_eq!(
            check(&response(2, 2, &receipt(), b"nonce", vec![])),
            AnswerError::Signature(SealError::Key)
        );
        assert_eq!(
            check(&response(1, 2, &receipt(), b"nonce", vec![])),
            AnswerError::Signature(SealError::Key)
        );
        for spoil in [
            (|r: &mut Receipt| r.instance = "1f8fad5b-d9cb-469f-a165-70867728950e".into())
                as fn(&mut Receipt),
            |r| r.sequence = 4,
            |r| r.report_digest = vec![0; 32],
            |r| r.terms = None,
        ] {
            let mut other = receipt();
            spoil(&mut other);
            assert!(matches!(check(&response(1, 1, &other, b"nonce", vec![])), AnswerError::Foreign(_)));
        }
        let good = response(1, 1, &receipt(), b"nonce", vec![]);
        for at in 0..good.len() {
            let mut altered = good.clone();
            altered[at] ^= 1;
            assert!(believe(&altered, &pinned, b"nonce", &[sent()]).is_err(), "byte {at}");
        }
    }

    #[test]
    fn the_key_may_change_by_a_succession_only() {
        let line = vec![handover(1, 2)];
        let body = response(2, 2, &receipt(), b"nonce", line.clone());
        assert_eq!(believe(&body, &key(1).public(), b"nonce", &[sent()]).unwrap().key, key(2).public());
        let given_before = response(2, 1, &receipt(), b"nonce", line);
        assert!(believe(&given_before, &key(1).public(), b"nonce", &[sent()]).is_ok());
        let forged = response(2, 2, &receipt(), b"nonce", vec![handover(9, 2)]);
        assert!(believe(&forged, &key(1).public(), b"nonce", &[sent()]).is_err());
    }

    #[test]
    fn licences_come_with_the_answer_within_bounds() {
        let offered = |licences: Vec<String>| {
            let answer = Answer { nonce: b"nonce".to_vec(), licences, ..Answer::default() };
            let answer = key(1).seal(Kind::Answer, answer.encode_to_vec());
            let body = ReportResponse { answer: Some(answer), successions: vec![] }.encode_to_vec();
            believe(&body, &key(1).public(), b"nonce", &[]).unwrap().licences
        };
        let (longest, longer) = ("x".repeat(LICENCE_MAX_BYTES), "x".repeat(LICENCE_MAX_BYTES + 1));
        assert_eq!(offered(vec!["a".to_owned(), longer, longest.clone()]), ["a".to_owned(), longest]);
        assert_eq!(offered(vec![String::new(); LICENCES_MAX + 1]).len(), LICENCES_MAX);
    }

    #[test]
    fn a_refusal_is_told() {
        let refusal = Refusal { reason: 1, message: "no\u{1b}[2J".to_owned(), for_good: true };
        let outcome = Outcome {
            report_digest: sha256(b"report").0.to_vec(),
            result: Some(outcome::Result::Refusal(refusal)),
        };
        let answer =
            Answer { nonce: b"nonce".to_vec(), answered_at: 1, outcomes: vec![outcome], ..Answer::default() };
        let answer = key(1).seal(Kind::Answer, answer.encode_to_vec());
        let body = ReportResponse { answer: Some(answer), successions: vec![] }.encode_to_vec();
        let believed = believe(&body, &key(1).public(), b"nonce", &[sent()]).unwrap();
        assert!(
            matches!(&believed.fates[..], [Fate::Refused { for_good: true, message, .. }] if message == "no[2J")
        );
    }
}
