//! Closing days: peaks and coverage are written in one transaction, from the day's own rows only.

use super::append::{open_day, write_head};
use super::outbox::DayReport;
use super::{Ledger, LedgerError, PEAKS_RETENTION_S, schema};
use highwater_rules::chain::Digest;
use highwater_rules::coverage::Coverage;
use highwater_rules::day::BillingDay;
use highwater_rules::facts::DayFacts;
use highwater_rules::meter::GapReason;
use highwater_rules::peaks::{DaySummary, PEAK_DEFINITION, SeriesDay};
use highwater_rules::report::ChainSpan;
use rusqlite::{Connection, OptionalExtension as _, params};

/// Days that pass without a slot are closed as missed, but not more than the peaks' retention holds: a longer absence is a clock
/// that was wrong.
const ABSENT_DAYS_MAX: usize = (PEAKS_RETENTION_S / 86_400) as usize;

/// Days that are kept whatever the clock says: those of the peaks' retention twice over, since a clock that was wrong may have
/// closed as many as missed.
const DAYS_KEPT_MIN: i64 = 2 * (PEAKS_RETENTION_S / 86_400);
const DAYS_OLD: &str =
    "ends <= ?1 AND starts < (SELECT starts FROM days ORDER BY starts DESC LIMIT 1 OFFSET ?2)";

/// A day that was closed.
#[derive(Debug, Clone, PartialEq)]
pub struct Closed {
    /// What it says.
    pub summary: DaySummary,
    /// The time zone whose day it is.
    pub time_zone: String,
    /// How often it was closed: more than once where a clock set back returned to it.
    pub revision: i64,
    /// The number of its report.
    pub report: u64,
}

struct OpenDay {
    day: BillingDay,
    time_zone: String,
    first_seq: i64,
    first_digest: [u8; 32],
}

/// The slot written last: its beginning, its number in the order of writing, and the digest before it.
struct LastStart {
    start: i64,
    seq: i64,
    previous: Digest,
}

impl Ledger {
    /// Closes every open day that has ended by `now_s` (unix seconds), oldest first, and those between them and the last slot that
    /// passed without any.
    ///
    /// # Errors
    /// When one could not be made durable. It stays open and can be closed again.
    pub fn close_days(&mut self, now_s: i64) -> Result<Vec<Closed>, LedgerError> {
        self.open_absent_days().map_err(|e| self.failed(e))?;
        let mut closed = Vec::new();
        for open in self.open_days(now_s).map_err(|e| self.failed(e))? {
            closed.push(self.close(&open, now_s)?);
        }
        if !closed.is_empty() {
            self.open_day = None;
            self.mirror_if_possible(None);
            self.expire(now_s)?;
        }
        Ok(closed)
    }

    /// Days under another time zone than the configured one end with their last slot: the configuration changed.
    fn open_days(&self, now_s: i64) -> rusqlite::Result<Vec<OpenDay>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT day, time_zone, starts, ends, first_seq, first_digest FROM days \
             WHERE closed_at IS NULL AND (ends <= ?1 OR time_zone <> ?2) ORDER BY starts",
        )?;
        let rows = statement.query_map(params![now_s, self.plan.calendar.name()], |row| {
            let date: String = row.get(0)?;
            Ok((date, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        })?;
        let mut days = Vec::new();
        for row in rows {
            let (date, time_zone, start, end, first_seq, first_digest) = row?;
            let date = date.parse().map_err(|e: jiff::Error| {
                rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(e))
            })?;
            let day = BillingDay { date, start, end };
            days.push(OpenDay { day, time_zone, first_seq, first_digest });
        }
        Ok(days)
    }

    /// Gives a row to the days that passed without a slot before the one written last. Days that only a jump of the clock passed
    /// over never were.
    fn open_absent_days(&self) -> rusqlite::Result<()> {
        let Some(last) = self.last_start()? else { return Ok(()) };
        let calendar = &self.plan.calendar;
        let today = calendar.day_at(last.start);
        let newest: Option<i64> = self
            .connection
            .prepare_cached("SELECT max(ends) FROM days WHERE time_zone = ?1 AND ends <= ?2")?
            .query_row(params![calendar.name(), today.start], |row| row.get(0))?;
        let Some(newest) = newest.filter(|ends| *ends < today.start) else { return Ok(()) };
        let outages = self.outages(newest, today.start, i64::MAX)?;
        let mut day = calendar.day_at(newest);
        for _ in 0..ABSENT_DAYS_MAX {
            if day.end > today.start {
                break;
            }
            let never_was = outages
                .iter()
                .any(|o| o.reason == GapReason::ClockJump && o.from <= day.start && day.end <= o.to);
            if !never_was {
                open_day(&self.connection, &day, calendar.name(), last.seq, &last.previous)?;
            }
            day = calendar.day_after(&day);
        }
        Ok(())
    }

    fn last_start(&self) -> rusqlite::Result<Option<LastStart>> {
        let Some(position) = self.rings.position(self.head.seq) else { return Ok(None) };
        self.connection
            .prepare_cached("SELECT at - slot_s, seq, previous FROM ring WHERE id = ?1 AND seq IS NOT NULL")?
            .query_row([position << schema::SERIES_BITS], |row| {
                Ok(LastStart { start: row.get(0)?, seq: row.get(1)?, previous: Digest(row.get(2)?) })
            })
            .optional()
    }

    fn close(&mut self, open: &OpenDay, now_s: i64) -> Result<Closed, LedgerError> {
        let until = if open.time_zone == self.plan.calendar.name() {
            open.day.end
        } else {
            self.last_start()
                .map_err(|e| self.failed(e))?
                .map_or(open.day.start, |last| last.start)
                .clamp(open.day.start, open.day.end)
        };
        let (summary, facts) =
            self.summary_and_facts(&open.day, open.first_seq, self.head.seq, until, self.plan.length)?;
        let (revision, report) = self.write_day(open, &summary, &facts, now_s).map_err(|e| self.failed(e))?;
        Ok(Closed { summary, time_zone: open.time_zone.clone(), revision, report })
    }

    /// Gives how often the day was closed, and the number of its report.
    fn write_day(
        &self,
        open: &OpenDay,
        summary: &DaySummary,
        facts: &DayFacts,
        now_s: i64,
    ) -> rusqlite::Result<(i64, u64)> {
        let transaction =
            rusqlite::Transaction::new_unchecked(&self.connection, rusqlite::TransactionBehavior::Immediate)?;
        let date = open.day.date.to_string();
        let key = params![date, open.time_zone];
        let (last_seq, last_digest) = self.last_of_day(open, summary.until)?;
        transaction.execute(
            "UPDATE days SET last_seq = ?3, last_digest = ?4, until = ?5, closed_at = ?6, closed_seq = ?9, slot_s = ?10, revision = revision + 1, \
             expected = ?7, present_slots = ?8 WHERE day = ?1 AND time_zone = ?2",
            params![
                date,
                open.time_zone,
                last_seq,
                last_digest,
                summary.until,
                now_s,
                summary.coverage.expected(),
                summary.present_slots,
                self.head.seq,
                self.plan.length.seconds(),
            ],
        )?;
        write_coverage(&transaction, "days", "day = ?1 AND time_zone = ?2", key, &summary.coverage)?;
        write_head(&transaction, self.head)?;
        transaction.execute("DELETE FROM peaks WHERE day = ?1 AND time_zone = ?2", key)?;
        for series in &summary.series {
            write_peak(&transaction, &date, &open.time_zone, series)?;
        }
        let revision = transaction.query_row(
            "SELECT revision FROM days WHERE day = ?1 AND time_zone = ?2",
            key,
            |row| row.get(0),
        )?;
        let report = DayReport {
            summary,
            facts,
            time_zone: &open.time_zone,
            slot_s: self.plan.length.seconds(),
            revision: Some(revision),
            chain: ChainSpan {
                first_row: open.first_seq,
                last_row: last_seq,
                first_digest: Digest(open.first_digest),
                last_digest: Digest(last_digest),
            },
            made_at: now_s,
        };
        let report = self.add_report(&transaction, &report)?;
        transaction.commit()?;
        Ok((revision, report))
    }

    /// The last row of a day and its digest; for a day without rows, what the chain stood at when it began.
    fn last_of_day(&self, open: &OpenDay, until: i64) -> rusqlite::Result<(i64, [u8; 32])> {
        let mut last = (open.first_seq - 1, open.first_digest);
        for (low, high) in self.rings.runs(open.first_seq, self.head.seq, self.head.seq) {
            let [first, last_id] = schema::ids(low, high);
            let row = self
                .connection
                .prepare_cached(
                    "SELECT seq, digest FROM ring WHERE id BETWEEN ?1 AND ?2 AND at > ?3 AND at <= ?4 \
                     ORDER BY id DESC LIMIT 1",
                )?
                .query_row([first, last_id, open.day.start, until], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            last = row.unwrap_or(last);
        }
        Ok(last)
    }

    /// Lets go of days that have been kept for long enough.
    fn expire(&self, now_s: i64) -> Result<(), LedgerError> {
        let write = || -> rusqlite::Result<()> {
            let transaction = self.connection.unchecked_transaction()?;
            // By the clock and by their number: a clock that is ten years ahead for a minute must not forget a single bill.
            let bounds = params![now_s - PEAKS_RETENTION_S, DAYS_KEPT_MIN];
            transaction.execute(
                &format!("DELETE FROM peaks WHERE (day, time_zone) IN (SELECT day, time_zone FROM days WHERE {DAYS_OLD})"),
                bounds,
            )?;
            transaction.execute(&format!("DELETE FROM days WHERE {DAYS_OLD}"), bounds)?;
            // A report without a receipt is kept, however old.
            transaction.execute(
                "DELETE FROM outbox WHERE state = 'receipted' AND NOT EXISTS \
                 (SELECT 1 FROM days WHERE days.day = outbox.day AND days.time_zone = outbox.time_zone)",
                [],
            )?;
            transaction.commit()
        };
        write().map_err(|e| self.failed(e))
    }
}

const COVERAGE_ASSIGNMENTS: &str =
    "read = ?3, clock_jump = ?4, host_down = ?5, agent_down = ?6, counter_reset = ?7, source_failed = ?8";

fn write_coverage(
    connection: &Connection,
    table: &str,
    which: &str,
    key: &[&dyn rusqlite::ToSql],
    coverage: &Coverage,
) -> rusqlite::Result<()> {
    let missed: Vec<u32> = GapReason::ALL.iter().map(|r| coverage.missed(*r)).collect();
    let counts = std::iter::once(&coverage.read).chain(&missed).map(|n| n as &dyn rusqlite::ToSql);
    let all: Vec<&dyn rusqlite::ToSql> = key.iter().copied().chain(counts).collect();
    connection
        .execute(&format!("UPDATE {table} SET {COVERAGE_ASSIGNMENTS} WHERE {which}"), all.as_slice())?;
    Ok(())
}

fn write_peak(connection: &Connection, date: &str, time_zone: &str, day: &SeriesDay) -> rusqlite::Result<()> {
    let reading = day.peak.map(|p| p.reading);
    let directions = reading.and_then(|r| r.directions);
    let c = &day.coverage;
    connection
        .prepare_cached(
            "INSERT INTO peaks (day, time_zone, meter, subject, definition, value, rx, tx, at, runner_up, runner_up_at, \
             p95, expected, read, clock_jump, host_down, agent_down, counter_reset, source_failed) VALUES \
             (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
        )?
        .execute(params![
            date,
            time_zone,
            day.series.meter.word(),
            day.series.subject,
            PEAK_DEFINITION,
            reading.map(|r| r.value),
            directions.map(|d| d.rx),
            directions.map(|d| d.tx),
            day.peak.map(|p| p.at),
            day.runner_up.map(|p| p.reading.value),
            day.runner_up.map(|p| p.at),
            day.p95,
            c.expected(),
            c.read,
            c.missed(GapReason::ClockJump),
            c.missed(GapReason::HostDown),
            c.missed(GapReason::AgentDown),
            c.missed(GapReason::CounterReset),
            c.missed(GapReason::SourceFailed),
        ])?;
    Ok(())
}
