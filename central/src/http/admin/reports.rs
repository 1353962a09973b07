//! `/api/v1/reports`: what instances used, day by day.

use super::super::Problem;
use super::input::{Query, ReportName, day, malformed, next, number, page, uuid};
use super::refusals::{Absent, Always, Malformed};
use crate::central::Central;
use crate::model::{ReportFilter, ReportRow, StoredReport};
use crate::shapes::{ReportDetailShape, ReportShape};
use crate::store::StoreError;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use highwater_proto::v1::{Envelope, Kind};
use prost::Message as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Only those of this instance, with all that split from it.
    #[param(format = "uuid")]
    instance: Option<String>,
    /// Only those counted for this identity.
    #[param(format = "uuid")]
    identity: Option<String>,
    /// Only those under this contract.
    #[param(format = "uuid")]
    contract: Option<String>,
    /// Only those of this day and later ones.
    #[param(format = Date)]
    from: Option<String>,
    /// Only those of this day and earlier ones.
    #[param(format = Date)]
    to: Option<String>,
    /// How many at the most; 100 where it is not said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<String>,
    /// Behind which one the page begins: `next` of the page before, an identity and a number.
    #[param(pattern = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/[1-9][0-9]{0,17}$")]
    after: Option<String>,
}

/// Reports.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reports)]
pub(super) struct List {
    /// In the order of their identities and numbers.
    reports: Vec<ReportShape>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    next: Option<String>,
}

/// Lists reports
#[utoipa::path(
    get, path = "/api/v1/reports", tag = "reports", operation_id = "list_reports", params(Asked),
    responses((status = 200, description = "A page of reports", body = List), Always, Malformed)
)]
pub(super) async fn list(
    State(central): State<Central>,
    Query(asked): Query<Asked>,
) -> Result<Json<List>, Problem> {
    let after = asked.after.map(cursor).transpose()?;
    let page = page(asked.limit.as_deref(), after)?;
    let filter = ReportFilter {
        instance: asked.instance.map(|text| uuid("instance", text)).transpose()?,
        identity: asked.identity.map(|text| uuid("identity", text)).transpose()?,
        contract: asked.contract.map(|text| uuid("contract", text)).transpose()?,
        from_day: asked.from.map(|text| day("from", text)).transpose()?,
        to_day: asked.to.map(|text| day("to", text)).transpose()?,
        page: page.clone(),
    };
    let reports = central.store.reports(filter).await?;
    let next = next(&page, &reports, ReportRow::cursor);
    Ok(Json(List { reports: reports.into_iter().map(ReportShape::from).collect(), next }))
}

fn cursor(text: String) -> Result<String, Problem> {
    let Some((identity, sequence)) = text.split_once('/') else {
        return Err(malformed("after", "this is no cursor", "repeat `next` of the page before"));
    };
    uuid("after", identity.to_owned())?;
    number("after", sequence)?;
    Ok(text)
}

async fn find(central: &Central, name: ReportName) -> Result<StoredReport, Problem> {
    let found = central.store.report(name.identity.clone(), name.sequence).await?;
    let id = format!("{}/{}", name.identity, name.sequence);
    Ok(found.ok_or(StoreError::Absent { what: "report", id })?)
}

/// Shows a report with all its figures
#[utoipa::path(
    get, path = "/api/v1/reports/{identity}/{sequence}", tag = "reports", operation_id = "show_report",
    params(
        ("identity" = String, Path, format = "uuid", description = "Whom it is counted for"),
        ("sequence" = i64, Path, minimum = 1, description = "Its number")
    ),
    responses((status = 200, description = "The report", body = ReportDetailShape), Always, Malformed, Absent)
)]
pub(super) async fn show(
    State(central): State<Central>,
    name: ReportName,
) -> Result<Json<ReportDetailShape>, Problem> {
    let stored = find(&central, name).await?;
    let place = format!("{}/{}", stored.row.identity, stored.row.sequence);
    ReportDetailShape::read(stored).map(Json).map_err(|error| {
        tracing::error!(report = place, error = %error, "report_damaged");
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "report_damaged",
            "what is stored is no report",
            "restore the database from a backup; central's log tells more",
        )
        .retry_after(DAMAGED_RETRY_S)
    })
}

/// A damaged report is mended by people: there is no hurry to ask for it again.
const DAMAGED_RETRY_S: u32 = 3600;

/// Gives a report as its instance signed it: an Envelope of highwater.v1, whose signature anyone can check
#[utoipa::path(
    get, path = "/api/v1/reports/{identity}/{sequence}/raw", tag = "reports", operation_id = "raw_report",
    params(
        ("identity" = String, Path, format = "uuid", description = "Whom it is counted for"),
        ("sequence" = i64, Path, minimum = 1, description = "Its number")
    ),
    responses(
        (status = 200, description = "The envelope", body = Vec<u8>, content_type = "application/x-protobuf"),
        Always, Malformed, Absent
    )
)]
pub(super) async fn raw(
    State(central): State<Central>,
    name: ReportName,
) -> Result<impl IntoResponse, Problem> {
    let stored = find(&central, name).await?;
    let envelope = Envelope {
        kind: i32::from(Kind::Report),
        payload: stored.payload,
        key_id: stored.key_id.0.to_vec(),
        signature: stored.signature,
    };
    Ok(([(header::CONTENT_TYPE, "application/x-protobuf")], envelope.encode_to_vec()))
}
