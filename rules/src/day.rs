//! Billing days: the days of UTC or of an IANA time zone, with their 23 and 25 hours.

use crate::slot::{Slot, SlotLength};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// How far around now the zone's offsets are held against the slot grid: any change a tz database foretells lies in here.
const OFFSETS_CHECKED_DAYS: i64 = 3 * 366;
/// Bounds that check: a zone has at most a few changes a year.
const OFFSETS_CHECKED_MAX: usize = 64;

/// A time zone whose days do not begin on the slot grid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a slot of {length_s} s does not divide the offset of {zone} from UTC ({offset_s} s): \
     its days would begin in mid-slot; take an interval that divides both, such as {fits_s}s"
)]
pub struct CalendarError {
    /// The zone's name.
    pub zone: String,
    /// Its offset from UTC, in seconds.
    pub offset_s: i64,
    /// The slot's length, in seconds.
    pub length_s: i64,
    /// The longest slot that would fit.
    pub fits_s: i64,
}

/// A billing day: its date in its zone, and the half-open span of UTC that it covers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BillingDay {
    /// Its date, as the zone's calendar writes it.
    pub date: Date,
    /// Its first second, in unix seconds.
    pub start: i64,
    /// The next day's first second, in unix seconds.
    pub end: i64,
}

impl BillingDay {
    /// Whether a slot belongs to this day: it does when it begins in it.
    #[must_use]
    pub fn holds(&self, slot: Slot, length: SlotLength) -> bool {
        (self.start..self.end).contains(&slot.start(length))
    }
}

/// Which billing day a slot belongs to.
#[derive(Debug, Clone)]
pub struct Calendar {
    name: String,
    zone: TimeZone,
}

impl Calendar {
    /// The calendar of UTC, whose days all have 24 hours.
    #[must_use]
    pub fn utc() -> Self {
        Calendar { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }

    /// The calendar of a zone, loaded by the caller, as its name says it.
    ///
    /// # Errors
    /// When the slot's length does not divide an offset that the zone has around `now_s` (unix seconds): its days would
    /// begin in the middle of a slot.
    pub fn new(name: &str, zone: TimeZone, length: SlotLength, now_s: i64) -> Result<Self, CalendarError> {
        let calendar = Calendar { name: name.to_owned(), zone };
        for offset_s in calendar.offsets_around(now_s) {
            if offset_s % length.seconds() != 0 {
                let fits_s =
                    (1..=length.seconds()).rev().find(|s| 86_400 % s == 0 && offset_s % s == 0).unwrap_or(1);
                return Err(CalendarError {
                    zone: calendar.name,
                    offset_s,
                    length_s: length.seconds(),
                    fits_s,
                });
            }
        }
        Ok(calendar)
    }

    fn offsets_around(&self, now_s: i64) -> Vec<i64> {
        let now = timestamp(now_s);
        let span = SignedDuration::from_hours(24 * OFFSETS_CHECKED_DAYS);
        let from = now.checked_sub(span).unwrap_or(Timestamp::MIN);
        let until = now.checked_add(span).unwrap_or(Timestamp::MAX);
        let first = i64::from(self.zone.to_offset(from).seconds());
        let later = self
            .zone
            .following(from)
            .take(OFFSETS_CHECKED_MAX)
            .take_while(|t| t.timestamp() <= until)
            .map(|t| i64::from(t.offset().seconds()));
        std::iter::once(first).chain(later).collect()
    }

    /// The zone's name, as configured.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The time zone itself.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The day in which a moment lies, given in unix seconds.
    #[must_use]
    pub fn day_at(&self, unix_s: i64) -> BillingDay {
        self.day(self.zone.to_datetime(timestamp(unix_s)).date())
    }

    /// The day to which a slot belongs.
    #[must_use]
    pub fn day_of(&self, slot: Slot, length: SlotLength) -> BillingDay {
        self.day_at(slot.start(length))
    }

    /// The day of a date.
    #[must_use]
    pub fn day(&self, date: Date) -> BillingDay {
        let start = self.first_second(date);
        // At the calendar's very end there is no tomorrow: the day is then as long as any.
        let end = date.tomorrow().map_or(start + 86_400, |next| self.first_second(next));
        BillingDay { date, start, end }
    }

    /// The day after another.
    #[must_use]
    pub fn day_after(&self, day: &BillingDay) -> BillingDay {
        self.day_at(day.end)
    }

    fn first_second(&self, date: Date) -> i64 {
        // A midnight that a change of the clocks skips is resolved to the first moment after it, one that comes twice to
        // the earlier: that is where the date begins.
        date.to_zoned(self.zone.clone())
            .map_or_else(|_| saturated(date), |zoned| zoned.timestamp().as_second())
    }
}

fn saturated(date: Date) -> i64 {
    if date.year() < 0 { Timestamp::MIN.as_second() } else { Timestamp::MAX.as_second() }
}

/// A moment of unix seconds, brought into the range that a calendar knows (years -9999 to 9999).
#[must_use]
pub fn timestamp(unix_s: i64) -> Timestamp {
    let bounded = unix_s.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    Timestamp::from_second(bounded).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn calendar(zone: &str, slot_s: u64) -> Result<Calendar, CalendarError> {
        let tz = TimeZone::get(zone).unwrap();
        Calendar::new(zone, tz, SlotLength::new(slot_s).unwrap(), 1_795_000_000)
    }

    /// Hours of a date in a zone, and what lies at its first and last second.
    fn check(zone: &str, day: Date, hours: i64) {
        let cal = calendar(zone, 300).unwrap();
        let d = cal.day(day);
        assert_eq!(d.end - d.start, hours * 3600, "{zone} {day}");
        assert_eq!(cal.day_at(d.start), d);
        assert_eq!(cal.day_at(d.end - 1), d);
        assert_eq!(cal.day_at(d.end).date, day.tomorrow().unwrap());
        assert_eq!(cal.day_at(d.start - 1).date, day.yesterday().unwrap());
    }

    #[test]
    fn days_have_23_24_or_25_hours_as_their_zone_says() {
        check("UTC", date(2026, 3, 29), 24);
        check("Europe/Berlin", date(2026, 3, 29), 23);
        check("Europe/Berlin", date(2026, 10, 25), 25);
        check("Europe/Berlin", date(2026, 10, 26), 24);
        check("America/New_York", date(2026, 3, 8), 23);
        check("America/New_York", date(2026, 11, 1), 25);
        // Clocks change at midnight here: the day has no 00:00, or it has two.
        check("America/Havana", date(2026, 3, 8), 23);
        check("America/Havana", date(2026, 11, 1), 25);
        check("Asia/Kolkata", date(2026, 7, 1), 24);
    }

    #[test]
    fn both_passes_of_the_hour_that_comes_twice_belong_to_their_day() {
        let cal = calendar("Europe/Berlin", 300).unwrap();
        let day = cal.day(date(2026, 10, 25));
        let length = SlotLength::default();
        let slots = (day.start / 300..day.end / 300).map(Slot).filter(|s| day.holds(*s, length)).count();
        assert_eq!(slots, 300);
    }

    #[test]
    fn a_slot_that_straddles_midnight_of_the_zone_is_refused_with_one_that_fits() {
        let err = calendar("Asia/Kathmandu", 3600).unwrap_err();
        assert_eq!((err.offset_s, err.fits_s), (20_700, 900));
        assert!(calendar("Asia/Kathmandu", 900).is_ok());
        assert!(calendar("Asia/Kolkata", 3600).is_err());
        assert!(calendar("Asia/Kolkata", 1800).is_ok());
        // Half an hour of summer time: only one of its two offsets is a whole hour.
        assert!(calendar("Australia/Lord_Howe", 3600).is_err());
        assert!(calendar("UTC", 3600).is_ok());
    }

    #[test]
    fn moments_beyond_the_calendar_do_not_panic() {
        for zone in ["UTC", "Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago"] {
            let cal = calendar(zone, 300).unwrap();
            for s in [i64::MIN, -400_000_000_000, 0, 253_402_300_799, 400_000_000_000, i64::MAX] {
                let day = cal.day_at(s);
                assert!(day.start <= day.end, "{zone} {s}");
            }
        }
    }
}
