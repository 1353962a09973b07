//! `highwater-central completions`.

use super::common::print;
use super::{Failure, Outcome, exit};
use clap::Args;
use clap_complete::Shell;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The shell: bash, elvish, fish, powershell or zsh
    shell: Shell,
}

pub(super) fn print_for(options: &Options) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut super::definition(), "highwater-central", &mut script);
    let script = String::from_utf8(script).map_err(|e| Failure::new(exit::DATA, e.to_string()))?;
    print(&script)?;
    Ok(0)
}
