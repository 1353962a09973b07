//! What the service manager is told: that the agent is ready, how it does, and that its loop turns.
//!
//! systemd names a socket in `NOTIFY_SOCKET`; without one nothing is told, and nothing wakes. That the loop turns is said by the loop
//! itself, so that one that hangs falls silent, and is begun anew. The crate `sd-notify` would wait for ever for a manager that does
//! not read, knows no abstract sockets, and reads a clock of its own.

use crate::{clock, events};
use highwater_rules::grace::Stage;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::future::pending;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::pin::pin;
use std::time::Duration;

/// How long the loop waits at most for a service manager that does not read.
const SEND_WITHIN: Duration = Duration::from_secs(1);
const DAY_S: i64 = 86_400;
/// How much of an error is shown.
const STATUS_MAX_BYTES: usize = 512;

/// What the service manager said of itself when it started the agent.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    socket: Option<OsString>,
    watchdog_usec: Option<String>,
    watchdog_pid: Option<String>,
}

impl Asked {
    /// As the environment has it.
    pub(crate) fn read() -> Self {
        Asked {
            socket: std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()),
            watchdog_usec: std::env::var("WATCHDOG_USEC").ok(),
            watchdog_pid: std::env::var("WATCHDOG_PID").ok(),
        }
    }

    /// Half of the time after which a silent agent is taken for a hung one; `None` where this process is not watched.
    fn beat(&self, own_pid: u32) -> Option<Duration> {
        let is_own = self.watchdog_pid.as_ref().is_none_or(|pid| pid.parse() == Ok(own_pid));
        let period_us: u64 = self.watchdog_usec.as_ref().filter(|_| is_own)?.parse().ok()?;
        (period_us > 0).then(|| Duration::from_micros(period_us) / 2)
    }
}

/// Tells the service manager.
pub(crate) struct Manager {
    way: Option<Way>,
    beat: Option<Duration>,
    beat_at_ms: i64,
    status: String,
    has_failed: bool,
}

/// How it is reached.
struct Way {
    socket: UnixDatagram,
    to: SocketAddr,
}

impl Way {
    fn to(name: &OsStr) -> io::Result<Self> {
        let to = match name.as_bytes().split_first() {
            Some((b'@', rest)) => SocketAddr::from_abstract_name(rest)?,
            Some((b'/', _)) => SocketAddr::from_pathname(name)?,
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "NOTIFY_SOCKET names no Unix socket",
                ));
            }
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(SEND_WITHIN))?;
        Ok(Way { socket, to })
    }
}

impl Manager {
    /// The one that started the agent, if any.
    pub(crate) fn new(asked: &Asked) -> Self {
        let (way, has_failed) = match asked.socket.as_deref().map(Way::to).transpose() {
            Ok(way) => (way, false),
            Err(error) => {
                events::notify_failed(&error);
                (None, true)
            }
        };
        let beat = way.as_ref().and_then(|_| asked.beat(std::process::id()));
        Manager { way, beat, beat_at_ms: clock::mono_ms(), status: String::new(), has_failed }
    }

    /// Whether anyone listens: else what costs to find out need not be.
    pub(crate) fn listens(&self) -> bool {
        self.way.is_some()
    }

    /// The agent has begun, or has loaded its configuration again.
    pub(crate) fn ready(&mut self) {
        self.send("READY=1");
    }

    /// The configuration is being loaded again.
    pub(crate) fn reloading(&mut self) {
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={}", clock::mono_us()));
    }

    /// The agent ends.
    pub(crate) fn stopping(&mut self) {
        self.send("STOPPING=1");
    }

    /// The agent ends as it could not begin, or go on: why, on one line, and as the operating system numbers it.
    pub(crate) fn failed(&mut self, why: &str, errno: Option<i32>) {
        let shown = why.get(..why.floor_char_boundary(STATUS_MAX_BYTES)).unwrap_or(why);
        let number = errno.map_or_else(String::new, |errno| format!("\nERRNO={errno}"));
        self.send(&format!("STATUS={shown}{number}"));
    }

    /// How the agent does. The same is told once.
    pub(crate) fn status(&mut self, status: &Status) {
        let status = status.to_string();
        if status != self.status {
            self.send(&format!("STATUS={status}"));
            self.status = status;
        }
    }

    /// Comes when it is time to say that the loop turns; never where nobody watches.
    pub(crate) async fn beat_due(&self) {
        let Some(beat) = self.beat else { return pending().await };
        tokio::time::sleep(beat.saturating_sub(self.since_beat())).await;
    }

    fn since_beat(&self) -> Duration {
        Duration::from_millis(clock::mono_ms().saturating_sub(self.beat_at_ms).unsigned_abs())
    }

    /// The loop turns for another reason: a beat that is nearly due comes now, and wakes nobody a moment later.
    pub(crate) fn beat_early(&mut self) {
        if self.beat.is_some_and(|beat| self.since_beat() >= beat / 10 * 9) {
            self.beat();
        }
    }

    /// The loop turns.
    pub(crate) fn beat(&mut self) {
        self.beat_at_ms = clock::mono_ms();
        self.send("WATCHDOG=1");
    }

    /// Waits for what has a bound of its own, such as sources that may block, and says meanwhile that the loop turns.
    pub(crate) async fn beat_during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = self.beat_due() => self.beat(),
            }
        }
    }

    fn send(&mut self, message: &str) {
        let Some(way) = &self.way else { return };
        match way.socket.send_to_addr(message.as_bytes(), &way.to) {
            Ok(_) => self.has_failed = false,
            Err(error) if !self.has_failed => {
                self.has_failed = true;
                events::notify_failed(&error);
            }
            Err(_) => {}
        }
    }
}

/// How the agent does, on one line: what `systemctl status` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status {
    /// What the gate tells.
    pub(crate) stage: Stage,
    /// Days of grace left.
    pub(crate) days_left: i64,
    /// The end of the slot that was sampled last, in unix seconds.
    pub(crate) last_sample_at: Option<i64>,
    /// Reports that wait to be sent; `None` where the ledger can't be asked.
    pub(crate) waiting: Option<i64>,
    /// Slots that wait in memory, where the ledger can't be written; `None` where it can.
    pub(crate) unwritten: Option<usize>,
    /// Now, in unix seconds.
    pub(crate) now_s: i64,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unwritten {
            None => {}
            // The slot is written, but not what its end brings with it.
            Some(0) => f.write_str("the ledger can't be written, ")?,
            Some(1) => f.write_str("the ledger can't be written: 1 slot waits in memory, ")?,
            Some(count) => write!(f, "the ledger can't be written: {count} slots wait in memory, ")?,
        }
        if self.stage != Stage::Open {
            write!(f, "gate {}, ", self.stage.word())?;
        }
        let days = if self.days_left == 1 { "day" } else { "days" };
        write!(f, "{} {days} of grace left, ", self.days_left)?;
        match self.last_sample_at {
            None => f.write_str("no sample yet, ")?,
            Some(at) => {
                let whole = crate::log::at(at);
                // The date is told where it is another than today's.
                let of_today = at.div_euclid(DAY_S) == self.now_s.div_euclid(DAY_S);
                let shown = if of_today { whole.split_once('T').map(|(_, time)| time) } else { None };
                write!(f, "last sample {}, ", shown.unwrap_or(&whole))?;
            }
        }
        match self.waiting {
            None => f.write_str("the ledger can't be read"),
            Some(0) => f.write_str("no report waits"),
            Some(1) => f.write_str("1 report waits"),
            Some(count) => write!(f, "{count} reports wait"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stage: Stage, days_left: i64, last: Option<i64>, waiting: Option<i64>, expect: &str) {
        // 2026-11-22T12:07:00Z
        let status =
            Status { stage, days_left, last_sample_at: last, waiting, unwritten: None, now_s: 1_795_349_220 };
        assert_eq!(status.to_string(), expect);
    }

    #[test]
    fn a_ledger_that_cannot_be_written_is_told_first_with_what_waits() {
        let told = |unwritten| {
            let now_s = 1_795_349_220;
            let waiting = Some(0);
            let stage = Stage::Open;
            Status { stage, days_left: 90, last_sample_at: None, waiting, unwritten, now_s }.to_string()
        };
        let usual = told(None);
        assert!(!usual.contains("written"), "{usual}");
        for (unwritten, expect) in [
            (0, "the ledger can't be written, "),
            (1, "the ledger can't be written: 1 slot waits in memory, "),
            (43, "the ledger can't be written: 43 slots wait in memory, "),
        ] {
            assert_eq!(told(Some(unwritten)), format!("{expect}{usual}"));
        }
    }

    #[test]
    fn the_status_is_one_line_that_names_what_is_not_as_usual() {
        let at = Some(1_795_349_100);
        let usual = "90 days of grace left, last sample 12:05:00Z, 1 report waits";
        check(Stage::Open, 90, at, Some(1), usual);
        check(Stage::Open, 90, None, Some(0), "90 days of grace left, no sample yet, no report waits");
        let warning = "gate warning, 1 day of grace left, last sample 2026-11-20T12:05:00Z, 3 reports wait";
        check(Stage::Warning, 1, at.map(|at| at - 2 * DAY_S), Some(3), warning);
        let closed = "gate closed, 0 days of grace left, last sample 12:05:00Z, the ledger can't be read";
        check(Stage::Closed, 0, at, None, closed);
    }

    #[test]
    fn only_the_process_that_is_watched_beats_and_at_half_of_the_period() {
        let beat = |usec: &str, pid: Option<&str>| {
            let asked = Asked {
                socket: None,
                watchdog_usec: Some(usec.to_owned()),
                watchdog_pid: pid.map(str::to_owned),
            };
            asked.beat(7)
        };
        assert_eq!(beat("300000000", None), Some(Duration::from_secs(150)));
        assert_eq!(beat("300000000", Some("7")), Some(Duration::from_secs(150)));
        for (usec, pid) in
            [("300000000", Some("8")), ("300000000", Some("x")), ("0", None), ("-1", None), ("", None)]
        {
            assert_eq!(beat(usec, pid), None, "{usec} {pid:?}");
        }
        assert_eq!(Asked::default().beat(7), None);
    }
}
