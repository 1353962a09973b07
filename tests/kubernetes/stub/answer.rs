//! Answers in the form of the API.

use serde_json::{Value, json};

/// A status and a body.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    pub(super) fn ok(body: Value) -> Self {
        Answer { status: 200, body }
    }

    pub(super) fn created(body: Value) -> Self {
        Answer { status: 201, body }
    }

    /// A failure, as the API tells of one.
    pub(super) fn failure(code: u16, reason: &str, message: &str, details: Option<Value>) -> Self {
        let mut body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": reason,
            "code": code,
        });
        if let Some(details) = details {
            body["details"] = details;
        }
        Answer { status: code, body }
    }
}
