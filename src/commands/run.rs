//! `highwater run`

use super::{Common, Failure, Outcome, exit, load};
use crate::daemon::{self, DaemonError};
use crate::log::{self, one_line};
use nix::errno::Errno;
use std::time::Duration;

pub(super) fn run(common: &Common) -> Outcome {
    agent(common).map_err(|failure| {
        let (error, errno) = (one_line(&failure.message), failure.errno.or_else(|| errno(failure.code)));
        daemon::tell_failure(&error, failure.code, errno);
        Failure { is_logged: true, ..failure }
    })
}

/// What stands for an exit code among the numbers of the operating system.
fn errno(code: u8) -> Option<i32> {
    match code {
        exit::CONFIG => Some(Errno::EINVAL as i32),
        exit::PERMISSION => Some(Errno::EACCES as i32),
        exit::DATA => Some(Errno::EBADMSG as i32),
        exit::UNAVAILABLE => Some(Errno::EIO as i32),
        _ => None,
    }
}

fn agent(common: &Common) -> Outcome {
    let loaded = load(common)?;
    let again = Common {
        config: common.config.clone(),
        state_dir: common.state_dir.clone(),
        root: common.root.clone(),
    };
    let handle = log::begin(loaded.config.log);
    let runtime = runtime()?;
    let ended = runtime.block_on(daemon::run(loaded, Box::new(move || load(&again)), handle));
    // A source that hangs keeps its thread; the process does not wait for it.
    runtime.shutdown_background();
    match ended {
        Ok(()) => Ok(0),
        Err(DaemonError::Ledger(error)) => Err(error.into()),
        Err(error) => Err(Failure::new(exit::UNAVAILABLE, error.to_string())),
    }
}

/// How long a thread lives that has nothing to do: looking up a name takes one, for a push.
const IDLE_THREAD: Duration = Duration::from_millis(500);

/// The one-threaded runtime that commands wait on.
pub(super) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().thread_keep_alive(IDLE_THREAD).enable_all().build()
}
