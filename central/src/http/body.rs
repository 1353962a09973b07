//! Bodies in protobuf: read bounded, answered as such.

use super::Problem;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};

const PROTOBUF: &str = "application/x-protobuf";

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
    let too_large = || {
        let message = format!("the body is longer than {max} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message, "send it in parts")
    };
    let told =
        request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if told.is_some_and(|length| length > max as u64) {
        return Err(too_large());
    }
    match axum::body::to_bytes(request.into_body(), max).await {
        Ok(bytes) => Ok(bytes.into()),
        Err(error)
            if std::error::Error::source(&error).is_some_and(|e| e.to_string().contains("length limit")) =>
        {
            Err(too_large())
        }
        Err(_) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "incomplete",
            "the body did not come whole",
            "send it again",
        )),
    }
}

fn is_protobuf(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(PROTOBUF))
}

/// An answer in protobuf.
pub(super) fn answer(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(PROTOBUF))], bytes).into_response()
}
