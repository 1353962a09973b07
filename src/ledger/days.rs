//! Reading days and their peaks, as they were closed.

use super::read::word;
use super::{Ledger, LedgerError};
use highwater_rules::chain::Digest;
use highwater_rules::coverage::Coverage;
use highwater_rules::day::BillingDay;
use highwater_rules::meter::{CountRule, GapReason, Meter, Series};
use highwater_rules::record::{Directions, Reading};
use rusqlite::Row;

/// A day as it stands in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayRow {
    /// Its date.
    pub day: String,
    /// The time zone whose date it is.
    pub time_zone: String,
    /// Its first second, in unix seconds.
    pub starts: i64,
    /// The next day's first second.
    pub ends: i64,
    /// The moment up to which it was closed.
    pub until: Option<i64>,
    /// The number of its first slot.
    pub first_seq: i64,
    /// The number of the last slot that it was closed over.
    pub last_seq: Option<i64>,
    /// The digest before its first slot.
    pub first_digest: Digest,
    /// The digest of its last slot.
    pub last_digest: Option<Digest>,
    /// The end of the slot with which it was closed, in unix seconds; `None` while it is open.
    pub closed_at: Option<i64>,
    /// The number of the slot written last when it was closed.
    pub closed_seq: Option<i64>,
    /// The slot's length when it was closed, in seconds.
    pub slot_s: Option<i64>,
    /// Its coverage, once it was closed.
    pub coverage: Coverage,
    /// The slots expected, as its row says it.
    pub expected: Option<u32>,
    /// Slots in which the licensed software was there.
    pub present_slots: u32,
}

impl DayRow {
    /// The day that it is of; `None` where its date is none.
    #[must_use]
    pub fn billing_day(&self) -> Option<BillingDay> {
        Some(BillingDay { date: self.day.parse().ok()?, start: self.starts, end: self.ends })
    }
}

/// A series' peak in a closed day.
#[derive(Debug, Clone, PartialEq)]
pub struct PeakRow {
    /// Of which series.
    pub series: Series,
    /// The version of the definitions that it was made by.
    pub definition: u32,
    /// The highest reading, and the end of its slot in unix seconds.
    pub peak: Option<(Reading, i64)>,
    /// The highest in another slot, likewise.
    pub runner_up: Option<(f64, i64)>,
    /// The 95th percentile.
    pub p95: Option<f64>,
    /// The slots expected, as its row says it.
    pub expected: u32,
    /// How much of the series was seen.
    pub coverage: Coverage,
}

/// The columns that tell coverage, in one order everywhere.
pub(super) const COVERAGE_COLUMNS: &str =
    "read, clock_jump, host_down, agent_down, counter_reset, source_failed";

impl Ledger {
    /// The days from `from` to `to` (dates, both included), oldest first.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn days(&self, from: &str, to: &str) -> Result<Vec<DayRow>, LedgerError> {
        let read = || -> rusqlite::Result<Vec<DayRow>> {
            let mut statement = self.connection.prepare(&format!(
                "SELECT day, time_zone, starts, ends, first_seq, last_seq, closed_at, present_slots, until, closed_seq, slot_s, expected, \
                 first_digest, last_digest, {COVERAGE_COLUMNS} \
                 FROM days WHERE day BETWEEN ?1 AND ?2 ORDER BY starts, time_zone"
            ))?;
            let rows = statement.query_map([from, to], |row| {
                Ok(DayRow {
                    day: row.get(0)?,
                    time_zone: row.get(1)?,
                    starts: row.get(2)?,
                    ends: row.get(3)?,
                    first_seq: row.get(4)?,
                    last_seq: row.get(5)?,
                    closed_at: row.get(6)?,
                    present_slots: row.get::<_, Option<u32>>(7)?.unwrap_or(0),
                    until: row.get(8)?,
                    closed_seq: row.get(9)?,
                    slot_s: row.get(10)?,
                    expected: row.get(11)?,
                    first_digest: Digest(row.get(12)?),
                    last_digest: row.get::<_, Option<[u8; 32]>>(13)?.map(Digest),
                    coverage: coverage(row, 14)?,
                })
            })?;
            rows.collect()
        };
        read().map_err(|e| self.failed(e))
    }

    /// The peaks of a closed day.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn peaks(&self, day: &DayRow) -> Result<Vec<PeakRow>, LedgerError> {
        let read = || -> rusqlite::Result<Vec<PeakRow>> {
            let mut statement = self.connection.prepare_cached(&format!(
                "SELECT meter, subject, definition, value, rx, tx, at, runner_up, runner_up_at, p95, expected, {COVERAGE_COLUMNS} \
                 FROM peaks WHERE day = ?1 AND time_zone = ?2"
            ))?;
            let rows = statement.query_map([&day.day, &day.time_zone], peak)?;
            let mut peaks: Vec<PeakRow> = rows.collect::<rusqlite::Result<_>>()?;
            peaks.sort_by(|a, b| a.series.cmp(&b.series));
            Ok(peaks)
        };
        read().map_err(|e| self.failed(e))
    }
}

fn peak(row: &Row<'_>) -> rusqlite::Result<PeakRow> {
    let meter: Meter = word(row, 0)?;
    let value: Option<f64> = row.get(3)?;
    let directions = match (row.get::<_, Option<f64>>(4)?, row.get::<_, Option<f64>>(5)?) {
        // Which rule made the value stands beside each sample; here both directions are told, and the value as it was made.
        (Some(rx), Some(tx)) => Some(Directions { rx, tx, rule: CountRule::Max }),
        _ => None,
    };
    let reading = value.map(|value| Reading { value, directions });
    Ok(PeakRow {
        series: Series::new(meter, row.get::<_, String>(1)?),
        definition: row.get(2)?,
        peak: reading.zip(row.get::<_, Option<i64>>(6)?),
        runner_up: row.get::<_, Option<f64>>(7)?.zip(row.get::<_, Option<i64>>(8)?),
        p95: row.get(9)?,
        expected: row.get(10)?,
        coverage: coverage(row, 11)?,
    })
}

fn coverage(row: &Row<'_>, first: usize) -> rusqlite::Result<Coverage> {
    let mut coverage = Coverage::default();
    coverage.read = row.get::<_, Option<u32>>(first)?.unwrap_or(0);
    for (column, reason) in GapReason::ALL.iter().enumerate() {
        coverage.miss(*reason, row.get::<_, Option<u32>>(first + 1 + column)?.unwrap_or(0));
    }
    Ok(coverage)
}
