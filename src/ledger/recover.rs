//! Going on when the ledger's files are damaged, removed or replaced: nothing is deleted, and the instance stays who it is.

use super::mirror::Mirror;
use super::open::sibling;
use super::{Ledger, LedgerError};
use crate::clock;
use rusqlite::{Connection, OpenFlags};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

impl Ledger {
    /// Closes a ledger found damaged while it was written, moves it aside and begins a new one.
    ///
    /// # Errors
    /// When the new one can't be made.
    pub fn begin_anew(&mut self) -> Result<PathBuf, LedgerError> {
        let empty = Connection::open_in_memory().map_err(|e| self.failed(e))?;
        drop(std::mem::replace(&mut self.connection, empty));
        let aside = move_aside(&self.path)?;
        let lock = self.lock.take();
        let identity = Identity {
            instance: self.instance.clone(),
            first_start: self.first_start,
            salt: Some(self.salt),
        };
        *self = Self::open_writer(&self.path, self.plan.clone(), Some(&identity))?;
        self.lock = lock;
        self.remember_damage(&aside)?;
        Ok(aside)
    }

    /// Whether the file and its log are still where they were opened. SQLite would write on into files that someone removed.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        self.opened == [identity_of(&self.path), identity_of(&sibling(&self.path, "-wal"))]
    }

    /// Opens the ledger again after its files were removed or replaced, and makes it where it is gone. What was written only to a
    /// log that was removed is saved first, where the file itself is still there.
    ///
    /// # Errors
    /// When it can't be opened.
    pub fn open_again(&mut self) -> Result<(), LedgerError> {
        if self.opened.first() == Some(&identity_of(&self.path)) {
            // Where it fails, what it would have saved is lost with the log.
            let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        }
        let empty = Connection::open_in_memory().map_err(|e| self.failed(e))?;
        drop(std::mem::replace(&mut self.connection, empty));
        self.lock = None;
        let dir = self.path.parent().unwrap_or(Path::new("/")).to_owned();
        let identity = Identity {
            instance: self.instance.clone(),
            first_start: self.first_start,
            salt: Some(self.salt),
        };
        let opened = Self::open_as(&dir, self.plan.clone(), Some(&identity))?;
        *self = opened.ledger;
        if self.head.seq == 0 {
            self.remember_damage(Path::new("removed while the agent ran"))?;
        }
        Ok(())
    }

    /// Writes down that an older ledger was found damaged, for reports to tell.
    pub(super) fn remember_damage(&self, aside: &Path) -> Result<(), LedgerError> {
        let name = aside.file_name().unwrap_or_default().to_string_lossy();
        self.connection
            .execute("INSERT OR REPLACE INTO state (key, value) VALUES ('damaged', ?1)", [name])
            .map_err(|e| self.failed(e))?;
        Ok(())
    }
}

/// Who the instance is. It outlives a damaged ledger, so that damage neither makes a new instance nor a new grace period.
pub(super) struct Identity {
    pub(super) instance: String,
    pub(super) first_start: i64,
    /// What names are hashed with, where that is known.
    pub(super) salt: Option<[u8; 16]>,
}

impl From<Mirror> for Identity {
    fn from(mirror: Mirror) -> Self {
        Identity { instance: mirror.instance, first_start: mirror.first_start, salt: Some(mirror.salt) }
    }
}

/// Reads what can still be read of a damaged ledger's identity.
pub(super) fn salvage(path: &Path) -> Option<Identity> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).ok()?;
    // Reads what there is of a file that was cut short, too.
    connection.execute_batch("PRAGMA writable_schema = ON").ok()?;
    let read = "SELECT (SELECT value FROM state WHERE key = 'instance'), (SELECT value FROM state WHERE key = 'first_start'), \
                (SELECT value FROM state WHERE key = 'salt')";
    let identity = |row: &rusqlite::Row<'_>| {
        Ok(Identity { instance: row.get(0)?, first_start: row.get(1)?, salt: row.get(2).ok() })
    };
    connection.query_row(read, [], identity).ok()
}

/// The device and the number of a file, if there is one.
pub(super) fn identity_of(path: &Path) -> Option<(u64, u64)> {
    path.metadata().ok().map(|m| (m.dev(), m.ino()))
}

/// Moves a ledger and the files beside it out of the way, under a name that tells when.
pub(super) fn move_aside(path: &Path) -> Result<PathBuf, LedgerError> {
    let aside = sibling(path, &format!(".damaged-{}", clock::unix_ms()));
    std::fs::rename(path, &aside).map_err(|source| LedgerError::io(path, source))?;
    for suffix in ["-wal", "-shm"] {
        let from = sibling(path, suffix);
        if from.exists() {
            std::fs::rename(&from, sibling(&aside, suffix))
                .map_err(|source| LedgerError::io(&from, source))?;
        }
    }
    Ok(aside)
}
