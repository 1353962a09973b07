//! The agent's stable figures against their limits, in under two minutes.

use std::path::Path;
use std::process::ExitCode;

use super::programs::Program;
use super::{Settings, elf, measure, pushed, table};

/// Samples that are counted, so that one checkpoint among them stays within the limit of syncs.
const SAMPLES: u32 = 30;
const CALLS_MAX: f64 = 60.0;
/// Every sample is synced, or a power cut loses it; the rest is room for SQLite's checkpoint.
const SYNCS_MIN: f64 = 1.0;
const SYNCS_MAX: f64 = 1.1;
const ANONYMOUS_MAX_KIB: f64 = 700.0;
const THREADS_MAX: f64 = 1.0;
/// A sample that is kept reaches the device: less means that something else was measured.
const DEVICE_MIN_KIB: f64 = 4.0;
const DEVICE_MAX_KIB: f64 = 32.0;
const BINARY_MAX_KIB: f64 = 5120.0;
/// After pushes: what TLS and the certificates leave behind in the allocator.
const PUSHED_MAX_KIB: f64 = 1024.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    Skipped,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Failed => "failed",
            Verdict::Skipped => "skipped",
        }
    }
}

/// One line of the gate's table.
#[derive(Debug)]
struct Check {
    what: &'static str,
    measured: String,
    limit: String,
    verdict: Verdict,
}

impl Check {
    fn within(what: &'static str, value: Option<f64>, min: f64, max: f64) -> Check {
        let verdict = match value {
            None => Verdict::Skipped,
            Some(value) if (min..=max).contains(&value) => Verdict::Passed,
            Some(_) => Verdict::Failed,
        };
        let limit = if min > 0.0 { format!("{min:.1} to {max:.1}") } else { format!("at most {max}") };
        let measured = value.map_or("-".to_owned(), |value| format!("{value:.2}"));
        Check { what, measured, limit, verdict }
    }
}

/// Measures the agent and judges it.
pub(super) fn hold(binary: &Path, settings: &Settings) -> anyhow::Result<ExitCode> {
    println!("measuring highwater");
    let settings = Settings { samples: SAMPLES, work: settings.work.clone(), ..*settings };
    let figures = match measure::measure(&Program::agent(binary), &settings) {
        Ok(figures) => figures,
        Err(error) => {
            println!("not measured: {error:#}\n0 passed, 1 failed");
            return Ok(ExitCode::FAILURE);
        }
    };
    let pushed = match pushed::measure(binary, &settings.work) {
        Ok(pushed) => pushed,
        Err(error) => {
            println!("not measured: {error:#}\n0 passed, 1 failed");
            return Ok(ExitCode::FAILURE);
        }
    };
    let stripped = elf::is_stripped(binary)?;
    let binary_kib = measure::kib_of(binary)?;
    let checks = [
        Check::within("system calls a sample", figures.calls, 0.0, CALLS_MAX),
        Check::within("syncs a sample", figures.syncs, SYNCS_MIN, SYNCS_MAX),
        Check::within("KiB to the device a sample", figures.device_kib, DEVICE_MIN_KIB, DEVICE_MAX_KIB),
        Check::within("anonymous KiB, idle", figures.anonymous_kib, 0.0, ANONYMOUS_MAX_KIB),
        Check::within("threads", figures.threads, 0.0, THREADS_MAX),
        Check::within("anonymous KiB, idle after pushes", Some(pushed.anonymous), 0.0, PUSHED_MAX_KIB),
        Check::within("threads, idle after pushes", Some(pushed.threads), 0.0, THREADS_MAX),
        Check::within("KiB of the binary", Some(binary_kib), 0.0, BINARY_MAX_KIB),
        Check {
            what: "binary without symbols",
            measured: if stripped { "yes" } else { "no" }.to_owned(),
            limit: "yes".to_owned(),
            verdict: if stripped { Verdict::Passed } else { Verdict::Failed },
        },
    ];
    let heading = ["figure", "measured", "limit", "verdict"].map(str::to_owned).to_vec();
    let row = |check: &Check| {
        vec![
            check.what.to_owned(),
            check.measured.clone(),
            check.limit.clone(),
            check.verdict.word().to_owned(),
        ]
    };
    let rows: Vec<_> = std::iter::once(heading).chain(checks.iter().map(row)).collect();
    println!("\n{}", table::render(&rows));
    println!("{}", summary(&checks));
    let failed = checks.iter().any(|check| check.verdict == Verdict::Failed);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn summary(checks: &[Check]) -> String {
    let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    let skipped = match count(Verdict::Skipped) {
        0 => String::new(),
        skipped => format!(", {skipped} skipped"),
    };
    format!("{} passed, {} failed{skipped}", count(Verdict::Passed), count(Verdict::Failed))
}

#[cfg(test)]
mod tests {
    use super::{Check, Verdict, summary};

    #[test]
    fn a_figure_is_judged_by_both_of_its_limits() {
        let check = |value, expect| assert_eq!(Check::within("syncs", value, 1.0, 1.1).verdict, expect);
        check(Some(1.0), Verdict::Passed);
        check(Some(1.1), Verdict::Passed);
        check(Some(1.2), Verdict::Failed);
        check(Some(0.97), Verdict::Failed);
        check(None, Verdict::Skipped);
    }

    #[test]
    fn the_last_line_counts_and_names_skipped_ones_only_when_there_are_any() {
        let one = |value| Check::within("calls", value, 0.0, 60.0);
        assert_eq!(summary(&[one(Some(50.0)), one(Some(61.0))]), "1 passed, 1 failed");
        assert_eq!(summary(&[one(Some(50.0)), one(None)]), "1 passed, 0 failed, 1 skipped");
    }
}
