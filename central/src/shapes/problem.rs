//! Why a request was not done, as others read it (RFC 9457).

use serde::Serialize;

/// Why a request was not done, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemShape {
    /// The status code's own phrase.
    pub title: &'static str,
    /// The status code.
    pub status: u16,
    /// A word for programs: it stays the same where the texts change.
    pub error: &'static str,
    /// What is wrong.
    pub detail: String,
    /// What to do about it.
    pub mend: String,
}
