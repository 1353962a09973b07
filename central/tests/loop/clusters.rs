//! Agents on the nodes of a cluster: what they know of it, central knows, and the cluster's licence counts for each of them.

use crate::central::Central;
use crate::home::Home;
use serde_json::Value;

const CLUSTER: &str = "7b0c6f4e-0000-4000-8000-00000000abcd";

/// A home of an agent that has learned its node.
fn on_node(name: &str, hardware: &str) -> Home {
    let home = Home::new();
    let node = serde_json::json!({"cluster": CLUSTER, "name": name, "hardware": hardware});
    home.tree.write("state/node.json", node.to_string());
    home
}

fn join(central: &Central, homes: &[&Home]) {
    let created = central.json(&["contract", "create", "--product", "P", "--customer", "C"]);
    let contract = created["contract"].as_str().unwrap().to_owned();
    let token = central.json(&["token", "create", "--contract", &contract]);
    for home in homes {
        home.join_by(&central.url(), &central.ca_file, token["token"].as_str().unwrap());
    }
}

fn licence(home: &Home) -> Value {
    let shown = home.json(&["license", "show"]);
    assert_eq!(shown["state"], "valid", "{shown}");
    shown["licence"].clone()
}

#[test]
fn two_agents_of_a_cluster_hold_its_licence_and_are_two_nodes_of_it() {
    let (one, other) = (on_node("node-a", "00112233445566aa"), on_node("node-b", "00112233445566bb"));
    let other = other.with("HIGHWATER_UPLINK__HASH_NAMES", "true");
    let central = Central::start();
    join(&central, &[&one, &other]);
    let held = licence(&one);
    assert_eq!((&held["cluster"], &held["instance"]), (&CLUSTER.into(), &Value::Null));
    assert_eq!(licence(&other)["id"], held["id"], "one for both");
    for home in [&one, &other] {
        let mut agent = home.run();
        agent.slots(2);
        home.push_open_day();
        let log = agent.stop();
        assert!(log.iter().all(|line| line.event() != "licence_unusable"), "{log:?}");
    }
    let report = &one.json(&["report", "1"])["report"];
    assert_eq!((&report["node"]["cluster"], &report["node"]["name"]), (&CLUSTER.into(), &"node-a".into()));
    let told = central.json(&["cluster", "show", CLUSTER]);
    let nodes = told["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 2, "{told}");
    let names: Vec<&Value> = nodes.iter().map(|node| &node[0]["node"]).collect();
    let plain = names.iter().find(|node| node["name_hashed"] == false).unwrap();
    let hashed = names.iter().find(|node| node["name_hashed"] == true).unwrap();
    assert_eq!((&plain["name"], &plain["hardware"]), (&"node-a".into(), &"00112233445566aa".into()));
    assert_eq!(
        (hashed["name"].as_str().unwrap().len(), &hashed["hardware"]),
        (16, &"00112233445566bb".into())
    );
    let days = central.json(&["cluster", "days", CLUSTER]);
    // Around midnight the two may have reported two days.
    let reported: u64 =
        days["days"].as_array().unwrap().iter().map(|d| d["nodes_reported"].as_u64().unwrap()).sum();
    assert_eq!(reported, 2, "{days}");
}

#[test]
fn the_licence_of_another_cluster_is_not_believed() {
    let home = on_node("node-a", "");
    let central = Central::start();
    join(&central, &[&home]);
    licence(&home);
    home.tree.write("state/node.json", r#"{"cluster":"another","name":"node-a"}"#);
    let (shown, _) = home.json_and_code(&["license", "show"]);
    assert_ne!(shown["state"], "valid", "{shown}");
}
