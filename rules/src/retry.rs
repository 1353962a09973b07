//! When to push, and when to try again.

use crate::sign::sha256;

/// Pushes of a fleet are spread over this long after a day's end, in seconds.
pub const SPLAY_S: i64 = 3600;
/// After an agent's start, what waits is pushed within this long, in seconds: a fleet that boots at once must not push at once.
pub const START_SPLAY_S: i64 = 60;
/// The longest wait before the first retry, in seconds.
pub const BACKOFF_FIRST_S: i64 = 30;
/// The longest wait before any retry, in seconds.
pub const BACKOFF_MAX_S: i64 = 3600;
/// A central can't ask for a longer pause than this, in seconds.
pub const RETRY_AFTER_MAX_S: i64 = 86_400;

/// How long after a day's end an instance pushes, in seconds: always the same for it, evenly spread over a fleet.
#[must_use]
pub fn splay(instance: &str, over_s: i64) -> i64 {
    let digest = sha256(instance.as_bytes()).0;
    let number = digest.iter().take(8).fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
    i64::try_from(number % over_s.max(1).unsigned_abs()).unwrap_or(0)
}

/// How long to wait after the `failures`-th failure in a row, in seconds: exponential backoff with full jitter (any moment up to the
/// bound is as likely), so that a fleet does not come back all at once. What central asked for counts where it is longer.
#[must_use]
pub fn wait_s(failures: u32, random: u64, retry_after_s: Option<i64>) -> i64 {
    wait_from_s(BACKOFF_FIRST_S, failures, random, retry_after_s)
}

/// The same from another longest wait before the first retry, in seconds: a shorter one, where someone waits for it.
#[must_use]
pub fn wait_from_s(first_s: i64, failures: u32, random: u64, retry_after_s: Option<i64>) -> i64 {
    let first_s = first_s.clamp(1, BACKOFF_MAX_S);
    let doublings = failures.saturating_sub(1).min(16);
    let bound = (first_s << doublings).min(BACKOFF_MAX_S);
    let jittered = 1 + i64::try_from(random % bound.unsigned_abs()).unwrap_or(0);
    let asked = retry_after_s.unwrap_or(0).clamp(0, RETRY_AFTER_MAX_S);
    // Those that were told one moment by central are spread behind it, too.
    if asked > 0 { asked + jittered.min(first_s) } else { jittered }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn waits_double_to_an_hour() {
        let longest = |failures| (0..3600).map(|random| wait_s(failures, random, None)).max().unwrap();
        assert_eq!([1, 2, 3, 7, 8, 9, 40].map(longest), [30, 60, 120, 1920, 3600, 3600, 3600]);
        assert_eq!(wait_s(1, 0, None), 1);
    }

    #[test]
    fn where_someone_waits_the_first_waits_are_shorter() {
        let longest =
            |failures| (0..3600).map(|random| wait_from_s(2, failures, random, None)).max().unwrap();
        assert_eq!([1, 2, 3, 12, 40].map(longest), [2, 4, 8, 3600, 3600]);
        assert!((120..=122).contains(&wait_from_s(2, 1, 77, Some(120))));
    }

    #[test]
    fn what_central_asks_for_is_kept() {
        assert!((120..=150).contains(&wait_s(1, 77, Some(120))));
        assert!(wait_s(9, 77, Some(i64::MAX)) <= RETRY_AFTER_MAX_S + BACKOFF_FIRST_S);
        assert!(wait_s(1, 77, Some(-5)) >= 1);
    }

    #[test]
    fn a_fleet_is_spread_evenly() {
        let mut quarters = [0; 4];
        for n in 0..4000 {
            quarters[usize::try_from(splay(&format!("instance-{n}"), SPLAY_S) / 900).unwrap()] += 1;
        }
        assert!(quarters.iter().all(|n| (850..1150).contains(n)), "{quarters:?}");
    }

    proptest! {
        #[test]
        fn a_wait_is_never_nothing_and_never_for_ever(failures in 0u32.., random in any::<u64>(), asked in any::<Option<i64>>()) {
            let wait = wait_s(failures, random, asked);
            prop_assert!((1..=RETRY_AFTER_MAX_S + BACKOFF_FIRST_S).contains(&wait));
        }
    }
}
