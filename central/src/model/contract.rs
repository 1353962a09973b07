//! Contracts: what was agreed with a customer.

use super::LimitsChange;
use highwater_proto::v1::Terms;
use highwater_rules::licence::{self, Limits};
use serde::{Deserialize, Serialize};

super::words! {
    /// Whether a contract holds.
    ContractStatus {
        /// It does.
        Active = "active",
        /// It was taken back: its reports are refused until it holds again.
        Revoked = "revoked",
    }
}

super::words! {
    /// How a contract's instances reach central.
    Mode {
        /// Over the network.
        Online = "online",
        /// By files.
        Offline = "offline",
    }
}

impl From<Mode> for licence::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Online => licence::Mode::Online,
            Mode::Offline => licence::Mode::Offline,
        }
    }
}

/// How long an activation that must be confirmed may report before it is blocked, unless the contract says otherwise: 3 days.
pub const BLOCK_UNCONFIRMED_S: u64 = 3 * 86_400;

/// A contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// Its id.
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
    pub not_before: Option<i64>,
    /// The first second after it.
    pub not_after: Option<i64>,
    /// How long the metered software may run after a receipt, in seconds.
    pub grace_s: u64,
    /// How long an unconfirmed activation may report, in seconds.
    pub block_unconfirmed_s: u64,
    /// The address that its licences are registered to.
    pub email: Option<String>,
    /// What of the product it unlocks, by name.
    pub features: Vec<String>,
    /// How much of what may be used.
    pub limits: Limits,
    /// How long an online licence holds, in seconds; `None` is the usual term.
    pub licence_term_s: Option<u64>,
    /// The slot's length that its instances have to keep to, in seconds; `None` leaves it to them.
    pub slot_s: Option<u64>,
    /// When it was made.
    pub created_at: i64,
}

impl Contract {
    /// What it allows, as central signs it.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms { contract: self.id.clone(), contract_end: self.not_after.unwrap_or(0), grace_s: self.grace_s }
    }
}

/// A contract to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewContract {
    /// What is sold.
    pub product: String,
    /// To whom.
    pub customer: String,
    /// How its instances reach central.
    pub mode: Mode,
    /// Its first second.
    pub not_before: Option<i64>,
    /// The first second after it.
    pub not_after: Option<i64>,
    /// How long the metered software may run after a receipt, in seconds.
    pub grace_s: u64,
    /// How long an unconfirmed activation may report, in seconds.
    pub block_unconfirmed_s: u64,
    /// The address that its licences are registered to.
    pub email: Option<String>,
    /// What of the product it unlocks, by name.
    pub features: Vec<String>,
    /// How much of what may be used.
    pub limits: Limits,
    /// How long an online licence holds, in seconds; `None` is the usual term.
    pub licence_term_s: Option<u64>,
    /// The slot's length that its instances have to keep to, in seconds; `None` leaves it to them.
    pub slot_s: Option<u64>,
}

impl NewContract {
    /// The contract that is made of it.
    #[must_use]
    pub fn contract(self, id: String, created_at: i64) -> Contract {
        Contract {
            id,
            product: self.product,
            customer: self.customer,
            status: ContractStatus::Active,
            mode: self.mode,
            not_before: self.not_before,
            not_after: self.not_after,
            grace_s: self.grace_s,
            block_unconfirmed_s: self.block_unconfirmed_s,
            email: self.email,
            features: self.features,
            limits: self.limits,
            licence_term_s: self.licence_term_s,
            slot_s: self.slot_s,
            created_at,
        }
    }
}

/// What of a contract changes; `None` stays. An outer `Some` of an inner `None` takes it away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContractChange {
    /// What was sold.
    pub product: Option<String>,
    /// To whom.
    pub customer: Option<String>,
    /// Whether it holds.
    pub status: Option<ContractStatus>,
    /// How its instances reach central.
    pub mode: Option<Mode>,
    /// Its first second.
    pub not_before: Option<Option<i64>>,
    /// The first second after it.
    pub not_after: Option<Option<i64>>,
    /// How long the metered software may run after a receipt, in seconds.
    pub grace_s: Option<u64>,
    /// How long an unconfirmed activation may report, in seconds.
    pub block_unconfirmed_s: Option<u64>,
    /// The address that its licences are registered to.
    pub email: Option<Option<String>>,
    /// What of the product it unlocks, all of it.
    pub features: Option<Vec<String>>,
    /// How much of what may be used.
    pub limits: LimitsChange,
    /// How long an online licence holds, in seconds.
    pub licence_term_s: Option<Option<u64>>,
    /// The slot's length that its instances have to keep to, in seconds.
    pub slot_s: Option<Option<u64>>,
}

impl ContractChange {
    /// Only the status.
    #[must_use]
    pub fn status(status: ContractStatus) -> Self {
        ContractChange { status: Some(status), ..ContractChange::default() }
    }

    /// The contract after the change.
    #[must_use]
    pub fn applied(self, to: &Contract) -> Contract {
        Contract {
            id: to.id.clone(),
            product: self.product.unwrap_or_else(|| to.product.clone()),
            customer: self.customer.unwrap_or_else(|| to.customer.clone()),
            status: self.status.unwrap_or(to.status),
            mode: self.mode.unwrap_or(to.mode),
            not_before: self.not_before.unwrap_or(to.not_before),
            not_after: self.not_after.unwrap_or(to.not_after),
            grace_s: self.grace_s.unwrap_or(to.grace_s),
            block_unconfirmed_s: self.block_unconfirmed_s.unwrap_or(to.block_unconfirmed_s),
            email: self.email.unwrap_or_else(|| to.email.clone()),
            features: self.features.unwrap_or_else(|| to.features.clone()),
            limits: self.limits.applied(&to.limits),
            licence_term_s: self.licence_term_s.unwrap_or(to.licence_term_s),
            slot_s: self.slot_s.unwrap_or(to.slot_s),
            created_at: to.created_at,
        }
    }
}
