//! `highwater prune`: drops the bytes of reports that central has.

use super::export::{ask_the_agent, open_writer};
use super::{Failure, Outcome, open_reader, print_json};
use crate::clock;
use crate::config::Loaded;
use crate::ledger::{Ledger, prune_until};
use crate::log::print;
use clap::Args;
use serde_json::{Value, json};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Keep those of the last DAYS days
    #[arg(long, value_name = "DAYS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=36_500))]
    keep: u32,
    /// Drop nothing: say what would be
    #[arg(long)]
    dry_run: bool,
    /// Print JSON (docs/json.md)
    #[arg(long)]
    json: bool,
}

pub(super) fn prune(loaded: &Loaded, options: &Options) -> Outcome {
    let (reports, bytes) = dropped(loaded, options)?;
    if options.json {
        print_json(&json!({"reports": reports, "bytes": bytes, "dry_run": options.dry_run}))?;
        return Ok(0);
    }
    let what = if options.dry_run { "would be dropped" } else { "dropped" };
    let text = match reports {
        0 => "nothing to drop: only what has its receipt may be\n".to_owned(),
        1 => format!("1 report {what}, {bytes} bytes; its receipt stays\n"),
        n => format!("{n} reports {what}, {bytes} bytes; their receipts stay\n"),
    };
    print(&text)?;
    Ok(0)
}

fn dropped(loaded: &Loaded, options: &Options) -> Result<(i64, i64), Failure> {
    let until = prune_until(clock::unix_ms(), options.keep);
    if options.dry_run {
        let pruned = open_reader(loaded)?.prunable(until)?;
        return Ok((pruned.reports, pruned.bytes));
    }
    if Ledger::writer(&loaded.config.state_dir).is_some() {
        let answer = ask_the_agent(loaded, &format!("/v1/prune?keep_days={}", options.keep), &[])?;
        let number = |key: &str| answer.get(key).and_then(Value::as_i64).unwrap_or(0);
        return Ok((number("reports"), number("bytes")));
    }
    let pruned = open_writer(loaded)?.prune(until)?;
    Ok((pruned.reports, pruned.bytes))
}
