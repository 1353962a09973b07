//! Whether the server lives, whether it can work, and what it counts. It needs no token, and tells no secret.

use super::Problem;
use crate::central::Central;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

/// How long one who waits for the store to recover waits before asking again, in seconds.
const RETRY_AFTER_S: u32 = 5;

/// `GET /healthz`: the process answers, and says whether its store can be written. Where it can't, the process is alive all the
/// same: to start it again would mend no disk.
pub(super) async fn alive(State(central): State<Central>) -> &'static str {
    if central.watched.writable(&*central.store).await {
        "ok\nstore writable\n"
    } else {
        "ok\nstore not writable\n"
    }
}

/// `GET /readyz`: reports can be taken.
pub(super) async fn ready(State(central): State<Central>) -> Result<&'static str, Problem> {
    if central.watched.writable(&*central.store).await {
        return Ok("ready\n");
    }
    Err(Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "not_writable",
        "the store can't be written now",
        "look at the disk and at central's log",
    )
    .retry_after(RETRY_AFTER_S))
}

/// `GET /metrics`, as Prometheus reads it.
pub(super) async fn metrics(State(central): State<Central>) -> Result<impl IntoResponse, Problem> {
    let figures = central.watched.figures(&*central.store).await?;
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], central.metrics.text(&figures)))
}

/// `GET /`: what this is.
pub(super) async fn about() -> &'static str {
    concat!(
        "highwater-central ",
        env!("CARGO_PKG_VERSION"),
        "\n\nHere highwater's agents send their signed usage reports, and get signed receipts.\n\n",
        "  /api/v1/openapi.json   the administration over REST, described (OpenAPI)\n",
        "  /upload                for people: files that were carried out of a site, and the receipts for them\n",
        "  /healthz, /readyz      whether it lives, whether it can take reports\n",
        "  /metrics               what it counts, for Prometheus\n\n",
        "On this host, `highwater-central --help` tells of the command line.\n",
        "The documentation is in docs/ of the sources: docs/central-api.md\n"
    )
}
