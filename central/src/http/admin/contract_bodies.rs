//! What a request says of a contract: one that is to be made, or what is to change of one.

use super::super::Problem;
use super::input::{changed, changed_whole, malformed, moment, said, said_whole, whole};
use crate::model::{BLOCK_UNCONFIRMED_S, ContractChange, LimitsChange, Mode, NewContract};
use crate::store::StoreError;
use highwater_rules::grace::GRACE_S;
use highwater_rules::licence::Limits;
use serde::Deserialize;
use utoipa::ToSchema;

const BOUNDS: &str = "look up the bounds in /api/v1/openapi.json";

/// A contract to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewContract)]
pub(super) struct New {
    /// What is sold.
    #[schema(min_length = 1, max_length = 200, pattern = r"^[^\x00-\x20\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$")]
    product: String,
    /// To whom.
    #[schema(min_length = 1, max_length = 200, pattern = r"^[^\x00-\x20\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$")]
    customer: String,
    /// How its instances reach central; online where it is not said.
    mode: Option<Mode>,
    /// Its first second.
    #[schema(format = DateTime)]
    not_before: Option<String>,
    /// The first second after it; without it, the contract has no end. It has to lie ahead, and behind `not_before`.
    #[schema(format = DateTime)]
    not_after: Option<String>,
    /// How long the metered software may run after a receipt, in seconds; 90 days where it is not said.
    #[schema(minimum = 1, maximum = 315360000)]
    #[serde(default, deserialize_with = "whole")]
    grace_s: Option<u64>,
    /// How long an activation that waits for its confirmation may report, in seconds; 3 days where it is not said.
    #[schema(minimum = 1, maximum = 315360000)]
    #[serde(default, deserialize_with = "whole")]
    block_unconfirmed_s: Option<u64>,
    /// The address that its licences are registered to.
    #[schema(max_length = 254, pattern = r"^[!-?A-~]+@[!-?A-~]+$")]
    email: Option<String>,
    /// What of the product it unlocks: up to 32 names, each once.
    #[schema(value_type = Option<BTreeSet<String>>, max_items = 32, pattern = r"^[0-9A-Za-z._-]{1,64}$")]
    features: Option<Vec<String>>,
    /// How much of what may be used.
    limits: Option<NewLimits>,
    /// How long an online licence holds, in seconds; 10 days where it is not said, 7 for a cluster.
    #[schema(minimum = 60, maximum = 315360000)]
    #[serde(default, deserialize_with = "whole")]
    licence_term_s: Option<u64>,
    /// The slot's length that its instances have to keep to, in seconds. It has to divide a day.
    #[schema(minimum = 1, maximum = 3600)]
    #[serde(default, deserialize_with = "whole")]
    slot_s: Option<u64>,
}

/// Limits; what is left out or null has none.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewLimits)]
struct NewLimits {
    /// RAM, in bytes.
    #[schema(minimum = 1, maximum = 9007199254740991i64)]
    #[serde(default, deserialize_with = "changed_whole")]
    ram_bytes: Option<Option<u64>>,
    /// Throughput, in bits a second.
    #[schema(minimum = 1, maximum = 9007199254740991i64)]
    #[serde(default, deserialize_with = "changed_whole")]
    throughput_bps: Option<Option<u64>>,
    /// The tier of throughput that was bought.
    #[schema(min_length = 1, max_length = 200, pattern = r"^[^\x00-\x20\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$")]
    #[serde(default, deserialize_with = "changed")]
    throughput_tier: Option<Option<String>>,
    /// New TLS sessions a second.
    #[schema(minimum = 1, maximum = 9007199254740991i64)]
    #[serde(default, deserialize_with = "changed_whole")]
    ssl_tps: Option<Option<u64>>,
}

impl NewLimits {
    fn change(self) -> LimitsChange {
        LimitsChange {
            ram_bytes: self.ram_bytes,
            throughput_bps: self.throughput_bps,
            throughput_tier: self.throughput_tier,
            ssl_tps: self.ssl_tps,
        }
    }
}

impl New {
    pub(super) fn read(self, now_s: i64) -> Result<NewContract, Problem> {
        let new = NewContract {
            product: self.product,
            customer: self.customer,
            mode: self.mode.unwrap_or(Mode::Online),
            not_before: self.not_before.map(|text| moment("not_before", &text)).transpose()?,
            not_after: self.not_after.map(|text| moment("not_after", &text)).transpose()?,
            grace_s: self.grace_s.unwrap_or(GRACE_S.unsigned_abs()),
            block_unconfirmed_s: self.block_unconfirmed_s.unwrap_or(BLOCK_UNCONFIRMED_S),
            email: self.email,
            features: self.features.unwrap_or_default(),
            limits: self.limits.unwrap_or_default().change().applied(&Limits::default()),
            licence_term_s: self.licence_term_s,
            slot_s: self.slot_s,
        };
        if new.not_after.is_some_and(|end| end <= now_s) {
            let what = "not_after: the contract would be over already";
            return Err(StoreError::Conflict(what.to_owned()).into());
        }
        let sample = new.clone().contract(String::new(), now_s);
        sample.check().map_err(|no| malformed("the body", no, BOUNDS))?;
        Ok(new)
    }
}

/// What is to change of a contract: what is left out stays, and null takes away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ContractChange)]
pub(super) struct Change {
    /// What was sold.
    #[schema(
        value_type = String, required = false, min_length = 1, max_length = 200,
        pattern = r"^[^\x00-\x20\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    #[serde(default, deserialize_with = "said")]
    product: Option<String>,
    /// To whom.
    #[schema(
        value_type = String, required = false, min_length = 1, max_length = 200,
        pattern = r"^[^\x00-\x20\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    #[serde(default, deserialize_with = "said")]
    customer: Option<String>,
    /// How its instances reach central.
    #[schema(value_type = Mode, required = false)]
    #[serde(default, deserialize_with = "said")]
    mode: Option<Mode>,
    /// Its first second.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default, deserialize_with = "changed")]
    not_before: Option<Option<String>>,
    /// The first second after it; one that has passed ends it.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default, deserialize_with = "changed")]
    not_after: Option<Option<String>>,
    /// How long the metered software may run after a receipt, in seconds.
    #[schema(value_type = u64, required = false, minimum = 1, maximum = 315360000)]
    #[serde(default, deserialize_with = "said_whole")]
    grace_s: Option<u64>,
    /// How long an activation that waits for its confirmation may report, in seconds.
    #[schema(value_type = u64, required = false, minimum = 1, maximum = 315360000)]
    #[serde(default, deserialize_with = "said_whole")]
    block_unconfirmed_s: Option<u64>,
    /// The address that its licences are registered to.
    #[schema(value_type = Option<String>, max_length = 254, pattern = r"^[!-?A-~]+@[!-?A-~]+$")]
    #[serde(default, deserialize_with = "changed")]
    email: Option<Option<String>>,
    /// What of the product it unlocks, all of it: up to 32 names, each once.
    #[schema(value_type = Option<BTreeSet<String>>, max_items = 32, pattern = r"^[0-9A-Za-z._-]{1,64}$")]
    #[serde(default, deserialize_with = "changed")]
    features: Option<Option<Vec<String>>>,
    /// Limits: each that is left out stays, too; null takes all of them away.
    #[schema(value_type = Option<NewLimits>)]
    #[serde(default, deserialize_with = "changed")]
    limits: Option<Option<NewLimits>>,
    /// How long an online licence holds, in seconds.
    #[schema(value_type = Option<u64>, minimum = 60, maximum = 315360000)]
    #[serde(default, deserialize_with = "changed_whole")]
    licence_term_s: Option<Option<u64>>,
    /// The slot's length that its instances have to keep to, in seconds. It has to divide a day.
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 3600)]
    #[serde(default, deserialize_with = "changed_whole")]
    slot_s: Option<Option<u64>>,
}

impl Change {
    pub(super) fn read(self) -> Result<ContractChange, Problem> {
        let date = |place, text: Option<String>| text.map(|text| moment(place, &text)).transpose();
        let change = ContractChange {
            product: self.product,
            customer: self.customer,
            status: None,
            mode: self.mode,
            not_before: self.not_before.map(|text| date("not_before", text)).transpose()?,
            not_after: self.not_after.map(|text| date("not_after", text)).transpose()?,
            grace_s: self.grace_s,
            block_unconfirmed_s: self.block_unconfirmed_s,
            email: self.email,
            features: self.features.map(Option::unwrap_or_default),
            limits: match self.limits {
                None => LimitsChange::default(),
                Some(None) => LimitsChange::none(),
                Some(Some(limits)) => limits.change(),
            },
            licence_term_s: self.licence_term_s,
            slot_s: self.slot_s,
        };
        change.check().map_err(|no| malformed("the body", no, BOUNDS))?;
        Ok(change)
    }
}
