//! From joining to the receipt, with nobody's help.

use crate::central::Central;
use crate::home::Home;
use crate::line::Line;
use highwater_rules::retry::{SPLAY_S, splay};
use serde_json::Value;

const DAY_S: i64 = 86_400;

/// A home whose instance's turn comes within the first seconds of the hour, so that a test can wait for it.
pub(crate) fn early(home: Home) -> (Home, i64) {
    let ids = (0..u64::MAX).map(|n| format!("{n:08x}-1111-4111-8111-111111111111"));
    let (id, turn) =
        ids.map(|id| (id.clone(), splay(&id, SPLAY_S))).find(|(_, turn)| (2..5).contains(turn)).unwrap();
    // What a ledger that is gone leaves behind says who the instance is.
    let beside = serde_json::json!({
        "instance": id, "first_start": now_s(), "salt": "00".repeat(16), "sequence": 0,
        "report_digest": null, "timeline": null, "seal": null,
    });
    home.tree.write("state/instance.json", beside.to_string());
    (home, turn)
}

#[expect(clippy::disallowed_methods, reason = "a test's own clock")]
fn now_s() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// What the agent says of a report is what central has.
pub(crate) fn assert_same(home: &Home, row: &Value) {
    let told = home.json(&["report", &row["sequence"].to_string()]);
    let (outbox, report) = (&told["outbox"], &told["report"]);
    for key in ["digest", "day", "time_zone", "partial", "bytes", "sequence"] {
        assert_eq!(outbox[key], row[key], "{key}: {told} {row}");
    }
    assert_eq!(report["instance"], row["instance"]);
    assert_eq!(report["revision"], row["revision"]);
    let moment = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    assert_eq!(moment(&outbox["until"]), moment(&row["until"]));
    assert_eq!(moment(&outbox["receipt"]["received_at"]), moment(&row["received_at"]));
    assert_eq!(outbox["receipt"]["identity"], row["identity"]);
}

#[test]
fn closed_days_travel_by_themselves_in_the_hour_after_their_end() {
    let Some(home) = Home::new().with_clock() else { return };
    let (home, turn) = early(home);
    let central = Central::start();
    let grant = home.join(&central, "90d");
    let mut agent = home.run();
    agent.event("activated");
    // What waits at the start is pushed in these seconds, too.
    agent.slots(usize::try_from(turn).unwrap() + 3);
    for day in 1..=3 {
        agent.slots(2);
        home.set_clock(day * DAY_S);
        agent.event("day_closed");
        let accepted = agent.event("report_accepted");
        assert_eq!(accepted.number("sequence"), day as f64);
        let between = seconds_between(&agent.seen, "day_closed", "report_accepted");
        assert!(
            (turn as f64 - 1.0..turn as f64 + 15.0).contains(&between),
            "{between} s, its turn is {turn} s"
        );
    }
    let status = home.status();
    assert_eq!((&status["outbox"]["receipted"], &status["outbox"]["pending"]), (&3.into(), &0.into()));
    let gate = &status["gate"];
    assert_eq!(
        (&gate["state"], &gate["since"]["what"], &gate["days_left"]),
        (&"open".into(), &"receipt".into(), &90.into())
    );
    for date in ["next_report_due", "grace_end"] {
        assert!(gate[date].is_string(), "{gate}");
    }
    assert!(gate["contract_end"].is_null(), "this contract has none: {gate}");
    let reports = central.reports();
    assert_eq!(reports.len(), 3);
    for row in &reports {
        assert_eq!(row["identity"], grant["identity"]);
        assert_same(&home, row);
    }
    let log = agent.stop();
    assert!(log.iter().all(|line| line.event() != "push_failed"), "{log:?}");
}

fn seconds_between(log: &[Line], first: &str, second: &str) -> f64 {
    let at = |name: &str| {
        let line = log.iter().rev().find(|line| line.event() == name).unwrap();
        line.get("time").unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond() as f64 / 1000.0
    };
    at(second) - at(first)
}

#[test]
fn status_tells_the_end_of_the_contract_apart_from_the_end_of_grace() {
    let home = Home::new();
    let central = Central::start();
    let create = ["contract", "create", "--product", "P", "--customer", "C", "--not-after", "2099-12-31"];
    let contract = central.json(&create)["contract"].as_str().unwrap().to_owned();
    let token = central.json(&["token", "create", "--contract", &contract]);
    home.join_by(&central.url(), &central.ca_file, token["token"].as_str().unwrap());
    let mut agent = home.run();
    agent.slots(1);
    home.push_open_day();
    let gate = home.status()["gate"].clone();
    assert_eq!(gate["contract_end"], "2100-01-01T00:00:00Z");
    assert_ne!(gate["contract_end"], gate["grace_end"]);
    assert!(gate["next_report_due"].as_str().unwrap() < gate["grace_end"].as_str().unwrap(), "{gate}");
    agent.stop();
}
