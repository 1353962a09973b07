//! Dates and lengths of time, as they are typed and shown.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

const DAY_S: u64 = 86_400;

fn date(text: &str) -> Result<Date, String> {
    text.parse::<Date>().map_err(|_| format!("{text:?} is no date: write it as 2027-01-31"))
}

fn start_s(date: Date) -> Result<i64, String> {
    date.to_zoned(TimeZone::UTC).map(|z| z.timestamp().as_second()).map_err(|e| e.to_string())
}

/// The first second of a day, in UTC.
pub(super) fn first_second(text: &str) -> Result<i64, String> {
    start_s(date(text)?)
}

/// The first second after a day, in UTC: the day still counts.
pub(super) fn after(text: &str) -> Result<i64, String> {
    let next = date(text)?.checked_add(1.day()).map_err(|e| e.to_string())?;
    start_s(next)
}

/// A length of time: `90d`, `12h`, `30m`, `60s`; in seconds.
pub(super) fn length(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no length of time: write it as 90d, 12h, 30m or 60s");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        'd' => DAY_S,
        'h' => 3600,
        'm' => 60,
        's' => 1,
        _ => return Err(wrong()),
    };
    let number: u64 = text.strip_suffix(unit).and_then(|n| n.parse().ok()).ok_or_else(wrong)?;
    number.checked_mul(seconds).filter(|s| (1..=36_500 * DAY_S).contains(s)).ok_or_else(wrong)
}

/// A moment of unix seconds, as RFC 3339 writes it.
pub(super) fn moment(unix_s: i64) -> String {
    Timestamp::from_second(unix_s).map_or_else(|_| unix_s.to_string(), |t| t.to_string())
}

/// A length of time in its largest whole unit.
pub(super) fn shown(seconds: u64) -> String {
    for (unit, letter) in [(DAY_S, 'd'), (3600, 'h'), (60, 'm')] {
        if seconds > 0 && seconds.is_multiple_of(unit) {
            return format!("{}{letter}", seconds / unit);
        }
    }
    format!("{seconds}s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_as_they_are_shown() {
        for text in ["90d", "12h", "30m", "61s"] {
            assert_eq!(shown(length(text).unwrap()), text);
        }
        for wrong in ["", "90", "d", "-1d", "0s", "1w", "99999999999999999999d", "40000d", "9é"] {
            assert!(length(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_last_day_of_a_contract_still_counts() {
        assert_eq!(moment(first_second("2026-12-31").unwrap()), "2026-12-31T00:00:00Z");
        assert_eq!(moment(after("2026-12-31").unwrap()), "2027-01-01T00:00:00Z");
        assert!(after("2026-02-30").is_err());
    }
}
