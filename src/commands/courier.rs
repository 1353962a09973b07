//! `highwater courier`: carries bundles of many hosts to central, from a host that has a connection and needs no agent.

use super::{Failure, Outcome, exit, flags, print_json, run, units};
use crate::clock;
use crate::config::{CentralUrl, ProxyChoice, ProxyUrl};
use crate::courier::{self, Carried, CourierError, Happened, Plan, Round, State, count};
use crate::log::print;
use crate::uplink::settings::Roots;
use crate::uplink::{Client, Environment, Limits, Settings, UplinkError};
use clap::Args;
use highwater_rules::bundle::BUNDLE_MAX_BYTES;
use serde_json::{Value, json};
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How often the line of progress is written anew at the most, in milliseconds.
const SHOW_EVERY_MS: i64 = 200;
/// How long one bundle may be on its way, and its answer: up to 64 MiB, over a thin line.
const BUNDLE: Duration = Duration::from_secs(1800);

#[derive(Args)]
pub(super) struct Options {
    /// Bundles that `highwater export` has made, or directories: of those, every file that ends in .hwb
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where the bundle of receipts and licences is put; it is for all of these hosts
    #[arg(short = 'o', long, value_name = "BACK")]
    output: PathBuf,
    /// Where central is, such as `https://central.example.com`
    #[arg(long, value_name = "URL")]
    central: String,
    /// A PEM file of the certificates that central's is held to [default: the host's]
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// A forward proxy, such as `http://proxy:3128`, or `none` [default: what HTTPS_PROXY and NO_PROXY say]
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// So many files are on their way at one time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    jobs: u32,
    /// So often a file is sent, with growing pauses, before central counts as away
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=100))]
    tries: u32,
    /// Remove each file that was taken as a whole, once BACK is on the disk; one that was touched within ten minutes stays
    #[arg(long)]
    delete: bool,
    /// Write over BACK where it is there already
    #[arg(long)]
    force: bool,
    /// Print JSON (docs/json.md)
    #[arg(long)]
    json: bool,
}

impl std::fmt::Debug for Options {
    /// Without the proxy, which may have a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("files", &self.files)
            .field("output", &self.output)
            .finish_non_exhaustive()
    }
}

pub(super) fn carry(options: &Options) -> Outcome {
    let files = courier::find(&options.files, &options.output)?;
    let client = Arc::new(Client::new(&settings(options)?).map_err(|e| flags::failure(&e))?);
    let plan = Plan {
        files,
        back: options.output.clone(),
        force: options.force,
        jobs: usize::try_from(options.jobs).unwrap_or(1),
        tries: options.tries,
    };
    let mut progress = Progress::new(plan.files.len(), options.json);
    let runtime = run::runtime()?;
    let round = runtime.block_on(courier::run(&client, &plan, &mut |happened| progress.show(&happened)));
    progress.end();
    drop(client);
    runtime.shutdown_background();
    let round = round?;
    let removed = if options.delete && round.away.is_none() { remove(&round) } else { Vec::new() };
    if options.json {
        print_json(&as_json(options, &round, &removed))?;
    } else {
        print(&told(options, &round, &removed))?;
    }
    if let Some(error) = &round.away {
        let failure = away(error);
        let answered = round.carried.iter().filter(|one| !is_left(one)).count();
        let message = format!(
            "{}\n    {answered} of {} done, and kept in {}.part: the same command goes on from there",
            failure.message,
            count(round.carried.len() as u64, "file"),
            options.output.display()
        );
        return Err(Failure::new(failure.code, message));
    }
    let is_fine = |one: &Carried| matches!(one.state, State::Taken | State::Skipped(_));
    Ok(if round.carried.iter().all(is_fine) { 0 } else { exit::DATA })
}

fn settings(options: &Options) -> Result<Settings, Failure> {
    let usage = |flag: &str, what: &dyn std::fmt::Display, mend: &dyn std::fmt::Display| {
        Failure::new(exit::USAGE, format!("{flag}: {what}\n    {mend}"))
    };
    let url = CentralUrl::parse(&options.central).map_err(|no| usage("--central", &no.message, &no.mend))?;
    let proxy = match options.proxy.as_deref() {
        None => ProxyChoice::Environment,
        Some("none") => ProxyChoice::Direct,
        Some(text) => ProxyUrl::parse(text)
            .map(ProxyChoice::Through)
            .map_err(|no| usage("--proxy", &no.message, &no.mend))?,
    };
    Ok(Settings {
        url,
        proxy,
        proxy_password_file: None,
        roots: options.ca_file.clone().map_or(Roots::Host, Roots::File),
        client: None,
        environment: Environment::read(),
        limits: Limits {
            head: BUNDLE,
            body: BUNDLE,
            whole: BUNDLE,
            answer_max_bytes: usize::try_from(BUNDLE_MAX_BYTES).unwrap_or(usize::MAX),
            ..Limits::default()
        },
    })
}

/// Why central could not be reached, or does not want to be. Whatever it is, the same command goes on later.
fn away(error: &UplinkError) -> Failure {
    let failure = flags::failure(error);
    let code = if failure.code == exit::CONFIG { exit::CONFIG } else { exit::UNAVAILABLE };
    let asked = match error.retry_after_s() {
        Some(wait_s) if wait_s > courier::WAIT_MAX_S => {
            format!("\n    it asks to be left alone for {}: run the same command then", units::span(wait_s))
        }
        _ => String::new(),
    };
    Failure::new(code, format!("{}{asked}", failure.message))
}

/// Removes what was taken as a whole: each file, and why it stays.
fn remove(round: &Round) -> Vec<Option<String>> {
    let now_s = clock::unix_s();
    round.carried.iter().map(|one| one.remove(now_s).err()).collect()
}

fn is_left(one: &Carried) -> bool {
    matches!(one.state, State::Left(_))
}

fn state(one: &Carried) -> (&'static str, &str) {
    match &one.state {
        State::Taken => ("taken", ""),
        State::Partly(why) => ("partly", why),
        State::Refused(why) => ("refused", why),
        State::Skipped(why) => ("skipped", why),
        State::Left(why) => ("left", why),
    }
}

fn as_json(options: &Options, round: &Round, removed: &[Option<String>]) -> Value {
    let files: Vec<Value> = round
        .carried
        .iter()
        .enumerate()
        .map(|(number, one)| {
            let (word, why) = state(one);
            let kept = removed.get(number);
            let told = |told: &courier::Told| {
                json!({"instance": told.instance, "read": told.read, "accepted": told.accepted,
                    "refused": told.refused, "reason": told.reason, "cut": some(&told.cut)})
            };
            json!({
                "file": one.path.to_string_lossy(),
                "sha256": one.digest.map(|digest| digest.hex()),
                "state": word,
                "why": some(why),
                "same_as": one.same_as.as_ref().map(|path| path.to_string_lossy().into_owned()),
                "reports": one.reports,
                "accepted": one.accepted,
                "instances": one.told.iter().map(told).collect::<Vec<Value>>(),
                "deleted": matches!(kept, Some(None)),
                "kept_because": kept.cloned().flatten(),
            })
        })
        .collect();
    let paths: Vec<_> = round.back.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let error = round.away.as_ref().map(|error| {
        let failure = away(error);
        let (error, mend) = failure.message.split_once("\n    ").unwrap_or((&failure.message, ""));
        json!({"error": error, "mend": mend})
    });
    json!({"central": options.central, "back": paths, "files": files, "error": error})
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn told(options: &Options, round: &Round, removed: &[Option<String>]) -> String {
    let of = |word: &str| round.carried.iter().filter(|one| state(one).0 == word).count();
    let sent = round.carried.iter().filter(|one| one.same_as.is_none());
    let accepted: u64 = sent.map(|one| one.accepted).sum();
    let mut text = format!(
        "{}: {} taken, {} partly, {} refused, {} left; {} receipted\n",
        count(round.carried.len() as u64, "file"),
        of("taken"),
        of("partly"),
        of("refused"),
        of("left"),
        count(accepted, "report")
    );
    for (one, why) in round.carried.iter().zip(removed).filter(|(one, _)| state(one).0 != "skipped") {
        if let Some(why) = why {
            text.push_str(&format!("stays: {}: {why}\n", one.path.display()));
        }
    }
    let gone = removed.iter().filter(|why| why.is_none()).count() as u64;
    if options.delete && round.away.is_none() {
        let were = if gone == 1 { "was" } else { "were" };
        text.push_str(&format!("{} {were} removed\n", count(gone, "file")));
    }
    for path in &round.back {
        text.push_str(&format!(
            "carry back: {}  (on each of these hosts: highwater import)\n",
            path.display()
        ));
    }
    text
}

/// How far it is: on a terminal a line that is written over, elsewhere a line a file.
struct Progress {
    files: usize,
    done: usize,
    reports: u64,
    begun_ms: i64,
    shown_ms: i64,
    is_terminal: bool,
    is_quiet: bool,
    is_shown: bool,
}

impl Progress {
    fn new(files: usize, is_quiet: bool) -> Self {
        let now_ms = clock::mono_ms();
        let is_terminal = std::io::stderr().is_terminal();
        Progress {
            files,
            done: 0,
            reports: 0,
            begun_ms: now_ms,
            shown_ms: now_ms - SHOW_EVERY_MS,
            is_terminal,
            is_quiet,
            is_shown: false,
        }
    }

    fn show(&mut self, happened: &Happened<'_>) {
        match happened {
            Happened::File(one) => {
                self.done += 1;
                if one.same_as.is_none() {
                    self.reports += one.accepted;
                }
                let (word, why) = state(one);
                // What went well is not worth a line on a terminal.
                if !self.is_terminal || !(one.state == State::Taken || why.is_empty()) {
                    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
                    let how_much = match &one.same_as {
                        Some(first) => format!("same as {}", first.display()),
                        None => format!("{} of {} receipted", one.accepted, count(one.reports, "report")),
                    };
                    self.line(&format!("{}: {word}, {how_much}{why}", one.path.display()));
                }
            }
            Happened::Waits(error, wait_s) => {
                self.line(&format!("central is away: {error}; next try in {wait_s} s"));
            }
        }
        self.progress();
    }

    fn progress(&mut self) {
        let now_ms = clock::mono_ms();
        let is_over = self.done == self.files;
        if !self.is_terminal || self.is_quiet || (now_ms - self.shown_ms < SHOW_EVERY_MS && !is_over) {
            return;
        }
        self.shown_ms = now_ms;
        self.is_shown = true;
        let elapsed_s = (now_ms - self.begun_ms).max(1) as f64 / 1000.0;
        let left_s = elapsed_s / self.done.max(1) as f64 * (self.files - self.done.min(self.files)) as f64;
        let left = if self.done == 0 { "?".to_owned() } else { units::span(left_s.ceil() as i64) };
        // A terminal that is gone shows nothing.
        let _ = write!(
            std::io::stderr(),
            "\r\x1b[K{} of {}, {}, {:.0} reports/s, {left} left",
            self.done,
            count(self.files as u64, "file"),
            count(self.reports, "report"),
            self.reports as f64 / elapsed_s
        );
    }

    fn line(&mut self, text: &str) {
        if self.is_quiet {
            return;
        }
        self.end();
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    fn end(&mut self) {
        if self.is_shown {
            let _ = writeln!(std::io::stderr());
            self.is_shown = false;
        }
    }
}

impl From<CourierError> for Failure {
    fn from(error: CourierError) -> Self {
        let code = match &error {
            _ if error.is_permission() => exit::PERMISSION,
            _ if error.is_usage() => exit::USAGE,
            CourierError::Foreign(_) => exit::DATA,
            _ => exit::UNAVAILABLE,
        };
        Failure::new(code, error.to_string())
    }
}
