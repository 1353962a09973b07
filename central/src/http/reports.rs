//! `POST /v1/reports`: a batch of reports.

use super::{Problem, body};
use crate::central::Central;
use crate::intake::{self, Way};
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;

pub(super) async fn take(
    State(central): State<Central>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let body = body::read(&central.bodies, request, intake::BATCH_MAX_BYTES).await?;
    let batch = intake::decode(&body.bytes)?;
    let now_s = central.clock.now_s();
    let (answer, tally) =
        intake::take(&*central.store, &central.keys, &central.known, batch, Way::Pushed, now_s).await?;
    central.counts.add(tally);
    central.metrics.add(&tally);
    Ok(body::answer(answer))
}
