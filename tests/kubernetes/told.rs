//! What the cluster is told: Events about the agent's pod, and the ConfigMap of how the cluster stands.

use crate::agent::eventually;
use crate::scene::Scene;
use crate::stub::{EVENTS, STATUS};
use serde_json::{Value, json};

#[test]
fn grace_that_runs_out_is_an_event_that_is_made_once_and_counted_on() {
    let scene = Scene::new();
    scene.grace_days(25);
    let member = scene.member("node-a");
    let mut agent = member.run();
    agent.event("activated");
    let told = |reason: &'static str, count: i64| {
        eventually(reason, || {
            scene.stub.events().into_iter().find(|event| event["reason"] == reason && event["count"] == count)
        })
    };
    let event = told("GracePeriodLow", 1);
    assert_eq!(event["metadata"]["name"], json!(format!("{}.grace-period-low", member.pod)));
    assert_eq!((&event["type"], &event["involvedObject"]["name"]), (&json!("Warning"), &json!(member.pod)));
    assert!(event["message"].as_str().unwrap().starts_with("25 days of grace left"), "{event}");
    // From open, before it joined, to warning: a stage for the worse.
    told("GateWarning", 1);
    agent.slots(2);
    agent.stop();
    // The same pod's next container: the Event is there, and is counted on.
    scene.stub.forget();
    let agent = member.run();
    eventually("patched", || {
        let patched = scene.stub.asked_for("PATCH", &format!("{EVENTS}/{}.grace-period-low", member.pod));
        (patched.len() == 1).then_some(())
    });
    let statuses: Vec<u16> = scene.stub.asked_for("POST", EVENTS).iter().map(|asked| asked.status).collect();
    assert_eq!(statuses, [409]);
    agent.stop();
    assert_eq!(scene.stub.events().len(), 2, "no Event more");
}

#[test]
fn where_grace_is_long_no_event_is_made() {
    let scene = Scene::new();
    let member = scene.member("node-a");
    let mut agent = member.run();
    agent.event("activated");
    agent.slots(3);
    agent.stop();
    assert_eq!(scene.stub.events(), Vec::<Value>::new());
}

#[test]
fn the_config_map_tells_of_the_node_whose_grace_ends_first() {
    let scene = Scene::new();
    scene.stub.add_node("node-b");
    let data = || scene.stub.object(STATUS).unwrap()["data"].clone();
    let status = ("HIGHWATER_KUBERNETES__STATUS", "highwater-status");
    let of = |node: &str| scene.member(node).with(status.0, status.1);
    let told = |node: &str, days: &str| {
        eventually(node, || (data()["node"] == node && data()["days_left"] == days).then(data))
    };
    scene.grace_days(50);
    let first = of("node-a");
    let mut agent = first.run();
    agent.event("activated");
    agent.stop();
    let agent = first.run();
    let there = told("node-a", "50");
    assert_eq!((&there["stage"], &there["last_receipt"]), (&json!("open"), &Value::Null));
    assert!(there["grace_ends"].is_string() && there["updated"].is_string(), "{there}");
    agent.stop();
    scene.grace_days(40);
    let second = of("node-b");
    let mut agent = second.run();
    agent.event("activated");
    agent.stop();
    let agent = second.run();
    told("node-b", "40");
    agent.stop();
    // The first looks, and has nothing worse to tell.
    scene.stub.forget();
    let mut agent = first.run();
    eventually("looked", || (!scene.stub.asked_for("GET", STATUS).is_empty()).then_some(()));
    agent.slots(2);
    assert_eq!(scene.stub.asked_for("PATCH", STATUS).len(), 0);
    told("node-b", "40");
    // What is older than two days anybody may correct.
    scene.stub.edit(STATUS, |map| map["data"]["updated"] = json!("2026-11-01T00:00:00Z"));
    agent.stop();
    let agent = first.run();
    told("node-a", "50");
    agent.stop();
}
