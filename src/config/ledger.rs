//! `[ledger]`: how long readings are kept.

use super::DEFAULT_RETENTION_S;
use super::duration;
use super::mistakes::Fault;
use super::raw::Raw;
use super::reader::{Reader, Setting};
use highwater_rules::slot::SlotLength;

/// Longer than this no reading is kept: ten years.
const RETENTION_MAX_S: u64 = 3653 * 86_400;
/// Reports may wait this long for central: the grace period.
const GRACE_S: u64 = 90 * 86_400;
/// Within this the open day and the one before it are whole.
const TWO_DAYS_S: u64 = 2 * 86_400;

/// `[ledger] retention`.
pub(super) fn read(reader: &mut Reader, interval: Option<SlotLength>) -> Option<u64> {
    const KEY: &str = "ledger.retention";
    let Setting { value: seconds, place } = reader.take(KEY, DEFAULT_RETENTION_S, Raw::seconds)?;
    let least = interval.unwrap_or_default().seconds().unsigned_abs() * 2;
    let written = duration::write(seconds);
    let place = place.as_ref();
    if seconds > RETENTION_MAX_S {
        let fault = Fault::new(format!("{written} is longer than ten years"), "take at most \"3653d\"");
        reader.refuse(KEY, place, fault);
        return None;
    }
    if interval.is_some() && seconds < least {
        let mend = format!("take at least \"{}\"; the default is \"120d\"", duration::write(least));
        reader.refuse(KEY, place, Fault::new(format!("{written} does not hold two slots"), mend));
        return None;
    }
    if seconds < TWO_DAYS_S {
        let message = format!(
            "readings are kept for {written}: a day's peaks are then only those of the slots still kept, \
             and its coverage says so"
        );
        reader.warn(KEY, place, Fault::new(message, "keep them longer than the grace period: \"120d\""));
    } else if seconds <= GRACE_S {
        let message = format!(
            "readings are kept for {written}, not longer than the grace period of 90 days: \
             those of a report that waits for its receipt may be gone before it"
        );
        reader.warn(KEY, place, Fault::new(message, "keep them longer, such as \"120d\""));
    }
    Some(seconds)
}
