//! Why a command failed, on standard error: for people, or for the journal, where a service manager leads it there.

use super::journal::leads_there;
use std::fmt::Write as _;
use std::io::{self, Write as _};

/// What makes an entry of level error of a line that the journal gets from a standard stream.
const ERROR: &str = "<3>";

/// Writes on standard error why a command failed. Where that and standard output are the journal's, and the log has told it already,
/// nothing is told twice.
pub(crate) fn complain(message: &str, is_logged: bool) {
    let stream = std::env::var_os("JOURNAL_STREAM");
    let is_journal = leads_there(stream.as_deref(), io::stderr());
    if is_journal && is_logged && leads_there(stream.as_deref(), io::stdout()) {
        return;
    }
    // Nothing is left to do where standard error can't be written to.
    let _ = io::stderr().write_all(told(message, is_journal).as_bytes());
}

fn told(message: &str, is_journal: bool) -> String {
    let (mut text, prefix) = (String::new(), if is_journal { ERROR } else { "" });
    for (number, line) in message.trim_end().lines().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{prefix}{}{line}", if number == 0 { "highwater: " } else { "" });
    }
    text
}

/// A message of several lines on one: what is indented belongs to the line before it.
pub(crate) fn one_line(message: &str) -> String {
    let mut text = String::new();
    for line in message.lines().filter(|line| !line.trim().is_empty()) {
        if !text.is_empty() {
            text.push_str(if line.starts_with(' ') { ": " } else { "; " });
        }
        text.push_str(line.trim());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mend_stays_with_its_mistake_on_the_one_line_and_each_line_in_the_journal_is_an_error() {
        let message = "a.toml:1:1: no key x\n    take it out\na.toml:2:1: no key y\n\n    take it out, too\n";
        assert_eq!(
            one_line(message),
            "a.toml:1:1: no key x: take it out; a.toml:2:1: no key y: take it out, too"
        );
        assert_eq!(told("one\n    two\n", true), "<3>highwater: one\n<3>    two\n");
        assert_eq!(told("one\n    two\n", false), "highwater: one\n    two\n");
    }
}
