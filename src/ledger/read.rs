//! Reading the ring: slots in the order in which they were written, and outages.

use super::{Ledger, LedgerError, schema};
use highwater_rules::chain::Digest;
use highwater_rules::coverage::Outage;
use highwater_rules::meter::{GapReason, Series};
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

const ROWS_BETWEEN: &str = "SELECT id >> 16, id & 65535, value, rx, tx, rule, gap, counter, counter_tx, incarnation, \
                            seq, slot, slot_s, at, taken_ms, mono_ms, boot_ms, boot, clock_step_ms, previous, digest \
                            FROM ring WHERE id BETWEEN ?1 AND ?2 ORDER BY id";
const MISSED_BETWEEN: &str =
    "SELECT position, first_slot, last_slot, reason FROM missed WHERE position BETWEEN ?1 AND ?2";
const OUTAGES_BETWEEN: &str = "SELECT from_at, to_at, reason FROM missed \
                               JOIN ring ON ring.id = missed.position << 16 \
                               WHERE to_at > ?1 AND from_at < ?2 AND ring.seq <= ?3";

/// The statements by which a day is read, all with two numbers as their bounds.
#[cfg(test)]
pub(super) fn day_statements() -> [&'static str; 3] {
    [ROWS_BETWEEN, MISSED_BETWEEN, OUTAGES_BETWEEN]
}

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

    /// The latest end of a slot that was ever written, in unix seconds; the first start where none was. A clock set back since then
    /// changes nothing about it.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn latest_seen(&self) -> Result<i64, LedgerError> {
        let mut latest = self.first_start;
        if let Some(newest) = self.days("", "~")?.pop() {
            self.visit(newest.first_seq, i64::MAX, |slot| {
                latest = latest.max(slot.at);
                Ok(())
            })?;
        }
        Ok(latest)
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

    /// Shows one run of positions: at each, the slot's own row comes first, and its samples follow.
    fn visit_run(
        &self,
        low: i64,
        high: i64,
        names: &Names,
        show: &mut impl FnMut(StoredSlot) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let failed = |e| self.failed(e);
        let mut missed = self.missed_between(low, high).map_err(failed)?;
        let mut statement = self.connection.prepare_cached(ROWS_BETWEEN).map_err(failed)?;
        let mut rows = statement.query(schema::ids(low, high)).map_err(failed)?;
        let mut slot: Option<StoredSlot> = None;
        while let Some(row) = rows.next().map_err(failed)? {
            let position: i64 = row.get(0).map_err(failed)?;
            if row.get::<_, i64>(1).map_err(failed)? == 0 {
                if let Some(whole) = slot.take() {
                    show(sorted(whole))?;
                }
                let mut next = self.slot(row, names)?;
                next.record.missed = missed.remove(&position).unwrap_or_default();
                slot = Some(next);
            } else if let Some(slot) = slot.as_mut().filter(|s| s.position == position) {
                slot.record.entries.push(self.entry(row, names)?);
            }
            // A sample without a slot belongs to a row that someone removed: `verify` finds it.
        }
        slot.map_or(Ok(()), |whole| show(sorted(whole)))
    }

    fn missed_between(&self, low: i64, high: i64) -> rusqlite::Result<BTreeMap<i64, Vec<Missed>>> {
        let mut statement = self.connection.prepare_cached(MISSED_BETWEEN)?;
        let mut rows = statement.query([low, high])?;
        let mut missed: BTreeMap<i64, Vec<Missed>> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let reason = word(row, 3)?;
            let run = Missed { first: Slot(row.get(1)?), last: Slot(row.get(2)?), reason };
            missed.entry(row.get(0)?).or_default().push(run);
        }
        Ok(missed)
    }

    /// The outages that touch a stretch of time, as the slots up to a number tell them.
    pub(super) fn outages(&self, from: i64, to: i64, to_seq: i64) -> rusqlite::Result<Vec<Outage>> {
        let mut statement = self.connection.prepare_cached(OUTAGES_BETWEEN)?;
        let rows = statement.query_map([from, to, to_seq], |row| {
            Ok(Outage { from: row.get(0)?, to: row.get(1)?, reason: word(row, 2)? })
        })?;
        rows.collect()
    }

    fn slot(&self, row: &Row<'_>, names: &Names) -> Result<StoredSlot, LedgerError> {
        let read = || -> rusqlite::Result<_> {
            let length: i64 = row.get(12)?;
            let boot: i64 = row.get(17)?;
            let taken = Mark {
                wall_ms: row.get(14)?,
                mono_ms: row.get(15)?,
                boot_ms: row.get(16)?,
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
            slot: Slot(row.get(11).map_err(failed)?),
            length,
            taken,
            clock_step_ms: row.get(18).map_err(failed)?,
            missed: Vec::new(),
            entries: Vec::new(),
        };
        Ok(StoredSlot {
            position: row.get(0).map_err(failed)?,
            seq: row.get(10).map_err(failed)?,
            at: row.get(13).map_err(failed)?,
            record,
            previous: Digest(row.get(19).map_err(failed)?),
            digest: Digest(row.get(20).map_err(failed)?),
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
}

/// The entries of a record are ordered by series; in the file, by the series' numbers.
fn sorted(mut slot: StoredSlot) -> StoredSlot {
    slot.record.entries.sort_by(|a, b| a.series.cmp(&b.series));
    slot
}

fn reading(row: &Row<'_>, value: f64) -> rusqlite::Result<Reading> {
    let (rx, tx) = (row.get::<_, Option<f64>>(3)?, row.get::<_, Option<f64>>(4)?);
    let directions = match (rx, tx) {
        (Some(rx), Some(tx)) => Some(Directions { rx, tx, rule: word(row, 5)? }),
        _ => None,
    };
    Ok(Reading { value, directions })
}

/// A column that holds one of a closed set of words.
pub(super) fn word<T: std::str::FromStr<Err = highwater_rules::meter::UnknownWord>>(
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
