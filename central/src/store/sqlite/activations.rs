//! Activations.

use super::fault::Fault;
use super::{audit, nodes, row};
use crate::model::{Activation, ActivationChange, ActivationFilter, ActivationState, By, Line};
use crate::store::StoreError;
use highwater_rules::sign::{KeyId, hex};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

const COLUMNS: &str = "identity, instance, key_id, public_key, contract, token, state, confirm, activated_at, \
                       confirmed_at, first_start, agent_version, host, \
                       (SELECT max(last_report_at) FROM lines WHERE activation = identity)";

/// The activation with the node that its own line told last.
fn with_node(db: &Connection, activation: Activation) -> Result<Activation, Fault> {
    let member = nodes::one(db, &activation.identity)?;
    let superseded_by = member.as_ref().and_then(|member| member.superseded_by.clone());
    Ok(Activation { node: member.map(|member| member.node), superseded_by, ..activation })
}

fn with_nodes(
    db: &Connection,
    found: impl Iterator<Item = rusqlite::Result<Activation>>,
) -> Result<Vec<Activation>, Fault> {
    found.map(|one| with_node(db, one?)).collect()
}

fn read(found: &Row<'_>) -> rusqlite::Result<Activation> {
    Ok(Activation {
        identity: found.get(0)?,
        instance: found.get(1)?,
        key_id: row::key_id(found, 2)?.hex(),
        public_key: hex(&row::key_bytes(found, 3)?),
        contract: found.get(4)?,
        token: found.get(5)?,
        state: row::word(found, 6)?,
        confirm: row::word(found, 7)?,
        activated_at: found.get(8)?,
        confirmed_at: found.get(9)?,
        first_start: found.get(10)?,
        agent_version: found.get(11)?,
        host: row::json(found, 12)?,
        last_report_at: found.get(13)?,
        node: None,
        superseded_by: None,
    })
}

pub(super) fn by_key(db: &Connection, key: KeyId) -> Result<Option<Activation>, Fault> {
    let mut select = db.prepare_cached(&format!("SELECT {COLUMNS} FROM activations WHERE key_id = ?1"))?;
    select.query_row([&key.0], read).optional()?.map(|one| with_node(db, one)).transpose()
}

pub(super) fn public_key(db: &Connection, key: KeyId) -> Result<Option<[u8; 32]>, Fault> {
    let mut select = db.prepare_cached("SELECT public_key FROM activations WHERE key_id = ?1")?;
    Ok(select.query_row([&key.0], |found| row::key_bytes(found, 0)).optional()?)
}

pub(super) fn one(db: &Connection, identity: &str) -> Result<Option<Activation>, Fault> {
    let mut select = db.prepare_cached(&format!("SELECT {COLUMNS} FROM activations WHERE identity = ?1"))?;
    select.query_row([identity], read).optional()?.map(|one| with_node(db, one)).transpose()
}

/// The activations of one instance id, the first of them first; clones are several.
pub(super) fn of_instance(db: &Connection, instance: &str) -> Result<Vec<Activation>, Fault> {
    let mut select = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM activations WHERE instance = ?1 ORDER BY identity <> instance, activated_at, identity"
    ))?;
    with_nodes(db, select.query_map([instance], read)?)
}

pub(super) fn list(db: &Connection, filter: &ActivationFilter) -> Result<Vec<Activation>, Fault> {
    let mut select = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM activations
         WHERE (?1 IS NULL OR contract = ?1) AND (?2 IS NULL OR instance = ?2) AND (?3 IS NULL OR state = ?3)
         AND (NOT ?4 OR confirmed_at IS NULL) AND identity > ?5 ORDER BY identity LIMIT ?6"
    ))?;
    let rows = select.query_map(
        params![
            filter.contract,
            filter.instance,
            filter.state.map(ActivationState::word),
            filter.unconfirmed,
            filter.page.after.as_deref().unwrap_or(""),
            filter.page.rows()
        ],
        read,
    )?;
    with_nodes(db, rows)
}

/// Writes what may change of an activation.
pub(super) fn update(db: &Connection, activation: &Activation) -> Result<(), Fault> {
    db.prepare_cached(
        "UPDATE activations SET instance = ?2, contract = ?3, token = ?4, state = ?5, confirm = ?6, activated_at = ?7,
         confirmed_at = ?8, first_start = ?9, agent_version = ?10, host = ?11 WHERE identity = ?1",
    )?
    .execute(params![
        activation.identity,
        activation.instance,
        activation.contract,
        activation.token,
        activation.state.word(),
        activation.confirm.word(),
        activation.activated_at,
        activation.confirmed_at,
        activation.first_start,
        activation.agent_version,
        host_json(activation)?,
    ])?;
    Ok(())
}

/// Writes a new activation, with its own line.
pub(super) fn insert(
    db: &Connection,
    activation: &Activation,
    key: KeyId,
    public: &[u8; 32],
) -> Result<(), Fault> {
    db.execute(
        "INSERT INTO activations (identity, instance, key_id, public_key, contract, token, state, confirm, activated_at,
         confirmed_at, first_start, agent_version, host) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            activation.identity,
            activation.instance,
            key.0,
            public,
            activation.contract,
            activation.token,
            activation.state.word(),
            activation.confirm.word(),
            activation.activated_at,
            activation.confirmed_at,
            activation.first_start,
            activation.agent_version,
            host_json(activation)?,
        ],
    )?;
    insert_line(db, &activation.identity, &activation.identity, None, activation.activated_at)
}

fn host_json(activation: &Activation) -> Result<String, Fault> {
    serde_json::to_string(&activation.host)
        .map_err(|e| StoreError::Conflict(format!("the host's facts can't be kept: {e}")).into())
}

/// Begins a line.
pub(super) fn insert_line(
    db: &Connection,
    id: &str,
    activation: &str,
    split_from: Option<&str>,
    at: i64,
) -> Result<(), Fault> {
    db.execute(
        "INSERT INTO lines (id, activation, split_from, sequence, created_at) VALUES (?1, ?2, ?3, 0, ?4)",
        params![id, activation, split_from, at],
    )?;
    Ok(())
}

/// Whether reports are counted for this id already.
pub(super) fn is_line(db: &Connection, id: &str) -> Result<bool, Fault> {
    Ok(db.prepare_cached("SELECT 1 FROM lines WHERE id = ?1")?.exists([id])?)
}

pub(super) fn lines(db: &Connection, activation: &str) -> Result<Vec<Line>, Fault> {
    let mut select = db.prepare_cached(&format!(
        "SELECT activation, split_from, sequence, created_at, {} FROM lines WHERE activation = ?1
         ORDER BY id <> activation, created_at, id",
        nodes::COLUMNS
    ))?;
    let rows = select.query_map([activation], |found| {
        Ok(Line {
            activation: found.get(0)?,
            split_from: found.get(1)?,
            sequence: row::count(found, 2)?,
            created_at: found.get(3)?,
            id: found.get(4)?,
            member: nodes::read(found, 4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn change(
    db: &Connection,
    identity: &str,
    change: ActivationChange,
    by: &By,
) -> Result<Activation, Fault> {
    let before = one(db, identity)?
        .ok_or_else(|| StoreError::Absent { what: "activation", id: identity.to_owned() })?;
    if before.state == ActivationState::Deleted && change != ActivationChange::State(ActivationState::Deleted)
    {
        let why = "the activation was deleted: activate the instance again, with a token";
        return Err(StoreError::Conflict(why.to_owned()).into());
    }
    let mut after = before.clone();
    let action = match change {
        ActivationChange::Confirm => {
            after.confirmed_at = after.confirmed_at.or(Some(by.at));
            if after.state == ActivationState::Blocked {
                after.state = ActivationState::Active;
            }
            "activation_confirmed"
        }
        ActivationChange::State(state) => {
            after.state = state;
            if state == ActivationState::Active {
                after.confirmed_at = after.confirmed_at.or(Some(by.at));
            }
            match state {
                ActivationState::Active => "activation_enabled",
                ActivationState::Disabled => "activation_disabled",
                ActivationState::Deleted => "activation_deleted",
                ActivationState::Blocked => "activation_blocked",
            }
        }
    };
    if after != before {
        update(db, &after)?;
        audit::write(db, by, action, identity, Some(&before), &after)?;
    }
    Ok(after)
}
