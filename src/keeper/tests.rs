//! Licences and contracts in the keeper: what the gate says, and what of it outlasts restarts, removed files and set clocks.

use super::*;
use crate::ledger::Plan;
use highwater_proto::v1::{self, Terms};
use highwater_rules::grace::{GRACE_S, Stage};
use highwater_rules::licence::{Because, LicenceState, Limits, Mode, SKEW_S, Status, Subject};
use highwater_rules::slot::SlotLength;
use tempfile::TempDir;

const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;

/// An instance that was activated at the ledger's first start; all moments are seconds after that.
struct Bench {
    ledger: Ledger,
    key: Identity,
    trust: Trust,
    grant: Grant,
    _dir: TempDir,
}

impl Bench {
    fn new(mode: v1::Mode, contract_end: Option<i64>) -> Self {
        let dir = TempDir::new().unwrap();
        let length = SlotLength::new(3600).unwrap();
        let plan = Plan {
            length,
            retention_s: 100 * 86_400,
            calendar: Calendar::utc(),
            hash_names: false,
            node: None,
        };
        let ledger = Ledger::open(dir.path(), plan).unwrap().ledger;
        let (key, central) = (Identity::from_seed(&[1; 32]), Identity::from_seed(&[2; 32]));
        let begin = ledger.first_start();
        let grant = Grant {
            instance: ledger.instance().to_owned(),
            identity: ledger.instance().to_owned(),
            activated_at: begin,
            answered_at: begin,
            terms: Some(terms(contract_end.map(|end| begin + end))),
            mode: mode.into(),
            ..Grant::default()
        };
        let trust = Trust { key: Some(key.public()), grant: Some((grant.clone(), central.public())) };
        Bench { ledger, key, trust, grant, _dir: dir }
    }

    fn online() -> Self {
        Bench::new(v1::Mode::Online, None)
    }

    fn at(&self, s: i64) -> i64 {
        self.ledger.first_start() + s
    }

    fn mark(&self, s: i64) -> Mark {
        self.mark_under(s, 0)
    }

    /// The same moment, under a clock that is `ahead_s` ahead.
    fn mark_under(&self, s: i64, ahead_s: i64) -> Mark {
        let up_ms = (s + 1000) * 1000;
        let wall_ms = (self.at(s) + ahead_s) * 1000;
        Mark { wall_ms, mono_ms: up_ms, boot_ms: up_ms, boot_id: "a".to_owned() }
    }

    fn load(&self, s: i64) -> Keeper {
        Keeper::load(&self.ledger, &self.trust, &self.mark(s)).unwrap()
    }

    /// Ends the agent and starts it again.
    fn restart(&self, mut keeper: Keeper, s: i64) -> Keeper {
        self.ledger.keep(&keeper.kept(&self.ledger, Some(&self.key))).unwrap().unwrap();
        self.load(s)
    }

    fn receipt(&self, s: i64, contract_end: Option<i64>) -> Receipt {
        Receipt {
            instance: self.ledger.instance().to_owned(),
            received_at: self.at(s),
            identity: self.ledger.instance().to_owned(),
            terms: Some(terms(contract_end.map(|end| self.at(end)))),
            ..Receipt::default()
        }
    }

    fn accept(&self, keeper: &mut Keeper, s: i64, contract_end: Option<i64>) -> bool {
        keeper.accept(&self.receipt(s, contract_end), self.at(s), &self.mark(s))
    }

    /// A licence of ten days.
    fn licence(&self, s: i64, mode: Mode) -> Claims {
        Claims {
            id: format!("l-{s}"),
            issued_at: self.at(s),
            not_before: self.at(s),
            expires_at: self.at(s + 10 * DAY),
            subject: Subject::Instance(self.ledger.instance().to_owned()),
            identity: self.ledger.instance().to_owned(),
            contract: "c-1".to_owned(),
            product: "Balancer".to_owned(),
            customer: "Example".to_owned(),
            email: None,
            mode,
            status: Status::Active,
            features: Vec::new(),
            limits: Limits::default(),
            grace_s: GRACE_S.unsigned_abs(),
            slot_s: None,
            contract_end: None,
        }
    }

    fn revocation(&self, s: i64) -> Claims {
        Claims { status: Status::Revoked, expires_at: self.at(s), ..self.licence(s, Mode::Online) }
    }
}

fn terms(contract_end: Option<i64>) -> Terms {
    Terms {
        contract: "c-1".to_owned(),
        contract_end: contract_end.unwrap_or(0),
        grace_s: GRACE_S.unsigned_abs(),
    }
}

/// What the gate says at a moment, and the licence's state.
fn says(keeper: &mut Keeper, now: &Mark) -> (Stage, Because, LicenceState) {
    let ruling = keeper.rule(now);
    (ruling.verdict.stage, ruling.verdict.because, ruling.licence.state)
}

#[test]
fn each_state_of_a_licence_moves_the_gate_as_documented() {
    use LicenceState::{Expired, Missing, Revoked, Valid};
    for (mode, proto) in [(Mode::Online, v1::Mode::Online), (Mode::Offline, v1::Mode::Offline)] {
        let bench = Bench::new(proto, None);
        let mut keeper = bench.load(0);
        assert_eq!(says(&mut keeper, &bench.mark(0)), (Stage::Open, Because::Grace, Missing));
        keeper.follow_licence(Some(bench.licence(SKEW_S + 5, mode)));
        assert_eq!(says(&mut keeper, &bench.mark(0)), (Stage::Open, Because::Grace, Missing), "not begun");
        keeper.follow_licence(Some(bench.licence(0, mode)));
        assert_eq!(says(&mut keeper, &bench.mark(1)), (Stage::Open, Because::Grace, Valid));
        let ended = bench.mark(10 * DAY);
        let (stage, because) = match mode {
            Mode::Online => (Stage::Open, Because::Grace),
            Mode::Offline => (Stage::Closed, Because::Licence),
        };
        assert_eq!(says(&mut keeper, &ended), (stage, because, Expired));
        keeper.follow_licence(Some(bench.licence(10 * DAY, mode)));
        assert_eq!(says(&mut keeper, &ended), (Stage::Open, Because::Grace, Valid), "always replaceable");
        keeper.follow_licence(Some(bench.revocation(10 * DAY + 1)));
        assert_eq!(says(&mut keeper, &ended), (Stage::Closed, Because::Licence, Revoked));
    }
}

#[test]
fn an_expired_licence_online_leaves_the_decision_to_grace() {
    let bench = Bench::online();
    let mut keeper = bench.load(0);
    keeper.follow_licence(Some(bench.licence(0, Mode::Online)));
    let at = |keeper: &mut Keeper, day: i64| says(keeper, &bench.mark(day * DAY));
    assert_eq!(at(&mut keeper, 59), (Stage::Open, Because::Grace, LicenceState::Expired));
    assert_eq!(at(&mut keeper, 61), (Stage::Warning, Because::Grace, LicenceState::Expired));
    assert_eq!(at(&mut keeper, 84), (Stage::Critical, Because::Grace, LicenceState::Expired));
    assert_eq!(at(&mut keeper, 90), (Stage::Closed, Because::Grace, LicenceState::Expired));
}

#[test]
fn a_revocation_outlasts_its_file_and_restarts_and_only_a_later_licence_lifts_it() {
    let bench = Bench::online();
    let mut keeper = bench.load(0);
    keeper.follow_licence(Some(bench.licence(0, Mode::Online)));
    assert!(keeper.wants_keeping());
    bench.ledger.keep(&keeper.kept(&bench.ledger, Some(&bench.key))).unwrap().unwrap();
    assert!(!keeper.wants_keeping());
    keeper.follow_licence(Some(bench.revocation(50)));
    assert!(keeper.wants_keeping(), "at once, not within the hour");
    let mut keeper = bench.restart(keeper, 60);
    let closed = (Stage::Closed, Because::Licence, LicenceState::Revoked);
    assert_eq!(says(&mut keeper, &bench.mark(60)), closed, "the file was removed");
    for put_back in [0, 49, 50] {
        keeper.follow_licence(Some(bench.licence(put_back, Mode::Online)));
        assert_eq!(says(&mut keeper, &bench.mark(60)), closed, "one of before, {put_back}");
    }
    bench.accept(&mut keeper, 61, None);
    assert_eq!(says(&mut keeper, &bench.mark(61)), closed, "a receipt is no licence");
    keeper.follow_licence(Some(bench.licence(51, Mode::Online)));
    assert_eq!(says(&mut keeper, &bench.mark(62)), (Stage::Open, Because::Grace, LicenceState::Valid));
}

#[test]
fn a_new_activation_lifts_a_revocation_and_the_old_one_does_not() {
    let bench = Bench::online();
    let mut keeper = bench.load(0);
    keeper.follow_licence(Some(bench.revocation(50)));
    keeper.follow_licence(None);
    keeper.follow_grant(&bench.grant, &bench.mark(60));
    assert_eq!(keeper.licence_state(), LicenceState::Revoked);
    let anew = Grant { answered_at: bench.at(70), activated_at: bench.at(70), ..bench.grant.clone() };
    keeper.follow_grant(&anew, &bench.mark(71));
    assert_eq!(says(&mut keeper, &bench.mark(71)), (Stage::Open, Because::Grace, LicenceState::Missing));
}

#[test]
fn the_contracts_end_closes_and_what_central_signs_later_opens_again() {
    let bench = Bench::new(v1::Mode::Online, Some(40 * DAY));
    let mut keeper = bench.load(0);
    let at = |keeper: &mut Keeper, s: i64| {
        let (stage, because, _) = says(keeper, &bench.mark(s));
        (stage, because)
    };
    assert_eq!(at(&mut keeper, 10 * DAY), (Stage::Open, Because::Grace));
    assert_eq!(at(&mut keeper, 10 * DAY + 1), (Stage::Warning, Because::Contract));
    assert_eq!(at(&mut keeper, 33 * DAY + 1), (Stage::Critical, Because::Contract));
    assert!(bench.accept(&mut keeper, 39 * DAY, Some(40 * DAY)));
    assert_eq!(at(&mut keeper, 40 * DAY), (Stage::Closed, Because::Contract));
    let mut keeper = bench.restart(keeper, 41 * DAY);
    assert_eq!(at(&mut keeper, 41 * DAY), (Stage::Closed, Because::Contract), "over a restart");
    assert!(bench.accept(&mut keeper, 42 * DAY, Some(YEAR)));
    assert_eq!(at(&mut keeper, 42 * DAY), (Stage::Open, Because::Grace), "a receipt");
    let shorter = Claims { contract_end: Some(bench.at(50 * DAY)), ..bench.licence(43 * DAY, Mode::Online) };
    keeper.follow_licence(Some(shorter));
    assert_eq!(at(&mut keeper, 50 * DAY), (Stage::Closed, Because::Contract), "a licence");
    let longer = Claims { contract_end: Some(bench.at(YEAR)), ..bench.licence(51 * DAY, Mode::Online) };
    keeper.follow_licence(Some(longer));
    assert_eq!(at(&mut keeper, 51 * DAY), (Stage::Open, Because::Grace), "another licence");
}

#[test]
fn of_what_was_said_of_a_contract_the_newest_counts_in_whatever_order_it_comes() {
    let bench = Bench::new(v1::Mode::Online, Some(100 * DAY));
    let mut keeper = bench.load(0);
    bench.accept(&mut keeper, 20, Some(200 * DAY));
    keeper.follow_grant(&bench.grant, &bench.mark(30));
    assert_eq!(keeper.standing().contract_end, Some(bench.at(200 * DAY)), "an old grant");
    assert!(!bench.accept(&mut keeper, 10, Some(300 * DAY)), "an old receipt");
    assert_eq!(keeper.standing().contract_end, Some(bench.at(200 * DAY)));
    let old = Claims { contract_end: None, ..bench.licence(15, Mode::Offline) };
    keeper.follow_licence(Some(old));
    let standing = keeper.standing();
    assert_eq!(standing.contract_end, Some(bench.at(200 * DAY)), "an old licence");
    assert_eq!(standing.mode, Mode::Offline, "of the mode, nobody has said anything since");
    bench.accept(&mut keeper, 20, Some(150 * DAY));
    assert_eq!(keeper.standing().contract_end, Some(bench.at(150 * DAY)), "in the same second, the later");
}

#[test]
fn a_set_clock_neither_ends_a_contract_nor_lengthens_it_nor_revives_a_licence() {
    for ahead_s in [-YEAR, YEAR] {
        let bench = Bench::new(v1::Mode::Online, Some(100 * DAY));
        let mut keeper = bench.load(0);
        let answered = bench.receipt(5, Some(100 * DAY));
        assert!(keeper.accept(&answered, bench.at(5), &bench.mark_under(5, ahead_s)));
        keeper.follow_licence(Some(bench.licence(5, Mode::Online)));
        let at = |keeper: &mut Keeper, s: i64| says(keeper, &bench.mark_under(s, ahead_s));
        assert_eq!(at(&mut keeper, 6), (Stage::Open, Because::Grace, LicenceState::Valid), "{ahead_s}");
        assert_eq!(at(&mut keeper, 11 * DAY).2, LicenceState::Expired, "{ahead_s}");
        let mut keeper = bench.restart(keeper, 12 * DAY);
        keeper.follow_licence(Some(bench.licence(5, Mode::Online)));
        if ahead_s > 0 {
            assert_eq!(at(&mut keeper, 69 * DAY).1, Because::Grace, "no warning of the contract's yet");
            assert_eq!(at(&mut keeper, 72 * DAY).0, Stage::Warning);
        }
    }
    let bench = Bench::online();
    let mut keeper = bench.load(0);
    keeper.follow_licence(Some(bench.licence(0, Mode::Offline)));
    assert_eq!(says(&mut keeper, &bench.mark(10 * DAY)).0, Stage::Closed);
    let back = says(&mut keeper, &bench.mark_under(10 * DAY + 60, -9 * DAY));
    assert_eq!(back, (Stage::Closed, Because::Licence, LicenceState::Expired));
}

#[test]
fn what_is_kept_is_read_again_and_so_is_what_an_older_agent_kept() {
    let bench = Bench::new(v1::Mode::Offline, Some(YEAR));
    let mut keeper = bench.load(0);
    bench.accept(&mut keeper, 20, Some(2 * YEAR));
    keeper.follow_licence(Some(bench.revocation(30)));
    let standing = keeper.standing().clone();
    assert_eq!((standing.mode, standing.revoked_at), (Mode::Online, Some(bench.at(30))));
    assert_eq!(*bench.restart(keeper, 40).standing(), standing);

    let bench = Bench::online();
    let mut keeper = bench.load(0);
    bench.accept(&mut keeper, 20, Some(YEAR));
    let kept = keeper.kept(&bench.ledger, Some(&bench.key));
    let mut old: Value = serde_json::from_str(&kept.timeline).unwrap();
    for key in ["contract_said_at", "mode", "mode_said_at", "revoked_at", "ahead_ms"] {
        assert!(old.as_object_mut().unwrap().remove(key).is_some(), "{key}");
    }
    let timeline = old.to_string();
    let seal = bench.key.sign_bytes(&sealed(bench.ledger.instance(), &timeline)).to_vec();
    bench.ledger.keep(&Kept { timeline, seal }).unwrap().unwrap();
    let keeper = bench.load(40);
    assert!(!keeper.doubted());
    let standing = keeper.standing();
    assert_eq!(standing.contract_end, Some(bench.at(YEAR)), "the receipt's, not the grant's");
    assert_eq!(standing.contract_said_at, Some(bench.at(20)));
}

#[test]
fn a_key_or_a_grant_that_is_gone_opens_no_gate() {
    let bench = Bench::new(v1::Mode::Online, None);
    let mut keeper = bench.load(0);
    bench.accept(&mut keeper, 20, Some(30));
    let revocation = Claims { contract_end: Some(bench.at(30)), ..bench.revocation(25) };
    keeper.follow_licence(Some(revocation));
    bench.ledger.keep(&keeper.kept(&bench.ledger, Some(&bench.key))).unwrap().unwrap();
    for trust in [Trust::default(), Trust { key: None, ..bench.trust.clone() }] {
        let mut keeper = Keeper::load(&bench.ledger, &trust, &bench.mark(40)).unwrap();
        assert!(keeper.doubted());
        assert_eq!(
            says(&mut keeper, &bench.mark(40)),
            (Stage::Closed, Because::Licence, LicenceState::Revoked)
        );
        keeper.standing.revoked_at = None;
        assert_eq!(says(&mut keeper, &bench.mark(40)).1, Because::Contract);
    }
}

#[test]
fn each_change_is_foretold() {
    let bench = Bench::new(v1::Mode::Online, Some(40 * DAY));
    let mut keeper = bench.load(0);
    keeper.follow_licence(Some(bench.licence(0, Mode::Online)));
    let mut now = 0;
    let mut seen = Vec::new();
    while let Some(wait) = keeper.rule(&bench.mark(now)).changes_in_s {
        let before = says(&mut keeper, &bench.mark(now));
        assert_eq!(says(&mut keeper, &bench.mark(now + wait - 1)), before, "before {}", now + wait);
        now += wait;
        seen.push((now, says(&mut keeper, &bench.mark(now)).0));
        assert!(now <= GRACE_S);
    }
    let expect = [
        // The licence's end: it moves no gate, but is told.
        (10 * DAY, Stage::Open),
        (10 * DAY + 1, Stage::Warning),
        (33 * DAY + 1, Stage::Critical),
        (40 * DAY, Stage::Closed),
        (60 * DAY + 1, Stage::Closed),
        (83 * DAY + 1, Stage::Closed),
        (90 * DAY, Stage::Closed),
    ];
    assert_eq!(seen, expect);
}

#[test]
fn a_licences_dates_are_told_beside_its_state() {
    let bench = Bench::online();
    let mut keeper = bench.load(0);
    let none = Licence { state: LicenceState::Missing, id: None, expires_at: None, renew_from: None };
    assert_eq!(keeper.rule(&bench.mark(0)).licence, none);
    keeper.follow_licence(Some(bench.licence(0, Mode::Online)));
    let told = keeper.rule(&bench.mark(0)).licence;
    assert_eq!((told.state, told.id.as_deref()), (LicenceState::Valid, Some("l-0")));
    assert_eq!(told.expires_at, Some(bench.at(10 * DAY)));
    assert_eq!(told.renew_from, Some(bench.at(7 * DAY)));
    keeper.follow_licence(Some(bench.licence(0, Mode::Offline)));
    assert_eq!(keeper.rule(&bench.mark(0)).licence.renew_from, None, "by itself never");
}
