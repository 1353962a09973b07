//! How much of what a contract allows to be used. Going over it is a matter of bills: nothing is refused for it.

use highwater_rules::licence::Limits;

/// What changes of limits; `None` stays, an outer `Some` of an inner `None` takes one away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LimitsChange {
    /// RAM, in bytes.
    pub ram_bytes: Option<Option<u64>>,
    /// Throughput, in bits a second.
    pub throughput_bps: Option<Option<u64>>,
    /// The tier of throughput that was bought.
    pub throughput_tier: Option<Option<String>>,
    /// New TLS sessions a second.
    pub ssl_tps: Option<Option<u64>>,
}

impl LimitsChange {
    /// Takes all of them away.
    #[must_use]
    pub const fn none() -> Self {
        LimitsChange {
            ram_bytes: Some(None),
            throughput_bps: Some(None),
            throughput_tier: Some(None),
            ssl_tps: Some(None),
        }
    }

    /// The limits after the change.
    #[must_use]
    pub fn applied(self, to: &Limits) -> Limits {
        Limits {
            ram_bytes: self.ram_bytes.unwrap_or(to.ram_bytes),
            throughput_bps: self.throughput_bps.unwrap_or(to.throughput_bps),
            throughput_tier: self.throughput_tier.unwrap_or_else(|| to.throughput_tier.clone()),
            ssl_tps: self.ssl_tps.unwrap_or(to.ssl_tps),
        }
    }
}
