//! A file before it is sent: whether it is a bundle, what is good in it, and what it is told from others by.

use super::wants::Wants;
use crate::files::open_regular;
use highwater_rules::bundle::{BUNDLE_MAX_BYTES, BundleError, PIECE_BYTES, Reader, Record};
use highwater_rules::chain::Digest;
use highwater_rules::sign::Hasher;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

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
    /// What it asks.
    pub(super) wants: Wants,
    /// Why it can't be read to its end.
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
    let (mut wants, mut is_inward) = (Wants::default(), false);
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
                match record {
                    Record::Export(envelope) => wants.export(envelope),
                    Record::Activation(envelope) => wants.activation(envelope),
                    Record::Report(envelope) => wants.report(envelope),
                    _ => is_inward |= wants.len() == 0,
                }
            }
        }
    }
    let error = error.or_else(|| reader.finish().err());
    if is_inward {
        return Err(Unfit::Inward);
    }
    if wants.len() == 0 {
        return Err(error.map_or(Unfit::Empty, Unfit::Bundle));
    }
    wants.end();
    Ok(Look { digest: hasher.end(), stamp, wants, cut: error.map(|error| error.to_string()) })
}
