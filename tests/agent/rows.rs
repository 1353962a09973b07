//! What the ledger says, asked in plain SQL.

use rusqlite::{Connection, OptionalExtension as _, Params, types::FromSql};

pub(crate) fn one<T: FromSql>(ledger: &Connection, sql: &str, params: impl Params) -> T {
    ledger.query_row(sql, params, |row| row.get(0)).unwrap_or_else(|e| panic!("{e} in {sql}"))
}

pub(crate) fn column<T: FromSql>(ledger: &Connection, sql: &str) -> Vec<T> {
    let mut statement = ledger.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// The slots written, in the order of writing.
pub(crate) fn slots(ledger: &Connection) -> Vec<i64> {
    column(ledger, "SELECT slot FROM slots ORDER BY seq")
}

/// The reading of a series in a slot.
pub(crate) fn reading(ledger: &Connection, at: i64, subject: &str) -> Option<f64> {
    let sql = "SELECT value FROM readings WHERE at = ?1 AND subject = ?2";
    let read = ledger.query_row(sql, (at, subject), |row| row.get(0)).optional();
    read.unwrap()
}

/// The reason why a series has none.
pub(crate) fn gap(ledger: &Connection, at: i64, subject: &str) -> Option<String> {
    let sql = "SELECT reason FROM gaps WHERE at = ?1 AND subject = ?2";
    let reason = ledger.query_row(sql, (at, subject), |row| row.get(0)).optional();
    reason.unwrap()
}

/// A slot's share of a series' counters.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) at: i64,
    /// The reading, or the gap's reason.
    pub(crate) value: Result<f64, String>,
    /// Received bit/s, where the meter has directions.
    pub(crate) rx: Option<f64>,
    /// The counters at the slot's end.
    pub(crate) counter: Option<i64>,
    /// Milliseconds since the slot before was read.
    pub(crate) ms: i64,
}

impl Step {
    /// How much of something a reading per second stands for.
    pub(crate) fn amount(&self, per_second: f64) -> f64 {
        per_second * self.ms as f64 / 1000.0
    }
}

/// The slots of a series, in the order of writing.
pub(crate) fn steps(ledger: &Connection, meter: &str, subject: &str) -> Vec<Step> {
    let sql = "SELECT s.at, m.value, m.gap, m.rx, m.counter, s.mono_ms - lag(s.mono_ms, 1, s.mono_ms) OVER (ORDER BY s.seq) \
               FROM slots s JOIN samples m ON m.position = s.position JOIN series n ON n.id = m.series \
               WHERE n.meter = ?1 AND n.subject = ?2 ORDER BY s.seq";
    let mut statement = ledger.prepare(sql).unwrap();
    let steps = statement.query_map((meter, subject), |row| {
        let value = row.get::<_, Option<f64>>(1)?.ok_or(row.get::<_, Option<String>>(2)?.unwrap_or_default());
        Ok(Step { at: row.get(0)?, value, rx: row.get(3)?, counter: row.get(4)?, ms: row.get(5)? })
    });
    steps.unwrap().map(Result::unwrap).collect()
}
