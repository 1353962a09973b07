//! How the harness notices that a program has taken a sample.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};

use super::process::Running;
use crate::time;

/// The longest time that is left to the program after its sample before the harness acts.
const REST_MAX: Duration = Duration::from_millis(300);
/// A sample that is this much late never comes.
const LATE: Duration = Duration::from_secs(15);
const SCRAPE_BOUND: Duration = Duration::from_secs(5);
const SCRAPE_MAX_BYTES: usize = 4 << 20;

/// What changes with each sample.
#[derive(Debug, Clone)]
pub(super) enum Sign {
    /// A file's modification time.
    File(PathBuf),
    /// The number of lines with these words in the program's log.
    Said(&'static str),
    /// Nothing of its own accord: the harness asks, on this port of the loopback, and that is the sample.
    Asked(u16),
}

/// The samples of one running program, one at a time.
#[derive(Debug)]
pub(super) struct Beat {
    sign: Sign,
    interval: Duration,
    last: Option<u64>,
    connection: Option<TcpStream>,
}

impl Beat {
    /// Begins to watch a program; only what changes from now on is a sample.
    pub(super) fn new(sign: Sign, interval: Duration, program: &Running) -> Beat {
        let last = fingerprint(&sign, program);
        Beat { sign, interval, last, connection: None }
    }

    /// Waits for the next sample and a moment longer, so that on return the program is asleep between two samples.
    pub(super) fn next(&mut self, program: &mut Running) -> anyhow::Result<()> {
        let rest = (self.interval / 4).min(REST_MAX);
        if let Sign::Asked(port) = self.sign {
            time::pause(self.interval - rest);
            self.scrape(port)?;
        } else {
            let (sign, last) = (&self.sign, self.last);
            let seen = time::wait_for(self.interval * 2 + LATE, || {
                let now = fingerprint(sign, program);
                (now != last || program.has_ended()).then_some(now)
            });
            if seen.is_none() || program.has_ended() {
                bail!("no sample seen; it said: {}", last_lines(&program.said()));
            }
        }
        time::pause(rest);
        // Read again: a sample that changes the sign twice is one sample.
        self.last = fingerprint(&self.sign, program);
        Ok(())
    }

    pub(super) fn skip(&mut self, program: &mut Running, samples: u32) -> anyhow::Result<()> {
        (0..samples).try_for_each(|_| self.next(program))
    }

    /// One scrape over a kept connection, as Prometheus does it.
    fn scrape(&mut self, port: u16) -> anyhow::Result<()> {
        if self.connection.is_none() {
            let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok();
            self.connection = time::wait_for(SCRAPE_BOUND, connect);
        }
        let connection = self.connection.as_mut().context("nothing listens on the port")?;
        connection.set_read_timeout(Some(SCRAPE_BOUND)).context("no timeout on a socket")?;
        connection.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").context("cannot ask")?;
        let mut answer = Vec::new();
        let mut piece = [0; 16384];
        while !answer.ends_with(b"\r\n0\r\n\r\n") {
            let length = connection.read(&mut piece).context("no whole answer")?;
            answer.extend_from_slice(piece.get(..length).unwrap_or_default());
            if length == 0 || answer.len() > SCRAPE_MAX_BYTES {
                bail!("the answer is not in chunks, or endless");
            }
        }
        Ok(())
    }
}

/// A port of the loopback that nobody listens on.
pub(super) fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr().context("no free port")?.port())
}

fn fingerprint(sign: &Sign, program: &Running) -> Option<u64> {
    match sign {
        Sign::File(path) => modified(path),
        Sign::Said(words) => {
            let lines = program.said().lines().filter(|line| line.contains(words)).count();
            u64::try_from(lines).ok().filter(|lines| *lines > 0)
        }
        Sign::Asked(_) => None,
    }
}

fn modified(path: &Path) -> Option<u64> {
    let meta = path.metadata().ok().filter(|meta| meta.len() > 0)?;
    Some((meta.mtime() * 1_000_000_000 + meta.mtime_nsec()).cast_unsigned())
}

/// The end of what a program said, on one line.
fn last_lines(said: &str) -> String {
    let mut lines: Vec<&str> = said.lines().rev().take(3).collect();
    lines.reverse();
    if lines.is_empty() { "nothing".to_owned() } else { lines.join(" / ") }
}
