//! What is kept beside the slots: the grace period, the last push, how far reports have come. In table `state`, and what must outlive
//! the ledger in the file beside it.

use super::mirror::Mirror;
use super::{Ledger, LedgerError};
use crate::clock;
use highwater_rules::chain::Digest;
use highwater_rules::node::Node;
use highwater_rules::report::Names;
use rusqlite::{Connection, OptionalExtension as _, params};

/// How far the grace period has gone, as a text and the identity key's signature over it; empty before there is a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The text.
    pub timeline: String,
    /// The signature.
    pub seal: Vec<u8>,
}

impl Ledger {
    /// How subjects are named in reports.
    #[must_use]
    pub fn names(&self) -> Names {
        if self.plan.hash_names { Names::Hashed(self.salt) } else { Names::Plain }
    }

    /// The node of a cluster that the instance runs on.
    #[must_use]
    pub fn node(&self) -> Option<&Node> {
        self.plan.node.as_ref()
    }

    /// The id of the cluster that the instance is in.
    #[must_use]
    pub fn cluster(&self) -> Option<&str> {
        self.node().map(|node| node.cluster.as_str())
    }

    /// A note of the last push that failed, for `status` to tell; `None` where the last one succeeded.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn push_note(&self) -> Result<Option<String>, LedgerError> {
        state(&self.connection, "push").map_err(|e| self.failed(e))
    }

    /// Writes down the note of the last push.
    ///
    /// # Errors
    /// When it can't be made durable.
    pub fn note_push(&self, note: Option<&str>) -> Result<(), LedgerError> {
        let written = match note {
            Some(note) => write_state(&self.connection, "push", &note),
            None => self.connection.execute("DELETE FROM state WHERE key = 'push'", []).map(|_| ()),
        };
        written.map_err(|e| self.failed(e))
    }

    /// How far the grace period has gone, as it was kept last, in the ledger and in the file beside it.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn kept(&self) -> Result<Vec<Kept>, LedgerError> {
        let read = || -> rusqlite::Result<Option<Kept>> {
            let timeline: Option<String> = state(&self.connection, "timeline")?;
            Ok(timeline.map(|timeline| Kept {
                timeline,
                seal: state(&self.connection, "timeline_seal").ok().flatten().unwrap_or_default(),
            }))
        };
        let own = read().map_err(|e| self.failed(e))?;
        // Who opens it for writing has seen that it can be read; who only looks on sees the ledger's own at least.
        let beside = Mirror::load(&self.path).unwrap_or(None);
        let beside = beside.filter(|m| m.instance == self.instance).and_then(|m| m.kept);
        Ok(own.into_iter().chain(beside).collect())
    }

    /// Keeps how far the grace period has gone. What is wrong with the file beside the ledger is told in the result: the ledger has it
    /// all the same.
    ///
    /// # Errors
    /// When it can't be made durable in the ledger.
    pub fn keep(&self, kept: &Kept) -> Result<Result<(), LedgerError>, LedgerError> {
        let write = || -> rusqlite::Result<()> {
            let transaction = self.connection.unchecked_transaction()?;
            write_kept(&transaction, kept)?;
            transaction.commit()
        };
        write().map_err(|e| self.failed(e))?;
        Ok(self.mirror(Some(kept)))
    }

    /// Writes the file beside the ledger after what the ledger itself already has. Where that fails, what was done is done all the
    /// same; [`Ledger::keep`] tries again within the hour, and tells.
    pub(super) fn mirror_if_possible(&self, kept: Option<&Kept>) {
        let _ = self.mirror(kept);
    }

    /// Writes the file beside the ledger: what must outlive it.
    fn mirror(&self, kept: Option<&Kept>) -> Result<(), LedgerError> {
        let (sequence, digest) = last_report(&self.connection).map_err(|e| self.failed(e))?;
        let before = Mirror::load(&self.path)?.filter(|m| m.instance == self.instance);
        let mirror = Mirror {
            instance: self.instance.clone(),
            first_start: self.first_start,
            salt: self.salt,
            sequence,
            report_digest: digest,
            kept: kept.cloned().or_else(|| before.and_then(|m| m.kept)),
        };
        mirror.store(&self.path, clock::unix_ms())
    }
}

/// The number and the digest of the report made last: 0 and none before the first.
pub(super) fn last_report(connection: &Connection) -> rusqlite::Result<(i64, Option<Digest>)> {
    let sequence: Option<i64> = state(connection, "sequence")?;
    let digest: Option<[u8; 32]> = state(connection, "report_digest")?;
    Ok((sequence.unwrap_or(0), digest.map(Digest)))
}

pub(super) fn state<T: rusqlite::types::FromSql>(
    connection: &Connection,
    key: &str,
) -> rusqlite::Result<Option<T>> {
    connection
        .prepare_cached("SELECT value FROM state WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

pub(super) fn write_state(
    connection: &Connection,
    key: &str,
    value: &dyn rusqlite::ToSql,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO state (key, value) VALUES (?1, ?2)")?
        .execute(params![key, value])?;
    Ok(())
}

pub(super) fn write_kept(connection: &Connection, kept: &Kept) -> rusqlite::Result<()> {
    write_state(connection, "timeline", &kept.timeline)?;
    write_state(connection, "timeline_seal", &kept.seal)
}
