//! What can go wrong with a file that is carried.

use crate::ledger::LedgerError;
use crate::uplink::random::NoRandom;
use highwater_rules::bundle::BundleError;
use std::io;
use std::path::PathBuf;

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// One is there already.
    #[error("{} is there already: name another file, or write over it with --force", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// It can't be written.
    #[error("{} can't be written: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl OutputError {
    /// Whether someone without the right tried to write it.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        matches!(self, OutputError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }

    /// Whether another name mends it.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            OutputError::Exists { .. } => true,
            OutputError::Io { source, .. } => source.kind() == io::ErrorKind::InvalidInput,
        }
    }
}

/// Why a file could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It can't be opened or read.
    #[error("it can't be read: {0}")]
    Io(#[from] io::Error),
    /// It is no bundle, or not a whole one.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// There is more for this instance than any has.
    #[error("it holds more for this instance than any has ({max} bytes): carry its exports one by one")]
    TooMuch {
        /// The bound.
        max: usize,
    },
}

/// Why an export could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// The ledger can't be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The file can't be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// What waits does not go into one.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// There is no nonce to be had.
    #[error(transparent)]
    Random(#[from] NoRandom),
}
