//! `POST /v1/bundles`: a file that was carried out of a site.

use super::Problem;
use super::body::kind_of;
use crate::bundles::{self, BundleFault, Chunks};
use crate::central::Central;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use highwater_rules::bundle::{BUNDLE_MAX_BYTES, MEDIA_TYPE};
use http_body_util::BodyExt as _;
use std::time::Duration;
use tokio::time::timeout;

/// Says why a bundle could not be read to its end. What came before is answered.
const CUT: HeaderName = HeaderName::from_static("highwater-cut");
/// Who sends nothing for so long is gone.
pub(super) const PIECE: Duration = Duration::from_secs(60);

/// A body of HTTP, as it comes in.
pub(super) struct Incoming(Body);

impl Chunks for Incoming {
    async fn next(&mut self) -> Option<Result<Bytes, String>> {
        loop {
            match timeout(PIECE, self.0.frame()).await {
                Ok(None) => return None,
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
                Ok(Some(Err(error))) => return Some(Err(error.to_string())),
                Err(_) => return Some(Err(format!("nothing came for {} s", PIECE.as_secs()))),
            }
        }
    }
}

/// Takes a bundle, and gives the one that is carried back
///
/// Anyone may send one: what is in it is signed by those whom it is of. What could be read of a cut or damaged bundle counts; then the
/// header `highwater-cut` says after which record it could not be read on.
#[utoipa::path(
    post, path = "/v1/bundles", tag = "bundles", operation_id = "take_bundle", security(()),
    request_body(content = Vec<u8>, content_type = "application/vnd.highwater.bundle", description = "The bundle: 64 MiB at the most"),
    responses(
        (status = 200, description = "The bundle that is carried back", body = Vec<u8>, content_type = "application/vnd.highwater.bundle"),
        (status = 400, description = "Nothing of it is a bundle, or it did not come whole", body = crate::shapes::ProblemShape, content_type = "application/problem+json"),
        (status = 408, description = "It took too long", body = crate::shapes::ProblemShape, content_type = "application/problem+json"),
        (status = 413, description = "It is too long", body = crate::shapes::ProblemShape, content_type = "application/problem+json"),
        (status = 415, description = "It is not said to be a bundle", body = crate::shapes::ProblemShape, content_type = "application/problem+json"),
        (status = 429, description = "This address asks too often", body = crate::shapes::ProblemShape, content_type = "application/problem+json"),
        (status = 503, description = "There is no room for it now; `Retry-After` says when to send it again", body = crate::shapes::ProblemShape, content_type = "application/problem+json")
    )
)]
pub(crate) async fn take(
    State(central): State<Central>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    if ![MEDIA_TYPE, "application/octet-stream"].contains(&kind_of(request.headers()).as_str()) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "the body is not said to be a bundle",
            format!("send it as Content-Type: {MEDIA_TYPE}"),
        ));
    }
    if length(request.headers()).is_some_and(|length| length > BUNDLE_MAX_BYTES) {
        return Err(BundleFault::TooLong.into());
    }
    let (taken, back) = bundles::take(&central, &mut Incoming(request.into_body())).await?;
    let mut response = ([(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))], back).into_response();
    // What a header can't say is not said there: the replies in the bundle tell it as well.
    if let Some(cut) = taken.cut.and_then(|cut| HeaderValue::from_str(&cut).ok()) {
        response.headers_mut().insert(CUT, cut);
    }
    Ok(response)
}

/// How long a body is said to be.
pub(super) fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
