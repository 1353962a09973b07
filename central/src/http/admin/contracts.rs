//! `/api/v1/contracts`: what was agreed with customers.

use super::super::Problem;
use super::auth::Admin;
use super::input::{Body, Id, Query, malformed, moment, next, page, uuid, whole};
use super::refusals::{Absent, Always, Bodily, Conflict, Malformed};
use crate::central::Central;
use crate::model::{BLOCK_UNCONFIRMED_S, ContractChange, ContractStatus, Mode, NewContract};
use crate::shapes::ContractShape;
use crate::store::StoreError;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use highwater_rules::grace::GRACE_S;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The longest name of a product or a customer, in characters.
const NAME_MAX_CHARS: usize = 200;
/// The longest period that a contract may set, in seconds: ten years.
const PERIOD_MAX_S: u64 = 3650 * 86_400;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// How many at the most; 100 where it is not said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<String>,
    /// Behind which one the page begins: `next` of the page before.
    #[param(format = "uuid")]
    after: Option<String>,
}

/// Contracts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Contracts)]
pub(super) struct List {
    /// In the order of their ids.
    contracts: Vec<ContractShape>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    next: Option<String>,
}

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
}

impl New {
    fn read(self, now_s: i64) -> Result<NewContract, Problem> {
        let not_before = self.not_before.map(|text| moment("not_before", &text)).transpose()?;
        let not_after = self.not_after.map(|text| moment("not_after", &text)).transpose()?;
        if not_after.is_some_and(|end| end <= now_s || not_before.is_some_and(|begin| end <= begin)) {
            let what = "not_after: the contract would be over already, or end before it begins";
            return Err(StoreError::Conflict(what.to_owned()).into());
        }
        Ok(NewContract {
            product: name("product", self.product)?,
            customer: name("customer", self.customer)?,
            mode: self.mode.unwrap_or(Mode::Online),
            not_before,
            not_after,
            grace_s: period("grace_s", self.grace_s.unwrap_or(GRACE_S.unsigned_abs()))?,
            block_unconfirmed_s: period(
                "block_unconfirmed_s",
                self.block_unconfirmed_s.unwrap_or(BLOCK_UNCONFIRMED_S),
            )?,
        })
    }
}

fn name(place: &str, text: String) -> Result<String, Problem> {
    let fits = (1..=NAME_MAX_CHARS).contains(&text.chars().count());
    if fits && !text.starts_with(' ') && !text.contains(char::is_control) {
        return Ok(text);
    }
    let mend = "write 1 to 200 characters, without control characters, and no space in front";
    Err(malformed(place, "this is no name", mend))
}

fn period(place: &str, seconds: u64) -> Result<u64, Problem> {
    if (1..=PERIOD_MAX_S).contains(&seconds) {
        return Ok(seconds);
    }
    Err(malformed(place, format!("{seconds} s"), "write 1 second to 10 years, in seconds"))
}

/// Lists contracts
#[utoipa::path(
    get, path = "/api/v1/contracts", tag = "contracts", operation_id = "list_contracts", params(Asked),
    responses((status = 200, description = "A page of contracts", body = List), Always, Malformed)
)]
pub(super) async fn list(
    State(central): State<Central>,
    Query(asked): Query<Asked>,
) -> Result<Json<List>, Problem> {
    let after = asked.after.map(|text| uuid("after", text)).transpose()?;
    let page = page(asked.limit.as_deref(), after)?;
    let contracts = central.store.contracts(page.clone()).await?;
    let next = next(&page, &contracts, |one| one.id.clone());
    Ok(Json(List { contracts: contracts.into_iter().map(ContractShape::from).collect(), next }))
}

/// Makes a contract
#[utoipa::path(
    post, path = "/api/v1/contracts", tag = "contracts", operation_id = "create_contract", request_body = New,
    responses(
        (status = 201, description = "The contract", body = ContractShape), Always, Malformed, Conflict, Bodily
    )
)]
pub(super) async fn create(
    State(central): State<Central>,
    admin: Admin,
    Body(new): Body<New>,
) -> Result<(StatusCode, Json<ContractShape>), Problem> {
    let by = admin.by(&central);
    let contract = central.store.create_contract(new.read(by.at)?, by).await?;
    Ok((StatusCode::CREATED, Json(contract.into())))
}

/// Shows a contract
#[utoipa::path(
    get, path = "/api/v1/contracts/{id}", tag = "contracts", operation_id = "show_contract",
    params(("id" = String, Path, format = "uuid", description = "The contract's id")),
    responses((status = 200, description = "The contract", body = ContractShape), Always, Malformed, Absent)
)]
pub(super) async fn show(State(central): State<Central>, Id(id): Id) -> Result<Json<ContractShape>, Problem> {
    let found = central.store.contract(id.clone()).await?;
    let contract = found.ok_or(StoreError::Absent { what: "contract", id })?;
    Ok(Json(contract.into()))
}

/// Revokes a contract: reports of its instances are refused until it is restored, and nothing joins
#[utoipa::path(
    post, path = "/api/v1/contracts/{id}/revoke", tag = "contracts", operation_id = "revoke_contract",
    params(("id" = String, Path, format = "uuid", description = "The contract's id")),
    responses(
        (status = 200, description = "The contract as it is since", body = ContractShape), Always, Malformed, Absent
    )
)]
pub(super) async fn revoke(
    State(central): State<Central>,
    admin: Admin,
    Id(id): Id,
) -> Result<Json<ContractShape>, Problem> {
    set(&central, &admin, id, ContractStatus::Revoked).await
}

/// Takes a contract's revocation back: reports of its instances are taken again
#[utoipa::path(
    post, path = "/api/v1/contracts/{id}/restore", tag = "contracts", operation_id = "restore_contract",
    params(("id" = String, Path, format = "uuid", description = "The contract's id")),
    responses(
        (status = 200, description = "The contract as it is since", body = ContractShape), Always, Malformed, Absent
    )
)]
pub(super) async fn restore(
    State(central): State<Central>,
    admin: Admin,
    Id(id): Id,
) -> Result<Json<ContractShape>, Problem> {
    set(&central, &admin, id, ContractStatus::Active).await
}

async fn set(
    central: &Central,
    admin: &Admin,
    id: String,
    status: ContractStatus,
) -> Result<Json<ContractShape>, Problem> {
    let change = ContractChange::status(status);
    Ok(Json(central.store.change_contract(id, change, admin.by(central)).await?.into()))
}
