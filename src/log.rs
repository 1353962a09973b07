//! The log: one event a line on standard output, as logfmt or JSON. `docs/log-events.md` is the contract of names and keys.
//!
//! An event's message is its name. A reader of the log that has stalled never stalls the agent: lines that the pipe has no room
//! for are dropped and counted, and the count goes out with the next line that gets through.

use crate::clock;
use crate::config::{Log, LogFormat, LogLevel};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Events of other crates are theirs, not part of the contract.
const TARGET: &str = "highwater";
/// The field that holds JSON already, and that only the JSON format writes.
const JSON_FIELD: &str = "readings";
/// What a pipe takes without blocking once it is writable (POSIX's PIPE_BUF on Linux).
const LINE_MAX_BYTES: usize = 4096;
/// Room for what follows the readings in a line; readings that leave less are left out.
const LINE_REST_BYTES: usize = 128;
/// A text longer than this, such as an error that quotes a file, is cut.
const TEXT_MAX_BYTES: usize = 1024;

/// Changes what is logged, at run time.
#[derive(Debug, Clone)]
pub(crate) struct Handle(Arc<Settings>);

#[derive(Debug)]
struct Settings {
    level: AtomicU8,
    json: AtomicU8,
    dropped: AtomicU64,
}

impl Handle {
    /// Follows a changed configuration.
    pub(crate) fn follow(&self, log: Log) {
        self.0.level.store(log.level as u8, Ordering::Relaxed);
        self.0.json.store(u8::from(log.format == LogFormat::Json), Ordering::Relaxed);
    }
}

/// Begins to log. Only the first call of a process does.
#[must_use]
pub(crate) fn begin(log: Log) -> Handle {
    let handle = Handle(Arc::new(Settings {
        level: AtomicU8::new(0),
        json: AtomicU8::new(0),
        dropped: AtomicU64::new(0),
    }));
    handle.follow(log);
    // It fails only where a subscriber is set already: then that one goes on.
    let _ = tracing::subscriber::set_global_default(Lines(handle.0.clone()));
    handle
}

struct Lines(Arc<Settings>);

const fn rank(level: Level) -> LogLevel {
    match level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG | Level::TRACE => LogLevel::Debug,
    }
}

impl Subscriber for Lines {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> tracing::subscriber::Interest {
        if metadata.is_event() && metadata.target().starts_with(TARGET) {
            tracing::subscriber::Interest::sometimes()
        } else {
            tracing::subscriber::Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        rank(*metadata.level()) as u8 <= self.0.level.load(Ordering::Relaxed)
    }

    fn event(&self, event: &Event<'_>) {
        let json = self.0.json.load(Ordering::Relaxed) == 1;
        let dropped = self.0.dropped.load(Ordering::Relaxed);
        let line = render(event, json, dropped);
        if write(&line) {
            self.0.dropped.fetch_sub(dropped, Ordering::Relaxed);
        } else {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Writes one line with one call; `false` where it would have had to wait.
fn write(line: &str) -> bool {
    let stdout = io::stdout().lock();
    let mut fds = [PollFd::new(stdout.as_fd(), PollFlags::POLLOUT)];
    if !matches!(poll(&mut fds, PollTimeout::ZERO), Ok(1)) {
        return false;
    }
    nix::unistd::write(stdout.as_fd(), line.as_bytes()).is_ok()
}

fn render(event: &Event<'_>, json: bool, dropped: u64) -> String {
    let level = rank(*event.metadata().level());
    let mut fields = Fields { line: String::with_capacity(256), json };
    fields.text("time", &stamp(clock::unix_ms()));
    fields.text("level", level.word());
    event.record(&mut fields);
    if dropped > 0 {
        fields.number("dropped_lines", dropped);
    }
    let mut line = fields.line;
    if json {
        line.insert(0, '{');
        line.push('}');
    } else if line.len() >= LINE_MAX_BYTES {
        line.truncate(line.floor_char_boundary(LINE_MAX_BYTES - 4));
        line.push('…');
    }
    line.push('\n');
    line
}

/// A moment of unix milliseconds, as RFC 3339 writes it.
#[must_use]
pub(crate) fn stamp(unix_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(unix_ms).map_or_else(|_| unix_ms.to_string(), |t| format!("{t:.3}"))
}

/// A moment of unix seconds, as RFC 3339 writes it.
#[must_use]
pub(crate) fn at(unix_s: i64) -> String {
    highwater_rules::day::timestamp(unix_s).to_string()
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

    fn number(&mut self, key: &str, number: impl fmt::Display) {
        self.key(key);
        let _ = write!(self.line, "{number}");
    }

    /// What is no number is none in JSON, which has no word for it.
    fn figure(&mut self, key: &str, value: f64) {
        if self.json && !value.is_finite() {
            self.number(key, "null");
        } else {
            self.number(key, value);
        }
    }

    fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        let shown = text.get(..text.floor_char_boundary(TEXT_MAX_BYTES)).unwrap_or(text);
        let cut = format!("{shown}…");
        let text = if shown.len() < text.len() { cut.as_str() } else { text };
        let plain = !text.is_empty()
            && text.chars().all(|c| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '=' | '\\'));
        if !self.json && plain {
            self.line.push_str(text);
        } else {
            self.quote(text);
        }
    }

    /// A JSON string; logfmt quotes in the same way.
    fn quote(&mut self, text: &str) {
        self.line.push('"');
        for c in text.chars() {
            let _ = match c {
                '"' => self.line.write_str("\\\""),
                '\\' => self.line.write_str("\\\\"),
                '\n' => self.line.write_str("\\n"),
                '\t' => self.line.write_str("\\t"),
                c if c.is_control() => write!(self.line, "\\u{:04x}", u32::from(c)),
                c => self.line.write_char(c),
            };
        }
        self.line.push('"');
    }
}

fn name(field: &Field) -> &str {
    if field.name() == "message" { "event" } else { field.name() }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.figure(name(field), value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(name(field), value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(name(field), value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.number(name(field), value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() != JSON_FIELD {
            self.text(name(field), value);
        } else if self.json && self.line.len() + value.len() + LINE_REST_BYTES <= LINE_MAX_BYTES {
            self.number(JSON_FIELD, value);
        }
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        self.text(name(field), &text);
    }
}

/// Writes to standard output for a command; a reader that has gone away (`| head`) is no error.
///
/// # Errors
/// When standard output can't be written to for another reason.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: bool, key: &str, text: &str, expect: &str) {
        let mut fields = Fields { line: String::new(), json };
        fields.text(key, text);
        assert_eq!(fields.line, expect);
    }

    #[test]
    fn values_never_break_out_of_their_line_or_key() {
        check(false, "a", "plain/1.5:x", "a=plain/1.5:x");
        check(false, "a", "", "a=\"\"");
        check(false, "a", "two words", "a=\"two words\"");
        check(false, "a", "x=y", "a=\"x=y\"");
        check(false, "a", "line\nevent=fake", "a=\"line\\nevent=fake\"");
        check(false, "a", "\u{1b}[31m\"", "a=\"\\u001b[31m\\\"\"");
        check(true, "a", "b", "\"a\":\"b\"");
    }

    #[test]
    fn what_is_no_number_leaves_a_line_json() {
        for (value, expect) in [(f64::INFINITY, "null"), (f64::NAN, "null"), (1.5, "1.5"), (1e3, "1000")] {
            let mut fields = Fields { line: String::new(), json: true };
            fields.figure("ssl_tps", value);
            assert_eq!(fields.line, format!("\"ssl_tps\":{expect}"));
        }
    }
}
