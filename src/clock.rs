//! The one place where clocks are read.

use crate::files;
use highwater_rules::record::Mark;
use nix::time::{ClockId, clock_gettime};
use std::path::{Path, PathBuf};

const BOOT_ID_MAX_BYTES: usize = 64;
/// Clocks read further apart than this are read again: the process was put to sleep between two of them.
const READ_SPREAD_MS: i64 = 1;
const READ_TRIES: usize = 4;

/// Reads the clocks of a host.
#[derive(Debug, Clone)]
pub struct Clock {
    boot_id_path: PathBuf,
}

impl Clock {
    /// The clocks of the host whose file system is at `root`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Clock { boot_id_path: files::Root::new(root).of_kernel("proc/sys/kernel/random/boot_id") }
    }

    /// All the clocks, now.
    ///
    /// The boot id is read each time: a process can outlive a boot where a hypervisor or CRIU moves it.
    #[must_use]
    pub fn now(&self) -> Mark {
        // Where there is no boot id (no /proc at all), the clocks since boot still tell most reboots: they begin anew.
        let mut buffer = [0; BOOT_ID_MAX_BYTES];
        let boot_id = files::read_head(&self.boot_id_path, &mut buffer)
            .map_or_else(|_| "unknown".to_owned(), |id| String::from_utf8_lossy(id).trim().to_owned());
        let mut best = Reading::take();
        for _ in 1..READ_TRIES {
            if best.spread_ms <= READ_SPREAD_MS {
                break;
            }
            let again = Reading::take();
            if again.spread_ms < best.spread_ms {
                best = again;
            }
        }
        Mark { wall_ms: best.wall_ms, mono_ms: best.mono_ms, boot_ms: best.boot_ms, boot_id }
    }
}

/// One try at reading all clocks at one moment: the clock since boot is read first and last, and tells how long that moment was.
struct Reading {
    wall_ms: i64,
    mono_ms: i64,
    boot_ms: i64,
    spread_ms: i64,
}

impl Reading {
    fn take() -> Self {
        let mono_ms = millis(ClockId::CLOCK_MONOTONIC);
        let wall_ms = millis(ClockId::CLOCK_REALTIME);
        let boot_ms = millis(ClockId::CLOCK_BOOTTIME);
        let spread_ms = millis(ClockId::CLOCK_MONOTONIC) - mono_ms;
        Reading { wall_ms, mono_ms, boot_ms, spread_ms }
    }
}

/// The wall clock, in unix seconds.
#[must_use]
pub fn unix_s() -> i64 {
    millis(ClockId::CLOCK_REALTIME).div_euclid(1000)
}

/// The wall clock, in unix milliseconds.
#[must_use]
pub fn unix_ms() -> i64 {
    millis(ClockId::CLOCK_REALTIME)
}

/// `CLOCK_MONOTONIC`, in milliseconds since the boot: for how long something took.
#[must_use]
pub fn mono_ms() -> i64 {
    millis(ClockId::CLOCK_MONOTONIC)
}

/// `CLOCK_BOOTTIME`, in milliseconds since the boot, with the time in which the host was suspended: for how old something is.
#[must_use]
pub fn boot_ms() -> i64 {
    millis(ClockId::CLOCK_BOOTTIME)
}

/// `CLOCK_MONOTONIC` in microseconds, as systemd wants it.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the module that reads clocks")]
pub fn mono_us() -> i64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |t| t.tv_sec() * 1_000_000 + t.tv_nsec() / 1000)
}

#[expect(clippy::disallowed_methods, reason = "this is the module that reads clocks")]
fn millis(clock: ClockId) -> i64 {
    // These three clocks exist on every Linux since 2.6.39, and reading them cannot fail.
    clock_gettime(clock).map_or(0, |t| t.tv_sec() * 1000 + t.tv_nsec() / 1_000_000)
}
