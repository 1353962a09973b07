//! The two programs that are packaged, and how each is built.

use crate::shell;
use anyhow::{Context as _, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Built apart: together, the agent would get the features that central's crates ask for as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    Agent,
    Central,
}

/// A processor that a static agent is built for.
#[derive(Debug)]
pub(super) struct Static {
    /// As images name it.
    pub(super) architecture: &'static str,
    /// As Rust names it.
    rust: &'static str,
    pub(super) triple: &'static str,
    /// The C compiler that builds and links for it from elsewhere, and the Debian package that brings it.
    compiler: (&'static str, &'static str),
}

const STATICS: [Static; 2] = [
    Static {
        architecture: "amd64",
        rust: "x86_64",
        triple: "x86_64-unknown-linux-gnu",
        compiler: ("x86_64-linux-gnu-gcc", "gcc-x86-64-linux-gnu"),
    },
    Static {
        architecture: "arm64",
        rust: "aarch64",
        triple: "aarch64-unknown-linux-gnu",
        compiler: ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
    },
];

/// What a static agent is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Build {
    /// A host: nothing of Kubernetes is in it.
    Tarball,
    /// A container.
    Image,
}

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

impl Static {
    /// The one that this machine runs.
    pub(super) fn own() -> anyhow::Result<&'static Self> {
        let own = STATICS.iter().find(|one| one.is_own());
        own.with_context(|| format!("there is no static agent for {}", std::env::consts::ARCH))
    }

    /// By the name that images give it.
    pub(super) fn of(architecture: &str) -> Option<&'static Self> {
        STATICS.iter().find(|one| one.architecture == architecture)
    }

    /// Whether this machine runs what is built for it.
    pub(super) fn is_own(&self) -> bool {
        self.rust == std::env::consts::ARCH
    }

    /// Builds an agent that needs no library at all, and returns where it is. No path of this machine is in it, so that the same
    /// sources are the same program elsewhere.
    pub(super) fn agent(&self, of: Build) -> anyhow::Result<PathBuf> {
        println!("\n== building a static {} for {}", Program::Agent.name(), self.architecture);
        let agent = Program::Agent;
        let mut build = Command::new("cargo");
        build.args([
            "rustc",
            "--locked",
            "--profile",
            agent.profile(),
            "-p",
            agent.name(),
            "--bin",
            agent.name(),
        ]);
        build.current_dir(shell::repository());
        if of == Build::Image {
            build.args(["--features", "kubernetes"]);
        }
        // With a target named, build scripts are built without these flags.
        build.args(["--target", self.triple]).env("CARGO_ENCODED_RUSTFLAGS", flags()?.join("\u{1f}"));
        if !self.is_own() {
            self.cross(&mut build)?;
        }
        succeed(&mut build, "the static agent")?;
        let program = shell::target()?.join(self.triple).join("release").join(Program::Agent.name());
        let name = program.to_str().context("the target folder's path is no plain text")?;
        if shell::run("readelf", &["--program-headers", "--wide", name])?.contains("INTERP") {
            bail!("{name} still needs a loader: it is not static");
        }
        Ok(program)
    }

    /// What building for another processor needs beside.
    fn cross(&self, build: &mut Command) -> anyhow::Result<()> {
        let libraries = shell::run("rustc", &["--print", "target-libdir", "--target", self.triple])?;
        if !Path::new(libraries.trim()).is_dir() {
            bail!("Rust's library for {0} is missing: rustup target add {0}", self.triple);
        }
        let (compiler, package) = self.compiler;
        if shell::find_program(compiler).is_none() {
            bail!("{compiler} is missing: install Debian's package {package}");
        }
        let linker = format!("CARGO_TARGET_{}_LINKER", self.triple.replace('-', "_").to_uppercase());
        build.env(linker, compiler);
        // Rust's own LLD, which it takes by itself on x86-64 only: GNU ld refuses to leave the unwind tables out (build.rs).
        let sysroot = shell::run("rustc", &["--print", "sysroot"])?;
        let host = Self::own()?.triple;
        let lld = format!("-Clink-arg=-B{}/lib/rustlib/{host}/bin/gcc-ld", sysroot.trim());
        build.args(["--", "-Clink-arg=-fuse-ld=lld", &lld]);
        Ok(())
    }
}

fn flags() -> anyhow::Result<[String; 4]> {
    let text = |path: PathBuf| path.into_os_string().into_string().ok().context("a path is no plain text");
    let cargo = text(shell::cargo_home()?)?;
    let sources = text(shell::repository())?;
    Ok([
        "-C".to_owned(),
        "target-feature=+crt-static".to_owned(),
        format!("--remap-path-prefix={cargo}=/cargo"),
        format!("--remap-path-prefix={sources}=/highwater"),
    ])
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
