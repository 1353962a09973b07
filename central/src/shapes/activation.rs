//! An activation, as others read it.

use super::{NodeShape, at};
use crate::model::{Activation, ActivationState, Confirm, HostFacts};
use serde::Serialize;

/// The host, as the agent told it when it joined. What it did not tell is empty or 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Host)]
pub struct HostShape {
    /// Its name, or a salted hash of it.
    pub name: String,
    /// The name is a salted hash.
    pub name_hashed: bool,
    /// Its operating system.
    pub os: String,
    /// And the version of that.
    pub os_version: String,
    /// Its kernel.
    pub kernel: String,
    /// How many cores it has.
    pub cores: u32,
    /// What it runs on.
    pub virtualization: String,
    /// Its memory, in bytes.
    pub memory_bytes: u64,
}

/// An instance that has joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Activation)]
pub struct ActivationShape {
    /// Whom its reports are counted for: the instance's id, or another where that one was taken.
    #[schema(format = "uuid")]
    pub identity: String,
    /// The instance's id, as it says itself.
    #[schema(format = "uuid")]
    pub instance: String,
    /// The id of its key, in hexadecimal.
    pub key_id: String,
    /// Its key: 32 bytes of Ed25519, in hexadecimal.
    pub public_key: String,
    /// The contract that it is under.
    #[schema(format = "uuid")]
    pub contract: String,
    /// The id of the token that it joined by.
    #[schema(format = "uuid")]
    pub token: String,
    /// Whether its reports are taken.
    pub state: ActivationState,
    /// What it needed.
    pub confirm: Confirm,
    /// When it joined.
    #[schema(format = DateTime)]
    pub activated_at: String,
    /// When it was confirmed; null while it waits for that.
    #[schema(format = DateTime, required)]
    pub confirmed_at: Option<String>,
    /// When its last report came.
    #[schema(format = DateTime, required)]
    pub last_report_at: Option<String>,
    /// The agent's first start, by the instance's clock.
    #[schema(format = DateTime)]
    pub first_start: String,
    /// The agent's version when it joined.
    pub agent_version: String,
    /// Its host.
    pub host: HostShape,
    /// The node of a cluster that it runs on; null outside a cluster.
    #[schema(required)]
    pub node: Option<NodeShape>,
    /// The identity that took its place as that node.
    #[schema(format = "uuid", required)]
    pub superseded_by: Option<String>,
}

impl From<HostFacts> for HostShape {
    fn from(host: HostFacts) -> Self {
        HostShape {
            name: host.name,
            name_hashed: host.name_hashed,
            os: host.os,
            os_version: host.os_version,
            kernel: host.kernel,
            cores: host.cores,
            virtualization: host.virtualization,
            memory_bytes: host.memory_bytes,
        }
    }
}

impl From<Activation> for ActivationShape {
    fn from(activation: Activation) -> Self {
        ActivationShape {
            identity: activation.identity,
            instance: activation.instance,
            key_id: activation.key_id,
            public_key: activation.public_key,
            contract: activation.contract,
            token: activation.token,
            state: activation.state,
            confirm: activation.confirm,
            activated_at: at(activation.activated_at),
            confirmed_at: activation.confirmed_at.map(at),
            last_report_at: activation.last_report_at.map(at),
            first_start: at(activation.first_start),
            agent_version: activation.agent_version,
            host: activation.host.into(),
            node: activation.node.map(NodeShape::from),
            superseded_by: activation.superseded_by,
        }
    }
}
