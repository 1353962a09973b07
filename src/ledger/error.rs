//! What can go wrong with a ledger.

use nix::errno::Errno;
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
    pub(crate) fn sqlite(path: &Path, source: rusqlite::Error) -> Self {
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
        matches!(
            source.sqlite_error_code(),
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
        )
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
        use rusqlite::ErrorCode as Code;
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
                Code::DiskFull => Errno::ENOSPC,
                Code::ReadOnly => Errno::EROFS,
                Code::PermissionDenied => Errno::EACCES,
                Code::DatabaseBusy | Code::DatabaseLocked => Errno::EBUSY,
                Code::DatabaseCorrupt | Code::NotADatabase => Errno::EBADMSG,
                Code::SystemIoFailure | Code::CannotOpen => Errno::EIO,
                _ => return None,
            },
        };
        Some(errno as i32)
    }

    /// Whether someone without the right tried to read or write it.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        match self {
            LedgerError::Io { source, .. } | LedgerError::Beside { source, .. } => {
                source.kind() == std::io::ErrorKind::PermissionDenied
            }
            LedgerError::Sqlite { source, .. } => matches!(
                source.sqlite_error_code(),
                Some(rusqlite::ErrorCode::ReadOnly | rusqlite::ErrorCode::PermissionDenied)
            ),
            _ => false,
        }
    }
}
