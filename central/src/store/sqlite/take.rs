//! What becomes of each report, within the writer's transaction.

use super::fault::Fault;
use super::standing::{Standing, Standings, Tip};
use super::{activations, alarms, audit, nodes, reports};
use crate::model::{ActivationState, AlarmKind, Arrival, By, ContractStatus, Decision, Placed, ReceiptFacts};
use crate::secrets;
use highwater_proto::v1::refusal::Reason;
use highwater_rules::chain::Digest;
use highwater_rules::lineage::{self, Place};
use highwater_rules::report::ChainSpan;
use highwater_rules::sign::KeyId;
use rusqlite::Connection;
use std::collections::HashSet;

/// More lines than this no activation gets: a machine that is put back to an older state every day for half a year.
const LINES_MAX: usize = 256;

/// Decides on reports, in their order.
pub(super) fn decide(
    db: &Connection,
    standings: &mut Standings,
    arrivals: &[Arrival],
    at: i64,
) -> Result<Vec<Decision>, Fault> {
    let mut refused: HashSet<KeyId> = HashSet::new();
    let mut decisions = Vec::with_capacity(arrivals.len());
    let mut behind = arrivals;
    while let Some((arrival, rest)) = behind.split_first() {
        behind = rest;
        let decision = if refused.contains(&arrival.key_id) {
            Decision::out_of_turn()
        } else {
            one(db, standings, arrival, rest, at)?
        };
        if matches!(decision, Decision::Refused { for_good: false, .. }) {
            refused.insert(arrival.key_id);
        }
        decisions.push(decision);
    }
    Ok(decisions)
}

fn refuse(reason: Reason, message: impl Into<String>) -> Decision {
    Decision::Refused { reason, message: message.into(), for_good: false }
}

/// Decides on one report. `behind` are those that came with it, behind it.
fn one(
    db: &Connection,
    standings: &mut Standings,
    arrival: &Arrival,
    behind: &[Arrival],
    at: i64,
) -> Result<Decision, Fault> {
    let signer = standings.signer(db)?;
    let Some(standing) = standings.of(db, arrival.key_id)? else {
        return Ok(refuse(Reason::UnknownKey, "no activation has this key: activate the instance again"));
    };
    if let Some(receipt) = known(db, &standing.lines, arrival)? {
        return Ok(Decision::Taken { receipt, placed: Placed::Known });
    }
    if arrival.instance != standing.activation.instance {
        let message = "the report names another instance than the one that was activated with this key";
        return Ok(Decision::Refused {
            reason: Reason::Malformed,
            message: message.to_owned(),
            for_good: true,
        });
    }
    if let Some(refusal) = unwelcome(db, standing, at)? {
        return Ok(refusal);
    }
    let (line, placed) = match find_place(db, &standing.lines, arrival, behind)? {
        Found::Hole(line) => (line, Placed::IntoHole),
        Found::Place(Place::Next(line)) => (line, Placed::Next),
        Found::Place(Place::AfterHole { line, missing }) => (line, Placed::AfterHole(missing)),
        Found::Place(Place::Fork { from }) => {
            if standing.lines.len() >= LINES_MAX {
                return Ok(refuse(
                    Reason::Activation,
                    format!("this key has split {LINES_MAX} times: activate the instance anew"),
                ));
            }
            let from = standing.lines.get(from).map(|tip| tip.id.clone()).unwrap_or_default();
            (split(db, standing, &from, at)?, Placed::Fork(from))
        }
    };
    let contract = standing.contract.terms();
    let Some(tip) = standing.lines.get_mut(line) else {
        return Ok(refuse(Reason::Activation, "the activation has no line: activate the instance again"));
    };
    let receipt = ReceiptFacts {
        instance: arrival.instance.clone(),
        sequence: arrival.sequence,
        digest: arrival.digest,
        received_at: at,
        identity: tip.id.clone(),
        terms: contract,
        signer,
    };
    raise(db, tip, arrival, &placed, at)?;
    reports::insert(db, arrival, &receipt)?;
    let others = follow_node(db, tip, arrival, at)?;
    advance(tip, arrival, at);
    standings.touched(arrival.key_id);
    if others {
        standings.outdate(db)?;
    }
    Ok(Decision::Taken { receipt, placed })
}

/// The receipt of a report that is stored already.
fn known(db: &Connection, lines: &[Tip], arrival: &Arrival) -> Result<Option<ReceiptFacts>, Fault> {
    for tip in lines.iter().filter(|tip| arrival.sequence <= tip.sequence) {
        if let Some(receipt) = reports::receipt(db, &tip.id, arrival.sequence)?
            && receipt.digest == arrival.digest
        {
            return Ok(Some(receipt));
        }
    }
    Ok(None)
}

/// Why reports of this one are not taken now. One who was not confirmed in time is blocked here.
fn unwelcome(db: &Connection, standing: &mut Standing, at: i64) -> Result<Option<Decision>, Fault> {
    let activation = &mut standing.activation;
    let state = activation.state_at(&standing.contract, at);
    if state != activation.state {
        let before = activation.clone();
        activation.state = state;
        activations::update(db, activation)?;
        let by = By::central(at);
        audit::write(db, &by, "activation_blocked", &activation.identity, Some(&before), activation)?;
    }
    if activation.state != ActivationState::Active {
        let why = if activation.state == ActivationState::Blocked && activation.confirmed_at.is_none() {
            "BLOCKED, as it was not confirmed in time".to_owned()
        } else {
            activation.state.to_string()
        };
        let message = format!("the activation is {why}: ask whoever runs central");
        return Ok(Some(refuse(Reason::Activation, message)));
    }
    if standing.contract.status == ContractStatus::Revoked {
        return Ok(Some(refuse(Reason::Contract, "the contract is revoked: ask whoever runs central")));
    }
    Ok(None)
}

/// Where a report goes, by the index of its line.
enum Found {
    Place(Place<usize>),
    Hole(usize),
}

fn find_place(db: &Connection, tips: &[Tip], arrival: &Arrival, behind: &[Arrival]) -> Result<Found, Fault> {
    let (sequence, previous) = (arrival.sequence, arrival.previous);
    let lines: Vec<lineage::Line<usize>> = tips
        .iter()
        .enumerate()
        .map(|(id, tip)| lineage::Line { id, sequence: tip.sequence, digest: tip.digest })
        .collect();
    // The usual report is the next one, which is known without a look into the database.
    let next = lineage::place(sequence, previous, &lines, None);
    if let Some(place @ Place::Next(_)) = next {
        return Ok(Found::Place(place));
    }
    // What came with it may fill the rest of a hole: its end is looked for behind them.
    let (end, end_digest) = last_of_run(arrival, behind);
    for (id, tip) in tips.iter().enumerate().filter(|(_, tip)| end < tip.sequence) {
        let stored = reports::digests(db, &tip.id, end.saturating_add(1))?;
        let follows = stored.is_some_and(|(_, previous)| previous == Some(end_digest));
        if follows && reports::digests(db, &tip.id, sequence)?.is_none() {
            return Ok(Found::Hole(id));
        }
    }
    let holder = holder(db, tips, sequence, previous)?;
    let place = lineage::place(sequence, previous, &lines, holder);
    // There is a line always: an activation is written with its own.
    Ok(Found::Place(place.unwrap_or(Place::Next(0))))
}

/// The last of those that go on from a report without a gap, among those behind it: its number and digest.
fn last_of_run(first: &Arrival, behind: &[Arrival]) -> (u64, Digest) {
    behind.iter().filter(|next| next.key_id == first.key_id).fold(
        (first.sequence, first.digest),
        |(sequence, digest), next| {
            let goes_on = sequence.checked_add(1) == Some(next.sequence) && next.previous == Some(digest);
            if goes_on { (next.sequence, next.digest) } else { (sequence, digest) }
        },
    )
}

/// The line that holds the report before.
fn holder(
    db: &Connection,
    tips: &[Tip],
    sequence: u64,
    previous: Option<Digest>,
) -> Result<Option<usize>, Fault> {
    let Some(before) = sequence.checked_sub(1).filter(|_| previous.is_some()) else { return Ok(None) };
    for (id, tip) in tips.iter().enumerate().filter(|(_, tip)| before <= tip.sequence) {
        if reports::digests(db, &tip.id, before)?.map(|(digest, _)| digest) == previous {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Begins a new line, and gives its index.
fn split(db: &Connection, standing: &mut Standing, from: &str, at: i64) -> Result<usize, Fault> {
    let id = secrets::uuid()?;
    activations::insert_line(db, &id, &standing.activation.identity, Some(from), at)?;
    standing.lines.push(Tip { id, sequence: 0, digest: None, last: None, written_at: None, member: None });
    Ok(standing.lines.len().saturating_sub(1))
}

fn raise(db: &Connection, tip: &Tip, arrival: &Arrival, placed: &Placed, at: i64) -> Result<(), Fault> {
    let number = arrival.sequence;
    match placed {
        Placed::AfterHole(0) => {
            let detail = format!("report {number} names a report before it that never came");
            alarms::raise(db, AlarmKind::Hole, &tip.id, &detail, at)?;
        }
        Placed::AfterHole(missing) => {
            let detail = format!("{missing} reports before report {number} never came");
            alarms::raise_hole(db, &tip.id, tip.sequence, &detail, at)?;
        }
        Placed::Fork(from) => {
            let detail = format!(
                "report {number} does not go on where {from} stands: a cloned machine, or one put back to an older state?"
            );
            alarms::raise(db, AlarmKind::Fork, &tip.id, &detail, at)?;
        }
        Placed::IntoHole => {
            // A hole is filled from its end: each report in it is known by the one behind it.
            let after = number.saturating_sub(1);
            let before = reports::digests(db, &tip.id, after)?.map(|(digest, _)| digest);
            if before == arrival.previous && (before.is_some() || after == 0) {
                alarms::fill_hole(db, &tip.id, after, at)?;
            }
        }
        Placed::Known | Placed::Next => {}
    }
    if let Some(what) = broken(db, tip, &arrival.chain, matches!(placed, Placed::Next))? {
        let detail = format!("report {number}: {what}: rows of the ledger were changed or removed?");
        alarms::raise(db, AlarmKind::Chain, &tip.id, &detail, at)?;
    }
    Ok(())
}

/// What does not fit between a stretch of the ledger's chain and those that were told before.
fn broken(
    db: &Connection,
    tip: &Tip,
    span: &ChainSpan,
    is_next: bool,
) -> Result<Option<&'static str>, Fault> {
    const FOLLOWS: &str = "its chain does not begin where an earlier one ended";
    let Some((last_row, last_digest)) = tip.last else { return Ok(None) };
    let before = span.first_row.saturating_sub(1);
    if before > last_row {
        // With a hole among the reports, the rows between may stand in those that never came.
        return Ok(is_next.then_some("rows before it were never told"));
    }
    if before == last_row && span.last_row > last_row {
        return Ok((last_digest != span.first_digest).then_some(FOLLOWS));
    }
    let mut begins_where_one_did = false;
    for told in reports::spans(db, &tip.id)? {
        begins_where_one_did |= told.first_row == span.first_row || told.last_row == before;
        if told.last_row == before && told.last_digest != span.first_digest {
            return Ok(Some(FOLLOWS));
        }
        if told.first_row == span.first_row && told.first_digest != span.first_digest {
            return Ok(Some("its chain begins otherwise than an earlier one from the same row"));
        }
    }
    // A day that is told again begins where it did before; what fills a hole begins somewhere between.
    Ok((is_next && !begins_where_one_did)
        .then_some("its rows bear numbers that others had: the ledger was put back"))
}

/// Takes up which node a report is of. Whether that changes what is remembered of others is the result.
fn follow_node(db: &Connection, tip: &mut Tip, arrival: &Arrival, at: i64) -> Result<bool, Fault> {
    // What a report tells that comes late was told anew since.
    let node = arrival.node.as_ref().filter(|_| arrival.sequence > tip.sequence);
    let by = By { who: format!("instance:{}", tip.id), at };
    let changed = nodes::reported(db, &tip.id, tip.member.as_ref(), node, arrival.day_began_at, &by)?;
    let Some(changed) = changed else { return Ok(false) };
    tip.member = Some(changed.member);
    Ok(changed.others)
}

/// Moves the end of a line.
fn advance(tip: &mut Tip, arrival: &Arrival, at: i64) {
    if arrival.sequence > tip.sequence {
        tip.sequence = arrival.sequence;
        tip.digest = Some(arrival.digest);
    }
    if tip.last.is_none_or(|(row, _)| arrival.chain.last_row >= row) {
        tip.last = Some((arrival.chain.last_row, arrival.chain.last_digest));
    }
    tip.written_at = Some(at);
}
