//! What can be asked over HTTPS. One file a resource.

mod activations;
pub mod admin;
mod body;
mod bundles;
mod health;
mod licences;
mod problem;
mod reports;
mod upload;
mod uploads;

pub use problem::Problem;

use crate::central::Central;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};

/// All routes.
pub fn router(central: Central) -> Router {
    Router::new()
        .nest("/api/v1", admin::router(central.clone()))
        .route("/v1/reports", post(reports::take))
        .route("/v1/activations", post(activations::join))
        .route("/v1/licences", post(licences::renew))
        .route("/v1/uploads", post(uploads::grant))
        .route("/v1/bundles", post(bundles::take))
        .route("/upload", upload::routes())
        .route("/upload/answer", upload::answer_routes())
        .route("/", get(health::about))
        .route("/metrics", get(health::metrics))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(async || {
            Problem::new(
                StatusCode::NOT_FOUND,
                "not_found",
                "there is nothing at this address",
                "agents are given central's own address, without a path",
            )
        })
        .with_state(central)
}

/// Whether a path takes bundles, which may be long and on the way for long.
#[must_use]
pub fn takes_bundles(path: &str) -> bool {
    path == "/v1/bundles" || path == "/upload" || path == "/upload/answer"
}
