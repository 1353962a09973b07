//! The audit trail.

use super::fault::Fault;
use super::row;
use crate::model::{AuditFilter, AuditRow, By};
use crate::store::StoreError;
use rusqlite::{Connection, params};
use serde::Serialize;

/// Writes what changed, in the transaction that changes it.
pub(super) fn write<B: Serialize, A: Serialize>(
    db: &Connection,
    by: &By,
    action: &str,
    subject: &str,
    before: Option<&B>,
    after: &A,
) -> Result<(), Fault> {
    db.prepare_cached(
        "INSERT INTO audit (at, who, action, subject, before, after) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![by.at, by.who, action, subject, json(&before)?, json(after)?])?;
    Ok(())
}

fn json<T: Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value)
        .map_err(|e| StoreError::Conflict(format!("the change can't be told as JSON: {e}")).into())
}

pub(super) fn list(db: &Connection, filter: &AuditFilter) -> Result<Vec<AuditRow>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT id, at, who, action, subject, before, after FROM audit
         WHERE (?1 IS NULL OR subject = ?1) AND (?2 IS NULL OR at >= ?2) AND id < ?3 ORDER BY id DESC LIMIT ?4",
    )?;
    let rows = select.query_map(
        params![filter.subject, filter.since, below(filter.page.after.as_deref()), filter.page.rows()],
        |found| {
            Ok(AuditRow {
                id: found.get(0)?,
                at: found.get(1)?,
                who: found.get(2)?,
                action: found.get(3)?,
                subject: found.get(4)?,
                before: row::json(found, 5)?,
                after: row::json(found, 6)?,
            })
        },
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Where a list that runs backwards goes on: a cursor that is none begins anew.
pub(super) fn below(after: Option<&str>) -> i64 {
    after.and_then(|cursor| cursor.parse().ok()).unwrap_or(i64::MAX)
}
