//! Clusters and their nodes, as others read them.

use super::at;
use crate::model::{ActivationState, Cluster, ClusterDay, Member, NodeFacts, NodeIdentity};
use highwater_rules::meter::Meter;
use serde::Serialize;

/// A node of a cluster, as an instance told it last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Node)]
pub struct NodeShape {
    /// The uid of the cluster's namespace kube-system.
    pub cluster: String,
    /// The node's name, or a salted hash of it.
    pub name: String,
    /// The name is a salted hash.
    pub name_hashed: bool,
    /// What stays when the machine comes back under another name; null where nothing does.
    #[schema(required)]
    pub hardware: Option<String>,
}

impl From<NodeFacts> for NodeShape {
    fn from(node: NodeFacts) -> Self {
        NodeShape {
            cluster: node.cluster,
            name: node.name,
            name_hashed: node.name_hashed,
            hardware: (!node.hardware.is_empty()).then_some(node.hardware),
        }
    }
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Cluster)]
pub struct ClusterShape {
    /// The uid of its namespace kube-system.
    pub id: String,
    /// What an operator calls it; null where nobody has given it a name.
    #[schema(required)]
    pub name: Option<String>,
    /// When it was first heard of.
    #[schema(format = DateTime)]
    pub first_seen_at: String,
    /// When an instance of it last joined or reported.
    #[schema(format = DateTime)]
    pub last_seen_at: String,
    /// How many nodes it has had.
    pub nodes: u64,
    /// How many identities these have had.
    pub identities: u64,
}

impl From<Cluster> for ClusterShape {
    fn from(cluster: Cluster) -> Self {
        ClusterShape {
            id: cluster.id,
            name: cluster.name,
            first_seen_at: at(cluster.first_seen_at),
            last_seen_at: at(cluster.last_seen_at),
            nodes: cluster.nodes,
            identities: cluster.identities,
        }
    }
}

/// An identity that a node has, or has had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = NodeIdentity)]
pub struct NodeIdentityShape {
    /// Whom its reports are counted for.
    #[schema(format = "uuid")]
    pub identity: String,
    /// The activation whose key signs them.
    #[schema(format = "uuid")]
    pub activation: String,
    /// That activation's state.
    pub state: ActivationState,
    /// The node, as it told it last.
    pub node: NodeShape,
    /// When it began.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When its last report came.
    #[schema(format = DateTime, required)]
    pub last_report_at: Option<String>,
    /// The identity that took its place; null for the one that counts now.
    #[schema(format = "uuid", required)]
    pub superseded_by: Option<String>,
    /// When that was.
    #[schema(format = DateTime, required)]
    pub superseded_at: Option<String>,
    /// It was alive beside another identity of the same name or hardware, which is no longer believed to be one node's.
    pub twice: bool,
}

impl From<NodeIdentity> for NodeIdentityShape {
    fn from(one: NodeIdentity) -> Self {
        let Member { identity, node, superseded_by, superseded_at, twice } = one.member;
        NodeIdentityShape {
            identity,
            activation: one.activation,
            state: one.state,
            node: node.into(),
            created_at: at(one.created_at),
            last_report_at: one.last_report_at.map(at),
            superseded_by,
            superseded_at: superseded_at.map(at),
            twice,
        }
    }
}

/// A cluster with its nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ClusterDetail)]
pub struct ClusterDetailShape {
    /// The cluster.
    pub cluster: ClusterShape,
    /// Its nodes, each as its identities: the one that counts now first. In the order of their names.
    pub nodes: Vec<Vec<NodeIdentityShape>>,
}

impl ClusterDetailShape {
    /// A cluster and its nodes.
    #[must_use]
    pub fn of(cluster: Cluster, nodes: Vec<Vec<NodeIdentity>>) -> Self {
        let shapes = |node: Vec<NodeIdentity>| node.into_iter().map(NodeIdentityShape::from).collect();
        ClusterDetailShape { cluster: cluster.into(), nodes: nodes.into_iter().map(shapes).collect() }
    }
}

/// What a cluster used on a day by one meter.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = ClusterMeter)]
pub struct ClusterMeterShape {
    /// What was measured: as in reports.
    pub meter: String,
    /// The base unit; null where the meter is one of a newer agent.
    #[schema(required)]
    pub unit: Option<String>,
    /// The sum of the nodes' daily peaks of `total`; null where no node has one.
    #[schema(required)]
    pub value: Option<f64>,
    /// How many nodes it is the sum of.
    pub nodes: u64,
    /// How many nodes reported the meter without any reading of it.
    pub unread: u64,
}

/// What a cluster used on a day: each node counted once.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = ClusterDay)]
pub struct ClusterDayShape {
    /// The billing day.
    #[schema(format = Date)]
    pub day: String,
    /// The zones whose day it is: more than one where those of the nodes differ.
    pub time_zones: Vec<String>,
    /// How many nodes are known to have been there.
    pub nodes_known: u64,
    /// How many of them have reported the day.
    pub nodes_reported: u64,
    /// For how many of those the day had not ended when they reported it.
    pub nodes_partial: u64,
    /// The figures.
    pub meters: Vec<ClusterMeterShape>,
}

impl From<ClusterDay> for ClusterDayShape {
    fn from(day: ClusterDay) -> Self {
        let meter = |(code, of): (i32, crate::model::ClusterMeter)| {
            let known = u8::try_from(code).ok().and_then(Meter::from_code);
            ClusterMeterShape {
                meter: known.map_or_else(|| format!("unknown_{code}"), |meter| meter.word().to_owned()),
                unit: known.map(|meter| meter.unit().to_owned()),
                value: (of.nodes > 0).then_some(of.value),
                nodes: of.nodes,
                unread: of.unread,
            }
        };
        ClusterDayShape {
            day: day.day,
            time_zones: day.time_zones.into_iter().collect(),
            nodes_known: day.nodes_known,
            nodes_reported: day.nodes_reported,
            nodes_partial: day.nodes_partial,
            meters: day.meters.into_iter().map(meter).collect(),
        }
    }
}
