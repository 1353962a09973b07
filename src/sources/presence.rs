//! Whether the licensed software runs, by its processes.

use super::{SourceError, digits};
use crate::config::Presence;
use crate::files::{Root, read_head};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The most process ids that Linux can be told to have (`PID_MAX_LIMIT`).
const PROCESSES_MAX: usize = 4 * 1024 * 1024;
/// What the kernel keeps of a process's name.
const COMM_MAX_BYTES: usize = 15;
const ARGV0_MAX_BYTES: usize = 4096;
const STAT_HEAD_BYTES: usize = 128;

/// Watches for a process.
#[derive(Debug)]
pub struct Watch {
    root: Root,
    presence: Presence,
    /// The process seen last. It is looked at first, since the software of yesterday most often still runs.
    last: Option<String>,
}

impl Watch {
    /// A watch for `presence`.
    #[must_use]
    pub fn new(root: Root, presence: Presence) -> Self {
        Watch { root, presence, last: None }
    }

    /// Whether it is there.
    ///
    /// # Errors
    /// When the processes can't be seen, so that it may be there all the same.
    pub fn is_present(&mut self) -> Result<bool, SourceError> {
        let proc = self.root.at("proc");
        if let Some(last) = self.last.take()
            && self.fits(&proc.join(&last)).unwrap_or(false)
        {
            self.last = Some(last);
            return Ok(true);
        }
        // The agent's own number in this process file system, which may be that of another namespace. In a mere copy of
        // one `self` is no link, and nobody there is the agent.
        let own = std::fs::read_link(proc.join("self")).ok();
        let (mut hidden, mut first_seen) = (false, own.is_none());
        let entries = std::fs::read_dir(&proc).map_err(|e| SourceError::unreadable(&proc, e))?;
        let pids = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| digits(name).is_some());
        for pid in pids.take(PROCESSES_MAX) {
            first_seen |= pid == "1";
            if own.as_deref() == Some(Path::new(&pid)) {
                continue;
            }
            match self.fits(&proc.join(&pid)) {
                Ok(true) => {
                    self.last = Some(pid);
                    return Ok(true);
                }
                // It ended while we looked.
                Ok(false) => {}
                Err(error) => hidden |= error.kind() == io::ErrorKind::PermissionDenied,
            }
        }
        if hidden || !first_seen {
            return Err(SourceError::ProcessesHidden { path: proc });
        }
        Ok(false)
    }

    /// Whether the process at `/proc/PID` is the one watched for. Its executable may not be ours to see: then its name or
    /// command line tells.
    fn fits(&self, process: &Path) -> io::Result<bool> {
        let mut buffer = [0; ARGV0_MAX_BYTES];
        let exe = || std::fs::read_link(process.join("exe")).ok().map(without_deleted);
        let found = match &self.presence {
            Presence::Process(name) => {
                let comm = read_head(&process.join("comm"), &mut buffer)?;
                comm_fits(comm, name) || exe().is_some_and(|exe| exe.file_name() == Some(OsStr::new(name)))
            }
            Presence::Executable(path) => {
                exe().is_some_and(|exe| exe == *path)
                    || argv0(read_head(&process.join("cmdline"), &mut buffer)?) == path.as_os_str().as_bytes()
            }
        };
        Ok(found && !self.has_ended(process))
    }

    /// Whether a process has ended and only waits to be reaped.
    fn has_ended(&self, process: &Path) -> bool {
        let mut buffer = [0; STAT_HEAD_BYTES];
        read_head(&process.join("stat"), &mut buffer)
            .is_ok_and(|stat| matches!(state(stat), Some(b'Z' | b'X')))
    }
}

/// Whether a `/proc/PID/comm` is that of a process of this name. The kernel keeps 15 bytes of a name.
#[must_use]
pub fn comm_fits(comm: &[u8], name: &str) -> bool {
    let comm = comm.strip_suffix(b"\n").unwrap_or(comm);
    !comm.is_empty() && comm == name.as_bytes().get(..COMM_MAX_BYTES).unwrap_or(name.as_bytes())
}

/// The first word of a `/proc/PID/cmdline`.
#[must_use]
pub fn argv0(cmdline: &[u8]) -> &[u8] {
    cmdline.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// The state in a `/proc/PID/stat`. The name before it, in parentheses, may hold anything.
#[must_use]
pub fn state(stat: &[u8]) -> Option<u8> {
    let close = stat.iter().rposition(|byte| *byte == b')')?;
    stat.get(close..)?.get(2).copied()
}

/// The executable of a process, whether or not its file was replaced since.
fn without_deleted(exe: PathBuf) -> PathBuf {
    match exe.as_os_str().as_bytes().strip_suffix(b" (deleted)") {
        Some(path) => PathBuf::from(OsStr::from_bytes(path)),
        None => exe,
    }
}
