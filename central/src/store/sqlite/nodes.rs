//! Which node each identity is: what instances tell when they join and with each report.

use super::fault::Fault;
use super::{alarms, audit, clusters};
use crate::model::{AlarmKind, By, Member, NodeFacts};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// Of table `lines`, in the order that [`read`] takes them in.
pub(super) const COLUMNS: &str =
    "id, cluster, node, node_hashed, hardware, superseded_by, superseded_at, twice";

/// The member that a row tells, from this column on; `None` outside a cluster.
pub(super) fn read(found: &Row<'_>, from: usize) -> rusqlite::Result<Option<Member>> {
    let Some(cluster) = found.get::<_, Option<String>>(from + 1)? else { return Ok(None) };
    Ok(Some(Member {
        identity: found.get(from)?,
        node: NodeFacts {
            cluster,
            name: found.get(from + 2)?,
            name_hashed: found.get(from + 3)?,
            hardware: found.get(from + 4)?,
        },
        superseded_by: found.get(from + 5)?,
        superseded_at: found.get(from + 6)?,
        twice: found.get(from + 7)?,
    }))
}

pub(super) fn one(db: &Connection, identity: &str) -> Result<Option<Member>, Fault> {
    let mut select = db.prepare_cached(&format!("SELECT {COLUMNS} FROM lines WHERE id = ?1"))?;
    Ok(select.query_row([identity], |found| read(found, 0)).optional()?.flatten())
}

fn write(db: &Connection, member: &Member) -> Result<(), Fault> {
    let node = &member.node;
    db.prepare_cached(
        "UPDATE lines SET cluster = ?2, node = ?3, node_hashed = ?4, hardware = ?5, superseded_by = ?6, superseded_at = ?7,
         twice = ?8 WHERE id = ?1",
    )?
    .execute(params![
        member.identity,
        node.cluster,
        node.name,
        node.name_hashed,
        node.hardware,
        member.superseded_by,
        member.superseded_at,
        member.twice
    ])?;
    Ok(())
}

/// Those of its cluster that were not superseded, and have its node's name or hardware.
fn alike(db: &Connection, member: &Member) -> Result<Vec<Member>, Fault> {
    let mut select = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM lines WHERE cluster = ?1 AND superseded_by IS NULL AND (node = ?2 OR hardware = ?3)"
    ))?;
    let node = &member.node;
    let rows = select.query_map(params![node.cluster, node.name, node.hardware], |found| read(found, 0))?;
    rows.filter_map(Result::transpose).collect::<Result<_, _>>().map_err(Fault::from)
}

/// An identity joins, or joins again: from now on it is the one that its node is.
pub(super) fn joined(
    db: &Connection,
    identity: &str,
    node: Option<&NodeFacts>,
    by: &By,
) -> Result<(), Fault> {
    let Some(node) = node else { return Ok(()) };
    let before = one(db, identity)?;
    let comes_back = before.clone().filter(|before| before.superseded_by.is_some());
    let before = match comes_back {
        Some(before) => {
            let again = Member { superseded_by: None, superseded_at: None, ..before.clone() };
            write(db, &again)?;
            audit::write(db, by, "node_came_back", identity, Some(&before), &again)?;
            // Who took its place meanwhile gives way again, also where nothing else has changed.
            supersede(db, &again, by)?;
            Some(again)
        }
        None => before,
    };
    if before.as_ref().is_none_or(|before| before.node != *node) {
        tell(db, identity, before.as_ref(), node.clone(), by)?;
    }
    Ok(())
}

/// What a report changed.
pub(super) struct Changed {
    /// What its identity is since.
    pub(super) member: Member,
    /// Others are something else since, too, or whose licence its instance's is.
    pub(super) others: bool,
}

/// A report of an identity, whose day began at this moment; `node` is what it tells, where no later one has told it already. `None`
/// where nothing changed, which is usual.
pub(super) fn reported(
    db: &Connection,
    identity: &str,
    before: Option<&Member>,
    node: Option<&NodeFacts>,
    day_began_at: i64,
    by: &By,
) -> Result<Option<Changed>, Fault> {
    let mut changed = None;
    if let Some(superseded) = before.filter(|one| one.lives_on(day_began_at)) {
        changed = Some(Changed { member: outlive(db, superseded, by)?, others: true });
    }
    let so_far = changed.as_ref().map(|changed| &changed.member).or(before);
    let Some(node) = node.filter(|node| so_far.is_none_or(|before| before.node != **node)) else {
        return Ok(changed);
    };
    let moved = so_far.is_none_or(|before| before.node.cluster != node.cluster);
    let (member, superseded) = tell(db, identity, so_far, node.clone(), by)?;
    Ok(Some(Changed { member, others: changed.is_some() || moved || superseded }))
}

/// Keeps another node than before. Gives what the identity is since, and whether it took the place of others.
fn tell(
    db: &Connection,
    identity: &str,
    before: Option<&Member>,
    node: NodeFacts,
    by: &By,
) -> Result<(Member, bool), Fault> {
    clusters::seen(db, &node.cluster, by)?;
    let action = match before {
        None => "node_told",
        Some(before) if before.node.cluster != node.cluster => "node_moved",
        Some(before) if before.node.name != node.name => "node_renamed",
        Some(_) => "node_changed",
    };
    let after = match before {
        // Whom it was mistaken for, and what it shared with whom, was in the other cluster.
        Some(before) if before.node.cluster == node.cluster => Member { node, ..before.clone() },
        _ => Member {
            identity: identity.to_owned(),
            node,
            superseded_by: None,
            superseded_at: None,
            twice: false,
        },
    };
    write(db, &after)?;
    audit::write(db, by, action, identity, before, &after)?;
    let superseded = supersede(db, &after, by)?;
    Ok((after, superseded))
}

/// Takes the place of those that are the same node. Whether there were any is the result.
fn supersede(db: &Connection, member: &Member, by: &By) -> Result<bool, Fault> {
    let mut any = false;
    for other in alike(db, member)?.into_iter().filter(|other| member.supersedes(other)) {
        let after = Member {
            superseded_by: Some(member.identity.clone()),
            superseded_at: Some(by.at),
            ..other.clone()
        };
        write(db, &after)?;
        audit::write(db, by, "node_superseded", &other.identity, Some(&other), &after)?;
        tracing::info!(identity = other.identity, by = member.identity, "node_superseded");
        any = true;
    }
    Ok(any)
}

/// One that was superseded is alive: it is a node of its own, as is the one that took its place.
fn outlive(db: &Connection, member: &Member, by: &By) -> Result<Member, Fault> {
    let successor = member.superseded_by.clone().unwrap_or_default();
    let after = Member { superseded_by: None, superseded_at: None, twice: true, ..member.clone() };
    write(db, &after)?;
    audit::write(db, by, "node_came_back", &member.identity, Some(member), &after)?;
    if let Some(other) = one(db, &successor)?.filter(|other| !other.twice) {
        let shared = Member { twice: true, ..other.clone() };
        write(db, &shared)?;
        audit::write(db, by, "node_shared", &successor, Some(&other), &shared)?;
    }
    let detail = format!(
        "it reports, and so does {successor}, which had taken its place as node {} of cluster {}: two machines with one name or \
         one hardware id (both are counted)",
        member.node.name, member.node.cluster
    );
    alarms::raise(db, AlarmKind::NodeTwice, &member.identity, &detail, by.at)?;
    Ok(after)
}
