//! The status file: replaced as a whole, so that a reader never sees half of it.

use super::document::Document;
use super::error::GateError;
use crate::files::{self, create_anew};
use std::ffi::OsString;
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The longest status file that is read.
const FILE_MAX_BYTES: usize = 64 * 1024;
/// Everybody may read it.
const FILE_MODE: u32 = 0o644;
const DIR_MODE: u32 = 0o755;

/// Why a status file tells nothing.
#[derive(Debug, thiserror::Error)]
pub enum StatusFileError {
    /// It is not there.
    #[error("there is no status file {path}: start the agent, or name the file that gate.status_file sets", path = path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// It can't be read.
    #[error("cannot read the status file {path}: {source}: give this user the right to read it, and to enter its directory", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no status file.
    #[error("{path} is no status file: {why}: name the file that gate.status_file sets, or start the agent again", path = path.display())]
    Garbled {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
}

/// Reads a status file. How long ago it was written is for the caller to judge.
///
/// # Errors
/// When it is not there, can't be read, or is no status file.
pub fn read(path: &Path) -> Result<Document, StatusFileError> {
    let garbled = |why: String| StatusFileError::Garbled { path: path.to_owned(), why };
    let text = files::read_bounded(path, FILE_MAX_BYTES).map_err(|source| match source.kind() {
        _ if files::is_absent(&source) => StatusFileError::Missing { path: path.to_owned() },
        io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge => garbled(source.to_string()),
        _ => StatusFileError::Unreadable { path: path.to_owned(), source },
    })?;
    Document::parse(&text).map_err(garbled)
}

/// Where the state is written.
pub(super) struct StatusFile {
    path: PathBuf,
    /// Beside it, and renamed to it.
    next: PathBuf,
}

impl StatusFile {
    pub(super) fn new(path: PathBuf) -> Self {
        let mut name = OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(".new");
        StatusFile { next: path.with_file_name(name), path }
    }

    pub(super) fn path(&self) -> &PathBuf {
        &self.path
    }

    /// Replaces the file.
    pub(super) fn write(&self, text: &str) -> Result<(), GateError> {
        let written = self.replace(text).or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                return Err(error);
            }
            make_directory_of(&self.path)?;
            self.replace(text)
        });
        written.map_err(|source| {
            // Half a file is of no use to anybody. Where it can't be removed either, the next try begins with it.
            let _ = fs::remove_file(&self.next);
            GateError::Write { path: self.path.clone(), source }
        })
    }

    /// Without a sync: what a power cut loses of it has expired by the time that anybody reads it, or is told again at the
    /// agent's start.
    fn replace(&self, text: &str) -> io::Result<()> {
        // One that is there was left by a crash, or put there by somebody who would then own what the agent says.
        let mut file = create_anew(&self.next, FILE_MODE)?;
        file.write_all(text.as_bytes())?;
        // Whatever mask the agent was started with.
        file.set_permissions(Permissions::from_mode(FILE_MODE))?;
        fs::rename(&self.next, &self.path)
    }
}

/// Makes the directory of a path that everybody is to find, where it is missing.
pub(super) fn make_directory_of(path: &Path) -> io::Result<()> {
    let Some(dir) = path.parent() else { return Ok(()) };
    DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir)?;
    fs::set_permissions(dir, Permissions::from_mode(DIR_MODE))
}
