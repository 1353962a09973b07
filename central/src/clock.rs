//! The one place where clocks are read.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The clocks of the host.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock;

impl Clock {
    /// The wall clock, in unix seconds.
    #[must_use]
    pub fn now_s(self) -> i64 {
        i64::try_from(self.since_epoch().as_secs()).unwrap_or(i64::MAX)
    }

    /// The wall clock, in unix milliseconds: for the log.
    #[must_use]
    pub fn now_ms(self) -> i64 {
        i64::try_from(self.since_epoch().as_millis()).unwrap_or(i64::MAX)
    }

    /// The clock that nobody sets: for how long something took.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the module that reads clocks")]
    pub fn monotonic(self) -> Instant {
        Instant::now()
    }

    // A clock before 1970 is a clock that was never set: zero says as much.
    #[expect(clippy::disallowed_methods, reason = "this is the module that reads clocks")]
    fn since_epoch(self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}
