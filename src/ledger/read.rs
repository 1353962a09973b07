//! Reading the ledger: slots in the order in which they were written, days, peaks.

use super::{Ledger, LedgerError};
use highwater_rules::chain::Digest;
use highwater_rules::coverage::{Coverage, Outage};
use highwater_rules::meter::{CountRule, GapReason, Meter, Series};
use highwater_rules::record::{Counters, Directions, Entry, Mark, Missed, Reading, SlotRecord};
use highwater_rules::slot::{Slot, SlotLength};
use rusqlite::{Row, params};
use std::collections::BTreeMap;

/// A slot as it stands in the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSlot {
    /// Its number in the order of writing.
    pub seq: i64,
    /// Its row's key.
    pub position: i64,
    /// The end of its slot as its row says it, in unix seconds.
    pub at: i64,
    /// What it says.
    pub record: SlotRecord,
    /// The digest of the slot before it.
    pub previous: Digest,
    /// Its own.
    pub digest: Digest,
}

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
    /// When it was closed, in unix seconds; `None` while it is open.
    pub closed_at: Option<i64>,
    /// How many slots it had, once it was closed.
    pub expected: Option<u32>,
    /// Its coverage, once it was closed.
    pub coverage: Coverage,
    /// Slots in which the licensed software was there.
    pub present_slots: u32,
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
    /// How much of the series was seen.
    pub coverage: Coverage,
}

/// The columns that tell coverage, in one order everywhere.
pub(super) const COVERAGE_COLUMNS: &str =
    "read, clock_jump, host_down, agent_down, counter_reset, source_failed";

const SLOT_COLUMNS: &str =
    "position, seq, slot, slot_s, at, taken_ms, mono_ms, boot_ms, boot, clock_step_ms, previous, digest";
const SAMPLE_COLUMNS: &str = "position, series, value, rx, tx, rule, gap, counter, counter_tx, incarnation";

impl Ledger {
    /// The slot written last.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn last(&self) -> Result<Option<StoredSlot>, LedgerError> {
        let mut last = None;
        self.visit(self.head.seq, self.head.seq, |slot| {
            last = Some(slot);
            Ok(())
        })?;
        Ok(last)
    }

    /// Whether a slot has been written already. Asked only after the clock was set back.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn has(&self, slot: Slot, length: SlotLength) -> Result<bool, LedgerError> {
        self.connection
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM slots WHERE at > ?1 AND at - slot_s < ?2)",
                params![slot.start(length), slot.end(length)],
                |row| row.get(0),
            )
            .map_err(|e| self.failed(e))
    }

    /// The end of the last slot written that ends by `at`, in unix seconds. Asked only after the clock was set back.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn last_before(&self, at: i64) -> Result<Option<i64>, LedgerError> {
        self.connection
            .query_row("SELECT max(at) FROM slots WHERE at <= ?1", [at], |row| row.get(0))
            .map_err(|e| self.failed(e))
    }

    /// Shows the slots numbered `from..=to` that are still there, in the order of writing.
    ///
    /// # Errors
    /// When the ledger can't be read, a row holds what no agent wrote, or `show` fails.
    pub fn visit(
        &self,
        from: i64,
        to: i64,
        mut show: impl FnMut(StoredSlot) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let names = Names::load(self)?;
        for (low, high) in self.rings.runs(from, to, self.head.seq) {
            self.visit_run(low, high, &names, &mut show)?;
        }
        Ok(())
    }

    /// Walks two cursors over one run of positions: the slots, and beside them their samples.
    fn visit_run(
        &self,
        low: i64,
        high: i64,
        names: &Names,
        show: &mut impl FnMut(StoredSlot) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let failed = |e| self.failed(e);
        let mut missed = self.missed_between(low, high).map_err(failed)?;
        let range = "position BETWEEN ?1 AND ?2 ORDER BY position";
        let mut slots = self
            .connection
            .prepare_cached(&format!("SELECT {SLOT_COLUMNS} FROM slots WHERE {range}"))
            .map_err(failed)?;
        let mut samples = self
            .connection
            .prepare_cached(&format!("SELECT {SAMPLE_COLUMNS} FROM samples WHERE {range}, series"))
            .map_err(failed)?;
        let mut slots = slots.query([low, high]).map_err(failed)?;
        let mut samples = samples.query([low, high]).map_err(failed)?;
        let mut sample = samples.next().map_err(failed)?;
        while let Some(row) = slots.next().map_err(failed)? {
            let mut slot = self.slot(row, names)?;
            slot.record.missed = missed.remove(&slot.position).unwrap_or_default();
            while let Some(row) = sample {
                let position: i64 = row.get(0).map_err(failed)?;
                if position > slot.position {
                    break;
                }
                // One without a slot belongs to a row that someone removed: `verify` finds it.
                if position == slot.position {
                    slot.record.entries.push(self.entry(row, names)?);
                }
                sample = samples.next().map_err(failed)?;
            }
            slot.record.entries.sort_by(|a, b| a.series.cmp(&b.series));
            show(slot)?;
        }
        Ok(())
    }

    fn missed_between(&self, low: i64, high: i64) -> rusqlite::Result<BTreeMap<i64, Vec<Missed>>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT position, first_slot, last_slot, reason FROM missed WHERE position BETWEEN ?1 AND ?2",
        )?;
        let mut rows = statement.query([low, high])?;
        let mut missed: BTreeMap<i64, Vec<Missed>> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let reason = word(row, 3)?;
            let run = Missed { first: Slot(row.get(1)?), last: Slot(row.get(2)?), reason };
            missed.entry(row.get(0)?).or_default().push(run);
        }
        Ok(missed)
    }

    /// The outages that touch a stretch of time.
    pub(super) fn outages(&self, from: i64, to: i64) -> rusqlite::Result<Vec<Outage>> {
        self.outages_where("", from, to, None)
    }

    /// The same, as far as the row of that number and those before it told of them.
    pub(super) fn outages_told_by(&self, seq: i64, from: i64, to: i64) -> rusqlite::Result<Vec<Outage>> {
        let told = "AND (SELECT seq FROM slots WHERE slots.position = missed.position) <= ?3";
        self.outages_where(told, from, to, Some(seq))
    }

    fn outages_where(
        &self,
        which: &str,
        from: i64,
        to: i64,
        seq: Option<i64>,
    ) -> rusqlite::Result<Vec<Outage>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT from_at, to_at, reason FROM missed WHERE to_at > ?1 AND from_at < ?2 {which}"
        ))?;
        let params = [from, to].into_iter().chain(seq);
        let rows = statement.query_map(rusqlite::params_from_iter(params), |row| {
            Ok(Outage { from: row.get(0)?, to: row.get(1)?, reason: word(row, 2)? })
        })?;
        rows.collect()
    }

    fn slot(&self, row: &Row<'_>, names: &Names) -> Result<StoredSlot, LedgerError> {
        let read = || -> rusqlite::Result<_> {
            let length: i64 = row.get(3)?;
            let boot: i64 = row.get(8)?;
            let taken = Mark {
                wall_ms: row.get(5)?,
                mono_ms: row.get(6)?,
                boot_ms: row.get(7)?,
                boot_id: names.boots.get(&boot).cloned().unwrap_or_default(),
            };
            Ok((length, taken))
        };
        let failed = |e| self.failed(e);
        let (length, taken) = read().map_err(failed)?;
        let length = u64::try_from(length)
            .ok()
            .and_then(|s| SlotLength::new(s).ok())
            .ok_or_else(|| LedgerError::nonsense(&self.path, format!("a slot is {length} s long")))?;
        let record = SlotRecord {
            slot: Slot(row.get(2).map_err(failed)?),
            length,
            taken,
            clock_step_ms: row.get(9).map_err(failed)?,
            missed: Vec::new(),
            entries: Vec::new(),
        };
        Ok(StoredSlot {
            position: row.get(0).map_err(failed)?,
            seq: row.get(1).map_err(failed)?,
            at: row.get(4).map_err(failed)?,
            record,
            previous: Digest(row.get(10).map_err(failed)?),
            digest: Digest(row.get(11).map_err(failed)?),
        })
    }

    fn entry(&self, row: &Row<'_>, names: &Names) -> Result<Entry, LedgerError> {
        let read = || -> rusqlite::Result<(i64, Result<Reading, GapReason>, Option<Counters>)> {
            let outcome = match row.get::<_, Option<f64>>(2)? {
                Some(value) if row.get::<_, Option<String>>(6)?.is_none() => Ok(reading(row, value)?),
                _ => Err(word(row, 6)?),
            };
            let counters = row.get::<_, Option<i64>>(7)?.map(|first| -> rusqlite::Result<Counters> {
                Ok(Counters {
                    first: first.cast_unsigned(),
                    second: row.get::<_, Option<i64>>(8)?.map(i64::cast_unsigned),
                    incarnation: row.get::<_, Option<i64>>(9)?.unwrap_or(0).cast_unsigned(),
                })
            });
            Ok((row.get(1)?, outcome, counters.transpose()?))
        };
        let (id, outcome, counters) = read().map_err(|e| self.failed(e))?;
        let series = names.series.get(&id).cloned().ok_or_else(|| {
            LedgerError::nonsense(&self.path, format!("a sample is of series {id}, which is gone"))
        })?;
        Ok(Entry { series, outcome, counters })
    }

    /// The days from `from` to `to` (dates, both included), oldest first.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn days(&self, from: &str, to: &str) -> Result<Vec<DayRow>, LedgerError> {
        let read = || -> rusqlite::Result<Vec<DayRow>> {
            let mut statement = self.connection.prepare(&format!(
                "SELECT day, time_zone, starts, ends, first_seq, last_seq, closed_at, present_slots, until, first_digest, last_digest, \
                 expected, {COVERAGE_COLUMNS} \
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
                    first_digest: Digest(row.get(9)?),
                    last_digest: row.get::<_, Option<[u8; 32]>>(10)?.map(Digest),
                    expected: row.get(11)?,
                    coverage: coverage(row, 12)?,
                })
            })?;
            rows.collect()
        };
        read().map_err(|e| self.failed(e))
    }

    /// How many days are closed: each is a report that waits to be sent.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn closed_days(&self) -> Result<i64, LedgerError> {
        self.connection
            .query_row("SELECT count(*) FROM days WHERE closed_at IS NOT NULL", [], |row| row.get(0))
            .map_err(|e| self.failed(e))
    }

    /// The peaks of a closed day.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn peaks(&self, day: &DayRow) -> Result<Vec<PeakRow>, LedgerError> {
        let read = || -> rusqlite::Result<Vec<PeakRow>> {
            let mut statement = self.connection.prepare_cached(&format!(
                "SELECT meter, subject, definition, value, rx, tx, at, runner_up, runner_up_at, p95, {COVERAGE_COLUMNS} \
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
        coverage: coverage(row, 10)?,
    })
}

fn reading(row: &Row<'_>, value: f64) -> rusqlite::Result<Reading> {
    let (rx, tx) = (row.get::<_, Option<f64>>(3)?, row.get::<_, Option<f64>>(4)?);
    let directions = match (rx, tx) {
        (Some(rx), Some(tx)) => Some(Directions { rx, tx, rule: word(row, 5)? }),
        _ => None,
    };
    Ok(Reading { value, directions })
}

fn coverage(row: &Row<'_>, first: usize) -> rusqlite::Result<Coverage> {
    let mut coverage = Coverage::default();
    coverage.read = row.get::<_, Option<u32>>(first)?.unwrap_or(0);
    for (column, reason) in GapReason::ALL.iter().enumerate() {
        coverage.miss(*reason, row.get::<_, Option<u32>>(first + 1 + column)?.unwrap_or(0));
    }
    Ok(coverage)
}

/// A column that holds one of a closed set of words.
fn word<T: std::str::FromStr<Err = highwater_rules::meter::UnknownWord>>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str_or_null()?.unwrap_or("(nothing)");
    text.parse().map_err(|unknown: highwater_rules::meter::UnknownWord| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(unknown))
    })
}

/// Names that rows refer to by number.
struct Names {
    series: BTreeMap<i64, Series>,
    boots: BTreeMap<i64, String>,
}

impl Names {
    fn load(ledger: &Ledger) -> Result<Self, LedgerError> {
        let read = || -> rusqlite::Result<Self> {
            let mut series = ledger.connection.prepare_cached("SELECT meter, subject, id FROM series")?;
            let series = series
                .query_map([], |row| Ok((row.get(2)?, Series::new(word(row, 0)?, row.get::<_, String>(1)?))))?
                .collect::<rusqlite::Result<_>>()?;
            let mut boots = ledger.connection.prepare_cached("SELECT id, boot_id FROM boots")?;
            let boots = boots
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(Names { series, boots })
        };
        read().map_err(|e| ledger.failed(e))
    }
}
