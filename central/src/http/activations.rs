//! `POST /v1/activations`: an instance joins.

use super::{Problem, body};
use crate::activate::{self, JoinError};
use crate::central::Central;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::Response;

pub(super) async fn join(
    State(central): State<Central>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let body = body::read(&central.bodies, request, activate::REQUEST_MAX_BYTES).await?;
    let now_s = central.clock.now_s();
    let answer = activate::join(&*central.store, &central.keys, &body.bytes, now_s).await?;
    Ok(body::answer(answer))
}

impl From<JoinError> for Problem {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::Malformed(_) | JoinError::Signature(_) => Problem::new(
                StatusCode::BAD_REQUEST,
                "malformed",
                error.to_string(),
                "send an envelope of highwater.v1.Activation, signed by the key in it",
            ),
            JoinError::Denied(denied) => {
                Problem::new(StatusCode::FORBIDDEN, denied.word(), denied.to_string(), denied.mend())
            }
            JoinError::Store(error) => error.into(),
            JoinError::Keys(error) => error.into(),
        }
    }
}
