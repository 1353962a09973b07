//! What can go wrong with the gate. None of it ends the agent.

use super::status_file::StatusFileError;
use std::io;
use std::path::PathBuf;

/// What can go wrong with the gate.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// The status file can't be written.
    #[error("cannot write the status file {path}: {source}: make its directory writable to the agent's user, or set gate.status_file", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What was told last can't be read: hooks are run as if it were not known.
    #[error("what was told last is not known: {0}")]
    Last(#[source] StatusFileError),
    /// The socket's path is longer than the kernel takes.
    #[error("the socket {path} has a path of {length} bytes, of at most {max}: set {key} to a shorter one", path = path.display())]
    TooLong {
        /// The key of the configuration that says where it is.
        key: &'static str,
        /// The path.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
        /// The most there may be.
        max: usize,
    },
    /// Another process listens there.
    #[error("{by} listens at the socket {path} already: end it, or set {key} to another path", path = path.display(), by = by.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}")))]
    Taken {
        /// The key of the configuration that says where it is.
        key: &'static str,
        /// The socket.
        path: PathBuf,
        /// Its process id, where the kernel tells it.
        by: Option<i32>,
    },
    /// Something else than a socket is there.
    #[error("the socket {path} is there as something else: move it away, or set {key} to another path", path = path.display())]
    NoSocket {
        /// The key of the configuration that says where it is.
        key: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// The operating system refuses the socket.
    #[error("cannot listen at the socket {path}: {source}: make its directory writable to the agent's user, or set {key}", path = path.display())]
    Listen {
        /// The key of the configuration that says where it is.
        key: &'static str,
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
