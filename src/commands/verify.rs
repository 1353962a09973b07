//! `highwater verify`: is the ledger what the agent wrote?

use super::{Outcome, exit, open_reader, print_json};
use crate::config::Loaded;
use crate::ledger::{Bad, Verdict};
use crate::log::{at, print};
use clap::Args;
use serde_json::json;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Print JSON (docs/json.md)
    #[arg(long)]
    json: bool,
}

pub(super) fn verify(loaded: &Loaded, options: &Options) -> Outcome {
    let ledger = open_reader(loaded)?;
    let verdict = ledger.verify()?;
    if options.json {
        let bad = verdict.first_bad.as_ref().map(|bad| {
            json!({"slot": bad.slot, "at": bad.at.map(at), "seq": bad.seq, "day": bad.day, "why": bad.why})
        });
        print_json(&json!({
            "ok": verdict.first_bad.is_none(),
            "slots": verdict.slots,
            "days": verdict.days,
            "first_bad": bad,
        }))?;
    } else {
        print(&text(&verdict, &ledger.path().display().to_string()))?;
    }
    Ok(if verdict.first_bad.is_none() { 0 } else { exit::DATA })
}

fn text(verdict: &Verdict, path: &str) -> String {
    let Verdict { slots, days, first_bad } = verdict;
    match first_bad {
        None => format!(
            "{path}: ok, {slots} slots in one unbroken chain, {days} closed days agree with their slots\n"
        ),
        Some(bad) => format!(
            "{path}: NOT as the agent wrote it, after {slots} slots walked\n{}: {}\n",
            place(bad),
            bad.why
        ),
    }
}

fn place(bad: &Bad) -> String {
    match bad {
        Bad { day: Some(day), .. } => format!("day {day}"),
        Bad { slot: Some(slot), at: Some(end), seq: Some(seq), .. } => {
            format!("slot {slot} (row {seq}, ended {})", at(*end))
        }
        Bad { seq: Some(seq), .. } => format!("row {seq}"),
        _ => "the file".to_owned(),
    }
}
