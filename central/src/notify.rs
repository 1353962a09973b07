//! What the service manager is told: that the server listens, how much it does, and that it lives.
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

/// How often the status is looked at where nobody watches the server.
const LOOK: Duration = Duration::from_secs(60);

/// The server listens.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The server ends.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
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
    /// Tells for as long as the server lives.
    pub async fn tell(self) {
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return;
        }
        let period = sd_notify::watchdog_enabled().filter(|period| !period.is_zero());
        let every = period.map_or(LOOK, |period| (period / 2).min(LOOK));
        let mut told = String::new();
        loop {
            // A writer that does not answer is waited for here: then nothing is told, and the service manager begins anew.
            let status = self.status().await;
            if status != told {
                tell(&[NotifyState::Status(&status)]);
                told = status;
            }
            if period.is_some() {
                tell(&[NotifyState::Watchdog]);
            }
            tokio::time::sleep(every).await;
        }
    }

    async fn status(&self) -> String {
        if !self.watched.writable(&*self.store).await {
            return "the store can't be written: look at the disk and the log".to_owned();
        }
        let Ok(figures) = self.watched.figures(&*self.store).await else {
            return "the store can't be read: look at the disk and the log".to_owned();
        };
        let active = figures.activations.iter().find(|(state, _)| *state == ActivationState::Active);
        line(active.map_or(0, |(_, count)| *count), self.metrics.accepted(), figures.alarms_open)
    }
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
}
