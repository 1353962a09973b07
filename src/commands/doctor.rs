//! `highwater doctor`: each source tried, and what else the agent needs.

mod disk;
mod needs;
mod rights;
mod time;
mod way;

use super::{Outcome, exit, license, plan, print_json, run, units};
use crate::config::{Loaded, Mistakes};
use crate::host::HostFacts;
use crate::ledger::{Ledger, LedgerError};
use crate::log::print;
use crate::sampler::{Report, Sampler};
use crate::sources::Source;
use clap::Args;
use highwater_rules::figure::{Figure, Observation};
use serde_json::{Value, json};
use std::path::Path;

const SLOT_S: i64 = 300;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Print JSON (docs/json.md)
    #[arg(long)]
    json: bool,
}

struct Check {
    name: String,
    ok: bool,
    detail: String,
}

impl Check {
    fn good(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Check { name: name.into(), ok: true, detail: detail.into() }
    }
    fn bad(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Check { name: name.into(), ok: false, detail: detail.into() }
    }
}

pub(super) fn examine(loaded: Result<Loaded, Mistakes>, options: &Options) -> Outcome {
    let (checks, failed) = match loaded {
        Err(mistakes) => (vec![Check::bad("config", mistakes.to_string().trim_end())], exit::CONFIG),
        Ok(loaded) => (checks(&loaded)?, exit::UNAVAILABLE),
    };
    let ok = checks.iter().all(|c| c.ok);
    if options.json {
        let all: Vec<Value> =
            checks.iter().map(|c| json!({"name": c.name, "ok": c.ok, "detail": c.detail})).collect();
        print_json(&json!({"ok": ok, "checks": all}))?;
    } else {
        let mut table = units::Table::new(&["", "CHECK", "WHAT WAS FOUND"]);
        for check in &checks {
            let mut lines = check.detail.lines();
            let mark = if check.ok { "ok" } else { "FAIL" };
            table.row(&[mark, &check.name, lines.next().unwrap_or_default()]);
            for line in lines {
                table.row(&["", "", line]);
            }
        }
        print(&table.to_string())?;
    }
    Ok(if ok { 0 } else { failed })
}

fn checks(loaded: &Loaded) -> Result<Vec<Check>, std::io::Error> {
    let config = &loaded.config;
    let file =
        loaded.file.as_ref().map_or_else(|| "defaults, no file".to_owned(), |f| f.display().to_string());
    let mut checks = vec![Check::good("config", file)];
    checks.extend(loaded.warnings.iter().map(|w| Check::good("config warning", w.to_string())));
    checks.push(disk::state_dir(&config.state_dir));
    checks.push(ledger(loaded));
    checks.extend(license::check(loaded).map(|(ok, detail)| Check {
        name: "licence".to_owned(),
        ok,
        detail,
    }));
    checks.extend(way::grace(loaded));
    checks.push(time::clock(&config.sampling.root));
    checks.push(host(&config.sampling.root));
    let mut sampler = Sampler::new(Source::all(config), SLOT_S);
    let runtime = run::runtime()?;
    let (central, sample) = runtime.block_on(async { (way::central(loaded).await, sampler.read().await) });
    runtime.shutdown_background();
    checks.push(central);
    checks.push(needs::rights(loaded));
    checks.extend(sample.reports.iter().map(source));
    Ok(checks)
}

fn ledger(loaded: &Loaded) -> Check {
    let name = "ledger";
    let agent = Ledger::writer(&loaded.config.state_dir)
        .map_or_else(|| "no agent is running".to_owned(), |pid| format!("an agent is running ({pid})"));
    match Ledger::open_reader(&loaded.config.state_dir, plan(loaded)) {
        Ok(ledger) => Check::good(name, format!("{} slots written; {agent}", ledger.written())),
        Err(LedgerError::Missing { .. }) => Check::good(name, "none yet: made at the first start"),
        Err(error) => Check::bad(name, error.to_string()),
    }
}

fn host(root: &Path) -> Check {
    let facts = HostFacts::read(&crate::files::Root::new(root));
    let or = |fact: Option<String>| fact.unwrap_or_else(|| "?".to_owned());
    Check::good(
        "host",
        format!(
            "{}, {}, Linux {}, {} cores, virtualization: {}",
            or(facts.name),
            or(facts.os),
            or(facts.kernel),
            or(facts.cores.map(|c| c.to_string())),
            or(facts.virtualization)
        ),
    )
}

fn source(report: &Report) -> Check {
    let name = format!("source {}", report.source);
    match &report.outcome {
        Err(why) => Check::bad(name, why.clone()),
        Ok(readout) => {
            let seen = readout.observations.iter().map(saw);
            let missing = readout.missing.iter().map(|m| format!("{}: {}", m.series, m.why));
            let left_out =
                report.duplicates.iter().map(|i| format!("{i}: left out, its bytes are counted below it"));
            let summed = (!readout.summed.is_empty()).then(|| {
                let count = readout.summed.len();
                format!(
                    "{count} virtual services are told of as one: raise `services` to have more stand alone"
                )
            });
            let detail: Vec<String> = seen.chain(missing).chain(left_out).chain(summed).collect();
            Check { name, ok: readout.missing.is_empty(), detail: detail.join("\n") }
        }
    }
}

fn saw(observation: &Observation) -> String {
    let series = &observation.series;
    match observation.figure {
        Figure::Gauge(value) => format!("{series}: {}", units::human(series.meter, value)),
        Figure::Count(counters) => format!("{series}: {} so far", counters.first),
        Figure::Amount(counters) => {
            let so_far = counters.first.saturating_add(counters.second.unwrap_or(0));
            format!("{series}: {so_far} {} so far", series.meter.unit())
        }
        Figure::Traffic(counters, rule) => format!(
            "{series}: {} bytes received, {} sent so far; counted: {rule}",
            counters.first,
            counters.second.unwrap_or(0)
        ),
    }
}
