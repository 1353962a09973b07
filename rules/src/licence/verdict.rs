//! What the gate says: the worst of what grace, licence and contract say. `docs/gate.md` has a row for each case, and a test holds
//! them together.

use super::claims::Mode;
use super::term::LicenceState;
use crate::grace::{self, Stage};

/// What a stage comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Because {
    /// The grace period: a receipt opens the gate.
    Grace,
    /// The licence: another licence opens the gate.
    Licence,
    /// The contract's end: a longer contract opens the gate.
    Contract,
}

impl Because {
    /// All of them.
    pub const ALL: [Because; 3] = [Because::Grace, Because::Licence, Because::Contract];

    /// The name that logs and JSON use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Because::Grace => "grace",
            Because::Licence => "licence",
            Because::Contract => "contract",
        }
    }

    /// What a word stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Because::ALL.into_iter().find(|because| because.word() == word)
    }
}

/// What the gate says, and what that comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The stage.
    pub stage: Stage,
    /// What it comes from. Where several give the same stage, the first of grace, licence, contract.
    pub because: Because,
}

/// The gate: the worst of three.
///
/// - Grace: its own stage.
/// - Licence: a valid or a missing one says nothing, nor does an expired one that is renewed over the network: what hinders its
///   renewal hinders reports too, and grace counts that already. One that lasts as long as the contract closes when it has expired.
///   A revocation closes.
/// - Contract: `contract_left_s` seconds before its end it warns and is critical as the grace period does, and at its end it closes.
#[must_use]
pub fn gate(
    mode: Mode,
    licence: LicenceState,
    grace: Stage,
    contract_left_s: Option<i64>,
    grace_s: i64,
) -> Verdict {
    let licence = match (licence, mode) {
        (LicenceState::Missing | LicenceState::Valid, _) | (LicenceState::Expired, Mode::Online) => {
            Stage::Open
        }
        (LicenceState::Expired, Mode::Offline) | (LicenceState::Revoked, _) => Stage::Closed,
    };
    let contract = contract_left_s.map_or(Stage::Open, |left_s| contract_stage(left_s, grace_s));
    let mut verdict = Verdict { stage: grace, because: Because::Grace };
    for (stage, because) in [(licence, Because::Licence), (contract, Because::Contract)] {
        if stage > verdict.stage {
            verdict = Verdict { stage, because };
        }
    }
    verdict
}

fn contract_stage(left_s: i64, grace_s: i64) -> Stage {
    let (warning_s, critical_s) = grace::thresholds(grace_s);
    match left_s {
        ..=0 => Stage::Closed,
        s if s < critical_s => Stage::Critical,
        s if s < warning_s => Stage::Warning,
        _ => Stage::Open,
    }
}

/// In how many seconds the contract's stage is another, if nothing comes between; `None` once it has ended.
#[must_use]
pub fn contract_changes_in_s(left_s: i64, grace_s: i64) -> Option<i64> {
    let (warning_s, critical_s) = grace::thresholds(grace_s);
    let next_s = match left_s {
        ..=0 => return None,
        s if s < critical_s => 0,
        s if s < warning_s => critical_s - 1,
        _ => warning_s - 1,
    };
    Some(left_s.saturating_sub(next_s.max(0)).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grace::GRACE_S;
    use proptest::prelude::*;

    const DAY_S: i64 = 86_400;

    fn of_contract(left_s: i64, grace_s: i64) -> Verdict {
        gate(Mode::Online, LicenceState::Valid, Stage::Open, Some(left_s), grace_s)
    }

    #[test]
    fn a_contract_warns_and_closes_as_the_grace_period_does() {
        for (left_s, stage) in [
            (i64::MAX, Stage::Open),
            (30 * DAY_S, Stage::Open),
            (30 * DAY_S - 1, Stage::Warning),
            (7 * DAY_S, Stage::Warning),
            (7 * DAY_S - 1, Stage::Critical),
            (1, Stage::Critical),
            (0, Stage::Closed),
            (i64::MIN, Stage::Closed),
        ] {
            let because = if stage == Stage::Open { Because::Grace } else { Because::Contract };
            assert_eq!(of_contract(left_s, GRACE_S), Verdict { stage, because }, "{left_s}");
        }
    }

    #[test]
    fn each_change_by_the_contract_is_foretold_to_the_second() {
        for grace_s in [1, 2, 59, 60, 90, 3600, GRACE_S] {
            let mut left = 40 * DAY_S;
            let mut stages = vec![of_contract(left, grace_s).stage];
            while let Some(wait) = contract_changes_in_s(left, grace_s) {
                assert_eq!(
                    of_contract(left - wait + 1, grace_s).stage,
                    *stages.last().unwrap(),
                    "{grace_s}: too early"
                );
                left -= wait;
                stages.push(of_contract(left, grace_s).stage);
                assert!(stages[stages.len() - 2] < stages[stages.len() - 1], "{grace_s}: {stages:?}");
            }
            assert_eq!((left, *stages.last().unwrap()), (0, Stage::Closed));
        }
    }

    #[test]
    fn words_of_states_and_causes_go_there_and_back() {
        for because in Because::ALL {
            assert_eq!(Because::from_word(because.word()), Some(because));
        }
        for state in LicenceState::ALL {
            assert_eq!(LicenceState::from_word(state.word()), Some(state));
        }
        for mode in Mode::ALL {
            assert_eq!(Mode::from_word(mode.word()), Some(mode));
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.word());
        }
    }

    proptest! {
        #[test]
        fn neither_licence_nor_contract_ever_makes_a_gate_milder(
            mode in proptest::sample::select(Mode::ALL.to_vec()),
            licence in proptest::sample::select(LicenceState::ALL.to_vec()),
            grace in proptest::sample::select(Stage::ALL.to_vec()),
            left_s in any::<Option<i64>>(), grace_s in 1..grace::GRACE_MAX_S,
        ) {
            let verdict = gate(mode, licence, grace, left_s, grace_s);
            prop_assert!(verdict.stage >= grace);
            prop_assert_eq!(verdict.because == Because::Grace, verdict.stage == grace);
        }
    }
}
