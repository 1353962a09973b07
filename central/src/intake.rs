//! A batch of reports, from its bytes to its signed answer.
//!
//! What costs time is done beside the writer: signatures are checked before it, and made after it.

use crate::keys::{KeyError, Keys, Ring};
use crate::licences;
use crate::model::{Arrival, Decision, NodeFacts, Placed, ReceiptFacts};
use crate::store::{Store, StoreError};
use highwater_proto::v1::refusal::Reason;
use highwater_proto::v1::{
    self, Answer, Envelope, Kind, Outcome, Refusal, ReportBatch, ReportResponse, outcome,
};
use highwater_rules::chain::Digest;
use highwater_rules::report::{self, ChainSpan};
use highwater_rules::sign::{KeyId, PublicKey, SealError, sha256};
use prost::Message as _;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

/// The longest batch, in bytes.
pub const BATCH_MAX_BYTES: usize = 4 * 1024 * 1024;
/// The most reports in a batch.
pub const BATCH_MAX_REPORTS: usize = 200;
/// So many signatures are checked where the request is; more would hold others up.
const INLINE_MAX: usize = 8;
/// More keys than this are not remembered.
const KNOWN_MAX: usize = 100_000;

/// The keys of those who reported lately. A key's id is made from the key, so that none is ever another.
#[derive(Debug, Default)]
pub struct KnownKeys(RwLock<HashMap<KeyId, Arc<PublicKey>>>);

impl KnownKeys {
    fn get(&self, id: KeyId) -> Option<Arc<PublicKey>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn put(&self, id: KeyId, key: Arc<PublicKey>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(id, key);
    }
}

/// Why a batch has no answer.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// It is none.
    #[error("not a batch of reports: {0}")]
    Malformed(String),
    /// The store failed: nothing of it is acknowledged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys can't be read.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The server is ending.
    #[error("central is ending: try again later")]
    Ending,
}

/// What a batch came to, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Reports that are stored now, or were before.
    pub accepted: u64,
    /// Reports that were not taken.
    pub refused: u64,
    /// The same, by reason: at each reason's number in the wire format.
    pub reasons: [u64; REASONS],
}

/// Reasons of a refusal that are told apart, the unspecified one with them.
pub const REASONS: usize = 7;

impl Tally {
    fn refuse(&mut self, reason: Reason) {
        self.refused += 1;
        let number = usize::try_from(i32::from(reason)).unwrap_or(0);
        if let Some(count) = self.reasons.get_mut(number) {
            *count += 1;
        }
    }
}

/// How a batch came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By its sender, over a connection that alters nothing.
    Pushed,
    /// In a file, which may be damaged on its way: a signature that does not fit says nothing of the report that was signed. It is to
    /// come again, and those behind it with it.
    Carried,
}

/// Reads a batch.
///
/// # Errors
/// When it is none.
pub fn decode(body: &[u8]) -> Result<ReportBatch, IntakeError> {
    let batch = ReportBatch::decode(body).map_err(|e| IntakeError::Malformed(e.to_string()))?;
    if batch.reports.len() > BATCH_MAX_REPORTS {
        return Err(IntakeError::Malformed(format!(
            "more than {BATCH_MAX_REPORTS} reports: send it in parts"
        )));
    }
    if !(16..=32).contains(&batch.nonce.len()) {
        return Err(IntakeError::Malformed("its nonce is not of 16 to 32 bytes".to_owned()));
    }
    Ok(batch)
}

/// Takes a batch: what is receipted in the answer is durable.
///
/// # Errors
/// When the store fails: then nothing is acknowledged.
pub async fn take(
    store: &dyn Store,
    keys: &Keys,
    known: &KnownKeys,
    batch: ReportBatch,
    way: Way,
    now_s: i64,
) -> Result<(Vec<u8>, Tally), IntakeError> {
    let senders = senders(store, known, &batch.reports).await?;
    let ReportBatch { reports, nonce, pinned_key } = batch;
    let many = reports.len() > INLINE_MAX;
    let checked = beside(many, move || check_all(reports, &senders, way)).await?;
    let arrivals = checked.arrivals;
    let signed: HashSet<KeyId> = arrivals.iter().map(|arrival| arrival.key_id).collect();
    let decisions =
        if arrivals.is_empty() { Vec::new() } else { store.take_reports(arrivals, now_s).await? };
    let mut ring = keys.ring();
    let signers =
        |ring: &Ring| decisions.iter().filter_map(Decision::signer).all(|id| ring.age(&id).is_some());
    if !signers(&ring) {
        // Another process has made a new key.
        ring = keys.refresh().await?;
    }
    let licences = offered(store, &ring, signed, now_s).await;
    let (digests, verdicts) = (checked.digests, checked.verdicts);
    let tally = tally(&verdicts, &decisions);
    let pinned = KeyId::from_slice(&pinned_key);
    let body = beside(many, move || {
        let mut decisions = decisions.into_iter();
        let outcomes = digests
            .into_iter()
            .zip(verdicts)
            .map(|(digest, verdict)| {
                let result = match verdict {
                    Some(refusal) => outcome::Result::Refusal(refusal),
                    None => told(decisions.next(), &ring, pinned),
                };
                Outcome { report_digest: digest.0.to_vec(), result: Some(result) }
            })
            .collect();
        respond(&Answer { nonce, answered_at: now_s, outcomes, licences }, &ring, pinned)
    })
    .await?;
    Ok((body?, tally))
}

/// Licences that go with the answer. What is receipted is durable: for want of a licence no answer is held back.
async fn offered(store: &dyn Store, ring: &Ring, signed: HashSet<KeyId>, now_s: i64) -> Vec<String> {
    let keys: Vec<KeyId> = signed.into_iter().collect();
    match licences::offer(store, ring, &keys, now_s).await {
        Ok(licences) => licences,
        Err(error) => {
            tracing::error!(error = %error, "store_failed");
            Vec::new()
        }
    }
}

impl Decision {
    fn signer(&self) -> Option<KeyId> {
        match self {
            Decision::Taken { receipt, .. } => Some(receipt.signer),
            Decision::Refused { .. } => None,
        }
    }
}

/// Does what takes long on a thread of its own.
async fn beside<T: Send + 'static>(
    long: bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, IntakeError> {
    if long { tokio::task::spawn_blocking(work).await.map_err(|_| IntakeError::Ending) } else { Ok(work()) }
}

type Senders = HashMap<KeyId, Arc<PublicKey>>;

/// The keys of those who signed, as far as any activation has them.
async fn senders(store: &dyn Store, known: &KnownKeys, reports: &[Envelope]) -> Result<Senders, StoreError> {
    let mut senders = Senders::new();
    let mut unknown = HashSet::new();
    for id in reports.iter().filter_map(|envelope| KeyId::from_slice(&envelope.key_id)) {
        if senders.contains_key(&id) || unknown.contains(&id) {
            continue;
        }
        if let Some(key) = key_of(store, known, id).await? {
            senders.insert(id, key);
        } else {
            unknown.insert(id);
        }
    }
    Ok(senders)
}

/// A sender's key by its id; `None` where no activation has it.
///
/// # Errors
/// When the store fails.
pub async fn key_of(
    store: &dyn Store,
    known: &KnownKeys,
    id: KeyId,
) -> Result<Option<Arc<PublicKey>>, StoreError> {
    if let Some(key) = known.get(id) {
        return Ok(Some(key));
    }
    let kept = store.public_key(id).await?;
    let Some(key) = kept.and_then(|bytes| PublicKey::from_slice(&bytes)).map(Arc::new) else {
        return Ok(None);
    };
    known.put(id, Arc::clone(&key));
    Ok(Some(key))
}

/// A batch after its signatures were checked.
struct Checked {
    digests: Vec<Digest>,
    /// For each report, why it is refused already; `None` where the store decides.
    verdicts: Vec<Option<Refusal>>,
    /// Those that the store decides on.
    arrivals: Vec<Arrival>,
}

fn refusal(reason: Reason, message: impl Into<String>, for_good: bool) -> Refusal {
    Refusal { reason: reason.into(), message: message.into(), for_good }
}

fn check_all(reports: Vec<Envelope>, senders: &Senders, way: Way) -> Checked {
    let mut checked = Checked { digests: Vec::new(), verdicts: Vec::new(), arrivals: Vec::new() };
    let mut waiting: HashSet<Vec<u8>> = HashSet::new();
    for envelope in reports {
        let digest = sha256(&envelope.payload);
        checked.digests.push(digest);
        let verdict = if waiting.contains(&envelope.key_id) {
            Err(refusal(Reason::OutOfTurn, "a report before it was not taken", false))
        } else {
            let key_id = envelope.key_id.clone();
            let arrival = check(envelope, digest, senders, way);
            if arrival.as_ref().is_err_and(|refusal| !refusal.for_good) {
                waiting.insert(key_id);
            }
            arrival
        };
        match verdict {
            Ok(arrival) => {
                checked.arrivals.push(arrival);
                checked.verdicts.push(None);
            }
            Err(refusal) => checked.verdicts.push(Some(refusal)),
        }
    }
    // Nothing says that a file has them in their order, and out of it they would seem to be holes and forks. One that is damaged has no
    // number that could be believed: then they stay as they lie.
    if way == Way::Carried && checked.verdicts.iter().all(Option::is_none) {
        checked.arrivals.sort_by_key(|arrival| arrival.sequence);
        checked.digests = checked.arrivals.iter().map(|arrival| arrival.digest).collect();
    }
    checked
}

fn check(envelope: Envelope, digest: Digest, senders: &Senders, way: Way) -> Result<Arrival, Refusal> {
    let malformed = |message: String| refusal(Reason::Malformed, message, true);
    let key_id = KeyId::from_slice(&envelope.key_id)
        .ok_or_else(|| malformed("the envelope names no key of 16 bytes".to_owned()))?;
    let key = senders.get(&key_id).ok_or_else(|| {
        refusal(Reason::UnknownKey, "no activation has this key: activate the instance again", false)
    })?;
    match key.open(&envelope, Kind::Report) {
        Ok(_) => {}
        Err(SealError::Kind) => return Err(malformed(SealError::Kind.to_string())),
        Err(error) => return Err(refusal(Reason::Signature, error.to_string(), way == Way::Pushed)),
    }
    let report = report::read(&envelope.payload).map_err(|error| malformed(error.to_string()))?;
    arrival(report, key_id, digest, envelope)
        .ok_or_else(|| malformed("not a report: parts are missing".to_owned()))
}

fn arrival(report: v1::Report, key_id: KeyId, digest: Digest, envelope: Envelope) -> Option<Arrival> {
    let day = report.day?;
    let chain = report.chain?;
    let slots = day.coverage.map_or(0, |all| {
        all.missed.iter().fold(i64::from(all.read), |sum, missed| sum + i64::from(missed.slots))
    });
    let as_digest = |bytes: &[u8]| bytes.try_into().ok().map(Digest);
    Some(Arrival {
        key_id,
        instance: report.instance,
        sequence: report.sequence,
        digest,
        previous: as_digest(&report.previous),
        day: day.day,
        time_zone: day.time_zone,
        until: day.until,
        partial: report.partial,
        revision: report.revision,
        day_began_at: day.until.saturating_sub(slots * i64::from(day.slot_s)),
        node: report.node.map(NodeFacts::from),
        chain: ChainSpan {
            first_row: i64::try_from(chain.first_row).ok()?,
            last_row: i64::try_from(chain.last_row).ok()?,
            first_digest: as_digest(&chain.first_digest)?,
            last_digest: as_digest(&chain.last_digest)?,
        },
        payload: envelope.payload,
        signature: envelope.signature,
    })
}

/// What is answered for what the store decided.
fn told(decision: Option<Decision>, ring: &Ring, pinned: Option<KeyId>) -> outcome::Result {
    match decision {
        Some(Decision::Taken { receipt, .. }) => sealed(receipt, ring, pinned).map_or_else(
            || outcome::Result::Refusal(refusal(Reason::OutOfTurn, "central has lost its key", false)),
            outcome::Result::Receipt,
        ),
        Some(Decision::Refused { reason, message, for_good }) => {
            outcome::Result::Refusal(refusal(reason, message, for_good))
        }
        // The store decides on each: this would be one that it did not answer.
        None => outcome::Result::Refusal(refusal(Reason::OutOfTurn, "it was not decided on", false)),
    }
}

/// The receipt, signed by the key that signed it first. A sender that has pinned a newer key can't go back to that one: for it, the
/// newest key signs the same receipt.
fn sealed(receipt: ReceiptFacts, ring: &Ring, pinned: Option<KeyId>) -> Option<Envelope> {
    let signer = ring.age(&receipt.signer)?;
    let newer = pinned.and_then(|id| ring.age(&id)).is_some_and(|pinned| pinned > signer);
    let key = if newer { ring.current() } else { ring.key(&receipt.signer) };
    Some(key?.seal(Kind::Receipt, receipt.message().encode_to_vec()))
}

fn respond(answer: &Answer, ring: &Ring, pinned: Option<KeyId>) -> Result<Vec<u8>, IntakeError> {
    let key = ring.current().ok_or(KeyError::None)?;
    let successions = if pinned == Some(key.id()) { Vec::new() } else { ring.successions_from(pinned) };
    let answer = Some(key.seal(Kind::Answer, answer.encode_to_vec()));
    Ok(ReportResponse { answer, successions }.encode_to_vec())
}

/// Counts, and tells the log of what was refused: one line a batch, as anyone can send what is to be refused.
fn tally(verdicts: &[Option<Refusal>], decisions: &[Decision]) -> Tally {
    let mut tally = Tally::default();
    let mut first: Option<(Reason, &str)> = None;
    for refused in verdicts.iter().flatten() {
        tally.refuse(refused.reason());
        first = first.or(Some((refused.reason(), &refused.message)));
    }
    for decision in decisions {
        match decision {
            Decision::Taken { receipt, placed } => {
                tally.accepted += 1;
                let repeated = *placed == Placed::Known;
                tracing::debug!(
                    identity = receipt.identity,
                    sequence = receipt.sequence,
                    repeated,
                    "report_accepted"
                );
            }
            Decision::Refused { reason, message, .. } => {
                tally.refuse(*reason);
                first = first.or(Some((*reason, message)));
            }
        }
    }
    if let Some((reason, why)) = first {
        tracing::warn!(count = tally.refused, reason = reason.as_str_name(), why, "report_refused");
    }
    tally
}
