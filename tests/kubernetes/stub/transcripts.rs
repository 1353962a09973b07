//! What a real API server was recorded to answer.

use serde::Deserialize;
use serde_json::Value;

const TRANSCRIPTS: &str = include_str!("../../fixtures/kubernetes/transcripts.jsonl");

#[derive(Deserialize)]
pub(crate) struct Recorded {
    pub(crate) name: String,
    #[serde(rename = "as")]
    pub(crate) who: String,
    pub(crate) request: Request,
    pub(crate) response: Response,
}

#[derive(Deserialize)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Value,
}

#[derive(Deserialize)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

pub(crate) fn all() -> Vec<Recorded> {
    TRANSCRIPTS.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A recorded call, by its name.
pub(crate) fn recorded(name: &str) -> Recorded {
    all().into_iter().find(|recorded| recorded.name == name).unwrap_or_else(|| panic!("no call {name}"))
}
