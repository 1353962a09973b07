//! Places in the object store.

use super::fault::Fault;
use crate::model::Upload;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

const COLUMNS: &str = "identity, random, taken, taken_at, receipts";

fn read(found: &Row<'_>) -> rusqlite::Result<Upload> {
    Ok(Upload {
        identity: found.get(0)?,
        random: found.get(1)?,
        taken: found.get(2)?,
        taken_at: found.get(3)?,
        receipts: found.get(4)?,
    })
}

pub(super) fn one(db: &Connection, identity: &str) -> Result<Option<Upload>, Fault> {
    let mut select = db.prepare_cached(&format!("SELECT {COLUMNS} FROM uploads WHERE identity = ?1"))?;
    Ok(select.query_row([identity], read).optional()?)
}

/// The place of an activation; it is made with this random part where there is none.
pub(super) fn place(db: &Connection, identity: &str, random: &str) -> Result<Upload, Fault> {
    db.prepare_cached(
        "INSERT INTO uploads (identity, random, receipts) VALUES (?1, ?2, x'') ON CONFLICT (identity) DO NOTHING",
    )?
    .execute([identity, random])?;
    let mut select = db.prepare_cached(&format!("SELECT {COLUMNS} FROM uploads WHERE identity = ?1"))?;
    Ok(select.query_row([identity], read)?)
}

pub(super) fn taken(
    db: &Connection,
    identity: &str,
    mark: &str,
    receipts: Option<&[u8]>,
    at: i64,
) -> Result<(), Fault> {
    db.prepare_cached(
        "UPDATE uploads SET taken = ?2, taken_at = ?3, receipts = coalesce(?4, receipts) WHERE identity = ?1",
    )?
    .execute(params![identity, mark, at, receipts])?;
    Ok(())
}
