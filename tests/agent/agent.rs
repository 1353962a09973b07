//! A running agent: its log, its signals, its end.

use crate::line::Line;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// What is awaited comes within this, on a machine however busy.
const PATIENCE: Duration = Duration::from_secs(40);
/// The agent promises to end within this.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// An agent that a test started. It is killed with the test.
pub(crate) struct Agent {
    child: Child,
    feed: Receiver<String>,
    /// Every line so far.
    pub(crate) seen: Vec<Line>,
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // What libfaketime leaves of a process that was killed, and a later one of the same number would stumble over.
        for name in ["faketime_shm_", "sem.faketime_sem_"] {
            let _ = std::fs::remove_file(format!("/dev/shm/{name}{}", self.child.id()));
        }
    }
}

impl Agent {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (line, feed) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|text| line.send(text)));
        Agent { child, feed, seen: Vec::new() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line for which `wanted` holds.
    pub(crate) fn line(&mut self, what: &str, wanted: impl Fn(&Line) -> bool) -> Line {
        let deadline = Deadline::new(PATIENCE);
        let fresh = self.seen.len();
        loop {
            match self.feed.recv_timeout(Duration::from_millis(100)) {
                Ok(text) => {
                    let line = Line::parse(&text);
                    self.seen.push(line.clone());
                    if wanted(&line) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => panic!("it ended without {what}: {:#?}", self.seen),
            }
            assert!(!deadline.is_past(), "no {what} since line {fresh} in {:#?}", self.seen);
        }
    }

    /// The next line of an event.
    pub(crate) fn event(&mut self, name: &str) -> Line {
        self.line(name, |line| line.event() == name)
    }

    /// The next samples of slots.
    pub(crate) fn slots(&mut self, count: usize) -> Vec<Line> {
        (0..count).map(|_| self.line("sample of a slot", Line::is_slot)).collect()
    }

    /// The same, but for what was logged before this.
    pub(crate) fn whole_slots(&mut self, count: usize) -> Vec<Line> {
        self.seen.extend(self.feed.try_iter().map(|text| Line::parse(&text)));
        self.slots(count)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().cast_signed()), signal).unwrap();
    }

    /// Ends it as systemd does; gives its whole log.
    pub(crate) fn stop(mut self) -> Vec<Line> {
        self.signal(Signal::SIGTERM);
        let status = self.ended(STOP_WITHIN).expect("SIGTERM ends it within 5 s");
        assert_eq!(status.code(), Some(0), "{:#?}", self.seen);
        self.drain();
        assert_eq!(self.seen.last().unwrap().event(), "stopped");
        std::mem::take(&mut self.seen)
    }

    /// Ends it as a power cut does; gives what it had said.
    pub(crate) fn kill(mut self) -> Vec<Line> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.drain();
        std::mem::take(&mut self.seen)
    }

    fn drain(&mut self) {
        while let Ok(text) = self.feed.recv_timeout(PATIENCE) {
            self.seen.push(Line::parse(&text));
        }
    }

    fn ended(&mut self, within: Duration) -> Option<ExitStatus> {
        let deadline = Deadline::new(within);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            if deadline.is_past() {
                return None;
            }
            pause();
        }
    }
}

/// Asks until the answer is there, for as long as is sensible.
pub(crate) fn eventually<T>(what: &str, ask: impl Fn() -> Option<T>) -> T {
    let deadline = Deadline::new(PATIENCE);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(!deadline.is_past(), "{what} never came");
        pause();
    }
}

/// A moment between two questions.
pub(crate) fn pause() {
    nix::poll::poll(&mut [], 25u8).unwrap();
}

/// A bound on waiting. Nothing else here reads a clock.
struct Deadline(Instant, Duration);

impl Deadline {
    #[expect(clippy::disallowed_methods, reason = "waiting for another process is bounded by time")]
    fn new(within: Duration) -> Self {
        Deadline(Instant::now(), within)
    }

    fn is_past(&self) -> bool {
        self.0.elapsed() > self.1
    }
}
