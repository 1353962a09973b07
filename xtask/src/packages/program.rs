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

/// The one library that an agent may need.
const LIBC: &str = "libc.so.6";

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
        succeed(&mut build, self.name())?;
        if self == Self::Agent {
            let program = shell::target()?.join(self.profile()).join(self.name());
            hold_libraries(program.to_str().context("the target folder's path is no plain text")?)?;
        }
        Ok(())
    }

    fn cargo(self) -> Command {
        let mut build = Command::new("cargo");
        build.args(["build", "--locked", "--profile", self.profile(), "-p", self.name()]);
        build.current_dir(shell::repository());
        build
    }
}

/// Holds a program to needing the C library and no other.
fn hold_libraries(name: &str) -> anyhow::Result<()> {
    let needed = needed(&shell::run("readelf", &["--dynamic", "--wide", name])?);
    if needed != [LIBC] {
        bail!("{name} needs {}: nothing but {LIBC} may be needed, see build.rs", needed.join(", "));
    }
    Ok(())
}

/// The libraries that a program asks its loader for, as `readelf` lists them: `0x… (NEEDED)  Shared library: [NAME]`.
fn needed(dynamic: &str) -> Vec<String> {
    let lines = dynamic.lines().filter(|line| line.contains("(NEEDED)"));
    let names = lines.filter_map(|line| Some(line.split_once('[')?.1.split_once(']')?.0.to_owned()));
    names.collect()
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

#[cfg(test)]
mod tests {
    use super::needed;

    #[test]
    fn libraries_are_read_from_what_readelf_tells() {
        let told = " 0x1 (NEEDED)  Shared library: [libgcc_s.so.1]\n 0x1 (NEEDED)  Shared library: [libc.so.6]\n \
                    0x6ffffffb (FLAGS_1)  Flags: NOW PIE\n";
        assert_eq!(needed(told), ["libgcc_s.so.1", "libc.so.6"]);
    }
}
