//! What an operator types. One file a subcommand.

mod activate;
#[cfg(test)]
mod assets;
mod check_config;
mod completions;
mod courier;
mod doctor;
mod export;
mod flags;
mod gate;
mod import;
mod license;
#[cfg(test)]
mod log_page;
mod logs_schema;
mod once;
#[cfg(feature = "kubernetes")]
mod own;
mod packed;
mod peaks;
mod prune;
mod push;
mod report;
mod run;
mod spark;
mod status;
mod units;
mod verify;

use crate::clock;
use crate::config::{self, Inputs, Loaded, Mistakes};
use crate::ledger::{Ledger, LedgerError, Plan};
use crate::log::{complain, print};
use crate::node;
use clap::{Args, Parser, Subcommand};
use nix::errno::Errno;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit codes, after BSD's sysexits; those of `gate` are its own.
mod exit {
    pub(super) const GATE_WARNING: u8 = 10;
    pub(super) const GATE_CRITICAL: u8 = 11;
    pub(super) const GATE_CLOSED: u8 = 12;
    pub(super) const GATE_UNKNOWN: u8 = 13;
    pub(super) const USAGE: u8 = 64;
    pub(super) const DATA: u8 = 65;
    pub(super) const UNAVAILABLE: u8 = 69;
    pub(super) const PERMISSION: u8 = 77;
    pub(super) const CONFIG: u8 = 78;
}

/// Meters what software sold by use really uses: RAM capacity, network throughput, TLS sessions.
///
/// highwater samples this host every five minutes into a local ledger, rolls the peaks of each day, and shows how much of the day it
/// saw. Without a command's options it needs no configuration, no root and no server: try `highwater run`.
#[derive(Debug, Parser)]
#[command(
    name = "highwater",
    version,
    max_term_width = 110,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(
    after_help = "Exit codes: 0 fine, 64 wrong usage, 65 bad data, 69 something unavailable, 77 no permission, 78 wrong \
                        configuration.\nEvery key of the configuration but those of [[ssl]] can be set by the environment: \
                        HIGHWATER_SAMPLING__INTERVAL=1s highwater run"
)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Common {
    /// The configuration file [default: $HIGHWATER_CONFIG, else /etc/highwater/highwater.toml where it exists, else none]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the ledger is kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater, else ~/.local/state/highwater]
    #[arg(long, global = true, value_name = "DIR")]
    state_dir: Option<String>,
    /// The root of the file system that is metered [default: /]
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the agent in the foreground: one sample and one log line a slot
    ///
    /// SIGTERM and SIGINT end it, SIGHUP loads the configuration again (or keeps the old one and says why), SIGUSR1 takes an extra
    /// sample for the log and pushes what waits.
    Run,
    /// Takes one sample now and prints it; writes nothing
    Once(once::Options),
    /// Tells how the agent is doing: last sample, gate, today's peaks
    Status(status::Options),
    /// Shows the peaks of days, with a sparkline of each day
    Peaks(peaks::Options),
    /// Joins a central with an enrolment token: makes the instance's key, and keeps what central grants
    ///
    /// The token is best given by a file or by standard input: `--token-file FILE`, `--token -`. What stands on a command line can be
    /// seen by every user of the host.
    Activate(activate::Options),
    /// Lists the reports that were sent and that wait, or shows one whole
    Report(report::Options),
    /// Sends what waits to central now, and tells what came of it
    Push(push::Options),
    /// Writes what waits into a file, to be carried to central by hand
    ///
    /// The same reports with the same signatures as a push; central answers with a file for `highwater import`. Nothing is sent.
    Export(export::Options),
    /// Takes in what central answered to an export: receipts, licences, an activation
    ///
    /// A file of another instance is refused by name. Importing one twice changes nothing.
    Import(import::Options),
    /// Drops the bytes of reports that central has; never of one without a receipt
    Prune(prune::Options),
    /// Tells whether the metered software may run
    ///
    /// Reads what the agent told last: no root and no ledger are needed. The exit code is 0 while the software may run, 12 when the
    /// gate is closed, and 13 where nothing is known: the agent is not running, or has told nothing for an hour. In a unit:
    /// `ExecCondition=/usr/bin/highwater gate`.
    Gate(gate::Options),
    /// Shows, installs, renews and fetches licences
    ///
    /// A licence is central's signed word that this instance may use the software: under which contract, for what, and until when. An
    /// online one lasts for days, and the agent renews it by itself. An offline one lasts as long as the contract, and is carried in.
    ///
    /// Its dates, `expires_at` and the one from which on it is renewed, are none of the three others: when the next report is due, when
    /// grace ends, when the contract ends. docs/gate.md tells what the gate makes of each.
    License {
        #[command(subcommand)]
        action: license::Action,
    },
    /// Carries bundles of hosts without a connection to central, and brings back the receipts
    ///
    /// It runs on any host that reaches central: it needs no agent, no configuration and no key. What was answered is kept in BACK.part
    /// until all is done, so that the same command goes on where it was cut, and sends nothing twice. Exit code 65 tells that a file
    /// was not taken as a whole, 69 that central could not be reached.
    Courier(courier::Options),
    /// Walks the ledger's hash chain and names the first row that does not fit
    Verify(verify::Options),
    /// Shows the configuration in effect, or every mistake in it at once
    CheckConfig(check_config::Options),
    /// Tries each source and what the agent needs, and says what to do where something is missing
    Doctor(doctor::Options),
    /// Prints a completion script for a shell
    ///
    /// bash: `highwater completions bash > ~/.local/share/bash-completion/completions/highwater`
    Completions(completions::Options),
    /// Prints the contract of the log's events as a JSON Schema (2020-12), for lines of log.format = "json"
    LogsSchema,
}

/// A command that failed: its exit code, and what to tell.
#[derive(Debug)]
struct Failure {
    code: u8,
    message: String,
    /// As the operating system numbers it.
    errno: Option<i32>,
    /// Whether the log has told it.
    is_logged: bool,
}

impl Failure {
    fn new(code: u8, message: impl Into<String>) -> Self {
        Failure { code, message: message.into(), errno: None, is_logged: false }
    }
}

impl From<Mistakes> for Failure {
    fn from(mistakes: Mistakes) -> Self {
        Failure::new(exit::CONFIG, mistakes.to_string())
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let code = match &error {
            _ if error.is_permission() => exit::PERMISSION,
            LedgerError::Newer { .. } | LedgerError::Foreign { .. } | LedgerError::Nonsense { .. } => {
                exit::DATA
            }
            _ if error.is_damage() || error.is_nonsense() => exit::DATA,
            _ => exit::UNAVAILABLE,
        };
        let mend = match &error {
            LedgerError::Beside { .. } => "",
            _ if code == exit::PERMISSION => "\n    do it as the agent's user, or as root",
            _ if error.errno() == Some(Errno::ENOSPC as i32) => "\n    make room on its file system",
            _ if error.is_device_failure() => {
                "\n    the device or its file system fails: the kernel's log tells how (`dmesg`)"
            }
            _ => "",
        };
        Failure { errno: error.errno(), ..Failure::new(code, format!("{error}{mend}")) }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure { errno: error.raw_os_error(), ..Failure::new(exit::UNAVAILABLE, error.to_string()) }
    }
}

type Outcome = Result<u8, Failure>;

/// Does what the command line says, and gives the exit code.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    #[cfg(feature = "kubernetes")]
    if arguments.get(1).is_some_and(|word| word == "own") {
        return told(own::run(arguments.into_iter().skip(2)));
    }
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(usage) => {
            // Help and version are asked for; they go to standard output. Nothing is left to do if it is closed.
            let _ = usage.print();
            return if usage.use_stderr() { exit::USAGE.into() } else { ExitCode::SUCCESS };
        }
    };
    told(dispatch(&cli))
}

fn told(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(code) => code.into(),
        Err(failure) => {
            complain(&failure.message, failure.is_logged);
            failure.code.into()
        }
    }
}

fn dispatch(cli: &Cli) -> Outcome {
    match &cli.command {
        Command::Completions(options) => completions::print_for(options),
        Command::LogsSchema => logs_schema::print_it(),
        Command::CheckConfig(options) => check_config::check(load(&cli.common), options),
        Command::Doctor(options) => doctor::examine(load(&cli.common), options),
        Command::Run => run::run(&cli.common),
        Command::Once(options) => once::sample(&load(&cli.common)?, options),
        Command::Status(options) => status::show(&load(&cli.common)?, options),
        Command::Peaks(options) => peaks::show(&load(&cli.common)?, options),
        Command::Activate(options) => activate::activate(&load(&cli.common)?, options),
        Command::Report(options) => report::show(&load(&cli.common)?, options),
        Command::Push(options) => push::push(&load(&cli.common)?, options),
        Command::Export(options) => export::export(&load(&cli.common)?, options),
        Command::Import(options) => import::import(&load(&cli.common)?, options),
        Command::Prune(options) => prune::prune(&load(&cli.common)?, options),
        Command::Gate(options) => gate::tell(&cli.common, options),
        Command::License { action } => license::run(&cli.common, action),
        Command::Courier(options) => courier::carry(options),
        Command::Verify(options) => verify::verify(&load(&cli.common)?, options),
    }
}

/// Loads the configuration, as the command line, the environment and the file say.
fn load(common: &Common) -> Result<Loaded, Mistakes> {
    let env: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    let overrides = [("state_dir", &common.state_dir), ("sampling.root", &common.root)];
    config::load(&Inputs {
        file: config::find_file(common.config.clone(), &env),
        env,
        overrides: overrides
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)))
            .collect(),
        // Without a current directory (it was removed) relative paths have nowhere to begin: they fail where they are used.
        cwd: std::env::current_dir().unwrap_or_default(),
        now_s: clock::unix_s(),
    })
}

fn plan(loaded: &Loaded) -> Plan {
    Plan {
        length: loaded.config.sampling.interval,
        retention_s: loaded.config.retention_s,
        calendar: loaded.config.sampling.calendar.clone(),
        hash_names: loaded.config.uplink.hash_names,
        node: node::known(&loaded.config.state_dir),
    }
}

fn open_reader(loaded: &Loaded) -> Result<Ledger, LedgerError> {
    Ledger::open_reader(&loaded.config.state_dir, plan(loaded))
}

/// Prints a JSON document on one line.
fn print_json(value: &serde_json::Value) -> io::Result<()> {
    print(&format!("{value}\n"))
}

/// The command line's definition, for completions and man pages.
#[must_use]
pub fn definition() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}
