//! Central's own keys, and the tokens of the administration.

use super::fault::Fault;
use super::{audit, row};
use crate::model::{AdminToken, By, SigningKey};
use crate::secrets;
use crate::store::StoreError;
use highwater_rules::chain::Digest;
use highwater_rules::sign::KeyId;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use subtle::ConstantTimeEq as _;

pub(super) fn all(db: &Connection) -> Result<Vec<SigningKey>, Fault> {
    let mut select =
        db.prepare_cached("SELECT id, seed, made_at, succession FROM signing_keys ORDER BY number")?;
    let rows = select.query_map([], |found| {
        Ok(SigningKey {
            id: row::key_id(found, 0)?,
            seed: row::key_bytes(found, 1)?,
            made_at: found.get(2)?,
            succession: found.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The key that signs now.
pub(super) fn newest(db: &Connection) -> Result<KeyId, Fault> {
    let newest = db
        .prepare_cached("SELECT id FROM signing_keys ORDER BY number DESC LIMIT 1")?
        .query_row([], |found| row::key_id(found, 0))
        .optional()?;
    newest.ok_or_else(|| StoreError::Conflict("central has no signing key yet".to_owned()).into())
}

pub(super) fn add(db: &Connection, key: &SigningKey, after: Option<KeyId>, by: &By) -> Result<(), Fault> {
    let newest = db
        .query_row("SELECT id FROM signing_keys ORDER BY number DESC LIMIT 1", [], |found| {
            row::key_id(found, 0)
        })
        .optional()?;
    if newest != after {
        let why = "another signing key was made meanwhile: nothing is changed, try again";
        return Err(StoreError::Conflict(why.to_owned()).into());
    }
    db.execute(
        "INSERT INTO signing_keys (id, seed, made_at, succession) VALUES (?1, ?2, ?3, ?4)",
        params![key.id.0, key.seed, key.made_at, key.succession],
    )?;
    let before = newest.map(|id| serde_json::json!({ "key": id.hex() }));
    let action = if newest.is_some() { "key_rotated" } else { "key_created" };
    audit::write(db, by, action, &key.id.hex(), before.as_ref(), &serde_json::json!({"key": key.id.hex()}))
}

const COLUMNS: &str = "id, name, created_at, revoked";

fn read(found: &Row<'_>) -> rusqlite::Result<AdminToken> {
    Ok(AdminToken {
        id: found.get(0)?,
        name: found.get(1)?,
        created_at: found.get(2)?,
        revoked: found.get(3)?,
    })
}

pub(super) fn create_admin(
    db: &Connection,
    name: String,
    secret: &Digest,
    by: &By,
) -> Result<AdminToken, Fault> {
    let token = AdminToken { id: secrets::uuid()?, name, created_at: by.at, revoked: false };
    db.execute(
        "INSERT INTO admin_tokens (id, secret, name, created_at, revoked) VALUES (?1, ?2, ?3, ?4, 0)",
        params![token.id, secret.0, token.name, token.created_at],
    )?;
    audit::write(db, by, "admin_token_created", &token.id, None::<&AdminToken>, &token)?;
    Ok(token)
}

/// Every token that holds is compared, each in the same time whatever it has in common with what was sent: how long it takes tells
/// nothing of any of them.
pub(super) fn admin(db: &Connection, secret: &Digest) -> Result<Option<AdminToken>, Fault> {
    let mut select =
        db.prepare_cached(&format!("SELECT {COLUMNS}, secret FROM admin_tokens WHERE revoked = 0"))?;
    let rows = select.query_map([], |found| Ok((read(found)?, row::key_bytes(found, 4)?)))?;
    let mut same = None;
    for one in rows {
        let (token, kept) = one?;
        if bool::from(kept.ct_eq(&secret.0)) {
            same = Some(token);
        }
    }
    Ok(same)
}

pub(super) fn admins(db: &Connection) -> Result<Vec<AdminToken>, Fault> {
    let mut select =
        db.prepare_cached(&format!("SELECT {COLUMNS} FROM admin_tokens ORDER BY created_at, id"))?;
    let rows = select.query_map([], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn revoke_admin(db: &Connection, id: &str, by: &By) -> Result<AdminToken, Fault> {
    let before = db
        .query_row(&format!("SELECT {COLUMNS} FROM admin_tokens WHERE id = ?1"), [id], read)
        .optional()?
        .ok_or_else(|| StoreError::Absent { what: "admin token", id: id.to_owned() })?;
    let after = AdminToken { revoked: true, ..before.clone() };
    if after != before {
        db.execute("UPDATE admin_tokens SET revoked = 1 WHERE id = ?1", [id])?;
        audit::write(db, by, "admin_token_revoked", id, Some(&before), &after)?;
    }
    Ok(after)
}
