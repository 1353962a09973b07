//! Logs, by a server's own line or a known format, cut in two anywhere: any bytes give a count, and the cut changes nothing.
#![no_main]

use highwater::config::LogRule;
use highwater::sources::ssl::access_log::tally::{Counter, TAIL_BYTES};
use libfuzzer_sys::fuzz_target;

/// Everything that a counter tells.
fn count(rule: &LogRule, pieces: &[&[u8]]) -> (String, u64, Vec<u8>, bool) {
    let mut counter = Counter::new(rule, Vec::new(), false);
    for piece in pieces {
        counter.feed(piece);
    }
    (format!("{:?}", counter.tally), counter.consumed, counter.tail, counter.in_long_line)
}

fuzz_target!(|data: &[u8]| {
    let Some((cut, bytes)) = data.split_first() else { return };
    // The first line is a format; where it is none, the formats that have a name are tried.
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let (line, log) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let own = LogRule::of_format(&String::from_utf8_lossy(line));
    let named = || ["nginx", "apache", "haproxy", "json"].into_iter().filter_map(LogRule::of_format).collect();
    for rule in own.map_or_else(named, |rule| vec![rule]) {
        let whole = count(&rule, &[log]);
        let (one, other) = log.split_at(usize::from(*cut).min(log.len()));
        assert_eq!(count(&rule, &[one, other]), whole);
        assert!(whole.1 <= log.len() as u64 && whole.2.len() <= TAIL_BYTES);
    }
});
