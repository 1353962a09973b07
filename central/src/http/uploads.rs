//! `POST /v1/uploads`: an agent asks where to upload to.

use super::{Problem, body};
use crate::central::Central;
use crate::uploads::{self, UploadError};
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::Response;

/// How long an agent waits where no URL can be signed, in seconds.
const RETRY_AFTER_S: u32 = 60;

pub(super) async fn grant(
    State(central): State<Central>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let body = body::read(&central.bodies, request, uploads::REQUEST_MAX_BYTES).await?;
    Ok(body::answer(uploads::answer(&central, &body.bytes).await?))
}

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Malformed(_) | UploadError::Signature(_) => Problem::new(
                StatusCode::BAD_REQUEST,
                "malformed",
                error.to_string(),
                "send an envelope of highwater.v1.UploadRequest, signed by the identity key",
            ),
            // What the store says is for central's log.
            UploadError::Storage(error) => {
                tracing::error!(error = %error, "object_store_failed");
                let mend = "try again later; central's log tells more";
                let what = "central can't sign a URL of its object storage now";
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "object_store_failed", what, mend)
                    .retry_after(RETRY_AFTER_S)
            }
            UploadError::Store(error) => error.into(),
            UploadError::Keys(error) => error.into(),
        }
    }
}
