//! What can go wrong with a ledger.

use crate::room;
use nix::errno::Errno;
use rusqlite::{ErrorCode, ffi};
use std::path::{Path, PathBuf};

/// What went wrong with a ledger.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// There is none.
    #[error("no ledger at {}: the agent has not run with this state directory yet (`highwater run` makes it)", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Another agent writes it.
    #[error(
        "another agent ({holder}) is using {}: stop it first, or give this one its own state_dir",
        path.display()
    )]
    Locked {
        /// The lock's path.
        path: PathBuf,
        /// Who holds it, as far as the lock tells.
        holder: String,
    },
    /// A newer version of the agent wrote it.
    #[error(
        "{} was written by a newer highwater (schema {found}, this one knows {known}): install that version again; \
         the ledger was not touched", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema's version.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// It is a SQLite database, but not a ledger.
    #[error("{} is another program's database, not a ledger: give the agent its own state_dir", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A file or directory beside it can't be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file that says who the instance is can't be read: going on without it could make another instance, or begin its grace
    /// period anew.
    #[error(
        "{} is there, but can't be read: {source}: as root, `chown --reference={} {}`", path.display(),
        crate::files::directory_of(path).display(), path.display()
    )]
    Beside {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// SQLite failed.
    #[error("{}: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// A row holds what no agent wrote.
    #[error("{}: {what}", path.display())]
    Nonsense {
        /// The file.
        path: PathBuf,
        /// What.
        what: String,
    },
}

impl LedgerError {
    /// What SQLite said of a file. Where its directory has no room, a failure to read, write or open is the full disk's.
    pub(crate) fn sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let is_full = source.sqlite_error_code().is_some_and(may_be_full)
            && room::left(crate::files::directory_of(path)).is_some_and(room::is_none);
        let source = if is_full { full() } else { source };
        LedgerError::Sqlite { path: path.to_owned(), source }
    }

    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        LedgerError::Io { path: path.to_owned(), source }
    }

    pub(crate) fn nonsense(path: &Path, what: impl Into<String>) -> Self {
        LedgerError::Nonsense { path: path.to_owned(), what: what.into() }
    }

    /// Whether the file itself is damaged, so that only a new one helps.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        let LedgerError::Sqlite { source, .. } = self else { return false };
        matches!(source.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
    }

    /// Whether a row holds what no agent wrote: a text in place of a number, say.
    #[must_use]
    pub fn is_nonsense(&self) -> bool {
        let LedgerError::Sqlite { source, .. } = self else {
            return matches!(self, LedgerError::Nonsense { .. });
        };
        source.sqlite_error_code().is_none()
    }

    /// What went wrong, as the operating system numbers it; `None` where it is nothing of that kind.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        let errno = match self {
            LedgerError::Io { source, .. } | LedgerError::Beside { source, .. } => {
                return source.raw_os_error();
            }
            LedgerError::Locked { .. } => Errno::EBUSY,
            LedgerError::Missing { .. } => Errno::ENOENT,
            LedgerError::Newer { .. } | LedgerError::Foreign { .. } | LedgerError::Nonsense { .. } => {
                Errno::EBADMSG
            }
            LedgerError::Sqlite { source, .. } => match source.sqlite_error_code()? {
                ErrorCode::DiskFull => Errno::ENOSPC,
                ErrorCode::ReadOnly => Errno::EROFS,
                ErrorCode::PermissionDenied => Errno::EACCES,
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Errno::EBUSY,
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Errno::EBADMSG,
                ErrorCode::SystemIoFailure | ErrorCode::CannotOpen => Errno::EIO,
                _ => return None,
            },
        };
        Some(errno as i32)
    }

    /// Whether the device, or the file system on it, failed to read or write.
    #[must_use]
    pub fn is_device_failure(&self) -> bool {
        match self {
            LedgerError::Sqlite { source, .. } => {
                source.sqlite_error_code() == Some(ErrorCode::SystemIoFailure)
            }
            LedgerError::Io { source, .. } => source.raw_os_error() == Some(Errno::EIO as i32),
            _ => false,
        }
    }

    /// Whether someone without the right tried to read or write it.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        match self {
            LedgerError::Io { source, .. } | LedgerError::Beside { source, .. } => {
                source.kind() == std::io::ErrorKind::PermissionDenied
            }
            LedgerError::Sqlite { source, .. } => {
                matches!(source.sqlite_error_code(), Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied))
            }
            _ => false,
        }
    }
}

/// What SQLite also says where there is no room for the files beside the database: its shared memory, its log.
const fn may_be_full(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::SystemIoFailure | ErrorCode::CannotOpen)
}

/// What SQLite says of a full disk where the database itself finds no room.
fn full() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(
        ffi::Error::new(ffi::SQLITE_FULL),
        Some("database or disk is full".to_owned()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn only_what_no_room_may_bring_about_is_told_as_a_full_disk() {
        let may = |code| failed(code).sqlite_error_code().is_some_and(may_be_full);
        assert!(may(ffi::SQLITE_IOERR_SHMSIZE) && may(ffi::SQLITE_IOERR_WRITE) && may(ffi::SQLITE_CANTOPEN));
        assert!(!may(ffi::SQLITE_CORRUPT) && !may(ffi::SQLITE_BUSY) && !may(ffi::SQLITE_READONLY));
        let error = LedgerError::Sqlite { path: "/x".into(), source: full() };
        assert_eq!(error.to_string(), "/x: database or disk is full");
        assert_eq!(error.errno(), Some(Errno::ENOSPC as i32));
    }

    #[test]
    fn a_device_that_fails_is_no_full_disk_where_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        let error = LedgerError::sqlite(&dir.path().join("ledger.db"), failed(ffi::SQLITE_IOERR_READ));
        assert!(error.is_device_failure() && error.errno() == Some(Errno::EIO as i32), "{error}");
    }
}
