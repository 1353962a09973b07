//! `highwater-central report show`.

use super::common::{Common, pairs, plain, print, print_json, table};
use super::{Failure, Outcome, exit};
use crate::shapes::{CoverageShape, ReadingShape, ReportDetailShape};
use crate::store::StoreError;
use clap::Args;
use serde_json::json;

#[derive(Debug, Args)]
pub(super) struct Show {
    /// Whom it is counted for, as `report list` shows it
    identity: String,
    /// Its number
    #[arg(value_name = "NUMBER")]
    sequence: u64,
    /// Prints JSON: the same as the REST API gives
    #[arg(long)]
    json: bool,
}

pub(super) fn run(common: &Common, options: &Show) -> Outcome {
    let stored = common.with(async |tools| {
        let found = tools.store.report(options.identity.clone(), options.sequence).await?;
        let id = format!("{}/{}", options.identity, options.sequence);
        Ok(found.ok_or(StoreError::Absent { what: "report", id })?)
    })?;
    let detail = ReportDetailShape::read(stored).map_err(|e| {
        Failure::new(exit::DATA, format!("what is stored is {e}: restore the database from a backup"))
    })?;
    if options.json {
        print_json(&json!(detail))?;
    } else {
        print(&told(&detail))?;
    }
    Ok(0)
}

fn told(detail: &ReportDetailShape) -> String {
    let report = &detail.report;
    let kind = if report.partial { "open".to_owned() } else { format!("closed, {}", report.revision) };
    let chain = format!("rows {} to {}", detail.chain.first_row, detail.chain.last_row);
    let clock = format!("{} steps, {} boots", detail.clock.steps, detail.clock.boots);
    let mut text = pairs(&[
        ("day", format!("{} ({}), {kind}", plain(&report.day), plain(&report.time_zone))),
        ("identity", report.identity.clone()),
        ("instance", plain(&report.instance)),
        ("number", report.sequence.to_string()),
        ("contract", report.contract.clone()),
        ("until", report.until.clone()),
        ("received", report.received_at.clone()),
        ("digest", report.digest.clone()),
        ("coverage", coverage(&detail.coverage)),
        ("chain", chain),
        ("clock", clock),
        ("agent", plain(&detail.agent_version)),
        ("node", detail.node.as_ref().map_or_else(|| "-".to_owned(), |node| plain(&node.name))),
        ("damaged", detail.damaged.as_deref().map_or_else(|| "-".to_owned(), plain)),
    ]);
    text.push('\n');
    let rows: Vec<Vec<String>> = detail
        .series
        .iter()
        .map(|one| {
            vec![
                plain(&one.meter),
                plain(&one.subject),
                one.peak.as_ref().map_or_else(|| "-".to_owned(), |peak| peak.value.to_string()),
                one.peak.as_ref().map_or_else(|| "-".to_owned(), |peak: &ReadingShape| peak.at.clone()),
                one.runner_up.as_ref().map_or_else(|| "-".to_owned(), |second| second.value.to_string()),
                one.p95.map_or_else(|| "-".to_owned(), |figure| figure.to_string()),
                one.unit.clone().unwrap_or_else(|| "-".to_owned()),
                format!("{}/{}", one.coverage.read, one.coverage.expected),
            ]
        })
        .collect();
    text.push_str(&table(&["METER", "SUBJECT", "PEAK", "AT", "RUNNER-UP", "P95", "UNIT", "READ"], &rows));
    text
}

fn coverage(coverage: &CoverageShape) -> String {
    let missed: Vec<String> = coverage.missed.iter().map(|(why, slots)| format!(", {slots} {why}")).collect();
    format!("{} of {} slots{}", coverage.read, coverage.expected, missed.concat())
}
