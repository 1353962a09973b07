//! Asking systemd, by its own program: bounded in time and in what it may say.

use crate::clock;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// How long systemd may take. It answers in milliseconds, but not while it hangs.
const LIMIT_MS: i64 = 5000;
/// What is taken of an answer: some thirty properties.
const ANSWER_MAX_BYTES: usize = 256 * 1024;
/// There while systemd is the host's first process (sd_booted(3)).
const BOOTED: &str = "/run/systemd/system";

/// Whether systemd manages this host.
pub(super) fn is_booted() -> bool {
    Path::new(BOOTED).is_dir()
}

/// The properties of a unit, as `systemctl show` prints them.
///
/// # Errors
/// When it can't be asked, or does not answer in time: why.
pub(super) fn show(unit: &str, properties: &str) -> Result<String, String> {
    let mut systemctl = Command::new("systemctl");
    systemctl.args(["show", "--no-pager", "--property", properties, "--", unit]).env("LC_ALL", "C.UTF-8");
    answer(systemctl, LIMIT_MS).map_err(|why| format!("`systemctl show {unit}`: {why}"))
}

/// What a command writes to its end.
fn answer(mut command: Command, limit_ms: i64) -> Result<String, String> {
    let deadline_ms = clock::mono_ms().saturating_add(limit_ms);
    let (mut reader, writer) = std::io::pipe().map_err(|error| error.to_string())?;
    let errors = writer.try_clone().map_err(|error| error.to_string())?;
    command.stdin(Stdio::null()).stdout(writer).stderr(errors);
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    // The writing ends go with it, so that the pipe ends with the child.
    drop(command);
    let mut said = Vec::new();
    let mut chunk = [0; 4096];
    let ended = loop {
        let left_ms = deadline_ms.saturating_sub(clock::mono_ms());
        if left_ms <= 0 {
            break Err(format!("no answer within {limit_ms} ms"));
        }
        let mut ready = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
        match poll(&mut ready, PollTimeout::try_from(left_ms).unwrap_or(PollTimeout::MAX)) {
            Ok(0) | Err(Errno::EINTR) => continue,
            Ok(_) => {}
            Err(errno) => break Err(errno.to_string()),
        }
        match reader.read(&mut chunk) {
            Ok(0) => break Ok(()),
            Ok(length) => said.extend_from_slice(chunk.get(..length).unwrap_or_default()),
            Err(error) => break Err(error.to_string()),
        }
        if said.len() > ANSWER_MAX_BYTES {
            break Err(format!("more than {ANSWER_MAX_BYTES} bytes"));
        }
    };
    // It has nothing more to say, or is not heard any more. One that the kernel does not let go is left to it.
    let _ = child.kill();
    if ended.is_ok() {
        let _ = child.wait();
    }
    ended.map(|()| String::from_utf8_lossy(&said).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit_ms: i64) -> Result<String, String> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        answer(command, limit_ms)
    }

    #[test]
    fn what_hangs_or_never_ends_is_left_and_the_rest_is_read_to_its_end() {
        assert_eq!(shell("echo A=1; echo why >&2", 10_000).unwrap(), "A=1\nwhy\n");
        assert!(shell("exec yes", 60_000).unwrap_err().contains("more than"));
        assert_eq!(shell("exec sleep 60", 50).unwrap_err(), "no answer within 50 ms");
        assert!(answer(Command::new("/no/systemctl"), 50).unwrap_err().contains("No such file"));
    }
}
