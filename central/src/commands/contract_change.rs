//! `highwater-central contract change`.

use super::{amounts, dates};
use crate::model::{ContractChange, LimitsChange, Mode};
use clap::Args;

/// What takes a thing away.
const NONE: &str = "none";

/// A thing, or `none`; a type of its own, as clap takes an `Option` for an argument that may be left out.
#[derive(Debug, Clone)]
struct OrNone<T>(Option<T>);

fn or_none<T>(
    read: impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static,
) -> impl Fn(&str) -> Result<OrNone<T>, String> + Clone + Send + Sync + 'static {
    move |text| if text == NONE { Ok(OrNone(None)) } else { read(text).map(|one| OrNone(Some(one))) }
}

fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text:?} is no number"))
}

#[derive(Debug, Args)]
pub(super) struct Change {
    /// The contract's id
    pub(super) id: String,
    /// What was sold
    #[arg(long)]
    product: Option<String>,
    /// To whom
    #[arg(long)]
    customer: Option<String>,
    /// How its instances reach central: online, offline
    #[arg(long, value_name = "MODE", value_parser = str::parse::<Mode>)]
    mode: Option<Mode>,
    /// Its first day, in UTC
    #[arg(long, value_name = "DATE", value_parser = or_none(dates::first_second))]
    not_before: Option<OrNone<i64>>,
    /// Its last day, in UTC
    #[arg(long, value_name = "DATE", value_parser = or_none(dates::after))]
    not_after: Option<OrNone<i64>>,
    /// How long the metered software may run after a receipt: 90d, 60s
    #[arg(long, value_name = "LENGTH", value_parser = dates::length)]
    grace: Option<u64>,
    /// How long an activation that waits for confirmation may report: 1h, 8h, 3d
    #[arg(long, value_name = "LENGTH", value_parser = dates::length)]
    block_unconfirmed: Option<u64>,
    /// The address that its licences are registered to
    #[arg(long, value_name = "NAME@DOMAIN", value_parser = or_none(text))]
    email: Option<OrNone<String>>,
    /// What of the product it unlocks, all of it: once for each feature, or `none`
    #[arg(long = "feature", value_name = "NAME")]
    features: Vec<String>,
    /// How much RAM may be used: 64GiB
    #[arg(long, value_name = "BYTES", value_parser = or_none(amounts::bytes))]
    ram_limit: Option<OrNone<u64>>,
    /// How much throughput may be used: 10Gbit
    #[arg(long, value_name = "BITS", value_parser = or_none(amounts::bits))]
    throughput_limit: Option<OrNone<u64>>,
    /// The tier of throughput that was bought
    #[arg(long, value_name = "NAME", value_parser = or_none(text))]
    tier: Option<OrNone<String>>,
    /// How many new TLS sessions a second there may be
    #[arg(long, value_name = "N", value_parser = or_none(number))]
    ssl_tps_limit: Option<OrNone<u64>>,
    /// How long an online licence holds: 10d, 60s
    #[arg(long, value_name = "LENGTH", value_parser = or_none(dates::length))]
    licence_term: Option<OrNone<u64>>,
    /// The slot's length that its instances have to keep to: 5m
    #[arg(long, value_name = "LENGTH", value_parser = or_none(dates::length))]
    slot: Option<OrNone<u64>>,
    /// Prints JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Change {
    /// The change that was typed.
    pub(super) fn read(&self) -> Result<ContractChange, String> {
        fn kept<T: Clone>(one: Option<&OrNone<T>>) -> Option<Option<T>> {
            one.map(|OrNone(value)| value.clone())
        }
        let features = match self.features.as_slice() {
            [] => None,
            [only] if only == NONE => Some(Vec::new()),
            all => Some(all.to_vec()),
        };
        let change = ContractChange {
            product: self.product.clone(),
            customer: self.customer.clone(),
            status: None,
            mode: self.mode,
            not_before: kept(self.not_before.as_ref()),
            not_after: kept(self.not_after.as_ref()),
            grace_s: self.grace,
            block_unconfirmed_s: self.block_unconfirmed,
            email: kept(self.email.as_ref()),
            features,
            limits: LimitsChange {
                ram_bytes: kept(self.ram_limit.as_ref()),
                throughput_bps: kept(self.throughput_limit.as_ref()),
                throughput_tier: kept(self.tier.as_ref()),
                ssl_tps: kept(self.ssl_tps_limit.as_ref()),
            },
            licence_term_s: kept(self.licence_term.as_ref()),
            slot_s: kept(self.slot.as_ref()),
        };
        if change == ContractChange::default() {
            return Err("name what is to change: see highwater-central contract change --help".to_owned());
        }
        change.check()?;
        Ok(change)
    }
}
