//! One line of a log: whether it tells of a new TLS session.

use crate::config::{Handshakes, JsonNames, LineForm, Lines, LogRule, Pattern, Role};
use memchr::{memchr, memchr_iter, memmem};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// The longest header that a syslog daemon writes before a line: a host's name of 255 bytes, a program's of 48, and the time.
const HEADER_MAX_BYTES: usize = 400;

/// What a line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// A new session.
    Session,
    /// A request on a session that is known, or on a connection without TLS.
    Other,
    /// It is a line of something else, between those of the configured format: these are known by a text in them, or by an object.
    Beside,
    /// It is no line of the configured format, or may be one that a client made up.
    Foreign,
}

/// The fields that matter; `None` where the line has no such field.
#[derive(Debug, Default, PartialEq)]
struct Fields<'a> {
    protocol: Option<Cow<'a, [u8]>>,
    requests: Option<Cow<'a, [u8]>>,
    stream: Option<Cow<'a, [u8]>>,
    resumed: Option<Cow<'a, [u8]>>,
}

/// Reads one line, without its newline.
#[must_use]
pub fn read(rule: &LogRule, line: &[u8]) -> Told {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let fields = match &rule.form {
        LineForm::Pattern(pattern) => match memmem::find(line, &pattern.lead) {
            Some(at) => behind_lead(pattern, line, at).and_then(|rest| fit(pattern, rest)),
            None => return Told::Beside,
        },
        LineForm::Json(names) => match memchr(b'{', line).and_then(|at| line.get(at..)) {
            Some(object) => json(names, object),
            None => return Told::Beside,
        },
    };
    fields.and_then(|fields| judge(rule, &fields)).unwrap_or(Told::Foreign)
}

/// `None` where a field says what it can't.
fn judge(rule: &LogRule, fields: &Fields<'_>) -> Option<Told> {
    let protocol = fields.protocol.as_deref().unwrap_or_default();
    if matches!(protocol, b"" | b"-") {
        return Some(Told::Other);
    }
    if !protocol.starts_with(b"TLS") && !protocol.starts_with(b"SSL") {
        return None;
    }
    if rule.lines == Lines::Requests {
        let number_on_connection = number(fields.requests.as_deref()?)?;
        let is_first = match fields.stream.as_deref().unwrap_or_default() {
            b"" | b"-" => number_on_connection == rule.first,
            // Apache's number says nothing with HTTP/2; the first stream that most clients open is 1.
            stream => number(stream)? == 1,
        };
        if !is_first {
            return Some(Told::Other);
        }
    }
    let resumed = matches!(fields.resumed.as_deref(), Some(b"r" | b"Resumed" | b"1" | b"true"));
    Some(if resumed && rule.handshakes == Handshakes::Full { Told::Other } else { Told::Session })
}

fn number(text: &[u8]) -> Option<u64> {
    crate::sources::digits(std::str::from_utf8(text).ok().filter(|text| !text.is_empty())?)
}

/// What follows the text by which a line is known, where that stands at its front. Anywhere else a client may have written it, in a
/// path or a header; and a line that was cut short behind what a client wrote has nothing else.
fn behind_lead<'a>(pattern: &Pattern, line: &'a [u8], at: usize) -> Option<&'a [u8]> {
    if !pattern.lead.is_empty() && !is_syslog_header(line.get(..at)?) {
        return None;
    }
    line.get(at + pattern.lead.len()..)
}

/// Whether this is nothing but what a syslog daemon writes before a message: nothing, a priority, a header that ends with its first
/// colon and space (RFC 3164), or one of seven words of which the last is `-` (RFC 5424).
fn is_syslog_header(text: &[u8]) -> bool {
    let rest = match text.strip_prefix(b"<") {
        Some(inner) => match memchr(b'>', inner).and_then(|end| inner.split_at_checked(end)) {
            Some((digits, rest)) if digits.iter().all(u8::is_ascii_digit) => {
                rest.get(1..).unwrap_or_default()
            }
            _ => return false,
        },
        None => text,
    };
    if rest.is_empty() {
        return true;
    }
    if text.len() > HEADER_MAX_BYTES {
        return false;
    }
    let is_old = memmem::find(rest, b": ").is_some_and(|at| at + 2 == rest.len());
    let is_new = rest.starts_with(b"1 ") && rest.ends_with(b" - ") && memchr_iter(b' ', rest).count() == 7;
    is_old || is_new
}

/// The fields of a line that fits the pattern, from behind its lead on.
fn fit<'a>(pattern: &Pattern, line: &'a [u8]) -> Option<Fields<'a>> {
    let mut rest = line;
    let mut fields = Fields::default();
    for piece in &pattern.pieces {
        let end = match *piece.until.as_slice() {
            // Only the last field, which matters, has nothing behind it: what else a line has is behind a space.
            [] => memchr(b' ', rest).unwrap_or(rest.len()),
            [b'"', ..] => closing(&piece.until, rest).unwrap_or(usize::MAX),
            [byte] => memchr(byte, rest).unwrap_or(usize::MAX),
            ref text => memmem::find(rest, text).unwrap_or(usize::MAX),
        };
        // The last field may end with the line, where the pattern was cut short behind it.
        let (field, after) = match rest.get(..end) {
            Some(field) => (field, rest.get(end + piece.until.len()..).unwrap_or_default()),
            None if std::ptr::eq(piece, pattern.pieces.last()?) => (rest, [].as_slice()),
            None => return None,
        };
        let place = match piece.role {
            Role::Skip => None,
            Role::Protocol => Some(&mut fields.protocol),
            Role::Requests => Some(&mut fields.requests),
            Role::Stream => Some(&mut fields.stream),
            Role::Resumed => Some(&mut fields.resumed),
        };
        if let Some(place) = place {
            *place = Some(Cow::Borrowed(field));
        }
        rest = after;
    }
    Some(fields)
}

/// Where a field in quotes ends. A quote that a client wrote is none: Apache puts a backslash before it.
fn closing(until: &[u8], rest: &[u8]) -> Option<usize> {
    memmem::find_iter(rest, until).find(|end| {
        let before = rest.get(..*end).unwrap_or_default();
        before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0
    })
}

/// The fields of a JSON object.
fn json<'a>(names: &JsonNames, object: &'a [u8]) -> Option<Fields<'a>> {
    let mut deserializer = serde_json::Deserializer::from_slice(object);
    let fields = Object { names }.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    Some(fields)
}

struct Object<'n> {
    names: &'n JsonNames,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Fields<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(Text(name)) = map.next_key_seed(TextSeed)? {
            let name = std::str::from_utf8(&name).unwrap_or_default();
            let place = if name == self.names.protocol {
                &mut fields.protocol
            } else if name == self.names.requests {
                &mut fields.requests
            } else if name == self.names.resumed {
                &mut fields.resumed
            } else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if place.replace(map.next_value_seed(TextSeed)?.0).is_some() {
                return Err(A::Error::custom("a field stands twice"));
            }
        }
        Ok(fields)
    }
}

/// A string, or a number, a truth or nothing as the text for it.
struct Text<'a>(Cow<'a, [u8]>);
struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Text<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a number")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text.as_bytes())))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.as_bytes().to_vec())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(number.to_string().into_bytes())))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(if truth { b"true" } else { b"false" })))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(b"-")))
    }
}
