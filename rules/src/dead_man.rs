//! For how long what the gate told may be believed, and when it is to be told again.
//!
//! What is told expires, so that a dead agent holds no gate open. It is never told past the next change of stage: nobody would be
//! there to tell of that. A reader has the wall clock only. So a moment that lies ahead of it by more than two clocks of one host
//! can differ is no fresh word either: the clock was set back since, which could otherwise keep an old word fresh for ever.

/// How long what is told holds, in seconds: one hour.
pub const VALID_S: i64 = 3600;
/// How long what is told outlasts the stage that it tells of, in seconds: the agent needs a moment to tell of the next one.
pub const SLACK_S: i64 = 60;
/// Told further ahead of the reader's clock than this, in seconds, it is not believed.
pub const AHEAD_MAX_S: i64 = 300;
/// So long before it expires it is told again at the latest, in seconds.
const MARGIN_S: i64 = 600;

/// When something was told, and until when it holds, in unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// When it was told.
    pub written_at: i64,
    /// From then on, its reader knows nothing.
    pub expires_at: i64,
}

/// What a reader may make of what was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It holds.
    Fresh,
    /// It is too old: the agent that told it is dead, or stuck.
    Expired,
    /// It was told in the future: the clock was set back, and nothing is known of how long ago that was.
    Ahead,
}

impl Term {
    /// The term of what is told at `now`, of a stage that will be another at `changes_at` where that is known; unix seconds.
    #[must_use]
    pub fn begun(now: i64, changes_at: Option<i64>) -> Self {
        let whole = now.saturating_add(VALID_S);
        let of_stage = changes_at.map(|at| at.max(now).saturating_add(SLACK_S));
        Term { written_at: now, expires_at: of_stage.map_or(whole, |end| end.min(whole)) }
    }

    /// What a reader whose clock shows `now` may make of it.
    #[must_use]
    pub const fn standing(&self, now: i64) -> Standing {
        if now >= self.expires_at {
            Standing::Expired
        } else if self.written_at > now.saturating_add(AHEAD_MAX_S) {
            Standing::Ahead
        } else {
            Standing::Fresh
        }
    }

    /// Whether it is to be told again at `now`: half of it is used up, or the clock was set back.
    #[must_use]
    pub const fn is_worn(&self, now: i64) -> bool {
        let half = self.expires_at.saturating_sub(self.written_at) / 2;
        now < self.written_at || now >= self.written_at.saturating_add(half)
    }

    /// When it is to be told again at the latest, in unix seconds; whoever looks more often than that needs no alarm for it.
    #[must_use]
    pub fn due_at(&self) -> i64 {
        let length = self.expires_at.saturating_sub(self.written_at);
        self.expires_at.saturating_sub(MARGIN_S.min(length / 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_told_holds_for_an_hour_and_wears_in_half_of_it() {
        let term = Term::begun(10_000, Some(1_000_000));
        assert_eq!(term.expires_at, 13_600);
        for (now, standing, worn) in [
            (9_699, Standing::Ahead, true),
            (9_700, Standing::Fresh, true),
            (9_999, Standing::Fresh, true),
            (10_000, Standing::Fresh, false),
            (11_799, Standing::Fresh, false),
            (11_800, Standing::Fresh, true),
            (13_599, Standing::Fresh, true),
            (13_600, Standing::Expired, true),
        ] {
            assert_eq!((term.standing(now), term.is_worn(now)), (standing, worn), "at {now}");
        }
        assert_eq!(term.due_at(), 13_000);
    }

    #[test]
    fn it_outlasts_its_stage_by_a_minute_at_most() {
        assert_eq!(Term::begun(1000, Some(1500)).expires_at, 1560);
        assert_eq!(Term::begun(1000, Some(900)).expires_at, 1060);
        assert_eq!(Term::begun(1000, None).expires_at, 4600);
    }

    proptest! {
        #[test]
        fn it_is_never_believed_for_longer_than_its_hour(
            now in any::<i64>(), changes_at in any::<Option<i64>>(), later in any::<i64>()
        ) {
            let term = Term::begun(now, changes_at);
            prop_assert!(term.expires_at <= now.saturating_add(VALID_S));
            prop_assert!(term.due_at() <= term.expires_at && term.due_at() >= term.written_at);
            if term.standing(later) == Standing::Fresh {
                prop_assert!(later < now.saturating_add(VALID_S));
                prop_assert!(later.saturating_add(AHEAD_MAX_S) >= now);
            }
        }
    }
}
