//! Completion scripts and man pages, made from the command line's definition and committed, so that the agent carries no generator.

use crate::shell;
use anyhow::{Context as _, bail};
use clap_complete::Shell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `cargo xtask assets [--check]`
pub(crate) fn main(arguments: &[String]) -> anyhow::Result<ExitCode> {
    let check = match arguments {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => bail!("usage: cargo xtask assets [--check]"),
    };
    let packaging = shell::repository().join("packaging");
    let mut stale = Vec::new();
    for (path, bytes) in assets()? {
        let path = packaging.join(path);
        if check {
            let committed = shell::read_text(&path).unwrap_or_default();
            if committed.as_bytes() != bytes {
                stale.push(path.display().to_string());
            }
        } else {
            write(&path, &bytes)?;
        }
    }
    if !stale.is_empty() {
        bail!("older than the command line they describe, run `cargo xtask assets`: {}", stale.join(", "));
    }
    println!("completions and man pages {}", if check { "are up to date" } else { "written" });
    Ok(ExitCode::SUCCESS)
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().context("an asset lies in no folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Every asset: its path below `packaging/`, and its bytes.
fn assets() -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut assets = Vec::new();
    for (shell, name) in
        [(Shell::Bash, "highwater.bash"), (Shell::Fish, "highwater.fish"), (Shell::Zsh, "_highwater")]
    {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut highwater::commands::definition(), "highwater", &mut script);
        assets.push((Path::new("completions").join(name), script));
    }
    let mut root = highwater::commands::definition().disable_help_subcommand(true);
    root.build();
    let mut pages = vec![root.clone()];
    pages.extend(root.get_subcommands().filter(|c| !c.is_hide_set()).cloned());
    for command in pages {
        let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
        let mut page = Vec::new();
        // The date of a page is that of its release, not of its making.
        clap_mangen::Man::new(command.display_name(name.clone())).date("").render(&mut page)?;
        assets.push((Path::new("man").join(format!("{name}.1")), page));
    }
    Ok(assets)
}
