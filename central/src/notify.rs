//! What the service manager is told: that the server listens, how much it does, that it lives, and what ended it.
//!
//! It lives where the runtime turns and the thread that writes answers, even if only to say that the disk is full: to start anew would
//! mend no disk. Where nobody listens (`NOTIFY_SOCKET` is not set) nothing is asked, and nothing told.

use crate::metrics::Metrics;
use crate::model::ActivationState;
use crate::store::Store;
use crate::watched::Watched;
use sd_notify::NotifyState;
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked whether the store can be written, which reaches the disk.
const PROBE: Duration = Duration::from_secs(60);
/// How often the status is made anew, from what the store says of itself.
const LOOK: Duration = Duration::from_secs(10);
/// For how long the first status is waited for: one that can't be had delays no start.
const FIRST: Duration = Duration::from_secs(5);
/// A status is one line of `systemctl status`.
const STATUS_MAX_BYTES: usize = 512;

/// The server begins to start.
pub fn starting() {
    tell(&[NotifyState::Status("opening the database")]);
}

/// The server ends.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// The program ends without having done what it was to do: why, in words of which the first line is told, and the error's number
/// where the system gave one.
pub fn failed(why: &str, errno: Option<i32>) {
    let status = status_of(why);
    let mut state = vec![NotifyState::Status(&status)];
    state.extend(errno.and_then(|number| u32::try_from(number).ok()).map(NotifyState::Errno));
    tell(&state);
}

fn status_of(why: &str) -> String {
    let line = why.lines().next().unwrap_or_default();
    let line = line.get(..line.floor_char_boundary(STATUS_MAX_BYTES)).unwrap_or(line);
    format!("failed: {line}")
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(error = %error, "notify_failed");
    }
}

/// How the server does, as the service manager is told again and again.
pub struct Health {
    /// What the store is asked through, so that it is not asked more often than for others.
    pub watched: Arc<Watched>,
    /// Where things are kept.
    pub store: Arc<dyn Store>,
    /// What was counted since the start.
    pub metrics: Arc<Metrics>,
}

impl Health {
    /// The server listens: tells so, with the first status, and gives back what it has told.
    pub async fn ready(&self) -> String {
        if !is_heard() {
            return String::new();
        }
        let first = async { self.status(self.watched.writable(&*self.store).await).await };
        let status = tokio::time::timeout(FIRST, first).await.unwrap_or_else(|_| "it listens".to_owned());
        tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
        status
    }

    /// Tells for as long as the server lives; `told` is the status that was told last.
    pub async fn tell(self, mut told: String) {
        if !is_heard() {
            return;
        }
        let period = sd_notify::watchdog_enabled().filter(|period| !period.is_zero());
        let every = period.map_or(PROBE, |period| (period / 2).min(PROBE));
        loop {
            // A writer that does not answer is waited for here: then nothing is told, and the service manager begins anew.
            let writable = self.watched.writable(&*self.store).await;
            self.tell_status(writable, &mut told).await;
            if period.is_some() {
                tell(&[NotifyState::Watchdog]);
            }
            let mut left = every;
            while left > LOOK {
                tokio::time::sleep(LOOK).await;
                left = left.saturating_sub(LOOK);
                self.tell_status(writable, &mut told).await;
            }
            tokio::time::sleep(left).await;
        }
    }

    async fn tell_status(&self, writable: bool, told: &mut String) {
        let status = self.status(writable).await;
        if status != *told {
            tell(&[NotifyState::Status(&status)]);
            *told = status;
        }
    }

    async fn status(&self, writable: bool) -> String {
        if !writable {
            return "the store can't be written: look at the disk and the log".to_owned();
        }
        let Ok(figures) = self.watched.figures(&*self.store).await else {
            return "the store can't be read: look at the disk and the log".to_owned();
        };
        let active = figures.activations.iter().find(|(state, _)| *state == ActivationState::Active);
        line(active.map_or(0, |(_, count)| *count), self.metrics.accepted(), figures.alarms_open)
    }
}

/// Whether a service manager listens.
fn is_heard() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

fn line(activations: u64, reports: u64, alarms: u64) -> String {
    let many = |count: u64, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let alarms = if alarms == 0 { String::new() } else { format!(", {} to look at", many(alarms, "alarm")) };
    format!("{}, {} since the start{alarms}", many(activations, "activation"), many(reports, "report"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_counts_what_there_is_and_tells_of_alarms() {
        assert_eq!(line(1, 0, 0), "1 activation, 0 reports since the start");
        assert_eq!(line(12, 345, 1), "12 activations, 345 reports since the start, 1 alarm to look at");
    }

    #[test]
    fn what_failed_is_one_line_of_a_bounded_length() {
        assert_eq!(status_of("no room\n  look at the disk"), "failed: no room");
        let long = status_of(&"\u{e4}".repeat(400));
        assert!(long.len() <= "failed: ".len() + STATUS_MAX_BYTES && long.ends_with('\u{e4}'), "{long}");
    }
}
