//! A clock that the agent takes for the true one.

use crate::tools;
use std::process::Command;

/// What to preload; `None` where there is no libfaketime.
pub(crate) fn library() -> Option<String> {
    if tools::missing(&[("faketime", "--version")]) {
        return None;
    }
    // Its wrapper knows where the library is. It is not what runs the agent: it would stand between it and its signals.
    let output = Command::new("faketime").args(["-f", "+0", "printenv", "LD_PRELOAD"]).output().unwrap();
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}
