//! A program that is measured: started here, stopped by its own pid, and killed by the kernel when this harness dies.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use nix::sys::signal::{Signal, kill};
use nix::time::ClockId;
use nix::unistd::Pid;

use crate::shell;
use crate::time;

/// How long a program may take to end after it was told to. The agent drains for up to 5 s.
const STOP_BOUND: Duration = Duration::from_secs(15);

/// What is started: a program, its arguments and its environment (beyond `PATH`).
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: Vec<(&'static str, OsString)>,
}

/// Resident and anonymous memory in KiB, and the number of threads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    pub(super) resident: f64,
    pub(super) anonymous: f64,
    pub(super) threads: f64,
}

/// A started program. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts a program with a bare environment; what it says goes to `log`. `wrapper` goes before the program, as
    /// valgrind does.
    pub(super) fn start(line: &Line, wrapper: &[&str], log: &Path) -> anyhow::Result<Running> {
        let out = File::create(log).with_context(|| format!("cannot create {}", log.display()))?;
        let errors = out.try_clone().context("cannot share the log")?;
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .args(wrapper)
            .arg(&line.program)
            .args(&line.arguments)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .envs(line.environment.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(errors)
            .spawn()
            .context("cannot start setpriv")?;
        Ok(Running { child, log: log.to_path_buf() })
    }

    pub(super) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// What the program has said so far.
    pub(super) fn said(&self) -> String {
        shell::read_text(&self.log).unwrap_or_default()
    }

    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal and waits for the end; a program that ignores it is killed.
    pub(super) fn stop(&mut self, signal: Signal) -> anyhow::Result<()> {
        if self.has_ended() {
            return Ok(());
        }
        kill(self.pid(), signal).context("cannot signal the program")?;
        if time::wait_for(STOP_BOUND, || self.has_ended().then_some(())).is_none() {
            self.child.kill().context("cannot kill the program")?;
            anyhow::bail!("still running {} s after {signal}, killed", STOP_BOUND.as_secs());
        }
        Ok(())
    }

    pub(super) fn memory(&self) -> anyhow::Result<Memory> {
        let folder = PathBuf::from(format!("/proc/{}", self.pid()));
        let rollup = shell::read_text(&folder.join("smaps_rollup"))?;
        let status = shell::read_text(&folder.join("status"))?;
        Ok(Memory {
            resident: number_after(&rollup, "Rss:")?,
            anonymous: number_after(&rollup, "Anonymous:")?,
            threads: number_after(&status, "Threads:")?,
        })
    }

    /// The processor time used so far, in microseconds; `/proc/PID/stat` would only know ticks of 10 ms.
    pub(super) fn processor_us(&self) -> anyhow::Result<f64> {
        let used =
            ClockId::pid_cpu_clock_id(self.pid()).and_then(ClockId::now).context("no processor clock")?;
        Ok(Duration::from(used).as_secs_f64() * 1e6)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended() && self.child.kill().is_ok() {
            // Reaped, so that its files are closed when the disk under them is unmounted.
            let _ = self.child.wait();
        }
    }
}

/// The number that follows `key` at the start of a line.
fn number_after(text: &str, key: &str) -> anyhow::Result<f64> {
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse().ok())
        .with_context(|| format!("no number after {key}"))
}

#[cfg(test)]
mod tests {
    use super::number_after;

    #[test]
    fn a_number_is_found_at_the_start_of_its_own_line_only() {
        let text = "Pss_Anon: 7 kB\nAnonymous:      48 kB\nRss: x kB\n";
        assert_eq!(number_after(text, "Anonymous:").unwrap(), 48.0);
        assert!(number_after(text, "Anon:").is_err());
        assert!(number_after(text, "Rss:").is_err());
    }
}
