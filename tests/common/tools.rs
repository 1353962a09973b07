//! Tools that some tests need. Where one is missing the test is skipped and says so; in CI none may be.

use std::process::{Command, Stdio};

/// Whether one of these programs is missing. Each is tried with an argument that makes it end at once.
pub(crate) fn missing(tools: &[(&str, &str)]) -> bool {
    tools.iter().any(|(tool, argument)| {
        let mut trial = Command::new(tool);
        trial.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        trial.status().is_err() && skipped(&format!("{tool} is not installed"))
    })
}

/// Says why a test is skipped; fails in CI.
pub(crate) fn skipped(why: &str) -> bool {
    assert!(std::env::var_os("CI").is_none(), "in CI nothing is skipped, but {why}");
    println!("skipped: {why}");
    true
}
