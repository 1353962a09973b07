//! `highwater export`: what waits, in a file to be carried to central. Works beside a running agent, and without one.

use super::{Failure, Outcome, exit, open_reader, plan, run};
use crate::bundle::{ExportError, Exported, Exporter, Output, OutputError};
use crate::clock::Clock;
use crate::config::Loaded;
use crate::gate::client;
use crate::joined::{self, Joined};
use crate::ledger::Ledger;
use crate::licence;
use crate::log::{at, print};
use crate::report_json;
use crate::uplink::pending;
use clap::Args;
use highwater_proto::v1::{self, Report};
use highwater_rules::licence::Holder;
use highwater_rules::sign::{PublicKey, hex};
use prost::Message as _;
use serde_json::{Value, json};
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The file to write; `-` is standard output
    #[arg(short, long, value_name = "FILE", required_unless_present = "show")]
    output: Option<PathBuf>,
    /// Report the open day, too, up to its last slot; the day's own report supersedes it later
    #[arg(long)]
    open_day: bool,
    /// Send again what central refused for good
    #[arg(long)]
    retry_parked: bool,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
    /// Write no file and change nothing: show what would be in it, every field that is sent, as JSON
    #[arg(long, conflicts_with_all = ["output", "force"])]
    show: bool,
    /// Print JSON (docs/json.md)
    #[arg(long)]
    json: bool,
}

pub(super) fn export(loaded: &Loaded, options: &Options) -> Outcome {
    let state_dir = &loaded.config.state_dir;
    let is_stdout = options.output.as_deref() == Some(Path::new("-"));
    if is_stdout && std::io::stdout().is_terminal() {
        return Err(Failure::new(exit::USAGE, "a bundle is no text: send it on, or name a file by -o FILE"));
    }
    // Nothing is made ready for a file that can't be written.
    let mut output = options.output.as_deref().map(|path| Output::create(path, options.force)).transpose()?;
    // Who only looks changes nothing.
    if !options.show && (options.open_day || options.retry_parked) {
        make_ready(loaded, options)?;
    }
    let ledger = open_reader(loaded)?;
    let joined = joined::joined(state_dir, ledger.instance()).map_err(unusable)?;
    let joined = joined.ok_or_else(|| not_joined(loaded))?;
    let now = Clock::new(&loaded.config.sampling.root).now();
    let mut keeper = joined::load_keeper(&ledger, state_dir, Some(&joined), &now)?;
    let exporter = Exporter {
        ledger: &ledger,
        identity: &joined.identity,
        counted_ms: keeper.counted_ms(&now),
        now_s: now.wall_ms.div_euclid(1000),
        pinned: joined.enrolment.pinned().id(),
        held: held(loaded, &joined, &ledger, keeper.standing().identity.as_deref()),
        with_parked: options.show && options.retry_parked,
    };
    let Some(mut output) = output.take() else { return show(&exporter, options) };
    let exported = exporter.write(&mut output)?;
    let bytes = output.finish()?;
    tell(options, &ledger, &exported, bytes, is_stdout)?;
    changed(&exported)
}

/// The id of the licence that is held.
fn held(loaded: &Loaded, joined: &Joined, ledger: &Ledger, identity: Option<&str>) -> Option<String> {
    let keys: Vec<&PublicKey> = joined.enrolment.keys().collect();
    let holder = Holder { instance: ledger.instance(), identity, cluster: ledger.cluster() };
    let operators = loaded.config.licence_file.as_deref();
    let held = licence::load(&loaded.config.state_dir, operators, &keys, &holder);
    held.claims().map(|claims| claims.id.clone())
}

/// Makes the open day's report, and lets parked ones wait again: an agent that runs does it, as it holds the ledger.
fn make_ready(loaded: &Loaded, options: &Options) -> Result<(), Failure> {
    if Ledger::writer(&loaded.config.state_dir).is_some() {
        let flag = |set: bool| u8::from(set);
        let (open_day, retry_parked) = (flag(options.open_day), flag(options.retry_parked));
        let target = format!("/v1/report?open_day={open_day}&retry_parked={retry_parked}");
        return ask_the_agent(loaded, &target, &[]).map(|_| ());
    }
    let mut ledger = open_writer(loaded)?;
    if options.retry_parked {
        ledger.unpark()?;
    }
    if options.open_day {
        ledger.report_open_day()?;
    }
    Ok(())
}

/// The ledger, to be written by this command: no agent runs.
pub(super) fn open_writer(loaded: &Loaded) -> Result<Ledger, Failure> {
    let state_dir = &loaded.config.state_dir;
    if !state_dir.join(crate::ledger::FILE_NAME).exists() {
        // Opening it for writing would make one.
        Ledger::open_reader(state_dir, plan(loaded))?;
    }
    Ok(Ledger::open(state_dir, plan(loaded))?.ledger)
}

/// Gives an order to the agent that runs.
pub(super) fn ask_the_agent(loaded: &Loaded, target: &str, body: &[u8]) -> Result<Value, Failure> {
    let Some(socket) = loaded.config.gate.socket.clone() else {
        return Err(Failure::new(
            exit::UNAVAILABLE,
            "an agent is running and holds the ledger, but it has no socket to be asked on (gate.socket = \"none\")\n    \
             stop it for as long as this takes",
        ));
    };
    let asked = run::runtime()?.block_on(client::request_with(&socket, "POST", target, body));
    let (status, value) = asked.map_err(|e| Failure::new(exit::UNAVAILABLE, e.to_string()))?;
    let error = value.get("error").and_then(Value::as_str);
    match (status, error) {
        (200, None) => Ok(value),
        (403, _) => {
            Err(Failure::new(exit::PERMISSION, "only the agent's own user and root may ask it for this"))
        }
        (_, Some(error)) => Err(Failure::new(exit::UNAVAILABLE, format!("the agent answered: {error}"))),
        _ => Err(Failure::new(exit::UNAVAILABLE, format!("the agent answered {status}: {value}"))),
    }
}

fn not_joined(loaded: &Loaded) -> Failure {
    let is_awaited = pending::load(&loaded.config.state_dir).is_ok_and(|awaited| awaited.is_some());
    Failure::new(
        exit::UNAVAILABLE,
        if is_awaited {
            "not activated yet: the answer to its activation has not come\n    \
             `highwater import` what central answered; `highwater activate --export FILE` writes the activation again"
        } else {
            "not activated: central would take no report of it\n    get an enrolment token from the vendor, and carry \
             what `highwater activate --token-file T --export FILE` writes"
        },
    )
}

#[expect(clippy::needless_pass_by_value, reason = "it stands where an error is mapped")]
pub(super) fn unusable(error: joined::JoinError) -> Failure {
    Failure::new(if error.is_permission() { exit::PERMISSION } else { exit::DATA }, error.to_string())
}

fn tell(
    options: &Options,
    ledger: &Ledger,
    exported: &Exported,
    bytes: u64,
    is_stdout: bool,
) -> Result<(), Failure> {
    let path = options.output.as_deref().unwrap_or(Path::new("-"));
    let text = if options.json {
        let days = exported.days.as_ref().map(|(first, last)| json!([first, last]));
        let value = json!({
            "file": path.display().to_string(),
            "instance": ledger.instance(),
            "reports": exported.reports,
            "days": days,
            "bytes": bytes,
            "changed": exported.changed,
        });
        format!("{value}\n")
    } else {
        let what = match (&exported.days, exported.reports) {
            (Some((first, _)), 1) => format!("1 report, of {first}"),
            (Some((first, last)), n) => format!("{n} reports, of {first} to {last}"),
            (None, _) => "no report: none waits. Central answers with a licence where one is due".to_owned(),
        };
        format!(
            "{}: {what}; {bytes} bytes\ncarry it to central, and `highwater import` what it answers\n",
            path.display()
        )
    };
    // With the bundle on standard output, what is told of it goes beside.
    if is_stdout {
        std::io::stderr().write_all(text.as_bytes())?;
    } else {
        print(&text)?;
    }
    Ok(())
}

fn changed(exported: &Exported) -> Outcome {
    if exported.changed.is_empty() {
        return Ok(0);
    }
    let numbers: Vec<String> = exported.changed.iter().map(ToString::to_string).collect();
    let numbers = numbers.join(", ");
    Err(Failure::new(
        exit::DATA,
        format!(
            "left out, as their bytes are not those that were made: reports {numbers}\n    `highwater verify` tells more"
        ),
    ))
}

/// Exactly what would be sent, one report in memory at a time.
fn show(exporter: &Exporter<'_>, options: &Options) -> Outcome {
    let (exported, sequences) = exporter.plan()?;
    let draft = if options.open_day { exporter.ledger.draft_open_day()? } else { None };
    let reports = exported.reports + u64::from(draft.is_some());
    let head = head(&exporter.head(reports)?);
    let begin = |key: &str| if options.json { format!("\"{key}\":") } else { format!("\"{key}\": ") };
    let value = |value: &Value| if options.json { value.to_string() } else { format!("{value:#}") };
    print(&format!("{{{}{},{}[", begin("export"), value(&head), begin("reports")))?;
    let mut between = "";
    let mut one = |payload: &[u8]| -> Result<(), Failure> {
        let report = Report::decode(payload)
            .map_err(|e| Failure::new(exit::DATA, format!("a report can't be read: {e}")))?;
        print(&format!("{between}{}", value(&report_json::report(&report))))?;
        between = ",";
        Ok(())
    };
    for sequence in sequences {
        let Some(found) = exporter.report(sequence)? else { continue };
        one(&found.payload)?;
    }
    if let Some(draft) = draft {
        one(&draft)?;
    }
    print("]}\n")?;
    changed(&exported)
}

fn head(export: &v1::Export) -> Value {
    json!({
        "instance": export.instance,
        "nonce": hex(&export.nonce),
        "exported_at": at(export.exported_at),
        "pinned_key": hex(&export.pinned_key),
        "reports": export.reports,
        "held": (!export.held.is_empty()).then_some(&export.held),
        "agent_version": export.agent_version,
    })
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        let code = match &error {
            _ if error.is_permission() => exit::PERMISSION,
            _ if error.is_usage() => exit::USAGE,
            _ => exit::UNAVAILABLE,
        };
        Failure::new(code, error.to_string())
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Ledger(error) => error.into(),
            ExportError::Output(error) => error.into(),
            ExportError::Bundle(error) => Failure::new(exit::DATA, error.to_string()),
            ExportError::Random(error) => Failure::new(
                exit::UNAVAILABLE,
                format!("{error}\n    let the agent's sandbox allow getrandom"),
            ),
        }
    }
}
