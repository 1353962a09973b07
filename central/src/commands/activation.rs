//! `highwater-central activation`.

use super::common::{Common, Tools, pairs, plain, print, print_json, table};
use super::{Failure, Outcome, dates};
use crate::model::{Activation, ActivationChange, ActivationFilter, ActivationState, Line, PAGE_MAX, Page};
use crate::shapes::{ActivationShape, LineShape};
use crate::store::StoreError;
use clap::{Args, Subcommand};
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(super) enum Activations {
    /// Lists the instances that have joined
    List(List),
    /// Shows one activation, with its host and its lines of reports
    Show(One),
    /// Confirms an activation that waits for it; a blocked one becomes active
    ///
    /// Tokens made with `token create --confirm manual` let instances join that are blocked after some days, unless someone confirms
    /// that they belong here.
    Confirm(One),
    /// Pauses an activation: its reports are refused and wait at the instance, until it is enabled
    Disable(One),
    /// Lets a disabled or blocked activation report again: the instance sends what it kept
    Enable(One),
    /// Removes an activation: the instance has to be activated anew. What it has reported stays
    Delete(One),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those under this contract
    #[arg(long, value_name = "ID")]
    contract: Option<String>,
    /// Only those of this instance; clones of one instance are several
    #[arg(long, value_name = "ID")]
    instance: Option<String>,
    /// Only those in this state: active, disabled, deleted, blocked
    #[arg(long, value_parser = state)]
    state: Option<ActivationState>,
    /// Only those that wait for confirmation
    #[arg(long)]
    unconfirmed: bool,
    /// Prints JSON: {"activations":[…]}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// Its identity, as `activation list` shows it
    identity: String,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

fn state(text: &str) -> Result<ActivationState, String> {
    text.to_ascii_uppercase().parse()
}

pub(super) fn run(common: &Common, command: &Activations) -> Outcome {
    let to = ActivationChange::State;
    match command {
        Activations::List(options) => list(common, options),
        Activations::Show(options) => show(common, options),
        Activations::Confirm(one) => change(common, one, ActivationChange::Confirm),
        Activations::Disable(one) => change(common, one, to(ActivationState::Disabled)),
        Activations::Enable(one) => change(common, one, to(ActivationState::Active)),
        Activations::Delete(one) => change(common, one, to(ActivationState::Deleted)),
    }
}

fn list(common: &Common, options: &List) -> Outcome {
    let found = common.with(async |tools| all(tools, options).await)?;
    if options.json {
        let shapes: Vec<ActivationShape> = found.into_iter().map(ActivationShape::from).collect();
        print_json(&json!({ "activations": shapes }))?;
    } else if found.is_empty() {
        print("No activation is as asked for. `token create` makes a token by which instances join.\n")?;
    } else {
        print(&listed(&found))?;
    }
    Ok(0)
}

async fn all(tools: &Tools, options: &List) -> Result<Vec<Activation>, Failure> {
    let mut all: Vec<Activation> = Vec::new();
    loop {
        let filter = ActivationFilter {
            contract: options.contract.clone(),
            instance: options.instance.clone(),
            state: options.state,
            unconfirmed: options.unconfirmed,
            page: Page { limit: PAGE_MAX, after: all.last().map(|one| one.identity.clone()) },
        };
        let page = tools.store.activations(filter).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

fn show(common: &Common, one: &One) -> Outcome {
    let (activation, lines) = common.with(async |tools| {
        let found = tools.store.activation(one.identity.clone()).await?;
        let activation =
            found.ok_or_else(|| StoreError::Absent { what: "activation", id: one.identity.clone() })?;
        let lines = tools.store.lines(activation.identity.clone()).await?;
        Ok((activation, lines))
    })?;
    if one.json {
        let lines: Vec<LineShape> = lines.into_iter().map(LineShape::from).collect();
        print_json(&json!({ "activation": ActivationShape::from(activation), "lines": lines }))?;
    } else {
        print(&detail(&activation, &lines))?;
    }
    Ok(0)
}

fn change(common: &Common, one: &One, change: ActivationChange) -> Outcome {
    let activation = common.with(async |tools| {
        Ok(tools.store.change_activation(one.identity.clone(), change, tools.by.clone()).await?)
    })?;
    if one.json {
        print_json(&json!(ActivationShape::from(activation)))?;
    } else {
        print(&listed(&[activation]))?;
    }
    Ok(0)
}

fn moment(at: Option<i64>) -> String {
    at.map_or_else(|| "-".to_owned(), dates::moment)
}

fn listed(activations: &[Activation]) -> String {
    let rows: Vec<Vec<String>> = activations
        .iter()
        .map(|a| {
            let confirmed = if a.confirmed_at.is_some() { "yes" } else { "waits" };
            vec![
                a.identity.clone(),
                a.state.to_string(),
                confirmed.to_owned(),
                plain(&a.host.name),
                dates::moment(a.activated_at),
                moment(a.last_report_at),
                a.contract.clone(),
            ]
        })
        .collect();
    table(&["IDENTITY", "STATE", "CONFIRMED", "HOST", "ACTIVATED", "LAST REPORT", "CONTRACT"], &rows)
}

fn detail(a: &Activation, lines: &[Line]) -> String {
    let os = [&a.host.os, &a.host.os_version, &a.host.kernel, &a.host.virtualization]
        .map(String::as_str)
        .join(" ");
    let machine = format!("{} cores, {} bytes of memory", a.host.cores, a.host.memory_bytes);
    let mut text = pairs(&[
        ("identity", a.identity.clone()),
        ("instance", a.instance.clone()),
        ("state", a.state.to_string()),
        ("contract", a.contract.clone()),
        ("token", a.token.clone()),
        ("key", a.key_id.clone()),
        ("activated", dates::moment(a.activated_at)),
        ("confirmed", moment(a.confirmed_at)),
        ("last report", moment(a.last_report_at)),
        ("agent", plain(&a.agent_version)),
        ("first start", dates::moment(a.first_start)),
        ("host", plain(&a.host.name)),
        ("system", plain(os.trim())),
        ("machine", machine),
        ("cluster", a.node.as_ref().map_or_else(|| "-".to_owned(), |node| node.cluster.clone())),
        ("node", a.node.as_ref().map_or_else(|| "-".to_owned(), |node| plain(&node.name))),
        ("superseded by", a.superseded_by.clone().unwrap_or_else(|| "-".to_owned())),
    ]);
    text.push('\n');
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|line| {
            let from = line.split_from.clone().unwrap_or_else(|| "-".to_owned());
            vec![line.id.clone(), line.sequence.to_string(), from, dates::moment(line.created_at)]
        })
        .collect();
    text.push_str(&table(&["LINE", "LAST NUMBER", "SPLIT FROM", "BEGUN"], &rows));
    text
}
