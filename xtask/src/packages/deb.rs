//! Debian packages, by cargo-deb; what is in one stands in the crate's Cargo.toml.

use super::program::Program;
use super::{contents, folder, made, tools};
use crate::shell;
use anyhow::{Context as _, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// The agent's package is smaller than this.
const AGENT_MAX_BYTES: u64 = 3 << 20;
/// The one package that the agent's may need.
const LIBC: &str = "libc6";

/// What the round under a booted systemd needs.
#[derive(Debug)]
pub(crate) struct Debs {
    pub(crate) agent: PathBuf,
    /// The same agent as a package of a higher version.
    pub(crate) newer: PathBuf,
    pub(crate) central: PathBuf,
}

/// Builds both programs and makes the packages of a round.
pub(crate) fn debs() -> anyhow::Result<Debs> {
    let agent = make(Program::Agent, None)?;
    let newer = pack(Program::Agent, Some(&newer_version()))?;
    let central = make(Program::Central, None)?;
    Ok(Debs { agent, newer, central })
}

/// The packages of a round that an earlier one has made.
pub(crate) fn made_before() -> anyhow::Result<Debs> {
    let folder = folder()?;
    let find = |program: Program, version: &str| {
        let file = folder.join(format!("{}_{version}_amd64.deb", program.name()));
        if !file.is_file() {
            bail!("{} is not there: make it without --made", file.display());
        }
        Ok(file)
    };
    let version = concat!(env!("CARGO_PKG_VERSION"), "-1");
    Ok(Debs {
        agent: find(Program::Agent, version)?,
        newer: find(Program::Agent, &newer_version())?,
        central: find(Program::Central, version)?,
    })
}

/// Builds a program and makes its package, of a version of its own where one is given.
pub(super) fn make(program: Program, version: Option<&str>) -> anyhow::Result<PathBuf> {
    program.build()?;
    made::write(program)?;
    pack(program, version)
}

/// Higher than the version of this workspace, and lower than each that follows.
fn newer_version() -> String {
    format!("{}+round-1", env!("CARGO_PKG_VERSION"))
}

fn pack(program: Program, version: Option<&str>) -> anyhow::Result<PathBuf> {
    let mut deb = tools::cargo(tools::DEB)?;
    deb.args(["--no-build", "--locked", "-p", program.name(), "--profile", program.profile(), "--output"]);
    deb.arg(folder()?);
    if let Some(version) = version {
        deb.args(["--deb-version", version]);
    }
    let output = deb.output().context("cargo deb cannot be started")?;
    let told = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("{}: no package: {}", program.name(), String::from_utf8_lossy(&output.stderr).trim());
    }
    let file = told.lines().map(Path::new).find(|line| line.is_file()).context("cargo deb names no file")?;
    hold(program, file)?;
    println!("{} ({} KiB)", file.display(), fs::metadata(file)?.len() / 1024);
    Ok(file.to_owned())
}

/// Holds a package to what has to be in it, and the agent's to its limits.
fn hold(program: Program, file: &Path) -> anyhow::Result<()> {
    let bytes = fs::metadata(file)?.len();
    if program == Program::Agent && bytes >= AGENT_MAX_BYTES {
        bail!("{} has {bytes} bytes, of {AGENT_MAX_BYTES} at most", file.display());
    }
    if shell::find_program("dpkg-deb").is_none() {
        println!("dpkg-deb is missing: what is in the package and what it needs was not looked at");
        return Ok(());
    }
    contents::hold_deb(program, file)?;
    if program != Program::Agent {
        return Ok(());
    }
    let name = file.to_str().context("the target folder's path is no plain text")?;
    let needs = shell::run("dpkg-deb", &["--field", name, "Depends"])?;
    let needs = needs.trim();
    if needs.split(" (").next() != Some(LIBC) || needs.contains(',') {
        bail!("{} needs {needs}: nothing but {LIBC} may be needed", file.display());
    }
    Ok(())
}
