//! A static agent with all that belongs to it, for hosts without a package manager that is served here.

use super::program::{Build, Program, Static};
use super::{folder, made};
use crate::shell;
use anyhow::Context as _;
use std::fs;
use std::path::Path;

/// What goes in beside the program: from the repository, to the tarball.
pub(super) const FILES: [(&str, &str); 5] = [
    ("LICENSE", "LICENSE"),
    ("packaging/made/highwater-licences.txt", "THIRD-PARTY-LICENCES"),
    ("packaging/README-tarball.md", "README.md"),
    ("packaging/made/highwater.toml", "etc/highwater.toml"),
    ("systemd/highwater.service", "systemd/highwater.service"),
];
/// Folders of which every file goes in.
const FOLDERS: [(&str, &str); 4] = [
    ("systemd/drop-ins", "systemd/drop-ins"),
    ("packaging/man", "man"),
    ("packaging/examples", "examples"),
    ("packaging/completions", "completions"),
];

/// Builds the agent and makes `highwater-VERSION-x86_64-linux.tar.gz`.
pub(super) fn make() -> anyhow::Result<()> {
    let program = Static::of("amd64").context("amd64 is not known")?.agent(Build::Tarball)?;
    made::write(Program::Agent)?;
    let packages = folder()?;
    let name = format!("highwater-{}-x86_64-linux", env!("CARGO_PKG_VERSION"));
    let tree = packages.join(&name);
    shell::fresh_folder(&tree)?;
    copy(&program, &tree.join("highwater"))?;
    let repository = shell::repository();
    for (from, to) in FILES {
        copy(&repository.join(from), &tree.join(to))?;
    }
    for (from, to) in FOLDERS {
        let from = repository.join(from);
        for entry in fs::read_dir(&from).with_context(|| format!("cannot read {}", from.display()))? {
            let entry = entry?;
            copy(&entry.path(), &tree.join(to).join(entry.file_name()))?;
        }
    }
    let file = packages.join(format!("{name}.tar.gz"));
    let (folder, archive) = (text(&packages)?, text(&file)?);
    // The same bytes of the same files: no owner, no time of making.
    let fixed = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0"];
    let mut arguments = fixed.to_vec();
    arguments.extend(["--directory", folder, "--create", "--gzip", "--file", archive, &name]);
    shell::run("tar", &arguments)?;
    println!("{archive} ({} KiB)", fs::metadata(&file)?.len() / 1024);
    Ok(())
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("the target folder's path is no plain text")
}

/// Copies a file with its mode, and makes the folder that it is to lie in.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}
