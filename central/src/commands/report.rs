//! `highwater-central report`.

use super::common::{Common, Tools, plain, print, print_json, table};
use super::{Failure, Outcome, dates, report_show};
use crate::model::{PAGE_MAX, Page, ReportFilter, ReportRow};
use crate::shapes::ReportShape;
use clap::{Args, Subcommand};
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(super) enum Reports {
    /// Lists reports in the order of identity and number
    List(List),
    /// Shows one report with all its figures
    Show(report_show::Show),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those of this instance, with all that split from it
    #[arg(long, value_name = "ID")]
    instance: Option<String>,
    /// Only those of this identity
    #[arg(long, value_name = "ID")]
    identity: Option<String>,
    /// Only those under this contract
    #[arg(long, value_name = "ID")]
    contract: Option<String>,
    /// Only those of this day and later ones: 2026-11-20
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Only those of this day and earlier ones
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
    /// How many at the most
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    limit: usize,
    /// Prints JSON: {"reports":[…]}
    #[arg(long)]
    json: bool,
}

pub(super) fn run(common: &Common, command: &Reports) -> Outcome {
    match command {
        Reports::List(options) => list(common, options),
        Reports::Show(options) => report_show::run(common, options),
    }
}

fn list(common: &Common, options: &List) -> Outcome {
    let reports = common.with(async |tools| listed(tools, options).await)?;
    if options.json {
        let shapes: Vec<ReportShape> = reports.into_iter().map(ReportShape::from).collect();
        print_json(&json!({ "reports": shapes }))?;
        return Ok(0);
    }
    if reports.is_empty() {
        print("No report has come yet: `highwater push` on a metered host sends what is due.\n")?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = reports
        .iter()
        .map(|r| {
            vec![
                r.identity.clone(),
                r.sequence.to_string(),
                plain(&r.day),
                plain(&r.time_zone),
                if r.partial { "open".to_owned() } else { format!("closed {}", r.revision) },
                dates::moment(r.received_at),
                r.contract.clone(),
            ]
        })
        .collect();
    print(&table(&["IDENTITY", "NUMBER", "DAY", "TIME ZONE", "", "RECEIVED", "CONTRACT"], &rows))?;
    Ok(0)
}

async fn listed(tools: &Tools, options: &List) -> Result<Vec<ReportRow>, Failure> {
    let mut all: Vec<ReportRow> = Vec::new();
    loop {
        let wanted = u32::try_from(options.limit.saturating_sub(all.len())).unwrap_or(PAGE_MAX).min(PAGE_MAX);
        if wanted == 0 {
            return Ok(all);
        }
        let page = Page { limit: wanted, after: all.last().map(ReportRow::cursor) };
        let filter = ReportFilter {
            instance: options.instance.clone(),
            identity: options.identity.clone(),
            contract: options.contract.clone(),
            from_day: options.from.clone(),
            to_day: options.to.clone(),
            page,
        };
        let page = tools.store.reports(filter).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}
