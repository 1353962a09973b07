//! An answer, held to what its file asks: an answer to another file, or an older one played again, says nothing of this one.
//!
//! The courier has no key to check a signature by. It counts the receipts that are in the answer and about reports that are in the
//! file, and never what an answer merely says of itself.

use super::look::Look;
use super::told::{State, Told, clean, count};
use super::wants::Wants;
use highwater_proto::v1::bundle_record::Reply;
use highwater_proto::v1::{ActivationResponse, Answer, Envelope, Grant, Kind, Outcome, Receipt, outcome};
use highwater_rules::bundle::{BundleError, PIECE_BYTES, Reader, Record};
use highwater_rules::chain::Digest;
use prost::Message as _;

/// So many reasons are told; the rest is counted.
const REASONS_MAX: usize = 5;

/// What an answer comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) told: Vec<Told>,
    pub(super) accepted: u64,
    pub(super) state: State,
}

/// Why an answer counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Misfit {
    /// It broke off, or was damaged on its way.
    Broken(String),
    /// It is none of a central's.
    NoCentral(&'static str),
    /// It answers something else than this file.
    Foreign(&'static str),
}

/// Holds an answer to the file that was sent.
pub(super) fn judge(answer: &[u8], look: &Look) -> Result<Judged, Misfit> {
    let mut judge = Judge { wants: &look.wants, next: 0, open: None, done: Vec::new() };
    let mut reader = Reader::new();
    for piece in answer.chunks(PIECE_BYTES) {
        let mut records = Vec::new();
        reader.feed(piece, &mut records).map_err(form)?;
        for record in records {
            judge.take(record)?;
        }
    }
    reader.finish().map_err(form)?;
    judge.close();
    Ok(judged(judge.done, look))
}

fn form(error: BundleError) -> Misfit {
    match error {
        BundleError::NotOne | BundleError::Newer { .. } => Misfit::NoCentral("what is no bundle"),
        error => Misfit::Broken(error.to_string()),
    }
}

/// A reply, and what came behind it so far.
struct Open<'l> {
    told: Told,
    nonce: Vec<u8>,
    /// The reports that are asked about, and which of them have their receipt.
    reports: &'l [Digest],
    receipted: Vec<bool>,
    key: Option<&'l [u8]>,
    is_granted: bool,
}

/// What came of one export or activation.
struct Done {
    told: Told,
    reports: u64,
    joins: bool,
    is_granted: bool,
}

struct Judge<'l> {
    wants: &'l Wants,
    /// Replies come in the order of what they answer: the next is to one from here on.
    next: usize,
    open: Option<Open<'l>>,
    done: Vec<Done>,
}

const FOREIGN: &str = "to an export or activation that is not in it";

impl<'l> Judge<'l> {
    fn take(&mut self, record: Record) -> Result<(), Misfit> {
        match record {
            Record::Reply(reply) => self.reply(reply),
            Record::Answer(envelope) => self.behind()?.answer(&envelope),
            Record::Grant(grant) => self.behind()?.grant(&grant),
            Record::Succession(_) => self.behind().map(drop),
            _ => Err(Misfit::NoCentral("a bundle that no central makes")),
        }
    }

    fn behind(&mut self) -> Result<&mut Open<'l>, Misfit> {
        self.open.as_mut().ok_or(Misfit::NoCentral("a bundle that no central makes"))
    }

    fn reply(&mut self, reply: Reply) -> Result<(), Misfit> {
        self.close();
        let number = self.wants.find(self.next, &reply.instance, &reply.nonce);
        let number = number.ok_or(Misfit::Foreign(FOREIGN))?;
        self.next = number + 1;
        let reports = self.wants.of(number);
        self.open = Some(Open {
            told: Told {
                instance: clean(&reply.instance),
                read: reply.read,
                cut: clean(&reply.cut),
                ..Told::default()
            },
            nonce: reply.nonce,
            reports,
            receipted: vec![false; reports.len()],
            key: self.wants.key(number),
            is_granted: false,
        });
        Ok(())
    }

    fn close(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        open.told.accepted = open.receipted.iter().filter(|is| **is).count() as u64;
        self.done.push(Done {
            told: open.told,
            reports: open.reports.len() as u64,
            joins: open.key.is_some(),
            is_granted: open.is_granted,
        });
    }
}

impl Open<'_> {
    fn answer(&mut self, envelope: &Envelope) -> Result<(), Misfit> {
        let answer = Answer::decode(&envelope.payload[..]).ok().filter(|_| envelope.kind() == Kind::Answer);
        let answer = answer.ok_or(Misfit::NoCentral("an answer that can't be read"))?;
        if answer.nonce != self.nonce {
            return Err(Misfit::Foreign(FOREIGN));
        }
        answer.outcomes.into_iter().try_for_each(|outcome| self.outcome(outcome))
    }

    fn outcome(&mut self, outcome: Outcome) -> Result<(), Misfit> {
        let digest = &outcome.report_digest;
        let begin = self.reports.partition_point(|report| report.0[..] < digest[..]);
        let end = self.reports.partition_point(|report| report.0[..] <= digest[..]);
        if begin == end {
            return Err(Misfit::Foreign("about reports that are not in it"));
        }
        match outcome.result {
            Some(outcome::Result::Receipt(envelope)) => {
                let receipt = Receipt::decode(&envelope.payload[..]).ok();
                let fits = |receipt: &Receipt| {
                    receipt.report_digest == *digest && receipt.instance == self.told.instance
                };
                if envelope.kind() != Kind::Receipt || !receipt.is_some_and(|receipt| fits(&receipt)) {
                    return Err(Misfit::Foreign("with receipts of other reports"));
                }
                // A report that is in the file twice has its receipt twice.
                self.receipted.iter_mut().take(end).skip(begin).for_each(|is| *is = true);
            }
            Some(outcome::Result::Refusal(refusal)) => {
                self.told.refused += 1;
                self.told.reason.get_or_insert_with(|| clean(&refusal.message));
            }
            None => {}
        }
        Ok(())
    }

    fn grant(&mut self, response: &ActivationResponse) -> Result<(), Misfit> {
        let envelope = response.grant.as_ref().filter(|envelope| envelope.kind() == Kind::Grant);
        let grant = envelope.and_then(|envelope| Grant::decode(&envelope.payload[..]).ok());
        let grant = grant.ok_or(Misfit::NoCentral("a grant that can't be read"))?;
        let fits = grant.nonce == self.nonce && grant.instance == self.told.instance;
        if !fits || self.key != Some(&grant.public_key[..]) {
            return Err(Misfit::Foreign(FOREIGN));
        }
        self.is_granted = true;
        Ok(())
    }
}

impl Done {
    /// What of it was not taken, and why: central's word first.
    fn problem(&self) -> Option<String> {
        let told = &self.told;
        let mut why: Vec<String> = Some(told.cut.clone()).filter(|cut| !cut.is_empty()).into_iter().collect();
        let of = || format!("of {} of instance {}", count(self.reports, "report"), told.instance);
        if told.refused > 0 {
            let were = if told.refused == 1 { "was" } else { "were" };
            let first = if told.refused == 1 { "" } else { " the first" };
            let reason =
                told.reason.as_deref().filter(|reason| !reason.is_empty()).unwrap_or("it does not say why");
            why.push(format!("{} {} {were} refused,{first} because: {reason}", told.refused, of()));
        }
        if why.is_empty() && told.accepted < self.reports {
            why.push(format!("{} {} came back without a receipt", self.reports - told.accepted, of()));
        }
        if why.is_empty() && self.joins && !self.is_granted {
            why.push(format!("central did not let instance {} join, and does not say why", told.instance));
        }
        (!why.is_empty()).then(|| why.join("; "))
    }

    fn is_something(&self) -> bool {
        let is_whole = self.told.cut.is_empty() && self.told.accepted == self.reports && !self.joins;
        self.told.accepted > 0 || self.is_granted || is_whole
    }
}

/// What became of the file.
fn judged(done: Vec<Done>, look: &Look) -> Judged {
    let accepted = done.iter().map(|one| one.told.accepted).sum();
    let mut why: Vec<String> = done.iter().filter_map(Done::problem).take(REASONS_MAX).collect();
    let more = done.iter().filter(|one| one.problem().is_some()).count() - why.len();
    if more > 0 {
        why.push(format!("and so {more} more of its exports and activations"));
    }
    // Where central has found it, too, its word is enough.
    let is_cut_told = done.iter().any(|one| !one.told.cut.is_empty());
    why.extend(look.cut.clone().filter(|_| !is_cut_told));
    if done.len() < look.wants.len() {
        why.push(format!("central answered {} of its {}", done.len(), asked(look.wants.len())));
    }
    if why.is_empty() && accepted < look.wants.reports() {
        why.push(format!(
            "{} of its {} came back with a receipt",
            accepted,
            count(look.wants.reports(), "report")
        ));
    }
    let is_something = done.iter().any(Done::is_something);
    let state = match why.join("; ") {
        why if why.is_empty() => State::Taken,
        why if is_something => State::Partly(why),
        why => State::Refused(why),
    };
    Judged { told: done.into_iter().map(|one| one.told).collect(), accepted, state }
}

fn asked(number: usize) -> String {
    if number == 1 {
        "1 export or activation".to_owned()
    } else {
        format!("{number} exports and activations")
    }
}
