//! `highwater push`.

use crate::base::{self, Dice, FIRST_DAY};
use crate::central::Central;
use crate::home::Home;
use crate::joined::assert_same;
use crate::relay::Relay;
use highwater_rules::meter::{Meter, Series};
use highwater_rules::record::{Entry, Reading};
use highwater_rules::slot::{Slot, SlotLength};
use serde_json::Value;

#[test]
fn push_sends_with_a_running_agent_and_without_one() {
    let central = Central::start();
    let home = Home::new();
    home.join(&central, "90d");
    let mut agent = home.run();
    agent.slots(2);
    let outcome = home.json(&["push"]);
    assert_eq!(outcome, serde_json::json!({"accepted": 0, "parked": 0, "pending": 0, "error": null}));
    let outcome = home.push_open_day();
    assert_eq!(outcome, serde_json::json!({"accepted": 1, "parked": 0, "pending": 0, "error": null}));
    agent.slots(1);
    agent.stop();
    let outcome = home.push_open_day();
    assert_eq!(outcome, serde_json::json!({"accepted": 1, "parked": 0, "pending": 0, "error": null}));
    let reports = central.reports();
    assert_eq!(reports.len(), 2);
    for row in &reports {
        assert_eq!(row["partial"], true);
        assert_same(&home, row);
    }
    let status = home.status();
    assert_eq!(
        (&status["gate"]["since"]["what"], &status["outbox"]["receipted"]),
        (&"receipt".into(), &2.into())
    );
}

#[test]
fn push_says_what_is_missing_before_the_activation_and_while_central_is_away() {
    let home = Home::new();
    let mut agent = Some(home.run());
    if let Some(agent) = &mut agent {
        agent.slots(2);
    }
    // The open day's report is made again only where a slot has been written since.
    let mut waiting = 0;
    for running in [true, false] {
        let (outcome, code) = home.json_and_code(&["push", "--open-day"]);
        assert_eq!(code, 69, "running: {running}: {outcome}");
        assert!(outcome["error"]["mend"].as_str().unwrap().contains("activate"), "{outcome}");
        waiting = outcome["pending"].as_i64().unwrap();
        assert!(waiting > 0, "{outcome}");
        if let Some(agent) = agent.take() {
            agent.stop();
        }
    }
    let mut central = Central::start();
    home.join(&central, "90d");
    central.kill();
    let output = home.ask(&["push"]);
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("refused"), "{output:?}");
    let status = home.status();
    assert!(status["outbox"]["last_error"].is_string() && status["outbox"]["mend"].is_string(), "{status}");
    central.come_back();
    let outcome = home.json(&["push"]);
    assert_eq!((&outcome["accepted"], &outcome["pending"]), (&waiting.into(), &0.into()), "{outcome}");
    assert!(home.status()["outbox"]["last_error"].is_null());
}

#[test]
fn what_was_refused_for_good_is_sent_again_when_it_is_asked_for() {
    let central = Central::start();
    let home = Home::new();
    home.join(&central, "90d");
    let mut agent = home.run();
    agent.slots(2);
    agent.stop();
    home.push_open_day();
    // As if central had refused it for good.
    home.meddle("UPDATE outbox SET state = 'parked', why = 'a test', receipt = NULL, received_at = NULL");
    assert_eq!(home.status()["outbox"]["parked"], 1);
    assert_eq!(home.json(&["push"])["accepted"], 0);
    let outcome = home.json(&["push", "--retry-parked"]);
    assert_eq!((&outcome["accepted"], &outcome["parked"]), (&1.into(), &0.into()), "{outcome}");
    assert_eq!(home.status()["outbox"]["receipted"], 1);
}

/// Ninety closed days of ten series, and one slot of the next.
fn backlog(home: &Home) {
    let length = SlotLength::new(3600).unwrap();
    let mut ledger = base::open(&home.state_dir(), base::plan(3600, 120 * 24));
    let mut dice = Dice(11);
    for hour in 0..=90 * 24 {
        let slot = Slot(length.slot_at(FIRST_DAY).0 + hour);
        let mut record = base::record(slot, length, &mut dice);
        record.entries = (0..10)
            .map(|n| Entry {
                series: Series::new(Meter::SslTps, format!("front-{n}")),
                outcome: Ok(Reading::plain(dice.below(100_000) as f64)),
                counters: None,
            })
            .collect();
        ledger.append(&record, &[]).unwrap();
        ledger.close_days(record.at()).unwrap();
    }
    ledger.seal().unwrap();
}

#[test]
fn ninety_days_of_ten_series_are_caught_up_with_in_two_requests() {
    let central = Central::start();
    let relay = Relay::start(&central);
    let home = Home::new().with("HIGHWATER_SAMPLING__INTERVAL", "1h");
    backlog(&home);
    let url = format!("https://127.0.0.1:{}", relay.port());
    home.join_by(&url, &relay.ca_file(), &central.token("90d"));
    assert_eq!(home.status()["outbox"]["pending"], 90);
    let started = instant();
    let outcome = home.json(&["push"]);
    println!("90 days of ten series: {:.2} s", started.elapsed().as_secs_f64());
    assert_eq!((&outcome["accepted"], &outcome["pending"]), (&90.into(), &0.into()), "{outcome}");
    assert_eq!(relay.asked("/v1/reports"), 2);
    let rows = central.reports();
    let sequences: Vec<u64> = rows.iter().map(|row| row["sequence"].as_u64().unwrap()).collect();
    assert!(sequences.iter().copied().eq(1..=90), "{sequences:?}");
    assert_same(&home, &rows[44]);
    assert_eq!(central.alarms(), []);
    assert_eq!(home.status()["outbox"]["receipted"], Value::from(90));
}

#[expect(clippy::disallowed_methods, reason = "a test tells how long it took")]
fn instant() -> std::time::Instant {
    std::time::Instant::now()
}
