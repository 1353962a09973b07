//! One agent a ledger: a lock on a file that its process holds for as long as it lives.
//!
//! The lock is one of `fcntl`'s that belong to the open file, since only those can be asked about without being taken: `status`
//! beside an agent that is just starting must not be in its way.

use super::LedgerError;
use crate::files;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
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
        let mut file = match files::create_new(&path, 0o644) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                File::options().write(true).open(&path)
            }
            made => made,
        }
        .map_err(io)?;
        match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole_file(libc::F_WRLCK))) {
            Ok(_) => {}
            Err(nix::Error::EAGAIN | nix::Error::EACCES) => return Err(Self::held(path)),
            Err(errno) => return Err(io(io::Error::from(errno))),
        }
        // Who holds it is told for the operator's sake only: on a full disk the lock holds all the same.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "pid {}", std::process::id()));
        Ok(Lock { _file: file })
    }

    fn held(path: PathBuf) -> LedgerError {
        let holder = holder_of(&path);
        LedgerError::Locked { path, holder }
    }

    /// Whether an agent holds the lock of a state directory, and who.
    pub(crate) fn holder(state_dir: &Path) -> Option<String> {
        let path = state_dir.join(FILE_NAME);
        let file = File::open(&path).ok()?;
        let mut lock = whole_file(libc::F_RDLCK);
        fcntl(&file, FcntlArg::F_OFD_GETLK(&mut lock)).ok()?;
        (i32::from(lock.l_type) != libc::F_UNLCK).then(|| holder_of(&path))
    }
}

fn holder_of(path: &Path) -> String {
    files::read_bounded(path, HOLDER_MAX_BYTES)
        .ok()
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| "its pid is not known".to_owned())
}

fn whole_file(kind: i32) -> libc::flock {
    // The kinds of lock are 0, 1 and 2; a length of 0 stands for the whole file.
    let l_type = libc::c_short::try_from(kind).unwrap_or_default();
    let l_whence = libc::c_short::try_from(libc::SEEK_SET).unwrap_or_default();
    libc::flock { l_type, l_whence, l_start: 0, l_len: 0, l_pid: 0 }
}
