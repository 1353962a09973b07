//! Connections that read, beside the one that writes.

use super::fault::Fault;
use super::open;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tokio::sync::Semaphore;

/// How many read at once.
const READERS: usize = 4;

#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    turns: Semaphore,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Readers { path: path.to_owned(), idle: Mutex::new(Vec::new()), turns: Semaphore::new(READERS) }
    }

    /// Waits until one may read.
    pub(super) fn turns(&self) -> &Semaphore {
        &self.turns
    }

    /// Reads, in one transaction: all of it is of one moment.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut db = match idle {
            Some(db) => db,
            None => open::reader(&self.path)?,
        };
        let transaction = db.transaction()?;
        let result = work(&transaction);
        transaction.finish()?;
        // One that failed may have a reason to: the next reader opens a new one.
        if result.is_ok() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(db);
        }
        result
    }
}
