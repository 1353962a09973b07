//! `kind = "access_log"`.

use super::super::keys::listed;
use super::super::mistakes::{Fault, quoted};
use super::super::raw::Raw;
use super::super::reader::absolute;
use super::super::show::Value;
use super::log_pattern::{Dialect, LINE_OF_CONNECTION, Pattern, Role};
use super::{Keys, Kind, SslSource};
use std::path::PathBuf;

/// The line to paste into nginx's configuration: `log_format highwater '...';`.
const NGINX: &str = "$msec $connection $connection_requests $ssl_protocol $ssl_cipher $ssl_session_reused";
/// The line to paste into Apache's: `LogFormat "..." highwater`.
const APACHE: &str =
    "%{sec}t.%{usec_frac}t %{SSL_PROTOCOL}x %{SSL_CIPHER}x %{SSL_SESSION_RESUMED}x %k %{H2_STREAM_ID}e";
/// What a line of HAProxy's `log-format` has to contain.
const HAPROXY: &str = "tls_line=%[var(sess.tls_line,0),add(1),set-var(sess.tls_line)] tls=%sslv tls_resumed=%[ssl_fc_is_resumed]";
const WORDS: &[&str] = &["nginx", "apache", "haproxy", "json"];
const FIELD_MAX_BYTES: usize = 64;

pub(super) const KIND: Kind = Kind {
    word: "access_log",
    keys: &[
        "path",
        "format",
        "protocol_field",
        "requests_field",
        "resumed_field",
        "first_request",
        "lines",
        "handshakes",
    ],
    read,
};

/// A log that a server writes a line to for each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLog {
    /// The log: `path`.
    pub path: PathBuf,
    /// What its lines are like, and which of them are sessions.
    pub rule: LogRule,
    /// `format`, as it was given.
    format: String,
}

/// What a log's lines are like, and which of them are sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRule {
    /// What they are like.
    pub form: LineForm,
    /// Which number the first request of a connection has.
    pub first: u64,
    /// What a line is written for.
    pub lines: Lines,
    /// Which handshakes count.
    pub handshakes: Handshakes,
}

impl LogRule {
    /// The rule that a format makes by itself: `nginx`, `apache`, `haproxy`, `json`, or a server's own log format. `None` where it is
    /// none.
    #[must_use]
    pub fn of_format(text: &str) -> Option<Self> {
        let Format { pattern, .. } = format(&Raw::Text(text.to_owned())).ok()?;
        let (form, first) = match pattern {
            Some((pattern, first)) => (LineForm::Pattern(pattern), first),
            None => (LineForm::Json(json_names([None, None, None])), 1),
        };
        Some(LogRule { form, first, lines: Lines::Requests, handshakes: Handshakes::All })
    }
}

/// What a line looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineForm {
    /// Fields with text between them.
    Pattern(Pattern),
    /// A JSON object.
    Json(JsonNames),
}

/// The names of the fields of a JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonNames {
    /// That of the TLS protocol.
    pub protocol: String,
    /// That of the number of the request on its connection.
    pub requests: String,
    /// That of whether the session was resumed.
    pub resumed: String,
}

/// What a line is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// Each request: the first of a connection is its session.
    Requests,
    /// Each connection.
    Connections,
}

impl Lines {
    const fn word(self) -> &'static str {
        match self {
            Lines::Requests => "requests",
            Lines::Connections => "connections",
        }
    }
}

/// Which handshakes count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handshakes {
    /// Full and resumed ones.
    All,
    /// Those that resumed no earlier session.
    Full,
}

impl Handshakes {
    const fn word(self) -> &'static str {
        match self {
            Handshakes::All => "all",
            Handshakes::Full => "full",
        }
    }
}

impl AccessLog {
    /// The server that writes it, where its format says which.
    pub(super) fn software(&self) -> Option<&'static str> {
        pattern_of(&self.format).map(|(_, dialect)| match dialect {
            Dialect::Nginx => "nginx",
            Dialect::Apache => "apache",
            Dialect::Haproxy => "haproxy",
        })
    }

    pub(super) fn shown(&self) -> Vec<(&'static str, Value)> {
        let text = |text: &str| Value::Text(text.to_owned());
        let mut shown = vec![
            ("path", text(&self.path.to_string_lossy())),
            ("format", text(&self.format)),
            ("lines", text(self.rule.lines.word())),
            ("handshakes", text(self.rule.handshakes.word())),
        ];
        if let LineForm::Json(names) = &self.rule.form {
            shown.extend([
                ("protocol_field", text(&names.protocol)),
                ("requests_field", text(&names.requests)),
                ("resumed_field", text(&names.resumed)),
                ("first_request", text(&self.rule.first.to_string())),
            ]);
        }
        shown
    }
}

/// A format: the number of a first request comes with it.
struct Format {
    text: String,
    pattern: Option<(Pattern, u64)>,
}

fn read(keys: &mut Keys<'_>) -> Option<SslSource> {
    let path = keys.take("path", absolute);
    let format = keys.take("format", format);
    let fields = [
        keys.take("protocol_field", field),
        keys.take("requests_field", field),
        keys.take("resumed_field", field),
    ];
    let first = keys.take("first_request", first_request);
    let lines = keys.take("lines", |raw| raw.choice(&[Lines::Requests, Lines::Connections], Lines::word));
    let handshakes =
        keys.take("handshakes", |raw| raw.choice(&[Handshakes::All, Handshakes::Full], Handshakes::word));
    let Some(path) = path? else {
        keys.refuse_all(Fault::new("this source has no log", "add path = \"/var/log/...\""));
        return None;
    };
    let Some(Format { text, pattern }) = format? else {
        let words: Vec<String> = WORDS.iter().map(|word| quoted(word)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mend = format!("add format = {}, or the server's own log format", listed(&words, "or"));
        keys.refuse_all(Fault::new("this source does not say what its log's lines are like", mend));
        return None;
    };
    let lines = lines?.unwrap_or(Lines::Requests);
    let handshakes = handshakes?.unwrap_or(Handshakes::All);
    let [protocol, requests, resumed] = fields;
    let (protocol, requests, resumed, first) = (protocol?, requests?, resumed?, first?);
    let (form, first) = match pattern {
        None => (LineForm::Json(json_names([protocol, requests, resumed])), first.unwrap_or(1)),
        Some((pattern, own_first)) => {
            if protocol.is_some() || requests.is_some() || resumed.is_some() || first.is_some() {
                let message = "names of fields belong to format = \"json\"";
                keys.refuse_all(Fault::new(
                    message,
                    "take protocol_field, requests_field, resumed_field and first_request out",
                ));
                return None;
            }
            if let Some(fault) = lacks(&text, &pattern, lines, handshakes) {
                keys.refuse("format", fault);
                return None;
            }
            (LineForm::Pattern(pattern), own_first)
        }
    };
    let rule = LogRule { form, first, lines, handshakes };
    Some(SslSource::AccessLog(AccessLog { path, rule, format: text }))
}

/// nginx's own names for those that are not given.
fn json_names([protocol, requests, resumed]: [Option<String>; 3]) -> JsonNames {
    let or = |given: Option<String>, default: &str| given.unwrap_or_else(|| default.to_owned());
    JsonNames {
        protocol: or(protocol, "ssl_protocol"),
        requests: or(requests, "connection_requests"),
        resumed: or(resumed, "ssl_session_reused"),
    }
}

/// What a pattern does not say and must.
fn lacks(text: &str, pattern: &Pattern, lines: Lines, handshakes: Handshakes) -> Option<Fault> {
    if !pattern.has(Role::Protocol) {
        let mend = "add $ssl_protocol, %{SSL_PROTOCOL}x or %sslv to it, in the server's configuration too";
        return Some(Fault::new("the lines do not tell which connections have TLS", mend));
    }
    if lines == Lines::Requests && !pattern.has(Role::Requests) {
        let mend = format!(
            "add $connection_requests, %k or %[{LINE_OF_CONNECTION}] to it, in the server's configuration too; or set lines = \
             \"connections\" where the server writes one line a connection"
        );
        let message = match text.contains("http_first_req") {
            true => {
                "http_first_req is false for each request of HTTP/2, so that no session of it would count"
            }
            false => "the lines do not tell which request is the first of its connection",
        };
        return Some(Fault::new(message, mend));
    }
    if handshakes == Handshakes::Full && !pattern.has(Role::Resumed) {
        let mend = "add $ssl_session_reused, %{SSL_SESSION_RESUMED}x or %[ssl_fc_is_resumed] to it, in the server's configuration too";
        return Some(Fault::new("the lines do not tell which sessions were resumed", mend));
    }
    None
}

/// The pattern that a format is, and whose it is; none where it is JSON, or no format.
fn pattern_of(text: &str) -> Option<(&str, Dialect)> {
    match text {
        "nginx" => Some((NGINX, Dialect::Nginx)),
        "apache" => Some((APACHE, Dialect::Apache)),
        "haproxy" => Some((HAPROXY, Dialect::Haproxy)),
        own if own.contains("%{SSL_PROTOCOL}x") => Some((own, Dialect::Apache)),
        own if own.contains("%sslv") || own.contains("%[") => Some((own, Dialect::Haproxy)),
        own if own.contains('$') => Some((own, Dialect::Nginx)),
        _ => None,
    }
}

fn format(raw: &Raw) -> Result<Format, Fault> {
    let text = raw.text()?;
    if text == "json" {
        return Ok(Format { text: text.to_owned(), pattern: None });
    }
    let (pattern, dialect) = pattern_of(text).ok_or_else(|| {
        let message = format!("{} is no format", quoted(text));
        Fault::new(message, format!("take {}, or the server's own log format in quotes", listed(WORDS, "or")))
    })?;
    let first = if dialect == Dialect::Apache { 0 } else { 1 };
    Ok(Format { text: text.to_owned(), pattern: Some((Pattern::parse(pattern, dialect)?, first)) })
}

fn field(raw: &Raw) -> Result<String, Fault> {
    let text = raw.text()?;
    if text.len() > FIELD_MAX_BYTES {
        let message = format!("longer than {FIELD_MAX_BYTES} bytes");
        return Err(Fault::new(message, "write the name of a field of the log's JSON"));
    }
    Ok(text.to_owned())
}

fn first_request(raw: &Raw) -> Result<u64, Fault> {
    let number = match raw {
        Raw::Whole(number) => Some(*number),
        Raw::Bare(text) | Raw::Text(text) => text.parse().ok(),
        _ => None,
    };
    number.filter(|number| *number <= 1).ok_or_else(|| {
        Fault::new(
            "the first request of a connection has number 0 or 1",
            "write 0 or 1, as the server counts",
        )
    })
}
