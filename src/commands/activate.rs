//! `highwater activate`: joins a central.

mod carried;
mod failures;

use super::{Failure, Outcome, exit, open_reader, plan, print_json, run, units};
use crate::clock;
use crate::config::{CentralUrl, Loaded, Transport};
use crate::enroller::{self, TOKEN_MAX_BYTES};
use crate::files::read_bounded;
use crate::gate::client;
use crate::ledger::{Ledger, LedgerError};
use crate::log::{at, print};
use crate::uplink::enrolment;
use crate::uplink::{self, Enrolment, EnrolmentError, Identity};
use clap::Args;
use highwater_rules::report::Names;
use highwater_rules::retry::{SPLAY_S, splay};
use highwater_rules::token::EnrolmentToken;
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The environment variable that may hold the token.
const TOKEN_VARIABLE: &str = "HIGHWATER_ENROLMENT_TOKEN";
/// More than this is no file of certificates.
const CA_MAX_BYTES: usize = 1 << 20;
/// How often a ledger is looked for that someone else is making: for two seconds.
const LEDGER_LOOKS: u32 = 20;
const LEDGER_LOOK_EVERY: Duration = Duration::from_millis(100);

#[derive(Args)]
pub(super) struct Options {
    /// Where central is, such as `https://central.example.com` [default: uplink.url of the configuration]
    #[arg(long, value_name = "URL")]
    central: Option<String>,
    /// A PEM file of the certificates that central's is held to, kept for the reports to come [default: uplink.ca_file, else the host's]
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The enrolment token; `-` reads it from standard input. Given here as it is, every user of the host can see it
    #[arg(long, value_name = "TOKEN", conflicts_with = "token_file", allow_hyphen_values = true)]
    token: Option<String>,
    /// A file that holds the enrolment token [default: $HIGHWATER_ENROLMENT_TOKEN]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Open no connection: write the request into a file, to be carried to central; `highwater import` takes in its answer
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    /// Write over the file of --export where it is there
    #[arg(long, requires = "export")]
    force: bool,
    /// Join anew where this host has joined already: another central, or the same once more
    #[arg(long)]
    again: bool,
    /// Print JSON (docs/json.md)
    #[arg(long)]
    json: bool,
}

impl std::fmt::Debug for Options {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("central", &self.central).finish_non_exhaustive()
    }
}

pub(super) fn activate(loaded: &Loaded, options: &Options) -> Outcome {
    let state_dir = &loaded.config.state_dir;
    let token = token(options)?;
    let asked_for = options.central.as_deref().map(central_flag).transpose()?;
    // Nothing is made for a command that can't succeed.
    if token.is_none() && !state_dir.join(enrolment::FILE_NAME).exists() {
        return Err(no_token());
    }
    let (instance, first_start, names) = instance(loaded)?;
    let before = joined_before(state_dir, &instance, options.again)?;
    if let Some(before) = before.as_ref().filter(|_| !options.again) {
        return already(loaded, options, before, token.as_ref());
    }
    let token = token.ok_or_else(no_token)?;
    let url = asked_for
        .or_else(|| loaded.config.uplink.url.clone())
        .or_else(|| before.as_ref().and_then(|before| before.url().cloned()));
    let ca_pem = options.ca_file.as_deref().map(certificates).transpose()?;
    let who = enroller::Who { instance, first_start, names };
    let candidate = enroller::candidate(&loaded.config, &who, token, ca_pem);
    if let Some(path) = &options.export {
        return carried::export(loaded, path, (options.force, options.json), &candidate, url);
    }
    if loaded.config.uplink.transport == Transport::AirGap {
        return Err(carried::air_gapped());
    }
    let url = url.ok_or_else(nowhere)?;
    let settings = enroller::settings(&loaded.config.uplink, url, candidate.ca_pem.as_deref());
    let runtime = run::runtime()?;
    let outcome = runtime.block_on(enroller::join(state_dir, &settings, &candidate));
    runtime.shutdown_background();
    let joined = outcome?;
    if let Some(error) = joined.licence {
        // The host has joined all the same, and the agent asks for another.
        let _ = writeln!(std::io::stderr(), "highwater: the licence that came with it is not used: {error}");
    }
    wake_the_agent(loaded)?;
    tell(loaded, options, &joined.enrolment, false)
}

/// A running agent looks for an activation at each slot; asked on its socket, at once.
pub(super) fn wake_the_agent(loaded: &Loaded) -> std::io::Result<()> {
    if let (Some(_), Some(socket)) =
        (Ledger::writer(&loaded.config.state_dir), loaded.config.gate.socket.as_deref())
    {
        // Where it can't be asked, it finds out by itself.
        let _ = run::runtime()?.block_on(client::request(socket, "POST", "/v1/wake"));
    }
    Ok(())
}

/// The token, from where it was given: the command line, a file, standard input, or the environment.
fn token(options: &Options) -> Result<Option<EnrolmentToken>, Failure> {
    let text = match (&options.token, &options.token_file) {
        (Some(dash), _) if dash == "-" => {
            let mut text = String::new();
            std::io::stdin()
                .take(TOKEN_MAX_BYTES as u64)
                .read_to_string(&mut text)
                .map_err(|e| Failure::new(exit::DATA, format!("standard input holds no token: {e}")))?;
            text
        }
        (Some(token), _) => token.clone(),
        (None, Some(path)) => read_bounded(path, TOKEN_MAX_BYTES).map_err(|e| unreadable(path, &e))?,
        (None, None) => match std::env::var(TOKEN_VARIABLE) {
            Ok(text) if !text.trim().is_empty() => text,
            _ => return Ok(None),
        },
    };
    // What is wrong is said without the token, as it may be nearly right.
    EnrolmentToken::parse(&text).map(Some).map_err(|e| Failure::new(exit::DATA, e.to_string()))
}

fn no_token() -> Failure {
    Failure::new(
        exit::USAGE,
        format!(
            "joining takes an enrolment token, which whoever runs central makes\n    give it by --token-file FILE, by --token - \
             (standard input) or by {TOKEN_VARIABLE}"
        ),
    )
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let denied = error.kind() == std::io::ErrorKind::PermissionDenied;
    let code = if denied { exit::PERMISSION } else { exit::DATA };
    Failure::new(code, format!("{} can't be read: {error}", path.display()))
}

/// The instance's id, its first start, and how its names leave the host. Where no agent has run yet, its ledger is made.
fn instance(loaded: &Loaded) -> Result<(String, i64, Names), Failure> {
    let of = |ledger: &Ledger| (ledger.instance().to_owned(), ledger.first_start(), ledger.names());
    let state_dir = &loaded.config.state_dir;
    let mut looks = 1;
    loop {
        let found = match open_reader(loaded) {
            Ok(ledger) => return Ok(of(&ledger)),
            Err(LedgerError::Missing { .. }) => Ledger::open(state_dir, plan(loaded)),
            Err(error) => Err(error),
        };
        match found {
            Ok(opened) => return Ok(of(&opened.ledger)),
            // An agent that starts at this moment is making it.
            Err(_) if looks < LEDGER_LOOKS && Ledger::writer(state_dir).is_some() => {
                looks += 1;
                run::runtime()?.block_on(async { tokio::time::sleep(LEDGER_LOOK_EVERY).await });
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The activation that there is. With `again`, one that can't be believed is none.
fn joined_before(state_dir: &Path, instance: &str, again: bool) -> Result<Option<Enrolment>, Failure> {
    let Some(identity) = Identity::load(state_dir)? else { return Ok(None) };
    match Enrolment::load(state_dir, &identity.public(), instance) {
        Err(EnrolmentError::Garbled { .. } | EnrolmentError::Foreign { .. }) if again => Ok(None),
        result => Ok(result?),
    }
}

/// This host has joined: fine where it was the same central.
fn already(
    loaded: &Loaded,
    options: &Options,
    before: &Enrolment,
    token: Option<&EnrolmentToken>,
) -> Outcome {
    if token.is_none_or(|token| before.knows(&token.fingerprint)) {
        return tell(loaded, options, before, true);
    }
    Err(Failure::new(
        exit::USAGE,
        format!(
            "this host joined another central, {}, at {}; the token is of one with another key\n    to leave it and join that one: \
             highwater activate --again",
            central(before),
            at(before.grant().activated_at)
        ),
    ))
}

fn central_flag(text: &str) -> Result<CentralUrl, Failure> {
    CentralUrl::parse(text)
        .map_err(|no| Failure::new(exit::USAGE, format!("--central: {}\n    {}", no.message, no.mend)))
}

fn nowhere() -> Failure {
    let message =
        "where is central?\n    give it by --central https://HOST, or as uplink.url in the configuration";
    Failure::new(exit::USAGE, message)
}

fn certificates(path: &Path) -> Result<String, Failure> {
    let pem = read_bounded(path, CA_MAX_BYTES).map_err(|e| unreadable(path, &e))?;
    uplink::check_pem(&pem, &path.display().to_string())?;
    Ok(pem)
}

fn tell(loaded: &Loaded, options: &Options, enrolment: &Enrolment, already: bool) -> Outcome {
    let grant = enrolment.grant();
    let terms = grant.terms.clone().unwrap_or_default();
    let contract_end = (terms.contract_end != 0).then(|| at(terms.contract_end));
    let day = loaded.config.sampling.calendar.day_at(clock::unix_s());
    let next_report = at(day.end.saturating_add(splay(&grant.instance, SPLAY_S)));
    if options.json {
        print_json(&json!({
            "activated": true,
            "already": already,
            "central": enrolment.url().map(ToString::to_string),
            "central_key": enrolment.pinned().id().hex(),
            "activated_at": at(grant.activated_at),
            "instance": grant.instance,
            "identity": grant.identity,
            "product": grant.product,
            "customer": grant.customer,
            "contract": terms.contract,
            "contract_end": contract_end,
            "grace_s": terms.grace_s,
            "next_report_due": next_report,
        }))?;
        return Ok(0);
    }
    let head = if already { "already activated, nothing was changed" } else { "activated" };
    let next = match (already, Ledger::writer(&loaded.config.state_dir)) {
        (true, _) => "",
        (false, Some(_)) => "the running agent takes this up at once, or at its next slot\n",
        (false, None) => "start the agent: highwater run\n",
    };
    let rows = [
        ("central", central(enrolment)),
        ("since", at(grant.activated_at)),
        ("product", shown(&grant.product)),
        ("customer", shown(&grant.customer)),
        ("contract", shown(&terms.contract)),
        ("end of contract", contract_end.unwrap_or_else(|| "none".to_owned())),
        (
            "grace period",
            format!("{} after each receipt", units::span(i64::try_from(terms.grace_s).unwrap_or(i64::MAX))),
        ),
        ("instance", grant.instance.clone()),
        ("identity", identity_row(&grant.instance, &grant.identity)),
        ("next report", format!("{next_report}, of the day that ends then")),
    ];
    let rows: String = rows.iter().map(|(name, value)| format!("  {name:<15}  {value}\n")).collect();
    print(&format!("{head}\n{rows}{next}"))?;
    Ok(0)
}

fn central(enrolment: &Enrolment) -> String {
    enrolment.url().map_or_else(|| "reached by files that are carried".to_owned(), ToString::to_string)
}

fn identity_row(instance: &str, identity: &str) -> String {
    if instance == identity {
        return identity.to_owned();
    }
    format!("{identity}: central knows another host under the instance's id")
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
