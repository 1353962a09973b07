//! Bodies in protobuf: read bounded, answered as such.

use super::Problem;
use crate::bodies::Bodies;
use crate::store::StoreError;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use tokio::sync::OwnedSemaphorePermit;

const PROTOBUF: &str = "application/x-protobuf";
/// A body that is too long is still read, up to so many times its limit, and thrown away: a client that is cut off while it writes
/// never sees why.
const DRAIN_FACTOR: usize = 4;

/// A body, and its part of the room for all of them, which it gives back when it is dropped.
pub(super) struct Bytes {
    pub(super) bytes: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

/// The bytes of a protobuf body of at most `max` bytes.
///
/// # Errors
/// When it is of another type, longer, or does not come whole, and when there is no room for it now.
pub(super) async fn read(bodies: &Bodies, request: Request<Body>, max: usize) -> Result<Bytes, Problem> {
    if !is_protobuf(request.headers()) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "the body is not said to be protobuf",
            format!("send it as Content-Type: {PROTOBUF}"),
        ));
    }
    whole(bodies, request.into_body(), max).await
}

/// The bytes of a body of at most `max` bytes, whatever they are.
///
/// # Errors
/// When it is longer, or does not come whole, and when there is no room for it now.
pub(super) async fn whole(bodies: &Bodies, mut body: Body, max: usize) -> Result<Bytes, Problem> {
    let mut bytes = Vec::new();
    let mut room = bodies.take(0).ok_or_else(busy)?;
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
            room.merge(bodies.take(data.len()).ok_or_else(busy)?);
            bytes.extend_from_slice(&data);
        }
    }
    if length > max {
        let message = format!("the body is longer than {max} bytes");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message, "send it in parts"));
    }
    Ok(Bytes { bytes, _room: room })
}

fn busy() -> Problem {
    StoreError::Busy.into()
}

fn is_protobuf(headers: &HeaderMap) -> bool {
    kind_of(headers) == PROTOBUF
}

/// Of what type a body is said to be, in lower case and without parameters.
pub(super) fn kind_of(headers: &HeaderMap) -> String {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// An answer in protobuf.
pub(super) fn answer(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(PROTOBUF))], bytes).into_response()
}
