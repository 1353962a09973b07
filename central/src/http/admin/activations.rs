//! `/api/v1/activations`: instances that have joined.

use super::super::Problem;
use super::auth::Admin;
use super::input::{Id, Query, flag, next, page, uuid, word};
use super::refusals::{Absent, Always, Conflict, Malformed};
use crate::central::Central;
use crate::model::{ActivationChange, ActivationFilter, ActivationState};
use crate::shapes::{ActivationShape, LineShape};
use crate::store::StoreError;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Only those under this contract.
    #[param(format = "uuid")]
    contract: Option<String>,
    /// Only those of this instance: clones of one instance are several.
    #[param(format = "uuid")]
    instance: Option<String>,
    /// Only those in this state.
    #[param(value_type = Option<ActivationState>)]
    state: Option<String>,
    /// Only those that wait for confirmation.
    #[param(value_type = Option<bool>)]
    unconfirmed: Option<String>,
    /// How many at the most; 100 where it is not said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<String>,
    /// Behind which one the page begins: `next` of the page before.
    #[param(format = "uuid")]
    after: Option<String>,
}

/// Activations.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Activations)]
pub(super) struct List {
    /// In the order of their identities.
    activations: Vec<ActivationShape>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    next: Option<String>,
}

/// An activation, with the lines of reports that its key signs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActivationDetail)]
pub(super) struct Detail {
    /// The activation.
    activation: ActivationShape,
    /// Its own line first; others where machines report under one key.
    lines: Vec<LineShape>,
}

/// Lists activations
#[utoipa::path(
    get, path = "/api/v1/activations", tag = "activations", operation_id = "list_activations", params(Asked),
    responses((status = 200, description = "A page of activations", body = List), Always, Malformed)
)]
pub(super) async fn list(
    State(central): State<Central>,
    Query(asked): Query<Asked>,
) -> Result<Json<List>, Problem> {
    let after = asked.after.map(|text| uuid("after", text)).transpose()?;
    let page = page(asked.limit.as_deref(), after)?;
    let filter = ActivationFilter {
        contract: asked.contract.map(|text| uuid("contract", text)).transpose()?,
        instance: asked.instance.map(|text| uuid("instance", text)).transpose()?,
        state: word("state", asked.state.as_deref())?,
        unconfirmed: flag("unconfirmed", asked.unconfirmed.as_deref())?,
        page: page.clone(),
    };
    let activations = central.store.activations(filter).await?;
    let next = next(&page, &activations, |one| one.identity.clone());
    Ok(Json(List { activations: activations.into_iter().map(ActivationShape::from).collect(), next }))
}

/// Shows an activation
#[utoipa::path(
    get, path = "/api/v1/activations/{identity}", tag = "activations", operation_id = "show_activation",
    params(("identity" = String, Path, format = "uuid", description = "Whom its reports are counted for")),
    responses((status = 200, description = "The activation", body = Detail), Always, Malformed, Absent)
)]
pub(super) async fn show(State(central): State<Central>, Id(identity): Id) -> Result<Json<Detail>, Problem> {
    let found = central.store.activation(identity.clone()).await?;
    let activation = found.ok_or(StoreError::Absent { what: "activation", id: identity.clone() })?;
    let lines = central.store.lines(identity).await?;
    Ok(Json(Detail {
        activation: activation.into(),
        lines: lines.into_iter().map(LineShape::from).collect(),
    }))
}

/// Confirms an activation; one that was blocked for want of it becomes active
#[utoipa::path(
    post, path = "/api/v1/activations/{identity}/confirm", tag = "activations", operation_id = "confirm_activation",
    params(("identity" = String, Path, format = "uuid", description = "Whom its reports are counted for")),
    responses(
        (status = 200, description = "The activation as it is since", body = ActivationShape), Always, Malformed, Absent,
        Conflict
    )
)]
pub(super) async fn confirm(
    State(central): State<Central>,
    admin: Admin,
    Id(identity): Id,
) -> Result<Json<ActivationShape>, Problem> {
    change(&central, &admin, identity, ActivationChange::Confirm).await
}

/// Disables an activation: its reports wait at the instance until it is enabled
#[utoipa::path(
    post, path = "/api/v1/activations/{identity}/disable", tag = "activations", operation_id = "disable_activation",
    params(("identity" = String, Path, format = "uuid", description = "Whom its reports are counted for")),
    responses(
        (status = 200, description = "The activation as it is since", body = ActivationShape), Always, Malformed, Absent,
        Conflict
    )
)]
pub(super) async fn disable(
    State(central): State<Central>,
    admin: Admin,
    Id(identity): Id,
) -> Result<Json<ActivationShape>, Problem> {
    change(&central, &admin, identity, ActivationChange::State(ActivationState::Disabled)).await
}

/// Enables an activation that is disabled or blocked
#[utoipa::path(
    post, path = "/api/v1/activations/{identity}/enable", tag = "activations", operation_id = "enable_activation",
    params(("identity" = String, Path, format = "uuid", description = "Whom its reports are counted for")),
    responses(
        (status = 200, description = "The activation as it is since", body = ActivationShape), Always, Malformed, Absent,
        Conflict
    )
)]
pub(super) async fn enable(
    State(central): State<Central>,
    admin: Admin,
    Id(identity): Id,
) -> Result<Json<ActivationShape>, Problem> {
    change(&central, &admin, identity, ActivationChange::State(ActivationState::Active)).await
}

/// Deletes an activation: the instance has to be activated anew. What it has reported stays
#[utoipa::path(
    post, path = "/api/v1/activations/{identity}/delete", tag = "activations", operation_id = "delete_activation",
    params(("identity" = String, Path, format = "uuid", description = "Whom its reports are counted for")),
    responses(
        (status = 200, description = "The activation as it is since", body = ActivationShape), Always, Malformed, Absent,
        Conflict
    )
)]
pub(super) async fn delete(
    State(central): State<Central>,
    admin: Admin,
    Id(identity): Id,
) -> Result<Json<ActivationShape>, Problem> {
    change(&central, &admin, identity, ActivationChange::State(ActivationState::Deleted)).await
}

async fn change(
    central: &Central,
    admin: &Admin,
    identity: String,
    change: ActivationChange,
) -> Result<Json<ActivationShape>, Problem> {
    let by = admin.by(central);
    Ok(Json(central.store.change_activation(identity, change, by).await?.into()))
}
