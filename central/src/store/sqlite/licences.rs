//! Licences that were issued.

use super::audit::{self, below};
use super::dues::Dues;
use super::fault::Fault;
use super::{activations, contracts, keys, row};
use crate::model::{
    Activation, ActivationState, By, Contract, Due, Licence, LicenceFilter, LicenceOf, Licensee, Unlicensed,
};
use crate::secrets;
use crate::store::StoreError;
use highwater_rules::licence::{self, Claims, Status, Subject};
use highwater_rules::sign::KeyId;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

const COLUMNS: &str = "number, claims, signer, issued_by";

fn read(found: &Row<'_>) -> rusqlite::Result<Licence> {
    Ok(Licence {
        number: found.get(0)?,
        claims: row::json(found, 1)?,
        signer: row::key_id(found, 2)?,
        issued_by: found.get(3)?,
    })
}

pub(super) fn one(db: &Connection, id: &str) -> Result<Option<Licence>, Fault> {
    let mut select = db.prepare_cached(&format!("SELECT {COLUMNS} FROM licences WHERE id = ?1"))?;
    Ok(select.query_row([id], read).optional()?)
}

pub(super) fn list(db: &Connection, filter: &LicenceFilter) -> Result<Vec<Licence>, Fault> {
    let mut select = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM licences WHERE (?1 IS NULL OR contract = ?1)
         AND (?2 IS NULL OR instance = ?2 OR (holder = ?2 AND instance IS NOT NULL)) AND number < ?3
         ORDER BY number DESC LIMIT ?4"
    ))?;
    let rows = select.query_map(
        params![filter.contract, filter.instance, below(filter.page.after.as_deref()), filter.page.rows()],
        read,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The last one that was issued to this one; a cluster may have one under each of several contracts.
fn last(db: &Connection, licensee: &Licensee) -> Result<Option<Licence>, Fault> {
    let contract = licensee.subject.is_cluster().then_some(&licensee.contract.id);
    let mut select = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM licences WHERE holder = ?1 AND (?2 IS NULL OR contract = ?2) ORDER BY number DESC LIMIT 1"
    ))?;
    Ok(select.query_row(params![licensee.identity, contract], read).optional()?)
}

/// The licence of an instance in a cluster is the cluster's, but for the word that takes it away from a single one.
fn of_activation(
    db: &Connection,
    activation: &Activation,
    contract: Contract,
    at: i64,
) -> Result<Licensee, Fault> {
    let state = activation.state_at(&contract, at);
    let cluster = activation.node.as_ref().filter(|_| state != ActivationState::Deleted);
    let Some(node) = cluster else {
        let (instance, identity) = (activation.instance.clone(), activation.identity.clone());
        return Ok(Licensee {
            subject: Subject::Instance(instance),
            identity,
            state,
            contract,
            own_issued_at: None,
        });
    };
    let own_issued_at = own_issued_at(db, &activation.identity)?;
    Ok(Licensee { state, own_issued_at, ..of_cluster(node.cluster.clone(), contract) })
}

/// When an instance was last given, or taken, a licence of its own.
fn own_issued_at(db: &Connection, identity: &str) -> Result<Option<i64>, Fault> {
    let mut select = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM licences WHERE holder = ?1 ORDER BY number DESC LIMIT 1"
    ))?;
    let last = select.query_row([identity], read).optional()?;
    Ok(last.map(|last| last.claims.issued_at))
}

/// The activation that has a key, and for whom its licence is.
fn of_key(db: &Connection, key: KeyId, at: i64) -> Result<Option<(Activation, Licensee)>, Fault> {
    let Some(activation) = activations::by_key(db, key)? else { return Ok(None) };
    let contract = contracts::existing(db, &activation.contract)?;
    let licensee = of_activation(db, &activation, contract, at)?;
    Ok(Some((activation, licensee)))
}

/// Whom a licence is asked for, by an id that may stand for several; `scope` is the one contract that may be told of.
fn named(db: &Connection, of: &LicenceOf, scope: Option<&str>, at: i64) -> Result<Licensee, Fault> {
    let within = |contract: &str| scope.is_none_or(|scope| scope == contract);
    match of {
        LicenceOf::Cluster { cluster, contract } => {
            Ok(of_cluster(cluster.clone(), contracts::existing(db, contract)?))
        }
        LicenceOf::Instance(id) => {
            let mut found: Vec<Activation> = activations::one(db, id)?.into_iter().collect();
            found.extend(activations::of_instance(db, id)?);
            // Of several, one that is in use.
            found.sort_by_key(|one| one.state == ActivationState::Deleted);
            if let Some(one) = found.iter().find(|one| within(&one.contract)) {
                return of_activation(db, one, contracts::existing(db, &one.contract)?, at);
            }
            let mut select = db.prepare_cached(
                "SELECT contract FROM licences WHERE cluster = ?1 AND (?2 IS NULL OR contract = ?2)
                 ORDER BY number DESC LIMIT 1",
            )?;
            let contract: Option<String> =
                select.query_row(params![id, scope], |found| found.get(0)).optional()?;
            let contract =
                contract.ok_or_else(|| StoreError::Absent { what: "activation", id: id.clone() })?;
            Ok(of_cluster(id.clone(), contracts::existing(db, &contract)?))
        }
    }
}

fn of_cluster(cluster: String, contract: Contract) -> Licensee {
    Licensee {
        subject: Subject::Cluster(cluster.clone()),
        identity: cluster,
        state: ActivationState::Active,
        contract,
        own_issued_at: None,
    }
}

/// Issues and keeps a licence.
fn write(
    db: &Connection,
    licensee: &Licensee,
    status: Status,
    last: Option<&Licence>,
    by: &By,
) -> Result<Licence, Fault> {
    let claims = licensee.claims(secrets::uuid()?, status, last.map(|last| &last.claims), by.at);
    claims.check().map_err(|e| StoreError::Conflict(format!("no licence can be issued: {e}")))?;
    let signer = keys::newest(db)?;
    let (instance, cluster) = match &claims.subject {
        Subject::Instance(id) => (Some(id), None),
        Subject::Cluster(id) => (None, Some(id)),
    };
    db.prepare_cached(
        "INSERT INTO licences (id, holder, instance, cluster, contract, signer, issued_by, claims)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        claims.id,
        claims.identity,
        instance,
        cluster,
        claims.contract,
        signer.0,
        by.who,
        row::as_json(&claims)?
    ])?;
    tell(&claims, &by.who);
    Ok(Licence { number: db.last_insert_rowid(), claims, signer, issued_by: by.who.clone() })
}

fn tell(claims: &Claims, by: &str) {
    let (subject, status) = (claims.subject.to_string(), claims.status.word());
    let (contract, expires_at) = (&claims.contract, claims.expires_at);
    if claims.status == Status::Revoked {
        tracing::warn!(subject, contract, status, by, "licence_issued");
    } else {
        tracing::debug!(subject, contract, status, expires_at, by, "licence_issued");
    }
}

/// What a contact brings: a licence where there is something to bring.
fn offered(db: &Connection, licensee: &Licensee, by: &By) -> Result<Option<Licence>, Fault> {
    let last = last(db, licensee)?;
    match licensee.due(last.as_ref().map(|last| &last.claims), by.at) {
        Due::Issue(status) => write(db, licensee, status, last.as_ref(), by).map(Some),
        Due::Repeat => Ok(last),
        Due::Good { .. } | Due::Denied(_) => Ok(None),
    }
}

/// What there is to offer now without issuing anything, and those of the keys to whom something is to be issued.
pub(super) fn look(
    db: &Connection,
    dues: &Dues,
    asked: &[KeyId],
    seen: u64,
    at: i64,
) -> Result<(Vec<Licence>, Vec<KeyId>), Fault> {
    let (mut there, mut to_issue) = (Vec::new(), Vec::new());
    for key in asked {
        let Some((_, licensee)) = of_key(db, *key, at)? else { continue };
        let last = last(db, &licensee)?;
        let due = licensee.due(last.as_ref().map(|last| &last.claims), at);
        if let Some(from) = due.offered_from() {
            dues.keep(*key, from, seen);
        }
        match due {
            Due::Issue(_) => to_issue.push(*key),
            Due::Repeat => there.extend(last),
            Due::Good { .. } | Due::Denied(_) => {}
        }
    }
    Ok((there, to_issue))
}

/// Issues to those to whom something is to be issued.
pub(super) fn offer(db: &Connection, asked: &[KeyId], at: i64) -> Result<Vec<Licence>, Fault> {
    let mut issued = Vec::new();
    for key in asked {
        if let Some((activation, licensee)) = of_key(db, *key, at)? {
            let by = By { who: format!("instance:{}", activation.identity), at };
            issued.extend(offered(db, &licensee, &by)?);
        }
    }
    Ok(issued)
}

/// The licence that comes with an activation: the last one where it is good, else a new one; none where there is none to give.
pub(super) fn first(
    db: &Connection,
    activation: &Activation,
    contract: &Contract,
    by: &By,
) -> Result<Option<Licence>, Fault> {
    let licensee = of_activation(db, activation, contract.clone(), by.at)?;
    match current(db, &licensee, by) {
        Ok(found) => Ok(found.ok()),
        // A contract that no licence can tell of is no reason to let nobody join.
        Err(Fault::Told(StoreError::Conflict(why))) => {
            tracing::error!(contract = contract.id, error = why, "licence_failed");
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}

/// The newest one, where it is good, or a new one.
fn current(db: &Connection, licensee: &Licensee, by: &By) -> Result<Result<Licence, Unlicensed>, Fault> {
    let last = last(db, licensee)?;
    let due = licensee.due(last.as_ref().map(|last| &last.claims), by.at);
    Ok(match (due, last) {
        (Due::Denied(why), _) => Err(why),
        (Due::Good { .. } | Due::Repeat, Some(last)) => Ok(last),
        (Due::Issue(status), last) => Ok(write(db, licensee, status, last.as_ref(), by)?),
        // None is good that is not there.
        (Due::Good { .. } | Due::Repeat, None) => Ok(write(db, licensee, Status::Active, None, by)?),
    })
}

/// What one who asks by its key gets.
pub(super) fn renew(
    db: &Connection,
    key: KeyId,
    instance: &str,
    held: &str,
    at: i64,
) -> Result<Result<Licence, Unlicensed>, Fault> {
    let Some((activation, licensee)) = of_key(db, key, at)?.filter(|(one, _)| one.instance == instance)
    else {
        return Ok(Err(Unlicensed::UnknownKey));
    };
    let by = By { who: format!("instance:{}", activation.identity), at };
    let last = last(db, &licensee)?;
    let due = licensee.due(last.as_ref().map(|last| &last.claims), at);
    if let (Due::Good { .. }, Some(last)) = (due, &last)
        && last.claims.id == held
    {
        let allowed_from = licence::renewal_allowed_from(&last.claims);
        if at < allowed_from {
            return Ok(Err(Unlicensed::Early { allowed_from }));
        }
        return Ok(Ok(write(db, &licensee, Status::Active, Some(last), &by)?));
    }
    current(db, &licensee, &by)
}

/// What one who fetches a licence for an instance gets. A revocation is not handed out as if it were one.
pub(super) fn fetch(
    db: &Connection,
    of: &LicenceOf,
    scope: Option<&str>,
    by: &By,
) -> Result<Result<Licence, Unlicensed>, Fault> {
    let licensee = named(db, of, scope, by.at)?;
    let found = current(db, &licensee, by)?;
    Ok(found.and_then(|found| match found.claims.status {
        Status::Active => Ok(found),
        Status::Revoked if licensee.state == ActivationState::Deleted => {
            Err(Unlicensed::Activation(licensee.state))
        }
        Status::Revoked => Err(Unlicensed::Revoked),
    }))
}

/// A new one, as an operator has it: its two thirds don't matter.
pub(super) fn issue(db: &Connection, of: &LicenceOf, by: &By) -> Result<Result<Licence, Unlicensed>, Fault> {
    let licensee = named(db, of, None, by.at)?;
    let last = last(db, &licensee)?;
    match licensee.due(last.as_ref().map(|last| &last.claims), by.at) {
        Due::Denied(why) => return Ok(Err(why)),
        Due::Issue(Status::Revoked) | Due::Repeat => {
            return Ok(Err(match licensee.state {
                ActivationState::Deleted => Unlicensed::Activation(licensee.state),
                _ => Unlicensed::Revoked,
            }));
        }
        Due::Good { .. } | Due::Issue(Status::Active) => {}
    }
    let issued = write(db, &licensee, Status::Active, last.as_ref(), by)?;
    let before = last.as_ref().map(|last| &last.claims);
    audit::write(db, by, "licence_issued", &licensee.identity, before, &issued.claims)?;
    Ok(Ok(issued))
}
