//! The answers to one export's batches.

use super::BundleFault;
use crate::central::Central;
use crate::keys::KeyError;
use highwater_proto::v1::bundle_record::Record;
use highwater_proto::v1::{Answer, Envelope, Kind, ReportResponse};
use highwater_rules::sign::KeyId;
use prost::Message as _;

/// What was answered so far.
#[derive(Default)]
pub(super) struct Answers {
    answers: Vec<Envelope>,
    /// From the sender's pinned key to the one that signed last.
    successions: Vec<Envelope>,
}

impl Answers {
    /// One more, as [`crate::intake::take`] gives it.
    pub(super) fn add(&mut self, response: &[u8]) {
        // Central made it itself a moment ago.
        let Ok(response) = ReportResponse::decode(response) else { return };
        self.successions = response.successions;
        self.answers.extend(response.answer);
    }

    /// Adds an answer without reports where there is none.
    pub(super) async fn complete(
        &mut self,
        central: &Central,
        _sender: KeyId,
        nonce: &[u8],
        pinned: &[u8],
        _held: &str,
    ) -> Result<(), BundleFault> {
        if self.answers.is_empty() {
            let ring = central.keys.ring();
            let key = ring.current().ok_or(KeyError::None)?;
            let answered_at = central.clock.now_s();
            let answer = Answer { nonce: nonce.to_vec(), answered_at, ..Answer::default() };
            self.answers.push(key.seal(Kind::Answer, answer.encode_to_vec()));
            let pinned = KeyId::from_slice(pinned);
            if pinned != Some(key.id()) {
                self.successions = ring.successions_from(pinned);
            }
        }
        Ok(())
    }

    /// As they travel: how the keys follow each other, then the answers.
    pub(super) fn into_records(self) -> impl Iterator<Item = Record> {
        let successions = self.successions.into_iter().map(Record::Succession);
        successions.chain(self.answers.into_iter().map(Record::Answer))
    }
}
