//! RAM of the pods of a node, as the API server tells of them.

use crate::stub::{Fault, Stub};
use highwater::config::{self, PodsBy};
use highwater::files::Root;
use highwater::kubernetes::Api;
use highwater::sources::Readout;
use highwater::sources::pods::{Pods, Shared, Want};
use highwater_rules::figure::Figure;
use highwater_rules::selector::Selector;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const LIST: &str = "/api/v1/pods";
const NODE: &str = "/api/v1/nodes/node-a";
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const FIELDS: &str = "spec.nodeName=node-a,status.phase!=Succeeded,status.phase!=Failed";

fn metered() -> Selector {
    Selector::parse("metered=yes").unwrap()
}

fn shared(stub: &Stub, wants: Vec<Want>, slot_s: i64) -> Arc<Shared> {
    Shared::new(Api::new(&stub.config()), wants, Some(0), slot_s)
}

fn source_of(shared: &Arc<Shared>, most: usize) -> Pods {
    let config = config::Pods { by: PodsBy::Api, selector: None, most };
    Pods::new(&Root::new("/"), &config, Some(shared.user(0)))
}

fn source(stub: &Stub) -> Pods {
    source_of(&shared(stub, vec![Want::Selected(metered())], 300), 20)
}

fn told(readout: &Readout) -> Vec<(&str, u64)> {
    let bytes = |figure: &Figure| match figure {
        Figure::Gauge(bytes) => *bytes as u64,
        other => panic!("{other:?}"),
    };
    readout.observations.iter().map(|o| (o.series.subject.as_str(), bytes(&o.figure))).collect()
}

fn of(readout: &Readout, subject: &str) -> Option<u64> {
    told(readout).into_iter().find(|(name, _)| *name == subject).map(|(_, bytes)| bytes)
}

fn refused(source: &mut Pods) -> String {
    source.read().unwrap_err().to_string()
}

/// Whether a server that hangs for ever was given up by the source's own bound, which is shorter than what a sampler waits for.
fn is_given_up_in_time(said: &str) -> bool {
    let bound = said.split_once("no whole answer within ").and_then(|(_, rest)| rest.split_once(" ms"));
    bound.and_then(|(ms, _)| ms.parse::<u64>().ok()).is_some_and(|ms| ms <= 2_500)
}

/// Changes one of the recorded pods.
fn change(stub: &Stub, name: &str, change: impl FnOnce(&mut Value)) {
    stub.pods(|pods| change(pods.iter_mut().find(|pod| pod["metadata"]["name"] == name).unwrap()));
}

fn keep_only(stub: &Stub, names: &[&str]) {
    stub.pods(|pods| pods.retain(|pod| names.contains(&pod["metadata"]["name"].as_str().unwrap())));
}

#[test]
fn the_pods_of_the_recorded_node_are_what_an_auditor_gets_by_hand() {
    let stub = Stub::start();
    let mut source = source(&stub);
    let readout = source.read().unwrap();
    assert_eq!(
        told(&readout),
        [
            ("shop/big-init", 3 * GIB),
            ("shop/one-limit", 2 * GIB),
            ("shop/pod-level", 4 * GIB),
            ("shop/restartable-init", 1356 * MIB),
            ("shop/two-limits", 1536 * MIB + 512_000_000),
            ("pods/unlimited", 30 * GIB),
            ("total", 30 * GIB),
        ]
    );
    assert_eq!(readout.missing, []);
    let lists = stub.asked_for("GET", LIST);
    let query = |n: usize, name: &str| lists[n].param(name).map(str::to_owned);
    assert_eq!(query(0, "fieldSelector").as_deref(), Some(FIELDS));
    assert_eq!(query(0, "labelSelector").as_deref(), Some("metered=yes"));
    assert_eq!(query(0, "limit").as_deref(), Some("500"));
    assert_eq!(query(0, "resourceVersion").as_deref(), Some("0"));
    assert_eq!(stub.asked_for("GET", NODE)[0].param("resourceVersion"), Some("0"));
    // The next slot has a list of its own, and the node is not asked again.
    assert_eq!(told(&source.read().unwrap()), told(&readout));
    assert_eq!((stub.asked_for("GET", LIST).len(), stub.asked_for("GET", NODE).len()), (2, 1));
}

#[test]
fn without_an_unlimited_pod_the_total_is_the_sum_and_the_node_is_not_asked() {
    let stub = Stub::start();
    keep_only(&stub, &["one-limit", "two-limits"]);
    let readout = source(&stub).read().unwrap();
    let two = 1536 * MIB + 512_000_000;
    let expect = [("shop/one-limit", 2 * GIB), ("shop/two-limits", two), ("total", 2 * GIB + two)];
    assert_eq!(told(&readout), expect);
    assert_eq!(stub.asked_for("GET", NODE).len(), 0);
}

#[test]
fn no_pod_is_a_true_zero_and_the_ended_those_of_others_and_those_elsewhere_do_not_count() {
    let stub = Stub::start();
    keep_only(&stub, &["one-limit", "two-limits", "big-init", "pod-level"]);
    change(&stub, "one-limit", |pod| pod["status"]["phase"] = json!("Succeeded"));
    change(&stub, "two-limits", |pod| pod["status"]["phase"] = json!("Failed"));
    change(&stub, "big-init", |pod| pod["spec"]["nodeName"] = json!("node-b"));
    change(&stub, "pod-level", |pod| pod["metadata"]["labels"]["metered"] = json!("no"));
    let mut source = source(&stub);
    assert_eq!(told(&source.read().unwrap()), [("total", 0)]);
    // One that is assigned and not started yet counts.
    change(&stub, "two-limits", |pod| pod["status"]["phase"] = json!("Pending"));
    assert_eq!(of(&source.read().unwrap(), "total"), Some(1536 * MIB + 512_000_000));
}

#[test]
fn a_resize_counts_at_the_next_sample_after_it_is_done() {
    let stub = Stub::start();
    keep_only(&stub, &["one-limit", "pod-level", "restartable-init"]);
    let mut source = source(&stub);
    source.read().unwrap();
    let limit = |memory: &str| json!({"limits": {"memory": memory}});
    let status = |name: &str, memory: &str| json!([{"name": name, "resources": limit(memory)}]);
    // Asked for, and not done.
    change(&stub, "one-limit", |pod| {
        pod["spec"]["containers"][0]["resources"] = limit("5Gi");
        pod["status"]["containerStatuses"] = status("db", "2Gi");
    });
    assert_eq!(of(&source.read().unwrap(), "shop/one-limit"), Some(2 * GIB));
    change(&stub, "one-limit", |pod| pod["status"]["containerStatuses"] = status("db", "5Gi"));
    assert_eq!(of(&source.read().unwrap(), "shop/one-limit"), Some(5 * GIB));
    change(&stub, "pod-level", |pod| {
        pod["spec"]["resources"] = limit("8Gi");
        pod["status"]["resources"] = limit("6Gi");
    });
    assert_eq!(of(&source.read().unwrap(), "shop/pod-level"), Some(6 * GIB));
    change(&stub, "restartable-init", |pod| {
        pod["status"]["initContainerStatuses"] = status("proxy", "512Mi");
    });
    assert_eq!(of(&source.read().unwrap(), "shop/restartable-init"), Some(1612 * MIB));
}

#[test]
fn pods_beyond_those_that_stand_alone_are_summed_and_pages_are_put_together() {
    let stub = Stub::start();
    keep_only(&stub, &["one-limit"]);
    stub.pods(|pods| {
        let one = pods[0].clone();
        for n in 0..1200 {
            let mut pod = one.clone();
            pod["metadata"]["name"] = json!(format!("web-{n:04}"));
            pod["metadata"]["uid"] = json!(format!("uid-{n:04}"));
            pods.push(pod);
        }
    });
    let mut source = source_of(&shared(&stub, vec![Want::Selected(metered())], 300), 2);
    let readout = source.read().unwrap();
    let expect = [
        ("shop/one-limit", 2 * GIB),
        ("shop/web-0000", 2 * GIB),
        ("pods/other", 1199 * 2 * GIB),
        ("total", 1201 * 2 * GIB),
    ];
    assert_eq!(told(&readout), expect);
    let lists = stub.asked_for("GET", LIST);
    assert_eq!(lists.len(), 3);
    for more in &lists[1..] {
        assert!(more.param("continue").is_some() && more.param("resourceVersion").is_none(), "{more:?}");
        assert_eq!((more.param("fieldSelector"), more.param("limit")), (Some(FIELDS), Some("500")));
    }
}

#[test]
fn a_list_of_very_large_pods_is_read_in_small_pages() {
    let stub = Stub::start();
    keep_only(&stub, &["one-limit"]);
    stub.pods(|pods| {
        let one = pods[0].clone();
        *pods = (0..220)
            .map(|n| {
                let mut pod = one.clone();
                pod["metadata"]["name"] = json!(format!("web-{n:04}"));
                pod["metadata"]["annotations"] = json!({"large": "x".repeat(40_000)});
                pod
            })
            .collect();
    });
    let shared = shared(&stub, vec![Want::Selected(metered())], 300);
    let mut source = source_of(&shared, 20);
    // There is more time for it than at the slot's end.
    shared.ask_early(300_000);
    crate::agent::eventually("all pages", || (stub.asked_for("GET", LIST).len() == 6).then_some(()));
    assert_eq!(of(&source.read().unwrap(), "total"), Some(440 * GIB));
    let lists = stub.asked_for("GET", LIST);
    assert_eq!(lists.len(), 6, "the slot's end uses it");
    assert_eq!((lists[0].param("limit"), lists[0].param("resourceVersion")), (Some("500"), Some("0")));
    for page in &lists[1..] {
        assert_eq!((page.param("limit"), page.param("resourceVersion")), (Some("50"), None), "{page:?}");
    }
}

#[test]
fn pods_of_ever_new_names_do_not_become_ever_more_series() {
    let stub = Stub::start();
    keep_only(&stub, &["one-limit"]);
    let mut source = source_of(&shared(&stub, vec![Want::Selected(metered())], 300), 200);
    let mut names = std::collections::BTreeSet::new();
    for round in 0..3 {
        stub.pods(|pods| {
            let one = pods[0].clone();
            *pods = (0..200)
                .map(|n| {
                    let mut pod = one.clone();
                    pod["metadata"]["name"] = json!(format!("job-{round}-{n}"));
                    pod
                })
                .collect();
        });
        let readout = source.read().unwrap();
        assert_eq!(of(&readout, "total"), Some(400 * GIB));
        names.extend(told(&readout).into_iter().map(|(name, _)| name.to_owned()));
    }
    assert_eq!(names.len(), 400 + 2, "with the others and the total");
}

#[test]
fn a_right_that_is_missing_is_named_with_the_rule_to_add() {
    let stub = Stub::start();
    stub.deny("list", "pods");
    let mut source = source(&stub);
    let said = refused(&mut source);
    assert!(
        said.contains(r#"{apiGroups: [""], resources: [pods], verbs: [list]} to the ClusterRole"#),
        "{said}"
    );
    stub.allow();
    stub.deny("get", "nodes");
    let readout = source.read().unwrap();
    let missing: Vec<&str> = readout.missing.iter().map(|m| m.series.subject.as_str()).collect();
    assert_eq!(missing, ["pods/unlimited", "total"], "what the node has for pods is never guessed");
    let why = &readout.missing[0].why;
    assert!(
        why.contains(r#"{apiGroups: [""], resources: [nodes], verbs: [get]} to the ClusterRole"#),
        "{why}"
    );
    assert_eq!(of(&readout, "shop/one-limit"), Some(2 * GIB), "the others are told of");
}

#[test]
fn whatever_the_server_does_is_an_error_in_time_and_never_a_figure() {
    let stub = Stub::start();
    let mut source = source(&stub);
    let status = |status, head: &str, body: &str| Fault::Status(status, head.to_owned(), body.to_owned());
    for fault in [
        status(500, "", ""),
        status(503, "", "{}"),
        status(401, "", ""),
        status(200, "", ""),
        status(200, "", "{}"),
        status(200, "", "[]"),
        status(200, "", "null"),
        status(200, "", r#"{"items": []}"#),
        status(200, "", r#"{"kind": "PodList"}"#),
        status(200, "", r#"{"kind": "NodeList", "items": []}"#),
        status(200, "", r#"{"kind": "PodList", "items": [{"metadata": {}}]}"#),
        status(200, "", "<html>proxy</html>"),
        status(200, "", r#"{"kind": "PodList", "items": []"#),
        status(302, "Location: /elsewhere\r\n", ""),
        Fault::Drop,
        Fault::Hang,
        Fault::Half,
        Fault::Endless,
    ] {
        stub.mend();
        stub.fail("GET", LIST, 2, fault.clone());
        let said = source.read().map(|_| ()).unwrap_err().to_string();
        if matches!(fault, Fault::Hang) {
            assert!(is_given_up_in_time(&said), "{said}");
        }
        assert!(said.contains("API server"), "{fault:?}: {said}");
    }
    stub.mend();
    assert_eq!(of(&source.read().unwrap(), "total"), Some(30 * GIB));
}

#[test]
fn a_limit_that_is_no_quantity_is_told_with_its_pod() {
    let stub = Stub::start();
    let mut source = source(&stub);
    change(&stub, "one-limit", |pod| {
        pod["spec"]["containers"][0]["resources"]["limits"]["memory"] = json!("2Gx");
    });
    let said = refused(&mut source);
    assert!(said.contains("shop/one-limit") && said.contains("2Gx"), "{said}");
}

#[test]
fn a_server_that_asks_to_be_left_alone_is_left_alone() {
    let stub = Stub::start();
    let mut source = source(&stub);
    stub.fail("GET", LIST, 1, Fault::Status(429, "Retry-After: 60\r\n".to_owned(), String::new()));
    assert!(refused(&mut source).contains("429"));
    let said = refused(&mut source);
    assert!(said.contains("left alone for") && said.contains(" s more"), "{said}");
    assert_eq!(stub.asked_for("GET", LIST).len(), 1);
}

#[test]
fn a_list_that_grew_too_old_is_begun_anew_once() {
    let stub = Stub::start();
    let mut source = source(&stub);
    let gone = || Fault::Status(410, String::new(), r#"{"kind":"Status","reason":"Expired"}"#.to_owned());
    stub.fail("GET", LIST, 1, gone());
    assert_eq!(of(&source.read().unwrap(), "total"), Some(30 * GIB));
    assert_eq!(stub.asked_for("GET", LIST).len(), 2);
    stub.forget();
    stub.fail("GET", LIST, 2, gone());
    assert!(refused(&mut source).contains("410"));
    assert_eq!(stub.asked_for("GET", LIST).len(), 2);
}

#[test]
fn sources_share_one_list_and_each_takes_what_it_wants() {
    let stub = Stub::start();
    change(&stub, "big-init", |pod| pod["metadata"]["labels"]["app"] = json!("lb"));
    change(&stub, "one-limit", |pod| {
        pod["metadata"]["annotations"] = json!({"highwater.dev/scrape": "8404/metrics"});
    });
    let proxies = Want::Selected(Selector::parse("app in (lb)").unwrap());
    let shared = shared(&stub, vec![Want::Selected(metered()), proxies, Want::Annotated, Want::All], 300);
    let mut ram = source_of(&shared, 20);
    assert_eq!(of(&ram.read().unwrap(), "shop/one-limit"), Some(2 * GIB));
    let names = |n: u32| {
        let taken = shared.user(n).take_any(Duration::from_secs(2)).unwrap();
        taken.of(n).map(|pod| pod.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(1), ["shop/big-init"]);
    assert_eq!(names(2), ["shop/one-limit"]);
    assert_eq!(names(3).len(), 8);
    let lists = stub.asked_for("GET", LIST);
    assert_eq!((lists.len(), lists[0].param("labelSelector")), (1, None), "they have no selector in common");
    let alike = self::shared(&stub, vec![Want::Selected(metered()), Want::Selected(metered())], 300);
    alike.user(1).take_new(Duration::from_secs(2)).unwrap();
    assert_eq!(stub.asked().last().unwrap().param("labelSelector"), Some("metered=yes"));
}

#[test]
fn a_failure_is_shared_and_asked_for_again_by_the_next_slot() {
    let stub = Stub::start();
    let shared = shared(&stub, vec![Want::All, Want::Annotated], 300);
    let (mut one, mut other) = (shared.user(0), shared.user(1));
    stub.fail("GET", LIST, 1, Fault::Status(500, String::new(), String::new()));
    assert!(one.take_new(Duration::from_secs(2)).is_err());
    assert!(other.take_any(Duration::from_secs(2)).is_err());
    assert_eq!(stub.asked_for("GET", LIST).len(), 1);
    assert!(one.take_new(Duration::from_secs(2)).is_ok());
    assert!(other.take_any(Duration::from_secs(2)).is_ok());
    assert_eq!(stub.asked_for("GET", LIST).len(), 2);
}

/// Waits until the server was asked so often for its pods.
fn await_lists(stub: &Stub, count: usize) {
    crate::agent::eventually("the early list", || (stub.asked_for("GET", LIST).len() >= count).then_some(()));
}

#[test]
fn the_early_list_is_the_slots_own_and_its_moment_is_the_nodes() {
    let stub = Stub::start();
    let shared = shared(&stub, vec![Want::Selected(metered())], 300);
    let at = shared.early_at(300_000).unwrap();
    assert!((299_970..=299_998).contains(&at), "{at}");
    assert_eq!(shared.early_at(300_300), Some(at + 300), "it is the same in each slot");
    let elsewhere = config::Kubernetes { node: "node-b".to_owned(), ..stub.config() };
    let elsewhere = Shared::new(Api::new(&elsewhere), vec![Want::All], None, 300);
    assert_ne!(elsewhere.early_at(300_000), Some(at));
    assert_eq!(self::shared(&stub, vec![Want::All], 30).early_at(300_000), None, "a short slot has none");
    shared.ask_early(300_000);
    assert_eq!(shared.early_at(300_000), None);
    await_lists(&stub, 1);
    let mut ram = source_of(&shared, 20);
    assert_eq!(of(&ram.read().unwrap(), "total"), Some(30 * GIB));
    assert_eq!(stub.asked_for("GET", LIST).len(), 1, "what was listed early is what the slot's end uses");
    // Used once: another sample has a list of its own.
    ram.read().unwrap();
    assert_eq!(stub.asked_for("GET", LIST).len(), 2);
}

#[test]
fn an_early_list_that_fails_is_tried_again_at_the_slots_end() {
    let stub = Stub::start();
    let shared = shared(&stub, vec![Want::Selected(metered())], 300);
    stub.fail("GET", LIST, 1, Fault::Status(500, String::new(), String::new()));
    shared.ask_early(300_000);
    await_lists(&stub, 1);
    assert_eq!(of(&source_of(&shared, 20).read().unwrap(), "total"), Some(30 * GIB));
    assert_eq!(stub.asked_for("GET", LIST).len(), 2);
    // One that hangs is waited for, and no second is begun beside it.
    stub.forget();
    stub.fail("GET", LIST, 1, Fault::Hang);
    shared.ask_early(300_300);
    await_lists(&stub, 1);
    let mut ram = source_of(&shared, 20);
    // The list before is as new as the slot's end allows, and this source has not used it.
    assert!(ram.read().is_ok());
    let said = refused(&mut ram);
    assert!(is_given_up_in_time(&said), "{said}");
    assert_eq!(stub.asked_for("GET", LIST).len(), 1);
}
