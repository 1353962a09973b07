//! A hundred days without central; and clocks that are turned back.

use crate::agent::{Agent, eventually};
use crate::central::Central;
use crate::home::Home;
use crate::joined::assert_same;
use serde_json::Value;

const DAY_S: i64 = 86_400;

fn moment(value: &Value) -> i64 {
    value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second()
}

fn stage(agent: &mut Agent, stage: &str) -> i64 {
    let line = agent.line(stage, |line| line.event() == "gate_changed" && line.get("state") == Some(stage));
    line.get("time").unwrap().parse::<jiff::Timestamp>().unwrap().as_second()
}

#[test]
fn a_hundred_days_offline_close_the_gate_on_day_ninety_and_are_caught_up_with_in_order() {
    let Some(home) = Home::new().with_clock() else { return };
    let mut central = Central::start();
    home.join(&central, "90d");
    let mut agent = home.run();
    agent.slots(2);
    home.push_open_day();
    let end = moment(&home.status()["gate"]["grace_end"]);
    central.kill();
    for day in 1..=100 {
        // In the last seconds before each threshold it is not yet there; in the first after it, it is.
        let (before, at, next) = match day {
            60 => ("open", 60, "warning"),
            83 => ("warning", 83, "critical"),
            90 => ("critical", 90, "closed"),
            _ => ("", 0, ""),
        };
        if next.is_empty() {
            // The sample that closes a day is the first of the next.
            home.set_clock(day * DAY_S);
            agent.line("a day's end", |line| line.event() == "day_closed");
        } else {
            let threshold = end - 90 * DAY_S + at * DAY_S;
            home.set_clock(threshold - 4 - now_s());
            agent.slots(1);
            assert_eq!(home.status()["gate"]["state"], before, "day {day}");
            let seen = stage(&mut agent, next);
            assert!((0..=3).contains(&(seen - threshold)), "{next} {} s after its time", seen - threshold);
            home.set_clock(day * DAY_S);
        }
    }
    // The log tells of a day's end before the gate does of the new day.
    eventually("a closed gate", || (home.code(&["gate"]) == 12).then_some(()));
    let waiting = home.status()["outbox"]["pending"].as_i64().unwrap();
    assert!(waiting >= 100, "{waiting}");
    central.come_back();
    agent.signal(nix::sys::signal::Signal::SIGUSR1);
    stage(&mut agent, "open");
    let status = home.await_outbox(0, waiting + 1);
    assert_eq!(status["gate"]["days_left"], 90);
    let rows = central.reports();
    let sequences: Vec<u64> = rows.iter().map(|row| row["sequence"].as_u64().unwrap()).collect();
    assert!(sequences.iter().copied().eq(1..=waiting.unsigned_abs() + 1), "{sequences:?}");
    assert!(rows.windows(2).all(|two| two[0]["day"].as_str() <= two[1]["day"].as_str()), "{rows:?}");
    assert_same(&home, &rows[50]);
    assert_eq!(central.alarms(), []);
    agent.stop();
}

#[expect(clippy::disallowed_methods, reason = "a test's own clock")]
fn now_s() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[test]
fn a_clock_set_back_by_a_year_does_not_lengthen_grace() {
    let Some(home) = Home::new().with_clock() else { return };
    let central = Central::start();
    home.join(&central, "90d");
    let mut agent = home.run();
    agent.slots(2);
    home.push_open_day();
    home.set_clock(50 * DAY_S);
    agent.slots(2);
    let left = |home: &Home| home.status()["gate"]["seconds_left"].as_i64().unwrap();
    let mut before = left(&home);
    assert!(before < 40 * DAY_S);
    for off in [-365 * DAY_S, 0, -3650 * DAY_S] {
        home.set_clock(off);
        agent.slots(2);
        let now = left(&home);
        assert!(now < before, "{now} is not less than {before}, with the clock {off} s off");
        before = now;
    }
    agent.kill();
    let mut agent = home.run();
    agent.slots(1);
    assert!(left(&home) <= before, "nor does a restart under such a clock");
    agent.stop();
}

#[test]
fn a_clock_set_far_ahead_is_forgiven_by_the_next_receipt() {
    let Some(home) = Home::new().with_clock() else { return };
    let central = Central::start();
    home.join(&central, "90d");
    let mut agent = home.run();
    agent.slots(2);
    home.set_clock(200 * DAY_S);
    stage(&mut agent, "closed");
    home.set_clock(0);
    agent.slots(2);
    assert_eq!(home.code(&["gate"]), 12, "nobody can tell which clock was true");
    home.push_open_day();
    stage(&mut agent, "open");
    assert_eq!(home.status()["gate"]["days_left"], 90);
    agent.stop();
}
