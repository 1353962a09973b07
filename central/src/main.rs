//! Central's program: see [`highwater_central`].

use std::process::ExitCode;

fn main() -> ExitCode {
    highwater_central::commands::main(std::env::args_os())
}
