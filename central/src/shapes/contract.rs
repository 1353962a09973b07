//! A contract, as others read it.

use super::at;
use crate::model::{Contract, ContractStatus, Mode};
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
    /// When it was made.
    #[schema(format = DateTime)]
    pub created_at: String,
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
            created_at: at(contract.created_at),
        }
    }
}
