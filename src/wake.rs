//! What wakes the loop: the end of a slot, a clock that was set, a signal.

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use tokio::net::unix::pipe;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Why the loop woke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wake {
    /// The time has come that was waited for.
    AtTime,
    /// The wall clock was set, or the host was resumed: the way to the next slot's end is another now.
    ClockSet,
    /// The configuration is to be loaded again.
    Reload,
    /// A sample is wanted now.
    SampleNow,
    /// The agent is to end, by this signal.
    Stop(&'static str),
}

/// All that can wake the loop.
pub(crate) struct Wakes {
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
    sample: Signal,
    alarm: Alarm,
}

impl Wakes {
    /// Begins to listen for signals and for the clock.
    ///
    /// # Errors
    /// When the operating system refuses a signal handler or a timer.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Wakes {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            reload: signal(SignalKind::hangup())?,
            sample: signal(SignalKind::user_defined1())?,
            alarm: Alarm::new()?,
        })
    }

    /// Waits until the wall clock shows `at_s` (unix seconds), or for what comes before.
    ///
    /// # Errors
    /// When the timer fails.
    pub(crate) async fn next(&mut self, at_s: i64) -> io::Result<Wake> {
        self.alarm.set(at_s)?;
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Ok(Wake::Stop("SIGTERM")),
            _ = self.interrupt.recv() => Ok(Wake::Stop("SIGINT")),
            _ = self.reload.recv() => Ok(Wake::Reload),
            _ = self.sample.recv() => Ok(Wake::SampleNow),
            woken = self.alarm.ring() => woken,
        }
    }
}

/// A timer on the wall clock itself, which the kernel cancels when the clock is set or the host is resumed: one wake-up a slot,
/// at its end by whatever way the clock took there.
struct Alarm {
    timer: TimerFd,
    ready: pipe::Receiver,
}

impl Alarm {
    fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_REALTIME, flags)?;
        // A timer is waited for and read as a pipe is.
        let copy: OwnedFd = timer.as_fd().try_clone_to_owned()?;
        Ok(Alarm { timer, ready: pipe::Receiver::from_owned_fd_unchecked(copy)? })
    }

    fn set(&self, at_s: i64) -> io::Result<()> {
        let cancellable = TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
        // The moment 0 would disarm it.
        self.timer.set(Expiration::OneShot(TimeSpec::new(at_s.max(1), 0)), cancellable)?;
        Ok(())
    }

    async fn ring(&self) -> io::Result<Wake> {
        loop {
            self.ready.readable().await?;
            // More than a timer gives, so that tokio sees it emptied.
            let mut expirations = [0; 16];
            match self.ready.try_read(&mut expirations) {
                Ok(_) => return Ok(Wake::AtTime),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) if e.raw_os_error() == Some(nix::libc::ECANCELED) => return Ok(Wake::ClockSet),
                Err(e) => return Err(e),
            }
        }
    }
}
