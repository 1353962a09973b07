//! `highwater completions`: scripts that `cargo xtask assets` made from the command line's definition.

use super::Outcome;
use super::packed::{packed, print_packed};
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
    print_packed(match options.shell {
        Shell::Bash => packed!("highwater.bash"),
        Shell::Fish => packed!("highwater.fish"),
        Shell::Zsh => packed!("_highwater"),
    })?;
    Ok(0)
}
