//! The outbox without its bytes: which reports there are, and what of them may be dropped.

use super::{Ledger, LedgerError};
use highwater_rules::chain::Digest;
use rusqlite::params;

/// A report's place in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Its number, from 1.
    pub sequence: u64,
    /// The day's date.
    pub day: String,
    /// The zone whose day it is.
    pub time_zone: String,
    /// The day had not ended.
    pub partial: bool,
    /// The SHA-256 of its payload.
    pub digest: Digest,
    /// What became of it.
    pub state: EntryState,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryState {
    /// It waits to be sent.
    Pending,
    /// Central has it.
    Receipted,
    /// Central refused it for good.
    Parked,
}

/// What was dropped, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// How many reports.
    pub reports: i64,
    /// How many bytes of them.
    pub bytes: i64,
}

/// What central has, and only that: a report without a receipt is never dropped.
const PRUNABLE: &str = "state = 'receipted' AND receipt IS NOT NULL AND length(receipt) > 0 AND length(payload) > 0 AND until <= ?1";

/// Up to when reports may be dropped where those of `keep_days` past are to stay, in unix seconds. `now_ms` is the wall clock.
#[must_use]
pub fn prune_until(now_ms: i64, keep_days: u32) -> i64 {
    now_ms.div_euclid(1000).saturating_sub(i64::from(keep_days) * 86_400)
}

impl Ledger {
    /// All reports, oldest first.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn entries(&self) -> Result<Vec<OutboxEntry>, LedgerError> {
        self.entries_where("1")
    }

    /// Those that wait to be sent, oldest first.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn waiting(&self) -> Result<Vec<OutboxEntry>, LedgerError> {
        self.entries_where("state = 'pending' AND state <> 'receipted'")
    }

    fn entries_where(&self, condition: &str) -> Result<Vec<OutboxEntry>, LedgerError> {
        if !self.has_outbox {
            return Ok(Vec::new());
        }
        let query = format!(
            "SELECT sequence, day, time_zone, partial, digest, state FROM outbox WHERE {condition} ORDER BY sequence"
        );
        let read = || -> rusqlite::Result<Vec<OutboxEntry>> {
            self.connection
                .prepare(&query)?
                .query_map([], |row| {
                    let state: String = row.get(5)?;
                    Ok(OutboxEntry {
                        sequence: row.get::<_, i64>(0)?.cast_unsigned(),
                        day: row.get(1)?,
                        time_zone: row.get(2)?,
                        partial: row.get(3)?,
                        digest: Digest(row.get(4)?),
                        state: match state.as_str() {
                            "receipted" => EntryState::Receipted,
                            "parked" => EntryState::Parked,
                            _ => EntryState::Pending,
                        },
                    })
                })?
                .collect()
        };
        read().map_err(|e| self.failed(e))
    }

    /// What [`Ledger::prune`] would drop.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn prunable(&self, until: i64) -> Result<Pruned, LedgerError> {
        if !self.has_outbox {
            return Ok(Pruned::default());
        }
        let query =
            format!("SELECT count(*), coalesce(sum(length(payload)), 0) FROM outbox WHERE {PRUNABLE}");
        self.connection
            .query_row(&query, [until], |row| Ok(Pruned { reports: row.get(0)?, bytes: row.get(1)? }))
            .map_err(|e| self.failed(e))
    }

    /// Drops the bytes of reports that central has, of days up to `until` (unix seconds). Their receipts, digests and numbers stay:
    /// they prove what was reported. So do the days' peaks, and the ring.
    ///
    /// # Errors
    /// When it can't be made durable. Nothing is dropped then.
    pub fn prune(&mut self, until: i64) -> Result<Pruned, LedgerError> {
        let pruned = self.prunable(until)?;
        self.connection
            .execute(&format!("UPDATE outbox SET payload = x'' WHERE {PRUNABLE}"), params![until])
            .map_err(|e| self.failed(e))?;
        Ok(pruned)
    }
}
