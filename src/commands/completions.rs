//! `highwater completions`: scripts that `cargo xtask assets` made from the command line's definition.

use super::Outcome;
use crate::log::print;
use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The shell
    shell: Shell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Fish,
    Zsh,
}

pub(super) fn print_for(options: &Options) -> Outcome {
    print(match options.shell {
        Shell::Bash => include_str!("../../packaging/completions/highwater.bash"),
        Shell::Fish => include_str!("../../packaging/completions/highwater.fish"),
        Shell::Zsh => include_str!("../../packaging/completions/_highwater"),
    })?;
    Ok(0)
}
