//! The agent's program: see [`highwater`].

use std::process::ExitCode;

fn main() -> ExitCode {
    highwater::commands::main(std::env::args_os())
}
