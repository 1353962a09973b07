//! `highwater gate`: whether the metered software may run. Reads what the agent told, and no ledger.

use super::units::earlier;
use super::{Common, Failure, Outcome, exit, load, print_json, run};
use crate::clock;
use crate::config::gate_files;
use crate::gate::{self, Document, StatusFileError, client};
use crate::log::{at, print};
use clap::Args;
use highwater_rules::dead_man::Standing;
use highwater_rules::grace::Stage;
use highwater_rules::licence::Because;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often `--wait` looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The longest that `--wait` waits: a day.
const WAIT_MAX_S: u64 = 86_400;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Tell the stages apart by the exit code: 0 open, 10 warning, 11 critical, 12 closed, 13 unknown
    #[arg(long)]
    stages: bool,
    /// Exit with 0 whatever the gate's stage is: whether the agent has told one lately is all that a liveness probe asks
    #[arg(long, conflicts_with = "stages")]
    alive: bool,
    /// Print JSON (docs/json.md)
    #[arg(long)]
    json: bool,
    /// Ask the agent at its Unix socket
    #[arg(long, value_name = "PATH", conflicts_with = "status_file")]
    socket: Option<PathBuf>,
    /// Read this status file [default: the one that gate.status_file sets, or that of a packaged agent]
    #[arg(long, value_name = "PATH")]
    status_file: Option<PathBuf>,
    /// Wait until the software may run, at most so long
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(0..=WAIT_MAX_S))]
    wait: Option<u64>,
}

/// Why nothing is known.
#[derive(Debug, thiserror::Error)]
enum Unknown {
    #[error(transparent)]
    File(#[from] StatusFileError),
    #[error(transparent)]
    Socket(#[from] client::ClientError),
    #[error("the agent at {path} does not know: {why}")]
    Agent { path: String, why: String },
    #[error(
        "what {from} tells has expired at {expired_at}: the agent is dead or stuck; look at its log, and start it"
    )]
    Expired { from: String, expired_at: String },
    #[error(
        "what {from} tells was written at {written_at}, which is yet to come: the clock was set back; set it right, or wait until \
         the agent has written again"
    )]
    Ahead { from: String, written_at: String },
}

/// Where it is looked.
enum Source {
    Socket(PathBuf),
    /// The first that is fresh counts.
    Files(Vec<PathBuf>),
}

pub(super) fn tell(common: &Common, options: &Options) -> Outcome {
    let mut mistakes = None;
    let source = match (&options.socket, &options.status_file) {
        (Some(socket), _) => Source::Socket(socket.clone()),
        (None, Some(file)) => Source::Files(vec![file.clone()]),
        (None, None) => {
            // A reader needs no configuration that is right: only its paths.
            let loaded = load(common).map_err(|found| mistakes = Some(found)).ok();
            Source::Files(gate_files(loaded.as_ref()))
        }
    };
    let found = run::runtime()?.block_on(wait(&source, options.wait));
    match found {
        Ok(document) => {
            print_document(&document, options.json)?;
            Ok(if options.alive { 0 } else { code(document.state, options.stages) })
        }
        Err(unknown) => {
            if options.json {
                print_json(&unknown_json(&unknown))?;
            }
            let wrong = mistakes.map_or_else(String::new, |found| {
                format!("\nthe configuration, which could name another file, is wrong:\n{found}")
            });
            Err(Failure::new(exit::GATE_UNKNOWN, format!("unknown: {unknown}{wrong}")))
        }
    }
}

/// Looks until the software may run, or the time is up; at least once.
async fn wait(source: &Source, seconds: Option<u64>) -> Result<Document, Unknown> {
    let wait_ms = i64::try_from(seconds.unwrap_or(0)).unwrap_or(i64::MAX).saturating_mul(1000);
    let end_ms = clock::mono_ms().saturating_add(wait_ms);
    loop {
        let found = look(source).await;
        let may_run = found.as_ref().is_ok_and(|document| document.may_run);
        if may_run || clock::mono_ms() >= end_ms {
            return found;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn look(source: &Source) -> Result<Document, Unknown> {
    match source {
        Source::Socket(path) => ask(path).await,
        Source::Files(files) => {
            let mut first = None;
            for file in files {
                let found = gate::read(file).map_err(Unknown::from);
                match found.and_then(|document| held(document, file)) {
                    Ok(document) => return Ok(document),
                    // A file that is there and tells nothing says more than one that is not there.
                    Err(unknown) if first.as_ref().is_none_or(is_missing) => first = Some(unknown),
                    Err(_) => {}
                }
            }
            Err(first.unwrap_or(Unknown::Agent { path: String::new(), why: "no file was named".to_owned() }))
        }
    }
}

const fn is_missing(unknown: &Unknown) -> bool {
    matches!(unknown, Unknown::File(StatusFileError::Missing { .. }))
}

async fn ask(path: &Path) -> Result<Document, Unknown> {
    let (status, value) = client::request(path, "GET", "/v1/gate").await?;
    if !matches!(status, 200 | 403) {
        let why = value.get("error").and_then(Value::as_str).unwrap_or("it gives no reason").to_owned();
        return Err(Unknown::Agent { path: path.display().to_string(), why });
    }
    let document = Document::parse(&value.to_string())
        .map_err(|_| client::ClientError::Foreign { path: path.to_owned() })?;
    held(document, path)
}

/// Holds what was told to the clock.
fn held(document: Document, from: &Path) -> Result<Document, Unknown> {
    let from = || from.display().to_string();
    match document.term().standing(clock::unix_s()) {
        Standing::Fresh => Ok(document),
        Standing::Expired => Err(Unknown::Expired { from: from(), expired_at: at(document.expires_at) }),
        Standing::Ahead => Err(Unknown::Ahead { from: from(), written_at: at(document.written_at) }),
    }
}

const fn code(stage: Stage, stages: bool) -> u8 {
    match stage {
        Stage::Closed => exit::GATE_CLOSED,
        Stage::Warning if stages => exit::GATE_WARNING,
        Stage::Critical if stages => exit::GATE_CRITICAL,
        Stage::Open | Stage::Warning | Stage::Critical => 0,
    }
}

fn print_document(document: &Document, as_json: bool) -> std::io::Result<()> {
    print(&if as_json { document.text() } else { line(document) })
}

fn unknown_json(unknown: &Unknown) -> Value {
    json!({ "state": "unknown", "may_run": null, "why": unknown.to_string() })
}

fn line(document: &Document) -> String {
    let date = |unix_s: i64| at(unix_s).split('T').next().unwrap_or_default().to_owned();
    let word = document.state.word();
    let licence = document.licence.state.word();
    let days = document.days_left;
    let earlier = earlier(document.ahead_s);
    match (document.because, document.may_run) {
        // The last day is told to the second.
        (Because::Grace, true) if days <= 1 => {
            format!("{word}: grace ends at {}{earlier}\n", at(document.grace_end))
        }
        (Because::Grace, true) => {
            format!("{word}: {days} days of grace left, until {}{earlier}\n", date(document.grace_end))
        }
        (Because::Grace, false) => {
            let end = at(document.grace_end);
            format!("{word}: grace ended at {end}; a report that central accepts opens it\n")
        }
        (Because::Licence, _) => format!("{word}: the licence is {licence}; another one opens it\n"),
        (Because::Contract, may_run) => {
            let end = document.contract_end.map_or_else(|| "at an unknown date".to_owned(), at);
            let (verb, then) = if may_run { ("ends", "close") } else { ("ended", "stay closed") };
            format!("{word}: the contract {verb} at {end}; without a longer one the gate will {then}\n")
        }
    }
}
