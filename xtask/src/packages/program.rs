//! The two programs that are packaged, and how each is built.

use crate::shell;
use anyhow::{Context as _, bail};
use std::path::PathBuf;
use std::process::Command;

/// Built apart: together, the agent would get the features that central's crates ask for as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    Agent,
    Central,
}

/// The one triple that a static program is built for.
const STATIC_TRIPLE: &str = "x86_64-unknown-linux-gnu";

impl Program {
    /// The crate, the program and the package: all have one name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Agent => "highwater",
            Self::Central => "highwater-central",
        }
    }

    /// The folder of its crate, from the repository's root.
    pub(super) const fn folder(self) -> &'static str {
        match self {
            Self::Agent => ".",
            Self::Central => "central",
        }
    }

    /// The agent is built for size, central for speed.
    pub(super) const fn profile(self) -> &'static str {
        match self {
            Self::Agent => "release",
            Self::Central => "central",
        }
    }

    /// Builds it as it is released.
    pub(super) fn build(self) -> anyhow::Result<()> {
        println!("\n== building {}", self.name());
        let mut build = self.cargo();
        succeed(&mut build, self.name())
    }

    fn cargo(self) -> Command {
        let mut build = Command::new("cargo");
        build.args(["build", "--locked", "--profile", self.profile(), "-p", self.name()]);
        build.current_dir(shell::repository());
        build
    }
}

/// Builds an agent that needs no library at all, and returns where it is.
pub(super) fn static_agent() -> anyhow::Result<PathBuf> {
    println!("\n== building a static {}", Program::Agent.name());
    let mut build = Program::Agent.cargo();
    // With a target named, build scripts are built without the flag.
    build.args(["--target", STATIC_TRIPLE]).env("RUSTFLAGS", "-C target-feature=+crt-static");
    succeed(&mut build, "the static agent")?;
    let program = shell::target()?.join(STATIC_TRIPLE).join("release").join(Program::Agent.name());
    let name = program.to_str().context("the target folder's path is no plain text")?;
    if shell::run("readelf", &["--program-headers", "--wide", name])?.contains("INTERP") {
        bail!("{name} still needs a loader: it is not static");
    }
    Ok(program)
}

fn succeed(command: &mut Command, what: &str) -> anyhow::Result<()> {
    let status = command.status().context("cargo cannot be started")?;
    if !status.success() {
        bail!("{what} is not built ({status})");
    }
    Ok(())
}
