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
/// - Licence: a valid or a missing one says nothing. An expired one warns where it could have been renewed over the network: there,
///   grace decides, and a licence is never the reason of an outage. One that lasts as long as the contract closes. A revocation
///   closes.
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
        (LicenceState::Missing | LicenceState::Valid, _) => Stage::Open,
        (LicenceState::Expired, Mode::Online) => Stage::Warning,
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
