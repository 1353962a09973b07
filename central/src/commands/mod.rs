//! What an operator types. One file a subcommand.

mod activation;
mod admin_token;
mod alarm;
mod amounts;
mod audit;
mod cluster;
mod common;
mod completions;
mod contract;
mod contract_change;
mod dates;
mod key;
mod license;
mod object_store;
mod report;
mod report_show;
mod serve;
mod serve_at;
mod service_token;
mod token;

use crate::files::FilesError;
use crate::keys::KeyError;
use crate::licences::FetchError;
use crate::store::StoreError;
use crate::{log, notify};
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

/// Exit codes, after BSD's sysexits.
pub(crate) mod exit {
    pub(crate) const USAGE: u8 = 64;
    pub(crate) const DATA: u8 = 65;
    pub(crate) const UNAVAILABLE: u8 = 69;
    pub(crate) const PERMISSION: u8 = 77;
    pub(crate) const CONFIG: u8 = 78;
}

/// The service that highwater's agents report to: contracts, activations, signed reports and their receipts.
///
/// Start it with `highwater-central serve`: it makes its database, keys and certificate itself, and says what to type next. The other
/// commands work on the same data directory, beside a running server or without one.
#[derive(Debug, Parser)]
#[command(
    name = "highwater-central",
    version,
    max_term_width = 110,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(
    after_help = "Exit codes: 0 fine, 64 wrong usage, 65 bad data, 69 something unavailable, 77 no permission, 78 wrong \
                        configuration.\n\nFrom nothing to the first report:\n  highwater-central serve\n  highwater-central contract \
                        create --product P --customer C\n  highwater-central token create --contract ID\n  highwater activate \
                        --central URL --ca-file F --token T      (on the metered host)\n  highwater-central report list"
)]
pub struct Cli {
    #[command(flatten)]
    common: common::Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the service in the foreground
    Serve(serve::Options),
    /// Makes, shows, changes and revokes contracts
    #[command(subcommand)]
    Contract(contract::Contracts),
    /// Makes, shows and revokes enrolment tokens, by which agents join
    #[command(subcommand)]
    Token(token::Tokens),
    /// Shows the instances that have joined; confirms, disables, enables and deletes activations
    #[command(subcommand)]
    Activation(activation::Activations),
    /// Shows the clusters that instances run in, their nodes, and what they used
    #[command(subcommand)]
    Cluster(cluster::Clusters),
    /// Shows the licences that were issued, and issues one
    #[command(subcommand)]
    License(license::Licenses),
    /// Shows the reports that came
    #[command(subcommand)]
    Report(report::Reports),
    /// Shows what someone should look at: forks, holes, broken chains, clones
    #[command(subcommand)]
    Alarm(alarm::Alarms),
    /// Shows who changed what, and when
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Shows the keys that receipts are signed with, and makes a new one
    #[command(subcommand)]
    Key(key::Keys),
    /// Makes, shows and revokes tokens for the REST API
    #[command(subcommand)]
    AdminToken(admin_token::AdminTokens),
    /// Makes, shows and revokes tokens that fetch the licences of one contract
    #[command(subcommand)]
    ServiceToken(service_token::ServiceTokens),
    /// Prints a completion script for a shell
    ///
    /// bash: `highwater-central completions bash > ~/.local/share/bash-completion/completions/highwater-central`
    Completions(completions::Options),
}

/// A command that failed: its exit code, and what to tell.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
    /// The system's number of the error, where it gave one.
    errno: Option<i32>,
    /// Whether the log has told of it.
    logged: bool,
}

impl Failure {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Failure { code, message: message.into(), errno: None, logged: false }
    }

    /// The same, with what the system said.
    pub(crate) fn of(mut self, error: &io::Error) -> Self {
        self.errno = error.raw_os_error();
        self
    }

    /// Tells the log that the server can't start, or go on.
    pub(crate) fn log(mut self) -> Self {
        tracing::error!(error = self.message, "start_failed");
        self.logged = true;
        self
    }

    /// Tells who typed the command, or the service manager. What is in the log is said once more to a person only.
    fn tell(&self) {
        notify::failed(&self.message, self.errno);
        if !self.logged || io::stderr().is_terminal() {
            complain(&format!("highwater-central: {}\n", self.message.trim_end()));
        }
    }
}

/// Writes a text to standard error, for the journal as errors.
fn complain(text: &str) {
    let text = if log::leads_to_journal() { log::as_errors(text) } else { text.to_owned() };
    // Nothing is left to do where standard error can't be written to.
    let _ = io::stderr().write_all(text.as_bytes());
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::Permission { .. } => exit::PERMISSION,
            StoreError::Newer { .. } | StoreError::Foreign { .. } | StoreError::Damaged { .. } => exit::DATA,
            StoreError::Absent { .. } | StoreError::Conflict(_) => exit::USAGE,
            StoreError::Busy | StoreError::Unavailable { .. } | StoreError::Random(_) => exit::UNAVAILABLE,
        };
        Failure::new(code, error.to_string())
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(error) => error.into(),
            KeyError::None => Failure::new(exit::CONFIG, error.to_string()),
            KeyError::Damaged(_) => Failure::new(exit::DATA, error.to_string()),
        }
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Unlicensed(_) => Failure::new(exit::USAGE, error.to_string()),
            FetchError::Store(error) => error.into(),
            FetchError::Keys(error) => error.into(),
        }
    }
}

impl From<FilesError> for Failure {
    fn from(error: FilesError) -> Self {
        let code = if error.is_permission() { exit::PERMISSION } else { exit::UNAVAILABLE };
        Failure::new(code, error.to_string()).of(error.source())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::new(exit::UNAVAILABLE, error.to_string()).of(&error)
    }
}

/// What a command comes to.
pub(crate) type Outcome = Result<u8, Failure>;

/// Does what the command line says, and gives the exit code.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(usage) if usage.use_stderr() => {
            let text = usage.to_string();
            notify::failed(text.trim_start_matches("error: "), None);
            if log::leads_to_journal() {
                complain(&text);
            } else {
                // With colours, where they are wanted.
                let _ = usage.print();
            }
            return exit::USAGE.into();
        }
        Err(asked) => {
            // Help and version are asked for; they go to standard output. Nothing is left to do if it is closed.
            let _ = asked.print();
            return ExitCode::SUCCESS;
        }
    };
    match dispatch(&cli) {
        Ok(code) => code.into(),
        Err(failure) => {
            failure.tell();
            failure.code.into()
        }
    }
}

fn dispatch(cli: &Cli) -> Outcome {
    match &cli.command {
        Command::Serve(options) => serve::serve(&cli.common, options),
        Command::Contract(command) => contract::run(&cli.common, command),
        Command::Token(command) => token::run(&cli.common, command),
        Command::Activation(command) => activation::run(&cli.common, command),
        Command::Cluster(command) => cluster::run(&cli.common, command),
        Command::License(command) => license::run(&cli.common, command),
        Command::Report(command) => report::run(&cli.common, command),
        Command::Alarm(command) => alarm::run(&cli.common, command),
        Command::Audit(command) => audit::run(&cli.common, command),
        Command::Key(command) => key::run(&cli.common, command),
        Command::AdminToken(command) => admin_token::run(&cli.common, command),
        Command::ServiceToken(command) => service_token::run(&cli.common, command),
        Command::Completions(options) => completions::print_for(options),
    }
}

/// The command line's definition, for completions and man pages.
#[must_use]
pub fn definition() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}
