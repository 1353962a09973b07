//! For how long a licence holds, and from when on it may be renewed. All moments are unix seconds, all terms seconds.

use super::claims::{Claims, Mode, Status};

const DAY_S: i64 = 86_400;
/// The term of an online licence, unless the contract says otherwise: 10 days.
pub const TERM_S: i64 = 10 * DAY_S;
/// The term of a cluster's online licence, unless the contract says otherwise: 7 days.
pub const CLUSTER_TERM_S: i64 = 7 * DAY_S;
/// The longest term that a contract may name, and that of an offline licence whose contract has no end: ten years.
pub const TERM_MAX_S: i64 = 3653 * DAY_S;
/// The term of an offline licence whose contract has no end.
pub const OFFLINE_TERM_S: i64 = TERM_MAX_S;
/// An online licence is renewed when less than this is left: 3 days.
pub const RENEW_WITHIN_S: i64 = 3 * DAY_S;
/// How often the agent looks whether its licence wants renewing: every 12 hours.
pub const CHECK_S: i64 = 12 * 3600;
/// So far the clocks of central and an instance may differ before a licence counts as not yet begun: 5 minutes.
pub const SKEW_S: i64 = 300;

/// What a licence is worth at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LicenceState {
    /// There is none, or it has not begun.
    Missing,
    /// It holds.
    Valid,
    /// It has ended.
    Expired,
    /// Central took it back.
    Revoked,
}

impl LicenceState {
    /// All of them.
    pub const ALL: [LicenceState; 4] =
        [LicenceState::Missing, LicenceState::Valid, LicenceState::Expired, LicenceState::Revoked];

    /// The name that logs and JSON use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            LicenceState::Missing => "missing",
            LicenceState::Valid => "valid",
            LicenceState::Expired => "expired",
            LicenceState::Revoked => "revoked",
        }
    }

    /// What a word stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        LicenceState::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// What a licence is worth at `now_s`, a moment of the holder's own time.
#[must_use]
pub fn state(licence: Option<&Claims>, now_s: i64) -> LicenceState {
    match licence {
        None => LicenceState::Missing,
        Some(claims) if claims.status == Status::Revoked => LicenceState::Revoked,
        Some(claims) if claims.expires_at <= now_s => LicenceState::Expired,
        Some(claims) if claims.not_before > now_s.saturating_add(SKEW_S) => LicenceState::Missing,
        Some(_) => LicenceState::Valid,
    }
}

/// The term of a new online licence, in seconds; `contract_s` is what the contract names.
#[must_use]
pub fn term_s(mode: Mode, is_cluster: bool, contract_s: Option<u64>) -> i64 {
    let usual = match (mode, is_cluster) {
        (Mode::Offline, _) => OFFLINE_TERM_S,
        (Mode::Online, true) => CLUSTER_TERM_S,
        (Mode::Online, false) => TERM_S,
    };
    match contract_s {
        Some(seconds) if mode == Mode::Online => {
            i64::try_from(seconds).unwrap_or(i64::MAX).clamp(1, TERM_MAX_S)
        }
        _ => usual,
    }
}

/// When a licence that is issued at `now_s` begins and ends. An online one never outlasts its contract; an offline one lasts as long
/// as its contract, or ten years where that has no end. Where the contract has ended, the term is empty: then none is issued.
#[must_use]
pub fn term(
    mode: Mode,
    is_cluster: bool,
    contract_s: Option<u64>,
    contract_end: Option<i64>,
    now_s: i64,
) -> (i64, i64) {
    let usual = now_s.saturating_add(term_s(mode, is_cluster, contract_s));
    let end = match (mode, contract_end) {
        (_, None) => usual,
        (Mode::Online, Some(end)) => usual.min(end),
        (Mode::Offline, Some(end)) => end,
    };
    (now_s, end.max(now_s))
}

/// From when on central renews it: when two thirds of its term have passed, rounded up to a second.
#[must_use]
pub fn renewal_allowed_from(claims: &Claims) -> i64 {
    let term = claims.expires_at.saturating_sub(claims.issued_at).max(0).unsigned_abs();
    claims.issued_at.saturating_add_unsigned(term.saturating_mul(2).div_ceil(3))
}

/// From when on the agent renews it: within three days of its end, and not before central would. An offline one is never renewed by
/// itself: that is `i64::MAX`.
#[must_use]
pub fn renewal_wanted_from(claims: &Claims) -> i64 {
    match claims.mode {
        Mode::Online => claims.expires_at.saturating_sub(RENEW_WITHIN_S).max(renewal_allowed_from(claims)),
        Mode::Offline => i64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::super::claims::tests::{claims, revoked};
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_795_000_000;

    #[test]
    fn a_licence_is_missing_valid_expired_or_revoked() {
        let one = claims();
        let (begin, end) = (one.not_before, one.expires_at);
        for (now, expect) in [
            (begin - 301, LicenceState::Missing),
            (begin - 300, LicenceState::Valid),
            (end - 1, LicenceState::Valid),
            (end, LicenceState::Expired),
            (i64::MAX, LicenceState::Expired),
        ] {
            assert_eq!(state(Some(&one), now), expect, "at {now}");
        }
        for now in [i64::MIN, begin, i64::MAX] {
            assert_eq!(state(Some(&revoked()), now), LicenceState::Revoked, "a revocation has no dates");
            assert_eq!(state(None, now), LicenceState::Missing);
        }
    }

    #[test]
    fn terms_are_those_of_the_documents() {
        const DAY: i64 = 86_400;
        let soon = Some(NOW + 2 * DAY);
        for (what, got, expect) in [
            ("online", term(Mode::Online, false, None, None, NOW), 10 * DAY),
            ("a cluster", term(Mode::Online, true, None, None, NOW), 7 * DAY),
            ("the contract names a term", term(Mode::Online, true, Some(60), None, NOW), 60),
            ("the contract ends before", term(Mode::Online, false, None, soon, NOW), 2 * DAY),
            ("the contract has ended", term(Mode::Online, false, None, Some(5), NOW), 0),
            ("offline", term(Mode::Offline, false, Some(60), soon, NOW), 2 * DAY),
            ("offline, no end", term(Mode::Offline, true, None, None, NOW), 3653 * DAY),
            (
                "a term of more than ten years",
                term(Mode::Online, false, Some(u64::MAX), None, NOW),
                TERM_MAX_S,
            ),
        ] {
            assert_eq!(got, (NOW, NOW + expect), "{what}");
        }
    }

    #[test]
    fn it_may_be_renewed_after_two_thirds_and_wants_to_be_three_days_before_its_end() {
        const DAY: i64 = 86_400;
        let of = |seconds: i64| Claims { expires_at: NOW + seconds, ..claims() };
        for (term, allowed, wanted) in
            [(10 * DAY, 576_000, 7 * DAY), (7 * DAY, 403_200, 403_200), (60, 40, 40), (10, 7, 7), (1, 1, 1)]
        {
            assert_eq!(renewal_allowed_from(&of(term)), NOW + allowed, "{term}");
            assert_eq!(renewal_wanted_from(&of(term)), NOW + wanted, "{term}");
        }
        assert_eq!(renewal_allowed_from(&revoked()), NOW, "what was taken back can always be replaced");
        assert_eq!(renewal_wanted_from(&Claims { mode: Mode::Offline, ..claims() }), i64::MAX);
    }

    proptest! {
        #[test]
        fn it_is_wanted_when_it_is_allowed_and_before_the_end(issued in 1i64..250_000_000_000, seconds in 3i64..TERM_MAX_S) {
            let one = Claims { issued_at: issued, not_before: issued, expires_at: issued + seconds, ..claims() };
            let (allowed, wanted) = (renewal_allowed_from(&one), renewal_wanted_from(&one));
            prop_assert!(issued < allowed && allowed <= wanted && wanted < one.expires_at);
            prop_assert!(3 * (allowed - issued) >= 2 * seconds && 3 * (allowed - 1 - issued) < 2 * seconds);
        }

        #[test]
        fn no_online_licence_outlasts_its_contract(
            cluster in any::<bool>(), contract_s in any::<Option<u64>>(), end in any::<i64>(), now in any::<i64>()
        ) {
            let (from, until) = term(Mode::Online, cluster, contract_s, Some(end), now);
            prop_assert_eq!(from, now);
            prop_assert!(until >= from && (until <= end || until == now));
        }
    }
}
