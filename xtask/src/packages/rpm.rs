//! RPM packages, by cargo-generate-rpm; what is in one stands in the crate's Cargo.toml.

use super::program::Program;
use super::{contents, folder, made, tools};
use crate::shell;
use anyhow::{Context as _, bail};
use std::path::{Path, PathBuf};

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
    hold(program, &file)?;
    println!("{} ({} KiB)", file.display(), std::fs::metadata(&file)?.len() / 1024);
    Ok(())
}

/// Holds a package to what has to be in it, and the agent's to what it may need.
fn hold(program: Program, file: &Path) -> anyhow::Result<()> {
    if shell::find_program("rpm").is_none() {
        println!("rpm is missing: what is in the package and what it needs was not looked at");
        return Ok(());
    }
    contents::hold_rpm(program, file)?;
    let name = file.to_str().context("the target folder's path is no plain text")?;
    let needs = shell::run("rpm", &["--query", "--package", "--requires", name])?;
    match needs.lines().find(|need| program == Program::Agent && !is_free(need)) {
        Some(need) => bail!("{name} needs {need}: nothing but the C library may be needed"),
        None => Ok(()),
    }
}

/// Whether that is the C library with its loader, the shell of the package's own scripts, or what rpm itself understands.
fn is_free(need: &str) -> bool {
    need == "/bin/sh"
        || ["libc.so.6(", "rtld(", "rpmlib(", "config("].iter().any(|start| need.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::is_free;

    #[test]
    fn only_the_c_library_and_what_every_host_has_is_free() {
        for need in
            ["libc.so.6(GLIBC_2.34)(64bit)", "rtld(GNU_HASH)", "rpmlib(FileDigests) <= 4.6.0-1", "/bin/sh"]
        {
            assert!(is_free(need), "{need}");
        }
        for need in ["libgcc_s.so.1(GCC_3.0)(64bit)", "libm.so.6()(64bit)", "/usr/bin/python3"] {
            assert!(!is_free(need), "{need}");
        }
    }
}
