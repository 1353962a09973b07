//! `highwater doctor` and `highwater status` in a cluster.

use crate::scene::{CLUSTER, Member, Scene};
use serde_json::{Value, json};

fn cluster(member: &Member<'_>) -> (bool, String) {
    let said = member.json(&["doctor"]);
    let checks = said["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "cluster").unwrap_or_else(|| panic!("{said}"));
    (check["ok"].as_bool().unwrap(), check["detail"].as_str().unwrap().to_owned())
}

#[test]
fn doctor_tells_each_right_that_is_missing_with_its_rule_and_the_role() {
    let scene = Scene::new();
    let member =
        scene.member("node-a").with_secret().with("HIGHWATER_KUBERNETES__STATUS", "highwater-status");
    let (ok, detail) = cluster(&member);
    assert!(ok && detail.contains(CLUSTER) && detail.contains("all 10 rights"), "{detail}");
    scene.stub.deny("patch", "secrets");
    scene.stub.deny("get", "nodes");
    let (ok, detail) = cluster(&member);
    assert!(!ok);
    let expect = r#"may not get nodes: add to the ClusterRole of its service account
  - {apiGroups: [""], resources: [nodes], verbs: [get]}
may not patch secrets highwater-licence: add to the Role in namespace highwater of its service account
  - {apiGroups: [""], resources: [secrets], resourceNames: [highwater-licence], verbs: [patch]}"#;
    assert_eq!(detail, expect);
    // Without Secret, ConfigMap and pod, only what is left is asked for.
    scene.stub.allow();
    scene.stub.forget();
    let plain = scene.member("node-a").without("HIGHWATER_KUBERNETES__POD");
    assert!(cluster(&plain).1.contains("all 2 rights"));
}

#[test]
fn doctor_tells_credentials_that_are_missing_and_a_server_that_is_away() {
    let scene = Scene::new();
    let member = scene.member("node-a").with("HIGHWATER_KUBERNETES__API", "https://127.0.0.1:1");
    let (ok, detail) = cluster(&member);
    assert!(!ok && detail.contains("https://127.0.0.1:1 is not reached"), "{detail}");
    let member = scene.member("node-a");
    std::fs::remove_file(scene.stub.token_file()).unwrap();
    let (ok, detail) = cluster(&member);
    assert!(!ok && detail.contains("automountServiceAccountToken"), "{detail}");
}

#[test]
fn status_tells_cluster_and_node_once_they_are_known() {
    let scene = Scene::new();
    let member = scene.member("node-a");
    let mut agent = member.run();
    agent.event("activated");
    let node = member.json(&["status"])["node"].clone();
    assert_eq!((&node["cluster"], &node["name"]), (&json!(CLUSTER), &json!("node-a")));
    let text = member.command().arg("status").output().unwrap().stdout;
    assert!(String::from_utf8(text).unwrap().contains(&format!("node-a of cluster {CLUSTER}")));
    agent.stop();
    let config: Value = member.json(&["check-config"]);
    assert!(config.to_string().contains("kubernetes.node"), "{config}");
}
