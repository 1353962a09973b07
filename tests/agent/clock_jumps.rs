//! Wall clocks that are set while the agent runs, on clocks since boot that run true.

use crate::agent::Agent;
use crate::faked;
use crate::home::{HIGHWATER, Home};
use crate::line::Line;
use crate::rows;

struct Clock {
    home: Home,
}

impl Clock {
    /// `None` where there is no libfaketime.
    fn new() -> Option<Self> {
        let library = faked::library()?;
        let home = Home::new()
            .with("LD_PRELOAD", library)
            .with("FAKETIME_NO_CACHE", "1")
            .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .with("TZ", "UTC");
        let file = home.tree.at("time");
        Some(Clock { home: home.with("FAKETIME_TIMESTAMP_FILE", file) })
    }

    fn set(&self, to: &str) {
        self.home.tree.write("time.new", format!("@{to}\n"));
        std::fs::rename(self.home.tree.at("time.new"), self.home.tree.at("time")).unwrap();
    }

    fn run(&self) -> Agent {
        Agent::spawn(self.home.command(HIGHWATER).arg("run"))
    }
}

fn hour_of(line: &Line) -> &str {
    &line.get("at").unwrap()[11..13]
}

/// Waits for samples of this hour, the first of which must tell of the jump.
fn after_jump(agent: &mut Agent, hour: &str) -> Vec<Line> {
    let first = agent.line(&format!("sample at {hour} o'clock"), |l| l.is_slot() && hour_of(l) == hour);
    let mut lines = vec![first];
    lines.extend(agent.slots(2));
    assert!(lines.iter().all(|line| hour_of(line) == hour), "{lines:?}");
    lines
}

fn assert_sound(home: &Home, log: &[Line]) {
    let ledger = home.ledger();
    let logged: Vec<i64> = log.iter().filter(|l| l.is_slot()).map(Line::slot).collect();
    let mut written = rows::slots(&ledger);
    assert_eq!(written, logged);
    written.sort_unstable();
    written.dedup();
    assert_eq!(written.len(), logged.len(), "no slot is there twice");
    home.assert_verified();
}

#[test]
fn a_clock_set_forward_leaves_a_gap_and_the_sampling_goes_on() {
    let Some(clock) = Clock::new() else { return };
    clock.set("2026-05-01 10:00:00");
    let mut agent = clock.run();
    agent.slots(2);
    clock.set("2026-05-01 11:00:00");
    let step = agent.event("clock_set").number("step_ms");
    assert!((3_500_000.0..3_600_000.0).contains(&step), "{step}");
    let first = after_jump(&mut agent, "11").remove(0);
    let log = agent.stop();
    let missed = log.iter().find(|l| l.event() == "slots_missed" && l.number("slots") > 3000.0).unwrap();
    assert_eq!(missed.get("reason"), Some("clock_jump"));
    let reasons: Vec<String> = rows::column(&clock.home.ledger(), "SELECT DISTINCT reason FROM missed");
    assert!(reasons.contains(&"clock_jump".to_owned()), "{reasons:?}");
    let gaps: Vec<&str> = first.get("network_throughput_gap").into_iter().collect();
    assert!(gaps == ["clock_jump"] || gaps == ["source_failed"], "no rate spans a jump: {first:?}");
    assert_sound(&clock.home, &log);
}

#[test]
fn a_clock_set_back_neither_stops_the_sampling_nor_counts_a_slot_twice() {
    let Some(clock) = Clock::new() else { return };
    clock.set("2026-05-01 10:00:00");
    let mut agent = clock.run();
    agent.slots(2);
    clock.set("2026-05-01 11:00:00");
    after_jump(&mut agent, "11");
    // Back among what has been written, and past its end.
    clock.set("2026-05-01 10:00:00");
    let step = agent.event("clock_set").number("step_ms");
    assert!((-3_610_000.0..-3_500_000.0).contains(&step), "{step}");
    let first = after_jump(&mut agent, "10").remove(0);
    assert_eq!(
        first.get("network_throughput_gap").map(|gap| gap != "counter_reset"),
        Some(true),
        "{first:?}"
    );
    // Back to before all that was.
    clock.set("2026-05-01 07:00:00");
    agent.event("clock_set");
    after_jump(&mut agent, "07");
    let log = agent.stop();
    let highest: Option<f64> = rows::one(
        &clock.home.ledger(),
        "SELECT max(value) FROM readings WHERE meter = 'network_throughput'",
        [],
    );
    assert!(highest.is_none_or(|rate| rate < 1e12), "{highest:?}");
    assert_sound(&clock.home, &log);
}

#[test]
fn a_clock_set_back_over_midnight_returns_to_its_day() {
    let Some(clock) = Clock::new() else { return };
    clock.set("2026-05-01 23:59:57");
    let mut agent = clock.run();
    let closed = agent.event("day_closed");
    assert_eq!((closed.get("day"), closed.get("revision")), (Some("2026-05-01"), Some("1")));
    agent.slots(2);
    clock.set("2026-05-01 23:59:50");
    agent.event("clock_set");
    let again = agent.event("day_closed");
    assert_eq!((again.get("day"), again.get("revision")), (Some("2026-05-01"), Some("2")));
    assert!(again.number("read") > closed.number("read"));
    agent.slots(1);
    let log = agent.stop();
    assert_sound(&clock.home, &log);
}
