//! How the file is opened.

use super::fault::Fault;
use rusqlite::{Connection, OpenFlags};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

/// How long a connection waits for another process's transaction.
const BUSY: Duration = Duration::from_secs(5);
/// The writer's page cache, in KiB.
const WRITER_CACHE_KIB: i64 = 64 * 1024;
/// A reader's page cache, in KiB.
const READER_CACHE_KIB: i64 = 8 * 1024;
/// How many pages the write-ahead log grows to before it is copied into the file: 32 MiB.
const CHECKPOINT_PAGES: i64 = 8192;
/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 64;

/// The connection that writes. The file is made where there is none, and only its owner can read it: it holds the signing keys.
pub(super) fn writer(path: &Path) -> Result<Connection, Fault> {
    if !path.exists() {
        // SQLite takes the mode of the file for the files beside it. What can't be made, it will say itself.
        let _ = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    }
    let db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    db.busy_timeout(BUSY)?;
    db.pragma_update(None, "journal_mode", "wal")?;
    // A receipt is only signed for what is on the disk.
    db.pragma_update(None, "synchronous", "full")?;
    db.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    db.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(db)
}

/// A connection that only reads.
pub(super) fn reader(path: &Path) -> Result<Connection, Fault> {
    let db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    db.busy_timeout(BUSY)?;
    db.pragma_update(None, "query_only", true)?;
    db.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(db)
}
