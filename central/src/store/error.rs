//! What goes wrong with a store.

use std::path::PathBuf;

/// Why the store did not do it. Nothing of it is done then.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Too much waits to be written.
    #[error("too much waits to be written: try again in a moment")]
    Busy,
    /// The database can't be used.
    #[error("{}: {why}", place.display())]
    Unavailable {
        /// Where it is.
        place: PathBuf,
        /// What it says.
        why: String,
    },
    /// The file may not be read or written.
    #[error("{}: {why}: run this as the user that the service runs as", place.display())]
    Permission {
        /// Where it is.
        place: PathBuf,
        /// What the system says.
        why: String,
    },
    /// A newer version made the database.
    #[error("{} is of version {found}, and this highwater-central knows {known} at most: update it", place.display())]
    Newer {
        /// Where it is.
        place: PathBuf,
        /// Its version.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// It is another program's.
    #[error("{} is another program's database: choose another --data-dir", place.display())]
    Foreign {
        /// Where it is.
        place: PathBuf,
    },
    /// What the database holds can't be.
    #[error("{}: {what} can't be read: restore the database from a backup", place.display())]
    Damaged {
        /// Where it is.
        place: PathBuf,
        /// What of it.
        what: String,
    },
    /// There is no such thing.
    #[error("there is no {what} {id}: list what there is with `highwater-central {what} list`")]
    Absent {
        /// What was looked for.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// It can't be done as things stand.
    #[error("{0}")]
    Conflict(String),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(String),
}

impl StoreError {
    /// Whether the same may well work later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, StoreError::Busy | StoreError::Unavailable { .. } | StoreError::Random(_))
    }
}
