//! Reads what central answered, and keeps what is this instance's.

use super::error::ReadError;
use crate::files::open_regular;
use highwater_proto::v1::{ActivationResponse, Envelope, Kind};
use highwater_rules::bundle::{PIECE_BYTES, Reader, Record, Writer};
use prost::Message as _;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

/// The most that is kept of one bundle, in bytes: the answers to more than 20,000 reports.
pub const KEPT_MAX_BYTES: usize = 8 << 20;
/// How many other instances are named at most.
const OTHERS_MAX: usize = 1000;

/// The answer to one export or activation. Nothing of it is believed yet.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reply {
    /// Of the export or activation.
    pub nonce: Vec<u8>,
    /// Why central could not read the rest of the export; empty where it read all of it.
    pub cut: String,
    /// Central's keys, from the pinned one on.
    pub successions: Vec<Envelope>,
    /// What became of the reports.
    pub answers: Vec<Envelope>,
    /// What central grants to an activation.
    pub grant: Option<ActivationResponse>,
}

impl Reply {
    /// Whether it holds nothing but why it was refused.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.answers.is_empty() && self.grant.is_none()
    }

    /// Whether it is about an export.
    #[must_use]
    pub fn has_answers(&self) -> bool {
        !self.answers.is_empty()
    }
}

/// What a bundle holds for an instance.
#[derive(Debug, Default)]
pub struct Incoming {
    /// This instance's replies.
    pub replies: Vec<Reply>,
    /// Other instances that it holds replies for; of very many, the first.
    pub others: BTreeSet<String>,
    /// It holds reports or an activation: it is on its way to central.
    pub is_outward: bool,
    /// How many records were read.
    pub records: u64,
    /// Why it was not read to its end. What came before is kept.
    pub error: Option<ReadError>,
    kept_bytes: usize,
    /// Whether the records that come are this instance's.
    is_own: bool,
}

/// Reads a file, in pieces: memory is bounded by what is kept of it.
#[must_use]
pub fn read_file(path: &Path, instance: &str) -> Incoming {
    // A pipe without a writer would be waited for.
    match open_regular(path) {
        Ok(file) => read(file, instance),
        Err(error) => failed(error),
    }
}

/// Reads what someone hands over, to its end.
#[must_use]
pub fn read_stream(from: impl Read, instance: &str) -> Incoming {
    read(from, instance)
}

/// Reads a bundle that is at hand.
#[must_use]
pub fn read_bytes(bytes: &[u8], instance: &str) -> Incoming {
    read(bytes, instance)
}

fn failed(error: std::io::Error) -> Incoming {
    Incoming { error: Some(error.into()), ..Incoming::default() }
}

fn read(mut from: impl Read, instance: &str) -> Incoming {
    let mut incoming = Incoming::default();
    let mut read = || -> Result<(), ReadError> {
        let (mut reader, mut piece, mut records) = (Reader::new(), [0; PIECE_BYTES], Vec::new());
        loop {
            let length = match from.read(&mut piece) {
                Ok(0) => return Ok(reader.finish()?),
                Ok(length) => length,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            let fed = reader.feed(piece.get(..length).unwrap_or_default(), &mut records);
            for record in records.drain(..) {
                incoming.take(record, instance)?;
            }
            fed?;
        }
    };
    if let Err(error) = read() {
        incoming.error = Some(error);
    }
    incoming
}

impl Incoming {
    fn take(&mut self, record: Record, instance: &str) -> Result<(), ReadError> {
        self.records += 1;
        match record {
            Record::Export(_) | Record::Report(_) | Record::Activation(_) => self.is_outward = true,
            Record::Reply(reply) => {
                self.is_own = reply.instance == instance;
                if self.is_own {
                    self.keep(reply.encoded_len())?;
                    let cut = reply.cut.chars().filter(|c| !c.is_control()).take(300).collect();
                    self.replies.push(Reply { nonce: reply.nonce, cut, ..Reply::default() });
                } else if self.others.len() < OTHERS_MAX {
                    // A name is a UUID; what is longer is nobody's.
                    self.others.insert(reply.instance.chars().filter(|c| !c.is_control()).take(36).collect());
                }
            }
            Record::Answer(envelope) if self.is_own && envelope.kind() == Kind::Answer => {
                self.keep(envelope.encoded_len())?;
                self.last(|reply| reply.answers.push(envelope));
            }
            Record::Succession(envelope) if self.is_own => {
                self.keep(envelope.encoded_len())?;
                self.last(|reply| reply.successions.push(envelope));
            }
            Record::Grant(grant) if self.is_own => {
                self.keep(grant.encoded_len())?;
                self.last(|reply| reply.grant = Some(grant));
            }
            Record::Answer(_) | Record::Succession(_) | Record::Grant(_) | Record::End(_) => {}
        }
        Ok(())
    }

    fn last(&mut self, put: impl FnOnce(&mut Reply)) {
        if let Some(reply) = self.replies.last_mut() {
            put(reply);
        }
    }

    fn keep(&mut self, bytes: usize) -> Result<(), ReadError> {
        // What a record takes in memory beside its bytes.
        self.kept_bytes += bytes + 128;
        if self.kept_bytes > KEPT_MAX_BYTES {
            return Err(ReadError::TooMuch { max: KEPT_MAX_BYTES });
        }
        Ok(())
    }

    /// The replies as a bundle of their own, for the agent that runs: without what is for others, and without grants.
    ///
    /// # Errors
    /// When they do not go into one.
    pub fn for_the_agent(&self, instance: &str) -> Result<Vec<u8>, ReadError> {
        let mut writer = Writer::new();
        for reply in self.replies.iter().filter(|reply| reply.has_answers()) {
            let head = highwater_proto::v1::bundle_record::Reply {
                instance: instance.to_owned(),
                nonce: reply.nonce.clone(),
                cut: reply.cut.clone(),
                ..Default::default()
            };
            writer.put(Record::Reply(head))?;
            for succession in &reply.successions {
                writer.put(Record::Succession(succession.clone()))?;
            }
            for answer in &reply.answers {
                writer.put(Record::Answer(answer.clone()))?;
            }
        }
        Ok(writer.finish())
    }
}
