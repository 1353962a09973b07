//! What an operator types. One file a subcommand.

use std::ffi::OsString;
use std::process::ExitCode;

/// Does what the command line says, and gives the exit code.
#[must_use]
pub fn main(_arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    ExitCode::SUCCESS
}
