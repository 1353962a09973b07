//! The nodes of clusters: which identities are one node, and what a cluster used.
//!
//! An identity is a line of reports. A node has one, and another one after each time that its disk was made anew. Whoever is told
//! anew under a node's name, or on its hardware, supersedes those who were there before: they are one node, which counts once. Where
//! that was wrong, the superseded one shows it by going on to report, and is a node of its own again.

use highwater_proto::v1;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A node, as an instance told it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFacts {
    /// The cluster's id: the uid of its namespace kube-system.
    pub cluster: String,
    /// The node's name, or a salted hash of it.
    pub name: String,
    /// The name is a salted hash.
    pub name_hashed: bool,
    /// What stays when the machine comes back under another name; empty where nothing does.
    pub hardware: String,
}

impl From<v1::Node> for NodeFacts {
    fn from(node: v1::Node) -> Self {
        NodeFacts {
            cluster: node.cluster,
            name: node.name,
            name_hashed: node.name_hashed,
            hardware: node.hardware,
        }
    }
}

/// An identity in a cluster, as far as it matters for which node it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Whom its reports are counted for.
    pub identity: String,
    /// The node that it told last.
    pub node: NodeFacts,
    /// The identity that took its place.
    pub superseded_by: Option<String>,
    /// When that was.
    pub superseded_at: Option<i64>,
    /// It was alive beside another identity of the same node: a hardware id that two machines have is no one's.
    pub twice: bool,
}

impl Member {
    /// Whether this one, told just now, takes the place of another.
    #[must_use]
    pub fn supersedes(&self, other: &Member) -> bool {
        let (own, others) = (&self.node, &other.node);
        let same_name = own.name == others.name && own.name_hashed == others.name_hashed;
        let same_hardware =
            !own.hardware.is_empty() && own.hardware == others.hardware && !self.twice && !other.twice;
        self.identity != other.identity
            && own.cluster == others.cluster
            && self.superseded_by.is_none()
            && other.superseded_by.is_none()
            && (same_name || same_hardware)
    }

    /// Whether what it reports shows that it was never gone: a day that began after another one took its place.
    #[must_use]
    pub fn lives_on(&self, day_began_at: i64) -> bool {
        self.superseded_by.is_some() && self.superseded_at.is_some_and(|since| day_began_at > since)
    }
}

/// The nodes among identities of one cluster: the places of each node's identities in the list, the one that counts now first. Every
/// identity is in one of them.
#[must_use]
pub fn nodes(members: &[Member]) -> Vec<Vec<usize>> {
    let places: HashMap<&str, usize> =
        members.iter().enumerate().map(|(at, member)| (member.identity.as_str(), at)).collect();
    let successor = |at: usize| {
        let by = members.get(at)?.superseded_by.as_deref()?;
        places.get(by).copied()
    };
    let mut found: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in 0..members.len() {
        let (mut last, mut steps) = (at, 0);
        while let Some(next) = successor(last) {
            (last, steps) = (next, steps + 1);
            // A circle, which no rule makes: each in it is one by itself, whatever a database says.
            if steps > members.len() {
                last = at;
                break;
            }
        }
        let node = found.entry(last).or_insert_with(|| vec![last]);
        if at != last {
            node.push(at);
        }
    }
    found.into_values().collect()
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cluster {
    /// The uid of its namespace kube-system.
    pub id: String,
    /// What an operator calls it.
    pub name: Option<String>,
    /// When it was first heard of.
    pub first_seen_at: i64,
    /// When an instance of it was last heard of: joined, or reported.
    pub last_seen_at: i64,
    /// How many nodes it has, those that are gone with them.
    pub nodes: u64,
    /// How many identities these have had.
    pub identities: u64,
}

/// An identity of a node, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeIdentity {
    /// What makes it which node.
    pub member: Member,
    /// The activation whose key signs its reports.
    pub activation: String,
    /// That activation's state.
    pub state: super::ActivationState,
    /// When it began.
    pub created_at: i64,
    /// When its last report came.
    pub last_report_at: Option<i64>,
}

/// The longest name that an operator gives a cluster, in characters.
const CLUSTER_NAME_MAX_CHARS: usize = 200;

/// Holds the name that an operator gives a cluster to its bounds.
///
/// # Errors
/// When it can't be one.
pub fn check_cluster_name(name: &str) -> Result<(), String> {
    let length = name.chars().count();
    if !(1..=CLUSTER_NAME_MAX_CHARS).contains(&length) || name.trim().is_empty() {
        return Err(format!("a cluster's name is of 1 to {CLUSTER_NAME_MAX_CHARS} characters"));
    }
    if name.chars().any(char::is_control) {
        return Err("a cluster's name is without control characters".to_owned());
    }
    Ok(())
}

/// Which days of a cluster to tell, in their order; the cursor is the day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClusterDaysFilter {
    /// Only this day and later ones: YYYY-MM-DD.
    pub from_day: Option<String>,
    /// Only this day and earlier ones: YYYY-MM-DD.
    pub to_day: Option<String>,
    /// Which stretch.
    pub page: super::Page,
}

/// What one identity reported of one day: the report of it that counts.
#[derive(Debug, Clone, PartialEq)]
pub struct ToldDay {
    /// Its node's place in the list of nodes.
    pub node: usize,
    /// The day: YYYY-MM-DD.
    pub day: String,
    /// The zone whose day it is.
    pub time_zone: String,
    /// The day had not ended.
    pub partial: bool,
    /// The peak of each meter's total, by the meter's number; `None` where it was not read.
    pub peaks: Vec<(i32, Option<f64>)>,
}

/// A meter's figure of a cluster's day.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClusterMeter {
    /// The sum of the nodes' daily peaks.
    pub value: f64,
    /// How many nodes it is the sum of.
    pub nodes: u64,
    /// How many nodes reported the meter, but no reading of it.
    pub unread: u64,
}

/// What a cluster used on a day: each node counted once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClusterDay {
    /// The day: YYYY-MM-DD.
    pub day: String,
    /// Whose days were told: more than one where the nodes' time zones differ.
    pub time_zones: BTreeSet<String>,
    /// How many nodes are known to have been there.
    pub nodes_known: u64,
    /// How many of them reported the day.
    pub nodes_reported: u64,
    /// For how many of those the day had not ended.
    pub nodes_partial: u64,
    /// By the meter's number.
    pub meters: BTreeMap<i32, ClusterMeter>,
}

/// From when to when a node is known to have been in its cluster, as days: YYYY-MM-DD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// Its first day.
    pub first: String,
    /// Its last day; `None` where it is there still.
    pub last: Option<String>,
}

/// The days of a cluster, from what its nodes told of them. A node counts once a day and meter, with the highest figure of its
/// identities: one whose disk was made anew told the parts of one day under two of them. Days that no node told are left out.
#[must_use]
pub fn days(told: &[ToldDay], stays: &[Stay]) -> Vec<ClusterDay> {
    let mut by_day: BTreeMap<&str, BTreeMap<usize, Vec<&ToldDay>>> = BTreeMap::new();
    for one in told {
        by_day.entry(&one.day).or_default().entry(one.node).or_default().push(one);
    }
    by_day
        .into_iter()
        .map(|(day, nodes)| {
            let known = |stay: &&Stay| {
                stay.first.as_str() <= day && stay.last.as_deref().is_none_or(|last| day <= last)
            };
            let mut sum = ClusterDay {
                day: day.to_owned(),
                nodes_reported: nodes.len() as u64,
                nodes_known: (stays.iter().filter(known).count() as u64).max(nodes.len() as u64),
                ..ClusterDay::default()
            };
            for node in nodes.values() {
                sum.nodes_partial += u64::from(node.iter().all(|one| one.partial));
                sum.time_zones.extend(node.iter().map(|one| one.time_zone.clone()));
                for (meter, peak) in highest(node) {
                    let of = sum.meters.entry(meter).or_default();
                    match peak {
                        Some(value) => {
                            of.value += value;
                            of.nodes += 1;
                        }
                        None => of.unread += 1,
                    }
                }
            }
            sum
        })
        .collect()
}

/// The highest peak of each meter among what a node's identities told of a day.
fn highest(told: &[&ToldDay]) -> BTreeMap<i32, Option<f64>> {
    let mut peaks: BTreeMap<i32, Option<f64>> = BTreeMap::new();
    for (meter, peak) in told.iter().flat_map(|one| &one.peaks) {
        let so_far = peaks.entry(*meter).or_default();
        *so_far = match (*so_far, *peak) {
            (Some(one), Some(other)) => Some(one.max(other)),
            (one, other) => one.or(other),
        };
    }
    peaks
}

#[cfg(test)]
mod tests;
