//! `/api/v1/clusters`: clusters, their nodes, and what they used.

use super::super::Problem;
use super::auth::Admin;
use super::input::{Body, ClusterId, Query, changed, cluster, day, malformed, next, page};
use super::refusals::{Absent, Always, Bodily, Malformed};
use crate::central::Central;
use crate::model::{ClusterDaysFilter, check_cluster_name};
use crate::shapes::{ClusterDayShape, ClusterDetailShape, ClusterShape};
use crate::store::StoreError;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// How many at the most; 100 where it is not said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<String>,
    /// Behind which one the page begins: `next` of the page before.
    #[param(pattern = "^[0-9a-z-]{1,64}$")]
    after: Option<String>,
}

/// Clusters.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Clusters)]
pub(super) struct List {
    /// In the order of their ids.
    clusters: Vec<ClusterShape>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    next: Option<String>,
}

/// Lists the clusters that instances have joined from
#[utoipa::path(
    get, path = "/api/v1/clusters", tag = "clusters", operation_id = "list_clusters", params(Asked),
    responses((status = 200, description = "A page of clusters", body = List), Always, Malformed)
)]
pub(super) async fn list(
    State(central): State<Central>,
    Query(asked): Query<Asked>,
) -> Result<Json<List>, Problem> {
    let after = asked.after.map(|text| cluster("after", text)).transpose()?;
    let page = page(asked.limit.as_deref(), after)?;
    let clusters = central.store.clusters(page.clone()).await?;
    let next = next(&page, &clusters, |one| one.id.clone());
    Ok(Json(List { clusters: clusters.into_iter().map(ClusterShape::from).collect(), next }))
}

/// Shows a cluster with its nodes
#[utoipa::path(
    get, path = "/api/v1/clusters/{id}", tag = "clusters", operation_id = "show_cluster",
    params(("id" = String, Path, pattern = "^[0-9a-z-]{1,64}$", description = "The uid of its namespace kube-system")),
    responses((status = 200, description = "The cluster", body = ClusterDetailShape), Always, Malformed, Absent)
)]
pub(super) async fn show(
    State(central): State<Central>,
    ClusterId(id): ClusterId,
) -> Result<Json<ClusterDetailShape>, Problem> {
    let found = central.store.cluster(id.clone()).await?;
    let cluster = found.ok_or(StoreError::Absent { what: "cluster", id: id.clone() })?;
    let nodes = central.store.cluster_nodes(id).await?;
    Ok(Json(ClusterDetailShape::of(cluster, nodes)))
}

/// What is changed of a cluster.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClusterChange)]
pub(super) struct Change {
    /// What it is to be called; null takes the name away.
    #[serde(default, deserialize_with = "changed")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$")]
    name: Option<Option<String>>,
}

/// Gives a cluster a name
#[utoipa::path(
    patch, path = "/api/v1/clusters/{id}", tag = "clusters", operation_id = "rename_cluster", request_body = Change,
    params(("id" = String, Path, pattern = "^[0-9a-z-]{1,64}$", description = "The uid of its namespace kube-system")),
    responses(
        (status = 200, description = "The cluster as it is since", body = ClusterShape), Always, Malformed, Absent, Bodily
    )
)]
pub(super) async fn rename(
    State(central): State<Central>,
    admin: Admin,
    ClusterId(id): ClusterId,
    Body(change): Body<Change>,
) -> Result<Json<ClusterShape>, Problem> {
    let Some(name) = change.name else {
        let found = central.store.cluster(id.clone()).await?;
        return Ok(Json(found.ok_or(StoreError::Absent { what: "cluster", id })?.into()));
    };
    if let Some(name) = &name {
        check_cluster_name(name).map_err(|why| malformed("name", why, "choose another"))?;
    }
    let by = admin.by(&central);
    Ok(Json(central.store.rename_cluster(id, name, by).await?.into()))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AskedDays {
    /// Only this day and later ones.
    #[param(format = Date)]
    from: Option<String>,
    /// Only this day and earlier ones.
    #[param(format = Date)]
    to: Option<String>,
    /// How many at the most; 100 where it is not said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Option<String>,
    /// Behind which day the page begins: `next` of the page before.
    #[param(format = Date)]
    after: Option<String>,
}

/// Days of a cluster.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClusterDays)]
pub(super) struct Days {
    /// In their order; days that no node reported are left out.
    days: Vec<ClusterDayShape>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    next: Option<String>,
}

/// Tells what a cluster used, by day: each node counted once
#[utoipa::path(
    get, path = "/api/v1/clusters/{id}/days", tag = "clusters", operation_id = "cluster_days",
    params(
        ("id" = String, Path, pattern = "^[0-9a-z-]{1,64}$", description = "The uid of its namespace kube-system"), AskedDays
    ),
    responses((status = 200, description = "A page of days", body = Days), Always, Malformed, Absent)
)]
pub(super) async fn days(
    State(central): State<Central>,
    ClusterId(id): ClusterId,
    Query(asked): Query<AskedDays>,
) -> Result<Json<Days>, Problem> {
    let after = asked.after.map(|text| day("after", text)).transpose()?;
    let page = page(asked.limit.as_deref(), after)?;
    let filter = ClusterDaysFilter {
        from_day: asked.from.map(|text| day("from", text)).transpose()?,
        to_day: asked.to.map(|text| day("to", text)).transpose()?,
        page: page.clone(),
    };
    let days = central.store.cluster_days(id, filter, central.clock.now_s()).await?;
    let next = next(&page, &days, |one| one.day.clone());
    Ok(Json(Days { days: days.into_iter().map(ClusterDayShape::from).collect(), next }))
}
