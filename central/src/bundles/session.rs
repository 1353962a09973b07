//! One bundle, from its bytes as they come in to the records that go back.

use super::answers::Answers;
use super::limits::Limits;
use super::told::Told;
use super::{BundleFault, Taken};
use crate::activate::{self, JoinError};
use crate::central::Central;
use crate::intake::{self, Tally, Way};
use crate::store::StoreError;
use highwater_proto::v1::bundle_record::Record;
use highwater_proto::v1::refusal::Reason;
use highwater_proto::v1::{Activation, ActivationResponse, Envelope, Export, Kind, ReportBatch};
use highwater_rules::bundle::{PIECE_BYTES, Reader, Writer};
use highwater_rules::report::is_uuid;
use highwater_rules::sign::KeyId;
use prost::Message as _;
use tokio::sync::OwnedSemaphorePermit;

/// Bytes of an export's nonce.
const NONCE_BYTES: usize = 32;
/// A batch of so many bytes of reports is full.
const BATCH_BYTES: usize = 2 * 1024 * 1024;
/// What is kept of an export or activation, in bytes, beside its answers.
const TOLD_BYTES: usize = 1024;
/// A text that goes back is cut to this, in letters.
const WHY_MAX_CHARS: usize = 400;

/// An export whose reports are being read.
struct Open {
    told: Told,
    /// Whose it is; `None` where the export was refused, and its reports with it.
    sender: Option<Sender>,
    batch: Vec<Envelope>,
    batch_bytes: usize,
    answers: Answers,
    /// A report of it was altered on its way.
    is_damaged: bool,
}

/// Who made an export.
pub(super) struct Sender {
    pub(super) key: KeyId,
    pub(super) pinned: Vec<u8>,
    pub(super) held: String,
}

/// A bundle that is being taken.
pub(super) struct Session<'a> {
    central: &'a Central,
    writer: &'a mut Writer,
    reader: Reader,
    room: OwnedSemaphorePermit,
    back: Vec<u8>,
    open: Option<Open>,
    told: Vec<Told>,
    limits: Limits,
    /// The last export came before, and its reports with it: they are passed over.
    is_repeated: bool,
    /// Why nothing more is read.
    cut: Option<String>,
    is_inward: bool,
}

impl<'a> Session<'a> {
    /// `room` is what its answer takes: none yet.
    pub(super) fn new(central: &'a Central, writer: &'a mut Writer, room: OwnedSemaphorePermit) -> Self {
        Session {
            central,
            writer,
            reader: Reader::new(),
            room,
            back: Vec::new(),
            open: None,
            told: Vec::new(),
            limits: Limits::default(),
            is_repeated: false,
            cut: None,
            is_inward: false,
        }
    }

    /// Takes the bundle's next bytes. Behind a place that can't be read, they are passed over.
    pub(super) async fn feed(&mut self, bytes: &[u8]) -> Result<(), BundleFault> {
        // Small pieces: what a few bytes unpack to is bounded by how few they are.
        for piece in bytes.chunks(PIECE_BYTES) {
            if self.cut.is_some() {
                return Ok(());
            }
            let mut records = Vec::new();
            let read = self.reader.feed(piece, &mut records);
            for record in records {
                if self.cut.is_none() {
                    self.record(record).await?;
                }
            }
            self.cut = self.cut.take().or(read.err().map(|error| error.to_string()));
        }
        Ok(())
    }

    /// There is no more of it.
    pub(super) async fn finish(mut self) -> Result<(Taken, Vec<u8>), BundleFault> {
        let cut = self.cut.take().or_else(|| self.reader.finish().err().map(|error| error.to_string()));
        self.close(cut.as_deref()).await?;
        if self.is_inward {
            return Err(BundleFault::Inward);
        }
        if self.told.is_empty() {
            let empty = || "it holds neither an export nor an activation".to_owned();
            return Err(BundleFault::None(cut.unwrap_or_else(empty)));
        }
        Ok((Taken { told: self.told, cut, room: self.room }, self.back))
    }

    async fn record(&mut self, record: Record) -> Result<(), BundleFault> {
        match record {
            Record::Report(envelope) => return self.report(envelope).await,
            Record::Export(envelope) => {
                self.close(None).await?;
                if self.admits(&envelope)? {
                    self.open = Some(self.export(&envelope).await?);
                }
            }
            Record::Activation(envelope) => {
                self.close(None).await?;
                if self.admits(&envelope)? {
                    self.activation(&envelope).await?;
                }
            }
            // `end` never comes out of a reader; the others are what goes back to a host.
            Record::Reply(_)
            | Record::Answer(_)
            | Record::Succession(_)
            | Record::Grant(_)
            | Record::End(_) => {
                self.is_inward |= self.told.is_empty() && self.open.is_none();
                self.cut = Some(format!(
                    "record {} is one of those that central makes: only exports are read here",
                    self.reader.records()
                ));
            }
        }
        Ok(())
    }

    /// Whether one more export or activation is looked at.
    fn admits(&mut self, envelope: &Envelope) -> Result<bool, BundleFault> {
        self.is_repeated = self.limits.is_repeated(envelope);
        if self.is_repeated {
            return Ok(false);
        }
        self.cut = self.limits.end();
        if self.cut.is_some() {
            return Ok(false);
        }
        self.reserve(TOLD_BYTES)?;
        Ok(true)
    }

    fn reserve(&mut self, bytes: usize) -> Result<(), BundleFault> {
        let more = self.central.bundle_room.take(bytes).ok_or(StoreError::Busy)?;
        self.room.merge(more);
        Ok(())
    }

    /// Begins an export, or says why it is refused.
    async fn export(&mut self, envelope: &Envelope) -> Result<Open, BundleFault> {
        let read = Export::decode(&envelope.payload[..]);
        let mut told = Told::default();
        if let Ok(export) = &read {
            // A stranger's text does not go into the answer.
            told.instance = Some(export.instance.clone()).filter(|id| is_uuid(id)).unwrap_or_default();
            told.nonce = Some(export.nonce.clone()).filter(|n| n.len() == NONCE_BYTES).unwrap_or_default();
            told.announced = export.reports;
        }
        let sender = match read {
            Ok(export) => self.sender(envelope, export).await?,
            Err(error) => Err(format!("the export can't be read: {error}")),
        };
        let sender = sender.and_then(|sender| {
            self.limits.one_more_of(sender.key, &told.instance)?;
            Ok(sender)
        });
        if sender.is_err() {
            self.limits.refuse();
        }
        let sender = sender.map_err(|why| told.cut = cut(&why)).ok();
        Ok(Open {
            told,
            sender,
            batch: Vec::new(),
            batch_bytes: 0,
            answers: Answers::default(),
            is_damaged: false,
        })
    }

    /// Who made an export, once its signature was found right.
    async fn sender(
        &self,
        envelope: &Envelope,
        export: Export,
    ) -> Result<Result<Sender, String>, BundleFault> {
        let instance = &export.instance;
        if !is_uuid(instance) {
            return Ok(Err("the export's instance is no UUID".to_owned()));
        }
        if export.nonce.len() != NONCE_BYTES {
            return Ok(Err(format!("the export's nonce is not of {NONCE_BYTES} bytes")));
        }
        let Some(key) = KeyId::from_slice(&envelope.key_id) else {
            return Ok(Err("the export's envelope names no key of 16 bytes".to_owned()));
        };
        let known = intake::key_of(&*self.central.store, &self.central.known, key).await?;
        let Some(public) = known else {
            return Ok(Err(format!(
                "unknown key {} of instance {instance}: it has not joined this central; activate it, or ask whether the bundle is \
                 for another one",
                key.hex()
            )));
        };
        Ok(match public.open(envelope, Kind::Export) {
            Ok(_) => Ok(Sender { key, pinned: export.pinned_key, held: export.held }),
            Err(error) => Err(format!("the export of instance {instance} is refused: {error}")),
        })
    }

    async fn report(&mut self, envelope: Envelope) -> Result<(), BundleFault> {
        let Some(open) = &mut self.open else {
            if self.is_repeated {
                return Ok(());
            }
            self.cut = Some(format!(
                "record {} is a report that no export comes before: export anew",
                self.reader.records()
            ));
            return Ok(());
        };
        open.told.read = open.told.read.saturating_add(1);
        let Some(sender) = &open.sender else { return Ok(()) };
        if open.is_damaged {
            return Ok(());
        }
        if envelope.kind() != Kind::Report || envelope.key_id != sender.key.0 {
            let number = open.told.read;
            self.flush().await?;
            self.damaged(&format!("report {number} is not signed by the export's key"));
            return Ok(());
        }
        open.batch_bytes += envelope.encoded_len();
        open.batch.push(envelope);
        if open.batch.len() >= intake::BATCH_MAX_REPORTS || open.batch_bytes >= BATCH_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    /// Nothing more of this export is taken: a report that is damaged must not be passed by, or those behind it would seem to begin
    /// a line of their own.
    fn damaged(&mut self, why: &str) {
        if let Some(open) = self.open.as_mut().filter(|open| !open.is_damaged) {
            open.is_damaged = true;
            let Told { accepted, announced, instance, .. } = &open.told;
            open.told.cut = cut(&format!(
                "{why}: the bundle was damaged on its way, carry it again; {accepted} of the {announced} reports of instance \
                 {instance} were taken"
            ));
        }
    }

    /// Takes the reports that have gathered.
    async fn flush(&mut self) -> Result<(), BundleFault> {
        let central = self.central;
        let Some(open) = self.open.as_mut().filter(|open| !open.batch.is_empty()) else { return Ok(()) };
        let Some(sender) = &open.sender else { return Ok(()) };
        let reports = std::mem::take(&mut open.batch);
        open.batch_bytes = 0;
        let batch =
            ReportBatch { reports, nonce: open.told.nonce.clone(), pinned_key: sender.pinned.clone() };
        let now_s = central.clock.now_s();
        let (response, tally) =
            intake::take(&*central.store, &central.keys, &central.known, batch, Way::Carried, now_s).await?;
        central.counts.add(tally);
        central.metrics.add(&tally);
        let accepted = u32::try_from(tally.accepted).unwrap_or(u32::MAX);
        open.told.accepted = open.told.accepted.saturating_add(accepted);
        open.answers.add(&response);
        if signatures(&tally) > 0 {
            self.damaged("the signature of a report does not fit");
        }
        // What is packed of it counts as much again.
        self.reserve(2 * response.len())
    }

    /// Ends the export that is open, and writes what goes back for it. `why` says what hinders it to be read to its end.
    async fn close(&mut self, why: Option<&str>) -> Result<(), BundleFault> {
        self.flush().await?;
        let Some(mut open) = self.open.take() else { return Ok(()) };
        let told = &mut open.told;
        if let Some(sender) = &open.sender {
            if told.read < told.announced && !open.is_damaged {
                let why = why.unwrap_or("the export ends early");
                told.cut = cut(&format!(
                    "{why}; {} of the {} reports of instance {} were read",
                    told.read, told.announced, told.instance
                ));
            }
            open.answers.complete(self.central, sender, told).await?;
        }
        self.put(Record::Reply(told.reply()))?;
        for record in open.answers.into_records() {
            self.put(record)?;
        }
        self.told.push(open.told);
        Ok(())
    }

    async fn activation(&mut self, envelope: &Envelope) -> Result<(), BundleFault> {
        let mut told = Told { joins: true, ..Told::default() };
        if let Ok(request) = Activation::decode(&envelope.payload[..]) {
            told.instance = Some(request.instance).filter(|id| is_uuid(id)).unwrap_or_default();
            told.nonce = Some(request.nonce).filter(|n| (16..=32).contains(&n.len())).unwrap_or_default();
        }
        let central = self.central;
        let body = envelope.encode_to_vec();
        let joined = if body.len() > activate::REQUEST_MAX_BYTES {
            Err(JoinError::Malformed(format!("it is longer than {} bytes", activate::REQUEST_MAX_BYTES)))
        } else {
            activate::join(&*central.store, &central.keys, &body, central.clock.now_s()).await
        };
        let grant = match joined {
            Ok(answer) => ActivationResponse::decode(&answer[..]).ok(),
            Err(JoinError::Store(error)) => return Err(error.into()),
            Err(JoinError::Keys(error)) => return Err(error.into()),
            Err(JoinError::Denied(denied)) => {
                told.cut = cut(&format!("{denied}: {}", denied.mend()));
                None
            }
            Err(error) => {
                told.cut = cut(&error.to_string());
                None
            }
        };
        self.put(Record::Reply(told.reply()))?;
        match grant {
            Some(grant) => self.put(Record::Grant(grant))?,
            None => self.limits.refuse(),
        }
        self.told.push(told);
        Ok(())
    }

    fn put(&mut self, record: Record) -> Result<(), BundleFault> {
        self.writer.put(record).map_err(BundleFault::Answer)?;
        self.back.extend(self.writer.take());
        Ok(())
    }
}

/// How many reports were refused for their signature.
fn signatures(tally: &Tally) -> u64 {
    let number = usize::try_from(i32::from(Reason::Signature)).unwrap_or(usize::MAX);
    tally.reasons.get(number).copied().unwrap_or(0)
}

fn cut(why: &str) -> String {
    why.chars().take(WHY_MAX_CHARS).collect()
}
