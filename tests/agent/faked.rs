//! A clock that the program takes for the true one.

use crate::agent::Agent;
use crate::home::{HIGHWATER, Home};
use crate::tools;
use std::process::Command;

/// What to preload; `None` where there is no libfaketime.
pub(crate) fn library() -> Option<String> {
    if tools::missing(&[("faketime", "--version")]) {
        return None;
    }
    // Its wrapper knows where the library is. It is not what runs the agent: it would stand between it and its signals.
    // It fails where a process of the same number was killed before, and left its shared memory behind.
    let printed = || Command::new("faketime").args(["-f", "+0", "printenv", "LD_PRELOAD"]).output().unwrap();
    let library =
        (0..20).map(|_| printed()).find(|output| output.status.success() && !output.stdout.is_empty());
    Some(String::from_utf8(library.expect("faketime names its library").stdout).unwrap().trim().to_owned())
}

/// The agent, begun at that time of UTC, with a clock that runs so many times too fast.
pub(crate) fn run(home: &Home, library: &str, from: &str, times: u32) -> Agent {
    let mut command = home.command(HIGHWATER);
    command.env("LD_PRELOAD", library).env("FAKETIME", format!("@{from} x{times}")).env("TZ", "UTC");
    Agent::spawn(command.arg("run"))
}
