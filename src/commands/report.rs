//! `highwater report`: what was sent, and what will be.

use super::{Failure, Outcome, exit, open_reader, print_json, units};
use crate::config::Loaded;
use crate::ledger::{Fate, OutboxReport};
use crate::log::{at, print};
use crate::report_json;
use clap::Args;
use highwater_proto::v1::{Envelope, Receipt, Report};
use prost::Message as _;
use serde_json::{Value, json};

const SHOWN_DEFAULT: usize = 30;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Show this report whole: every field that is sent
    sequence: Option<u64>,
    /// How many of the newest reports to list
    #[arg(long, value_name = "N", default_value_t = SHOWN_DEFAULT, conflicts_with = "sequence")]
    last: usize,
    /// Print JSON (docs/json.md)
    #[arg(long)]
    json: bool,
}

pub(super) fn show(loaded: &Loaded, options: &Options) -> Outcome {
    let ledger = open_reader(loaded)?;
    let Some(sequence) = options.sequence else {
        let reports = ledger.reports(options.last)?;
        if options.json {
            let reports: Vec<Value> = reports.iter().map(outline).collect();
            print_json(&json!({ "instance": ledger.instance(), "reports": reports }))?;
        } else {
            print(&list(&reports))?;
        }
        return Ok(0);
    };
    let found = ledger.report(sequence)?.ok_or_else(|| {
        Failure::new(
            exit::DATA,
            format!("there is no report {sequence}: `highwater report` lists those there are"),
        )
    })?;
    if found.payload.is_empty() {
        return Err(Failure::new(
            exit::DATA,
            format!("report {sequence} was pruned: central has it; `highwater report` tells its receipt"),
        ));
    }
    let report = Report::decode(&*found.payload)
        .map_err(|e| Failure::new(exit::DATA, format!("report {sequence} can't be read: {e}")))?;
    let whole = json!({ "outbox": outline(&found), "report": report_json::report(&report) });
    if options.json {
        print_json(&whole)?;
    } else {
        // For people, too: these are the very fields that leave the host, in the order of their names.
        print(&format!("{whole:#}\n"))?;
    }
    Ok(0)
}

fn outline(report: &OutboxReport) -> Value {
    let (receipt, why) = match &report.fate {
        Fate::Receipted { receipt, received_at } => {
            let identity = Envelope::decode(&**receipt)
                .ok()
                .and_then(|envelope| Receipt::decode(&*envelope.payload).ok())
                .map(|receipt| receipt.identity);
            (Some(json!({ "received_at": at(*received_at), "identity": identity })), None)
        }
        Fate::Parked { why } => (None, Some(why)),
        Fate::Pending => (None, None),
    };
    json!({
        "sequence": report.sequence,
        "day": report.day,
        "time_zone": report.time_zone,
        "until": at(report.until),
        "partial": report.partial,
        "made_at": at(report.made_at),
        "bytes": report.payload.len(),
        "digest": report.digest.hex(),
        "state": report.fate.word(),
        "receipt": receipt,
        "why": why,
    })
}

fn list(reports: &[OutboxReport]) -> String {
    if reports.is_empty() {
        return "no report yet: each day makes one when it is closed (`highwater push --open-day` makes one now)\n"
            .to_owned();
    }
    let mut table = units::Table::new(&["REPORT", "DAY", "TIME ZONE", "BYTES", "STATE", "SINCE"]);
    for report in reports.iter().rev() {
        let day = if report.partial { format!("{} (part)", report.day) } else { report.day.clone() };
        let (state, since) = match &report.fate {
            Fate::Receipted { received_at, .. } => ("receipted".to_owned(), at(*received_at)),
            Fate::Parked { why } => (format!("parked: {why}"), at(report.made_at)),
            Fate::Pending => ("pending".to_owned(), at(report.made_at)),
        };
        table.row(&[
            &report.sequence.to_string(),
            &day,
            &report.time_zone,
            &report.payload.len().to_string(),
            &state,
            &since,
        ]);
    }
    table.to_string()
}
