//! Clusters, and what they used.

use super::fault::Fault;
use super::{audit, nodes, row};
use crate::model::{
    self, By, Cluster, ClusterDay, ClusterDaysFilter, Member, NodeIdentity, Page, Stay, ToldDay,
};
use crate::store::StoreError;
use highwater_rules::day::timestamp;
use highwater_rules::meter::TOTAL;
use highwater_rules::report;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use std::collections::{BTreeSet, HashMap};

/// A node that was silent for longer than this is taken for gone since its last report, in seconds: 30 days.
const GONE_AFTER_S: i64 = 30 * 86_400;

const COLUMNS: &str = "id, name, first_seen_at, \
     (SELECT max(max(created_at, coalesce(last_report_at, 0))) FROM lines WHERE cluster = clusters.id), \
     (SELECT count(*) FROM lines WHERE cluster = clusters.id AND (superseded_by IS NULL OR NOT EXISTS \
     (SELECT 1 FROM lines AS by WHERE by.id = lines.superseded_by AND by.cluster = lines.cluster))), \
     (SELECT count(*) FROM lines WHERE cluster = clusters.id)";

fn read(found: &Row<'_>) -> rusqlite::Result<Cluster> {
    let first_seen_at = found.get(2)?;
    Ok(Cluster {
        id: found.get(0)?,
        name: found.get(1)?,
        first_seen_at,
        last_seen_at: found.get::<_, Option<i64>>(3)?.unwrap_or(first_seen_at),
        nodes: row::count(found, 4)?,
        identities: row::count(found, 5)?,
    })
}

/// Keeps a cluster that was not heard of before.
pub(super) fn seen(db: &Connection, id: &str, by: &By) -> Result<(), Fault> {
    let new = db
        .prepare_cached("INSERT OR IGNORE INTO clusters (id, first_seen_at) VALUES (?1, ?2)")?
        .execute(params![id, by.at])?;
    if new > 0 {
        let cluster = existing(db, id)?;
        audit::write(db, by, "cluster_seen", id, None::<&Cluster>, &cluster)?;
    }
    Ok(())
}

pub(super) fn one(db: &Connection, id: &str) -> Result<Option<Cluster>, Fault> {
    let mut select = db.prepare_cached(&format!("SELECT {COLUMNS} FROM clusters WHERE id = ?1"))?;
    Ok(select.query_row([id], read).optional()?)
}

fn existing(db: &Connection, id: &str) -> Result<Cluster, Fault> {
    one(db, id)?.ok_or_else(|| StoreError::Absent { what: "cluster", id: id.to_owned() }.into())
}

pub(super) fn list(db: &Connection, page: &Page) -> Result<Vec<Cluster>, Fault> {
    let mut select =
        db.prepare_cached(&format!("SELECT {COLUMNS} FROM clusters WHERE id > ?1 ORDER BY id LIMIT ?2"))?;
    let rows = select.query_map(params![page.after.as_deref().unwrap_or(""), page.rows()], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn rename(db: &Connection, id: &str, name: Option<String>, by: &By) -> Result<Cluster, Fault> {
    if let Some(name) = &name {
        model::check_cluster_name(name).map_err(StoreError::Conflict)?;
    }
    let before = existing(db, id)?;
    let after = Cluster { name, ..before.clone() };
    if after != before {
        db.execute("UPDATE clusters SET name = ?2 WHERE id = ?1", params![id, after.name])?;
        audit::write(db, by, "cluster_renamed", id, Some(&before), &after)?;
    }
    Ok(after)
}

/// The nodes of a cluster, each with its identities, the one that counts now first.
pub(super) fn nodes_of(db: &Connection, id: &str) -> Result<Vec<Vec<NodeIdentity>>, Fault> {
    existing(db, id)?;
    let identities = identities(db, id)?;
    let members: Vec<Member> = identities.iter().map(|one| one.member.clone()).collect();
    let nodes = model::nodes(&members);
    Ok(nodes.iter().map(|node| node.iter().filter_map(|at| identities.get(*at)).cloned().collect()).collect())
}

/// All identities of a cluster, in the order of their nodes' names.
fn identities(db: &Connection, id: &str) -> Result<Vec<NodeIdentity>, Fault> {
    let columns = nodes::COLUMNS.replace("id, ", "l.id, ");
    let mut select = db.prepare_cached(&format!(
        "SELECT {columns}, l.activation, a.state, l.created_at, l.last_report_at FROM lines l
         JOIN activations a ON a.identity = l.activation WHERE l.cluster = ?1 ORDER BY l.node, l.created_at, l.id"
    ))?;
    let rows = select.query_map([id], |found| {
        let Some(member) = nodes::read(found, 0)? else { return Ok(None) };
        Ok(Some(NodeIdentity {
            member,
            activation: found.get(8)?,
            state: row::word(found, 9)?,
            created_at: found.get(10)?,
            last_report_at: found.get(11)?,
        }))
    })?;
    rows.filter_map(Result::transpose).collect::<Result<_, _>>().map_err(Fault::from)
}

/// The days of a cluster that any of its nodes told.
pub(super) fn days(
    db: &Connection,
    id: &str,
    filter: &ClusterDaysFilter,
    now_s: i64,
) -> Result<Vec<ClusterDay>, Fault> {
    let nodes = nodes_of(db, id)?;
    let spans = spans(db, id)?;
    let stays: Vec<Stay> = nodes.iter().map(|node| stay(node, &spans, now_s)).collect();
    let place: HashMap<&str, usize> = nodes
        .iter()
        .enumerate()
        .flat_map(|(at, node)| node.iter().map(move |one| (one.member.identity.as_str(), at)))
        .collect();
    let counting = counting(db, id, filter)?;
    let days: BTreeSet<&str> = counting.iter().map(|(_, day, _)| day.as_str()).collect();
    let wanted = usize::try_from(filter.page.rows()).unwrap_or(usize::MAX);
    let days: BTreeSet<&str> = days.into_iter().take(wanted).collect();
    let mut told = Vec::new();
    for (line, day, sequence) in counting.iter().filter(|(_, day, _)| days.contains(day.as_str())) {
        let Some(node) = place.get(line.as_str()) else { continue };
        told.extend(told_day(db, line, *sequence, *node, day)?);
    }
    Ok(model::days(&told, &stays))
}

/// The first and the last day that each line of a cluster told.
fn spans(db: &Connection, id: &str) -> Result<HashMap<String, (String, String)>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT line, min(day), max(day) FROM reports WHERE line IN (SELECT id FROM lines WHERE cluster = ?1) GROUP BY line",
    )?;
    let rows = select.query_map([id], |found| Ok((found.get(0)?, (found.get(1)?, found.get(2)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// From when to when a node is known to have been there: from the first day that it told, as an agent meters before it joins, or the
/// day that it joined.
fn stay(node: &[NodeIdentity], spans: &HashMap<String, (String, String)>, now_s: i64) -> Stay {
    let began =
        |one: &NodeIdentity| timestamp(one.created_at).to_string().chars().take(10).collect::<String>();
    let told = |one: &NodeIdentity| spans.get(&one.member.identity).cloned();
    let first =
        node.iter().map(|one| told(one).map_or_else(|| began(one), |(first, _)| first.min(began(one))));
    let last = node.iter().map(|one| told(one).map_or_else(|| began(one), |(_, last)| last));
    let heard = node.iter().map(|one| one.last_report_at.unwrap_or(one.created_at)).max().unwrap_or(now_s);
    let deleted = node.iter().all(|one| one.state == model::ActivationState::Deleted);
    let gone = deleted || now_s.saturating_sub(heard) > GONE_AFTER_S;
    Stay { first: first.min().unwrap_or_default(), last: last.max().filter(|_| gone) }
}

/// Of each line of a cluster, day and zone the number of the report that counts.
fn counting(
    db: &Connection,
    id: &str,
    filter: &ClusterDaysFilter,
) -> Result<Vec<(String, String, i64)>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT line, day, max(sequence) FROM reports WHERE line IN (SELECT id FROM lines WHERE cluster = ?1)
         AND (?2 IS NULL OR day >= ?2) AND (?3 IS NULL OR day <= ?3) AND day > ?4
         GROUP BY line, day, time_zone ORDER BY line, day",
    )?;
    let after = filter.page.after.as_deref().unwrap_or("");
    let rows = select.query_map(params![id, filter.from_day, filter.to_day, after], |found| {
        Ok((found.get(0)?, found.get(1)?, found.get(2)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What a report says of its day; `None` where what is stored can't be read.
fn told_day(
    db: &Connection,
    line: &str,
    sequence: i64,
    node: usize,
    day: &str,
) -> Result<Option<ToldDay>, Fault> {
    let mut select = db.prepare_cached("SELECT payload FROM reports WHERE line = ?1 AND sequence = ?2")?;
    let payload: Vec<u8> = select.query_row(params![line, sequence], |found| found.get(0))?;
    let told = match report::read(&payload) {
        Ok(told) => told,
        Err(error) => {
            let report = format!("{line}/{sequence}");
            tracing::error!(report, error = %error, "report_damaged");
            return Ok(None);
        }
    };
    let usage = told.day.unwrap_or_default();
    let totals = usage.series.into_iter().filter(|one| one.subject == TOTAL);
    Ok(Some(ToldDay {
        node,
        day: day.to_owned(),
        time_zone: usage.time_zone,
        partial: told.partial,
        peaks: totals.map(|one| (one.meter, one.peak.map(|peak| peak.value))).collect(),
    }))
}
