//! The grace period: how long the metered software may run without a receipt.
//!
//! Before activation it is counted from the agent's first start. Setting the clock back does not lengthen it: what counts is the
//! latest time that was ever seen.

/// The grace period, in days.
pub const GRACE_DAYS: i64 = 90;
/// Under this many days left, the gate warns.
pub const WARNING_DAYS: i64 = 30;
/// Under this many days left, the gate is critical.
pub const CRITICAL_DAYS: i64 = 7;
const DAY_S: i64 = 86_400;

/// What the gate tells the metered software.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It may run.
    Open,
    /// It may run; fewer than [`WARNING_DAYS`] are left.
    Warning,
    /// It may run; fewer than [`CRITICAL_DAYS`] are left.
    Critical,
    /// It may not run.
    Closed,
}

impl Stage {
    /// The name that logs and JSON use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Stage::Open => "open",
            Stage::Warning => "warning",
            Stage::Critical => "critical",
            Stage::Closed => "closed",
        }
    }
}

/// Where the grace period stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace {
    /// The gate's stage.
    pub stage: Stage,
    /// Days left, a day begun counting as a whole one; 0 only once the gate is closed.
    pub days_left: i64,
    /// When it ends, in unix seconds.
    pub end: i64,
}

/// The grace period of an instance that no one has activated yet: it began with the agent's first start. All in unix seconds;
/// `latest_seen` is the latest time that the instance ever wrote down.
#[must_use]
pub fn before_activation(first_start: i64, latest_seen: i64, now: i64) -> Grace {
    let end = first_start.saturating_add(GRACE_DAYS * DAY_S);
    let left_s = end.saturating_sub(now.max(latest_seen).max(first_start)).max(0);
    let stage = match left_s {
        0 => Stage::Closed,
        s if s < CRITICAL_DAYS * DAY_S => Stage::Critical,
        s if s < WARNING_DAYS * DAY_S => Stage::Warning,
        _ => Stage::Open,
    };
    Grace { stage, days_left: left_s.unsigned_abs().div_ceil(DAY_S.unsigned_abs()).cast_signed(), end }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_goes_through_its_stages_as_the_days_run_out() {
        let at = |day: i64| before_activation(1000, 0, 1000 + day * DAY_S);
        for (day, stage, left) in [
            (0, Stage::Open, 90),
            (60, Stage::Open, 30),
            (61, Stage::Warning, 29),
            (83, Stage::Warning, 7),
            (84, Stage::Critical, 6),
            (89, Stage::Critical, 1),
            (90, Stage::Closed, 0),
            (400, Stage::Closed, 0),
        ] {
            assert_eq!((at(day).stage, at(day).days_left), (stage, left), "day {day}");
        }
        let a_second_before_the_end = before_activation(0, 0, 90 * DAY_S - 1);
        assert_eq!((a_second_before_the_end.stage, a_second_before_the_end.days_left), (Stage::Critical, 1));
        assert_eq!(before_activation(0, 0, 60 * DAY_S + 1).stage, Stage::Warning);
    }

    #[test]
    fn a_clock_set_back_never_lengthens_the_grace_period() {
        let seen = 1000 + 89 * DAY_S;
        for now in [i64::MIN, 0, 1000, seen] {
            assert_eq!(before_activation(1000, seen, now).days_left, 1);
        }
    }
}
