//! A line of the log, in either format.

use serde_json::Value;

/// A line, as the keys and values that it is made of, and as it was written.
#[derive(Debug, Clone)]
pub(crate) struct Line(Vec<(String, String)>, String);

impl Line {
    pub(crate) fn parse(text: &str) -> Self {
        Line(if text.starts_with('{') { json(text) } else { logfmt(text) }, text.to_owned())
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.1
    }

    pub(crate) fn event(&self) -> &str {
        self.get("event").unwrap_or("(none)")
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    pub(crate) fn number(&self, key: &str) -> f64 {
        self.get(key).and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("no number {key} in {self:?}"))
    }

    /// The slot of a `sampled` line, as a whole number.
    pub(crate) fn slot(&self) -> i64 {
        self.get("slot").and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("no slot in {self:?}"))
    }

    /// The end of its slot, in unix seconds.
    pub(crate) fn at(&self) -> i64 {
        let at: Option<jiff::Timestamp> = self.get("at").and_then(|at| at.parse().ok());
        at.unwrap_or_else(|| panic!("no time in {self:?}")).as_second()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }

    /// A sample of a slot, not an extra one.
    pub(crate) fn is_slot(&self) -> bool {
        self.event() == "sampled" && self.get("extra").is_none()
    }
}

fn json(text: &str) -> Vec<(String, String)> {
    let Ok(Value::Object(map)) = serde_json::from_str(text) else { panic!("no JSON object: {text}") };
    map.into_iter()
        .map(|(key, value)| match value {
            Value::String(text) => (key, text),
            other => (key, other.to_string()),
        })
        .collect()
}

/// `key=value`, or `key="value"` with JSON's escapes.
fn logfmt(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=').unwrap_or_else(|| panic!("no key in `{rest}` of {text}"));
        assert!(key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "odd key `{key}` in {text}");
        let (value, after) = if after.starts_with('"') {
            let mut strings = serde_json::Deserializer::from_str(after).into_iter::<String>();
            let value = strings.next().unwrap().unwrap_or_else(|e| panic!("{e} in {text}"));
            (value, &after[strings.byte_offset()..])
        } else {
            let end = after.find(' ').unwrap_or(after.len());
            (after[..end].to_owned(), &after[end..])
        };
        pairs.push((key.to_owned(), value));
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    pairs
}
