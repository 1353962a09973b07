//! What someone sees who has just built it: no configuration, no server.

use crate::home::Home;
use crate::rows;
use serde_json::Value;

fn assert_keys(value: &Value, keys: &[&str]) {
    for key in keys {
        assert!(value.get(key).is_some(), "no {key} in {value}");
    }
}

#[test]
fn it_runs_with_nothing_configured_and_says_what_it_does() {
    let home = Home::new();
    let mut agent = home.run();
    let started = agent.event("started");
    assert_eq!(started.get("pid").unwrap(), agent.pid().to_string());
    assert_eq!(started.get("interval_s"), Some("1"));
    assert_eq!(started.get("config"), Some("none"));
    agent.event("host");
    let sampled = agent.slots(3);
    assert!(sampled.windows(2).all(|pair| pair[0].slot() < pair[1].slot()));
    assert!(sampled.iter().all(|line| line.number("ram_capacity") > 0.0));
    let log = agent.stop();
    let last = log.iter().rfind(|line| line.is_slot()).unwrap();
    assert_eq!(log.last().unwrap().get("signal"), Some("SIGTERM"));
    let ledger = home.ledger();
    assert_eq!(rows::slots(&ledger).last(), Some(&last.slot()));
    let at = last.at();
    let value: f64 = rows::one(
        &ledger,
        "SELECT value FROM readings WHERE at = ?1 AND meter = 'ram_capacity' AND typeof(value) = 'integer'",
        [at],
    );
    assert_eq!(value, last.number("ram_capacity"));
    home.assert_verified();
}

#[test]
fn every_command_gives_the_json_that_scripts_rely_on() {
    let home = Home::new();
    let mut agent = home.run();
    agent.slots(3);
    let status = home.json(&["status"]);
    assert_keys(&status, &["instance", "version", "last_sample_at", "gate", "outbox", "today"]);
    assert_keys(&status["gate"], &["state", "days_left", "next_report_due", "grace_end", "contract_end"]);
    assert_keys(&status["outbox"], &["pending", "parked", "last_error"]);
    assert_eq!((&status["gate"]["state"], &status["running"]), (&"open".into(), &true.into()));
    assert!(status["today"].as_array().is_some_and(|today| !today.is_empty()), "{status}");
    let last: Result<jiff::Timestamp, _> = status["last_sample_at"].as_str().unwrap().parse();
    assert!(last.is_ok(), "{status}");
    let peaks = home.json(&["peaks"]);
    let day = &peaks["days"][0];
    assert_keys(day, &["day", "time_zone", "closed", "coverage", "peaks"]);
    assert_keys(&day["coverage"], &["expected", "read", "missed"]);
    let total = day["peaks"].as_array().unwrap().iter().find(|p| p["subject"] == "total").unwrap();
    assert_keys(total, &["meter", "subject", "value", "at", "runner_up", "p95"]);
    assert_keys(&total["runner_up"], &["value", "at"]);
    assert_keys(&home.json(&["verify"]), &["ok", "slots", "first_bad"]);
    assert_keys(&home.json(&["check-config"]), &["ok"]);
    let (doctor, _) = home.json_and_code(&["doctor"]);
    assert_keys(&doctor, &["ok", "checks"]);
    assert_keys(&doctor["checks"][0], &["name", "ok", "needs_root", "detail"]);
    let (once, _) = home.json_and_code(&["once"]);
    let ram = once["readings"].as_array().unwrap().iter().find(|r| r["meter"] == "ram_capacity").unwrap();
    assert_keys(ram, &["meter", "subject", "value"]);
    agent.stop();
    assert_eq!(home.json(&["status"])["running"], false);
}

#[test]
fn before_the_first_run_commands_say_that_there_is_no_ledger_yet() {
    let home = Home::new();
    for command in ["status", "peaks", "verify"] {
        let output = home.ask(&[command]);
        assert_eq!(output.status.code(), Some(69), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("highwater run"), "{output:?}");
    }
    assert!(!home.file().exists());
}
