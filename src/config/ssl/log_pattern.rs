//! The line that a server's own configuration gives to its log, taken apart: which field of a line says what.

use super::super::mistakes::{Fault, quoted};

/// HAProxy's way to number the log's lines of one connection: `http_first_req` is false for each request of HTTP/2.
pub(super) const LINE_OF_CONNECTION: &str = "var(sess.tls_line,0),add(1),set-var(sess.tls_line)";

/// What a field of a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Nothing that matters.
    Skip,
    /// The TLS protocol; `-` or nothing where the connection has no TLS.
    Protocol,
    /// The number of the request on its connection.
    Requests,
    /// The number of the HTTP/2 stream; `-` where there is none.
    Stream,
    /// Whether the session was resumed.
    Resumed,
}

/// A field and the text that ends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// What it says.
    pub role: Role,
    /// What follows it; empty where it goes to the line's end.
    pub until: Vec<u8>,
}

/// A line's pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// What the line has before its first field, or somewhere before: a syslog daemon writes a beginning of its own.
    pub lead: Vec<u8>,
    /// The fields, up to the last that matters.
    pub pieces: Vec<Piece>,
}

/// Whose words a pattern is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// nginx's `log_format`.
    Nginx,
    /// Apache's `LogFormat`.
    Apache,
    /// HAProxy's `log-format`.
    Haproxy,
}

impl Pattern {
    /// Takes a pattern apart.
    pub(super) fn parse(text: &str, dialect: Dialect) -> Result<Self, Fault> {
        let mut lead = Vec::new();
        let mut pieces: Vec<Piece> = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let field = match dialect {
                Dialect::Nginx => nginx(rest),
                Dialect::Apache => apache(rest),
                Dialect::Haproxy => haproxy(rest),
            };
            if let Some((role, length)) = field {
                if pieces.last().is_some_and(|piece| piece.until.is_empty()) {
                    let message = format!("two fields of {} stand side by side", quoted(text));
                    return Err(Fault::new(
                        message,
                        "put a space between them, in the server's configuration too",
                    ));
                }
                pieces.push(Piece { role, until: Vec::new() });
                rest = rest.get(length..).unwrap_or_default();
                continue;
            }
            let (literal, length) = escaped(rest, dialect).unwrap_or((first, first.len_utf8()));
            let into = pieces.last_mut().map_or(&mut lead, |piece| &mut piece.until);
            into.extend_from_slice(literal.encode_utf8(&mut [0; 4]).as_bytes());
            rest = rest.get(length..).unwrap_or_default();
        }
        let matters = pieces.iter().rposition(|piece| piece.role != Role::Skip).map_or(0, |last| last + 1);
        pieces.truncate(matters);
        Ok(Pattern { lead, pieces })
    }

    /// Whether a field says this.
    pub(super) fn has(&self, role: Role) -> bool {
        self.pieces.iter().any(|piece| piece.role == role)
    }
}

/// A character that the server's configuration writes in another way, and how many bytes that takes.
fn escaped(text: &str, dialect: Dialect) -> Option<(char, usize)> {
    match dialect {
        Dialect::Nginx => None,
        Dialect::Apache | Dialect::Haproxy if text.starts_with("%%") => Some(('%', 2)),
        Dialect::Apache | Dialect::Haproxy => {
            let escaped = text.strip_prefix('\\')?.chars().next()?;
            Some((escaped, 1 + escaped.len_utf8()))
        }
    }
}

fn word(text: &str, has: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !has(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// `$name` or `${name}`.
fn nginx(text: &str) -> Option<(Role, usize)> {
    let after = text.strip_prefix('$')?;
    let (name, length) = match after.strip_prefix('{') {
        Some(braced) => braced.split_once('}').map(|(name, _)| (name, name.len() + 3))?,
        None => {
            let name = word(after, |c| c.is_ascii_alphanumeric() || c == '_');
            (name, name.len() + 1)
        }
    };
    let role = match name {
        "" => return None,
        "ssl_protocol" => Role::Protocol,
        "connection_requests" => Role::Requests,
        "ssl_session_reused" => Role::Resumed,
        _ => Role::Skip,
    };
    Some((role, length))
}

/// `%h`, `%>s`, `%{Name}i`, `%!200{Name}i`.
fn apache(text: &str) -> Option<(Role, usize)> {
    let after = text.strip_prefix('%').filter(|after| !after.starts_with('%'))?;
    let conditions = word(after, |c| c.is_ascii_digit() || "!,<>".contains(c)).len();
    let rest = after.get(conditions..)?;
    let (name, rest_at) = match rest.strip_prefix('{') {
        Some(braced) => braced.split_once('}').map(|(name, _)| (name, name.len() + 2))?,
        None => ("", 0),
    };
    // `%^FU` and its like have three characters.
    let kind_length = if rest.get(rest_at..)?.starts_with('^') { 3 } else { 1 };
    let kind = rest.get(rest_at..rest_at + kind_length)?;
    let role = match (name, kind) {
        ("SSL_PROTOCOL", "x") => Role::Protocol,
        ("SSL_SESSION_RESUMED", "x") => Role::Resumed,
        ("", "k") => Role::Requests,
        ("H2_STREAM_ID", "e") => Role::Stream,
        _ => Role::Skip,
    };
    Some((role, 1 + conditions + rest_at + kind_length))
}

/// `%ci`, `%{+Q}r`, `%[expression]`.
fn haproxy(text: &str) -> Option<(Role, usize)> {
    let after = text.strip_prefix('%').filter(|after| !after.starts_with('%'))?;
    let flags = match after.strip_prefix('{') {
        Some(braced) => braced.find('}')? + 2,
        None => 0,
    };
    let rest = after.get(flags..)?;
    if let Some(bracketed) = rest.strip_prefix('[') {
        let expression = bracketed.split_once(']').map(|(expression, _)| expression)?;
        let role = match expression.trim() {
            LINE_OF_CONNECTION => Role::Requests,
            "ssl_fc_protocol" => Role::Protocol,
            "ssl_fc_is_resumed" => Role::Resumed,
            _ => Role::Skip,
        };
        return Some((role, 1 + flags + expression.len() + 2));
    }
    let name = word(rest, |c| c.is_ascii_alphabetic());
    let role = match name {
        "" => return None,
        "sslv" => Role::Protocol,
        _ => Role::Skip,
    };
    Some((role, 1 + flags + name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(text: &str, dialect: Dialect) -> String {
        let pattern = Pattern::parse(text, dialect).unwrap();
        let lead = String::from_utf8(pattern.lead).unwrap();
        let pieces = pattern
            .pieces
            .iter()
            .map(|piece| format!("<{:?}>{}", piece.role, String::from_utf8_lossy(&piece.until)));
        lead + &pieces.collect::<String>()
    }

    #[test]
    fn the_servers_own_words_are_understood() {
        let cases = [
            (
                Dialect::Nginx,
                "$remote_addr [$time_local] \"${request}\" $connection_requests $ssl_protocol $x",
                "<Skip> [<Skip>] \"<Skip>\" <Requests> <Protocol> ",
            ),
            (
                Dialect::Apache,
                "%h %>s \\\"%r\\\" %!200,304{Referer}i %k %{SSL_PROTOCOL}x %{H2_STREAM_ID}e 100%%",
                "<Skip> <Skip> \"<Skip>\" <Skip> <Requests> <Protocol> <Stream> 100%",
            ),
            (
                Dialect::Haproxy,
                "%ci:%cp\\ [%tr] %{+Q}r n=%[var(sess.tls_line,0),add(1),set-var(sess.tls_line)] tls=%sslv/%sslc",
                "<Skip>:<Skip> [<Skip>] <Skip> n=<Requests> tls=<Protocol>/",
            ),
        ];
        for (dialect, text, expect) in cases {
            assert_eq!(roles(text, dialect), expect, "{text}");
        }
        assert!(Pattern::parse("$ssl_protocol$connection_requests", Dialect::Nginx).is_err());
    }
}
