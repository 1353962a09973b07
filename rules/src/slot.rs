//! Slots: equal intervals of UTC, on a grid that all hosts share.

/// The longest slot: one hour.
pub const SLOT_LONGEST_S: u32 = 3600;
/// The slot's length unless the operator or a licence says otherwise.
pub const SLOT_DEFAULT_S: u32 = 300;
const DAY_S: u32 = 86_400;

/// A slot length that does not fit the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a slot of {seconds} s does not fit: it must be a whole number of seconds from 1 to 3600 that divides a day, \
     such as 1, 10, 60, 300, 900 or 3600"
)]
pub struct SlotLengthError {
    /// The length that was asked for.
    pub seconds: u64,
}

/// The length of a slot: whole seconds, from 1 s to 1 h, a divisor of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotLength(u32);

impl Default for SlotLength {
    fn default() -> Self {
        SlotLength(SLOT_DEFAULT_S)
    }
}

impl SlotLength {
    /// A slot of `seconds`.
    ///
    /// # Errors
    /// When it is zero, longer than an hour, or no divisor of a day.
    pub fn new(seconds: u64) -> Result<Self, SlotLengthError> {
        match u32::try_from(seconds) {
            Ok(s) if (1..=SLOT_LONGEST_S).contains(&s) && DAY_S.is_multiple_of(s) => Ok(SlotLength(s)),
            _ => Err(SlotLengthError { seconds }),
        }
    }

    /// In seconds.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0 as i64
    }

    /// In milliseconds.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0 as i64 * 1000
    }

    /// The slot in which a moment lies, given in unix seconds.
    #[must_use]
    pub const fn slot_at(self, unix_s: i64) -> Slot {
        Slot(unix_s.div_euclid(self.seconds()))
    }

    /// The last slot that had ended at a moment, given in unix milliseconds: the one that a sample taken then stands for.
    #[must_use]
    pub const fn ended_by(self, unix_ms: i64) -> Slot {
        Slot(unix_ms.div_euclid(self.millis()) - 1)
    }
}

/// A slot's number: `floor(unix_seconds / length)` of any moment in it. It means something only beside its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub i64);

impl Slot {
    /// Its first second, in unix seconds.
    #[must_use]
    pub const fn start(self, length: SlotLength) -> i64 {
        self.0.saturating_mul(length.seconds())
    }

    /// Its end (the next slot's first second), in unix seconds. A sample is taken then, and readings are told with it.
    #[must_use]
    pub const fn end(self, length: SlotLength) -> i64 {
        self.next().start(length)
    }

    /// The slot after it.
    #[must_use]
    pub const fn next(self) -> Slot {
        Slot(self.0.saturating_add(1))
    }

    /// The slot before it.
    #[must_use]
    pub const fn previous(self) -> Slot {
        Slot(self.0.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_divisors_of_a_day_up_to_an_hour_are_slot_lengths() {
        let good: Vec<u64> = (0..=90_000).filter(|s| SlotLength::new(*s).is_ok()).collect();
        assert_eq!(good.first(), Some(&1));
        assert_eq!(good.last(), Some(&3600));
        assert!(good.iter().all(|s| 86_400 % s == 0));
        assert_eq!(good.len(), (1..=3600).filter(|s| 86_400 % s == 0).count());
        assert!(SlotLength::new(u64::MAX).is_err());
    }

    #[test]
    fn five_minute_slots_are_numbered_as_the_design_says() {
        let five = SlotLength::default();
        assert_eq!(five.slot_at(0), Slot(0));
        assert_eq!(five.slot_at(299), Slot(0));
        assert_eq!(five.slot_at(300), Slot(1));
        assert_eq!(five.slot_at(-1), Slot(-1));
        assert_eq!(five.ended_by(300_000), Slot(0));
        assert_eq!(five.ended_by(299_999), Slot(-1));
    }

    proptest! {
        #[test]
        fn a_slot_holds_its_start_and_not_its_end(unix in -4_000_000_000i64..4_000_000_000, pick in 0usize..60) {
            let lengths: Vec<u64> = (1..=3600).filter(|s| 86_400 % s == 0).collect();
            let length = SlotLength::new(lengths[pick % lengths.len()]).unwrap();
            let slot = length.slot_at(unix);
            prop_assert!(slot.start(length) <= unix && unix < slot.end(length));
            prop_assert_eq!(length.slot_at(slot.start(length)), slot);
            prop_assert_eq!(length.slot_at(slot.end(length)), slot.next());
            prop_assert_eq!(length.ended_by(slot.end(length) * 1000), slot);
        }
    }
}
