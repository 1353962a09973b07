//! `highwater-central alarm`.

use super::common::{Common, Tools, plain, print, print_json, table};
use super::{Failure, Outcome, dates};
use crate::model::{Alarm, AlarmFilter, AlarmKind, PAGE_MAX, Page};
use crate::shapes::AlarmShape;
use clap::{Args, Subcommand};
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(super) enum Alarms {
    /// Lists alarms, the newest first
    ///
    /// fork: two machines report under one identity, or one was put back to an older state. hole: reports between two never came. chain:
    /// rows of the ledger were changed or removed. key_reuse: a machine was cloned before it joined. node_twice: two living machines of a
    /// cluster have one name or one hardware id. Nothing is refused for an alarm.
    List(List),
    /// Takes note of an alarm, so that it is open no more
    Acknowledge(Acknowledge),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those of this identity
    #[arg(long, value_name = "ID")]
    identity: Option<String>,
    /// Only of this kind: fork, hole, chain, key_reuse, node_twice
    #[arg(long, value_parser = str::parse::<AlarmKind>)]
    kind: Option<AlarmKind>,
    /// Only those that nobody has taken note of
    #[arg(long)]
    open: bool,
    /// How many at the most
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: usize,
    /// Prints JSON: {"alarms":[…]}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Acknowledge {
    /// Its number, as `alarm list` shows it
    id: i64,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(common: &Common, command: &Alarms) -> Outcome {
    match command {
        Alarms::List(options) => {
            let alarms = common.with(async |tools| all(tools, options).await)?;
            if options.json {
                let shapes: Vec<AlarmShape> = alarms.into_iter().map(AlarmShape::from).collect();
                print_json(&json!({ "alarms": shapes }))?;
            } else if alarms.is_empty() {
                print("No alarm is as asked for.\n")?;
            } else {
                print(&listed(&alarms))?;
            }
        }
        Alarms::Acknowledge(options) => {
            let alarm = common.with(async |tools| {
                Ok(tools.store.acknowledge_alarm(options.id, tools.by.clone()).await?)
            })?;
            if options.json {
                print_json(&json!(AlarmShape::from(alarm)))?;
            } else {
                print(&listed(&[alarm]))?;
            }
        }
    }
    Ok(0)
}

async fn all(tools: &Tools, options: &List) -> Result<Vec<Alarm>, Failure> {
    let mut all: Vec<Alarm> = Vec::new();
    loop {
        let wanted = u32::try_from(options.limit.saturating_sub(all.len())).unwrap_or(PAGE_MAX).min(PAGE_MAX);
        if wanted == 0 {
            return Ok(all);
        }
        let filter = AlarmFilter {
            identity: options.identity.clone(),
            kind: options.kind,
            open: options.open,
            page: Page { limit: wanted, after: all.last().map(|one| one.id.to_string()) },
        };
        let page = tools.store.alarms(filter).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

fn listed(alarms: &[Alarm]) -> String {
    let rows: Vec<Vec<String>> = alarms
        .iter()
        .map(|a| {
            vec![
                a.id.to_string(),
                a.kind.to_string(),
                dates::moment(a.at),
                a.acknowledged_at.map_or_else(|| "open".to_owned(), dates::moment),
                a.identity.clone(),
                plain(&a.detail),
            ]
        })
        .collect();
    table(&["ALARM", "KIND", "SEEN", "ACKNOWLEDGED", "IDENTITY", "DETAIL"], &rows)
}
