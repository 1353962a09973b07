//! `highwater doctor`: each source tried, and what else the agent needs.

mod blocker;
#[cfg(feature = "kubernetes")]
mod cluster;
mod credentials;
mod disk;
#[cfg(test)]
mod golden;
mod listener;
mod manager;
mod memory;
mod needs;
#[cfg(test)]
mod needs_tests;
mod rights;
mod sandbox;
mod service;
mod time;
mod unit;
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
use service::Service;
use std::path::Path;

const SLOT_S: i64 = 300;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Print JSON (docs/json.md)
    #[arg(long)]
    json: bool,
}

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Fine,
    Wrong,
    /// It is not for this user to see.
    Unseen,
}

struct Check {
    name: String,
    state: State,
    detail: String,
}

impl Check {
    fn good(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Check { name: name.into(), state: State::Fine, detail: detail.into() }
    }
    fn bad(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Check { name: name.into(), state: State::Wrong, detail: detail.into() }
    }
    fn unseen(name: impl Into<String>, detail: impl Into<String>) -> Self {
        let detail = format!("{}: `sudo highwater doctor` tells", detail.into());
        Check { name: name.into(), state: State::Unseen, detail }
    }
    fn of(name: impl Into<String>, ok: bool, detail: impl Into<String>) -> Self {
        let state = if ok { State::Fine } else { State::Wrong };
        Check { name: name.into(), state, detail: detail.into() }
    }

    fn is_ok(&self) -> bool {
        self.state == State::Fine
    }
}

pub(super) fn examine(loaded: Result<Loaded, Mistakes>, options: &Options) -> Outcome {
    let (checks, failed) = match loaded {
        Err(mistakes) => (vec![Check::bad("config", mistakes.to_string().trim_end())], exit::CONFIG),
        Ok(loaded) => (checks(&loaded)?, exit::UNAVAILABLE),
    };
    let ok = checks.iter().all(Check::is_ok);
    if options.json {
        let shape = |c: &Check| {
            let needs_root = c.state == State::Unseen;
            json!({"name": c.name, "ok": c.is_ok(), "needs_root": needs_root, "detail": c.detail})
        };
        let all: Vec<Value> = checks.iter().map(shape).collect();
        print_json(&json!({"ok": ok, "checks": all}))?;
    } else {
        let mut table = units::Table::new(&["", "CHECK", "WHAT WAS FOUND"]);
        for check in &checks {
            let mut lines = check.detail.lines();
            let mark = match check.state {
                State::Fine => "ok",
                State::Wrong => "FAIL",
                State::Unseen => "?",
            };
            table.row(&[mark, &check.name, lines.next().unwrap_or_default()]);
            for line in lines {
                table.row(&["", "", line]);
            }
        }
        print(&table.to_string())?;
    }
    Ok(code(&checks, failed))
}

/// What is known to be wrong counts before what could not be seen.
fn code(checks: &[Check], failed: u8) -> u8 {
    let any = |state| checks.iter().any(|check| check.state == state);
    match () {
        () if any(State::Wrong) => failed,
        () if any(State::Unseen) => exit::PERMISSION,
        () => 0,
    }
}

fn checks(loaded: &Loaded) -> Result<Vec<Check>, std::io::Error> {
    let config = &loaded.config;
    let file =
        loaded.file.as_ref().map_or_else(|| "defaults, no file".to_owned(), |f| f.display().to_string());
    let mut checks = vec![Check::good("config", file)];
    checks.extend(loaded.warnings.iter().map(|w| Check::good("config warning", w.to_string())));
    let service = Service::look(&config.state_dir);
    checks.push(disk::state_dir(&config.state_dir, &service));
    checks.push(ledger(loaded, &service));
    checks.extend(license::check(loaded).map(|(ok, detail)| Check::of("licence", ok, detail)));
    checks.extend(way::grace(loaded));
    checks.push(time::clock(&config.sampling.root));
    checks.push(host(&config.sampling.root));
    let mut sampler = Sampler::new(Source::all(config), SLOT_S);
    let runtime = run::runtime()?;
    #[cfg(feature = "kubernetes")]
    checks.extend(runtime.block_on(cluster::check(loaded)));
    let (central, listener, sample, memory) = runtime.block_on(async {
        (
            way::central(loaded).await,
            listener::check(&config.listen, &service).await,
            sampler.read().await,
            memory::basis(config).await,
        )
    });
    runtime.shutdown_background();
    checks.push(central);
    checks.push(service.check());
    checks.extend(listener);
    checks.push(needs::rights(loaded, &service));
    // What this user may not do says nothing of the agent that is another's.
    let own = if service.is_anothers { needs::own_lacks(loaded) } else { Vec::new() };
    for report in &sample.reports {
        let mut check = source(report);
        if report.source == "ram" && check.is_ok() {
            check.detail = format!("{}\n{memory}", check.detail);
        }
        if check.state == State::Wrong && own.contains(&report.source) {
            let detail =
                format!("{}\ntried as this user, not as the agent: `sudo highwater doctor`", check.detail);
            check = Check { state: State::Unseen, detail, ..check };
        }
        checks.push(check);
    }
    Ok(checks)
}

fn ledger(loaded: &Loaded, service: &Service) -> Check {
    let name = "ledger";
    let holder = Ledger::writer(&loaded.config.state_dir);
    let agent = holder.or_else(|| service.agent.as_ref().map(|pid| format!("pid {pid}")));
    let agent = agent
        .map_or_else(|| "no agent is running".to_owned(), |holder| format!("an agent is running ({holder})"));
    match Ledger::open_reader(&loaded.config.state_dir, plan(loaded)) {
        Err(error) if error.is_permission() && !is_root() => {
            let also = "nor can licence and grace be seen";
            Check::unseen(name, format!("{error}, {also}; {agent}"))
        }
        Ok(ledger) => Check::good(name, format!("{} slots written; {agent}", ledger.written())),
        Err(LedgerError::Missing { .. }) => Check::good(name, "none yet: made at the first start"),
        Err(error) => Check::bad(name, error.to_string()),
    }
}

/// Whether nothing is hidden from this user.
fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
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
            Check::of(name, readout.missing.is_empty(), detail.join("\n"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_seen_is_neither_fine_nor_wrong() {
        let (fine, wrong, unseen) =
            (|| Check::good("a", "b"), || Check::bad("a", "b"), || Check::unseen("a", "b"));
        assert_eq!(code(&[fine(), fine()], exit::UNAVAILABLE), 0);
        assert_eq!(code(&[fine(), unseen()], exit::UNAVAILABLE), exit::PERMISSION);
        assert_eq!(code(&[unseen(), wrong(), fine()], exit::UNAVAILABLE), exit::UNAVAILABLE);
        assert!(unseen().detail.contains("`sudo highwater doctor`") && !unseen().is_ok());
    }
}
