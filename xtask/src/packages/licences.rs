//! The licence texts of the crates that are within a program, as one file.

use super::program::Program;
use crate::shell;
use anyhow::{Context as _, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// How files are named that hold a licence or are to be kept with one.
const NAMES: [&str; 6] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];

/// A crate: its name with its version, and under which licences it stands.
type Crates = BTreeMap<String, String>;

/// The licences of what is within a program, as the page that packages take in.
pub(super) fn text(program: Program) -> anyhow::Result<String> {
    let crates = crates(program)?;
    let sources = sources()?;
    // The same text is told once.
    let mut texts: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for name in crates.keys() {
        for text in texts_of(&sources, name)? {
            texts.entry(text).or_default().insert(name);
        }
    }
    if texts.is_empty() {
        bail!("no crate of {} has a licence text: that can't be", program.name());
    }
    Ok(page(program, &crates, &texts))
}

/// The crates of others that a program is made of.
fn crates(program: Program) -> anyhow::Result<Crates> {
    let tree = ["tree", "--locked", "--package", program.name(), "--edges", "normal", "--prefix", "none"];
    let mut arguments = tree.to_vec();
    arguments.extend(["--format", "{p}\t{l}"]);
    let lines = shell::run("cargo", &arguments)?;
    let mut crates = Crates::new();
    for (package, licence) in lines.lines().filter_map(|line| line.split_once('\t')) {
        // "NAME vVERSION", and a path in brackets where it is of this workspace.
        let mut words = package.split(' ');
        let (Some(name), Some(version), None | Some("(proc-macro)")) =
            (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let version = version.trim_start_matches('v');
        crates.insert(format!("{name}-{version}"), licence.trim_end_matches(" (*)").to_owned());
    }
    Ok(crates)
}

/// The licence of one crate, which is within a package in another way than as code.
pub(super) fn of_crate(name: &str) -> anyhow::Result<String> {
    // …#NAME@VERSION
    let id = shell::run("cargo", &["pkgid", name])?;
    let version = id.trim().rsplit_once(['@', '#']).map(|(_, version)| version);
    let version = version.with_context(|| format!("cargo names no version of {name}"))?;
    let texts = texts_of(&sources()?, &format!("{name}-{version}"))?;
    if texts.is_empty() {
        bail!("{name} has no licence text");
    }
    Ok(texts.join("\n\n"))
}

/// The folders in which cargo keeps the sources of crates.
fn sources() -> anyhow::Result<Vec<PathBuf>> {
    let folder = shell::cargo_home()?.join("registry/src");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

fn texts_of(sources: &[PathBuf], name: &str) -> anyhow::Result<Vec<String>> {
    let mut texts = Vec::new();
    let Some(folder) = sources.iter().map(|source| source.join(name)).find(|folder| folder.is_dir()) else {
        bail!("the sources of {name} are not there: run `cargo fetch`");
    };
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let file = entry?.path();
        if file.is_file() && is_licence(&file) {
            texts.push(shell::read_text(&file)?.trim().to_owned());
        }
    }
    texts.sort();
    Ok(texts)
}

fn is_licence(file: &Path) -> bool {
    let name = file.file_name().map(|name| name.to_string_lossy().to_uppercase()).unwrap_or_default();
    NAMES.iter().any(|start| name.starts_with(start))
}

fn page(program: Program, crates: &Crates, texts: &BTreeMap<String, BTreeSet<&str>>) -> String {
    let mut page = format!(
        "{} holds these works of others, and the standard library of Rust (MIT OR Apache-2.0). SQLite, which libsqlite3-sys \
         brings, is in the public domain.\n\n",
        program.name()
    );
    for (name, licence) in crates {
        let _ = writeln!(page, "{name}: {licence}");
    }
    for (text, names) in texts {
        let names: Vec<&str> = names.iter().copied().collect();
        let _ = write!(page, "\n{}\n{}:\n\n{text}\n", "-".repeat(78), names.join(", "));
    }
    page
}
