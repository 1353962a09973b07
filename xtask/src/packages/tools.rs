//! The tools that make packages: taken from `PATH`, else installed into `TARGET/tools`.

use crate::shell;
use anyhow::{Context as _, bail};
use std::env;
use std::process::Command;

/// A cargo subcommand, and the version that is installed where it is missing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tool {
    pub(super) subcommand: &'static str,
    package: &'static str,
    version: &'static str,
}

pub(super) const DEB: Tool = Tool { subcommand: "deb", package: "cargo-deb", version: "3.8.0" };
pub(super) const RPM: Tool =
    Tool { subcommand: "generate-rpm", package: "cargo-generate-rpm", version: "0.21.0" };

/// `cargo SUBCOMMAND` in the repository's root, with the tool installed.
pub(super) fn cargo(tool: Tool) -> anyhow::Result<Command> {
    let root = shell::target()?.join("tools");
    let own = root.join("bin");
    if shell::find_program(tool.package).is_none() && !own.join(tool.package).is_file() {
        println!("\n== installing {} {} into {}", tool.package, tool.version, root.display());
        let status = Command::new("cargo")
            .args(["install", "--locked", "--quiet", "--version", tool.version, "--root"])
            .arg(&root)
            .arg(tool.package)
            // Kept, so that the second tool finds what it shares with the first.
            .env("CARGO_TARGET_DIR", root.join("build"))
            .status()
            .context("cargo cannot be started")?;
        if !status.success() {
            bail!("{} cannot be installed ({status})", tool.package);
        }
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(env::split_paths(&path).chain([own])).context("PATH can't take the tools")?;
    let mut command = Command::new("cargo");
    command.arg(tool.subcommand).env("PATH", path).current_dir(shell::repository());
    Ok(command)
}
