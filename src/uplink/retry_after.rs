//! `Retry-After`: how long central asks to be left alone.

use jiff::fmt::rfc2822::DateTimeParser;

/// The seconds that a `Retry-After` asks for (RFC 9110, section 10.2.3): a number of them, or a date. `None` where it is neither,
/// and 0 where the date has passed.
pub(super) fn seconds(value: &str, now_s: i64) -> Option<i64> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // So many digits ask for longer than anyone waits; the caller bounds it.
        return Some(value.parse().unwrap_or(i64::MAX));
    }
    // A date of HTTP is one of mail whose zone is always GMT.
    let at = DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(at.as_second().saturating_sub(now_s).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read_and_nothing_else() {
        // 784111777 is the date that RFC 9110 gives as its example.
        for (value, expect) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("99999999999999999999999", Some(i64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(777)),
            ("Sun, 06 Nov 1994 08:30:00 GMT", Some(0)),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(seconds(value, 784_111_000), expect, "{value:?}");
        }
    }
}
