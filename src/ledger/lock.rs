//! One agent a ledger: a lock file that its process holds for as long as it lives.

use super::LedgerError;
use crate::files;
use std::fs::{File, TryLockError};
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};

const FILE_NAME: &str = "highwater.lock";
const HOLDER_MAX_BYTES: usize = 64;

/// The lock. The kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a state directory.
    pub(crate) fn take(state_dir: &Path) -> Result<Self, LedgerError> {
        let path = state_dir.join(FILE_NAME);
        let io = |source| LedgerError::io(&path, source);
        let mut file = File::options().create(true).truncate(false).write(true).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Self::held(path)),
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        // Who holds it is told for the operator's sake only: on a full disk the lock holds all the same.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "pid {}", std::process::id()));
        Ok(Lock { _file: file })
    }

    fn held(path: PathBuf) -> LedgerError {
        let holder = files::read_bounded(&path, HOLDER_MAX_BYTES)
            .ok()
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| "its pid is not known".to_owned());
        LedgerError::Locked { path, holder }
    }

    /// Whether an agent holds the lock of a state directory, and who, without taking it.
    pub(crate) fn holder(state_dir: &Path) -> Option<String> {
        let path = state_dir.join(FILE_NAME);
        let file = File::options().read(true).open(&path).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => match Self::held(path) {
                LedgerError::Locked { holder, .. } => Some(holder),
                _ => None,
            },
            _ => None,
        }
    }
}
