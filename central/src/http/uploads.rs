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

/// Tells an agent where to upload its bundles to
///
/// The request is an envelope of `highwater.v1.UploadRequest`, signed by the instance's identity key, and its answer is signed by central:
/// docs/wire.md tells of both.
#[utoipa::path(
    post, path = "/v1/uploads", tag = "bundles", operation_id = "grant_upload", security(()),
    request_body(content = Vec<u8>, content_type = "application/x-protobuf", description = "The envelope: 16 KiB at the most"),
    responses(
        (status = 200, description = "Signed URLs, or why there are none", body = Vec<u8>, content_type = "application/x-protobuf"),
        (status = 400, description = "It is no such envelope, or its signature does not fit", body = crate::shapes::ProblemShape, content_type = "application/problem+json"),
        (status = 413, description = "It is too long", body = crate::shapes::ProblemShape, content_type = "application/problem+json"),
        (status = 415, description = "It is not said to be protobuf", body = crate::shapes::ProblemShape, content_type = "application/problem+json"),
        (status = 429, description = "This address asks too often", body = crate::shapes::ProblemShape, content_type = "application/problem+json"),
        (status = 503, description = "No URL can be signed now; `Retry-After` says when to ask again", body = crate::shapes::ProblemShape, content_type = "application/problem+json")
    )
)]
pub(crate) async fn grant(
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
