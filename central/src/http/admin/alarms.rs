//! `/api/v1/alarms`: what someone should look at.

use super::super::Problem;
use super::auth::Admin;
use super::input::{Number, Query, flag, next, number, page, uuid, word};
use super::refusals::{Absent, Always, Malformed};
use crate::central::Central;
use crate::model::{AlarmFilter, AlarmKind};
use crate::shapes::AlarmShape;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Only those of this identity.
    #[param(format = "uuid")]
    identity: Option<String>,
    /// Only of this kind.
    #[param(value_type = Option<AlarmKind>)]
    kind: Option<String>,
    /// Only those that nobody has taken note of.
    #[param(value_type = Option<bool>)]
    open: Option<String>,
    /// How many at the most; 100 where it is not said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<String>,
    /// Behind which one the page begins: `next` of the page before.
    #[param(pattern = "^[1-9][0-9]{0,17}$")]
    after: Option<String>,
}

/// Alarms.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Alarms)]
pub(super) struct List {
    /// The newest first.
    alarms: Vec<AlarmShape>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    next: Option<String>,
}

/// Lists alarms, the newest first
#[utoipa::path(
    get, path = "/api/v1/alarms", tag = "alarms", operation_id = "list_alarms", params(Asked),
    responses((status = 200, description = "A page of alarms", body = List), Always, Malformed)
)]
pub(super) async fn list(
    State(central): State<Central>,
    Query(asked): Query<Asked>,
) -> Result<Json<List>, Problem> {
    let after = asked.after.map(|text| number("after", &text).map(|id| id.to_string())).transpose()?;
    let page = page(asked.limit.as_deref(), after)?;
    let filter = AlarmFilter {
        identity: asked.identity.map(|text| uuid("identity", text)).transpose()?,
        kind: word("kind", asked.kind.as_deref())?,
        open: flag("open", asked.open.as_deref())?,
        page: page.clone(),
    };
    let alarms = central.store.alarms(filter).await?;
    let next = next(&page, &alarms, |one| one.id.to_string());
    Ok(Json(List { alarms: alarms.into_iter().map(AlarmShape::from).collect(), next }))
}

/// Takes note of an alarm; again changes nothing
#[utoipa::path(
    post, path = "/api/v1/alarms/{id}/acknowledge", tag = "alarms", operation_id = "acknowledge_alarm",
    params(("id" = i64, Path, minimum = 1, description = "The alarm's number")),
    responses((status = 200, description = "The alarm as it is since", body = AlarmShape), Always, Malformed, Absent)
)]
pub(super) async fn acknowledge(
    State(central): State<Central>,
    admin: Admin,
    Number(id): Number,
) -> Result<Json<AlarmShape>, Problem> {
    let by = admin.by(&central);
    Ok(Json(central.store.acknowledge_alarm(id, by).await?.into()))
}
