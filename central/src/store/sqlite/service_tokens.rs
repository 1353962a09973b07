//! Service tokens.

use super::fault::Fault;
use super::{audit, contracts};
use crate::model::{By, NewServiceToken, Page, ServiceToken};
use crate::secrets;
use crate::store::StoreError;
use highwater_rules::chain::Digest;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

const COLUMNS: &str = "id, contract, name, created_at, revoked";

fn read(found: &Row<'_>) -> rusqlite::Result<ServiceToken> {
    Ok(ServiceToken {
        id: found.get(0)?,
        contract: found.get(1)?,
        name: found.get(2)?,
        created_at: found.get(3)?,
        revoked: found.get(4)?,
    })
}

pub(super) fn create(db: &Connection, new: NewServiceToken, by: &By) -> Result<ServiceToken, Fault> {
    contracts::existing(db, &new.contract)?;
    let token = ServiceToken {
        id: secrets::uuid()?,
        contract: new.contract,
        name: new.name,
        created_at: by.at,
        revoked: false,
    };
    db.execute(
        "INSERT INTO service_tokens (id, secret, contract, name, created_at, revoked) VALUES (?1, ?2, ?3, ?4, ?5, 0)",
        params![token.id, new.secret.0, token.contract, token.name, token.created_at],
    )?;
    audit::write(db, by, "service_token_created", &token.id, None::<&ServiceToken>, &token)?;
    Ok(token)
}

/// The token of a secret's SHA-256, unless it was taken back. What is compared is a hash of what was sent: how long it takes tells
/// nothing of any secret.
pub(super) fn by_secret(db: &Connection, secret: &Digest) -> Result<Option<ServiceToken>, Fault> {
    let mut select = db
        .prepare_cached(&format!("SELECT {COLUMNS} FROM service_tokens WHERE secret = ?1 AND revoked = 0"))?;
    Ok(select.query_row([&secret.0], read).optional()?)
}

pub(super) fn list(db: &Connection, contract: Option<&str>, page: &Page) -> Result<Vec<ServiceToken>, Fault> {
    let mut select = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM service_tokens WHERE (?1 IS NULL OR contract = ?1) AND id > ?2 ORDER BY id LIMIT ?3"
    ))?;
    let rows = select.query_map(params![contract, page.after.as_deref().unwrap_or(""), page.rows()], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn revoke(db: &Connection, id: &str, by: &By) -> Result<ServiceToken, Fault> {
    let before = db
        .query_row(&format!("SELECT {COLUMNS} FROM service_tokens WHERE id = ?1"), [id], read)
        .optional()?
        .ok_or_else(|| StoreError::Absent { what: "service-token", id: id.to_owned() })?;
    let after = ServiceToken { revoked: true, ..before.clone() };
    if after != before {
        db.execute("UPDATE service_tokens SET revoked = 1 WHERE id = ?1", [id])?;
        audit::write(db, by, "service_token_revoked", id, Some(&before), &after)?;
    }
    Ok(after)
}
