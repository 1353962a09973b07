//! Coverage-guided fuzzing of the parsers, with libFuzzer: no nightly compiler, nothing to install.

use crate::shell;
use anyhow::{Context as _, bail};
use std::process::{Command, ExitCode};

const TARGETS: [&str; 7] = ["sources", "exposition", "access_log", "config", "wire", "bundle", "pods"];
const DEFAULT_SECONDS: &str = "60";
/// What rustc needs to be told to count the edges that an input takes: the flags that libFuzzer's guide names.
const COVERAGE_FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                              -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                              -Cllvm-args=-sanitizer-coverage-pc-table -Ccodegen-units=1 --cfg fuzzing";

/// `cargo xtask fuzz [TARGET] [SECONDS]`
pub(crate) fn main(arguments: &[String]) -> anyhow::Result<ExitCode> {
    let (targets, seconds) = match arguments {
        [] => (TARGETS.to_vec(), DEFAULT_SECONDS),
        [target] => (vec![target.as_str()], DEFAULT_SECONDS),
        [target, seconds] => (vec![target.as_str()], seconds.as_str()),
        _ => bail!("usage: cargo xtask fuzz [{}] [SECONDS]", TARGETS.join("|")),
    };
    if let Some(unknown) = targets.iter().find(|target| !TARGETS.contains(target)) {
        bail!("no target named {unknown}: there are {}", TARGETS.join(", "));
    }
    let triple = host_triple()?;
    let fuzz = shell::repository().join("fuzz");
    for target in targets {
        println!("\n== {target}, {seconds} s");
        let corpus = fuzz.join("corpus").join(target);
        std::fs::create_dir_all(&corpus).with_context(|| format!("cannot create {}", corpus.display()))?;
        // What is read only: a text of each kind, so that a minute is not spent on finding its form.
        let seeds = Some(fuzz.join("seeds").join(target)).filter(|seeds| seeds.is_dir());
        let status = Command::new("cargo")
            // A target is named, so that build scripts are built without the flags.
            .args(["run", "--release", "--target", &triple, "--bin", target, "--"])
            .arg(&corpus)
            .args(seeds)
            .args([&format!("-max_total_time={seconds}"), "-max_len=8192", "-print_final_stats=1"])
            .env("RUSTFLAGS", COVERAGE_FLAGS)
            .current_dir(&fuzz)
            .status()?;
        if !status.success() {
            bail!("{target}: found an input that breaks it; it lies in fuzz/ ({status})");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn host_triple() -> anyhow::Result<String> {
    let version = shell::run("rustc", &["--version", "--verbose"])?;
    let line = version.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).context("rustc does not say what host it runs on")
}
