//! Activations: instances that have joined.

use super::{Confirm, Contract, Licence, NodeFacts, Page};
use highwater_rules::chain::Digest;
use highwater_rules::sign::{KEY_BYTES, KeyId};
use serde::{Deserialize, Serialize};

super::words! {
    /// Whether an activation's reports are taken.
    ActivationState {
        /// They are.
        Active = "ACTIVE",
        /// An operator has paused it.
        Disabled = "DISABLED",
        /// An operator has removed it; it can be activated anew.
        Deleted = "DELETED",
        /// It was not confirmed in time, or an operator has blocked it.
        Blocked = "BLOCKED",
    }
}

/// The host, as the agent told it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostFacts {
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activation {
    /// Whom its reports are counted for: the instance's id, or another where that one was taken.
    pub identity: String,
    /// The instance's id, as it says itself.
    pub instance: String,
    /// The id of its key, in hexadecimal.
    pub key_id: String,
    /// Its key: 32 bytes of Ed25519, in hexadecimal.
    pub public_key: String,
    /// The contract that it is under.
    pub contract: String,
    /// The id of the token that it joined by.
    pub token: String,
    /// Whether its reports are taken.
    pub state: ActivationState,
    /// What it needed.
    pub confirm: Confirm,
    /// When it joined.
    pub activated_at: i64,
    /// When it was confirmed; a token that needs no confirmation confirms at once.
    pub confirmed_at: Option<i64>,
    /// When its last report came.
    pub last_report_at: Option<i64>,
    /// The agent's first start, by the instance's clock.
    pub first_start: i64,
    /// The agent's version when it joined.
    pub agent_version: String,
    /// Its host.
    pub host: HostFacts,
    /// The node of a cluster that it runs on, as it told it last; `None` outside a cluster.
    #[serde(default)]
    pub node: Option<NodeFacts>,
    /// The identity that took its place as that node.
    #[serde(default)]
    pub superseded_by: Option<String>,
}

impl Activation {
    /// Its state now: one that was not confirmed in time is as good as blocked.
    #[must_use]
    pub fn state_at(&self, contract: &Contract, now_s: i64) -> ActivationState {
        let limit = i64::try_from(contract.block_unconfirmed_s).unwrap_or(i64::MAX);
        let overdue = self.confirmed_at.is_none() && now_s.saturating_sub(self.activated_at) >= limit;
        if overdue && self.state == ActivationState::Active { ActivationState::Blocked } else { self.state }
    }
}

/// Which activations to list. They come in the order of `identity`, which is also the cursor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ActivationFilter {
    /// Only of this contract.
    pub contract: Option<String>,
    /// Only of this instance (clones of one instance are several).
    pub instance: Option<String>,
    /// Only in this state.
    pub state: Option<ActivationState>,
    /// Only those that wait for confirmation.
    pub unconfirmed: bool,
    /// Which stretch.
    pub page: Page,
}

/// What an operator does to an activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivationChange {
    /// Confirms it; a blocked one becomes active.
    Confirm,
    /// Sets its state. Setting a blocked one active confirms it, as it would be blocked again otherwise.
    State(ActivationState),
}

/// A request to join, whose signature was found right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joining {
    /// The SHA-256 of the token's secret.
    pub secret: Digest,
    /// The instance's id, as it says itself.
    pub instance: String,
    /// The id of its key.
    pub key_id: KeyId,
    /// Its key.
    pub public_key: [u8; KEY_BYTES],
    /// Its host.
    pub host: HostFacts,
    /// The agent's version.
    pub agent_version: String,
    /// The agent's first start, by the instance's clock.
    pub first_start: i64,
    /// The node of a cluster that it runs on.
    pub node: Option<NodeFacts>,
}

/// An instance that has joined, and under what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The activation.
    pub activation: Activation,
    /// Its contract.
    pub contract: Contract,
    /// Central's key whose fingerprint is in the token.
    pub first_key: KeyId,
    /// It had joined before.
    pub repeated: bool,
    /// Another key has the same instance id: that instance's identity.
    pub clone_of: Option<String>,
    /// Its licence; `None` where it gets none yet.
    pub licence: Option<Licence>,
}

/// Why an instance may not join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No token has this secret.
    #[error("central does not know this token")]
    Unknown,
    /// The token was taken back.
    #[error("the token was revoked")]
    Revoked,
    /// The token's last second has passed.
    #[error("the token has expired")]
    Expired,
    /// As many instances as it allows have joined.
    #[error("the token is used up")]
    UsedUp,
    /// The token's contract does not hold any more.
    #[error("the token's contract is revoked or has ended")]
    Contract,
}

impl Denied {
    /// What to do about it.
    #[must_use]
    pub const fn mend(self) -> &'static str {
        match self {
            Denied::Unknown => {
                "check that the token is of this central, or make one: highwater-central token create"
            }
            Denied::Revoked | Denied::Expired | Denied::UsedUp => {
                "ask whoever runs central for a new one: highwater-central token create --contract ID"
            }
            Denied::Contract => "ask whoever runs central for a token of a contract that holds",
        }
    }

    /// The name that JSON uses.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Denied::Unknown => "token_unknown",
            Denied::Revoked => "token_revoked",
            Denied::Expired => "token_expired",
            Denied::UsedUp => "token_used_up",
            Denied::Contract => "contract_ended",
        }
    }
}
