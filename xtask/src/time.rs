//! The only place in xtask that reads a clock or sleeps.

use std::time::{Duration, Instant};

/// How often a condition is looked at while it is waited for.
const POLL: Duration = Duration::from_millis(10);

/// Sleeps for `length`.
#[expect(
    clippy::disallowed_methods,
    reason = "a tool that watches other programs has nothing else to wait for"
)]
pub(crate) fn pause(length: Duration) {
    std::thread::sleep(length);
}

/// Waits until `ready` answers with something, at most for `bound`; `None` when the bound has passed.
#[expect(clippy::disallowed_methods, reason = "the bound of a wait is counted on the monotonic clock")]
pub(crate) fn wait_for<T>(bound: Duration, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ready() {
            return Some(answer);
        }
        if start.elapsed() >= bound {
            return None;
        }
        pause(POLL);
    }
}
