//! How often each event was logged.

use crate::config::LogLevel;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

const LEVELS: [LogLevel; 4] = [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug];

/// How often an event was logged since the agent's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Logged {
    /// The event.
    pub(crate) event: String,
    /// At which level.
    pub(crate) level: &'static str,
    /// How often.
    pub(crate) count: u64,
}

/// The counts. There are as many as the source has events.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<BTreeMap<String, [u64; LEVELS.len()]>>);

impl Tally {
    pub(super) fn add(&self, event: &str, level: LogLevel) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = LEVELS.iter().position(|one| *one == level);
        if !counts.contains_key(event) {
            counts.insert(event.to_owned(), [0; LEVELS.len()]);
        }
        let count = counts.get_mut(event).zip(at).and_then(|(levels, at)| levels.get_mut(at));
        if let Some(count) = count {
            *count = count.saturating_add(1);
        }
    }

    pub(super) fn all(&self) -> Vec<Logged> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let each = |(event, levels): (&String, &[u64; LEVELS.len()])| {
            let event = event.clone();
            let of = LEVELS.iter().zip(*levels).filter(|(_, count)| *count > 0);
            of.map(move |(level, count)| Logged { event: event.clone(), level: level.word(), count })
                .collect::<Vec<_>>()
        };
        counts.iter().flat_map(each).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_counted_for_each_of_its_levels() {
        let tally = Tally::default();
        for (event, level) in
            [("b", LogLevel::Warn), ("a", LogLevel::Info), ("b", LogLevel::Error), ("b", LogLevel::Warn)]
        {
            tally.add(event, level);
        }
        let logged = |event: &str, level, count| Logged { event: event.to_owned(), level, count };
        assert_eq!(tally.all(), [logged("a", "info", 1), logged("b", "error", 1), logged("b", "warn", 2)]);
    }
}
