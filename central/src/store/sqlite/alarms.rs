//! Alarms.

use super::audit::{self, below};
use super::fault::Fault;
use super::row;
use crate::model::{Alarm, AlarmFilter, AlarmKind, By};
use crate::store::StoreError;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

const COLUMNS: &str = "id, kind, identity, detail, at, acknowledged_at";

fn read(found: &Row<'_>) -> rusqlite::Result<Alarm> {
    Ok(Alarm {
        id: found.get(0)?,
        kind: row::word(found, 1)?,
        identity: found.get(2)?,
        detail: found.get(3)?,
        at: found.get(4)?,
        acknowledged_at: found.get(5)?,
    })
}

pub(super) fn raise(
    db: &Connection,
    kind: AlarmKind,
    identity: &str,
    detail: &str,
    at: i64,
) -> Result<(), Fault> {
    db.prepare_cached("INSERT INTO alarms (kind, identity, detail, at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![kind.word(), identity, detail, at])?;
    match kind {
        AlarmKind::Fork => tracing::warn!(identity, detail, "fork_seen"),
        AlarmKind::Hole => tracing::warn!(identity, detail, "hole_seen"),
        AlarmKind::Chain => tracing::warn!(identity, detail, "chain_broken"),
        AlarmKind::KeyReuse => tracing::warn!(identity, detail, "clone_seen"),
        AlarmKind::NodeTwice => tracing::warn!(identity, detail, "node_twice_seen"),
    }
    Ok(())
}

/// A hole in a line behind report `after`, which may be filled still.
pub(super) fn raise_hole(
    db: &Connection,
    identity: &str,
    after: u64,
    detail: &str,
    at: i64,
) -> Result<(), Fault> {
    raise(db, AlarmKind::Hole, identity, detail, at)?;
    db.prepare_cached("UPDATE alarms SET hole_after = ?2 WHERE id = ?1")?
        .execute(params![db.last_insert_rowid(), row::signed(after)])?;
    Ok(())
}

/// All reports of the hole behind report `after` have come: nobody has to look at its alarm any more.
pub(super) fn fill_hole(db: &Connection, identity: &str, after: u64, at: i64) -> Result<(), Fault> {
    let found = db
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM alarms WHERE identity = ?1 AND kind = ?2 AND hole_after = ?3 AND acknowledged_at IS NULL"
        ))?
        .query_row(params![identity, AlarmKind::Hole.word(), row::signed(after)], read)
        .optional()?;
    if let Some(alarm) = found {
        let detail = format!("{}; they have come since", alarm.detail);
        db.prepare_cached("UPDATE alarms SET detail = ?2 WHERE id = ?1")?
            .execute(params![alarm.id, detail])?;
        acknowledge(db, alarm.id, &By::central(at))?;
        tracing::info!(identity, detail, "hole_filled");
    }
    Ok(())
}

pub(super) fn list(db: &Connection, filter: &AlarmFilter) -> Result<Vec<Alarm>, Fault> {
    let mut select = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM alarms
         WHERE (?1 IS NULL OR identity = ?1) AND (?2 IS NULL OR kind = ?2) AND (NOT ?3 OR acknowledged_at IS NULL)
         AND id < ?4 ORDER BY id DESC LIMIT ?5"
    ))?;
    let rows = select.query_map(
        params![
            filter.identity,
            filter.kind.map(AlarmKind::word),
            filter.open,
            below(filter.page.after.as_deref()),
            filter.page.rows()
        ],
        read,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn acknowledge(db: &Connection, id: i64, by: &By) -> Result<Alarm, Fault> {
    let before = db
        .query_row(&format!("SELECT {COLUMNS} FROM alarms WHERE id = ?1"), [id], read)
        .optional()?
        .ok_or_else(|| StoreError::Absent { what: "alarm", id: id.to_string() })?;
    if before.acknowledged_at.is_some() {
        return Ok(before);
    }
    let after = Alarm { acknowledged_at: Some(by.at), ..before.clone() };
    db.execute("UPDATE alarms SET acknowledged_at = ?2 WHERE id = ?1", params![id, by.at])?;
    audit::write(db, by, "alarm_acknowledged", &id.to_string(), Some(&before), &after)?;
    Ok(after)
}
