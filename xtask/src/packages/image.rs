//! The agent's container image: `packaging/Containerfile`, and the tree that it takes in.

use super::program::{Program, static_agent};
use super::tarball::copy;
use super::{folder, made};
use crate::shell;
use anyhow::{Context as _, bail};
use nix::unistd::Uid;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Folders that a runtime mounts over, and those that the agent writes to.
const FOLDERS: [&str; 7] = ["proc", "sys", "dev", "etc", "tmp", "var/lib/highwater", "run/highwater"];
/// Whoever the image's program runs as.
const USER: &str = "65532:65532";
const TAG: &str = concat!("highwater:", env!("CARGO_PKG_VERSION"));
/// Runs the agent in the tree as a container would: another root that can't be written to, no rights, nothing to write to but the volumes.
/// The first argument is the tree, the second the user.
const AS_A_CONTAINER: &str = "set -e
mount --bind \"$1\" \"$1\"
mount -t proc -o ro proc \"$1/proc\"
for volume in var/lib/highwater run/highwater; do mount -t tmpfs -o mode=1777 tmpfs \"$1/$volume\"; done
mount -o remount,ro,bind \"$1\"
HIGHWATER_STATE_DIR=/var/lib/highwater HIGHWATER_SAMPLING__INTERVAL=1s PATH=/usr/bin:/usr/sbin \\
    timeout 4 chroot --userspec=\"$2\" --groups= \"$1\" /usr/bin/highwater run";

/// Builds the agent, lays out the tree, and builds the image where a tool for it works; else runs the agent in the tree.
pub(super) fn make() -> anyhow::Result<()> {
    let program = static_agent()?;
    made::write(Program::Agent)?;
    let context = folder()?.join("image");
    shell::fresh_folder(&context)?;
    let repository = shell::repository();
    let root = context.join("root");
    for one in FOLDERS {
        fs::create_dir_all(root.join(one))
            .with_context(|| format!("cannot create {one} in {}", root.display()))?;
    }
    copy(&program, &root.join("usr/bin/highwater"))?;
    copy(&repository.join("LICENSE"), &root.join("usr/share/licenses/highwater/LICENSE"))?;
    copy(
        &repository.join("packaging/made/highwater-licences.txt"),
        &root.join("usr/share/licenses/highwater/THIRD-PARTY-LICENCES"),
    )?;
    copy(&repository.join("packaging/Containerfile"), &context.join("Containerfile"))?;
    match ["podman", "docker"].into_iter().find(|tool| works(tool)) {
        Some(tool) => build(tool, &context),
        None => run_as_a_container(&root),
    }
}

/// Whether a tool is there and reaches what builds for it.
fn works(tool: &str) -> bool {
    let mut info = Command::new(tool);
    info.arg("info").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    info.status().is_ok_and(|status| status.success())
}

fn build(tool: &str, context: &Path) -> anyhow::Result<()> {
    let context = context.to_str().context("the target folder's path is no plain text")?;
    let file = format!("{context}/Containerfile");
    shell::run(tool, &["build", "--file", &file, "--tag", TAG, context])?;
    let once = shell::run(tool, &["run", "--rm", "--read-only", "--cap-drop", "ALL", TAG, "once"])?;
    if !once.contains("ram_capacity") {
        bail!("{TAG} runs, but tells no RAM: {once}");
    }
    println!("{TAG}: built by {tool}, and run with a read-only root and no rights");
    Ok(())
}

fn run_as_a_container(root: &Path) -> anyhow::Result<()> {
    println!("neither podman nor docker works here: the image's tree is run instead, in {}", root.display());
    if !Uid::effective().is_root() {
        println!("not root: the tree was laid out, and not run");
        return Ok(());
    }
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", AS_A_CONTAINER, "sh"])
        .arg(root)
        .arg(USER)
        .output()
        .context("unshare cannot be started")?;
    let log = String::from_utf8_lossy(&output.stdout);
    if !log.contains("event=sampled") {
        bail!(
            "the agent does not sample in the image's tree: {log}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    if let Some(trouble) = log.lines().find(|line| line.contains("level=error")) {
        bail!("the agent is in trouble in the image's tree: {trouble}");
    }
    println!("the agent samples there as {USER}, with a read-only root");
    Ok(())
}
