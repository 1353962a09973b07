//! Counting lines out of chunks of bytes, each as soon as its newline is there.

use super::line::{self, Told};
use crate::config::LogRule;
use memchr::{memchr, memchr_iter, memrchr};

/// A longer line is no request's: it is passed over.
pub const LINE_MAX_BYTES: usize = 64 * 1024;
/// How many bytes before a place in a log tell that it is the same log.
pub const TAIL_BYTES: usize = 1024;

/// What lines came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// The lines.
    pub lines: u64,
    /// Those that tell of a new session.
    pub sessions: u64,
    /// Those of something else, between those of the configured format.
    pub beside: u64,
    /// Those that are not of the configured format and should be.
    pub foreign: u64,
}

impl Tally {
    /// Adds another.
    pub fn add(&mut self, other: Tally) {
        self.lines += other.lines;
        self.sessions += other.sessions;
        self.beside += other.beside;
        self.foreign += other.foreign;
    }
}

/// Where the reading of a log stands, and what it came to.
#[derive(Debug)]
pub struct Counter<'r> {
    rule: &'r LogRule,
    /// What was counted.
    pub tally: Tally,
    /// The bytes that are done with.
    pub consumed: u64,
    /// The last of the bytes that are done with.
    pub tail: Vec<u8>,
    /// Whether they end within a line that is too long.
    pub in_long_line: bool,
    /// A line whose newline has not come.
    held: Vec<u8>,
}

impl<'r> Counter<'r> {
    /// A counter that goes on behind `tail`.
    #[must_use]
    pub fn new(rule: &'r LogRule, tail: Vec<u8>, in_long_line: bool) -> Self {
        Counter { rule, tally: Tally::default(), consumed: 0, tail, in_long_line, held: Vec::new() }
    }

    /// Takes the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        if self.in_long_line || !self.held.is_empty() {
            let Some((head, rest)) = memchr(b'\n', bytes).and_then(|at| bytes.split_at_checked(at + 1))
            else {
                return self.hold(bytes);
            };
            self.end_held(head);
            bytes = rest;
        }
        let whole = memrchr(b'\n', bytes).map_or(0, |last| last + 1);
        let (lines, rest) = bytes.split_at_checked(whole).unwrap_or((bytes, &[]));
        let mut from = 0;
        for end in memchr_iter(b'\n', lines) {
            self.line(lines.get(from..end).unwrap_or_default());
            from = end + 1;
        }
        self.done(lines);
        self.hold(rest);
    }

    fn hold(&mut self, bytes: &[u8]) {
        if self.in_long_line {
            return self.done(bytes);
        }
        let text = if self.held.is_empty() { after_hole(bytes) } else { bytes };
        self.done(bytes.get(..bytes.len() - text.len()).unwrap_or_default());
        self.held.extend_from_slice(text);
        if self.held.len() > LINE_MAX_BYTES {
            self.in_long_line = true;
            let held = std::mem::take(&mut self.held);
            self.done(&held);
        }
    }

    /// Ends the line that was held, with its last bytes.
    fn end_held(&mut self, head: &[u8]) {
        if std::mem::take(&mut self.in_long_line) {
            self.tally.add(Tally { lines: 1, foreign: 1, ..Tally::default() });
            return self.done(head);
        }
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(head);
        self.line(held.strip_suffix(b"\n").unwrap_or(&held));
        self.done(&held);
    }

    fn line(&mut self, line: &[u8]) {
        self.tally.lines += 1;
        let line = after_hole(line);
        let told = if line.len() > LINE_MAX_BYTES { Told::Foreign } else { line::read(self.rule, line) };
        match told {
            Told::Session => self.tally.sessions += 1,
            Told::Other => {}
            Told::Beside => self.tally.beside += 1,
            Told::Foreign => self.tally.foreign += 1,
        }
    }

    fn done(&mut self, bytes: &[u8]) {
        self.consumed += bytes.len() as u64;
        keep_tail(&mut self.tail, bytes);
    }
}

/// What follows zeros at a line's beginning: where a server does not append, cutting its log off leaves a hole before what it writes
/// next.
fn after_hole(line: &[u8]) -> &[u8] {
    let hole = line.iter().position(|byte| *byte != 0).unwrap_or(line.len());
    line.get(hole..).unwrap_or_default()
}

/// Adds bytes to a tail, which keeps the last.
pub fn keep_tail(tail: &mut Vec<u8>, bytes: &[u8]) {
    let last = bytes.get(bytes.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default();
    let excess = (tail.len() + last.len()).saturating_sub(TAIL_BYTES);
    tail.drain(..excess.min(tail.len()));
    tail.extend_from_slice(last);
}

/// A number for bytes: FNV-1a.
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(format: &str, line: &str) -> Tally {
        let rule = LogRule::of_format(format).unwrap();
        let mut counter = Counter::new(&rule, Vec::new(), false);
        // However the bytes come.
        line.bytes().for_each(|byte| counter.feed(&[byte]));
        let mut whole = Counter::new(&rule, Vec::new(), false);
        whole.feed(line.as_bytes());
        assert_eq!(
            (whole.tally, whole.consumed, &whole.tail),
            (counter.tally, counter.consumed, &counter.tail)
        );
        counter.tally
    }

    #[test]
    fn the_first_request_of_a_connection_with_tls_is_a_session() {
        let cases = [
            ("nginx", "1795.1 7 1 TLSv1.3 AES r\n", 1, 0),
            ("nginx", "1795.1 7 2 TLSv1.3 AES r\n", 0, 0),
            ("nginx", "1795.1 7 1 - - .\n", 0, 0),
            ("nginx", "\0\u{7f}garbage\n", 0, 1),
            ("nginx", "1795.1 7 1 TLSv1.3 AES r", 0, 0),
            ("apache", "1.2 TLSv1.2 AES Initial 0 -\n1.2 TLSv1.2 AES Initial 1 -\n", 1, 0),
            ("apache", "1.2 TLSv1.3 AES Resumed 0 1\n1.2 TLSv1.3 AES Resumed 0 3\n", 1, 0),
            ("apache", "1.2 TLSv1.3 AES Initial 1 1\n1.2 TLSv1.3 AES Initial 0 3\n", 1, 0),
            ("haproxy", "<6>Nov 22 haproxy[1]: tls_line=1 tls=TLSv1.3 tls_resumed=0\n", 1, 0),
            ("haproxy", "tls_line=2 tls=TLSv1.3 tls_resumed=0\ntls_line=1 tls=- tls_resumed=0\n", 0, 0),
            ("haproxy", "192.0.2.7:5 [22/Nov/2026:12:35:22.972] tls/1: SSL handshake failure\n", 0, 0),
            ("haproxy", "a line that a syslog daemon cut short tls_line=1 tl\n", 0, 1),
            ("json", "{\"a\":[1],\"ssl_protocol\":\"TLSv1.3\",\"connection_requests\":1}\n", 1, 0),
            ("json", "{\"ssl_protocol\":\"TLSv1.3\",\"connection_requests\":\"2\"}\n{\"x\":\n", 0, 1),
        ];
        for (format, text, expect, foreign) in cases {
            let tally = sessions(format, text);
            assert_eq!((tally.sessions, tally.foreign), (expect, foreign), "{text}");
        }
    }

    #[test]
    fn no_client_can_hide_or_forge_a_session() {
        let of = |format: &str, line: &str| {
            let tally = sessions(format, &format!("{line}\n"));
            (tally.sessions, tally.foreign, tally.beside)
        };
        let fields = "tls_line=1 tls=TLSv1.3 tls_resumed=0";
        // At the front, after a syslog daemon's header at most, they are the server's whatever follows.
        for header in [
            "",
            "<134>",
            "Nov 22 10:00:00 edge haproxy[812]: ",
            "<134>Nov 22 10:00:00 haproxy[812]: ",
            "2026-11-22T10:00:00.123456+00:00 edge haproxy[812]: ",
            "<134>1 2026-11-22T10:00:00+00:00 edge haproxy 812 - - ",
        ] {
            assert_eq!(
                of("haproxy", &format!("{header}{fields} \"GET /?tls_line=2\"")),
                (1, 0, 0),
                "{header}"
            );
        }
        // Anywhere else they may be a client's: alone, where the line was cut short, or before the server's own.
        for before in [
            "192.0.2.7:5 [22/Nov/2026:12:35:22.972] tls \"GET /?tls_line=1 HTTP/1.1\" ",
            "192.0.2.7:5 [22/Nov/2026:12:35:22.972] tls \"GET /\" ",
            "Nov 22 10:00:00 edge haproxy[812]: agent: ",
            "Nov 22 10:00:00 edge haproxy[812]: curl ",
            "<134>1 - - ",
            "<x>",
        ] {
            assert_eq!(of("haproxy", &format!("{before}{fields}")), (0, 1, 0), "{before}");
        }
        let long = format!("{}: {fields}", "x".repeat(400));
        assert_eq!(of("haproxy", &long), (0, 1, 0));
        // Apache's quotes: the client's own have a backslash before them, and its own backslashes another.
        let own = "%h \\\"%{User-Agent}i\\\" %k %{SSL_PROTOCOL}x";
        assert_eq!(of(own, r#"::1 "x\" 0 TLSv1.3 \"" 1 TLSv1.3"#), (0, 0, 0));
        assert_eq!(of(own, r#"::1 "x\\" 0 TLSv1.3"#), (1, 0, 0));
        let twice = r#"{"ssl_protocol":"-","connection_requests":1,"ssl_protocol":"TLSv1.3"}"#;
        assert_eq!(of("json", twice), (0, 1, 0));
        assert_eq!(of("json", "192.0.2.7:5 [22/Nov/2026:12:35:22] tls/1: SSL handshake failure"), (0, 0, 1));
    }

    #[test]
    fn what_stands_behind_the_fields_is_none_of_them() {
        let full =
            LogRule { handshakes: crate::config::Handshakes::Full, ..LogRule::of_format("haproxy").unwrap() };
        for (line, expect) in [("tls_resumed=1 192.0.2.7:5\n", 0), ("tls_resumed=0 192.0.2.7:5\n", 1)] {
            let mut counter = Counter::new(&full, Vec::new(), false);
            counter.feed(format!("tls_line=1 tls=TLSv1.3 {line}").as_bytes());
            assert_eq!(counter.tally.sessions, expect, "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn where_the_bytes_are_cut_changes_nothing(
                text in "(1795\\.1 7 1 TLSv1\\.3 AES r|[\\x00x]{0,3}|\n\\x00?){0,12}",
                copies in 1_usize..9000,
                cuts in proptest::collection::vec(0_usize..200_000, 0..4),
            ) {
            let rule = LogRule::of_format("nginx").unwrap();
            let log = text.repeat(copies).into_bytes();
            let log = &log[..log.len().min(200_000)];
            let mut whole = Counter::new(&rule, Vec::new(), false);
            whole.feed(log);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(log.len())).collect();
            cuts.extend([0, log.len()]);
            cuts.sort_unstable();
            let mut pieces = Counter::new(&rule, Vec::new(), false);
            cuts.windows(2).for_each(|cut| pieces.feed(&log[cut[0]..cut[1]]));
            let of = |counter: Counter<'_>| (counter.tally, counter.consumed, counter.tail, counter.in_long_line);
            proptest::prop_assert_eq!(of(pieces), of(whole));
        }
    }

    #[test]
    fn a_hole_before_a_line_is_none_of_it() {
        let rule = LogRule::of_format("nginx").unwrap();
        let mut counter = Counter::new(&rule, Vec::new(), false);
        for _ in 0..LINE_MAX_BYTES {
            counter.feed(&[0; 7]);
        }
        counter.feed(b"\0\x001795.1 7 1 TLSv1.3 AES r\n\0\x001795.1 8 1 TLSv1.3 AES r\n");
        assert_eq!(counter.tally, Tally { lines: 2, sessions: 2, ..Tally::default() });
        assert_eq!(counter.consumed, 7 * LINE_MAX_BYTES as u64 + 54);
    }

    #[test]
    fn a_line_without_end_is_passed_over_in_bounded_memory() {
        let rule = LogRule::of_format("nginx").unwrap();
        let mut counter = Counter::new(&rule, Vec::new(), false);
        for _ in 0..100 {
            counter.feed(&[b'x'; 4096]);
        }
        assert!(counter.held.len() <= LINE_MAX_BYTES && counter.in_long_line);
        counter.feed(b"\n1795.1 7 1 TLSv1.3 AES r\n");
        assert_eq!(counter.tally, Tally { lines: 2, sessions: 1, foreign: 1, beside: 0 });
    }
}
