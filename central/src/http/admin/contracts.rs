//! `/api/v1/contracts`: what was agreed with customers.

use super::super::Problem;
use super::auth::Admin;
use super::contract_bodies::{Change, New};
use super::input::{Body, Id, Query, next, page, uuid};
use super::refusals::{Absent, Always, Bodily, Conflict, Malformed};
use crate::central::Central;
use crate::model::{ContractChange, ContractStatus};
use crate::shapes::ContractShape;
use crate::store::StoreError;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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

/// Changes a contract: what is left out stays, and null takes away. Licences follow with each instance's next contact
#[utoipa::path(
    patch, path = "/api/v1/contracts/{id}", tag = "contracts", operation_id = "change_contract", request_body = Change,
    params(("id" = String, Path, format = "uuid", description = "The contract's id")),
    responses(
        (status = 200, description = "The contract as it is since", body = ContractShape), Always, Malformed, Absent,
        Conflict, Bodily
    )
)]
pub(super) async fn change(
    State(central): State<Central>,
    admin: Admin,
    Id(id): Id,
    Body(change): Body<Change>,
) -> Result<Json<ContractShape>, Problem> {
    let by = admin.by(&central);
    Ok(Json(central.store.change_contract(id, change.read()?, by).await?.into()))
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
