//! What is installed: `deb`, `rpm`, `tarball` and `image`. All of it lands in `TARGET/packages/`.

mod contents;
mod deb;
mod image;
mod licences;
mod made;
mod program;
mod rpm;
mod tarball;
mod tools;

use crate::shell;
use anyhow::{Context as _, bail};
use program::Program;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

pub(crate) use deb::{debs, made_before};

/// `cargo xtask deb [agent|central]`
pub(crate) fn deb(arguments: &[String]) -> anyhow::Result<ExitCode> {
    for program in named(arguments, "deb")? {
        deb::make(program, None)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask rpm [agent|central]`
pub(crate) fn rpm(arguments: &[String]) -> anyhow::Result<ExitCode> {
    for program in named(arguments, "rpm")? {
        rpm::make(program)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask tarball`
pub(crate) fn tarball(arguments: &[String]) -> anyhow::Result<ExitCode> {
    none(arguments, "tarball")?;
    tarball::make()?;
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask image [--arch amd64|arm64] [--output FILE] [--program FILE]`
pub(crate) fn image(arguments: &[String]) -> anyhow::Result<ExitCode> {
    image::make(arguments)?;
    Ok(ExitCode::SUCCESS)
}

/// The programs that arguments name: both where they name none.
fn named(arguments: &[String], command: &str) -> anyhow::Result<Vec<Program>> {
    match arguments {
        [] => Ok(vec![Program::Agent, Program::Central]),
        [one] if one == "agent" => Ok(vec![Program::Agent]),
        [one] if one == "central" => Ok(vec![Program::Central]),
        _ => bail!("usage: cargo xtask {command} [agent|central]"),
    }
}

fn none(arguments: &[String], command: &str) -> anyhow::Result<()> {
    if !arguments.is_empty() {
        bail!("usage: cargo xtask {command}");
    }
    Ok(())
}

/// Where packages land.
fn folder() -> anyhow::Result<PathBuf> {
    let folder = shell::target()?.join("packages");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}
