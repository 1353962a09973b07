//! What central says of a request that it refuses: `{"error": "...", "mend": "..."}`.

use serde::Deserialize;

/// How much of an answer is looked at for it.
pub(super) const PROBLEM_MAX_BYTES: usize = 64 * 1024;
/// How much of each text is shown.
const TEXT_MAX_CHARS: usize = 300;

/// A problem, in central's words, fit to be shown.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) error: Option<String>,
    pub(super) mend: Option<String>,
}

#[derive(Deserialize)]
struct Wire {
    /// `title` and `detail` are the words of RFC 9457.
    error: Option<String>,
    title: Option<String>,
    detail: Option<String>,
    mend: Option<String>,
}

impl Problem {
    /// Reads an answer's body; one that is no problem says nothing.
    pub(super) fn read(body: &[u8]) -> Self {
        let Ok(wire) = serde_json::from_slice::<Wire>(body) else { return Problem::default() };
        let error = match (wire.error.or(wire.title), wire.detail) {
            (Some(title), Some(detail)) => Some(format!("{title}: {detail}")),
            (one, other) => one.or(other),
        };
        let shown = |text: String| Some(clean(&text)).filter(|text| !text.is_empty());
        Problem { error: error.and_then(shown), mend: wire.mend.and_then(shown) }
    }
}

/// A text from outside as it may be shown: of one line and bounded length.
pub(super) fn clean(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.trim().chars().take(TEXT_MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, error: Option<&str>, mend: Option<&str>) {
        let expect = Problem { error: error.map(str::to_owned), mend: mend.map(str::to_owned) };
        assert_eq!(Problem::read(body.as_bytes()), expect, "{body}");
    }

    #[test]
    fn a_problem_is_shown_without_what_would_move_a_cursor() {
        check(r#"{"error":"no","mend":"ask"}"#, Some("no"), Some("ask"));
        check(r#"{"title":"no","detail":"why","status":403}"#, Some("no: why"), None);
        check(r#"{"error":"a\u001b[2J\nb"}"#, Some("a [2J b"), None);
        check(r#"{"error":""}"#, None, None);
        check("<html>", None, None);
        check(r#"{"error":7}"#, None, None);
        let long = format!(r#"{{"error":"{}"}}"#, "é".repeat(5000));
        assert_eq!(Problem::read(long.as_bytes()).error.unwrap().chars().count(), TEXT_MAX_CHARS);
    }
}
