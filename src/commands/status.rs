//! `highwater status`: how the agent is doing. Needs neither root nor a running agent, only the right to read the ledger.

use super::{Outcome, open_reader, peaks, print_json, units};
use crate::clock::Clock;
use crate::config::Loaded;
use crate::json;
use crate::ledger::{Ledger, LedgerError};
use crate::log::{at, print};
use clap::Args;
use highwater_rules::grace::{Grace, Timeline};
use serde_json::{Value, json};
use std::fmt::Write as _;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Print JSON (docs/json.md)
    #[arg(long)]
    json: bool,
}

struct Status {
    agent: Option<String>,
    last_sample_at: Option<i64>,
    grace: Grace,
    closed_days: i64,
    today: Option<peaks::Day>,
}

pub(super) fn show(loaded: &Loaded, options: &Options) -> Outcome {
    let ledger = open_reader(loaded)?;
    let status = status(loaded, &ledger)?;
    if options.json {
        print_json(&status_json(&ledger, &status))?;
    } else {
        print(&text(&ledger, &status)?)?;
    }
    Ok(0)
}

fn status(loaded: &Loaded, ledger: &Ledger) -> Result<Status, LedgerError> {
    let mark = Clock::new(&loaded.config.sampling.root).now();
    let now = mark.wall_ms.div_euclid(1000);
    let last_sample_at = ledger.last()?.map(|slot| slot.at);
    let date = loaded.config.sampling.calendar.day_at(now).date.to_string();
    let zone = loaded.config.sampling.calendar.name();
    let row = ledger.days(&date, &date)?.into_iter().find(|row| row.time_zone == zone);
    let today = row.map(|row| peaks::day(ledger, row, loaded.config.sampling.interval)).transpose()?;
    Ok(Status {
        agent: Ledger::writer(&loaded.config.state_dir),
        last_sample_at,
        grace: Timeline::begun(ledger.first_start(), ledger.latest_seen()?, &mark).grace(),
        closed_days: ledger.closed_days()?,
        today,
    })
}

fn status_json(ledger: &Ledger, status: &Status) -> Value {
    let today: Vec<Value> = status.today.iter().flat_map(|day| &day.peaks).map(peaks::peak_json).collect();
    let coverage = status.today.as_ref().map(|day| json::coverage(&day.coverage));
    json!({
        "instance": ledger.instance(),
        "version": env!("CARGO_PKG_VERSION"),
        "running": status.agent.is_some(),
        "first_start_at": at(ledger.first_start()),
        "last_sample_at": status.last_sample_at.map(at),
        "slots_written": ledger.written(),
        "ledger": ledger.path().display().to_string(),
        "gate": {
            "state": status.grace.stage.word(),
            "days_left": status.grace.days_left,
            "next_report_due": null,
            "grace_end": at(status.grace.end),
            "contract_end": null,
        },
        "outbox": { "pending": status.closed_days, "parked": 0, "last_error": null },
        "coverage_today": coverage,
        "today": today,
    })
}

fn text(ledger: &Ledger, status: &Status) -> Result<String, LedgerError> {
    let agent =
        status.agent.as_ref().map_or_else(|| "not running".to_owned(), |pid| format!("running ({pid})"));
    let last = status.last_sample_at.map_or_else(|| "none yet".to_owned(), at);
    let mut lines = vec![
        ("agent", format!("highwater {}, {agent}", env!("CARGO_PKG_VERSION"))),
        ("instance", format!("{}, first started {}", ledger.instance(), at(ledger.first_start()))),
        ("ledger", format!("{}, {} slots written", ledger.path().display(), ledger.written())),
        ("last sample", last),
        ("gate", format!("{}, {} days of grace left", status.grace.stage.word(), status.grace.days_left)),
        ("next report due", "not activated: none is due yet".to_owned()),
        ("end of grace", at(status.grace.end)),
        ("end of contract", "not activated: no contract yet".to_owned()),
        ("outbox", format!("{} closed days wait to be reported", status.closed_days)),
    ];
    if let Some(day) = &status.today {
        let missed: Vec<String> = day.coverage.reasons().map(|(r, n)| format!("{n} {r}")).collect();
        let missed =
            if missed.is_empty() { String::new() } else { format!(", missed: {}", missed.join(", ")) };
        lines.push(("today", format!("{} slots read so far{missed}", peaks::read(&day.coverage))));
    }
    let mut text = String::new();
    for (name, value) in lines {
        let _ = writeln!(text, "{name:<15}  {value}");
    }
    if let Some(day) = &status.today {
        text.push('\n');
        text.push_str(&today(ledger, day)?);
    }
    Ok(text)
}

fn today(ledger: &Ledger, day: &peaks::Day) -> Result<String, LedgerError> {
    let sparks = peaks::sparks(ledger, day)?;
    let mut table = units::Table::new(&["METER", "SUBJECT", "PEAK TODAY", "P95", "READ", "0h TO 24h"]);
    for peak in peaks::shown(&day.peaks) {
        let meter = peak.series.meter;
        let human = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| units::human(meter, v));
        table.row(&[
            meter.word(),
            &peak.series.subject,
            &human(peak.peak.map(|(reading, _)| reading.value)),
            &human(peak.p95),
            &peaks::read(&peak.coverage),
            &sparks.line(&peak.series),
        ]);
    }
    Ok(table.to_string())
}
