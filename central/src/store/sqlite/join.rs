//! How an instance joins.

use super::fault::Fault;
use super::{activations, alarms, audit, contracts, licences, nodes, tokens};
use crate::model::{
    Activation, ActivationState, AlarmKind, By, Confirm, Contract, ContractStatus, Denied, Granted, Joining,
    Token,
};
use crate::secrets;
use rusqlite::Connection;

pub(super) fn join(db: &Connection, joining: Joining, at: i64) -> Result<Result<Granted, Denied>, Fault> {
    let Some((token, first_key)) = tokens::by_secret(db, &joining.secret)? else {
        return Ok(Err(Denied::Unknown));
    };
    let contract = contracts::existing(db, &token.contract)?;
    let known = activations::by_key(db, joining.key_id)?;
    let by = By { who: format!("instance:{}", joining.instance), at };
    let granted = |activation: Activation, repeated, clone_of| {
        let licence = licences::first(db, &activation, &contract, &by)?;
        Ok(Ok(Granted { activation, contract: contract.clone(), first_key, repeated, clone_of, licence }))
    };
    match known {
        // Its answer was lost, or an operator typed it twice. The token may be used up by this very instance.
        Some(known) if known.contract == token.contract && known.state != ActivationState::Deleted => {
            let again = told_anew(&known, &joining);
            if again != known {
                activations::update(db, &again)?;
                audit::write(db, &by, "activation_repeated", &again.identity, Some(&known), &again)?;
            }
            nodes::joined(db, &again.identity, joining.node.as_ref(), &by)?;
            granted(again, true, None)
        }
        Some(known) => {
            if let Err(denied) = usable(&token, &contract, at) {
                return Ok(Err(denied));
            }
            let mut moved = told_anew(&known, &joining);
            if known.state == ActivationState::Deleted {
                moved.activated_at = at;
            }
            moved.state = ActivationState::Active;
            moved.contract.clone_from(&token.contract);
            moved.token.clone_from(&token.id);
            moved.confirm = token.confirm;
            moved.confirmed_at = confirmed(&token, at);
            activations::update(db, &moved)?;
            tokens::consume(db, &token)?;
            audit::write(db, &by, "activation_moved", &moved.identity, Some(&known), &moved)?;
            nodes::joined(db, &moved.identity, joining.node.as_ref(), &by)?;
            granted(moved, false, None)
        }
        None => {
            if let Err(denied) = usable(&token, &contract, at) {
                return Ok(Err(denied));
            }
            let (activation, clone_of) = begin(db, joining, &token, &by)?;
            granted(activation, false, clone_of)
        }
    }
}

/// Writes a new activation. Gives the identity of the one that has its instance id already, if any does.
fn begin(
    db: &Connection,
    joining: Joining,
    token: &Token,
    by: &By,
) -> Result<(Activation, Option<String>), Fault> {
    let others = activations::of_instance(db, &joining.instance)?;
    let clone_of = others.into_iter().find(|other| other.state != ActivationState::Deleted);
    let taken = activations::is_line(db, &joining.instance)?;
    let activation = Activation {
        identity: if taken { secrets::uuid()? } else { joining.instance.clone() },
        key_id: joining.key_id.hex(),
        public_key: highwater_rules::sign::hex(&joining.public_key),
        contract: token.contract.clone(),
        token: token.id.clone(),
        state: ActivationState::Active,
        confirm: token.confirm,
        activated_at: by.at,
        confirmed_at: confirmed(token, by.at),
        last_report_at: None,
        first_start: joining.first_start,
        agent_version: joining.agent_version,
        host: joining.host,
        instance: joining.instance,
        node: joining.node,
        superseded_by: None,
    };
    activations::insert(db, &activation, joining.key_id, &joining.public_key)?;
    tokens::consume(db, token)?;
    audit::write(db, by, "activated", &activation.identity, None::<&Activation>, &activation)?;
    nodes::joined(db, &activation.identity, activation.node.as_ref(), by)?;
    let clone_of = clone_of.map(|other| other.identity);
    if let Some(other) = &clone_of {
        let detail = format!(
            "instance {} joined with another key than {other} has: a machine cloned before it joined?",
            activation.instance
        );
        alarms::raise(db, AlarmKind::KeyReuse, &activation.identity, &detail, by.at)?;
    }
    Ok((activation, clone_of))
}

fn usable(token: &Token, contract: &Contract, at: i64) -> Result<(), Denied> {
    if token.revoked {
        return Err(Denied::Revoked);
    }
    if token.expires_at.is_some_and(|end| end < at) {
        return Err(Denied::Expired);
    }
    if token.uses_left == Some(0) {
        return Err(Denied::UsedUp);
    }
    if contract.status == ContractStatus::Revoked || contract.not_after.is_some_and(|end| end <= at) {
        return Err(Denied::Contract);
    }
    Ok(())
}

fn confirmed(token: &Token, at: i64) -> Option<i64> {
    (token.confirm == Confirm::Auto).then_some(at)
}

/// The activation with what the instance says of itself now.
fn told_anew(known: &Activation, joining: &Joining) -> Activation {
    Activation {
        instance: joining.instance.clone(),
        host: joining.host.clone(),
        agent_version: joining.agent_version.clone(),
        first_start: joining.first_start,
        node: joining.node.clone().or_else(|| known.node.clone()),
        superseded_by: if joining.node.is_some() { None } else { known.superseded_by.clone() },
        ..known.clone()
    }
}
