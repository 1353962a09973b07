//! The grace period of an instance whose receipts are carried by hand: nothing that is done to a clock, to a return bundle or to the
//! kept state lengthens it, and an export that is answered opens the gate again.

use highwater_rules::grace::{Anchor, GRACE_S, Since, Stage, Timeline};
use highwater_rules::record::Mark;
use proptest::prelude::*;

const DAY_S: i64 = 86_400;
const SLOT_S: i64 = 300;
const START: i64 = 1_700_000_000;
const YEARS: i64 = 10 * 366 * DAY_S;

/// A host: what is true, what its clock shows beside it, and how long it has been up.
struct Host {
    real: i64,
    offset: i64,
    up: i64,
    boot: i64,
}

impl Host {
    fn new() -> Self {
        Host { real: START, offset: 0, up: 5000, boot: 0 }
    }

    fn mark(&self) -> Mark {
        let up_ms = self.up * 1000;
        Mark {
            wall_ms: (self.real + self.offset) * 1000,
            mono_ms: up_ms,
            boot_ms: up_ms,
            boot_id: self.boot.to_string(),
        }
    }

    fn begun(&self) -> Timeline {
        Timeline { anchor: receipt(START), ..Timeline::begun(START, START, &self.mark()) }
    }

    fn run(&mut self, s: i64) {
        self.real += s;
        self.up += s;
    }
}

fn receipt(at_s: i64) -> Anchor {
    Anchor::signed(Since::Receipt, at_s, GRACE_S.unsigned_abs())
}

/// A file on its way back.
#[derive(Clone, Copy)]
struct Return {
    exported_ms: i64,
    answered_at: i64,
    received_at: i64,
    /// The host's uptime, all boots together, when central had the report.
    uptime: i64,
}

impl Return {
    fn accept(&self, timeline: &mut Timeline, now: &Mark) -> bool {
        timeline.accept_exported(Some(receipt(self.received_at)), self.exported_ms, self.answered_at, now)
    }
}

#[test]
fn a_receipt_counts_from_the_export_however_long_it_is_held_back() {
    for held_days in [0, 1, 40, 89, 90, 200] {
        let mut host = Host::new();
        let mut timeline = host.begun();
        host.run(60 * DAY_S);
        timeline.advance(&host.mark());
        let exported_ms = timeline.counted_ms();
        host.run(held_days * DAY_S);
        let anchor = Some(receipt(START + 60 * DAY_S));
        assert!(timeline.accept_exported(anchor, exported_ms, START + 60 * DAY_S, &host.mark()));
        assert_eq!(timeline.grace().days_left, (90 - held_days).max(0), "{held_days}");
    }
}

#[test]
fn a_receipt_that_central_gave_long_before_this_export_is_no_younger_for_it() {
    let mut host = Host::new();
    let mut timeline = host.begun();
    host.run(89 * DAY_S);
    timeline.advance(&host.mark());
    // The same report was carried out on day 1, and again today: the receipt is the first one's.
    let anchor = Some(receipt(START + DAY_S));
    assert!(timeline.accept_exported(anchor, timeline.counted_ms(), host.real, &host.mark()));
    assert_eq!(timeline.grace().days_left, 2);
}

#[test]
fn an_export_and_its_answer_open_the_gate_after_a_clock_that_was_ten_years_ahead_for_a_minute() {
    let mut host = Host::new();
    let mut timeline = host.begun();
    host.run(DAY_S);
    host.offset = YEARS;
    host.run(60);
    timeline.advance(&host.mark());
    host.offset = 0;
    host.run(60);
    timeline.advance(&host.mark());
    assert_eq!(timeline.grace().stage, Stage::Closed);
    let exported_ms = timeline.counted_ms();
    host.run(3600);
    let answered_at = host.real;
    host.run(2 * DAY_S);
    assert!(timeline.accept_exported(Some(receipt(answered_at)), exported_ms, answered_at, &host.mark()));
    assert_eq!(timeline.grace().stage, Stage::Open);
    assert_eq!(timeline.grace().days_left, 88, "counted from the export");
    let ahead_s = timeline.latest_ms / 1000 - host.real;
    assert_eq!(
        ahead_s, 3600,
        "nor are the licence's and the contract's dates past, which go by the same time"
    );
    let left = timeline.grace().left_s;
    assert!(!timeline.accept_exported(Some(receipt(answered_at)), exported_ms, answered_at, &host.mark()));
    assert_eq!(timeline.grace().left_s, left, "the same file again changes nothing");
}

#[test]
fn the_part_of_a_second_that_central_does_not_tell_moves_no_end() {
    let mut host = Host::new();
    let mut timeline = host.begun();
    host.run(DAY_S);
    let at = |after_ms: i64| {
        let mark = host.mark();
        Mark { wall_ms: mark.wall_ms + after_ms, boot_ms: mark.boot_ms + after_ms, ..mark }
    };
    timeline.advance(&at(900));
    let (before, exported_ms) = (timeline.grace(), timeline.counted_ms());
    // Answered fifty milliseconds later, which is the same second.
    assert!(!timeline.accept_exported(None, exported_ms, host.real, &at(2000)));
    assert_eq!((timeline.grace().end, timeline.latest_ms), (before.end, host.real * 1000 + 2000));
}

#[test]
fn an_answer_without_receipts_puts_a_timeline_right_and_gives_no_grace() {
    let mut host = Host::new();
    let mut timeline = host.begun();
    host.offset = YEARS;
    timeline.advance(&host.mark());
    host.offset = 0;
    host.run(60);
    timeline.advance(&host.mark());
    let (before, exported_ms) = (timeline.grace(), timeline.counted_ms());
    assert!(!timeline.accept_exported(None, exported_ms, host.real, &host.mark()));
    assert_eq!(timeline.latest_ms / 1000, host.real);
    assert_eq!((timeline.grace().left_s, timeline.grace().stage), (before.left_s, before.stage));
}

#[derive(Debug, Clone)]
enum Step {
    Run {
        s: i64,
    },
    Clock {
        s: i64,
    },
    Restart,
    Reboot {
        off_s: i64,
    },
    Snapshot,
    Restore,
    Export,
    /// Central answers one of the exports; a report that it has gets the receipt that it had.
    Answer {
        which: usize,
        is_old: bool,
    },
    Import {
        which: usize,
    },
    ImportAll,
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
            1 => Just(Step::Restore),
            3 => Just(Step::Export),
            3 => (0usize..9, any::<bool>()).prop_map(|(which, is_old)| Step::Answer { which, is_old }),
            3 => (0usize..9).prop_map(|which| Step::Import { which }),
            1 => Just(Step::ImportAll),
        ],
        1..60,
    )
}

/// The agent's memory, and the two places where it keeps its time.
struct Agent {
    memory: Timeline,
    ledger: Timeline,
    file: Timeline,
}

impl Agent {
    fn keep(&mut self) {
        self.ledger = self.memory.clone();
        self.file = self.memory.clone();
    }

    fn restart(&mut self) {
        self.memory = self.ledger.clone().reconciled(self.file.clone());
    }
}

proptest! {
    /// While the gate is not closed, the host was up for no longer than the period since central had the report of the best receipt
    /// that was ever imported, but for the slots lost at reboots and the one that is running.
    #[test]
    fn nothing_lengthens_the_period(steps in steps(), partial in 0i64..SLOT_S) {
        let mut host = Host::new();
        let first = host.begun();
        let mut agent = Agent { memory: first.clone(), ledger: first.clone(), file: first.clone() };
        let mut snapshot = first;
        let (mut exports, mut returns): (Vec<i64>, Vec<Return>) = (Vec::new(), Vec::new());
        let (mut uptime, mut reboots) = (0, 0);
        let mut best = Return { exported_ms: 0, answered_at: START, received_at: START, uptime: 0 };
        for step in steps {
            let mut import = |agent: &mut Agent, host: &Host, back: Return| {
                if back.accept(&mut agent.memory, &host.mark()) {
                    agent.keep();
                    if back.received_at > best.received_at {
                        best = back;
                    }
                }
            };
            match step {
                Step::Run { s } => {
                    host.run(s);
                    uptime += s;
                    agent.memory.advance(&host.mark());
                    agent.keep();
                    host.run(partial);
                    uptime += partial;
                }
                Step::Clock { s } => host.offset = (host.offset + s).clamp(-1000 * DAY_S, 1000 * DAY_S),
                Step::Restart => agent.restart(),
                Step::Reboot { off_s } => {
                    host.real += off_s;
                    (host.up, host.boot, reboots) = (0, host.boot + 1, reboots + 1);
                    agent.restart();
                }
                Step::Snapshot => snapshot = agent.ledger.clone(),
                Step::Restore => {
                    agent.ledger = snapshot.clone();
                    agent.restart();
                }
                Step::Export => {
                    agent.memory.advance(&host.mark());
                    exports.push(agent.memory.counted_ms());
                    agent.keep();
                }
                Step::Answer { which, is_old } => {
                    let Some(exported_ms) = exports.get(which % exports.len().max(1)).copied() else { continue };
                    let (received_at, uptime) = match returns.last() {
                        Some(last) if is_old => (last.received_at, last.uptime),
                        _ => (host.real, uptime),
                    };
                    returns.push(Return { exported_ms, answered_at: host.real, received_at, uptime });
                }
                Step::Import { which } => {
                    if let Some(back) = returns.get(which % returns.len().max(1)) {
                        import(&mut agent, &host, *back);
                    }
                }
                Step::ImportAll => {
                    let before = agent.memory.clone();
                    for back in returns.iter().rev() {
                        import(&mut agent, &host, *back);
                    }
                    let once = agent.memory.clone();
                    for back in &returns {
                        prop_assert!(!back.accept(&mut agent.memory, &host.mark()), "a replay was accepted");
                    }
                    prop_assert!(agent.memory.grace().left_s <= once.grace().left_s, "a replay gained time");
                    prop_assert!(once.anchor == before.anchor || once.anchor.replaces(&before.anchor));
                }
            }
            agent.memory.advance(&host.mark());
            let grace = agent.memory.grace();
            let (since, lost) = (uptime - best.uptime, (reboots + 1) * SLOT_S);
            prop_assert!(
                grace.stage == Stage::Closed || since < GRACE_S + lost,
                "up for {since} s, {reboots} reboots, {grace:?}"
            );
            prop_assert!(grace.left_s <= (GRACE_S - since + lost).max(0));
        }
        // Whatever was done: an export now, answered and brought back at once, opens the gate.
        agent.memory.advance(&host.mark());
        let exported_ms = agent.memory.counted_ms();
        host.run(3600);
        let newest = returns.iter().map(|back| back.received_at).max().unwrap_or(START);
        let received_at = host.real.max(newest + 1);
        let fresh = Return { exported_ms, answered_at: received_at, received_at, uptime: 0 };
        prop_assert!(fresh.accept(&mut agent.memory, &host.mark()));
        prop_assert_eq!(agent.memory.grace().stage, Stage::Open);
    }

    /// The instance's time is never before the true one on a host whose clock is only ever ahead.
    #[test]
    fn the_time_is_put_right_and_never_too_early(
        spans in proptest::collection::vec((0i64..10 * DAY_S, 0i64..1000 * DAY_S, 0i64..DAY_S), 1..20)
    ) {
        let mut host = Host::new();
        let mut timeline = host.begun();
        for (span, ahead, carried) in spans {
            host.offset = ahead;
            timeline.advance(&host.mark());
            host.offset = 0;
            host.run(span);
            timeline.advance(&host.mark());
            let exported_ms = timeline.counted_ms();
            host.run(carried);
            let answered_at = host.real;
            host.run(carried);
            timeline.accept_exported(None, exported_ms, answered_at, &host.mark());
            let ahead_s = timeline.latest_ms.div_euclid(1000) - host.real;
            prop_assert!((0..=carried).contains(&ahead_s), "{} s ahead", ahead_s);
        }
    }
}
