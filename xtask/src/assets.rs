//! `assets`: completion scripts, man pages and the schema of the log. The programs' own tests write them, so that nothing else has to
//! be built with it.

use anyhow::bail;
use std::process::{Command, ExitCode};

const TEST: &str = "completions_and_man_pages_are_those_of_the_command_line";
/// Where that test is: the agent's and central's.
const PLACES: [&[&str]; 2] =
    [&["-p", "highwater", "--lib"], &["-p", "highwater-central", "--test", "assets"]];

/// `cargo xtask assets [--check]`
pub(crate) fn main(arguments: &[String]) -> anyhow::Result<ExitCode> {
    let check = match arguments {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => bail!("usage: cargo xtask assets [--check]"),
    };
    for place in PLACES {
        let mut test = Command::new("cargo");
        test.args(["test", "--quiet", "--locked"]).args(place).arg(TEST);
        if check {
            test.env_remove("HIGHWATER_BLESS");
        } else {
            test.env("HIGHWATER_BLESS", "1");
        }
        if !test.current_dir(crate::shell::repository()).status()?.success() {
            bail!("completions and man pages are not {}", if check { "up to date" } else { "written" });
        }
    }
    println!("completions and man pages {}", if check { "are up to date" } else { "written" });
    Ok(ExitCode::SUCCESS)
}
