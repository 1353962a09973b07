//! `cargo xtask footprint`: what the agent costs, beside the least that its task can cost and beside its peers.

mod beat;
mod disk;
mod elf;
mod gate;
mod measure;
mod packages;
mod page;
mod process;
mod programs;
mod pushed;
mod table;
mod trace;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;

use anyhow::{Context, bail};

use self::measure::Figures;
use self::programs::Program;
use self::trace::Tool;
use crate::shell;

const HELP: &str = "\
Measures the agent, the floors (C, C + SQLite) and the peers (vnstat, sadc, node_exporter).

Usage: cargo xtask footprint [OPTIONS]

Options:
  --quick        10 samples instead of 30, vnstat saving each minute; about 5 minutes instead of 15
  --samples N    samples that are counted for each program
  --out FILE     the page to write; by default a full run that measured the agent writes docs/footprint.md
  --agent FILE   measure this binary instead of building one
  --gate         only hold the agent's stable figures to their limits: under two minutes, exit code 1 when one is over

As root it installs missing Debian packages and says so. Without root it leaves out system calls and bytes on the
device: these need a loop device and to trace other processes.";

const FULL_SAMPLES: u32 = 30;
const QUICK_SAMPLES: u32 = 10;
const FULL_SAVE_MINUTES: u64 = 5;
const QUICK_SAVE_MINUTES: u64 = 1;

#[derive(Debug, Default)]
struct Options {
    quick: bool,
    gate: bool,
    samples: Option<u32>,
    out: Option<PathBuf>,
    agent: Option<PathBuf>,
}

/// How to measure on this machine.
#[derive(Debug)]
struct Settings {
    /// Whether loop devices can be mounted.
    disks: bool,
    /// What counts the system calls of other processes, if anything can.
    counts: Option<Tool>,
    samples: u32,
    /// Where everything is kept meanwhile.
    work: PathBuf,
}

/// A program with what was measured of it.
#[derive(Debug)]
struct Measured {
    program: Program,
    figures: Figures,
}

/// A folder of this run's own. Dropping it removes it; what a killed run left behind goes with the next run.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Scratch {
    fn new(parent: &Path) -> anyhow::Result<Scratch> {
        for left in std::fs::read_dir(parent).into_iter().flatten().flatten() {
            let owner = Path::new("/proc").join(left.file_name());
            let of_a_run = left.file_name().to_string_lossy().parse::<u32>().is_ok();
            if of_a_run && !owner.exists() {
                // Best effort: it only takes up room.
                let _ = std::fs::remove_dir_all(left.path());
            }
        }
        let own = parent.join(std::process::id().to_string());
        shell::fresh_folder(&own)?;
        Ok(Scratch(own))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn main(arguments: &[String]) -> anyhow::Result<ExitCode> {
    let Some(options) = parse(arguments)? else {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    let root = nix::unistd::geteuid().is_root();
    let samples = options.samples.unwrap_or(if options.quick { QUICK_SAMPLES } else { FULL_SAMPLES });
    let scratch = Scratch::new(&shell::target()?.join("footprint"))?;
    packages::install_missing(root, options.gate);
    let counts = if root { Tool::find() } else { None };
    if root && counts.is_none() {
        println!("skipped: system calls (neither perf nor strace works here)");
    }
    if !root {
        println!(
            "skipped: system calls and device KiB (not root: no loop device, no tracing of other processes)"
        );
    }
    let isolated = if root { disk::isolate_mounts() } else { Ok(()) };
    if let Err(error) = &isolated {
        println!("skipped: device KiB ({error:#})");
    }
    let settings = Settings { disks: root && isolated.is_ok(), counts, samples, work: scratch.0.clone() };
    if options.gate {
        return gate::hold(&agent(options.agent.as_deref())?, &settings);
    }
    compare(&options, &settings)
}

fn parse(arguments: &[String]) -> anyhow::Result<Option<Options>> {
    let mut options = Options::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--quick" => options.quick = true,
            "--gate" => options.gate = true,
            "--samples" => {
                let samples = value()?.parse().ok().filter(|samples| (1..=10_000).contains(samples));
                options.samples = Some(samples.context("--samples takes a number from 1 to 10000")?);
            }
            "--out" => options.out = Some(value()?.into()),
            "--agent" => options.agent = Some(value()?.into()),
            "--help" | "-h" => return Ok(None),
            other => bail!("no option named {other}; try `cargo xtask footprint --help`"),
        }
    }
    Ok(Some(options))
}

/// Measures everything, prints the table and writes the page.
fn compare(options: &Options, settings: &Settings) -> anyhow::Result<ExitCode> {
    let save_minutes = if options.quick { QUICK_SAVE_MINUTES } else { FULL_SAVE_MINUTES };
    let mut left_out = Vec::new();
    let mut programs = Vec::new();
    for program in all(options, settings, save_minutes) {
        match program {
            Ok(program) => programs.push(program),
            Err(error) => left_out.push(format!("{error:#}")),
        }
    }
    let mut measured = Vec::new();
    for (program, figures) in measure_all(programs, settings) {
        match figures {
            Ok(figures) => measured.push(Measured { program, figures }),
            Err(error) => left_out.push(format!("{}: {error:#}", program.name)),
        }
    }
    let text = page::tables(&measured);
    println!("\n{text}");
    for reason in &left_out {
        println!("not measured: {reason}");
    }
    let complete = measured.iter().any(|one| one.program.is_agent());
    let usual =
        (complete && !options.quick && settings.disks).then(|| shell::repository().join("docs/footprint.md"));
    if let Some(out) = options.out.clone().or(usual) {
        if let Some(folder) = out.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        let whole = page::document(&measured, &left_out, settings.samples, &text);
        std::fs::write(&out, whole).with_context(|| format!("cannot write {}", out.display()))?;
        println!("wrote {}", out.display());
    }
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// vnstat samples so seldom that it runs beside the others; these follow one another and do not disturb each other.
fn measure_all(programs: Vec<Program>, settings: &Settings) -> Vec<(Program, anyhow::Result<Figures>)> {
    let whole = |program: Program| {
        println!("measuring {}", program.name);
        let figures = thread::scope(|scope| {
            let instructions = scope.spawn(|| measure::instructions(&program, settings, QUICK_SAMPLES));
            let mut figures = measure::measure(&program, settings)?;
            let instructions =
                instructions.join().unwrap_or_else(|_| Err(anyhow::anyhow!("its thread panicked")));
            // One figure less is no reason to lose the others.
            figures.instructions_k = instructions.unwrap_or_else(|error| {
                println!("{}: no instructions counted: {error:#}", program.name);
                None
            });
            Ok(figures)
        });
        (program, figures)
    };
    let (slow, quick): (Vec<_>, Vec<_>) = programs.into_iter().partition(|one| one.interval.as_secs() > 1);
    thread::scope(|scope| {
        let slow = scope.spawn(move || slow.into_iter().map(whole).collect::<Vec<_>>());
        let mut all: Vec<_> = quick.into_iter().map(whole).collect();
        all.extend(slow.join().unwrap_or_default());
        all
    })
}

/// Every program that there is to measure, or why it cannot be.
fn all(options: &Options, settings: &Settings, save_minutes: u64) -> Vec<anyhow::Result<Program>> {
    let version = |package| packages::version(package).unwrap_or_default();
    let floor = |exclusive| {
        let binary = compile("floor_sqlite", &["-lsqlite3"], &settings.work)?;
        Ok(Program::floor_sqlite(&binary, exclusive))
    };
    let vnstat = |found: PathBuf| Program::vnstat(&found, &version("vnstat"), save_minutes);
    let exporter = |found: PathBuf| Program::node_exporter(&found, &version("prometheus-node-exporter"));
    vec![
        agent(options.agent.as_deref()).map(|binary| Program::agent(&binary)),
        compile("floor", &["-static"], &settings.work).map(|binary| Program::floor(&binary)),
        floor(true),
        floor(false),
        packages::locate(packages::SADC).map(|found| Program::sadc(&found, &version("sysstat"))),
        packages::locate(packages::NODE_EXPORTER).and_then(exporter),
        packages::locate(packages::VNSTAT).map(vnstat),
    ]
}

/// The agent's release binary: the given one, or built now.
fn agent(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(given) = given {
        return given.canonicalize().with_context(|| format!("highwater: no {}", given.display()));
    }
    println!("building highwater");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--release", "-p", "highwater"])
        .current_dir(shell::repository())
        .status()
        .context("cannot run cargo")?;
    let binary = shell::target()?.join("release/highwater");
    if !built.success() || !binary.is_file() {
        bail!("highwater: it does not build");
    }
    Ok(binary)
}

/// Compiles one of the floors.
fn compile(name: &str, libraries: &[&str], work: &Path) -> anyhow::Result<PathBuf> {
    packages::locate(packages::COMPILER)?;
    let source = shell::repository().join("xtask/src/footprint").join(name).with_extension("c");
    let binary = work.join(format!("{name}.bin"));
    let (source, out) = (source.to_string_lossy(), binary.to_string_lossy());
    let mut arguments = vec!["-O2", "-s", "-Wall", "-Wextra", "-Werror", "-o", &out, &source];
    arguments.extend(libraries);
    shell::run("cc", &arguments).with_context(|| format!("{name}.c"))?;
    Ok(binary)
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn check(words: &[&str], expect: &str) {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let answer = match parse(&words) {
            Ok(Some(options)) => format!("quick {} samples {:?}", options.quick, options.samples),
            Ok(None) => "help".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(answer, expect);
    }

    #[test]
    fn options_are_taken_in_any_order_and_unknown_ones_refused() {
        check(&["--samples", "7", "--quick"], "quick true samples Some(7)");
        check(&["--samples"], "--samples needs a value");
        check(&["--samples", "0"], "--samples takes a number from 1 to 10000");
        check(&["--fast"], "no option named --fast; try `cargo xtask footprint --help`");
        check(&["--quick", "-h"], "help");
    }
}
