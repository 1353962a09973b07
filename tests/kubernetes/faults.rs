//! An API server that refuses, hangs or is away: metering and gate go on, and what to do is told.

use crate::scene::Scene;
use crate::stub::{Fault, SECRET};

#[test]
fn each_right_that_is_missing_is_told_with_the_rule_to_add() {
    let own = r#"resourceNames: [highwater-licence]"#;
    let lease = r#"apiGroups: ["coordination.k8s.io"], resources: [leases], resourceNames: [highwater]"#;
    let status = "resources: [configmaps], resourceNames: [highwater-status]";
    let scene = Scene::new();
    // Where grace runs out, there is something to warn of.
    scene.grace_days(20);
    let member =
        scene.member("node-a").with_secret().with("HIGHWATER_KUBERNETES__STATUS", "highwater-status");
    for (verb, resource, errand, rule) in [
        ("get", "namespaces", "node", "resources: [namespaces], resourceNames: [kube-system], verbs: [get]"),
        ("get", "nodes", "node", "resources: [nodes], verbs: [get]"),
        ("get", "secrets", "licence", &format!("resources: [secrets], {own}, verbs: [get]")),
        ("get", "leases", "licence", &format!("{lease}, verbs: [get]")),
        ("update", "leases", "licence", &format!("{lease}, verbs: [update]")),
        ("patch", "secrets", "licence", &format!("resources: [secrets], {own}, verbs: [patch]")),
        ("create", "events", "warning", "resources: [events], verbs: [create]"),
        ("get", "configmaps", "status", &format!("{status}, verbs: [get]")),
        ("patch", "configmaps", "status", &format!("{status}, verbs: [patch]")),
    ] {
        scene.stub.allow();
        scene.stub.deny(verb, resource);
        let mut agent = member.run();
        let failed = agent.event("cluster_failed");
        assert_eq!(failed.get("errand"), Some(errand), "{verb} {resource}: {failed:?}");
        let error = failed.get("error").unwrap();
        let role = if errand == "node" { "to the ClusterRole" } else { "to the Role in namespace highwater" };
        assert!(error.contains(rule) && error.contains(role), "{verb} {resource}: {error}");
        agent.stop();
    }
}

#[test]
fn an_api_server_that_hangs_for_long_delays_no_sample_and_the_gate_goes_on() {
    let scene = Scene::new();
    let member =
        scene.member("node-a").with_secret().with("HIGHWATER_KUBERNETES__STATUS", "highwater-status");
    let mut agent = member.run();
    agent.event("cluster_licence_kept");
    agent.stop();
    scene.stub.forget();
    scene.stub.fail("GET", "/", usize::MAX, Fault::Hang);
    let mut agent = member.run();
    let slots: Vec<i64> = agent.whole_slots(8).iter().map(crate::line::Line::slot).collect();
    assert!(slots.windows(2).all(|two| two[1] == two[0] + 1), "{slots:?}");
    let failed = agent.event("cluster_failed");
    assert!(failed.get("error").unwrap().contains("no whole answer within 5000 ms"), "{failed:?}");
    assert_eq!(member.json(&["status"])["gate"]["state"], "open");
    assert!(scene.stub.asked().len() < 5, "and it is left alone meanwhile: {:?}", scene.stub.asked());
    agent.stop();
    // What was told once is told to be over, too.
    scene.stub.mend();
    scene.stub.fail(
        "GET",
        "/api/v1/namespaces",
        1,
        Fault::Status(503, "Retry-After: 1\r\n".into(), String::new()),
    );
    let mut agent = member.run();
    assert_eq!(agent.event("cluster_failed").number("failures"), 1.0);
    assert_eq!(agent.event("cluster_recovered").get("errand"), Some("node"));
    agent.stop();
}

#[test]
fn a_token_that_is_renewed_while_the_agent_runs_is_read_again() {
    let scene = Scene::new();
    let member = scene.member("node-a").with_secret();
    scene.stub.rotate("token-2");
    let mut agent = member.run();
    agent.event("cluster_licence_kept");
    assert!(scene.stub.asked().iter().all(|asked| asked.token.as_deref() == Some("token-2")));
    agent.stop();
}

#[test]
fn a_secret_that_was_never_made_is_told_by_its_name() {
    let scene = Scene::new();
    scene.stub.remove(SECRET);
    let member = scene.member("node-a").with_secret();
    let mut agent = member.run();
    let failed = agent.event("cluster_failed");
    let error = failed.get("error").unwrap();
    assert!(
        error.contains("secrets \"highwater-licence\" not found") && error.contains("see that it was made"),
        "{error}"
    );
    agent.slots(1);
    agent.stop();
    assert_eq!(scene.asked(), 0, "nobody asks for a licence that has no place");
}
