//! Pushing reports: sealed, sent in batches, and the answer held against them.

use super::client::Client;
use super::error::UplinkError;
use super::identity::Identity;
use super::random::{self, NoRandom};
use highwater_proto::v1::{Envelope, Kind, ReportBatch, ReportResponse};
use highwater_rules::receipt::{AnswerError, Believed, Sent, believe, report_digest};
use highwater_rules::sign::PublicKey;
use prost::Message as _;

/// The most reports in one batch.
pub const BATCH_MAX_REPORTS: usize = 50;
/// The longest batch, in bytes; a single report that is longer goes alone.
pub const BATCH_MAX_BYTES: usize = 1 << 20;
/// What a signature and the rest of an envelope add to a report at most.
const ENVELOPE_BYTES: usize = 128;
/// Random bytes in a request, that its answer repeats.
pub const NONCE_BYTES: usize = 16;
/// Where reports go.
const PATH: &str = "/v1/reports";

/// A report that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Whose it is.
    pub instance: String,
    /// Its number.
    pub sequence: u64,
    /// Its bytes, as they are signed.
    pub payload: Vec<u8>,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Pushed {
    /// Central's answer, which is believed.
    pub believed: Believed,
    /// The successions that came with it: where `believed.key` is another than the pinned one, they lead to it
    /// ([`super::Enrolment::with_pinned`]).
    pub successions: Vec<Envelope>,
}

/// Why an exchange with central came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// It did not come about.
    #[error(transparent)]
    Uplink(#[from] UplinkError),
    /// What was answered is not believed.
    #[error("the answer is not believed: {0}")]
    Answer(#[from] AnswerError),
    /// There is no nonce to be had.
    #[error(transparent)]
    Random(#[from] NoRandom),
}

impl PushError {
    /// Whether it may pass by itself. An answer that is not believed may be a stranger's, who will not always be there.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            PushError::Uplink(error) => error.is_transient(),
            PushError::Answer(_) | PushError::Random(_) => true,
        }
    }

    /// How long central asks to be left alone, in seconds.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<i64> {
        match self {
            PushError::Uplink(error) => error.retry_after_s(),
            PushError::Answer(_) | PushError::Random(_) => None,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn mend(&self) -> &str {
        match self {
            PushError::Uplink(error) => error.mend(),
            PushError::Answer(AnswerError::Trust(_) | AnswerError::Signature(_)) => {
                "check that uplink.url is the central that this host was activated at; if it is, ask whoever runs it"
            }
            PushError::Answer(_) => "the agent tries again; if it goes on, ask whoever runs central",
            PushError::Random(_) => "let the agent's sandbox allow getrandom",
        }
    }
}

/// Cuts reports into batches that central takes, in their order.
pub fn batches(reports: &[Outgoing]) -> impl Iterator<Item = &[Outgoing]> {
    let mut rest = reports;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fitting = rest.iter().take(BATCH_MAX_REPORTS).take_while(|report| {
            bytes += report.payload.len() + ENVELOPE_BYTES;
            bytes <= BATCH_MAX_BYTES
        });
        let count = fitting.count().max(1);
        let (batch, behind) = rest.split_at_checked(count)?;
        rest = behind;
        Some(batch)
    })
}

/// Signs a batch of reports, sends it, and believes the answer or not. `pinned` is central's key.
///
/// # Errors
/// When central can't be reached or does not take the batch, or its answer is not believed.
pub async fn push(
    client: &Client,
    identity: &Identity,
    pinned: &PublicKey,
    batch: &[Outgoing],
) -> Result<Pushed, PushError> {
    let mut nonce = [0; NONCE_BYTES];
    random::fill(&mut nonce)?;
    let mut sent = Vec::with_capacity(batch.len());
    let mut reports = Vec::with_capacity(batch.len());
    for report in batch {
        let digest = report_digest(&report.payload);
        sent.push(Sent { instance: report.instance.clone(), sequence: report.sequence, digest });
        reports.push(identity.key().seal(Kind::Report, report.payload.clone()));
    }
    let request = ReportBatch { reports, nonce: nonce.to_vec(), pinned_key: pinned.id().0.to_vec() };
    let answer = client.post(PATH, request.encode_to_vec()).await?;
    let believed = believe(&answer, pinned, &nonce, &sent)?;
    let response = ReportResponse::decode(&answer[..]).map_err(|e| AnswerError::Malformed(e.to_string()))?;
    Ok(Pushed { believed, successions: response.successions })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(bytes: usize) -> Outgoing {
        Outgoing { instance: String::new(), sequence: 1, payload: vec![0; bytes] }
    }

    fn check(reports: &[usize], expect: &[usize]) {
        let reports: Vec<Outgoing> = reports.iter().map(|bytes| report(*bytes)).collect();
        let cut: Vec<usize> = batches(&reports).map(<[Outgoing]>::len).collect();
        assert_eq!(cut, expect);
        assert_eq!(batches(&reports).flatten().count(), reports.len());
    }

    #[test]
    fn batches_are_cut_by_count_and_by_size() {
        check(&[], &[]);
        check(&[2000; 50], &[50]);
        check(&[2000; 101], &[50, 50, 1]);
        check(&[300_000; 7], &[3, 3, 1]);
        check(&[10, 2_000_000, 10], &[1, 1, 1]);
        check(&[BATCH_MAX_BYTES - 2 * ENVELOPE_BYTES, 0, 0], &[2, 1]);
    }

    #[test]
    fn an_envelope_adds_no_more_than_is_reckoned() {
        let identity = Identity::from_seed(&[1; 32]);
        for bytes in [0, 100, 256 * 1024] {
            let sealed = identity.key().seal(Kind::Report, vec![0; bytes]);
            let batch = ReportBatch { reports: vec![sealed], ..ReportBatch::default() };
            assert!(batch.encoded_len() <= bytes + ENVELOPE_BYTES);
        }
    }
}
