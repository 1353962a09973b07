//! The ledger: one SQLite file that holds the ring of slots, the hash chain over them, and the peaks of past days.
//!
//! `docs/ledger.md` describes the file for those who read it with other tools.

mod append;
mod close;
mod days;
mod entries;
mod error;
mod kept;
mod lock;
mod mirror;
mod notes;
mod open;
mod open_day;
mod outbox;
#[cfg(test)]
mod outbox_tests;
mod read;
mod recover;
mod ring;
mod schema;
mod summary;
#[cfg(test)]
mod tests;
mod verify;
mod verify_days;
mod verify_outbox;

pub use close::Closed;
pub use days::{DayRow, PeakRow};
pub use entries::{EntryState, OutboxEntry, Pruned, prune_until};
pub use error::LedgerError;
pub use kept::Kept;
pub use open::Opened;
pub use outbox::{Fate, OutboxCounts, OutboxReport};
pub use read::StoredSlot;
pub use verify::{Bad, Verdict};

use highwater_rules::chain::Digest;
use highwater_rules::day::{BillingDay, Calendar};
use highwater_rules::node::Node;
use highwater_rules::slot::SlotLength;
use lock::Lock;
use ring::Rings;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The ledger's file in the state directory.
pub const FILE_NAME: &str = "ledger.db";
/// How long the peaks of a day are kept: three years.
pub const PEAKS_RETENTION_S: i64 = 3 * 366 * 86_400;

/// What the configuration says of the ledger.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The slot's length.
    pub length: SlotLength,
    /// How long readings are kept, in seconds.
    pub retention_s: u64,
    /// Which day a slot belongs to.
    pub calendar: Calendar,
    /// Whether subjects leave the host as salted hashes.
    pub hash_names: bool,
    /// The node of a cluster that the instance runs on, for its reports to tell.
    pub node: Option<Node>,
}

impl Plan {
    /// How many slots the ring holds.
    #[must_use]
    pub fn capacity(&self) -> i64 {
        let slots = self.retention_s.div_ceil(self.length.seconds().unsigned_abs());
        i64::try_from(slots).unwrap_or(i64::MAX).max(1)
    }
}

/// The last row of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// Its number in the order of writing, from 1; 0 while there is none.
    pub(crate) seq: i64,
    /// Its digest; the genesis digest while there is none.
    pub(crate) digest: Digest,
}

/// An open ledger.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    connection: Connection,
    instance: String,
    first_start: i64,
    /// What names are hashed with. It never leaves the host.
    salt: [u8; 16],
    /// A reader may meet a ledger of an earlier version.
    has_outbox: bool,
    plan: Plan,
    rings: Rings,
    head: Head,
    /// Ids of the series and boots already written, so that the usual slot asks for none.
    series: BTreeMap<highwater_rules::meter::Series, i64>,
    boot: Option<(String, i64)>,
    /// The day whose row is known to be there and open.
    open_day: Option<BillingDay>,
    /// Held by the one agent that writes; `None` for readers.
    lock: Option<Lock>,
    /// The file and its log as they were opened: whether they are still the ones at their path is asked at each slot.
    opened: [Option<(u64, u64)>; 2],
}

impl Ledger {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The instance's id: made at random when the ledger was.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// When the agent first started, in unix seconds.
    #[must_use]
    pub fn first_start(&self) -> i64 {
        self.first_start
    }

    /// How many slots were ever written.
    #[must_use]
    pub fn written(&self) -> i64 {
        self.head.seq
    }

    fn failed(&self, source: rusqlite::Error) -> LedgerError {
        LedgerError::sqlite(&self.path, source)
    }
}
