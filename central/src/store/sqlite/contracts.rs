//! Contracts.

use super::fault::Fault;
use super::{audit, row};
use crate::model::{By, Contract, ContractChange, ContractStatus, NewContract, Page};
use crate::secrets;
use crate::store::StoreError;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

const COLUMNS: &str = "id, product, customer, status, mode, not_before, not_after, grace_s, block_unconfirmed_s, \
                       created_at, email, features, limits, licence_term_s, slot_s";

fn read(found: &Row<'_>) -> rusqlite::Result<Contract> {
    Ok(Contract {
        id: found.get(0)?,
        product: found.get(1)?,
        customer: found.get(2)?,
        status: row::word(found, 3)?,
        mode: row::word(found, 4)?,
        not_before: found.get(5)?,
        not_after: found.get(6)?,
        grace_s: row::count(found, 7)?,
        block_unconfirmed_s: row::count(found, 8)?,
        created_at: found.get(9)?,
        email: found.get(10)?,
        features: row::json(found, 11)?,
        limits: row::json(found, 12)?,
        licence_term_s: row::maybe_count(found, 13)?,
        slot_s: row::maybe_count(found, 14)?,
    })
}

fn write(db: &Connection, contract: &Contract) -> Result<(), Fault> {
    db.prepare_cached(&format!(
        "INSERT OR REPLACE INTO contracts ({COLUMNS})
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
    ))?
    .execute(params![
        contract.id,
        contract.product,
        contract.customer,
        contract.status.word(),
        contract.mode.word(),
        contract.not_before,
        contract.not_after,
        row::signed(contract.grace_s),
        row::signed(contract.block_unconfirmed_s),
        contract.created_at,
        contract.email,
        row::as_json(&contract.features)?,
        row::as_json(&contract.limits)?,
        contract.licence_term_s.map(row::signed),
        contract.slot_s.map(row::signed),
    ])?;
    Ok(())
}

pub(super) fn create(db: &Connection, new: NewContract, by: &By) -> Result<Contract, Fault> {
    let contract = new.contract(secrets::uuid()?, by.at);
    contract.check().and_then(|()| contract.check_together()).map_err(StoreError::Conflict)?;
    write(db, &contract)?;
    audit::write(db, by, "contract_created", &contract.id, None::<&Contract>, &contract)?;
    Ok(contract)
}

pub(super) fn one(db: &Connection, id: &str) -> Result<Option<Contract>, Fault> {
    let mut select = db.prepare_cached(&format!("SELECT {COLUMNS} FROM contracts WHERE id = ?1"))?;
    Ok(select.query_row([id], read).optional()?)
}

pub(super) fn existing(db: &Connection, id: &str) -> Result<Contract, Fault> {
    one(db, id)?.ok_or_else(|| StoreError::Absent { what: "contract", id: id.to_owned() }.into())
}

pub(super) fn list(db: &Connection, page: &Page) -> Result<Vec<Contract>, Fault> {
    let mut select =
        db.prepare_cached(&format!("SELECT {COLUMNS} FROM contracts WHERE id > ?1 ORDER BY id LIMIT ?2"))?;
    let rows = select.query_map(params![page.after.as_deref().unwrap_or(""), page.rows()], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn change(db: &Connection, id: &str, change: ContractChange, by: &By) -> Result<Contract, Fault> {
    let before = existing(db, id)?;
    // What stays is not held to anything: a contract that older versions made can always be revoked.
    change.check().map_err(StoreError::Conflict)?;
    let after = change.applied(&before);
    let together = |one: &Contract| (one.not_before, one.not_after, one.slot_s);
    if together(&after) != together(&before) {
        after.check_together().map_err(StoreError::Conflict)?;
    }
    if after != before {
        write(db, &after)?;
        let action = match (before.status, after.status) {
            (ContractStatus::Active, ContractStatus::Revoked) => "contract_revoked",
            (ContractStatus::Revoked, ContractStatus::Active) => "contract_restored",
            _ => "contract_changed",
        };
        audit::write(db, by, action, id, Some(&before), &after)?;
    }
    Ok(after)
}
