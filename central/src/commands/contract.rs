//! `highwater-central contract`.

use super::common::{Common, pairs, plain, print, print_json, table};
use super::contract_change::Change;
use super::{Failure, Outcome, amounts, dates, exit};
use crate::model::{
    BLOCK_UNCONFIRMED_S, Contract, ContractChange, ContractStatus, Mode, NewContract, PAGE_MAX, Page,
};
use crate::shapes::ContractShape;
use crate::store::{Store, StoreError};
use clap::{Args, Subcommand};
use highwater_rules::grace::GRACE_S;
use highwater_rules::licence::Limits;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(super) enum Contracts {
    /// Makes a contract, and prints its id
    Create(Create),
    /// Lists all contracts
    List(Show),
    /// Shows one contract
    Show(One),
    /// Changes a contract; licences follow with each instance's next contact
    ///
    /// What is not named stays. `none` takes a date, a limit or an address away.
    Change(Change),
    /// Takes a contract back: reports under it are refused, and sent again when it is restored
    Revoke(One),
    /// Takes a revocation back: reports under the contract are taken again
    Restore(One),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// What is sold
    #[arg(long)]
    product: String,
    /// To whom
    #[arg(long)]
    customer: String,
    /// Its instances have no network: reports and receipts travel as files
    #[arg(long)]
    offline: bool,
    /// Its first day, in UTC
    #[arg(long, value_name = "DATE", value_parser = dates::first_second)]
    not_before: Option<i64>,
    /// Its last day, in UTC
    #[arg(long, value_name = "DATE", value_parser = dates::after)]
    not_after: Option<i64>,
    /// How long the metered software may run after a receipt: 90d, 60s [default: 90d]
    #[arg(long, value_name = "LENGTH", value_parser = dates::length)]
    grace: Option<u64>,
    /// How long an activation that waits for confirmation may report: 1h, 8h, 3d [default: 3d]
    #[arg(long, value_name = "LENGTH", value_parser = dates::length)]
    block_unconfirmed: Option<u64>,
    /// The address that its licences are registered to
    #[arg(long, value_name = "NAME@DOMAIN")]
    email: Option<String>,
    /// What of the product it unlocks; once for each feature
    #[arg(long = "feature", value_name = "NAME")]
    features: Vec<String>,
    /// How much RAM may be used: 64GiB
    #[arg(long, value_name = "BYTES", value_parser = amounts::bytes)]
    ram_limit: Option<u64>,
    /// How much throughput may be used: 10Gbit
    #[arg(long, value_name = "BITS", value_parser = amounts::bits)]
    throughput_limit: Option<u64>,
    /// The tier of throughput that was bought
    #[arg(long, value_name = "NAME")]
    tier: Option<String>,
    /// How many new TLS sessions a second there may be
    #[arg(long, value_name = "N")]
    ssl_tps_limit: Option<u64>,
    /// How long an online licence holds: 10d, 60s [default: 10d, 7d for a cluster]
    #[arg(long, value_name = "LENGTH", value_parser = dates::length)]
    licence_term: Option<u64>,
    /// The slot's length that its instances have to keep to: 5m [default: theirs]
    #[arg(long, value_name = "LENGTH", value_parser = dates::length)]
    slot: Option<u64>,
    /// Prints the id alone
    #[arg(long, conflicts_with = "json")]
    only_id: bool,
    /// Prints JSON: {"contract"}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// The contract's id
    id: String,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(common: &Common, command: &Contracts) -> Outcome {
    match command {
        Contracts::Create(options) => create(common, options),
        Contracts::List(options) => {
            let (contracts, flag) =
                common.with(async |tools| Ok((all(&*tools.store).await?, tools.dir.flag())))?;
            if options.json {
                let shapes: Vec<ContractShape> = contracts.into_iter().map(ContractShape::from).collect();
                print_json(&json!({ "contracts": shapes }))?;
            } else {
                print(&listed(&contracts, &flag))?;
            }
            Ok(0)
        }
        Contracts::Show(options) => {
            let contract = common.with(async |tools| existing(&*tools.store, &options.id).await)?;
            shown(&contract, options.json)
        }
        Contracts::Change(options) => {
            let change = options.read().map_err(|no| Failure::new(exit::USAGE, no))?;
            let contract = common.with(async |tools| {
                Ok(tools.store.change_contract(options.id.clone(), change, tools.by.clone()).await?)
            })?;
            shown(&contract, options.json)
        }
        Contracts::Revoke(one) => set(common, one, ContractStatus::Revoked),
        Contracts::Restore(one) => set(common, one, ContractStatus::Active),
    }
}

fn set(common: &Common, one: &One, status: ContractStatus) -> Outcome {
    let change = ContractChange::status(status);
    let contract = common.with(async |tools| {
        Ok(tools.store.change_contract(one.id.clone(), change, tools.by.clone()).await?)
    })?;
    shown(&contract, one.json)
}

fn create(common: &Common, options: &Create) -> Outcome {
    let grace_s = options.grace.unwrap_or(GRACE_S.unsigned_abs());
    let new = NewContract {
        product: options.product.clone(),
        customer: options.customer.clone(),
        mode: if options.offline { Mode::Offline } else { Mode::Online },
        not_before: options.not_before,
        not_after: options.not_after,
        grace_s,
        block_unconfirmed_s: options.block_unconfirmed.unwrap_or(BLOCK_UNCONFIRMED_S),
        email: options.email.clone(),
        features: options.features.clone(),
        limits: Limits {
            ram_bytes: options.ram_limit,
            throughput_bps: options.throughput_limit,
            throughput_tier: options.tier.clone(),
            ssl_tps: options.ssl_tps_limit,
        },
        licence_term_s: options.licence_term,
        slot_s: options.slot,
    };
    let sample = new.clone().contract(String::new(), 0);
    sample.check().and_then(|()| sample.check_together()).map_err(|no| Failure::new(exit::USAGE, no))?;
    let (contract, flag) = common.with(async |tools| {
        Ok((tools.store.create_contract(new, tools.by.clone()).await?, tools.dir.flag()))
    })?;
    if options.json {
        print_json(&json!({ "contract": contract.id }))?;
    } else if options.only_id {
        print(&format!("{}\n", contract.id))?;
    } else {
        print(&format!(
            "contract {}\n\nNext, a token by which agents join:\n  highwater-central token create --contract {}{flag}\n",
            contract.id, contract.id
        ))?;
    }
    Ok(0)
}

async fn all(store: &dyn Store) -> Result<Vec<Contract>, Failure> {
    let mut all: Vec<Contract> = Vec::new();
    loop {
        let after = all.last().map(|contract| contract.id.clone());
        let page = store.contracts(Page { limit: PAGE_MAX, after }).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

async fn existing(store: &dyn Store, id: &str) -> Result<Contract, Failure> {
    let found = store.contract(id.to_owned()).await?;
    found.ok_or_else(|| StoreError::Absent { what: "contract", id: id.to_owned() }.into())
}

fn listed(contracts: &[Contract], flag: &str) -> String {
    if contracts.is_empty() {
        return format!(
            "There is no contract yet: highwater-central contract create --product P --customer C{flag}\n"
        );
    }
    let end = |contract: &Contract| contract.not_after.map_or_else(|| "-".to_owned(), dates::moment);
    let rows: Vec<Vec<String>> = contracts
        .iter()
        .map(|c| {
            vec![
                c.id.clone(),
                c.status.to_string(),
                c.mode.to_string(),
                plain(&c.product),
                plain(&c.customer),
                dates::shown(c.grace_s),
                end(c),
            ]
        })
        .collect();
    table(&["CONTRACT", "STATUS", "MODE", "PRODUCT", "CUSTOMER", "GRACE", "END"], &rows)
}

fn shown(contract: &Contract, json: bool) -> Outcome {
    if json {
        print_json(&json!(ContractShape::from(contract.clone())))?;
    } else {
        print(&detail(contract))?;
    }
    Ok(0)
}

fn detail(c: &Contract) -> String {
    let or_none = |text: Option<String>| text.map_or_else(|| "-".to_owned(), |text| plain(&text));
    pairs(&[
        ("contract", c.id.clone()),
        ("status", c.status.to_string()),
        ("mode", c.mode.to_string()),
        ("product", plain(&c.product)),
        ("customer", plain(&c.customer)),
        ("email", or_none(c.email.clone())),
        ("first second", or_none(c.not_before.map(dates::moment))),
        ("end of contract", or_none(c.not_after.map(dates::moment))),
        ("grace", dates::shown(c.grace_s)),
        ("unconfirmed", format!("blocked after {}", dates::shown(c.block_unconfirmed_s))),
        ("features", or_none((!c.features.is_empty()).then(|| c.features.join(", ")))),
        ("ram limit", or_none(c.limits.ram_bytes.map(amounts::shown_bytes))),
        ("throughput limit", or_none(c.limits.throughput_bps.map(amounts::shown_bits))),
        ("tier", or_none(c.limits.throughput_tier.clone())),
        ("ssl tps limit", or_none(c.limits.ssl_tps.map(|n| n.to_string()))),
        ("licence term", or_none(c.licence_term_s.map(dates::shown))),
        ("slot", or_none(c.slot_s.map(dates::shown))),
        ("made", dates::moment(c.created_at)),
    ])
}
