//! The log: one event a line on standard error, as logfmt or JSON. An event's message is its name. Where standard error leads to
//! systemd's journal, each line begins with its level in the form that the journal takes off again (`<3>`).

use crate::clock::Clock;
use crate::model::words;
use std::fmt::{self, Write as _};
use std::io;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

words! {
    /// How a line is written.
    LogFormat {
        /// `key=value` pairs.
        Logfmt = "logfmt",
        /// A JSON object.
        Json = "json",
    }
}

/// A text longer than this, such as an error that quotes a file, is cut.
const TEXT_MAX_BYTES: usize = 1024;

/// Begins to log. Only the first call of a process does.
pub fn begin(format: LogFormat, level: Level) {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .event_format(Lines { json: format == LogFormat::Json, journal: leads_to_journal() })
        .finish();
    // It fails only where a subscriber is set already: then that one goes on.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Whether standard error leads to the journal: systemd says in `JOURNAL_STREAM` which device and inode do.
pub fn leads_to_journal() -> bool {
    let stream = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    let numbers = stream
        .split_once(':')
        .and_then(|(device, inode)| Some((device.parse::<u64>().ok()?, inode.parse::<u64>().ok()?)));
    let own = nix::sys::stat::fstat(io::stderr()).ok().map(|stat| (stat.st_dev, stat.st_ino));
    numbers.is_some() && numbers == own
}

/// Lines of a text that is no event, each as one of level error for the journal.
#[must_use]
pub fn as_errors(text: &str) -> String {
    text.lines().map(|line| format!("<{}>{line}\n", priority(Level::ERROR))).collect()
}

/// The priorities of syslog.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

struct Lines {
    json: bool,
    journal: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        // Other crates' events are no part of what this log tells.
        if !event.metadata().target().starts_with("highwater") {
            return Ok(());
        }
        let mut fields = Fields { line: String::with_capacity(200), json: self.json };
        let now_ms = Clock.now_ms();
        let time = jiff::Timestamp::from_millisecond(now_ms)
            .map_or_else(|_| now_ms.to_string(), |t| format!("{t:.3}"));
        fields.text("time", &time);
        fields.text("level", &event.metadata().level().as_str().to_ascii_lowercase());
        event.record(&mut fields);
        if self.journal {
            write!(writer, "<{}>", priority(*event.metadata().level()))?;
        }
        if self.json { writeln!(writer, "{{{}}}", fields.line) } else { writeln!(writer, "{}", fields.line) }
    }
}

struct Fields {
    line: String,
    json: bool,
}

impl Fields {
    fn key(&mut self, key: &str) {
        // Writing to a string cannot fail, here and below.
        let _ = match (self.json, self.line.is_empty()) {
            (true, true) => write!(self.line, "\"{key}\":"),
            (true, false) => write!(self.line, ",\"{key}\":"),
            (false, true) => write!(self.line, "{key}="),
            (false, false) => write!(self.line, " {key}="),
        };
    }

    fn bare(&mut self, field: &Field, value: impl fmt::Display) {
        self.key(name(field));
        let _ = write!(self.line, "{value}");
    }

    fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        let text = text.get(..text.floor_char_boundary(TEXT_MAX_BYTES)).unwrap_or(text);
        let plain = !text.is_empty()
            && text.chars().all(|c| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '=' | '\\'));
        if !self.json && plain {
            self.line.push_str(text);
        } else {
            // logfmt quotes as JSON does.
            let _ = write!(self.line, "{}", serde_json::Value::from(text));
        }
    }
}

fn name(field: &Field) -> &str {
    if field.name() == "message" { "event" } else { field.name() }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.bare(field, value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field, value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field, value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field, value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(name(field), value);
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        self.text(name(field), &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: bool, text: &str, expect: &str) {
        let mut fields = Fields { line: String::new(), json };
        fields.text("a", text);
        assert_eq!(fields.line, expect);
    }

    #[test]
    fn values_never_break_out_of_their_line_or_key() {
        check(false, "plain/1.5:x", "a=plain/1.5:x");
        check(false, "", "a=\"\"");
        check(false, "x=y", "a=\"x=y\"");
        check(false, "line\nevent=fake", "a=\"line\\nevent=fake\"");
        check(false, "\u{1b}[31m\"", "a=\"\\u001b[31m\\\"\"");
        check(true, "b", "\"a\":\"b\"");
    }

    #[test]
    fn each_line_of_a_text_is_an_error_of_its_own_to_the_journal() {
        assert_eq!(as_errors("wrong\n\nusage\n"), "<3>wrong\n<3>\n<3>usage\n");
    }
}
