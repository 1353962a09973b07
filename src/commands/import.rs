//! `highwater import`: takes in what central answered to exports, carried here by hand.

use super::activate::wake_the_agent;
use super::export::{ask_the_agent, open_writer, unusable};
use super::{Failure, Outcome, exit, open_reader, print_json};
use crate::bundle::{Incoming, ReadError, Reply, read_file};
use crate::clock::Clock;
use crate::config::Loaded;
use crate::joined;
use crate::ledger::Ledger;
use crate::log::print;
use crate::reporter::Reporter;
use crate::uplink::activate::{ActivateError, granted};
use crate::uplink::pending::{self, PendingError};
use crate::uplink::{Enrolment, Identity, PushError};
use clap::Args;
use highwater_proto::v1::{ActivationResponse, Envelope};
use highwater_rules::receipt::AnswerError;
use prost::Message as _;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// So many problems of a file are told; the rest is counted.
const PROBLEMS_MAX: usize = 5;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The files that came back
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print JSON (docs/json.md)
    #[arg(long)]
    json: bool,
}

/// What came of one file.
struct Taken {
    path: PathBuf,
    /// `Some(true)` where it activated the instance, `Some(false)` where that was so before.
    activated: Option<bool>,
    imported: Option<Value>,
    problems: Vec<String>,
}

pub(super) fn import(loaded: &Loaded, options: &Options) -> Outcome {
    let instance = open_reader(loaded)?.instance().to_owned();
    let mut all = Vec::new();
    for path in &options.files {
        all.push(take(loaded, path, &instance)?);
    }
    if options.json {
        let files: Vec<Value> = all.iter().map(Taken::json).collect();
        print_json(&json!({ "instance": instance, "files": files }))?;
    } else {
        print(&all.iter().map(Taken::text).collect::<String>())?;
    }
    let problems: Vec<String> = all.iter().flat_map(Taken::told_problems).collect();
    if problems.is_empty() { Ok(0) } else { Err(Failure::new(exit::DATA, problems.join("\n"))) }
}

/// What is wrong with a file is no reason not to take in the others.
fn take(loaded: &Loaded, path: &Path, instance: &str) -> Result<Taken, Failure> {
    let mut incoming = read_file(path, instance);
    let mut taken = Taken { path: path.to_owned(), activated: None, imported: None, problems: Vec::new() };
    let mut problem = |what: &str| taken.problems.push(format!("{}: {what}", path.display()));
    if incoming.replies.is_empty() {
        problem(&nothing_for(instance, &incoming));
        return Ok(taken);
    }
    if let Some(error) = &incoming.error {
        problem(&format!("{error}; what came before was taken in"));
    }
    for refused in incoming.replies.iter().filter(|reply| reply.is_refusal()) {
        let why = if refused.cut.is_empty() { "it does not say why" } else { &refused.cut };
        problem(&format!("central took nothing of what {instance} sent: {why}"));
    }
    incoming.replies.retain(|reply| !reply.is_refusal());
    for reply in &incoming.replies {
        let Some(grant) = &reply.grant else { continue };
        match activate(loaded, instance, grant)? {
            Ok(is_new) => taken.activated = Some(is_new),
            Err(why) => taken.problems.push(format!("{}: {why}", path.display())),
        }
    }
    if taken.activated == Some(true) {
        wake_the_agent(loaded)?;
    }
    if incoming.replies.iter().any(Reply::has_answers) {
        let imported = settle(loaded, instance, &incoming)?;
        let problems = imported.get("problems").and_then(Value::as_array).into_iter().flatten();
        let told = problems.filter_map(Value::as_str).map(|p| format!("{}: {p}", path.display()));
        taken.problems.extend(told);
        taken.imported = Some(imported);
    }
    Ok(taken)
}

/// Why a file has nothing for this instance.
fn nothing_for(instance: &str, incoming: &Incoming) -> String {
    let mut others = incoming.others.iter();
    match (others.next(), &incoming.error) {
        (Some(other), _) => {
            let more = match others.count() {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            format!("it answers {other}{more}, and this is {instance}: import it there")
        }
        (None, Some(error)) => error.to_string(),
        (None, None) if incoming.is_outward => {
            "it is on its way to central: carry it there, and import what central answers".to_owned()
        }
        (None, None) => "it answers nobody".to_owned(),
    }
}

/// Takes up a grant. Whether it is new; or why it is not believed.
fn activate(
    loaded: &Loaded,
    instance: &str,
    grant: &ActivationResponse,
) -> Result<Result<bool, String>, Failure> {
    let state_dir = &loaded.config.state_dir;
    let Some(identity) = Identity::load(state_dir)? else {
        return Ok(Err("it answers an activation, and none was made here".to_owned()));
    };
    let before = joined::joined(state_dir, instance).map_err(unusable)?;
    let is_there = |before: &Enrolment| {
        let envelope = grant.grant.as_ref().map(Envelope::encode_to_vec);
        envelope.as_deref() == Some(before.grant_envelope())
    };
    if before.as_ref().is_some_and(|before| is_there(&before.enrolment)) {
        return Ok(Ok(false));
    }
    let Some(awaited) = pending::load(state_dir)? else {
        return Ok(Err("it answers an activation that is not awaited here".to_owned()));
    };
    match granted(&grant.encode_to_vec(), &awaited, &identity.public()) {
        Ok(enrolment) => {
            // First the licence: an agent that finds the activation finds it too. Without it the host has joined all the same.
            let licence = crate::enroller::install_granted(state_dir, &enrolment);
            enrolment.store(state_dir)?;
            if let Err(error) = licence {
                let text = format!("highwater: the licence that came with it is not used: {error}\n");
                let _ = std::io::stderr().write_all(text.as_bytes());
            }
            pending::remove(state_dir)?;
            Ok(Ok(true))
        }
        Err(ActivateError::Exchange(PushError::Answer(AnswerError::Nonce))) => {
            Ok(Err("it answers another activation than the last that was exported here".to_owned()))
        }
        Err(ActivateError::Exchange(PushError::Answer(error))) => Ok(Err(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// Receipts and the grace period: by the agent that runs, as it holds the ledger, or here.
fn settle(loaded: &Loaded, instance: &str, incoming: &Incoming) -> Result<Value, Failure> {
    let state_dir = &loaded.config.state_dir;
    if Ledger::writer(state_dir).is_some() {
        let bundle = incoming.for_the_agent(instance)?;
        return ask_the_agent(loaded, "/v1/import", &bundle);
    }
    let mut ledger = open_writer(loaded)?;
    let now = Clock::new(&loaded.config.sampling.root).now();
    let mut reporter = Reporter::new(state_dir, instance, loaded.config.uplink.clone());
    reporter.look().map_err(unusable)?;
    let mut keeper =
        joined::load_keeper(&ledger, state_dir, reporter.joined().map(|joined| &**joined), &now)?;
    let imported = reporter.import(incoming, &mut ledger, &mut keeper, &now)?;
    Ok(imported.json(ledger.outbox_counts()?.pending))
}

impl Taken {
    /// The first of what could not be used, and how much more there is.
    fn told_problems(&self) -> Vec<String> {
        let mut told: Vec<String> = self.problems.iter().take(PROBLEMS_MAX).cloned().collect();
        if self.problems.len() > told.len() {
            told.push(format!("{}: and {} more", self.path.display(), self.problems.len() - told.len()));
        }
        told
    }

    fn json(&self) -> Value {
        json!({
            "file": self.path.display().to_string(),
            "activated": self.activated,
            "imported": self.imported,
            "problems": self.told_problems(),
        })
    }

    fn text(&self) -> String {
        let mut lines = Vec::new();
        match self.activated {
            Some(true) => lines.push("activated".to_owned()),
            Some(false) => lines.push("activated before by this answer: nothing was changed".to_owned()),
            None => {}
        }
        if let Some(imported) = &self.imported {
            lines.extend(told(imported));
        }
        lines.iter().map(|line| format!("{}: {line}\n", self.path.display())).collect()
    }
}

fn told(imported: &Value) -> Vec<String> {
    let number = |key: &str| imported.get(key).and_then(Value::as_i64).unwrap_or(0);
    let is = |key: &str| imported.get(key).and_then(Value::as_bool).unwrap_or(false);
    let reports = |n: i64| if n == 1 { "1 report".to_owned() } else { format!("{n} reports") };
    let mut lines = Vec::new();
    if number("accepted") > 0 {
        lines.push(format!("{} receipted", reports(number("accepted"))));
    }
    if is("grace_renewed") {
        lines.push("the grace period began anew".to_owned());
    }
    if let Some(licence) = imported.get("licence").and_then(Value::as_str) {
        lines.push(format!("licence {licence} is in place"));
    }
    if is("key_changed") {
        lines.push("central signs with another key now: it is pinned".to_owned());
    }
    for (key, what) in [("parked", "refused for good"), ("refused", "not taken for now")] {
        for report in imported.get(key).and_then(Value::as_array).into_iter().flatten() {
            let why = report.get("why").and_then(Value::as_str).unwrap_or_default();
            let sequence = report.get("sequence").and_then(Value::as_u64).unwrap_or_default();
            lines.push(format!("report {sequence} {what}: {why}"));
        }
    }
    if !is("changed") && number("already") > 0 {
        let their = if number("already") == 1 { "its receipt" } else { "their receipts" };
        lines.push(format!("nothing new: {} had {their} before", reports(number("already"))));
    } else if !is("changed") {
        lines.push("nothing new".to_owned());
    }
    if number("unknown") > 0 {
        let are = if number("unknown") == 1 { "is" } else { "are" };
        lines.push(format!("{} of it {are} not known here, and passed over", reports(number("unknown"))));
    }
    lines.push(format!("{} still to be exported", reports(number("pending"))));
    lines
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Failure::new(exit::DATA, error.to_string())
    }
}

impl From<PendingError> for Failure {
    fn from(error: PendingError) -> Self {
        let code = match &error {
            _ if error.is_permission() => exit::PERMISSION,
            PendingError::Garbled { .. } => exit::DATA,
            PendingError::Io { .. } => exit::UNAVAILABLE,
        };
        Failure::new(code, error.to_string())
    }
}
