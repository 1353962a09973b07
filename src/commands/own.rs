//! `highwater own DIR... --user UID:GID`: gives directories of a node to the user whom the agent's container runs as.
//!
//! It is for an init container that runs as root with CAP_CHOWN and no other right: a hostPath that the kubelet makes is root's. It is
//! no command of an operator's, so that help does not list it.

use super::{Failure, Outcome, exit};
use crate::ledger;
use crate::log::print;
use clap::Parser;
use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{MetadataExt as _, lchown};
use std::path::{Path, PathBuf};

/// How deep directories within each other are given.
const DEPTH_MAX: usize = 16;
/// How many entries are given at most: a ledger's directory has some ten.
const ENTRIES_MAX: usize = 10_000;
/// What an agent makes in each of its directories. Where none of it is, the directory is somebody else's.
const MARKS: [&str; 5] = [ledger::FILE_NAME, "highwater.lock", "instance.json", "gate.json", "gate.sock"];
/// What a file system has at its own root: it stays root's.
const LOST_AND_FOUND: &str = "lost+found";

/// Gives directories that are empty or an agent's, and what is in them, to a user. It follows no link, and does nothing where a
/// directory is the user's already
#[derive(Debug, Parser)]
#[command(name = "highwater own", no_binary_name = true)]
struct Options {
    /// The directories
    #[arg(required = true, value_name = "DIR")]
    directories: Vec<PathBuf>,
    /// The user and the group, as numbers
    #[arg(long, value_name = "UID:GID", value_parser = user)]
    user: (u32, u32),
}

fn user(text: &str) -> Result<(u32, u32), String> {
    let numbers = text.split_once(':').and_then(|(uid, gid)| Some((uid.parse().ok()?, gid.parse().ok()?)));
    numbers.ok_or_else(|| "write two numbers with a colon between them, such as 65532:65532".to_owned())
}

/// What stands behind `highwater own`.
pub(super) fn run(arguments: impl IntoIterator<Item = OsString>) -> Outcome {
    let options = match Options::try_parse_from(arguments) {
        Ok(options) => options,
        Err(usage) => {
            let _ = usage.print();
            return Ok(if usage.use_stderr() { exit::USAGE } else { 0 });
        }
    };
    let (uid, gid) = options.user;
    for directory in &options.directories {
        let told = match own(directory, options.user) {
            Ok(None) => format!("{}: is {uid}:{gid}'s already\n", directory.display()),
            Ok(Some(count)) => {
                format!("{}: given to {uid}:{gid}, with {count} entries\n", directory.display())
            }
            Err(error) => return Err(failed(&error)),
        };
        print(&told)?;
    }
    Ok(0)
}

fn failed(error: &OwnError) -> Failure {
    let denied =
        matches!(error, OwnError::Io { error, .. } if error.kind() == io::ErrorKind::PermissionDenied);
    let mend = if denied { ": run it as root with CAP_CHOWN" } else { "" };
    Failure::new(if denied { exit::PERMISSION } else { exit::DATA }, format!("{error}{mend}"))
}

/// Why a directory was not given.
#[derive(Debug, thiserror::Error)]
enum OwnError {
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("{} is {what}: {mend}", path.display())]
    Unfit { path: PathBuf, what: &'static str, mend: &'static str },
}

/// Gives a directory and what is in it; how many entries that were, or nothing where it is the user's already.
///
/// First it is made root's, so that nobody else can put something else in the place of an entry, and only when all entries are given
/// it becomes the user's: one that was left halfway is given again. Nothing is given before all of it was looked at; what was made
/// root's for that goes back to whom it was where the look finds what is not the agent's.
fn own(directory: &Path, user: (u32, u32)) -> Result<Option<usize>, OwnError> {
    let meta = look(directory)?;
    if !meta.is_dir() {
        return Err(unfit(directory, "no directory", "name one itself, not a link to it"));
    }
    if (meta.uid(), meta.gid()) == user {
        return Ok(None);
    }
    let mut survey = Survey { device: meta.dev(), ..Survey::default() };
    if let Err(error) = survey.enter(directory, DEPTH_MAX) {
        for (path, before) in survey.directories.iter().rev() {
            give(path, *before)?;
        }
        return Err(error);
    }
    for path in &survey.entries {
        give(path, user)?;
    }
    // The deepest first, the named one last.
    for (path, _) in survey.directories.iter().rev() {
        give(path, user)?;
    }
    Ok(Some(survey.entries.len() + survey.directories.len() - 1))
}

/// What is in a directory, before any of it is given.
#[derive(Debug, Default)]
struct Survey {
    device: u64,
    /// Files and links.
    entries: Vec<PathBuf>,
    /// Directories, made root's to be looked into, and whose they were; the named one first.
    directories: Vec<(PathBuf, (u32, u32))>,
}

impl Survey {
    fn enter(&mut self, path: &Path, depth: usize) -> Result<(), OwnError> {
        if depth == 0 {
            return Err(unfit(path, "too deep", "move it elsewhere"));
        }
        let meta = look(path)?;
        if meta.dev() != self.device {
            return Err(unfit(path, "another file system", "unmount it, or name it itself"));
        }
        give(path, (0, 0))?;
        self.directories.push((path.to_owned(), (meta.uid(), meta.gid())));
        let meta = look(path)?;
        if !meta.is_dir() || meta.mode() & 0o002 != 0 {
            return Err(unfit(path, "open to every user", "chmod o-w"));
        }
        let of = |error| OwnError::Io { path: path.to_owned(), error };
        let found = path.read_dir().map_err(of)?.take(ENTRIES_MAX + 1);
        let found: Vec<PathBuf> =
            found.map(|entry| entry.map(|e| e.path())).collect::<io::Result<_>>().map_err(of)?;
        if depth == DEPTH_MAX {
            hold_to_the_agents(path, &found)?;
        }
        found.into_iter().try_for_each(|entry| self.take_in(entry, depth))
    }

    fn take_in(&mut self, entry: PathBuf, depth: usize) -> Result<(), OwnError> {
        if self.entries.len() + self.directories.len() > ENTRIES_MAX {
            return Err(unfit(&entry, "one too many for a ledger's directory", "see what is beside it"));
        }
        let meta = look(&entry)?;
        if meta.is_dir() {
            let is_of_the_file_system = depth == DEPTH_MAX && entry.ends_with(LOST_AND_FOUND);
            return if is_of_the_file_system { Ok(()) } else { self.enter(&entry, depth - 1) };
        }
        if meta.is_file() && meta.nlink() > 1 {
            // It may be somebody else's, under another name.
            return Err(unfit(&entry, "known by another name, too", "copy it, and remove the original"));
        }
        self.entries.push(entry);
        Ok(())
    }
}

/// A directory of the system's, named by mistake, must not become an agent's.
fn hold_to_the_agents(directory: &Path, found: &[PathBuf]) -> Result<(), OwnError> {
    let is_empty = found.iter().all(|entry| entry.ends_with(LOST_AND_FOUND));
    if is_empty || MARKS.iter().any(|mark| found.contains(&directory.join(mark))) {
        return Ok(());
    }
    Err(unfit(directory, "neither empty nor an agent's", "name a directory of its own for the agent"))
}

fn look(path: &Path) -> Result<Metadata, OwnError> {
    path.symlink_metadata().map_err(|error| OwnError::Io { path: path.to_owned(), error })
}

fn give(path: &Path, (uid, gid): (u32, u32)) -> Result<(), OwnError> {
    lchown(path, Some(uid), Some(gid)).map_err(|error| OwnError::Io { path: path.to_owned(), error })
}

fn unfit(path: &Path, what: &'static str, mend: &'static str) -> OwnError {
    OwnError::Unfit { path: path.to_owned(), what, mend }
}
