//! `highwater status`: how the agent is doing. Needs neither root nor a running agent, only the right to read the ledger.

use super::{Outcome, license, open_reader, peaks, print_json, units};
use crate::clock;
use crate::config::{Loaded, Transport};
use crate::joined;
use crate::json;
use crate::keeper::{self, Ruling, Standing};
use crate::ledger::{Ledger, LedgerError, OutboxCounts};
use crate::licence;
use crate::log::{at, print};
use clap::Args;
use highwater_rules::grace::Since;
use highwater_rules::licence::{Because, LicenceState};
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
    ruling: Ruling,
    standing: Standing,
    /// How reports leave the host.
    transport: Transport,
    licence: licence::Loaded,
    licence_state: LicenceState,
    /// The instance's own time, in unix seconds.
    own_s: i64,
    next_report_due: Option<i64>,
    counts: OutboxCounts,
    /// What went wrong with the last push, as the agent noted it.
    push: Option<Value>,
    /// Why what activation left can't be read.
    activation: Option<String>,
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
    let mark = clock::Clock::new(&loaded.config.sampling.root).now();
    let now = mark.wall_ms.div_euclid(1000);
    let (joined, activation) = match joined::joined(&loaded.config.state_dir, ledger.instance()) {
        Ok(joined) => (joined, None),
        Err(error) => (None, Some(error.to_string())),
    };
    let enrolment = joined.as_ref().map(|joined| &joined.enrolment);
    let is_air_gapped = joined::is_air_gapped(&loaded.config.uplink, enrolment);
    let mut keeper = joined::load_keeper(ledger, &loaded.config.state_dir, joined.as_ref(), &mark)?;
    let licence = license::look(loaded, ledger, joined.as_ref(), &mut keeper);
    let ruling = keeper.rule(&mark);
    let standing = keeper.standing().clone();
    let last_sample_at = ledger.last()?.map(|slot| slot.at);
    let date = loaded.config.sampling.calendar.day_at(now).date.to_string();
    let zone = loaded.config.sampling.calendar.name();
    let row = ledger.days(&date, &date)?.into_iter().find(|row| row.time_zone == zone);
    let today = row.map(|row| peaks::day(ledger, row, loaded.config.sampling.interval)).transpose()?;
    Ok(Status {
        agent: Ledger::writer(&loaded.config.state_dir),
        last_sample_at,
        ruling,
        next_report_due: keeper::next_report_due(ledger, &loaded.config.sampling.calendar, &standing, now)?,
        standing,
        transport: if is_air_gapped { Transport::AirGap } else { loaded.config.uplink.transport },
        licence,
        licence_state: keeper.licence_state(),
        own_s: keeper.now_s(),
        push: ledger.push_note()?.and_then(|note| serde_json::from_str(&note).ok()),
        activation,
        counts: ledger.outbox_counts()?,
        today,
    })
}

fn status_json(ledger: &Ledger, status: &Status) -> Value {
    let (grace, verdict) = (&status.ruling.grace, status.ruling.verdict);
    let today: Vec<Value> = status.today.iter().flat_map(|day| &day.peaks).map(peaks::peak_json).collect();
    let coverage = status.today.as_ref().map(|day| json::coverage(&day.coverage));
    let note = |key: &str| status.push.as_ref().and_then(|note| note.get(key)).cloned();
    json!({
        "instance": ledger.instance(),
        "version": env!("CARGO_PKG_VERSION"),
        "running": status.agent.is_some(),
        "first_start_at": at(ledger.first_start()),
        "last_sample_at": status.last_sample_at.map(at),
        "slots_written": ledger.written(),
        "ledger": ledger.path().display().to_string(),
        "transport": status.transport.word(),
        "node": ledger.node().map(|node| json!({
            "cluster": node.cluster,
            "name": node.name,
            "hardware": node.hardware,
        })),
        "gate": {
            "state": verdict.stage.word(),
            "because": verdict.because.word(),
            "days_left": grace.days_left,
            "seconds_left": grace.left_s,
            "may_run": verdict.stage.may_run(),
            "since": { "what": grace.since.since.word(), "at": at(grace.since.at_s) },
            "next_report_due": status.next_report_due.map(at),
            "grace_end": at(grace.end),
            "ahead_s": grace.ahead_s,
            "contract_end": status.standing.contract_end.map(at),
        },
        "activation": {
            "activated": status.standing.identity.is_some(),
            "identity": status.standing.identity,
            "contract": status.standing.contract,
            "error": status.activation,
        },
        "licence": license::brief_json(&status.licence, status.licence_state),
        "outbox": {
            "pending": status.counts.pending,
            "parked": status.counts.parked,
            "receipted": status.counts.receipted,
            "last_error": note("error"),
            "last_error_at": note("at"),
            "mend": note("mend"),
            "next_try_at": note("next_try_at"),
        },
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
        ("gate", gate(&status.ruling)),
    ];
    if let Some(node) = ledger.node() {
        lines.push(("node", format!("{} of cluster {}", node.name, node.cluster)));
    }
    lines.extend(standing(status));
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

fn gate(ruling: &Ruling) -> String {
    let (grace, verdict) = (&ruling.grace, ruling.verdict);
    let since = match grace.since.since {
        Since::FirstStart => "the first start",
        Since::Activation => "activation",
        Since::Receipt => "the last receipt",
    };
    let left = match grace.left_s {
        0 => "no grace left".to_owned(),
        s if s < 2 * 86_400 => format!("{} of grace left", units::span(s)),
        _ => format!("{} days of grace left", grace.days_left),
    };
    let because = match verdict.because {
        Because::Grace => "",
        Because::Licence => " because of the licence",
        Because::Contract => " because of the contract's end",
    };
    format!("{}{because}, {left} (since {since}, {})", verdict.stage.word(), at(grace.since.at_s))
}

/// The three dates, and how reporting goes.
fn standing(status: &Status) -> Vec<(&'static str, String)> {
    let activated = status.standing.identity.is_some();
    let due = match status.next_report_due {
        Some(due) if status.transport == Transport::AirGap => {
            format!("{}, to be carried: `highwater export -o FILE`", at(due))
        }
        Some(due) => at(due),
        None => "not activated: none is due yet (`highwater activate`)".to_owned(),
    };
    let contract_end = match (status.standing.contract_end, activated) {
        (Some(end), _) => at(end),
        (None, true) => "the contract has none".to_owned(),
        (None, false) => "not activated: no contract yet".to_owned(),
    };
    let (counts, grace) = (&status.counts, &status.ruling.grace);
    let mut lines = vec![
        ("transport", status.transport.word().to_owned()),
        ("next report due", due),
        ("end of grace", format!("{}{}", at(grace.end), units::earlier(grace.ahead_s))),
        ("end of contract", contract_end),
    ];
    lines.extend(license::brief(&status.licence, status.licence_state, status.own_s));
    lines.push((
        "outbox",
        format!("{} pending, {} parked, {} receipted", counts.pending, counts.parked, counts.receipted),
    ));
    if counts.parked > 0 {
        lines.push(("", "central refused reports for good: `highwater report` says why".to_owned()));
    }
    if let Some(error) = &status.activation {
        lines.push(("activation", error.clone()));
    }
    if let Some(note) = &status.push {
        let text = |key: &str| note.get(key).and_then(Value::as_str).unwrap_or("?");
        lines.push(("last error", format!("{}: {}", text("at"), text("error"))));
        lines.push(("", format!("{} (next try {})", text("mend"), text("next_try_at"))));
    }
    lines
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
