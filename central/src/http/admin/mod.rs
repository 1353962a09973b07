//! The administration over REST, under `/api/v1`. One file a resource.
//!
//! Who has a token of the administration may do all of it, who has a service token may fetch the licences of one contract. Each change and its row in the audit trail are one transaction.

mod activations;
mod alarms;
mod audit;
mod auth;
mod clusters;
mod contract_bodies;
mod contracts;
mod input;
mod keys;
mod licences;
mod openapi;
mod refusals;
mod reports;
mod tokens;

pub use openapi::{document, text as document_text};

use super::Problem;
use crate::central::Central;
use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

/// The longest body that the administration takes, in bytes.
pub const BODY_MAX_BYTES: usize = 64 * 1024;

/// The routes under `/api/v1`.
pub fn router(central: Central) -> Router<Central> {
    let admitted = Router::new()
        .route("/contracts", get(contracts::list).post(contracts::create))
        .route("/contracts/{id}", get(contracts::show).patch(contracts::change))
        .route("/contracts/{id}/revoke", post(contracts::revoke))
        .route("/contracts/{id}/restore", post(contracts::restore))
        .route("/tokens", get(tokens::list).post(tokens::create))
        .route("/tokens/{id}/revoke", post(tokens::revoke))
        .route("/activations", get(activations::list))
        .route("/activations/{identity}", get(activations::show))
        .route("/activations/{identity}/confirm", post(activations::confirm))
        .route("/activations/{identity}/disable", post(activations::disable))
        .route("/activations/{identity}/enable", post(activations::enable))
        .route("/activations/{identity}/delete", post(activations::delete))
        .route("/clusters", get(clusters::list))
        .route("/clusters/{id}", get(clusters::show).patch(clusters::rename))
        .route("/clusters/{id}/days", get(clusters::days))
        .route("/reports", get(reports::list))
        .route("/reports/{identity}/{sequence}", get(reports::show))
        .route("/reports/{identity}/{sequence}/raw", get(reports::raw))
        .route("/alarms", get(alarms::list))
        .route("/alarms/{id}/acknowledge", post(alarms::acknowledge))
        .route("/licences", get(licences::list).post(licences::issue))
        .route("/audit", get(audit::list))
        .route("/keys", get(keys::list))
        .route("/keys/rotate", post(keys::rotate))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(central.clone(), auth::admit));
    let read = Router::new()
        .route("/licences/{instance}", get(licences::fetch))
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(central, auth::admit_reader));
    // The document tells nothing of this central: whoever wants to write a client may read it.
    let open =
        Router::new().route("/openapi.json", get(openapi::serve)).method_not_allowed_fallback(wrong_method);
    Router::new().merge(open).merge(read).merge(admitted)
}

async fn nothing_here() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no_such_path",
        "there is nothing at this path",
        "look up the paths in /api/v1/openapi.json",
    )
}

async fn wrong_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "wrong_method",
        "this path does not take this method",
        "use one of those that the header Allow names",
    )
}
