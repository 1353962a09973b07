//! Completion scripts and man pages of `highwater-central`, made from the command line's definition and committed for the packages.
#![expect(clippy::unwrap_used, reason = "a test fails where it can't go on")]
#![expect(clippy::disallowed_methods, reason = "reads the repository's own files, as long as they are")]

use clap_complete::Shell;
use std::fs;
use std::path::{Path, PathBuf};

const NAME: &str = "highwater-central";

/// Every asset: its path below `packaging/central/`, and its bytes.
fn assets() -> Vec<(PathBuf, Vec<u8>)> {
    let mut assets = Vec::new();
    for (shell, name) in [
        (Shell::Bash, "highwater-central.bash"),
        (Shell::Fish, "highwater-central.fish"),
        (Shell::Zsh, "_highwater-central"),
    ] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut highwater_central::commands::definition(), NAME, &mut script);
        assets.push((Path::new("completions").join(name), script));
    }
    let mut root = highwater_central::commands::definition().disable_help_subcommand(true);
    root.build();
    pages(&root, NAME, &mut assets);
    assets
}

/// A page of a command and one of each below it: `highwater-central-contract-create.1`.
fn pages(command: &clap::Command, name: &str, assets: &mut Vec<(PathBuf, Vec<u8>)>) {
    let mut page = Vec::new();
    // The date of a page is that of its release, not of its making.
    clap_mangen::Man::new(command.clone().display_name(name.to_owned())).date("").render(&mut page).unwrap();
    assets.push((Path::new("man").join(format!("{name}.1")), page));
    for below in command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help")
    {
        pages(below, &format!("{name}-{}", below.get_name()), assets);
    }
}

/// With `HIGHWATER_BLESS=1` it writes them: `cargo xtask assets`.
#[test]
fn completions_and_man_pages_are_those_of_the_command_line() {
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("packaging/central");
    let bless = std::env::var_os("HIGHWATER_BLESS").is_some();
    let mut stale = Vec::new();
    for (path, bytes) in assets() {
        let path = packaging.join(path);
        if bless {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &bytes).unwrap();
        } else if fs::read(&path).unwrap_or_default() != bytes {
            stale.push(path);
        }
    }
    assert!(stale.is_empty(), "older than the command line, run `cargo xtask assets`: {stale:?}");
}
