//! Bodies in protobuf: read bounded, answered as such.

use super::Problem;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;

const PROTOBUF: &str = "application/x-protobuf";
/// A body that is too long is still read, up to so many times its limit, and thrown away: a client that is cut off while it writes
/// never sees why.
const DRAIN_FACTOR: usize = 4;

/// The bytes of a protobuf body of at most `max` bytes.
///
/// # Errors
/// When it is of another type, longer, or does not come whole.
pub(super) async fn read(request: Request<Body>, max: usize) -> Result<Vec<u8>, Problem> {
    if !is_protobuf(request.headers()) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "the body is not said to be protobuf",
            format!("send it as Content-Type: {PROTOBUF}"),
        ));
    }
    let mut body = request.into_body();
    let mut bytes = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            let message = "the body did not come whole";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "incomplete", message, "send it again"));
        };
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length > DRAIN_FACTOR * max {
            break;
        }
        if length <= max {
            bytes.extend_from_slice(&data);
        }
    }
    if length > max {
        let message = format!("the body is longer than {max} bytes");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message, "send it in parts"));
    }
    Ok(bytes)
}

fn is_protobuf(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(PROTOBUF))
}

/// An answer in protobuf.
pub(super) fn answer(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(PROTOBUF))], bytes).into_response()
}
