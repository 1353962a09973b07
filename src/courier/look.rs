//! A file before it is sent: whether it is a bundle, what is good in it, and what it is told from others by.

use crate::files::open_regular;
use highwater_proto::v1::{Envelope, Export};
use highwater_rules::bundle::{BUNDLE_MAX_BYTES, BundleError, PIECE_BYTES, Reader, Record};
use highwater_rules::chain::Digest;
use highwater_rules::sign::Hasher;
use prost::Message as _;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// An instance's id in a message is cut to this, in letters: the file is a stranger's.
const ID_MAX_CHARS: usize = 64;

/// What a file was like when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) bytes: u64,
    pub(super) modified_s: i64,
    modified_ns: i64,
    device: u64,
    inode: u64,
}

impl Stamp {
    pub(super) fn of(meta: &Metadata) -> Self {
        Stamp {
            bytes: meta.len(),
            modified_s: meta.mtime(),
            modified_ns: meta.mtime_nsec(),
            device: meta.dev(),
            inode: meta.ino(),
        }
    }
}

/// A bundle, as its form tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) digest: Digest,
    pub(super) stamp: Stamp,
    /// Exports and activations in it: so many replies are expected.
    pub(super) wants: u64,
    pub(super) reports: u64,
    /// Why it can't be read to its end, and what of it is good.
    pub(super) cut: Option<String>,
}

/// Why a file is not sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    #[error("it can't be read: {0}")]
    Io(#[from] io::Error),
    #[error("it is longer than {BUNDLE_MAX_BYTES} bytes, which no bundle is")]
    TooLong,
    #[error("it is a bundle of receipts, which goes to the hosts: highwater import FILE")]
    Inward,
    #[error("nothing of it is good: {0}")]
    Bundle(BundleError),
    #[error("it holds neither an export nor an activation")]
    Empty,
}

/// Reads a file to its end.
pub(super) fn look(path: &Path) -> Result<Look, Unfit> {
    let file = open_regular(path)?;
    let stamp = Stamp::of(&file.metadata()?);
    if stamp.bytes > BUNDLE_MAX_BYTES {
        return Err(Unfit::TooLong);
    }
    read(&file, stamp)
}

fn read(file: &File, stamp: Stamp) -> Result<Look, Unfit> {
    let mut reader = Reader::new();
    let mut hasher = Hasher::default();
    let mut seen = Seen::default();
    let mut error = None;
    let mut piece = [0; PIECE_BYTES];
    let mut input = file.take(stamp.bytes);
    loop {
        let length = match input.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let Some(bytes) = piece.get(..length).filter(|bytes| !bytes.is_empty()) else { break };
        hasher.add(bytes);
        if error.is_none() {
            let mut records = Vec::new();
            error = reader.feed(bytes, &mut records).err();
            for record in &records {
                seen.add(record);
            }
        }
    }
    let error = error.or_else(|| reader.finish().err());
    if seen.is_inward {
        return Err(Unfit::Inward);
    }
    if seen.wants == 0 {
        return Err(error.map_or(Unfit::Empty, Unfit::Bundle));
    }
    let cut = error.map(|error| seen.good(&error));
    Ok(Look { digest: hasher.end(), stamp, wants: seen.wants, reports: seen.reports, cut })
}

/// What came out of a file so far.
#[derive(Default)]
struct Seen {
    wants: u64,
    reports: u64,
    is_inward: bool,
    /// The newest export: whose, how many reports it says that it has, and how many came.
    open: Option<(String, u32, u32)>,
}

impl Seen {
    fn add(&mut self, record: &Record) {
        match record {
            Record::Export(envelope) => {
                self.wants += 1;
                self.open = export(envelope);
            }
            Record::Activation(_) => {
                self.wants += 1;
                self.open = None;
            }
            Record::Report(_) => {
                self.reports += 1;
                if let Some((.., came)) = &mut self.open {
                    *came += 1;
                }
            }
            _ => self.is_inward |= self.wants == 0,
        }
    }

    fn good(&self, error: &BundleError) -> String {
        match &self.open {
            Some((instance, announced, came)) => {
                format!("{error}; {came} of the {announced} reports of instance {instance} are good")
            }
            None => error.to_string(),
        }
    }
}

fn export(envelope: &Envelope) -> Option<(String, u32, u32)> {
    let export = Export::decode(&envelope.payload[..]).ok()?;
    let shown = export.instance.chars().filter(|c| !c.is_control()).take(ID_MAX_CHARS).collect();
    Some((shown, export.reports, 0))
}
