//! `test` and `ci`: everything that must hold, in the order in which it fails fastest.

use crate::shell;
use anyhow::{Context as _, bail};
use nix::unistd::Uid;
use std::process::{Command, ExitCode};

/// A program that a test runs for real, and the Debian package that brings it.
const REAL_PROGRAMS: [(&str, &str); 11] = [
    ("haproxy", "haproxy"),
    ("nginx", "nginx-light"),
    ("curl", "curl"),
    ("logrotate", "logrotate"),
    ("openssl", "openssl"),
    ("faketime", "faketime"),
    ("ip", "iproute2"),
    ("protoc", "protobuf-compiler"),
    ("python3", "python3"),
    ("strace", "strace"),
    ("man", "man-db"),
];

/// A module of Python that a test needs, and the Debian package that brings it.
const PYTHON_MODULES: [(&str, &str); 1] = [("cryptography", "python3-cryptography")];
/// Where the tests look for it: another Python may stand before Debian's, and not see Debian's modules.
const PYTHONS: [&str; 2] = ["python3", "/usr/bin/python3"];

/// Tests and lints see the agent as container images have it, which is all of it. What hosts have is linted a second time, and it is
/// what is built for release.
const KUBERNETES: [&str; 2] = ["--features", "highwater/kubernetes"];

/// `cargo xtask test`: all tests, then the release binary held to its limits.
pub(crate) fn test(arguments: &[String]) -> anyhow::Result<ExitCode> {
    if !arguments.is_empty() {
        bail!("usage: cargo xtask test");
    }
    install_real_programs()?;
    println!("\n== all tests: cargo test --workspace --locked {}", KUBERNETES.join(" "));
    let tests = Command::new("cargo")
        .args(["test", "--workspace", "--locked"])
        .args(KUBERNETES)
        .env("RUST_TEST_THREADS", threads().to_string())
        .current_dir(shell::repository())
        .status();
    outcome("all tests", tests)?;
    step("the release binary", "cargo", &["build", "--release", "--locked", "-p", "highwater"])?;
    step("its limits", "cargo", &["xtask", "footprint", "--gate"])?;
    without_kubernetes()?;
    println!("\nall tests passed");
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask ci`: what must hold before a change lands.
pub(crate) fn ci(arguments: &[String]) -> anyhow::Result<ExitCode> {
    if !arguments.is_empty() {
        bail!("usage: cargo xtask ci");
    }
    step("format", "cargo", &["fmt", "--all", "--check"])?;
    let all = ["clippy", "--workspace", "--all-targets", "--locked"];
    let deny = ["--", "-D", "warnings"];
    step("lints", "cargo", &[&all[..], &KUBERNETES, &deny].concat())?;
    let host = ["clippy", "-p", "highwater", "--locked"];
    step("lints of what hosts have", "cargo", &[&host[..], &deny].concat())?;
    let docs = Command::new("cargo")
        .args(["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"])
        .args(KUBERNETES)
        .env("RUSTDOCFLAGS", "-D warnings")
        .status();
    outcome("documentation", docs)?;
    step(
        "licences, bans and sources",
        "cargo",
        &["deny", "--workspace", "check", "bans", "licenses", "sources"],
    )?;
    test(&[])
}

/// The release binary of hosts refuses what it was built without, and says how to get it.
fn without_kubernetes() -> anyhow::Result<()> {
    println!("\n== the release binary has no Kubernetes support, and says so");
    let binary = shell::target()?.join("release/highwater");
    let output = Command::new(&binary)
        .arg("check-config")
        .env_clear()
        .env("HIGHWATER_STATE_DIR", "/nonexistent")
        .env("HIGHWATER_KUBERNETES__NODE", "node-a")
        .output()
        .with_context(|| format!("{}: cannot be started", binary.display()))?;
    let told = String::from_utf8_lossy(&output.stderr);
    if output.status.code() != Some(78) || !told.contains("this build has no Kubernetes support") {
        bail!("{} with HIGHWATER_KUBERNETES__NODE: {}: {told}", binary.display(), output.status);
    }
    Ok(())
}

/// How many tests run at once: those that take long wait for slots to end, and leave the processors idle.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).saturating_mul(2)
}

/// Says what a step is, runs it, and stops where it fails.
fn step(what: &str, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    println!("\n== {what}: {program} {}", arguments.join(" "));
    let status = Command::new(program).args(arguments).current_dir(shell::repository()).status();
    outcome(what, status)
}

fn outcome(what: &str, status: std::io::Result<std::process::ExitStatus>) -> anyhow::Result<()> {
    let status = status.with_context(|| format!("{what}: cannot be started"))?;
    if !status.success() {
        bail!("{what}: failed ({status})");
    }
    Ok(())
}

/// Installs the real servers that tests run against, as far as it may.
fn install_real_programs() -> anyhow::Result<()> {
    let programs = REAL_PROGRAMS.iter().filter(|(program, _)| shell::find_program(program).is_none());
    let modules = PYTHON_MODULES.iter().filter(|(module, _)| !python_has(module));
    let missing: Vec<&str> = programs.chain(modules).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !Uid::effective().is_root() || shell::find_program("apt-get").is_none() {
        println!(
            "tests that need these Debian packages will say that they were skipped: {}",
            missing.join(" ")
        );
        return Ok(());
    }
    println!("installing Debian packages that the tests need: {}", missing.join(" "));
    step("package lists", "apt-get", &["update", "-q"])?;
    let fixed = [
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "install",
        "-y",
        "-q",
        "--no-remove",
        "--no-install-recommends",
    ];
    let arguments: Vec<&str> = fixed.into_iter().chain(missing).collect();
    step("packages", "env", &arguments)
}

/// Whether one of the Pythons that tests use has a module.
fn python_has(module: &str) -> bool {
    PYTHONS.iter().any(|python| {
        let import = Command::new(python).args(["-c", &format!("import {module}")]).output();
        import.is_ok_and(|done| done.status.success())
    })
}
