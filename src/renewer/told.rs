//! What was told last of the licence and its files: told again only when it changes.

use crate::events;
use crate::licence::Loaded;
use highwater_rules::licence::{Claims, LicenceState, Status};

/// What was told last.
#[derive(Debug, Default)]
pub(super) struct Told {
    problems: Vec<String>,
    /// The licence that counted, and what it was worth.
    licence: Option<(String, LicenceState)>,
    /// Whether anything was looked at before: what counted before the agent's start is no news.
    is_running: bool,
    slot: Option<(u64, i64)>,
}

impl Told {
    /// Tells why files do not count. Before activation there is no key to hold them to, which is no fault of theirs.
    pub(super) fn files(&mut self, loaded: &Loaded, without_keys: bool) {
        let problems: Vec<String> =
            loaded.problems.iter().filter(|_| !without_keys).map(ToString::to_string).collect();
        for (problem, error) in problems.iter().zip(&loaded.problems) {
            if !self.problems.contains(problem) {
                events::licence_unusable(error);
            }
        }
        self.problems = problems;
    }

    /// Tells of a licence that began to count, expired, was revoked, or wants another slot length.
    pub(super) fn licence(&mut self, claims: Option<&Claims>, state: LicenceState, interval_s: i64) {
        let now = claims.map(|claims| (claims.id.clone(), state));
        let is_news = self.licence != now;
        if let (true, Some(claims), Some((_, state))) = (is_news, claims, &now) {
            match state {
                LicenceState::Valid if self.is_running => events::licence_renewed(claims),
                LicenceState::Expired => events::licence_expired(claims),
                LicenceState::Revoked if claims.status == Status::Revoked => events::licence_revoked(claims),
                LicenceState::Valid | LicenceState::Missing | LicenceState::Revoked => {}
            }
        }
        self.licence = now;
        self.is_running = true;
        let pinned = claims.and_then(|claims| claims.slot_s);
        let slot = pinned.filter(|slot_s| i64::try_from(*slot_s) != Ok(interval_s)).map(|s| (s, interval_s));
        if let (true, Some((slot_s, interval_s))) = (self.slot != slot, slot) {
            events::licence_slot(slot_s, interval_s);
        }
        self.slot = slot;
    }
}
