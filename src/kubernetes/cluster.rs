//! Which cluster this is, and which of its machines.

use super::api::Api;
use super::error::ApiError;
use super::rule::Rule;
use highwater_rules::node::{Node, hardware};
use serde::Deserialize;

/// The namespace whose uid is the cluster's id: each cluster has it for as long as it lives.
const NAMESPACE: &str = "kube-system";

#[derive(Deserialize)]
struct Named {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    uid: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct NodeObject {
    status: NodeStatus,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct NodeStatus {
    node_info: NodeInfo,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct NodeInfo {
    #[serde(rename = "systemUUID")]
    system_uuid: String,
}

/// The right to read the cluster's id.
#[must_use]
pub fn id_rule() -> Rule {
    Rule::cluster("", "namespaces", "get").named(NAMESPACE)
}

/// The right to read the own node.
#[must_use]
pub fn node_rule() -> Rule {
    Rule::cluster("", "nodes", "get")
}

/// The node that the agent runs on.
///
/// # Errors
/// When the API server can't be asked, or tells no node.
pub async fn node(api: &Api) -> Result<Node, ApiError> {
    let what = format!("/api/v1/namespaces/{NAMESPACE}");
    let cluster: Named = api.get(id_rule(), &what, &[("resourceVersion", "0")]).await?.json()?;
    let name = api.config().node.as_str();
    let path = format!("/api/v1/nodes/{name}");
    let object: NodeObject = api.get(node_rule(), &path, &[("resourceVersion", "0")]).await?.json()?;
    let cluster = cluster.metadata.uid;
    let hardware = hardware(&cluster, &object.status.node_info.system_uuid);
    Node::new(&cluster, name, &hardware).map_err(|e| ApiError::Garbled { what, why: e.to_string() })
}
