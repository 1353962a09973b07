//! What the gate is to say: grace, licence and contract, each on the instance's own time.

use super::Keeper;
use highwater_rules::grace::Grace;
use highwater_rules::licence::{
    self, Claims, LicenceState, SKEW_S, Status, Verdict, contract_changes_in_s, gate, renewal_wanted_from,
};
use highwater_rules::record::Mark;

/// What the gate is to say, and what it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// The gate's stage, and which of the three it comes from.
    pub verdict: Verdict,
    /// Where the grace period stands.
    pub grace: Grace,
    /// What the licence is worth.
    pub licence: Licence,
    /// In how many seconds any of the three says something else, if nothing comes between; `None` where none will.
    pub changes_in_s: Option<i64>,
}

/// What the licence is worth, and its own dates, in unix seconds. They are neither the end of grace nor that of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence {
    /// What it is worth.
    pub state: LicenceState,
    /// Its id; `None` where there is none.
    pub id: Option<String>,
    /// The first second after it.
    pub expires_at: Option<i64>,
    /// From when on the agent asks for the next one; `None` where it does not by itself.
    pub renew_from: Option<i64>,
}

impl Keeper {
    /// Follows the licence that the instance holds now; `None` where it holds none. Whether it is this instance's, and signed by
    /// central, the caller has checked.
    pub fn follow_licence(&mut self, licence: Option<Claims>) {
        if let Some(claims) = &licence {
            let before = self.standing.clone();
            self.standing.follow_licence(claims);
            if before != self.standing {
                // A revocation must outlast the file that tells of it.
                self.forget_kept();
            }
        }
        self.licence = licence;
    }

    /// Central's time as far as the instance knows it, in unix seconds: its own time, less what that was ahead of central's clock
    /// when central answered last.
    #[must_use]
    pub fn now_s(&self) -> i64 {
        self.timeline.latest_ms.saturating_sub(self.ahead_ms).div_euclid(1000)
    }

    /// What the licence is worth now. One that was issued before the last revocation is worth nothing.
    #[must_use]
    pub fn licence_state(&self) -> LicenceState {
        match self.counted() {
            None if self.standing.revoked_at.is_some() => LicenceState::Revoked,
            counted => licence::state(counted, self.now_s()),
        }
    }

    fn counted(&self) -> Option<&Claims> {
        self.licence.as_ref().filter(|claims| self.standing.counts(claims))
    }

    /// Carries the period forward to now, and tells what the gate is to say.
    pub fn rule(&mut self, now: &Mark) -> Ruling {
        let grace = self.turn(now);
        let (now_s, grace_s) = (self.now_s(), self.timeline.anchor.grace_s);
        let state = self.licence_state();
        let contract_left_s = self.standing.contract_end.map(|end| end.saturating_sub(now_s));
        let changes = [
            grace.changes_in_s,
            self.licence_changes_in_s(state, now_s),
            contract_left_s.and_then(|left_s| contract_changes_in_s(left_s, grace_s)),
        ];
        let active = self.licence.as_ref().filter(|claims| claims.status == Status::Active);
        Ruling {
            verdict: gate(self.standing.mode, state, grace.stage, contract_left_s, grace_s),
            grace,
            licence: Licence {
                state,
                id: self.licence.as_ref().map(|claims| claims.id.clone()),
                expires_at: self.licence.as_ref().map(|claims| claims.expires_at),
                renew_from: active.map(renewal_wanted_from).filter(|from| *from != i64::MAX),
            },
            changes_in_s: changes.into_iter().flatten().min(),
        }
    }

    fn licence_changes_in_s(&self, state: LicenceState, now_s: i64) -> Option<i64> {
        let claims = self.counted()?;
        let at = match state {
            LicenceState::Valid => claims.expires_at,
            LicenceState::Missing => claims.not_before.saturating_sub(SKEW_S),
            LicenceState::Expired | LicenceState::Revoked => return None,
        };
        Some(at.saturating_sub(now_s).max(1))
    }
}
