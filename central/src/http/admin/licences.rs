//! `/api/v1/licences`: what instances and clusters may use, as central signs it.

use super::super::Problem;
use super::auth::{Admin, Reader};
use super::input::{Body, Id, Query, next, number, page, uuid};
use super::refusals::{Absent, Always, Bodily, Conflict, Malformed};
use crate::central::Central;
use crate::licences;
use crate::model::{LicenceFilter, LicenceOf};
use crate::shapes::LicenceShape;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Only those under this contract.
    #[param(format = "uuid")]
    contract: Option<String>,
    /// Only those of this instance, by its own id or by whom it is counted for.
    #[param(format = "uuid")]
    instance: Option<String>,
    /// How many at the most; 100 where it is not said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<String>,
    /// Behind which one the page begins: `next` of the page before.
    #[param(pattern = "^[1-9][0-9]{0,17}$")]
    after: Option<String>,
}

/// Licences.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Licences)]
pub(super) struct List {
    /// The newest first.
    licences: Vec<LicenceShape>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    next: Option<String>,
}

/// Whom a licence is to be issued to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = NewLicence)]
pub(super) enum New {
    /// An instance that has joined.
    Instance(ForInstance),
    /// A cluster.
    Cluster(ForCluster),
}

/// A licence for an instance that has joined.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ForInstance {
    /// The instance, by its own id or by whom it is counted for.
    #[schema(format = "uuid")]
    instance: String,
}

/// A licence for all instances of a cluster.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ForCluster {
    /// The uid of the cluster's namespace kube-system.
    #[schema(format = "uuid")]
    cluster: String,
    /// The contract that it is under.
    #[schema(format = "uuid")]
    contract: String,
}

/// A licence that was issued.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MadeLicence)]
pub(super) struct Made {
    /// What it says.
    licence: LicenceShape,
    /// The same as a compact JWT: what the instance is given.
    token: String,
}

/// Lists licences that were issued, the newest first
#[utoipa::path(
    get, path = "/api/v1/licences", tag = "licences", operation_id = "list_licences", params(Asked),
    responses((status = 200, description = "A page of licences", body = List), Always, Malformed)
)]
pub(super) async fn list(
    State(central): State<Central>,
    Query(asked): Query<Asked>,
) -> Result<Json<List>, Problem> {
    let after = asked.after.map(|text| number("after", &text).map(|id| id.to_string())).transpose()?;
    let page = page(asked.limit.as_deref(), after)?;
    let filter = LicenceFilter {
        contract: asked.contract.map(|text| uuid("contract", text)).transpose()?,
        instance: asked.instance.map(|text| uuid("instance", text)).transpose()?,
        page: page.clone(),
    };
    let licences = central.store.licences(filter).await?;
    let next = next(&page, &licences, |one| one.number.to_string());
    Ok(Json(List { licences: licences.into_iter().map(LicenceShape::from).collect(), next }))
}

/// Issues a new licence, whatever the age of the last one
#[utoipa::path(
    post, path = "/api/v1/licences", tag = "licences", operation_id = "issue_licence", request_body = New,
    responses(
        (status = 201, description = "The licence", body = Made), Always, Malformed, Absent, Conflict, Bodily
    )
)]
pub(super) async fn issue(
    State(central): State<Central>,
    admin: Admin,
    Body(new): Body<New>,
) -> Result<impl IntoResponse, Problem> {
    let of = match new {
        New::Instance(one) => LicenceOf::Instance(uuid("instance", one.instance)?),
        New::Cluster(one) => LicenceOf::Cluster {
            cluster: uuid("cluster", one.cluster)?,
            contract: uuid("contract", one.contract)?,
        },
    };
    let by = admin.by(&central);
    let (licence, token) = licences::issue(&*central.store, &central.keys, of, by).await?;
    let made = Made { licence: licence.into(), token };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(made)))
}

/// Gives an instance's licence as a compact JWT: the newest one where it is good, else a new one. A service token may ask it, too
#[utoipa::path(
    get, path = "/api/v1/licences/{instance}", tag = "licences", operation_id = "fetch_licence",
    params((
        "instance" = String, Path, format = "uuid",
        description = "The instance, by its own id or by whom it is counted for; or a cluster that has a licence already"
    )),
    security(("admin_token" = []), ("service_token" = [])),
    responses(
        (status = 200, description = "The licence", body = String, content_type = "application/jwt"),
        Always, Malformed, Absent, Conflict
    )
)]
pub(super) async fn fetch(
    State(central): State<Central>,
    reader: Reader,
    Id(instance): Id,
) -> Result<impl IntoResponse, Problem> {
    let by = reader.by(&central);
    let of = LicenceOf::Instance(instance);
    let (_, token) = licences::fetch(&*central.store, &central.keys, of, reader.scope, by).await?;
    Ok(([(header::CONTENT_TYPE, "application/jwt"), (header::CACHE_CONTROL, "no-store")], token))
}
