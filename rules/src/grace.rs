//! The grace period: how long the metered software may run without a receipt, and what the gate says.
//!
//! The period is counted from the last receipt; before the first one, from activation; before activation, from the agent's first
//! start. It is counted on a *timeline* of the instance's own, which no one can turn back: it goes on with the host's uptime, and
//! jumps ahead to the wall clock where that is later. So a clock that is set back gains nothing, and neither does one that is put
//! back to an older state beside it; a host that was off is counted by its clock.
//!
//! Whether the host was booted between two marks is told by its boot id, its clock since boot, and the wall clock:
//!
//! | the boot id | the clock since boot | the wall clock | what is counted |
//! | --- | --- | --- | --- |
//! | the same | went on | any | what it went on by |
//! | another | went on | went on by the same, within two seconds | what it went on by: one boot that is seen under two ids, as in a container that masks the id for some of its processes |
//! | another | went on | did anything else | another boot: all that it lasted |
//! | any | went back | any | another boot: all that it lasted |
//!
//! In each case the wall clock counts where it is later.
//!
//! **Tolerance.** While the wall clock is true, the period ends to the second. With a clock set back, the gate closes after the
//! period's length of uptime at the latest, and at most one slot and two seconds more for each reboot: what passed between the last
//! row written and the power cut. The time that a host is off is then not counted: nothing ran in it. Nor is, at most, the time that
//! a host was up before the agent's first mark in that boot, where the clock was set so that it fits to the two seconds: the agent
//! did not run in it, and the gate told nothing.
//!
//! A receipt that was asked for with a nonce is known to be fresh. It sets the timeline to the clock of that moment, so that an
//! accepted report always opens the gate, however wrong a clock has been.

use crate::record::Mark;

const DAY_S: i64 = 86_400;
/// The grace period, unless a contract says otherwise: 90 days, in seconds.
pub const GRACE_S: i64 = 90 * DAY_S;
/// The gate warns when less than this is left, in seconds; of a shorter period, when less than a third is left.
pub const WARNING_S: i64 = 30 * DAY_S;
/// The gate is critical when less than this is left, in seconds; of a shorter period, when less than 7/90 of it is left.
pub const CRITICAL_S: i64 = 7 * DAY_S;
/// No contract gives more, in seconds: ten years.
pub const GRACE_MAX_S: i64 = 3653 * DAY_S;

/// By how much the wall clock and the clock since boot may part, in milliseconds, and still have gone on by the same: a leap second,
/// and that they are read a moment apart.
const AGREE_MS: i64 = 2_000;

/// What the gate tells the metered software.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It may run.
    Open,
    /// It may run; less than [`WARNING_S`] is left.
    Warning,
    /// It may run; less than [`CRITICAL_S`] is left.
    Critical,
    /// It may not run.
    Closed,
}

impl Stage {
    /// All of them.
    pub const ALL: &'static [Stage] = &[Stage::Open, Stage::Warning, Stage::Critical, Stage::Closed];

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

    /// The stage of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Stage::ALL.iter().copied().find(|stage| stage.word() == word)
    }

    /// Whether the metered software may run.
    #[must_use]
    pub const fn may_run(self) -> bool {
        !matches!(self, Stage::Closed)
    }
}

/// What the grace period is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Since {
    /// The agent's first start: it was never activated.
    FirstStart,
    /// Its activation: there was no receipt yet.
    Activation,
    /// The last receipt.
    Receipt,
}

impl Since {
    const ALL: [Since; 3] = [Since::FirstStart, Since::Activation, Since::Receipt];

    /// The name that logs and JSON use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Since::FirstStart => "first_start",
            Since::Activation => "activation",
            Since::Receipt => "receipt",
        }
    }

    /// What a word stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Since::ALL.into_iter().find(|since| since.word() == word)
    }
}

/// Where the grace period begins, and how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// What it is.
    pub since: Since,
    /// When it was, in unix seconds: of central's clock, but for the first start.
    pub at_s: i64,
    /// The grace period, in seconds.
    pub grace_s: i64,
}

impl Anchor {
    /// The agent's first start, with the usual period.
    #[must_use]
    pub const fn first_start(at_s: i64) -> Self {
        Anchor { since: Since::FirstStart, at_s, grace_s: GRACE_S }
    }

    /// What central signed, with the period that its terms give, within what any contract gives.
    #[must_use]
    pub fn signed(since: Since, at_s: i64, grace_s: u64) -> Self {
        let grace_s = i64::try_from(grace_s).unwrap_or(i64::MAX).clamp(1, GRACE_MAX_S);
        Anchor { since, at_s, grace_s }
    }

    /// Whether it takes the place of another: a later receipt, or a better kind.
    #[must_use]
    pub fn replaces(&self, other: &Anchor) -> bool {
        (self.since, self.at_s) > (other.since, other.at_s)
    }
}

/// How far the grace period has gone. It is what the agent keeps over its restarts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// Where it began.
    pub anchor: Anchor,
    /// How old the anchor was when it was accepted, in milliseconds.
    pub age_ms: i64,
    /// The instance's time when the anchor was accepted, in unix milliseconds.
    pub base_ms: i64,
    /// The instance's time now, in unix milliseconds. It never goes back but by a fresh receipt.
    pub latest_ms: i64,
    /// The boot of the host that it was carried forward in last.
    pub boot_id: String,
    /// How long that boot had lasted then, in milliseconds.
    pub boot_ms: i64,
    /// What the wall clock showed then, in unix milliseconds; `None` where an earlier version kept it.
    pub wall_ms: Option<i64>,
    /// How much of the instance's time was taken back by then, all in all, in milliseconds: what a clock had led it astray by.
    pub taken_back_ms: i64,
}

impl Timeline {
    /// The timeline of an instance that began at `first_start` (unix seconds) and has seen `latest_s`.
    #[must_use]
    pub fn begun(first_start: i64, latest_s: i64, now: &Mark) -> Self {
        let base_ms = first_start.saturating_mul(1000);
        Timeline {
            anchor: Anchor::first_start(first_start),
            age_ms: 0,
            base_ms,
            latest_ms: base_ms.max(latest_s.saturating_mul(1000)).max(now.wall_ms),
            boot_id: now.boot_id.clone(),
            boot_ms: now.boot_ms,
            wall_ms: Some(now.wall_ms),
            taken_back_ms: 0,
        }
    }

    /// Carries it forward to `now`: by the uptime since it was last, and to the wall clock where that is later. What passed of
    /// another boot is at least how long this one has lasted.
    pub fn advance(&mut self, now: &Mark) {
        let since_ms = now.boot_ms.saturating_sub(self.boot_ms);
        let same_boot = since_ms >= 0 && (now.boot_id == self.boot_id || self.clocks_agree(since_ms, now));
        let passed_ms = if same_boot { since_ms } else { now.boot_ms.max(0) };
        self.latest_ms = self.latest_ms.saturating_add(passed_ms).max(now.wall_ms);
        self.boot_id.clone_from(&now.boot_id);
        self.boot_ms = now.boot_ms;
        self.wall_ms = Some(now.wall_ms);
    }

    /// Whether the wall clock has gone on by what the clock since boot has.
    fn clocks_agree(&self, since_ms: i64, now: &Mark) -> bool {
        let of_wall_ms = self.wall_ms.map(|before_ms| now.wall_ms.saturating_sub(before_ms));
        of_wall_ms.is_some_and(|passed_ms| passed_ms.saturating_sub(since_ms).saturating_abs() <= AGREE_MS)
    }

    /// How far the instance's time is ahead of the wall clock, in whole seconds.
    fn ahead_s(&self) -> i64 {
        self.wall_ms.map_or(0, |wall_ms| self.latest_ms.saturating_sub(wall_ms).max(0) / 1000)
    }

    /// Accepts an anchor that is known to be fresh: central's clock showed `answered_at` (unix seconds) when it was asked just now.
    /// Says whether it changed anything: an anchor that is no better than the one there is changes nothing.
    pub fn accept_fresh(&mut self, anchor: Anchor, answered_at: i64, now: &Mark) -> bool {
        self.advance(now);
        if !anchor.replaces(&self.anchor) {
            return false;
        }
        self.anchor = anchor;
        self.age_ms = answered_at.saturating_sub(anchor.at_s).max(0).saturating_mul(1000);
        self.base_ms = now.wall_ms;
        self.take_back(self.latest_ms.saturating_sub(now.wall_ms));
        true
    }

    /// Accepts an anchor that was carried here by hand: how old it is, only the instance's own time tells.
    pub fn accept_carried(&mut self, anchor: Anchor, now: &Mark) -> bool {
        self.advance(now);
        if !anchor.replaces(&self.anchor) {
            return false;
        }
        self.anchor = anchor;
        self.age_ms = self.latest_ms.saturating_sub(anchor.at_s.saturating_mul(1000)).max(0);
        self.base_ms = self.latest_ms;
        true
    }

    /// All the time that was ever counted on it, in unix milliseconds, what was taken back too: this never goes back. It says when an
    /// export was made.
    #[must_use]
    pub fn counted_ms(&self) -> i64 {
        self.latest_ms.saturating_add(self.taken_back_ms)
    }

    fn take_back(&mut self, ms: i64) {
        self.latest_ms = self.latest_ms.saturating_sub(ms);
        self.taken_back_ms = self.taken_back_ms.saturating_add(ms);
    }

    /// Takes up an answer to an export, carried here by hand, and the newest receipt in it. [`Timeline::counted_ms`] was `exported_ms`
    /// at the export, and central's clock showed `answered_at` (unix seconds) when it answered, which was later. So whatever a clock
    /// showed, no more has passed since the answer than since the export, and the time now is no later than the answer's and that.
    ///
    /// The anchor's age is counted from the export: it is never told too young, however long the answer was on its way. A timeline
    /// that is further than the time can be was led astray by a clock, and is taken back to there; what is left of the grace period
    /// stays as it is, but for a better anchor. Says whether there was one.
    pub fn accept_exported(
        &mut self,
        anchor: Option<Anchor>,
        exported_ms: i64,
        answered_at: i64,
        now: &Mark,
    ) -> bool {
        self.advance(now);
        let since_ms = self.counted_ms().saturating_sub(exported_ms);
        if since_ms < 0 {
            // What was kept has been put back to before the export: nothing is known of how long ago it was.
            return anchor.is_some_and(|anchor| self.accept_carried(anchor, now));
        }
        // Central tells whole seconds: it answered before the next one began.
        let answered_ms = answered_at.saturating_mul(1000).saturating_add(999);
        let latest_at_most_ms = answered_ms.saturating_add(since_ms);
        let ahead_ms = self.latest_ms.saturating_sub(latest_at_most_ms).max(0);
        self.take_back(ahead_ms);
        self.base_ms = self.base_ms.saturating_sub(ahead_ms);
        let Some(anchor) = anchor.filter(|anchor| anchor.replaces(&self.anchor)) else { return false };
        let before_answer_ms = answered_at.saturating_sub(anchor.at_s).max(0).saturating_mul(1000);
        self.anchor = anchor;
        self.age_ms = since_ms.saturating_add(before_answer_ms);
        self.base_ms = self.latest_ms;
        true
    }

    /// Of two that were kept in two places, what must be true: the better anchor, and with the same anchor the later time. One of
    /// them may have been put back to an older state.
    #[must_use]
    pub fn reconciled(self, other: Timeline) -> Timeline {
        let counted_ms = self.counted_ms().max(other.counted_ms());
        let (mut newer, older) =
            if other.anchor.replaces(&self.anchor) { (other, self) } else { (self, other) };
        if older.anchor == newer.anchor && older.elapsed_ms() > newer.elapsed_ms() {
            newer = older;
        }
        newer.taken_back_ms = counted_ms.saturating_sub(newer.latest_ms);
        newer
    }

    fn elapsed_ms(&self) -> i64 {
        self.age_ms.saturating_add(self.latest_ms.saturating_sub(self.base_ms)).max(0)
    }

    /// Where the grace period stands on it.
    #[must_use]
    pub fn grace(&self) -> Grace {
        let whole_s = self.anchor.grace_s;
        let left_ms = whole_s.saturating_mul(1000).saturating_sub(self.elapsed_ms()).max(0);
        let left_s = left_ms.unsigned_abs().div_ceil(1000).cast_signed();
        let ahead_s = self.ahead_s();
        let calendar_ms =
            self.base_ms.saturating_sub(self.age_ms).saturating_add(whole_s.saturating_mul(1000));
        let end_s = self.latest_ms.saturating_add(left_ms).min(calendar_ms).div_euclid(1000);
        let (warning_s, critical_s) = thresholds(whole_s);
        let (stage, next_s) = match left_s {
            0 => (Stage::Closed, None),
            s if s < critical_s => (Stage::Critical, Some(0)),
            s if s < warning_s => (Stage::Warning, Some((critical_s - 1).max(0))),
            // The shortest periods have no stage between.
            _ => (Stage::Open, Some((warning_s - 1).max(0))),
        };
        Grace {
            stage,
            days_left: left_s.unsigned_abs().div_ceil(DAY_S.unsigned_abs()).cast_signed(),
            left_s,
            end: end_s.saturating_sub(ahead_s),
            ahead_s,
            changes_in_s: next_s.map(|at| (left_s - at).max(1)),
            since: self.anchor,
        }
    }
}

/// Under how many seconds left the gate warns, and is critical, in a grace period of `grace_s`.
#[must_use]
pub fn thresholds(grace_s: i64) -> (i64, i64) {
    (WARNING_S.min(grace_s / 3), CRITICAL_S.min(grace_s.saturating_mul(7) / 90))
}

/// Where the grace period stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace {
    /// The gate's stage.
    pub stage: Stage,
    /// Days left, a day begun counting as a whole one; 0 only once the gate is closed.
    pub days_left: i64,
    /// Seconds left.
    pub left_s: i64,
    /// When it ends, in unix seconds of the wall clock, if that goes on by itself: as far ahead as `left_s` says.
    pub end: i64,
    /// How much more of it is used up than the wall clock shows, in seconds: the clock was set back, or the host's uptime went on
    /// without it. The end comes so much earlier than the calendar tells.
    pub ahead_s: i64,
    /// In how many seconds the stage is another, if nothing comes between; `None` once it is closed.
    pub changes_in_s: Option<i64>,
    /// What it is counted from.
    pub since: Anchor,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mark(wall_s: i64, boot: &str, up_s: i64) -> Mark {
        Mark { wall_ms: wall_s * 1000, mono_ms: up_s * 1000, boot_ms: up_s * 1000, boot_id: boot.to_owned() }
    }

    fn receipt(at_s: i64) -> Anchor {
        Anchor::signed(Since::Receipt, at_s, GRACE_S.unsigned_abs())
    }

    #[test]
    fn the_gate_goes_through_its_stages_as_the_days_run_out() {
        let start = 1_700_000_000;
        let mut timeline = Timeline::begun(start, 0, &mark(start, "a", 100));
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
            timeline.advance(&mark(start + day * DAY_S, "a", 100 + day * DAY_S));
            let grace = timeline.grace();
            assert_eq!((grace.stage, grace.days_left), (stage, left), "day {day}");
            assert_eq!(grace.end, start + GRACE_S, "day {day}");
        }
    }

    #[test]
    fn each_change_of_stage_is_foretold_to_the_second() {
        for grace_s in [1, 2, 59, 60, 90, 3600, GRACE_S] {
            let anchor = Anchor { grace_s, ..receipt(0) };
            let mut timeline = Timeline { anchor, ..Timeline::begun(0, 0, &mark(0, "a", 0)) };
            let mut now = 0;
            let mut stages = vec![timeline.grace().stage];
            while let Some(wait) = timeline.grace().changes_in_s {
                timeline.advance(&mark(now + wait - 1, "a", now + wait - 1));
                assert_eq!(timeline.grace().stage, *stages.last().unwrap(), "{grace_s}: too early");
                now += wait;
                timeline.advance(&mark(now, "a", now));
                assert_ne!(timeline.grace().stage, *stages.last().unwrap(), "{grace_s}: too late");
                stages.push(timeline.grace().stage);
            }
            assert_eq!((now, *stages.last().unwrap()), (grace_s, Stage::Closed));
            assert!(stages.is_sorted());
        }
    }

    /// What happens to an instance, and how many days are left after it.
    #[test]
    fn table_of_cases() {
        enum Do {
            Run(i64),
            Off(i64),
            /// The host is booted, and up for so many days before the agent's first mark; the clock was set by so many.
            Dark(i64, i64),
            Clock(i64),
            /// From now on the boot is seen under its other id; the clock was set by so many days.
            Flip(i64),
            Fresh(i64),
            Old(i64),
        }
        use Do::{Clock, Dark, Flip, Fresh, Off, Old, Run};
        let cases: [(&str, &[Do], i64); 21] = [
            ("a quiet month", &[Run(30)], 60),
            ("the host was off for a month", &[Off(30)], 60),
            ("a receipt", &[Run(80), Fresh(0)], 90),
            ("a receipt after the gate closed", &[Run(200), Fresh(0)], 90),
            ("the clock set back by a year", &[Run(10), Clock(-365), Run(20)], 60),
            ("the clock set back each day", &[Run(1), Clock(-1), Run(1), Clock(-1), Run(1), Clock(-1)], 87),
            ("the clock set back while off", &[Run(10), Off(10), Clock(-10), Run(5)], 65),
            (
                "a clock that begins in 1970 at each boot",
                &[Run(10), Off(0), Clock(-20_000), Run(0), Clock(20_000), Run(1)],
                79,
            ),
            ("off with a false clock: nothing ran", &[Clock(-100), Off(40), Run(1)], 89),
            ("the clock a hundred days ahead", &[Clock(100), Run(0)], 0),
            (
                "and corrected: the latest time ever seen counts",
                &[Clock(100), Run(0), Clock(-100), Run(0)],
                0,
            ),
            ("and a receipt after that", &[Clock(100), Run(0), Clock(-100), Run(1), Fresh(0)], 90),
            ("a receipt under a clock a year ahead", &[Clock(365), Run(1), Fresh(0), Run(10)], 80),
            ("and the clock corrected after it", &[Clock(365), Run(1), Fresh(0), Clock(-365), Run(10)], 80),
            ("a receipt that central gave ten days ago", &[Run(50), Fresh(10)], 80),
            ("an older receipt, played again", &[Run(50), Fresh(0), Run(20), Old(60)], 70),
            (
                "one boot, seen under two ids in turn",
                &[Run(20), Flip(0), Run(0), Flip(0), Run(1), Flip(0), Run(1), Flip(0)],
                68,
            ),
            ("and the clock set in between: what can't be told is counted", &[Run(20), Flip(-1)], 50),
            ("another boot that lasted longer, under a true clock", &[Run(10), Dark(20, 0)], 60),
            ("and under a clock set back to where it was", &[Run(10), Dark(20, -20)], 60),
            ("and a shorter one", &[Run(20), Dark(10, -10)], 60),
        ];
        for (what, actions, left) in cases {
            let start = 1_700_000_000 / DAY_S * DAY_S;
            // What is true, what the clock shows, and how long the host has been up, in seconds.
            let (mut real, mut offset, mut up, mut boot) = (start, 0, 0, 0);
            let at = |real: i64, offset: i64, up: i64, boot: i64| mark(real + offset, &boot.to_string(), up);
            let mut timeline =
                Timeline { anchor: receipt(start), ..Timeline::begun(start, start, &at(real, 0, up, 0)) };
            for action in actions {
                match action {
                    Run(days) => {
                        for _ in 0..days * 24 {
                            (real, up) = (real + 3600, up + 3600);
                            timeline.advance(&at(real, offset, up, boot));
                        }
                    }
                    Off(days) => (real, up, boot) = (real + days * DAY_S, 0, boot + 2),
                    Dark(days, clock) => {
                        (real, up, boot) = (real + days * DAY_S, days * DAY_S, boot + 2);
                        offset += clock * DAY_S;
                    }
                    Flip(clock) => (boot, offset) = (boot ^ 1, offset + clock * DAY_S),
                    Clock(days) => offset += days * DAY_S,
                    Fresh(age) => assert!(timeline.accept_fresh(
                        receipt(real - age * DAY_S),
                        real,
                        &at(real, offset, up, boot)
                    )),
                    Old(age) => assert!(!timeline.accept_fresh(
                        receipt(real - age * DAY_S),
                        real,
                        &at(real, offset, up, boot)
                    )),
                }
                timeline.advance(&at(real, offset, up, boot));
            }
            assert_eq!(timeline.grace().days_left, left, "{what}");
        }
    }

    #[test]
    fn the_end_is_where_the_time_that_is_left_ends_by_the_clock() {
        let start = 1_700_000_000;
        let mut timeline = Timeline::begun(start, 0, &mark(start, "a", 0));
        // Ten days of uptime, of which the clock shows four.
        timeline.advance(&mark(start + 4 * DAY_S, "a", 10 * DAY_S));
        let grace = timeline.grace();
        assert_eq!((grace.days_left, grace.ahead_s), (80, 6 * DAY_S));
        assert_eq!(grace.end, start + 4 * DAY_S + grace.left_s);
        assert_eq!(grace.end, start + GRACE_S - 6 * DAY_S);
        // Closed: when that was, by the clock.
        timeline.advance(&mark(start + 90 * DAY_S, "a", 100 * DAY_S));
        let grace = timeline.grace();
        assert_eq!((grace.left_s, grace.end), (0, start + GRACE_S - 10 * DAY_S));
    }

    #[test]
    fn a_carried_receipt_counts_from_when_it_was_given() {
        let mut timeline = Timeline::begun(0, 0, &mark(0, "a", 0));
        let day = |n: i64| mark(n * DAY_S, "a", n * DAY_S);
        assert!(timeline.accept_carried(receipt(10 * DAY_S), &day(30)));
        assert_eq!(timeline.grace().days_left, 70);
        timeline.advance(&day(40));
        assert!(!timeline.accept_carried(receipt(10 * DAY_S), &day(40)), "the same again changes nothing");
        assert_eq!(timeline.grace().days_left, 60);
    }

    #[test]
    fn of_two_kept_timelines_the_newer_one_counts() {
        let day = |n: i64| mark(n * DAY_S, "a", n * DAY_S);
        let old = Timeline { anchor: receipt(0), ..Timeline::begun(0, 0, &day(0)) };
        let mut later = old.clone();
        later.advance(&day(50));
        assert_eq!(old.clone().reconciled(later.clone()).grace().days_left, 40);
        assert_eq!(later.clone().reconciled(old.clone()).grace().days_left, 40);
        let mut receipted = later.clone();
        receipted.accept_fresh(receipt(50 * DAY_S), 50 * DAY_S, &day(50));
        assert_eq!(later.clone().reconciled(receipted.clone()).grace().days_left, 90);
        assert_eq!(receipted.reconciled(later).grace().days_left, 90);
    }

    #[test]
    fn short_periods_have_short_stages() {
        assert_eq!(thresholds(GRACE_S), (30 * DAY_S, 7 * DAY_S));
        assert_eq!(thresholds(3 * GRACE_S), (30 * DAY_S, 7 * DAY_S));
        assert_eq!(thresholds(90), (30, 7));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Run { s: i64 },
        Clock { s: i64 },
        Restart,
        Reboot { off_s: i64 },
        Snapshot,
        Restore,
        Receipt,
        Replay,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let far = 200 * DAY_S;
        proptest::collection::vec(
            prop_oneof![
                4 => (1i64..20 * DAY_S).prop_map(|s| Step::Run { s }),
                2 => (-far..far).prop_map(|s| Step::Clock { s }),
                1 => Just(Step::Restart),
                2 => (0i64..20 * DAY_S).prop_map(|off_s| Step::Reboot { off_s }),
                1 => Just(Step::Snapshot),
                2 => Just(Step::Restore),
                1 => Just(Step::Receipt),
                1 => Just(Step::Replay),
            ],
            1..40,
        )
    }

    const SLOT_S: i64 = 300;

    proptest! {
        /// The host's uptime since the last receipt is never more than the period, the slots lost at reboots, and the slot that is
        /// running, while the gate is not closed. A restored ledger is held against the second place that keeps the timeline.
        #[test]
        fn nothing_lengthens_the_period_by_more_than_a_slot_a_reboot(steps in steps(), partial in 0i64..SLOT_S) {
            let start = 1_700_000_000;
            let (mut real, mut offset, mut up, mut boot) = (start, 0_i64, 5000_i64, 0);
            let mark_at = |real: i64, offset: i64, up: i64, boot: i64| mark(real + offset, &boot.to_string(), up);
            let mut memory = Timeline { anchor: receipt(start), ..Timeline::begun(start, start, &mark_at(real, 0, up, boot)) };
            let (mut ledger, mut file, mut snapshot) = (memory.clone(), memory.clone(), memory.clone());
            let (mut receipts, mut uptime, mut reboots) = (vec![receipt(start)], 0, 0);
            for step in steps {
                match step {
                    Step::Run { s } => {
                        (real, up, uptime) = (real + s, up + s, uptime + s);
                        // Kept at the last slot's end, both places; then some seconds of the next slot.
                        memory.advance(&mark_at(real, offset, up, boot));
                        (ledger, file) = (memory.clone(), memory.clone());
                        let rest = partial.min(SLOT_S - 1);
                        (real, up, uptime) = (real + rest, up + rest, uptime + rest);
                        memory.advance(&mark_at(real, offset, up, boot));
                    }
                    Step::Clock { s } => offset = (offset + s).clamp(-1000 * DAY_S, 1000 * DAY_S),
                    Step::Restart => memory = ledger.clone().reconciled(file.clone()),
                    Step::Reboot { off_s } => {
                        (real, up, boot, reboots) = (real + off_s, 0, boot + 1, reboots + 1);
                        memory = ledger.clone().reconciled(file.clone());
                    }
                    Step::Snapshot => snapshot = ledger.clone(),
                    Step::Restore => {
                        ledger = snapshot.clone();
                        memory = ledger.clone().reconciled(file.clone());
                    }
                    Step::Receipt => {
                        let new = receipt(real.max(receipts.last().unwrap().at_s + 1));
                        receipts.push(new);
                        prop_assert!(memory.accept_fresh(new, new.at_s, &mark_at(real, offset, up, boot)));
                        prop_assert_eq!(memory.grace().stage, Stage::Open, "an accepted report always opens the gate");
                        (ledger, file) = (memory.clone(), memory.clone());
                        (uptime, reboots) = (0, 0);
                    }
                    Step::Replay => {
                        let before = memory.grace();
                        for old in &receipts {
                            memory.accept_fresh(*old, real, &mark_at(real, offset, up, boot));
                        }
                        prop_assert!(memory.grace().left_s <= before.left_s, "a replay gained time");
                    }
                }
                memory.advance(&mark_at(real, offset, up, boot));
                let grace = memory.grace();
                let lost = (reboots + 1) * SLOT_S;
                prop_assert!(
                    grace.stage == Stage::Closed || uptime < GRACE_S + lost,
                    "up for {uptime} s, {reboots} reboots, {grace:?}"
                );
                prop_assert!(grace.left_s <= (GRACE_S - uptime + lost).max(0));
            }
        }

        /// No clock that is set to fit, and no boot under two ids, gains any of the time in which the agent ran: only of what a host
        /// was up before the agent's first mark.
        #[test]
        fn a_clock_set_to_hide_a_reboot_gains_nothing_of_the_time_that_the_gate_told_in(
            steps in proptest::collection::vec((0..4, 1i64..20 * DAY_S, -3i64..=3), 1..30), partial in 0i64..SLOT_S,
        ) {
            let start = 1_700_000_000;
            let (mut real, mut offset, mut up, mut boot) = (start, 0_i64, 5000_i64, 0);
            let mark_at = |real: i64, offset: i64, up: i64, boot: i64| mark(real + offset, &boot.to_string(), up);
            let mut kept = Timeline { anchor: receipt(start), ..Timeline::begun(start, start, &mark_at(real, 0, up, boot)) };
            let (mut told, mut reboots) = (0, 0);
            for (what, s, off_by) in steps {
                match what {
                    0 | 1 => {
                        (real, up, told) = (real + s, up + s, told + s);
                        kept.advance(&mark_at(real, offset, up, boot));
                        // Some seconds of the next slot, which a reboot loses.
                        (real, up, told) = (real + partial, up + partial, told + partial);
                    }
                    2 => boot ^= 1,
                    _ => {
                        // A boot that has lasted at least as long as the one before, and a clock that shows as much.
                        let fits = kept.wall_ms.unwrap() / 1000 + s + off_by;
                        (real, up, boot, reboots) = (real + up + s, kept.boot_ms / 1000 + s, boot + 2, reboots + 1);
                        offset = fits - real;
                    }
                }
                let mut now = kept.clone();
                now.advance(&mark_at(real, offset, up, boot));
                let lost = (reboots + 1) * (SLOT_S + AGREE_MS / 1000);
                prop_assert!(now.grace().left_s <= (GRACE_S - told + lost).max(0), "told for {told} s, {:?}", now.grace());
                if what > 1 {
                    kept = now;
                }
            }
        }

        #[test]
        fn with_a_true_clock_the_period_ends_to_the_second(
            spans in proptest::collection::vec((0i64..30 * DAY_S, any::<bool>(), any::<bool>()), 1..12),
        ) {
            let start = 1_700_000_000;
            let mut timeline = Timeline { anchor: receipt(start), ..Timeline::begun(start, start, &mark(start, "0", 50)) };
            let (mut real, mut up, mut boot) = (start, 50, 0);
            for (span, off, flip) in spans {
                real += span;
                (up, boot) = if off { (span.min(10), boot + 2) } else { (up + span, boot ^ i32::from(flip)) };
                timeline.advance(&mark(real, &boot.to_string(), up));
                let grace = timeline.grace();
                prop_assert_eq!(grace.left_s, (start + GRACE_S - real).max(0));
                prop_assert_eq!((grace.end, grace.ahead_s), (start + GRACE_S, 0));
            }
        }
    }
}
