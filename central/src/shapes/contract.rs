//! A contract, as others read it.

use super::at;
use crate::model::{Contract, ContractStatus, Mode};
use highwater_rules::licence::Limits;
use serde::Serialize;

/// What was agreed with a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Contract)]
pub struct ContractShape {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// What was sold.
    pub product: String,
    /// To whom.
    pub customer: String,
    /// Whether it holds.
    pub status: ContractStatus,
    /// How its instances reach central.
    pub mode: Mode,
    /// Its first second.
    #[schema(format = DateTime, required)]
    pub not_before: Option<String>,
    /// The first second after it.
    #[schema(format = DateTime, required)]
    pub not_after: Option<String>,
    /// How long the metered software may run after a receipt, in seconds.
    pub grace_s: u64,
    /// How long an activation that waits for its confirmation may report, in seconds.
    pub block_unconfirmed_s: u64,
    /// The address that its licences are registered to.
    #[schema(required)]
    pub email: Option<String>,
    /// What of the product it unlocks, by name.
    pub features: Vec<String>,
    /// How much of what may be used.
    pub limits: LimitsShape,
    /// How long an online licence holds, in seconds; null is the usual term: 10 days, 7 for a cluster.
    #[schema(required)]
    pub licence_term_s: Option<u64>,
    /// The slot's length that its instances have to keep to, in seconds; null leaves it to them.
    #[schema(required)]
    pub slot_s: Option<u64>,
    /// When it was made.
    #[schema(format = DateTime)]
    pub created_at: String,
}

/// How much of what may be used; null is without a limit. Nothing is refused for going over one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Limits)]
pub struct LimitsShape {
    /// RAM, in bytes.
    #[schema(required)]
    pub ram_bytes: Option<u64>,
    /// Throughput, in bits a second.
    #[schema(required)]
    pub throughput_bps: Option<u64>,
    /// The tier of throughput that was bought.
    #[schema(required)]
    pub throughput_tier: Option<String>,
    /// New TLS sessions a second.
    #[schema(required)]
    pub ssl_tps: Option<u64>,
}

impl From<Limits> for LimitsShape {
    fn from(limits: Limits) -> Self {
        LimitsShape {
            ram_bytes: limits.ram_bytes,
            throughput_bps: limits.throughput_bps,
            throughput_tier: limits.throughput_tier,
            ssl_tps: limits.ssl_tps,
        }
    }
}

impl From<Contract> for ContractShape {
    fn from(contract: Contract) -> Self {
        ContractShape {
            id: contract.id,
            product: contract.product,
            customer: contract.customer,
            status: contract.status,
            mode: contract.mode,
            not_before: contract.not_before.map(at),
            not_after: contract.not_after.map(at),
            grace_s: contract.grace_s,
            block_unconfirmed_s: contract.block_unconfirmed_s,
            email: contract.email,
            features: contract.features,
            limits: contract.limits.into(),
            licence_term_s: contract.licence_term_s,
            slot_s: contract.slot_s,
            created_at: at(contract.created_at),
        }
    }
}
