//! One hook: a command that `/bin/sh` runs, within bounds of time and output.

use crate::clock;
use highwater_rules::grace::Stage;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long a hook may take. Then it is killed, with all that it started and that is still in its process group.
pub const HOOK_LIMIT: Duration = Duration::from_secs(30);
/// How much of what a hook says is kept, in bytes.
pub const OUTPUT_MAX_BYTES: usize = 4096;
/// How long a killed hook is waited for: the kernel may be busy for it.
const KILL_LIMIT: Duration = Duration::from_secs(2);
/// How long the output is read on when the hook has ended: what it left running may hold the pipe for ever.
const DRAIN_LIMIT: Duration = Duration::from_millis(200);
/// What speaks for the agent only.
const OWN_VARIABLES: &[&str] = &["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "CREDENTIALS_DIRECTORY"];

/// A hook that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookEnd {
    /// The command.
    pub command: String,
    /// The stage that it was told.
    pub stage: Stage,
    /// How it ended.
    pub outcome: HookOutcome,
    /// The first [`OUTPUT_MAX_BYTES`] that it wrote to standard output and standard error.
    pub output: String,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
}

/// How a hook ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookOutcome {
    /// With exit code 0.
    Done,
    /// With another exit code.
    Failed(i32),
    /// By a signal.
    Killed(i32),
    /// It took longer than [`HOOK_LIMIT`], and was killed.
    TimedOut,
    /// It could not be started: why.
    NotStarted(String),
}

impl HookOutcome {
    /// Whether it did what it should.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self, HookOutcome::Done)
    }
}

impl fmt::Display for HookOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HookOutcome::Done => f.write_str("done"),
            HookOutcome::Failed(code) => write!(f, "exit code {code}"),
            HookOutcome::Killed(signal) => write!(f, "killed by signal {signal}"),
            HookOutcome::TimedOut => write!(f, "killed after {} s", HOOK_LIMIT.as_secs()),
            HookOutcome::NotStarted(why) => write!(f, "cannot be started: {why}"),
        }
    }
}

impl From<ExitStatus> for HookOutcome {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(0), _) => HookOutcome::Done,
            (Some(code), _) => HookOutcome::Failed(code),
            (None, signal) => HookOutcome::Killed(signal.unwrap_or_default()),
        }
    }
}

/// What a hook is told in its environment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) stage: Stage,
    pub(super) previous: Option<Stage>,
    pub(super) days_left: i64,
    pub(super) status_file: &'a Path,
}

/// Runs a command to its end.
pub(super) async fn run(command: &str, told: Told<'_>) -> HookEnd {
    let begun_ms = clock::mono_ms();
    let mut output = Vec::new();
    let outcome = match start(command, told) {
        Ok((child, pipe)) => wait(child, &pipe, &mut output).await,
        Err(error) => HookOutcome::NotStarted(error.to_string()),
    };
    HookEnd {
        command: command.to_owned(),
        stage: told.stage,
        outcome,
        output: String::from_utf8_lossy(&output).trim_end().to_owned(),
        took_ms: clock::mono_ms().saturating_sub(begun_ms),
    }
}

fn start(command: &str, told: Told<'_>) -> io::Result<(Child, pipe::Receiver)> {
    let (reader, writer) = io::pipe()?;
    let receiver = pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?;
    let mut shell = Command::new("/bin/sh");
    shell
        .arg("-c")
        .arg(command)
        .env("HIGHWATER_GATE_STATE", told.stage.word())
        .env("HIGHWATER_GATE_PREVIOUS", told.previous.map_or("unknown", Stage::word))
        .env("HIGHWATER_GATE_MAY_RUN", told.stage.may_run().to_string())
        .env("HIGHWATER_GATE_DAYS_LEFT", told.days_left.to_string())
        .env("HIGHWATER_GATE_STATUS_FILE", told.status_file)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0);
    for name in OWN_VARIABLES {
        shell.env_remove(name);
    }
    // The writing ends go with the command, so that the pipe ends with the hook.
    Ok((shell.spawn()?, receiver))
}

async fn wait(mut child: Child, pipe: &pipe::Receiver, output: &mut Vec<u8>) -> HookOutcome {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    let mut is_open = true;
    let ended = timeout(HOOK_LIMIT, async {
        loop {
            tokio::select! {
                status = child.wait() => return status,
                () = drain(pipe, output), if is_open => is_open = false,
            }
        }
    })
    .await;
    let outcome = match ended {
        Ok(Ok(status)) => HookOutcome::from(status),
        Ok(Err(error)) => HookOutcome::NotStarted(error.to_string()),
        Err(_) => {
            // Its leader was not waited for yet, so that the group's number can't have been given away.
            if let Some(group) = group {
                // It fails only where nothing is left to kill.
                let _ = killpg(group, Signal::SIGKILL);
            }
            // A process that the kernel does not let go is left to it.
            let _ = timeout(KILL_LIMIT, child.wait()).await;
            HookOutcome::TimedOut
        }
    };
    if is_open {
        // What runs on holds the pipe, and may.
        let _ = timeout(DRAIN_LIMIT, drain(pipe, output)).await;
    }
    outcome
}

/// Reads to the end, and keeps the beginning. A hook that writes more is not held up.
async fn drain(pipe: &pipe::Receiver, output: &mut Vec<u8>) {
    let mut buffer = [0; 1024];
    while pipe.readable().await.is_ok() {
        match pipe.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => {
                let room = OUTPUT_MAX_BYTES.saturating_sub(output.len());
                output.extend(buffer.iter().take(read.min(room)));
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(_) => return,
        }
    }
}
