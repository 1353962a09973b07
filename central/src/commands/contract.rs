//! `highwater-central contract`.

use super::common::{Common, plain, print, print_json, table};
use super::{Failure, Outcome, dates, exit};
use crate::model::{
    BLOCK_UNCONFIRMED_S, Contract, ContractChange, ContractStatus, Mode, NewContract, PAGE_MAX, Page,
};
use crate::shapes::ContractShape;
use crate::store::{Store, StoreError};
use clap::{Args, Subcommand};
use highwater_rules::grace::{GRACE_MAX_S, GRACE_S};
use serde_json::json;

const NAME_MAX_CHARS: usize = 200;

#[derive(Debug, Subcommand)]
pub(super) enum Contracts {
    /// Makes a contract, and prints its id
    Create(Create),
    /// Lists all contracts
    List(Show),
    /// Shows one contract
    Show(One),
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
            let contracts = common.with(async |tools| all(&*tools.store).await)?;
            if options.json {
                let shapes: Vec<ContractShape> = contracts.into_iter().map(ContractShape::from).collect();
                print_json(&json!({ "contracts": shapes }))?;
            } else {
                print(&listed(&contracts))?;
            }
            Ok(0)
        }
        Contracts::Show(options) => {
            let contract = common.with(async |tools| existing(&*tools.store, &options.id).await)?;
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
    for (what, name) in [("--product", &options.product), ("--customer", &options.customer)] {
        if name.trim().is_empty() || name.chars().count() > NAME_MAX_CHARS {
            let message = format!("{what}: a name of 1 to {NAME_MAX_CHARS} letters is wanted");
            return Err(Failure::new(exit::USAGE, message));
        }
    }
    if let (Some(first), Some(end)) = (options.not_before, options.not_after)
        && end <= first
    {
        return Err(Failure::new(exit::USAGE, "--not-after is before --not-before"));
    }
    let grace_s = options.grace.unwrap_or(GRACE_S.unsigned_abs());
    if grace_s > GRACE_MAX_S.unsigned_abs() {
        return Err(Failure::new(exit::USAGE, "--grace: agents give ten years at the most"));
    }
    let new = NewContract {
        product: options.product.clone(),
        customer: options.customer.clone(),
        mode: if options.offline { Mode::Offline } else { Mode::Online },
        not_before: options.not_before,
        not_after: options.not_after,
        grace_s,
        block_unconfirmed_s: options.block_unconfirmed.unwrap_or(BLOCK_UNCONFIRMED_S),
    };
    let contract =
        common.with(async |tools| Ok(tools.store.create_contract(new, tools.by.clone()).await?))?;
    if options.json {
        print_json(&json!({ "contract": contract.id }))?;
    } else {
        print(&format!(
            "contract {}\n\nNext, a token by which agents join:\n  highwater-central token create --contract {}\n",
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

fn listed(contracts: &[Contract]) -> String {
    if contracts.is_empty() {
        return "There is no contract yet: highwater-central contract create --product P --customer C\n"
            .to_owned();
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
        print(&listed(std::slice::from_ref(contract)))?;
    }
    Ok(0)
}
