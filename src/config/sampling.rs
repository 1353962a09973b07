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
    let burst = reader.take("sampling.burst", None, window);
    let zone = reader.take("sampling.time_zone", Zone::utc(), zone::parse);
    let root = reader.value("sampling.root", PathBuf::from("/"), absolute);
    let length = interval.as_ref().map(|i| i.value);
    let burst = burst.and_then(|burst| fitting(reader, &burst, length));
    let (Some(interval), Some(zone)) = (interval, zone) else { return (None, length) };
    let calendar = Calendar::new(&zone.value.name, zone.value.zone.clone(), interval.value, now_s);
    let calendar = calendar.map_err(|error| refuse_calendar(reader, &error, &interval, &zone)).ok();
    let whole = calendar.zip(root).zip(burst).map(|((calendar, root), burst)| Sampling {
        interval: interval.value,
        burst,
        calendar,
        root,
    });
    (whole, length)
}

/// Sub-windows that fill the slot; `None` where they don't, which has been told then.
fn fitting(
    reader: &mut Reader,
    burst: &Setting<Option<SlotLength>>,
    interval: Option<SlotLength>,
) -> Option<Option<SlotLength>> {
    let (Some(window), Some(interval)) = (burst.value, interval) else { return Some(burst.value) };
    if window < interval && interval.seconds() % window.seconds() == 0 {
        return Some(Some(window));
    }
    let slot = duration::write(interval.seconds().unsigned_abs());
    let window = duration::write(window.seconds().unsigned_abs());
    let fault = Fault::new(
        format!("sub-windows of {window} do not divide a slot of {slot}"),
        "take one that goes several times into the interval, such as \"10s\" into \"5m\", or leave the key out",
    );
    reader.refuse("sampling.burst", burst.place.as_ref(), fault);
    None
}

fn window(raw: &Raw) -> Result<Option<SlotLength>, Fault> {
    let seconds = raw.seconds()?;
    SlotLength::new(seconds).map(Some).map_err(|_| {
        Fault::new(
            format!("a sub-window of {seconds} s does not fit: it is 1 s long or more and divides a day"),
            "take one such as \"1s\", \"5s\", \"10s\", \"30s\" or \"1m\"",
        )
    })
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
