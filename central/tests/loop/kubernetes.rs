//! A cluster from end to end: agents that join by themselves, an API server that keeps their licence, and a real central.

use crate::agent::eventually;
use crate::central::Central;
use crate::home::Home;
use crate::stub::{LEASE, SECRET, STATUS, Stub};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use highwater_rules::retry::{START_SPLAY_S, splay};
use serde_json::{Value, json};

const CLUSTER: &str = "7ec24c76-5c50-460a-b1f4-b7574046ec93";

/// A home of an agent on a node, which knows nothing but what a pod is given.
fn pod(stub: &Stub, central: &Central, token: &str, node: &str, nth: u64) -> Home {
    let ids = (nth << 24..).map(|n| format!("{n:08x}-3333-4333-8333-333333333333"));
    let is_early = |id: &String| splay(id, START_SPLAY_S) == 0 && splay(id, 5) == 0;
    let id = ids.into_iter().find(is_early).unwrap();
    let beside = json!({
        "instance": id, "first_start": 1_795_000_000, "salt": "00".repeat(16),
        "sequence": 0, "report_digest": null, "timeline": null, "seal": null,
    });
    let home = Home::new();
    home.tree.write("state/instance.json", beside.to_string());
    home.tree.write("token", token);
    let file = home.tree.at("token");
    let mut home = home
        .with("HIGHWATER_UPLINK__URL", central.url())
        .with("HIGHWATER_UPLINK__CA_FILE", &central.ca_file)
        .with("HIGHWATER_UPLINK__ENROLMENT_TOKEN_FILE", file)
        .with("HIGHWATER_KUBERNETES__POD", format!("highwater-{node}"))
        .with("HIGHWATER_KUBERNETES__LICENCE_SECRET", "highwater-licence")
        .with("HIGHWATER_KUBERNETES__STATUS", "highwater-status");
    for (name, value) in stub.env(node) {
        home = home.with(name, value);
    }
    home
}

#[test]
fn nodes_that_join_by_themselves_have_one_licence_in_the_secret_and_are_one_cluster_at_central() {
    if !highwater::HAS_KUBERNETES {
        eprintln!("skipped: this build has no Kubernetes support (cargo xtask test has)");
        return;
    }
    let (stub, central) = (Stub::start(), Central::start());
    stub.add_node("node-b");
    stub.edit(LEASE, |lease| drop(lease["spec"].as_object_mut().unwrap().remove("holderIdentity")));
    let created = central.json(&["contract", "create", "--product", "P", "--customer", "C"]);
    let contract = created["contract"].as_str().unwrap().to_owned();
    let token =
        central.json(&["token", "create", "--contract", &contract])["token"].as_str().unwrap().to_owned();
    let one = pod(&stub, &central, &token, "node-a", 1);
    let mut agent = one.run();
    agent.event("node_known");
    let kept = agent.event("cluster_licence_kept");
    let held = one.json(&["license", "show"]);
    assert_eq!((&held["state"], held["licence"]["id"].as_str()), (&json!("valid"), kept.get("id")));
    assert_eq!(held["licence"]["cluster"], CLUSTER);
    let data = stub.object(SECRET).unwrap()["data"]["license"].as_str().unwrap().to_owned();
    let text = String::from_utf8(STANDARD.decode(data).unwrap()).unwrap();
    assert_eq!(text.matches('.').count(), 2, "a compact JWT");
    let other = pod(&stub, &central, &token, "node-b", 2);
    let mut second = other.run();
    second.event("activated");
    second.slots(2);
    assert_eq!(other.json(&["license", "show"])["licence"]["id"], held["licence"]["id"], "one for both");
    for home in [&one, &other] {
        home.push_open_day();
    }
    let told = central.json(&["cluster", "show", CLUSTER]);
    assert_eq!(told["nodes"].as_array().map(Vec::len), Some(2), "{told}");
    // The receipts are told of in the ConfigMap.
    eventually("a receipt", || {
        let data: Value = stub.object(STATUS).unwrap()["data"].clone();
        (data["last_receipt"].is_string() && data["licence_until"].is_string()).then_some(())
    });
    for agent in [agent, second] {
        let log = agent.stop();
        let alarms = ["cluster_failed", "licence_failed", "licence_unusable", "enrolment_failed"];
        assert!(log.iter().all(|line| !alarms.contains(&line.event())), "{log:?}");
    }
    assert_eq!(stub.asked_for("PATCH", SECRET).len(), 1, "written once for the cluster");
}
