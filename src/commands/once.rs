//! `highwater once`: one sample now, printed.

use super::{Failure, Outcome, exit, print_json, run, units};
use crate::clock::Clock;
use crate::config::Loaded;
use crate::log::{print, stamp};
use crate::sampler::{Report, Sample, Sampler};
use crate::sources::Source;
use clap::Args;
use highwater_rules::figure::{Before, entry};
use highwater_rules::meter::GapReason;
use highwater_rules::record::{Entry, Mark};
use serde_json::json;
use std::fmt::Write as _;
use std::time::Duration;

/// Sources get as much time as in five-minute slots.
const SLOT_S: i64 = 300;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// How long counters are watched to make a rate, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3600))]
    window: u64,
    /// Print JSON (docs/json.md)
    #[arg(long)]
    json: bool,
}

pub(super) fn sample(loaded: &Loaded, options: &Options) -> Outcome {
    let clock = Clock::new(&loaded.config.sampling.root);
    let mut sampler = Sampler::new(Source::all(&loaded.config), SLOT_S);
    let runtime = run::runtime()?;
    let (entries, reports, now) = runtime.block_on(watch(&mut sampler, &clock, options.window));
    runtime.shutdown_background();
    let failures: Vec<String> = reports.iter().flat_map(failures).collect();
    if options.json {
        let readings: Vec<_> = entries.iter().filter(|e| e.outcome.is_ok()).map(crate::json::entry).collect();
        let gaps: Vec<_> = entries.iter().filter(|e| e.outcome.is_err()).map(crate::json::entry).collect();
        let at = stamp(now.wall_ms);
        print_json(
            &json!({"at": at, "window_s": options.window, "readings": readings, "gaps": gaps, "errors": failures}),
        )?;
    } else {
        print(&table(&entries))?;
    }
    if failures.is_empty() {
        return Ok(0);
    }
    Err(Failure::new(exit::UNAVAILABLE, failures.join("\nhighwater: ")))
}

async fn watch(sampler: &mut Sampler, clock: &Clock, window_s: u64) -> (Vec<Entry>, Vec<Report>, Mark) {
    let first = sampler.read().await;
    let before = clock.now();
    if first.seen.iter().all(|o| o.figure.counters().is_none()) {
        let entries = entries(first.seen, &[], &first.missing, 0);
        return (entries, first.reports, before);
    }
    tokio::time::sleep(Duration::from_secs(window_s)).await;
    let Sample { seen, missing, reports, .. } = sampler.read().await;
    let now = clock.now();
    let entries = entries(seen, &first.seen, &missing, now.mono_ms - before.mono_ms);
    (entries, reports, now)
}

fn entries(
    seen: Vec<highwater_rules::figure::Observation>,
    before: &[highwater_rules::figure::Observation],
    missing: &[highwater_rules::meter::Series],
    ms: i64,
) -> Vec<Entry> {
    let known = |series: &highwater_rules::meter::Series| {
        let counters = before.iter().find(|o| o.series == *series).and_then(|o| o.figure.counters());
        counters.map_or(Before::Nothing, Before::Counters)
    };
    let counted = if ms > 0 { Ok(ms) } else { Err(GapReason::ClockJump) };
    let gaps = missing.iter().map(|series| Entry {
        series: series.clone(),
        outcome: Err(GapReason::SourceFailed),
        counters: None,
    });
    seen.into_iter()
        .map(|o| {
            let before = known(&o.series);
            entry(o, before, counted, true)
        })
        .chain(gaps)
        .collect()
}

fn failures(report: &Report) -> Vec<String> {
    match &report.outcome {
        Err(why) => vec![format!("{}: {why}", report.source)],
        Ok(readout) => {
            readout.missing.iter().map(|m| format!("{}: {}: {}", report.source, m.series, m.why)).collect()
        }
    }
}

fn table(entries: &[Entry]) -> String {
    let mut table = units::Table::new(&["METER", "SUBJECT", "NOW", ""]);
    for entry in entries {
        let meter = entry.series.meter;
        let (value, parts) = match &entry.outcome {
            Ok(reading) => {
                let mut parts = String::new();
                if let Some(d) = reading.directions {
                    let _ =
                        write!(parts, "rx {}, tx {}", units::human(meter, d.rx), units::human(meter, d.tx));
                }
                (units::human(meter, reading.value), parts)
            }
            Err(gap) => ("-".to_owned(), format!("gap: {gap}")),
        };
        table.row(&[meter.word(), &entry.series.subject, &value, &parts]);
    }
    table.to_string()
}
