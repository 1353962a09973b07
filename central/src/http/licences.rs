//! `POST /v1/licences`: an instance asks for its licence.

use super::{Problem, body};
use crate::central::Central;
use crate::licences::{self, FetchError, LicenceRequestError};
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::Response;

pub(super) async fn renew(
    State(central): State<Central>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let body = body::read(&central.bodies, request, licences::REQUEST_MAX_BYTES).await?;
    let now_s = central.clock.now_s();
    let answer = licences::renew(&*central.store, &central.keys, &body.bytes, now_s).await?;
    Ok(body::answer(answer))
}

impl From<LicenceRequestError> for Problem {
    fn from(error: LicenceRequestError) -> Self {
        match error {
            LicenceRequestError::Malformed(_) | LicenceRequestError::Signature(_) => Problem::new(
                StatusCode::BAD_REQUEST,
                "malformed",
                error.to_string(),
                "send an envelope of highwater.v1.LicenceRequest, signed by the key of the activation",
            ),
            LicenceRequestError::Store(error) => error.into(),
            LicenceRequestError::Keys(error) => error.into(),
        }
    }
}

impl From<FetchError> for Problem {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Unlicensed(why) => Problem::new(
                StatusCode::CONFLICT,
                why.word(),
                error.to_string(),
                "look at the contract and the activation; a licence is issued when both hold",
            ),
            FetchError::Store(error) => error.into(),
            FetchError::Keys(error) => error.into(),
        }
    }
}
