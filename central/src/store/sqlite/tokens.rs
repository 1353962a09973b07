//! Enrolment tokens.

use super::fault::Fault;
use super::{audit, contracts, row};
use crate::model::{By, NewToken, Page, Token};
use crate::secrets;
use crate::store::StoreError;
use highwater_rules::chain::Digest;
use highwater_rules::sign::KeyId;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

const COLUMNS: &str = "id, contract, uses_left, expires_at, confirm, revoked, created_at, key_id";

fn read(found: &Row<'_>) -> rusqlite::Result<Token> {
    Ok(Token {
        id: found.get(0)?,
        contract: found.get(1)?,
        uses_left: found.get(2)?,
        expires_at: found.get(3)?,
        confirm: row::word(found, 4)?,
        revoked: found.get(5)?,
        created_at: found.get(6)?,
    })
}

pub(super) fn create(db: &Connection, new: NewToken, by: &By) -> Result<Token, Fault> {
    contracts::existing(db, &new.contract)?;
    let token = Token {
        id: secrets::uuid()?,
        contract: new.contract,
        uses_left: new.uses,
        expires_at: new.expires_at,
        confirm: new.confirm,
        revoked: false,
        created_at: by.at,
    };
    db.execute(
        "INSERT INTO tokens (id, secret, key_id, contract, uses_left, expires_at, confirm, revoked, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8)",
        params![
            token.id,
            new.secret.0,
            new.key.0,
            token.contract,
            token.uses_left,
            token.expires_at,
            token.confirm.word(),
            token.created_at
        ],
    )?;
    audit::write(db, by, "token_created", &token.id, None::<&Token>, &token)?;
    Ok(token)
}

pub(super) fn list(db: &Connection, contract: Option<&str>, page: &Page) -> Result<Vec<Token>, Fault> {
    let mut select = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM tokens WHERE (?1 IS NULL OR contract = ?1) AND id > ?2 ORDER BY id LIMIT ?3"
    ))?;
    let rows = select.query_map(params![contract, page.after.as_deref().unwrap_or(""), page.rows()], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The token of a secret's SHA-256, and central's key that it brings.
pub(super) fn by_secret(db: &Connection, secret: &Digest) -> Result<Option<(Token, KeyId)>, Fault> {
    let mut select = db.prepare_cached(&format!("SELECT {COLUMNS} FROM tokens WHERE secret = ?1"))?;
    Ok(select.query_row([&secret.0], |found| Ok((read(found)?, row::key_id(found, 7)?))).optional()?)
}

/// One more instance has joined.
pub(super) fn consume(db: &Connection, token: &Token) -> Result<(), Fault> {
    db.execute("UPDATE tokens SET uses_left = uses_left - 1 WHERE id = ?1 AND uses_left > 0", [&token.id])?;
    Ok(())
}

pub(super) fn revoke(db: &Connection, id: &str, by: &By) -> Result<Token, Fault> {
    let before = db
        .query_row(&format!("SELECT {COLUMNS} FROM tokens WHERE id = ?1"), [id], read)
        .optional()?
        .ok_or_else(|| StoreError::Absent { what: "token", id: id.to_owned() })?;
    if before.revoked {
        return Ok(before);
    }
    let after = Token { revoked: true, ..before.clone() };
    db.execute("UPDATE tokens SET revoked = 1 WHERE id = ?1", [id])?;
    audit::write(db, by, "token_revoked", id, Some(&before), &after)?;
    Ok(after)
}
