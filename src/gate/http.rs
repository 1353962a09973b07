//! As much of HTTP/1.1 as the socket needs: heads of requests, one of which has a body, and answers with a short one. Pure over
//! bytes.

use std::fmt::Write as _;
use std::time::Duration;

/// How long a request may take to arrive, and its answer to be taken.
pub const REQUEST_LIMIT: Duration = Duration::from_secs(5);
/// How long a [`Control`](super::Control) may take to be answered.
pub const CONTROL_LIMIT: Duration = Duration::from_secs(120);
/// The longest head of a request, in bytes.
pub(crate) const HEAD_MAX_BYTES: usize = 8 * 1024;
const HEADERS_MAX: usize = 32;
const JSON: &str = "application/json";
/// The order that has a body.
pub(crate) const IMPORT_PATH: &str = "/v1/import";
/// The longest body, in bytes.
pub const BODY_MAX_BYTES: usize = 8 << 20;

/// The head of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// How long its body is, in bytes; only of an order that takes one.
    pub(crate) body_bytes: usize,
    /// Whether its connection stays for another one.
    pub(crate) keep_alive: bool,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// What the body is.
    pub(crate) media: &'static str,
    pub(crate) body: String,
    /// The method that would do.
    pub(crate) allow: Option<&'static str>,
}

impl Answer {
    /// An answer in JSON.
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Answer { status, media: JSON, body: body.into(), allow: None }
    }

    /// An answer that says what is wrong.
    pub(crate) fn wrong(status: u16, why: &str) -> Self {
        Answer::new(status, format!("{}\n", serde_json::json!({ "error": why })))
    }

    /// An answer to a method that does nothing here.
    pub(crate) fn wrong_method(right: &'static str) -> Self {
        Answer { allow: Some(right), ..Answer::wrong(405, &format!("the method here is {right}")) }
    }

    /// As bytes; `with_body` is false for HEAD.
    pub(crate) fn bytes(&self, keep_alive: bool, with_body: bool) -> Vec<u8> {
        let mut text = format!(
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n",
            self.status,
            reason(self.status),
            self.media,
            self.body.len()
        );
        if let Some(method) = self.allow {
            // Writing to a string cannot fail.
            let _ = write!(text, "Allow: {method}\r\n");
        }
        text.push_str(if keep_alive { "\r\n" } else { "Connection: close\r\n\r\n" });
        if with_body {
            text.push_str(&self.body);
        }
        text.into_bytes()
    }
}

const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}

/// The request at the beginning of `bytes` and its length; `None` where there is more to come.
///
/// # Errors
/// When it is no request that is taken here: the answer to it, after which nothing more can be read.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Request, usize)>, Answer> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Request::new(&mut headers);
    let length = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= HEAD_MAX_BYTES => length,
        Ok(httparse::Status::Partial) if bytes.len() < HEAD_MAX_BYTES => return Ok(None),
        Ok(_) => return Err(too_large()),
        Err(httparse::Error::TooManyHeaders) => return Err(too_large()),
        Err(error) => return Err(Answer::wrong(400, &format!("no HTTP/1 request: {error}"))),
    };
    let mut keep_alive = head.version == Some(1);
    let target = head.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let may_have_body = head.method == Some("POST") && path == IMPORT_PATH;
    let mut body_bytes = 0;
    for header in head.headers.iter() {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("content-length") {
            let text = std::str::from_utf8(header.value.trim_ascii()).unwrap_or_default();
            body_bytes = text.parse().map_err(|_| Answer::wrong(400, "Content-Length is no number"))?;
        }
        if is("transfer-encoding") || (body_bytes > 0 && !may_have_body) {
            return Err(Answer::wrong(413, "this request has no body: leave it out"));
        }
        if body_bytes > BODY_MAX_BYTES {
            return Err(Answer::wrong(413, &format!("a body has at most {BODY_MAX_BYTES} bytes")));
        }
        if is("connection") && header.value.to_ascii_lowercase().windows(5).any(|word| word == b"close") {
            keep_alive = false;
        }
    }
    let method = head.method.unwrap_or_default().to_owned();
    let (path, query) = (path.to_owned(), query.to_owned());
    Ok(Some((Request { method, path, query, body_bytes, keep_alive }, length)))
}

fn too_large() -> Answer {
    Answer::wrong(
        431,
        &format!("a request's head has at most {HEAD_MAX_BYTES} bytes and {HEADERS_MAX} headers"),
    )
}

/// What a query says: `keep_days`, which is at least 0, and whether to try only.
///
/// # Errors
/// When it says anything else.
pub(crate) fn pruning(query: &str) -> Result<(u32, bool), Answer> {
    let (mut keep_days, mut rest) = (0, Vec::new());
    for part in query.split('&') {
        match part.split_once('=') {
            Some(("keep_days", days)) => {
                keep_days =
                    days.parse().map_err(|_| Answer::wrong(400, "keep_days is a whole number of days"))?;
            }
            _ => rest.push(part),
        }
    }
    let [dry_run] = switches(&rest.join("&"), ["dry_run"])?;
    Ok((keep_days, dry_run))
}

/// What a query says of switches: each `name`, `name=1` or `name=0`, in the order of `names`.
///
/// # Errors
/// When it says anything else.
pub(crate) fn switches<const N: usize>(query: &str, names: [&str; N]) -> Result<[bool; N], Answer> {
    let mut found = [false; N];
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, "1"));
        let switch = names.iter().zip(found.iter_mut()).find(|(known, _)| **known == name);
        match (switch, value) {
            (Some((_, switch)), "1" | "true") => *switch = true,
            (Some((_, switch)), "0" | "false") => *switch = false,
            _ => {
                let known = names.join(" and ");
                return Err(Answer::wrong(400, &format!("a query here has {known}, each 0 or 1")));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(bytes: &[u8], expect: Result<Option<(&str, &str, &str, bool)>, u16>) {
        let found = parse(bytes).map_err(|answer| answer.status);
        let found = found.map(|request| request.map(|(request, _)| request));
        let expect = expect.map(|request| {
            request.map(|(method, path, query, keep_alive)| Request {
                method: method.to_owned(),
                path: path.to_owned(),
                query: query.to_owned(),
                body_bytes: 0,
                keep_alive,
            })
        });
        assert_eq!(found, expect, "{}", String::from_utf8_lossy(bytes));
    }

    #[test]
    fn heads_are_taken_apart_and_bodies_refused() {
        check(b"GET /a HTTP/1.1\r\n\r\n", Ok(Some(("GET", "/a", "", true))));
        check(b"POST /a?b=1&c HTTP/1.0\r\nHost: x\r\n\r\n", Ok(Some(("POST", "/a", "b=1&c", false))));
        check(b"GET /a HTTP/1.1\r\nconnection: Close\r\n\r\n", Ok(Some(("GET", "/a", "", false))));
        check(b"POST /a HTTP/1.1\r\nContent-Length: 0\r\n\r\n", Ok(Some(("POST", "/a", "", true))));
        check(b"", Ok(None));
        check(b"GET /a HTTP/1.1\r\nHost", Ok(None));
        check(b"POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", Err(413));
        check(b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", Err(413));
        check(b"\x16\x03\x01\x02\x00", Err(400));
        check(b"GET /a HTTP/2.0\r\n\r\n", Err(400));
    }

    #[test]
    fn one_order_has_a_body_within_bounds() {
        let of = |text: &str| {
            let head = format!("{text}\r\n\r\n");
            parse(head.as_bytes()).map(|r| r.unwrap().0.body_bytes).map_err(|answer| answer.status)
        };
        assert_eq!(of("POST /v1/import HTTP/1.1\r\nContent-Length: 77"), Ok(77));
        assert_eq!(of("POST /v1/import HTTP/1.1"), Ok(0));
        assert_eq!(
            of(&format!("POST /v1/import HTTP/1.1\r\nContent-Length: {BODY_MAX_BYTES}")),
            Ok(BODY_MAX_BYTES)
        );
        assert_eq!(
            of(&format!("POST /v1/import HTTP/1.1\r\nContent-Length: {}", BODY_MAX_BYTES + 1)),
            Err(413)
        );
        assert_eq!(of("GET /v1/import HTTP/1.1\r\nContent-Length: 77"), Err(413));
        assert_eq!(of("POST /v1/import HTTP/1.1\r\nTransfer-Encoding: chunked"), Err(413));
        for nonsense in ["-1", "x", "", "99999999999999999999999"] {
            assert_eq!(of(&format!("POST /v1/import HTTP/1.1\r\nContent-Length: {nonsense}")), Err(400));
        }
    }

    #[test]
    fn a_head_without_end_is_refused() {
        let mut long = b"GET /a HTTP/1.1\r\nX: ".to_vec();
        long.resize(HEAD_MAX_BYTES - 1, b'x');
        check(&long, Ok(None));
        long.push(b'x');
        check(&long, Err(431));
        let many = format!("GET /a HTTP/1.1\r\n{}\r\n", "X: 1\r\n".repeat(HEADERS_MAX + 1));
        check(many.as_bytes(), Err(431));
    }

    #[test]
    fn switches_are_on_off_or_wrong() {
        let of = |query: &str| switches(query, ["a", "b"]).map_err(|answer| answer.status);
        assert_eq!(of(""), Ok([false, false]));
        assert_eq!(of("b=1"), Ok([false, true]));
        assert_eq!(of("a&b=true"), Ok([true, true]));
        assert_eq!(of("a=0&b=false"), Ok([false, false]));
        assert_eq!(of("c=1"), Err(400));
        assert_eq!(of("a=yes"), Err(400));
        let of = |query: &str| pruning(query).map_err(|answer| answer.status);
        assert_eq!(of(""), Ok((0, false)));
        assert_eq!(of("keep_days=30&dry_run"), Ok((30, true)));
        assert_eq!(of("keep_days=-1"), Err(400));
        assert_eq!(of("days=1"), Err(400));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
            let head = [b"GET /v1/gate HTTP/1.1\r\n".as_slice(), &bytes].concat();
            if let Ok(Some((_, length))) = parse(&head) {
                prop_assert!(length <= head.len());
            }
        }
    }
}
