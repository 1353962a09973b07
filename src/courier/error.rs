//! Why a courier can't go on.

use std::io;
use std::path::PathBuf;

/// Why a whole round came to nothing, or could not go on. What was answered until then is kept.
#[derive(Debug, thiserror::Error)]
pub enum CourierError {
    /// A file or directory can't be used.
    #[error("{} can't be {what}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The bundle that goes back is there already.
    #[error("{} is there already: carry it back first, name another file, or give --force", .0.display())]
    Exists(PathBuf),
    /// What is to be carried would be written over.
    #[error("{} is to be carried, and is where the answer is to be put: name another file by -o", .0.display())]
    Own(PathBuf),
    /// Another courier writes it.
    #[error("another courier is at work for {}: wait until it has ended, or name another file", .0.display())]
    Busy(PathBuf),
    /// What was begun was for another central.
    #[error("{} was begun with another central ({began}): go on with that one, name another file, or remove it", path.display())]
    Other {
        /// The file of what was answered.
        path: PathBuf,
        /// Which central.
        began: String,
    },
    /// It is none of ours.
    #[error("{} is no record of a courier's round: move it away, or name another file", .0.display())]
    Foreign(PathBuf),
    /// There is nothing to carry.
    #[error("there is no bundle to carry: name files, or directories with files of the name *.hwb")]
    Nothing,
    /// There is too much.
    #[error("more than {0} files: carry them in several rounds")]
    TooMany(usize),
}

impl CourierError {
    pub(super) fn io(path: impl Into<PathBuf>, what: &'static str, source: io::Error) -> Self {
        CourierError::Io { path: path.into(), what, source }
    }

    /// Whether it is a lack of rights.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        matches!(self, CourierError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }

    /// Whether another name mends it.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            CourierError::Exists(_)
            | CourierError::Own(_)
            | CourierError::Nothing
            | CourierError::TooMany(_)
            | CourierError::Other { .. } => true,
            CourierError::Io { source, .. } => source.kind() == io::ErrorKind::InvalidInput,
            CourierError::Foreign(_) | CourierError::Busy(_) => false,
        }
    }
}
