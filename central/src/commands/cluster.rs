//! `highwater-central cluster`.

use super::common::{Common, Tools, pairs, plain, print, print_json, table};
use super::{Failure, Outcome, dates};
use crate::model::{Cluster, ClusterDay, ClusterDaysFilter, NodeIdentity, PAGE_MAX, Page};
use crate::shapes::{ClusterDayShape, ClusterDetailShape, ClusterShape};
use crate::store::StoreError;
use clap::{Args, Subcommand};
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(super) enum Clusters {
    /// Lists the clusters that instances have joined from
    List(List),
    /// Shows a cluster with its nodes, and the identities that each has had
    ///
    /// Two identities are one node where they have told the same name or the same hardware id: the later one counts, and the earlier one
    /// is superseded. A machine whose disk is made anew, or that comes back under another name, so stays one node.
    Show(One),
    /// Tells what a cluster used, by day: each node counted once
    Days(Days),
    /// Gives a cluster a name; without one, takes it away
    Rename(Rename),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Prints JSON: {"clusters":[…]}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// Its id: the uid of its namespace kube-system
    cluster: String,
    /// Prints JSON: {"cluster":{…},"nodes":[[…]]}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Days {
    /// Its id: the uid of its namespace kube-system
    cluster: String,
    /// Only this day and later ones
    #[arg(long, value_name = "DATE", value_parser = day)]
    from: Option<String>,
    /// Only this day and earlier ones
    #[arg(long, value_name = "DATE", value_parser = day)]
    to: Option<String>,
    /// Prints JSON: {"days":[…]}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Rename {
    /// Its id: the uid of its namespace kube-system
    cluster: String,
    /// What it is to be called
    name: Option<String>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

fn day(text: &str) -> Result<String, String> {
    dates::first_second(text).map(|_| text.to_owned())
}

pub(super) fn run(common: &Common, command: &Clusters) -> Outcome {
    match command {
        Clusters::List(options) => list(common, options),
        Clusters::Show(options) => show(common, options),
        Clusters::Days(options) => days(common, options),
        Clusters::Rename(options) => rename(common, options),
    }
}

fn list(common: &Common, options: &List) -> Outcome {
    let found = common.with(async |tools| all(tools).await)?;
    if options.json {
        let shapes: Vec<ClusterShape> = found.into_iter().map(ClusterShape::from).collect();
        print_json(&json!({ "clusters": shapes }))?;
    } else if found.is_empty() {
        print("No instance has joined from a cluster yet.\n")?;
    } else {
        print(&listed(&found))?;
    }
    Ok(0)
}

async fn all(tools: &Tools) -> Result<Vec<Cluster>, Failure> {
    let mut all: Vec<Cluster> = Vec::new();
    loop {
        let page = Page { limit: PAGE_MAX, after: all.last().map(|one| one.id.clone()) };
        let page = tools.store.clusters(page).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

fn show(common: &Common, one: &One) -> Outcome {
    let (cluster, nodes) = common.with(async |tools| {
        let found = tools.store.cluster(one.cluster.clone()).await?;
        let cluster = found.ok_or_else(|| StoreError::Absent { what: "cluster", id: one.cluster.clone() })?;
        Ok((cluster, tools.store.cluster_nodes(one.cluster.clone()).await?))
    })?;
    if one.json {
        print_json(&json!(ClusterDetailShape::of(cluster, nodes)))?;
    } else {
        print(&detail(&cluster, &nodes))?;
    }
    Ok(0)
}

fn days(common: &Common, options: &Days) -> Outcome {
    let days = common.with(async |tools| all_days(tools, options).await)?;
    if options.json {
        let shapes: Vec<ClusterDayShape> = days.into_iter().map(ClusterDayShape::from).collect();
        print_json(&json!({ "days": shapes }))?;
    } else if days.is_empty() {
        print("No node of it has reported such a day.\n")?;
    } else {
        print(&told(days))?;
    }
    Ok(0)
}

async fn all_days(tools: &Tools, options: &Days) -> Result<Vec<ClusterDay>, Failure> {
    let mut all: Vec<ClusterDay> = Vec::new();
    loop {
        let filter = ClusterDaysFilter {
            from_day: options.from.clone(),
            to_day: options.to.clone(),
            page: Page { limit: PAGE_MAX, after: all.last().map(|one| one.day.clone()) },
        };
        let page = tools.store.cluster_days(options.cluster.clone(), filter, tools.by.at).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

fn rename(common: &Common, options: &Rename) -> Outcome {
    let cluster = common.with(async |tools| {
        let (id, name) = (options.cluster.clone(), options.name.clone());
        Ok(tools.store.rename_cluster(id, name, tools.by.clone()).await?)
    })?;
    if options.json {
        print_json(&json!(ClusterShape::from(cluster)))?;
    } else {
        print(&listed(&[cluster]))?;
    }
    Ok(0)
}

fn listed(clusters: &[Cluster]) -> String {
    let rows: Vec<Vec<String>> = clusters
        .iter()
        .map(|one| {
            vec![
                one.id.clone(),
                one.name.as_deref().map_or_else(|| "-".to_owned(), plain),
                one.nodes.to_string(),
                dates::moment(one.first_seen_at),
                dates::moment(one.last_seen_at),
            ]
        })
        .collect();
    table(&["CLUSTER", "NAME", "NODES", "FIRST SEEN", "LAST SEEN"], &rows)
}

fn detail(cluster: &Cluster, nodes: &[Vec<NodeIdentity>]) -> String {
    let mut text = pairs(&[
        ("cluster", cluster.id.clone()),
        ("name", cluster.name.as_deref().map_or_else(|| "-".to_owned(), plain)),
        ("nodes", cluster.nodes.to_string()),
        ("first seen", dates::moment(cluster.first_seen_at)),
        ("last seen", dates::moment(cluster.last_seen_at)),
    ]);
    text.push('\n');
    let rows: Vec<Vec<String>> = nodes
        .iter()
        .flatten()
        .map(|one| {
            let member = &one.member;
            let hardware = if member.node.hardware.is_empty() { "-" } else { &member.node.hardware };
            vec![
                plain(&member.node.name),
                hardware.to_owned(),
                member.identity.clone(),
                member
                    .superseded_by
                    .as_ref()
                    .map_or_else(|| one.state.to_string(), |_| "superseded".to_owned()),
                dates::moment(one.created_at),
                one.last_report_at.map_or_else(|| "-".to_owned(), dates::moment),
            ]
        })
        .collect();
    text.push_str(&table(&["NODE", "HARDWARE", "IDENTITY", "STATE", "BEGUN", "LAST REPORT"], &rows));
    text
}

fn told(days: Vec<ClusterDay>) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for day in days.into_iter().map(ClusterDayShape::from) {
        let nodes = format!("{}/{}", day.nodes_reported, day.nodes_known);
        let open = if day.nodes_partial > 0 { format!("{} open", day.nodes_partial) } else { String::new() };
        for one in &day.meters {
            rows.push(vec![
                day.day.clone(),
                nodes.clone(),
                plain(&one.meter),
                one.value.map_or_else(|| "-".to_owned(), |value| value.to_string()),
                one.unit.clone().unwrap_or_else(|| "-".to_owned()),
                one.nodes.to_string(),
                open.clone(),
            ]);
        }
    }
    table(&["DAY", "REPORTED", "METER", "SUM OF PEAKS", "UNIT", "OF NODES", ""], &rows)
}
