//! One licence for the cluster: one agent asks for it, all have it.

use crate::agent::eventually;
use crate::scene::{CLUSTER, Scene, claims, giving, now_s, signed};
use crate::server::{Act, answer};
use crate::stub::{FROZEN, Fault, LEASE, SECRET};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use highwater_rules::node::hardware;
use serde_json::{Value, json};

#[test]
fn an_agent_joins_by_itself_with_its_token_and_tells_its_node() {
    let scene = Scene::new();
    let uuid = scene.stub.object("/api/v1/nodes/node-a").unwrap()["status"]["nodeInfo"]["systemUUID"].clone();
    let expect = hardware(CLUSTER, uuid.as_str().unwrap());
    let member = scene.member("node-a");
    let mut agent = member.run();
    let known = agent.event("node_known");
    assert_eq!((known.get("cluster"), known.get("node")), (Some(CLUSTER), Some("node-a")));
    agent.event("activated");
    let activations = scene.activations();
    let node = activations[0].node.clone().unwrap();
    assert_eq!((node.cluster.as_str(), node.name.as_str(), node.hardware), (CLUSTER, "node-a", expect));
    agent.slots(2);
    let log = agent.stop();
    assert!(log.iter().all(|line| line.event() != "enrolment_failed"), "{log:?}");
    // Once joined, neither token nor API server is needed any more to know both.
    std::fs::remove_file(member.file("token")).unwrap();
    scene.stub.fail("GET", "/", usize::MAX, Fault::Drop);
    let mut agent = member.run();
    agent.event("activated");
    agent.event("cluster_failed");
    agent.slots(1);
    agent.stop();
    assert_eq!(scene.activations().len(), 1, "it joins once");
}

#[test]
fn in_a_cluster_an_agent_joins_only_once_its_node_is_known() {
    let scene = Scene::new();
    scene.stub.deny("get", "nodes");
    let member = scene.member("node-a");
    let mut agent = member.run();
    let failed = agent.event("cluster_failed");
    assert_eq!(failed.get("errand"), Some("node"));
    agent.slots(2);
    agent.stop();
    assert_eq!(scene.activations().len(), 0);
}

#[test]
fn a_token_that_is_missing_is_told_and_read_again_when_it_is_there() {
    let scene = Scene::new();
    let member = scene.member("node-a");
    let token = std::fs::rename(member.file("token"), member.file("later"));
    token.unwrap();
    let mut agent = member.run();
    let failed = agent.event("enrolment_failed");
    assert!(failed.get("error").unwrap().contains("token can't be read"), "{failed:?}");
    assert!(failed.number("retry_in_s") <= 30.0 && failed.get("mend").is_some());
    agent.stop();
    std::fs::rename(member.file("later"), member.file("token")).unwrap();
    let mut agent = member.run();
    agent.event("activated");
    agent.stop();
}

#[test]
fn one_agent_asks_central_and_the_others_find_the_licence_in_the_secret() {
    let scene = Scene::new();
    let (first, second) = (scene.member("node-a").with_secret(), scene.member("node-b").with_secret());
    scene.stub.add_node("node-b");
    let mut agent = first.run();
    let kept = agent.event("cluster_licence_kept");
    assert_eq!((kept.get("id"), kept.get("secret")), (Some("l-1"), Some("highwater-licence")));
    agent.event("licence_renewed");
    let patches = scene.stub.asked_for("PATCH", SECRET);
    assert_eq!(patches.len(), 1);
    assert_eq!(patches[0].param("fieldManager"), Some("highwater"));
    assert!(patches[0].json()["metadata"]["resourceVersion"].is_string(), "never blindly");
    eventually("given back", || {
        let spec = scene.stub.object(LEASE).unwrap()["spec"].clone();
        (spec.get("holderIdentity").is_none() && spec["leaseDurationSeconds"] == 60).then_some(())
    });
    let taken = scene.stub.asked_for("PUT", LEASE)[0].json();
    assert_eq!(taken["spec"]["holderIdentity"], json!(first.pod));
    assert!(taken["metadata"]["annotations"].is_object(), "what else is in it stays");
    for time in ["acquireTime", "renewTime"] {
        let text = taken["spec"][time].as_str().unwrap();
        assert!(text.len() == 27 && text.ends_with(".000000Z"), "{text}");
    }
    let mut other = second.run();
    assert_eq!(other.event("licence_renewed").get("id"), Some("l-1"));
    other.slots(2);
    assert_eq!(scene.asked(), 1, "the cluster asked once");
    assert_eq!(scene.stub.asked_for("PUT", LEASE).len(), 2, "who only reads takes no Lease");
    for (agent, member) in [(agent, &first), (other, &second)] {
        let licence = member.json(&["status"])["licence"].clone();
        assert_eq!((&licence["id"], &licence["state"]), (&json!("l-1"), &json!("valid")));
        let log = agent.stop();
        assert!(
            log.iter().all(|line| !["cluster_failed", "licence_unusable"].contains(&line.event())),
            "{log:?}"
        );
    }
    assert_eq!(scene.kept(SECRET).matches('.').count(), 2);
}

#[test]
fn of_two_that_start_at_once_one_asks() {
    let scene = Scene::new();
    scene.stub.add_node("node-b");
    let members = [scene.member("node-a").with_secret(), scene.member("node-b").with_secret()];
    let mut agents = members.each_ref().map(|member| member.run());
    eventually("a licence in the Secret", || scene.kept(SECRET).contains('.').then_some(()));
    for agent in &mut agents {
        agent.whole_slots(3);
    }
    assert_eq!(scene.asked(), 1);
    for agent in agents {
        agent.stop();
    }
}

#[test]
fn a_holder_that_dies_in_the_middle_is_followed_by_another_after_its_duration() {
    let scene = Scene::new();
    scene.stub.add_node("node-b");
    scene.licences(|_| Act::Stall(Vec::new()));
    let (first, second) = (scene.member("node-a").with_secret(), scene.member("node-b").with_secret());
    let agent = first.run();
    eventually("asked", || (scene.asked() == 1).then_some(()));
    agent.kill();
    assert_eq!(scene.stub.object(LEASE).unwrap()["spec"]["holderIdentity"], json!(first.pod));
    scene.licences(giving(600));
    // A shorter wait than a minute, as another holder might have written.
    scene.stub.edit(LEASE, |lease| lease["spec"]["leaseDurationSeconds"] = json!(3));
    let begun = now_s();
    let mut agent = second.run();
    let over = agent.event("lease_taken_over");
    assert_eq!((over.get("from"), over.get("lease")), (Some(first.pod.as_str()), Some("highwater")));
    assert!(now_s() - begun >= 3, "not before its duration");
    agent.event("licence_renewed");
    assert_eq!(
        scene.stub.object(LEASE).unwrap()["spec"]["leaseTransitions"],
        2,
        "from node-a's agent, who took it, too"
    );
    agent.stop();
}

#[test]
fn a_secret_that_is_changed_meanwhile_is_read_again_and_what_else_is_in_it_stays() {
    let scene = Scene::new();
    scene.stub.edit_before("PATCH", SECRET, |secret| secret["metadata"]["labels"] = json!({"mine": "yes"}));
    let member = scene.member("node-a").with_secret();
    let mut agent = member.run();
    agent.event("cluster_licence_kept");
    let statuses: Vec<u16> = scene.stub.asked_for("PATCH", SECRET).iter().map(|asked| asked.status).collect();
    assert_eq!(statuses, [409, 200]);
    let secret = scene.stub.object(SECRET).unwrap();
    assert_eq!((&secret["metadata"]["labels"]["mine"], scene.asked()), (&json!("yes"), 1));
    agent.stop();
}

#[test]
fn a_newer_licence_that_another_put_there_meanwhile_is_taken_up_and_not_written_over() {
    let scene = Scene::new();
    let newer = signed(&claims("theirs", -30, 600));
    let coded = STANDARD.encode(&newer);
    scene.stub.edit_before("PATCH", SECRET, move |secret| secret["data"]["license"] = json!(coded));
    let member = scene.member("node-a").with_secret();
    let mut agent = member.run();
    agent.line("theirs", |line| line.event() == "licence_renewed" && line.get("id") == Some("theirs"));
    assert_eq!(scene.kept(SECRET), newer);
    agent.stop();
}

#[test]
fn a_licence_that_came_with_joining_is_put_into_the_secret_without_asking() {
    let scene = Scene::new();
    scene.granted(&signed(&claims("granted", 0, 600)));
    let member = scene.member("node-a").with_secret();
    let mut agent = member.run();
    assert_eq!(agent.event("cluster_licence_kept").get("id"), Some("granted"));
    agent.slots(2);
    agent.stop();
    assert_eq!(scene.asked(), 0);
    assert_eq!(scene.kept(SECRET), signed(&claims_of(&scene.kept(SECRET))));
}

/// What a token says, without a look at its signature.
fn claims_of(token: &str) -> highwater_rules::licence::Claims {
    highwater_rules::licence::read(token, &[&crate::central::key(1).public()]).unwrap()
}

#[test]
fn a_mounted_secret_that_is_empty_at_first_is_no_fault_and_counts_once_it_is_filled() {
    let scene = Scene::new();
    scene.licences(|_| Act::Say(answer("503 Service Unavailable", "", b"")));
    let mounted = tempfile::tempdir().unwrap();
    let file = mounted.path().join("license");
    let member = scene.member("node-a").with("HIGHWATER_LICENCE__FILE", file.to_str().unwrap());
    let mut agent = member.run();
    agent.event("activated");
    agent.slots(2);
    std::fs::write(&file, "").unwrap();
    agent.slots(2);
    std::fs::write(mounted.path().join("new"), signed(&claims("mounted", 0, 600))).unwrap();
    std::fs::rename(mounted.path().join("new"), &file).unwrap();
    assert_eq!(agent.event("licence_renewed").get("id"), Some("mounted"));
    let log = agent.stop();
    assert!(log.iter().all(|line| line.event() != "licence_unusable"), "{log:?}");
}

#[test]
fn an_immutable_secret_is_told_and_the_agent_has_its_licence_all_the_same() {
    let scene = Scene::new();
    let member = scene.member("node-a").with("HIGHWATER_KUBERNETES__LICENCE_SECRET", "frozen");
    let mut agent = member.run();
    let failed = agent.event("cluster_failed");
    assert_eq!(failed.get("errand"), Some("licence"));
    assert!(failed.get("error").unwrap().contains("immutable"), "{failed:?}");
    agent.event("licence_renewed");
    assert_eq!(scene.stub.object(FROZEN).unwrap()["data"]["license"], "b2xk");
    let spec: Value = scene.stub.object(LEASE).unwrap()["spec"].clone();
    assert!(spec.get("holderIdentity").is_none(), "the Lease is given back all the same: {spec}");
    agent.stop();
}
