//! What a request is answered with when it can't be done: `application/problem+json` (RFC 9457).

use crate::bundles::BundleFault;
use crate::intake::IntakeError;
use crate::keys::KeyError;
use crate::shapes::ProblemShape;
use crate::store::StoreError;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// How long a client waits before it tries again, in seconds, where nothing else is known.
const RETRY_AFTER_S: u32 = 5;

/// Why a request was not done, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    word: &'static str,
    message: String,
    mend: String,
    retry_after_s: Option<u32>,
}

impl Problem {
    /// A problem: its word is for programs, the rest for people.
    pub fn new(
        status: StatusCode,
        word: &'static str,
        message: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Problem { status, word, message: message.into(), mend: mend.into(), retry_after_s: None }
    }

    /// Its status, what is wrong, and what to do about it: for a page.
    #[must_use]
    pub fn told(&self) -> (StatusCode, &str, &str) {
        (self.status, &self.message, &self.mend)
    }

    /// The client is to try again after so many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Absent { .. } => {
                Problem::new(StatusCode::NOT_FOUND, "not_found", error.to_string(), "check the id")
            }
            StoreError::Conflict(_) => {
                Problem::new(StatusCode::CONFLICT, "conflict", error.to_string(), "look at it again first")
            }
            StoreError::Busy => {
                let mend = "wait as long as Retry-After says";
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", error.to_string(), mend)
                    .retry_after(RETRY_AFTER_S)
            }
            // What the database says is for central's log: it names places of this host.
            _ => {
                tracing::error!(error = %error, "store_failed");
                Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "store_failed",
                    "central can't use its database now",
                    "try again later; central's log tells more",
                )
                .retry_after(RETRY_AFTER_S)
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ProblemShape {
            title: self.status.canonical_reason().unwrap_or("Problem"),
            status: self.status.as_u16(),
            error: self.word,
            detail: self.message,
            mend: self.mend,
        };
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (self.status, kind, Json(body)).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Malformed(_) => Problem::new(
                StatusCode::BAD_REQUEST,
                "malformed",
                error.to_string(),
                "send a highwater.v1.ReportBatch: is the agent's version newer than central's?",
            ),
            IntakeError::Store(error) => error.into(),
            IntakeError::Keys(error) => error.into(),
            IntakeError::Ending => {
                let mend = "wait as long as Retry-After says";
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "ending", error.to_string(), mend)
                    .retry_after(RETRY_AFTER_S)
            }
        }
    }
}

impl From<BundleFault> for Problem {
    fn from(error: BundleFault) -> Self {
        match error {
            BundleFault::None(_) => Problem::new(
                StatusCode::BAD_REQUEST,
                "malformed",
                error.to_string(),
                "send a file that `highwater export` has made",
            ),
            BundleFault::Inward => Problem::new(
                StatusCode::BAD_REQUEST,
                "inward",
                error.to_string(),
                "on that host: highwater import FILE",
            ),
            BundleFault::TooLong | BundleFault::Answer(_) => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                error.to_string(),
                "send it in parts",
            ),
            BundleFault::Broken(_) => {
                Problem::new(StatusCode::BAD_REQUEST, "incomplete", error.to_string(), "send it again")
            }
            BundleFault::Store(error) => error.into(),
            BundleFault::Keys(error) => error.into(),
            BundleFault::Ending => IntakeError::Ending.into(),
        }
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(error) => error.into(),
            KeyError::None | KeyError::Damaged(_) => {
                tracing::error!(error = %error, "store_failed");
                let mend = "try again later; central's log tells more";
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no_key", "central can't sign now", mend)
                    .retry_after(RETRY_AFTER_S)
            }
        }
    }
}
