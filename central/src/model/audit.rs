//! The audit trail: who changed what, when, from what to what.

use super::Page;
use serde::Serialize;

/// Who changes something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// `cli:USER`, `admin:NAME`, `service:ID`, `instance:ID`, or `central` for what it does by itself.
    pub who: String,
    /// Now.
    pub at: i64,
}

impl By {
    /// Central itself.
    #[must_use]
    pub fn central(at: i64) -> Self {
        By { who: "central".to_owned(), at }
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditRow {
    /// Its number, from 1.
    pub id: i64,
    /// When it was.
    pub at: i64,
    /// Who did it.
    pub who: String,
    /// What was done: `contract_created`, `token_revoked`, …
    pub action: String,
    /// The id of what was changed.
    pub subject: String,
    /// What it was before, as JSON; null for what is new.
    pub before: serde_json::Value,
    /// What it is since, as JSON.
    pub after: serde_json::Value,
}

/// Which changes to list: newest first; the cursor is the `id`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Only those of this subject.
    pub subject: Option<String>,
    /// Only those from this moment on.
    pub since: Option<i64>,
    /// Which stretch.
    pub page: Page,
}
