//! What wakes the loop: the end of a slot, a clock that was set, a signal.

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use std::io;
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

/// Why the loop woke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// The slot has ended.
    SlotEnded,
    /// The wall clock was set, or the host was resumed: the way to the next slot's end is another now.
    ClockSet,
    /// The configuration is to be loaded again.
    Reload,
    /// A sample is wanted now.
    SampleNow,
    /// The agent is to end, by this signal.
    Stop(&'static str),
}

/// A moment so far away that only a cancellation ends the wait for it: the year 2500.
const NEVER_S: i64 = 16_725_225_600;

/// All that can wake the loop.
pub struct Wakes {
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
    sample: Signal,
    clock_set: Option<AsyncFd<TimerFd>>,
}

impl Wakes {
    /// Begins to listen for signals and for the clock.
    ///
    /// # Errors
    /// When the operating system refuses a signal handler.
    pub fn new() -> io::Result<Self> {
        Ok(Wakes {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            reload: signal(SignalKind::hangup())?,
            sample: signal(SignalKind::user_defined1())?,
            // Without it (an old kernel, a filter of system calls) a clock that was set is seen at the next slot's end.
            clock_set: clock_watch().ok(),
        })
    }

    /// Waits until a slot ends, `until_due_ms` from now, or for what comes before.
    pub async fn next(&mut self, until_due_ms: u64) -> Wake {
        let clock_set = self.clock_set.as_ref();
        let woken = tokio::select! {
            biased;
            _ = self.terminate.recv() => Wake::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Wake::Stop("SIGINT"),
            _ = self.reload.recv() => Wake::Reload,
            _ = self.sample.recv() => Wake::SampleNow,
            () = cancelled(clock_set) => Wake::ClockSet,
            () = sleep(Duration::from_millis(until_due_ms)) => Wake::SlotEnded,
        };
        if woken == Wake::ClockSet {
            // Armed anew: a cancelled timer tells of one step only.
            self.clock_set = clock_watch().ok();
        }
        woken
    }
}

/// A timer on the wall clock that is never due, and that the kernel cancels when the clock is set or the host is resumed.
fn clock_watch() -> io::Result<AsyncFd<TimerFd>> {
    let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
    let timer = TimerFd::new(ClockId::CLOCK_REALTIME, flags)?;
    let cancellable = TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
    timer.set(Expiration::OneShot(TimeSpec::new(NEVER_S, 0)), cancellable)?;
    AsyncFd::new(timer)
}

async fn cancelled(watch: Option<&AsyncFd<TimerFd>>) {
    let ready = match watch {
        Some(watch) => watch.readable().await.is_ok(),
        None => false,
    };
    if !ready {
        std::future::pending::<()>().await;
    }
}
