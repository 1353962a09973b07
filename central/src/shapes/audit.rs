//! A row of the audit trail, as others read it.

use super::at;
use crate::model::AuditRow;
use serde::Serialize;

/// One change: who made it, when, from what to what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Change)]
pub struct AuditShape {
    /// Its number.
    #[schema(minimum = 1)]
    pub id: i64,
    /// When it was.
    #[schema(format = DateTime)]
    pub at: String,
    /// Who did it: `cli:USER`, `admin:NAME`, `instance:ID`, or `central`.
    pub who: String,
    /// What was done: `contract_created`, `token_revoked`, …
    pub action: String,
    /// The id of what was changed.
    pub subject: String,
    /// What it was before; null for what is new. Moments in it are unix seconds.
    #[schema(value_type = Value, required)]
    pub before: serde_json::Value,
    /// What it is since. Moments in it are unix seconds.
    #[schema(value_type = Value, required)]
    pub after: serde_json::Value,
}

impl From<AuditRow> for AuditShape {
    fn from(row: AuditRow) -> Self {
        AuditShape {
            id: row.id,
            at: at(row.at),
            who: row.who,
            action: row.action,
            subject: row.subject,
            before: row.before,
            after: row.after,
        }
    }
}
