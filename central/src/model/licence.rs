//! Licences: what was issued to whom, and what is to be issued next.

use super::{ActivationState, Contract, ContractStatus, Page};
use highwater_rules::licence::{self, Claims, Status, Subject};
use highwater_rules::sign::KeyId;

/// A licence that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence {
    /// Its number, from 1.
    pub number: i64,
    /// What it says.
    pub claims: Claims,
    /// The key that signed it first.
    pub signer: KeyId,
    /// Who had it issued: as in the audit trail.
    pub issued_by: String,
}

/// Whom a licence is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LicenceOf {
    /// An instance, by its own id or by whom central counts it for.
    Instance(String),
    /// A cluster under a contract.
    Cluster {
        /// The uid of its namespace kube-system.
        cluster: String,
        /// The contract's id.
        contract: String,
    },
}

/// Which licences to list: newest first; the cursor is the `number`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LicenceFilter {
    /// Only under this contract.
    pub contract: Option<String>,
    /// Only of this instance, by its own id or by whom central counts it for.
    pub instance: Option<String>,
    /// Which stretch.
    pub page: Page,
}

/// Why someone gets no licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unlicensed {
    /// No activation of this instance has the key.
    #[error("no activation of this instance has this key: activate the instance again")]
    UnknownKey,
    /// The activation is not active.
    #[error("the activation is {0}: ask whoever runs central")]
    Activation(ActivationState),
    /// The contract was taken back.
    #[error("the contract is revoked: ask whoever runs central")]
    Revoked,
    /// The contract's first second lies ahead.
    #[error("the contract has not begun: ask again when it has")]
    NotBegun {
        /// Its first second.
        from: i64,
    },
    /// The contract's last second has passed.
    #[error("the contract has ended: ask whoever runs central for a longer one")]
    Ended,
    /// Two thirds of the term of the one that it holds have not passed.
    #[error("two thirds of the licence's term have not passed: the one that is there holds")]
    Early {
        /// From when on it is renewed.
        allowed_from: i64,
    },
}

impl Unlicensed {
    /// The name that JSON uses.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Unlicensed::UnknownKey => "unknown_key",
            Unlicensed::Activation(_) => "activation_not_active",
            Unlicensed::Revoked => "contract_revoked",
            Unlicensed::NotBegun { .. } => "contract_not_begun",
            Unlicensed::Ended => "contract_ended",
            Unlicensed::Early { .. } => "early",
        }
    }
}

/// What a licensee's next licence is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// The last one is good.
    Good {
        /// From this second on, a fresh one is offered.
        until: i64,
    },
    /// A new one is to be issued: one that gives the right, or one that takes it away.
    Issue(Status),
    /// The last one takes the right away. It is told again and again, as nobody knows whether it arrived.
    Repeat,
    /// None.
    Denied(Unlicensed),
}

impl Due {
    /// From which second on there is something to offer, as far as can be known now; `None` where there is at any time.
    #[must_use]
    pub const fn offered_from(self) -> Option<i64> {
        match self {
            Due::Good { until } => Some(until),
            Due::Denied(Unlicensed::NotBegun { from }) => Some(from),
            Due::Denied(_) => Some(i64::MAX),
            Due::Issue(_) | Due::Repeat => None,
        }
    }
}

/// Who may have a licence, and under what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licensee {
    /// The instance or the cluster.
    pub subject: Subject,
    /// Whom central counts it for; a cluster's own id.
    pub identity: String,
    /// The activation's state; a cluster's is active.
    pub state: ActivationState,
    /// The contract.
    pub contract: Contract,
    /// When the one instance of a cluster that this is asked for was last given, or taken, a licence of its own: what the cluster was
    /// given before, that instance takes for the older word. In unix seconds.
    pub own_issued_at: Option<i64>,
}

impl Licensee {
    /// What its next licence is to be, after the last one that was issued to it.
    #[must_use]
    pub fn due(&self, last: Option<&Claims>, now_s: i64) -> Due {
        if self.contract.status == ContractStatus::Revoked || self.state == ActivationState::Deleted {
            let told = last.is_some_and(|l| l.status == Status::Revoked && l.contract == self.contract.id);
            return if told { Due::Repeat } else { Due::Issue(Status::Revoked) };
        }
        if self.state != ActivationState::Active {
            return Due::Denied(Unlicensed::Activation(self.state));
        }
        if self.contract.not_after.is_some_and(|end| end <= now_s) {
            return Due::Denied(Unlicensed::Ended);
        }
        if let Some(from) = self.contract.not_before.filter(|from| *from > now_s) {
            return Due::Denied(Unlicensed::NotBegun { from });
        }
        let Some(last) = last.filter(|last| self.is_as_agreed(last)) else {
            return Due::Issue(Status::Active);
        };
        let until = offered_from(last);
        if until <= now_s { Due::Issue(Status::Active) } else { Due::Good { until } }
    }

    /// Whether a licence says what one that is issued now would, but for its dates.
    fn is_as_agreed(&self, last: &Claims) -> bool {
        let now = self.claims(last.id.clone(), last.status, None, last.issued_at);
        let said = Claims { not_before: last.not_before, expires_at: last.expires_at, ..now };
        let length_s = last.expires_at.saturating_sub(last.issued_at);
        let term_s = licence::term_s(last.mode, last.subject.is_cluster(), self.contract.licence_term_s);
        let shortened = last.mode == licence::Mode::Online && length_s > term_s;
        let believed = self.own_issued_at.is_none_or(|at| last.issued_at > at);
        last.status == Status::Active && said == *last && !shortened && believed
    }

    /// A new licence. It is issued later than the last one whatever the clock says, as the later of two counts.
    #[must_use]
    pub fn claims(&self, id: String, status: Status, last: Option<&Claims>, now_s: i64) -> Claims {
        let contract = &self.contract;
        let mode = contract.mode.into();
        let before = last.map(|last| last.issued_at).max(self.own_issued_at);
        let issued_at = before.map_or(now_s, |before| now_s.max(before.saturating_add(1)));
        let (not_before, expires_at) = match status {
            Status::Revoked => (issued_at, issued_at),
            Status::Active => licence::term(
                mode,
                self.subject.is_cluster(),
                contract.licence_term_s,
                contract.not_after,
                issued_at,
            ),
        };
        Claims {
            id,
            issued_at,
            not_before,
            expires_at,
            subject: self.subject.clone(),
            identity: self.identity.clone(),
            contract: contract.id.clone(),
            product: shown(&contract.product),
            customer: shown(&contract.customer),
            email: contract.email.clone(),
            mode,
            status,
            features: contract.features.clone(),
            limits: contract.limits.clone(),
            grace_s: contract.grace_s,
            slot_s: contract.slot_s,
            contract_end: contract.not_after,
        }
    }
}

/// Older versions let a contract's names hold what a licence must not.
fn shown(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// From which second on a fresh one is offered. One that goes as far as its contract can't be bettered.
fn offered_from(last: &Claims) -> i64 {
    let ends_with_contract = last.contract_end.is_some_and(|end| last.expires_at >= end);
    let wanted = if ends_with_contract { i64::MAX } else { licence::renewal_wanted_from(last) };
    wanted.min(last.expires_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Mode, NewContract};
    use highwater_rules::licence::Limits;

    const NOW: i64 = 1_795_000_000;
    const DAY: i64 = 86_400;
    const ID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

    fn licensee(change: impl FnOnce(&mut Licensee)) -> Licensee {
        let new = NewContract {
            product: "P".to_owned(),
            customer: "C".to_owned(),
            mode: Mode::Online,
            not_before: None,
            not_after: None,
            grace_s: 60,
            block_unconfirmed_s: 60,
            email: Some("a@b".to_owned()),
            features: vec!["waf".to_owned()],
            limits: Limits::default(),
            licence_term_s: None,
            slot_s: None,
        };
        let mut one = Licensee {
            subject: Subject::Instance(ID.to_owned()),
            identity: ID.to_owned(),
            state: ActivationState::Active,
            contract: new.contract("c".to_owned(), NOW),
            own_issued_at: None,
        };
        change(&mut one);
        one
    }

    fn issued(to: &Licensee) -> Claims {
        to.claims("1".to_owned(), Status::Active, None, NOW)
    }

    #[test]
    fn what_was_agreed_otherwise_since_brings_a_fresh_licence() {
        let before = licensee(|_| {});
        let last = issued(&before);
        assert_eq!(before.due(Some(&last), NOW), Due::Good { until: NOW + 7 * DAY });
        let changes: [fn(&mut Licensee); 11] = [
            |l| l.contract.id = "d".to_owned(),
            |l| l.contract.product = "Q".to_owned(),
            |l| l.contract.customer = "D".to_owned(),
            |l| l.contract.email = None,
            |l| l.contract.mode = Mode::Offline,
            |l| l.contract.features.clear(),
            |l| l.contract.limits.ssl_tps = Some(1),
            |l| l.contract.grace_s = 61,
            |l| l.contract.slot_s = Some(300),
            |l| l.contract.not_after = Some(NOW + 999 * DAY),
            |l| l.contract.licence_term_s = Some(60),
        ];
        for change in changes {
            let since = licensee(change);
            assert_eq!(since.due(Some(&last), NOW), Due::Issue(Status::Active), "{:?}", since.contract);
            let next = since.claims("2".to_owned(), Status::Active, Some(&last), NOW);
            assert!(next.replaces(&last), "even in the same second");
            assert!(matches!(since.due(Some(&next), NOW), Due::Good { .. }), "{:?}", since.contract);
        }
        let longer = licensee(|l| l.contract.licence_term_s = Some(3_000_000));
        assert!(matches!(longer.due(Some(&last), NOW), Due::Good { .. }), "that can wait for the renewal");
    }

    #[test]
    fn a_fresh_one_is_offered_three_days_before_the_end_and_never_where_it_would_be_no_longer() {
        let one = licensee(|_| {});
        let last = issued(&one);
        assert_eq!(one.due(Some(&last), NOW + 7 * DAY - 1), Due::Good { until: NOW + 7 * DAY });
        assert_eq!(one.due(Some(&last), NOW + 7 * DAY), Due::Issue(Status::Active));
        let ends = licensee(|l| l.contract.not_after = Some(NOW + 2 * DAY));
        let last = issued(&ends);
        assert_eq!(ends.due(Some(&last), NOW + 2 * DAY - 1), Due::Good { until: NOW + 2 * DAY });
        assert_eq!(ends.due(Some(&last), NOW + 2 * DAY), Due::Denied(Unlicensed::Ended));
        let offline = licensee(|l| l.contract.mode = Mode::Offline);
        let last = issued(&offline);
        assert_eq!(offline.due(Some(&last), last.expires_at - 1), Due::Good { until: last.expires_at });
        assert_eq!(offline.due(Some(&last), last.expires_at), Due::Issue(Status::Active));
    }

    #[test]
    fn a_revocation_is_issued_once_and_told_until_it_is_taken_back() {
        for take_back in [(|l| l.contract.status = ContractStatus::Revoked) as fn(&mut Licensee), |l| {
            l.state = ActivationState::Deleted;
        }] {
            let good = licensee(|_| {});
            let last = issued(&good);
            let revoked = licensee(take_back);
            assert_eq!(revoked.due(Some(&last), NOW), Due::Issue(Status::Revoked));
            assert_eq!(revoked.due(None, NOW), Due::Issue(Status::Revoked));
            let word = revoked.claims("2".to_owned(), Status::Revoked, Some(&last), NOW);
            assert!(word.replaces(&last) && word.check().is_ok(), "{word:?}");
            assert_eq!(revoked.due(Some(&word), NOW + 99 * DAY), Due::Repeat);
            assert_eq!(good.due(Some(&word), NOW), Due::Issue(Status::Active));
            let again = good.claims("3".to_owned(), Status::Active, Some(&word), NOW - DAY);
            assert!(again.issued_at > word.issued_at, "with a clock that was set back, too");
        }
    }

    #[test]
    fn an_instance_that_comes_back_to_its_cluster_gets_a_licence_that_it_believes() {
        let of_cluster = licensee(|l| {
            l.subject = Subject::Cluster("k".to_owned());
            l.identity = "k".to_owned();
        });
        let last = issued(&of_cluster);
        assert_eq!(last.expires_at - last.issued_at, 7 * DAY);
        let back = |at| Licensee { own_issued_at: Some(at), ..of_cluster.clone() };
        for at in [NOW, NOW + DAY] {
            assert_eq!(back(at).due(Some(&last), NOW), Due::Issue(Status::Active));
            let fresh = back(at).claims("2".to_owned(), Status::Active, Some(&last), NOW);
            assert!(fresh.issued_at > at && fresh.replaces(&last));
            assert!(matches!(back(at).due(Some(&fresh), NOW), Due::Good { .. }), "once is enough");
        }
        assert!(matches!(back(NOW - 1).due(Some(&last), NOW), Due::Good { .. }), "it was given since");
    }

    #[test]
    fn who_is_paused_and_whose_contract_does_not_hold_gets_none() {
        let none = |change: fn(&mut Licensee), why| {
            assert_eq!(licensee(change).due(None, NOW), Due::Denied(why));
        };
        none(|l| l.state = ActivationState::Disabled, Unlicensed::Activation(ActivationState::Disabled));
        none(|l| l.state = ActivationState::Blocked, Unlicensed::Activation(ActivationState::Blocked));
        none(|l| l.contract.not_after = Some(NOW), Unlicensed::Ended);
        none(|l| l.contract.not_before = Some(NOW + 1), Unlicensed::NotBegun { from: NOW + 1 });
    }

    #[test]
    fn the_largest_contract_fits_into_a_licence() {
        let large = licensee(|l| {
            l.contract.product = "\u{1f30a}".repeat(200);
            l.contract.customer = "\"".repeat(200);
            l.contract.email = Some(format!("{}@b", "x".repeat(252)));
            l.contract.features = (0..32).map(|n| format!("{n:064}")).collect();
            l.contract.limits.throughput_tier = Some("\u{1f30a}".repeat(200));
        });
        assert_eq!(large.contract.check(), Ok(()));
        assert_eq!(issued(&large).check(), Ok(()));
    }
}
