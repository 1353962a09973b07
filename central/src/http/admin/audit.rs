//! `/api/v1/audit`: who changed what.

use super::super::Problem;
use super::input::{Query, malformed, moment, next, number, page};
use super::refusals::{Always, Malformed};
use crate::central::Central;
use crate::model::AuditFilter;
use crate::shapes::AuditShape;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The longest id of what was changed, in characters.
const SUBJECT_MAX_CHARS: usize = 100;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Only changes of what has this id.
    #[param(pattern = "^[0-9a-zA-Z/_-]{1,100}$")]
    subject: Option<String>,
    /// Only changes from this moment on.
    #[param(format = DateTime)]
    since: Option<String>,
    /// How many at the most; 100 where it is not said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<String>,
    /// Behind which one the page begins: `next` of the page before.
    #[param(pattern = "^[1-9][0-9]{0,17}$")]
    after: Option<String>,
}

/// Changes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Changes)]
pub(super) struct List {
    /// The newest first.
    changes: Vec<AuditShape>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    next: Option<String>,
}

/// Lists changes, the newest first
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "audit", operation_id = "list_changes", params(Asked),
    responses((status = 200, description = "A page of changes", body = List), Always, Malformed)
)]
pub(super) async fn list(
    State(central): State<Central>,
    Query(asked): Query<Asked>,
) -> Result<Json<List>, Problem> {
    let after = asked.after.map(|text| number("after", &text).map(|id| id.to_string())).transpose()?;
    let page = page(asked.limit.as_deref(), after)?;
    let filter = AuditFilter {
        subject: asked.subject.map(subject).transpose()?,
        since: asked.since.map(|text| moment("since", &text)).transpose()?,
        page: page.clone(),
    };
    let changes = central.store.audit(filter).await?;
    let next = next(&page, &changes, |one| one.id.to_string());
    Ok(Json(List { changes: changes.into_iter().map(AuditShape::from).collect(), next }))
}

fn subject(text: String) -> Result<String, Problem> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-');
    if (1..=SUBJECT_MAX_CHARS).contains(&text.len()) && text.bytes().all(plain) {
        return Ok(text);
    }
    Err(malformed("subject", "this is no id", "write the id of what was changed"))
}
