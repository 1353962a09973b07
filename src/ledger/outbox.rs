//! The outbox: each closed day's report, from the transaction that closes the day until central's receipt for it is here.

use super::kept::{Kept, last_report, state, write_kept, write_state};
use super::{Ledger, LedgerError};
use highwater_rules::chain::Digest;
use highwater_rules::facts::DayFacts;
use highwater_rules::peaks::DaySummary;
use highwater_rules::report::{self, ChainSpan, Facts};
use highwater_rules::sign::sha256;
use highwater_rules::slot::SlotLength;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// A report in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxReport {
    /// Its number, from 1.
    pub sequence: u64,
    /// The day's date.
    pub day: String,
    /// The zone whose day it is.
    pub time_zone: String,
    /// The moment up to which it tells the day, in unix seconds.
    pub until: i64,
    /// The day had not ended.
    pub partial: bool,
    /// When it was made, in unix seconds.
    pub made_at: i64,
    /// What is signed and sent.
    pub payload: Vec<u8>,
    /// The SHA-256 of the payload.
    pub digest: Digest,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It waits to be sent.
    Pending,
    /// Central has it.
    Receipted {
        /// The receipt's envelope, as it came.
        receipt: Vec<u8>,
        /// When central had it, in unix seconds of its clock.
        received_at: i64,
    },
    /// Central refused it for good.
    Parked {
        /// Why, as central says it.
        why: String,
    },
}

impl Fate {
    /// The name that the file and JSON use.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Fate::Pending => "pending",
            Fate::Receipted { .. } => "receipted",
            Fate::Parked { .. } => "parked",
        }
    }
}

/// How many reports there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutboxCounts {
    /// That wait to be sent.
    pub pending: i64,
    /// That central refused for good.
    pub parked: i64,
    /// That central has.
    pub receipted: i64,
}

/// What a day's report is made of, beside what the ledger knows of itself.
pub(super) struct DayReport<'a> {
    pub(super) summary: &'a DaySummary,
    pub(super) facts: &'a DayFacts,
    pub(super) time_zone: &'a str,
    pub(super) slot_s: i64,
    pub(super) revision: Option<i64>,
    pub(super) chain: ChainSpan,
    pub(super) made_at: i64,
}

/// The second term is for the index, which SQLite does not see otherwise.
const WAITING: &str = "state = 'pending' AND state <> 'receipted'";
const OLDEST_WAITING: &str = "SELECT until FROM outbox WHERE state = 'pending' AND state <> 'receipted' AND partial = 0 \
                              ORDER BY sequence LIMIT 1";
const COLUMNS: &str =
    "sequence, day, time_zone, until, partial, made_at, payload, digest, state, receipt, received_at, why";

/// The statements that run while the agent does, however long the outbox is.
#[cfg(test)]
pub(super) fn outbox_statements() -> [String; 2] {
    [
        format!("SELECT {COLUMNS} FROM outbox WHERE {WAITING} ORDER BY sequence LIMIT 50"),
        OLDEST_WAITING.to_owned(),
    ]
}

impl Ledger {
    /// Reports that wait, oldest first: at most `reports` of them, and no more than `bytes` of payload, but for the first.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn pending(&self, reports: usize, bytes: usize) -> Result<Vec<OutboxReport>, LedgerError> {
        let mut all = self.outbox(&format!(
            "SELECT {COLUMNS} FROM outbox WHERE {WAITING} ORDER BY sequence LIMIT {reports}"
        ))?;
        let mut sum = 0;
        let fits = all
            .iter()
            .take_while(|report| {
                sum += report.payload.len();
                sum <= bytes
            })
            .count();
        all.truncate(fits.max(1));
        Ok(all)
    }

    /// The newest reports, newest first.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn reports(&self, newest: usize) -> Result<Vec<OutboxReport>, LedgerError> {
        self.outbox(&format!("SELECT {COLUMNS} FROM outbox ORDER BY sequence DESC LIMIT {newest}"))
    }

    /// One report.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn report(&self, sequence: u64) -> Result<Option<OutboxReport>, LedgerError> {
        Ok(self.outbox(&format!("SELECT {COLUMNS} FROM outbox WHERE sequence = {sequence}"))?.pop())
    }

    fn outbox(&self, query: &str) -> Result<Vec<OutboxReport>, LedgerError> {
        if !self.has_outbox {
            return Ok(Vec::new());
        }
        let read = || -> rusqlite::Result<Vec<OutboxReport>> {
            self.connection.prepare(query)?.query_map([], outbox_report)?.collect()
        };
        read().map_err(|e| self.failed(e))
    }

    /// How many reports wait, are parked, and have their receipt.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn outbox_counts(&self) -> Result<OutboxCounts, LedgerError> {
        if !self.has_outbox {
            return Ok(OutboxCounts::default());
        }
        let count = |state: &str| format!("(SELECT count(*) FROM outbox WHERE state = '{state}')");
        let query = format!("SELECT {}, {}, {}", count("pending"), count("parked"), count("receipted"));
        self.connection
            .query_row(&query, [], |row| {
                Ok(OutboxCounts { pending: row.get(0)?, parked: row.get(1)?, receipted: row.get(2)? })
            })
            .map_err(|e| self.failed(e))
    }

    /// The end of the oldest whole day that waits, in unix seconds: asked at each slot, and found by an index.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn oldest_pending_until(&self) -> Result<Option<i64>, LedgerError> {
        if !self.has_outbox {
            return Ok(None);
        }
        self.connection
            .prepare_cached(OLDEST_WAITING)
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)).optional())
            .map_err(|e| self.failed(e))
    }

    /// Writes down what became of reports, and the grace period that follows from it, in one transaction.
    ///
    /// # Errors
    /// When it can't be made durable. Nothing of it then is.
    pub fn settle(&mut self, fates: &[(u64, Fate)], kept: Option<&Kept>) -> Result<(), LedgerError> {
        let write = || -> rusqlite::Result<()> {
            let transaction = self.connection.unchecked_transaction()?;
            for (sequence, fate) in fates {
                let (receipt, received_at, why) = match fate {
                    Fate::Pending => (None, None, None),
                    Fate::Receipted { receipt, received_at } => (Some(receipt), Some(received_at), None),
                    Fate::Parked { why } => (None, None, Some(why)),
                };
                transaction
                    .prepare_cached(
                        "UPDATE outbox SET state = ?2, receipt = ?3, received_at = ?4, why = ?5 WHERE sequence = ?1",
                    )?
                    .execute(params![sequence.cast_signed(), fate.word(), receipt, received_at, why])?;
            }
            if let Some(kept) = kept {
                write_kept(&transaction, kept)?;
            }
            transaction.commit()
        };
        write().map_err(|e| self.failed(e))?;
        self.mirror_if_possible(kept);
        Ok(())
    }

    /// Lets parked reports wait again.
    ///
    /// # Errors
    /// When it can't be made durable.
    pub fn unpark(&mut self) -> Result<usize, LedgerError> {
        self.connection
            .execute("UPDATE outbox SET state = 'pending', why = NULL WHERE state = 'parked'", [])
            .map_err(|e| self.failed(e))
    }

    /// The next report's number and bytes.
    pub(super) fn payload(
        &self,
        connection: &Connection,
        day: &DayReport<'_>,
    ) -> rusqlite::Result<(i64, Vec<u8>)> {
        let (sequence, previous) = last_report(connection)?;
        let sequence = sequence + 1;
        let damaged: Option<String> = state(connection, "damaged")?;
        let names = self.names();
        let payload = report::write(&Facts {
            instance: &self.instance,
            sequence: sequence.cast_unsigned(),
            previous,
            summary: day.summary,
            day: day.facts,
            time_zone: day.time_zone,
            slot_s: day.slot_s,
            revision: day.revision,
            chain: day.chain,
            agent_version: env!("CARGO_PKG_VERSION"),
            made_at: day.made_at,
            first_start: self.first_start,
            damaged: damaged.as_deref(),
            names: &names,
            node: self.plan.node.as_ref(),
        });
        Ok((sequence, payload))
    }

    /// Adds a report to the outbox, within a transaction of the caller's.
    pub(super) fn add_report(&self, connection: &Connection, day: &DayReport<'_>) -> rusqlite::Result<u64> {
        let (sequence, payload) = self.payload(connection, day)?;
        let digest = sha256(&payload);
        connection
            .prepare_cached(
                "INSERT INTO outbox (sequence, day, time_zone, until, partial, revision, made_at, payload, digest, state) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'pending')",
            )?
            .execute(params![
                sequence,
                day.summary.day.date.to_string(),
                day.time_zone,
                day.summary.until,
                day.revision.is_none(),
                day.revision.unwrap_or(0),
                day.made_at,
                payload,
                digest.0,
            ])?;
        write_state(connection, "sequence", &sequence)?;
        write_state(connection, "report_digest", &digest.0)?;
        // It is told once.
        connection.execute("DELETE FROM state WHERE key = 'damaged'", [])?;
        Ok(sequence.cast_unsigned())
    }

    /// Makes the reports of days that were closed without one: by a version that made none.
    pub(super) fn report_unreported_days(&self) -> Result<(), LedgerError> {
        let unreported = self
            .connection
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM days WHERE closed_at IS NOT NULL) AND NOT EXISTS (SELECT 1 FROM outbox) \
                 AND NOT EXISTS (SELECT 1 FROM state WHERE key = 'sequence')",
                [],
                |row| row.get::<_, bool>(0),
            )
            .map_err(|e| self.failed(e))?;
        if !unreported {
            return Ok(());
        }
        for row in self.days("", "~")? {
            let (Some(closed_at), Some(until), Some(last_row), Some(last_digest), Some(slot_s)) =
                (row.closed_at, row.until, row.last_seq, row.last_digest, row.slot_s)
            else {
                continue;
            };
            let Some(day) = row.billing_day() else { continue };
            let Some(length) = u64::try_from(slot_s).ok().and_then(|s| SlotLength::new(s).ok()) else {
                continue;
            };
            let closed_seq = row.closed_seq.unwrap_or(last_row);
            let (summary, facts) = self.summary_and_facts(&day, row.first_seq, closed_seq, until, length)?;
            // A day whose rows the ring has let go of can't be told as it was: it stays in the table of peaks.
            if summary.coverage != row.coverage {
                continue;
            }
            let chain =
                ChainSpan { first_row: row.first_seq, last_row, first_digest: row.first_digest, last_digest };
            let report = DayReport {
                summary: &summary,
                facts: &facts,
                time_zone: &row.time_zone,
                slot_s,
                revision: Some(1),
                chain,
                made_at: closed_at,
            };
            self.add_report(&self.connection, &report).map_err(|e| self.failed(e))?;
        }
        Ok(())
    }
}

fn outbox_report(row: &Row<'_>) -> rusqlite::Result<OutboxReport> {
    let state: String = row.get(8)?;
    let fate = match state.as_str() {
        "receipted" => Fate::Receipted { receipt: row.get(9)?, received_at: row.get(10)? },
        "parked" => Fate::Parked { why: row.get::<_, Option<String>>(11)?.unwrap_or_default() },
        _ => Fate::Pending,
    };
    Ok(OutboxReport {
        sequence: row.get::<_, i64>(0)?.cast_unsigned(),
        day: row.get(1)?,
        time_zone: row.get(2)?,
        until: row.get(3)?,
        partial: row.get(4)?,
        made_at: row.get(5)?,
        payload: row.get(6)?,
        digest: Digest(row.get(7)?),
        fate,
    })
}
