//! RPM packages, by cargo-generate-rpm; what is in one stands in the crate's Cargo.toml.

use super::program::Program;
use super::{folder, made, tools};
use crate::shell;
use anyhow::{Context as _, bail};
use std::path::PathBuf;

/// Builds a program and makes its package.
pub(super) fn make(program: Program) -> anyhow::Result<()> {
    program.build()?;
    made::write(program)?;
    let file: PathBuf =
        folder()?.join(format!("{}-{}.x86_64.rpm", program.name(), env!("CARGO_PKG_VERSION")));
    let mut rpm = tools::cargo(tools::RPM)?;
    rpm.args(["--package", program.folder(), "--profile", program.profile(), "--target-dir"]);
    rpm.arg(shell::target()?).arg("--output").arg(&file);
    let output = rpm.output().context("cargo generate-rpm cannot be started")?;
    if !output.status.success() {
        bail!("{}: no package: {}", program.name(), String::from_utf8_lossy(&output.stderr).trim());
    }
    println!("{} ({} KiB)", file.display(), std::fs::metadata(&file)?.len() / 1024);
    Ok(())
}
