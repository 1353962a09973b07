//! Whether the server lives, and whether it can work.

use super::Problem;
use crate::central::Central;
use axum::extract::State;

/// `GET /healthz`: the process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the database can be read.
pub(super) async fn ready(State(central): State<Central>) -> Result<&'static str, Problem> {
    central.keys.refresh().await?;
    Ok("ready\n")
}
