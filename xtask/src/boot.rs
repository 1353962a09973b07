//! `boot`: the round of `packaging/test/round.sh` under a booted systemd, with packages and tree made first.

use crate::{packages, shell};
use anyhow::{Context as _, bail};
use nix::unistd::Uid;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask boot [--made] [--tree DIR] [--mirror URL]";
/// The Debian release that is booted, and what is in it beside the least.
pub(crate) const RELEASE: &str = "bookworm";
const INCLUDED: &str = "systemd,systemd-sysv,dbus,ca-certificates,procps";
/// Programs that are needed, and the Debian packages that bring them.
const NEEDED: [(&str, &str); 2] = [("systemd-nspawn", "systemd-container"), ("debootstrap", "debootstrap")];

struct Options {
    /// Whether the packages of an earlier round are taken, instead of made anew.
    made: bool,
    tree: PathBuf,
    mirror: Option<String>,
}

/// `cargo xtask boot [--made] [--tree DIR] [--mirror URL]`
pub(crate) fn main(arguments: &[String]) -> anyhow::Result<ExitCode> {
    let options = options(arguments)?;
    if !Uid::effective().is_root() {
        bail!("only root may boot a systemd: run it as root");
    }
    install_missing()?;
    let debs = if options.made { packages::made_before()? } else { packages::debs()? };
    make_tree(&options)?;
    println!("\n== the round, in {}", options.tree.display());
    let status = Command::new("bash")
        .arg(shell::repository().join("packaging/test/round.sh"))
        .args([&options.tree, &debs.agent, &debs.newer, &debs.central])
        .status()
        .context("bash cannot be started")?;
    if !status.success() {
        bail!("the round failed ({status})");
    }
    Ok(ExitCode::SUCCESS)
}

fn options(arguments: &[String]) -> anyhow::Result<Options> {
    let tree = shell::target()?.join("boot").join(RELEASE);
    let mut options = Options { made: false, tree, mirror: None };
    let mut rest = arguments.iter();
    while let Some(flag) = rest.next() {
        match (flag.as_str(), rest.as_slice().first()) {
            ("--made", _) => options.made = true,
            ("--tree", Some(value)) => {
                options.tree = PathBuf::from(value);
                rest.next();
            }
            ("--mirror", Some(value)) => {
                options.mirror = Some(value.clone());
                rest.next();
            }
            _ => bail!("{USAGE}"),
        }
    }
    Ok(options)
}

fn install_missing() -> anyhow::Result<()> {
    let missing = NEEDED.iter().filter(|(program, _)| shell::find_program(program).is_none());
    let packages: Vec<&str> = missing.map(|(_, package)| *package).collect();
    if packages.is_empty() {
        return Ok(());
    }
    println!("installing with apt-get: {}", packages.join(" "));
    shell::run("apt-get", &["update", "-q"])?;
    let fixed = ["DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-q", "--no-remove"];
    let mut arguments = fixed.to_vec();
    arguments.push("--no-install-recommends");
    arguments.extend(&packages);
    shell::run("env", &arguments).map(|_| ())
}

/// Makes the tree where it is missing: under another name first, so that one cut short is never taken for whole.
fn make_tree(options: &Options) -> anyhow::Result<()> {
    let tree = &options.tree;
    if tree.join("usr/lib/systemd/systemd").is_file() {
        return Ok(());
    }
    println!("\n== making {} with debootstrap: a minute or two, once", tree.display());
    let part = tree.with_extension("part");
    shell::fresh_folder(&part)?;
    let mut debootstrap = Command::new("debootstrap");
    debootstrap.args(["--variant=minbase", &format!("--include={INCLUDED}"), RELEASE]).arg(&part);
    if let Some(mirror) = options.mirror.clone().or_else(mirror) {
        debootstrap.arg(mirror);
    }
    let log = debootstrap.output().context("debootstrap cannot be started")?;
    if !log.status.success() {
        let told = String::from_utf8_lossy(&log.stdout);
        let last = told.lines().last().unwrap_or("it says nothing");
        bail!(
            "debootstrap failed ({}): {last}; {} tells more",
            log.status,
            part.join("debootstrap").display()
        );
    }
    rename(&part, tree)
}

fn rename(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::rename(from, to).with_context(|| format!("cannot rename {} to {}", from.display(), to.display()))
}

/// Where this host's own apt takes Debian's [`RELEASE`] from, if it does.
pub(crate) fn mirror() -> Option<String> {
    let format = ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"];
    let release = format!("Codename: {RELEASE}");
    let mut arguments = format.to_vec();
    arguments.push(&release);
    let told = shell::run("apt-get", &arguments).ok()?;
    told.lines().next().map(str::to_owned)
}
