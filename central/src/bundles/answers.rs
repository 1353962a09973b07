//! The answers to one export's batches.

use super::BundleFault;
use super::session::Sender;
use super::told::Told;
use crate::central::Central;
use crate::keys::KeyError;
use crate::store::StoreError;
use highwater_proto::v1::bundle_record::Record;
use highwater_proto::v1::{Answer, Envelope, Kind, ReportResponse};
use highwater_rules::licence;
use highwater_rules::sign::KeyId;
use prost::Message as _;

/// What was answered so far.
#[derive(Default)]
pub(super) struct Answers {
    answers: Vec<Envelope>,
    /// From the sender's pinned key to the one that signed last.
    successions: Vec<Envelope>,
    /// One of them brings a licence.
    has_licence: bool,
}

impl Answers {
    /// One more, as [`crate::intake::take`] gives it.
    pub(super) fn add(&mut self, response: &[u8]) {
        // Central made it itself a moment ago.
        let Ok(response) = ReportResponse::decode(response) else { return };
        self.successions = response.successions;
        if let Some(answer) = response.answer {
            self.has_licence |= Answer::decode(&answer.payload[..]).is_ok_and(|a| !a.licences.is_empty());
            self.answers.push(answer);
        }
    }

    /// Adds an answer that is about no report, where there is a licence to bring or no other answer: what was brought before may have
    /// been lost on its way, and the export says which licence its host holds.
    pub(super) async fn complete(
        &mut self,
        central: &Central,
        sender: &Sender,
        told: &Told,
    ) -> Result<(), BundleFault> {
        let now_s = central.clock.now_s();
        let licence = if self.has_licence { None } else { licence(central, sender, told, now_s).await? };
        if licence.is_none() && !self.answers.is_empty() {
            return Ok(());
        }
        let ring = central.keys.ring();
        let key = ring.current().ok_or(KeyError::None)?;
        let licences = licence.iter().map(|claims| licence::sign(claims, key)).collect();
        let answer = Answer { nonce: told.nonce.clone(), answered_at: now_s, licences, ..Answer::default() };
        self.answers.push(key.seal(Kind::Answer, answer.encode_to_vec()));
        let pinned = KeyId::from_slice(&sender.pinned);
        self.successions = if pinned == Some(key.id()) { Vec::new() } else { ring.successions_from(pinned) };
        Ok(())
    }

    /// As they travel: how the keys follow each other, then the answers.
    pub(super) fn into_records(self) -> impl Iterator<Item = Record> {
        let successions = self.successions.into_iter().map(Record::Succession);
        successions.chain(self.answers.into_iter().map(Record::Answer))
    }
}

/// The licence that the export's host is to have, where it holds another one or none.
async fn licence(
    central: &Central,
    sender: &Sender,
    told: &Told,
    now_s: i64,
) -> Result<Option<licence::Claims>, StoreError> {
    let renewed =
        central.store.renew_licence(sender.key, told.instance.clone(), sender.held.clone(), now_s).await?;
    Ok(renewed.ok().map(|licence| licence.claims).filter(|claims| claims.id != sender.held))
}
