//! The log: one event a line on standard output, as logfmt or JSON, or an entry of systemd's journal. `docs/log-events.md` is the
//! contract of names and keys.
//!
//! An event's message is its name. A reader of the log that has stalled never stalls the agent: lines that the pipe has no room
//! for are dropped and counted, and the count goes out with the next line that gets through.

mod alarms;
mod complaint;
mod journal;
mod tally;

pub(crate) use alarms::ALARMS;
pub(crate) use complaint::{complain, one_line};
pub(crate) use tally::Logged;

use crate::clock;
use crate::config::{Log, LogFormat, LogLevel};
use journal::{Entry, Journal};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use tally::Tally;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Events of other crates are theirs, not part of the contract.
const TARGET: &str = "highwater";
/// The field that holds JSON already, and that only the JSON format writes.
const JSON_FIELD: &str = "readings";
/// The field that holds the event's name.
const MESSAGE: &str = "message";
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
    form: AtomicU8,
    dropped: AtomicU64,
    tally: Tally,
    journal: OnceLock<Option<Journal>>,
}

/// How an event is written, once it is known where standard output leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Logfmt,
    Json,
    Journal,
}

impl Form {
    fn of(format: LogFormat) -> Self {
        match format {
            LogFormat::Logfmt => Form::Logfmt,
            LogFormat::Json => Form::Json,
            LogFormat::Journal => Form::Journal,
            LogFormat::Auto => {
                let stream = std::env::var_os("JOURNAL_STREAM");
                if journal::leads_there(stream.as_deref(), io::stdout()) {
                    Form::Journal
                } else {
                    Form::Logfmt
                }
            }
        }
    }
}

impl Settings {
    fn form(&self) -> Form {
        match self.form.load(Ordering::Relaxed) {
            form if form == Form::Json as u8 => Form::Json,
            form if form == Form::Journal as u8 => Form::Journal,
            _ => Form::Logfmt,
        }
    }

    /// Gives an event to the journal where that is wanted, else to standard output; `false` where neither took it.
    fn write(&self, made: &Made) -> bool {
        let taken = made.entry.as_ref().is_some_and(|entry| {
            let journal = self.journal.get_or_init(|| Journal::new().ok());
            journal.as_ref().is_some_and(|journal| journal.takes(entry))
        });
        taken || write(&made.line)
    }
}

impl Handle {
    /// How often each event was logged.
    pub(crate) fn logged(&self) -> Vec<Logged> {
        self.0.tally.all()
    }

    /// Follows a changed configuration.
    pub(crate) fn follow(&self, log: Log) {
        self.0.level.store(log.level as u8, Ordering::Relaxed);
        self.0.form.store(Form::of(log.format) as u8, Ordering::Relaxed);
    }
}

/// Begins to log. Only the first call of a process does.
#[must_use]
pub(crate) fn begin(log: Log) -> Handle {
    let handle = Handle(Arc::new(Settings {
        level: AtomicU8::new(0),
        form: AtomicU8::new(Form::Logfmt as u8),
        dropped: AtomicU64::new(0),
        tally: Tally::default(),
        journal: OnceLock::new(),
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
        let dropped = self.0.dropped.load(Ordering::Relaxed);
        let made = render(event, self.0.form(), dropped);
        self.0.tally.add(&made.event, rank(*event.metadata().level()));
        if self.0.write(&made) {
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

/// An event as it is written: a line, and in fields where the journal is to have it.
struct Made {
    line: String,
    /// The name of the event.
    event: String,
    entry: Option<Entry>,
}

/// How syslog, and with it the journal, counts the levels.
const fn priority(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "3",
        LogLevel::Warn => "4",
        LogLevel::Info => "6",
        LogLevel::Debug => "7",
    }
}

fn render(event: &Event<'_>, form: Form, dropped: u64) -> Made {
    let level = rank(*event.metadata().level());
    let json = form == Form::Json;
    let entry = (form == Form::Journal).then(Entry::default);
    let mut fields = Fields { line: String::with_capacity(256), json, event: String::new(), entry };
    fields.text("time", &stamp(clock::unix_ms()));
    fields.text("level", level.word());
    event.record(&mut fields);
    if dropped > 0 {
        fields.number("dropped_lines", dropped);
    }
    let Fields { mut line, event, mut entry, .. } = fields;
    if json {
        line.insert(0, '{');
        line.push('}');
    } else if line.len() >= LINE_MAX_BYTES {
        line.truncate(line.floor_char_boundary(LINE_MAX_BYTES - 4));
        line.push('…');
    }
    if let Some(entry) = &mut entry {
        entry.finish(priority(level), &line);
    }
    line.push('\n');
    Made { line, event, entry }
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
    /// The event's name, once it was told.
    event: String,
    entry: Option<Entry>,
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
        let from = self.line.len();
        let _ = write!(self.line, "{number}");
        if let (Some(entry), Some(written)) = (&mut self.entry, self.line.get(from..)) {
            entry.key(key, written);
        }
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
        if let Some(entry) = &mut self.entry {
            entry.key(key, text);
        }
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
    if field.name() == MESSAGE { "event" } else { field.name() }
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
        if field.name() == MESSAGE {
            self.event = text;
        }
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
        let mut fields = Fields { line: String::new(), json, event: String::new(), entry: None };
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
            let mut fields = Fields { line: String::new(), json: true, event: String::new(), entry: None };
            fields.figure("ssl_tps", value);
            assert_eq!(fields.line, format!("\"ssl_tps\":{expect}"));
        }
    }
}
