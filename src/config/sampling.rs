//! `[sampling]`: when and where samples are taken.

use super::Sampling;
use super::duration;
use super::mistakes::Fault;
use super::raw::Raw;
use super::reader::{Reader, Setting, absolute};
use super::zone::{self, Zone};
use highwater_rules::day::{Calendar, CalendarError};
use highwater_rules::slot::SlotLength;
use std::path::PathBuf;

/// `[sampling]`; the interval is told even where the rest is wrong.
pub(super) fn read(reader: &mut Reader, now_s: i64) -> (Option<Sampling>, Option<SlotLength>) {
    let interval = reader.take("sampling.interval", SlotLength::default(), slot_length);
    let zone = reader.take("sampling.time_zone", Zone::utc(), zone::parse);
    let root = reader.value("sampling.root", PathBuf::from("/"), absolute);
    let length = interval.as_ref().map(|i| i.value);
    let (Some(interval), Some(zone)) = (interval, zone) else { return (None, length) };
    let calendar = Calendar::new(&zone.value.name, zone.value.zone.clone(), interval.value, now_s);
    let calendar = calendar.map_err(|error| refuse_calendar(reader, &error, &interval, &zone)).ok();
    let whole =
        calendar.zip(root).map(|(calendar, root)| Sampling { interval: interval.value, calendar, root });
    (whole, length)
}

fn refuse_calendar(
    reader: &mut Reader,
    error: &CalendarError,
    interval: &Setting<SlotLength>,
    zone: &Setting<Zone>,
) {
    let CalendarError { zone: name, offset_s, length_s, fits_s } = error;
    let fault = Fault::new(
        format!(
            "an interval of {length_s} s does not divide the {offset_s} s that {name} is off UTC: \
             its days would begin in the middle of a slot"
        ),
        format!("take an interval that divides both, such as \"{}\"", duration::write(fits_s.unsigned_abs())),
    );
    match (&interval.place, &zone.place) {
        (None, Some(place)) => reader.refuse("sampling.time_zone", Some(place), fault),
        (place, _) => reader.refuse("sampling.interval", place.as_ref(), fault),
    }
}

fn slot_length(raw: &Raw) -> Result<SlotLength, Fault> {
    let seconds = raw.seconds()?;
    SlotLength::new(seconds).map_err(|_| {
        Fault::new(
            format!("a slot of {seconds} s does not fit: slots are 1 s to 1 h long and divide a day"),
            "take one such as \"1s\", \"10s\", \"1m\", \"5m\", \"15m\" or \"1h\"",
        )
    })
}
