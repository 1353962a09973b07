//! `kubernetes`: the round of `packaging/test/kubernetes.sh` against a real API server and a real etcd, which are made first.

mod plane;

use crate::shell;
use anyhow::{Context as _, bail};
use plane::Plane;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
usage: cargo xtask kubernetes [--api-server FILE] [--etcd FILE] [--agent FILE] [--central FILE] [--keep] [STEP...]

Runs the agent against a real API server with RBAC on: all steps, or those named (packaging/test/kubernetes.sh lists them). What is
not named is made: the agent and central are built for debugging, etcd is Debian's, and the API server is built once from Debian's
source, which takes some minutes. --keep leaves the round's folder where it was.";

/// What the round is made of; what is not given is made.
#[derive(Default)]
struct Options {
    api_server: Option<PathBuf>,
    etcd: Option<PathBuf>,
    agent: Option<PathBuf>,
    central: Option<PathBuf>,
    /// Whether the round's folder stays.
    keep: bool,
    steps: Vec<String>,
}

/// `cargo xtask kubernetes [OPTIONS] [STEP...]`
pub(crate) fn main(arguments: &[String]) -> anyhow::Result<ExitCode> {
    if arguments.iter().any(|argument| argument == "--help") {
        println!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    }
    let options = options(arguments)?;
    for (program, package) in [("kubectl", "kubernetes-client"), ("openssl", "openssl")] {
        if shell::find_program(program).is_none() {
            bail!("{program} is missing: install it (Debian's package {package})");
        }
    }
    let plane = Plane::made(options.api_server.clone(), options.etcd.clone())?;
    let agent = program(options.agent.as_deref(), "highwater", &["--features", "kubernetes"])?;
    let central = program(options.central.as_deref(), "highwater-central", &[])?;
    let work = std::env::temp_dir().join(format!("highwater-kubernetes-{}", std::process::id()));
    shell::fresh_folder(&work)?;
    println!("\n== the round, in {}", work.display());
    let status = Command::new("bash")
        .arg(shell::repository().join("packaging/test/kubernetes.sh"))
        .args([&work, &plane.etcd, &plane.api_server, Path::new("kubectl"), &agent, &central])
        .args(&options.steps)
        .status()
        .context("bash cannot be started")?;
    if !status.success() {
        bail!("the round failed ({status}); what it left is in {}", work.display());
    }
    if !options.keep {
        std::fs::remove_dir_all(&work).with_context(|| format!("cannot remove {}", work.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn options(arguments: &[String]) -> anyhow::Result<Options> {
    let mut options = Options::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let place = match argument.as_str() {
            "--api-server" => &mut options.api_server,
            "--etcd" => &mut options.etcd,
            "--agent" => &mut options.agent,
            "--central" => &mut options.central,
            "--keep" => {
                options.keep = true;
                continue;
            }
            flag if flag.starts_with('-') => bail!("{USAGE}"),
            step => {
                options.steps.push(step.to_owned());
                continue;
            }
        };
        *place = Some(PathBuf::from(rest.next().context(USAGE)?));
    }
    Ok(options)
}

/// A program of this workspace: the one that was named, else one that is built for debugging.
fn program(named: Option<&Path>, package: &str, features: &[&str]) -> anyhow::Result<PathBuf> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    println!("\n== building {package}");
    let status = Command::new("cargo")
        .args(["build", "--locked", "-p", package])
        .args(features)
        .current_dir(shell::repository())
        .status()
        .context("cargo cannot be started")?;
    if !status.success() {
        bail!("{package} does not build ({status})");
    }
    Ok(shell::target()?.join("debug").join(package))
}
