//! `/api/v1/keys`: what central signs receipts with.

use super::super::Problem;
use super::auth::Admin;
use super::refusals::{Always, Conflict};
use crate::central::Central;
use crate::keys;
use crate::shapes::KeyShape;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// Central's signing keys.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Keys)]
pub(super) struct List {
    /// The oldest first: the last one signs.
    keys: Vec<KeyShape>,
}

/// Lists the public keys that central signs with, or did
#[utoipa::path(
    get, path = "/api/v1/keys", tag = "keys", operation_id = "list_keys",
    responses((status = 200, description = "The keys", body = List), Always)
)]
pub(super) async fn list(State(central): State<Central>) -> Result<Json<List>, Problem> {
    let keys = central.store.signing_keys().await?;
    Ok(Json(List { keys: KeyShape::all(&keys) }))
}

/// Makes a new key that signs from now on; the one before it signs that it gives way
#[utoipa::path(
    post, path = "/api/v1/keys/rotate", tag = "keys", operation_id = "rotate_key",
    responses((status = 201, description = "The keys as they are since", body = List), Always, Conflict)
)]
pub(super) async fn rotate(
    State(central): State<Central>,
    admin: Admin,
) -> Result<(StatusCode, Json<List>), Problem> {
    keys::rotate(&*central.store, admin.by(&central)).await?;
    central.keys.refresh().await?;
    let keys = central.store.signing_keys().await?;
    Ok((StatusCode::CREATED, Json(List { keys: KeyShape::all(&keys) })))
}
