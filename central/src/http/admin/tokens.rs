//! `/api/v1/tokens`: what operators hand out so that instances may join.

use super::super::Problem;
use super::auth::Admin;
use super::input::{Body, Id, Query, malformed, next, page, uuid, whole};
use super::refusals::{Absent, Always, Bodily, Malformed};
use crate::central::Central;
use crate::enrol;
use crate::model::Confirm;
use crate::shapes::TokenShape;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Only those of this contract.
    #[param(format = "uuid")]
    contract: Option<String>,
    /// How many at the most; 100 where it is not said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<String>,
    /// Behind which one the page begins: `next` of the page before.
    #[param(format = "uuid")]
    after: Option<String>,
}

/// Enrolment tokens.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tokens)]
pub(super) struct List {
    /// In the order of their ids.
    tokens: Vec<TokenShape>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    next: Option<String>,
}

/// An enrolment token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewToken)]
pub(super) struct New {
    /// The contract that instances join under.
    #[schema(format = "uuid")]
    contract: String,
    /// How many instances may join; without it, any number.
    #[schema(minimum = 1, maximum = 1000000)]
    #[serde(default, deserialize_with = "whole")]
    uses: Option<u32>,
    /// How long it holds, in seconds; without it, until it is revoked.
    #[schema(minimum = 1, maximum = 315360000)]
    #[serde(default, deserialize_with = "whole")]
    expires_in_s: Option<u64>,
    /// What an activation by it needs; nothing more (`auto`) where it is not said.
    confirm: Option<Confirm>,
}

/// An enrolment token with its secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MadeToken)]
pub(super) struct Made {
    /// What the agent is given: `highwater activate --token`. It can't be shown again.
    text: String,
    /// The token as central keeps it.
    token: TokenShape,
}

/// Lists enrolment tokens, without their secrets
#[utoipa::path(
    get, path = "/api/v1/tokens", tag = "tokens", operation_id = "list_tokens", params(Asked),
    responses((status = 200, description = "A page of tokens", body = List), Always, Malformed)
)]
pub(super) async fn list(
    State(central): State<Central>,
    Query(asked): Query<Asked>,
) -> Result<Json<List>, Problem> {
    let contract = asked.contract.map(|text| uuid("contract", text)).transpose()?;
    let after = asked.after.map(|text| uuid("after", text)).transpose()?;
    let page = page(asked.limit.as_deref(), after)?;
    let tokens = central.store.tokens(contract, page.clone()).await?;
    let next = next(&page, &tokens, |one| one.id.clone());
    Ok(Json(List { tokens: tokens.into_iter().map(TokenShape::from).collect(), next }))
}

/// Makes an enrolment token, and shows its secret this once
#[utoipa::path(
    post, path = "/api/v1/tokens", tag = "tokens", operation_id = "create_token", request_body = New,
    responses(
        (status = 201, description = "The token", body = Made), Always, Malformed, Absent, Bodily
    )
)]
pub(super) async fn create(
    State(central): State<Central>,
    admin: Admin,
    Body(new): Body<New>,
) -> Result<impl IntoResponse, Problem> {
    let by = admin.by(&central);
    let wanted = enrol::Wanted {
        contract: uuid("contract", new.contract)?,
        uses: new.uses,
        expires_in_s: new.expires_in_s,
        confirm: new.confirm.unwrap_or(Confirm::Auto),
    };
    wanted.check().map_err(|no| malformed("the body", no, "look up the bounds in /api/v1/openapi.json"))?;
    let (token, text) = enrol::make(&*central.store, wanted, by).await?;
    let made = Made { text, token: token.into() };
    // No cache on the way keeps the secret.
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(made)))
}

/// Revokes an enrolment token: nothing joins by it any more, and what has joined stays
#[utoipa::path(
    post, path = "/api/v1/tokens/{id}/revoke", tag = "tokens", operation_id = "revoke_token",
    params(("id" = String, Path, format = "uuid", description = "The token's id")),
    responses(
        (status = 200, description = "The token as it is since", body = TokenShape), Always, Malformed, Absent
    )
)]
pub(super) async fn revoke(
    State(central): State<Central>,
    admin: Admin,
    Id(id): Id,
) -> Result<Json<TokenShape>, Problem> {
    let by = admin.by(&central);
    Ok(Json(central.store.revoke_token(id, by).await?.into()))
}
