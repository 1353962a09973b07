//! The client, against every way in which an API server answers, and does not.

use crate::stub::{EVENTS, FROZEN, Fault, LEASE, SECRET, Stub};
use highwater::kubernetes::api::blocking;
use highwater::kubernetes::{Answer, Api, ApiError, Rule};
use serde_json::{Value, json};
use std::time::Duration;

const NODE: &str = "/api/v1/nodes/node-a";

/// Whether an error is the one that is meant.
type Is = fn(&ApiError) -> bool;

fn rule() -> Rule {
    Rule::cluster("", "nodes", "get")
}

fn api(stub: &Stub) -> Api {
    Api::new(&stub.config()).within(Duration::from_secs(8))
}

fn get(api: &Api, path: &str) -> Result<Answer, ApiError> {
    blocking(api, api.get(rule(), path, &[]))
}

fn fault(status: u16, head: &str) -> Fault {
    Fault::Status(status, head.to_owned(), String::new())
}

#[test]
fn a_call_says_who_asks_and_reads_the_answer() {
    let stub = Stub::start();
    let api = api(&stub);
    let answer =
        blocking(&api, api.get(rule(), NODE, &[("resourceVersion", "0"), ("x", "a b&c=é")])).unwrap();
    assert_eq!(answer.json::<Value>().unwrap()["metadata"]["name"], "node-a");
    let asked = stub.asked();
    assert_eq!((asked.len(), asked[0].token.as_deref()), (1, Some("token-1")));
    assert_eq!((asked[0].param("resourceVersion"), asked[0].param("x")), (Some("0"), Some("a b&c=é")));
    assert_eq!(api.namespace().unwrap(), "highwater");
}

#[test]
fn pods_of_other_nodes_and_finished_ones_are_left_out_of_a_list_that_asks_for_it() {
    let stub = Stub::start();
    stub.pods(|pods| {
        pods[0]["status"]["phase"] = "Succeeded".into();
        pods[1]["spec"]["nodeName"] = "node-b".into();
    });
    let api = api(&stub);
    let fields = "spec.nodeName=node-a,status.phase!=Succeeded,status.phase!=Failed";
    let list = |query: &[(&str, &str)]| {
        let rule = Rule::cluster("", "pods", "list");
        let answer = blocking(&api, api.get(rule, "/api/v1/pods", query)).unwrap();
        answer.json::<Value>().unwrap()["items"].as_array().unwrap().len()
    };
    assert_eq!(list(&[]) - list(&[("fieldSelector", fields)]), 2);
}

#[test]
fn changes_name_their_manager_and_their_kind() {
    let stub = Stub::start();
    let api = api(&stub);
    let patch = json!({"data": {"license": "bmV3"}});
    blocking(&api, api.merge_patch(rule(), SECRET, &patch)).unwrap();
    assert_eq!(stub.object(SECRET).unwrap()["data"]["license"], "bmV3");
    let lease = stub.object(LEASE).unwrap();
    blocking(&api, api.put(rule(), LEASE, &lease)).unwrap();
    let event = json!({"metadata": {"name": "x"}, "reason": "X"});
    blocking(&api, api.post(rule(), EVENTS, &event)).unwrap();
    let asked = stub.asked();
    let told: Vec<_> =
        asked.iter().map(|a| (a.method.as_str(), a.content_type.as_deref().unwrap())).collect();
    let json = "application/json";
    assert_eq!(told, [("PATCH", "application/merge-patch+json"), ("PUT", json), ("POST", json)]);
    assert!(asked.iter().all(|asked| asked.param("fieldManager") == Some("highwater")));
    let twice = blocking(&api, api.post(rule(), EVENTS, &event));
    assert!(matches!(twice, Err(ApiError::AlreadyExists { .. })), "{twice:?}");
    let stale = blocking(&api, api.put(rule(), LEASE, &lease));
    assert!(matches!(stale, Err(ApiError::Conflict { .. })), "{stale:?}");
    let frozen = blocking(&api, api.merge_patch(rule(), FROZEN, &patch)).unwrap_err();
    assert!(
        matches!(frozen, ApiError::Invalid { .. }) && frozen.to_string().contains("immutable"),
        "{frozen}"
    );
}

#[test]
fn each_refusal_is_told_apart_and_says_what_to_do() {
    let stub = Stub::start();
    let api = api(&stub);
    let cases: [(u16, &str, Is, &str); 8] = [
        (404, "", |e| matches!(e, ApiError::NotFound { .. }), "see that it was made"),
        (409, "", |e| matches!(e, ApiError::Conflict { .. }), "read it again"),
        (410, "", |e| matches!(e, ApiError::Expired { .. }), "begin it anew"),
        (422, "", |e| matches!(e, ApiError::Invalid { .. }), "correct the object"),
        (429, "Retry-After: 7\r\n", |e| e.retry_after_s() == Some(7), "asked again later"),
        (503, "Retry-After: 99999999\r\n", |e| e.retry_after_s() == Some(3600), "asked again later"),
        (500, "", |e| matches!(e, ApiError::Server { status: 500, retry_after_s: None, .. }), "again later"),
        (302, "Location: https://elsewhere.invalid/\r\n", |e| matches!(e, ApiError::Refused { .. }), "302"),
    ];
    for (status, head, is, mend) in cases {
        stub.fail("GET", NODE, 1, fault(status, head));
        let error = get(&api, NODE).unwrap_err();
        assert!(is(&error) && error.to_string().contains(mend), "{status}: {error:?} {error}");
    }
    assert_eq!(stub.asked().len(), 8, "nothing is asked twice, and no redirect is followed");
}

#[test]
fn a_right_that_is_missing_is_named_as_the_rule_to_add() {
    let stub = Stub::start();
    let api = api(&stub);
    stub.deny("get", "leases");
    let rule = Rule::cluster("coordination.k8s.io", "leases", "get").within("highwater").named("highwater");
    let error = blocking(&api, api.get(rule, LEASE, &[])).unwrap_err().to_string();
    let yaml = r#"{apiGroups: ["coordination.k8s.io"], resources: [leases], resourceNames: [highwater], verbs: [get]}"#;
    assert!(error.contains(yaml) && error.contains("the Role in namespace highwater"), "{error}");
}

#[test]
fn a_renewed_token_is_read_again_and_an_old_one_is_not_asked_with_twice() {
    let stub = Stub::start();
    let api = api(&stub);
    stub.expect_token("token-2");
    let refused = get(&api, NODE).unwrap_err();
    assert!(matches!(refused, ApiError::Unauthorized { .. }), "{refused}");
    assert_eq!(stub.asked().len(), 1);
    assert!(refused.to_string().contains(stub.token_file().to_str().unwrap()));
    stub.write_token("token-2\n");
    assert!(get(&api, NODE).is_ok());
}

#[test]
fn a_token_that_is_renewed_during_the_call_is_asked_with_at_once() {
    let stub = Stub::start();
    let api = api(&stub);
    stub.expect_token("token-2");
    let file = stub.token_file();
    stub.edit_before("GET", NODE, move |_| std::fs::write(&file, "token-2").unwrap());
    assert!(get(&api, NODE).is_ok());
    let tokens: Vec<_> =
        stub.asked().iter().map(|asked| (asked.token.clone().unwrap(), asked.status)).collect();
    assert_eq!(tokens, [("token-1".to_owned(), 401), ("token-2".to_owned(), 200)]);
}

#[test]
fn a_server_that_is_away_hangs_stops_halfway_or_never_ends_is_left_in_time() {
    let stub = Stub::start();
    let quick = Api::new(&stub.config()).within(Duration::from_millis(400));
    for fault in [Fault::Hang, Fault::Half] {
        stub.fail("GET", NODE, 1, fault.clone());
        let error = get(&quick, NODE).unwrap_err();
        assert!(matches!(error, ApiError::Late { .. }) && error.is_transient(), "{fault:?}: {error:?}");
    }
    stub.fail("GET", NODE, 1, Fault::Drop);
    let error = get(&api(&stub), NODE).unwrap_err();
    assert!(matches!(error, ApiError::Unreached { .. }), "{error:?}");
    stub.fail("GET", NODE, 1, Fault::Endless);
    let error = get(&api(&stub).up_to(1 << 20), NODE).unwrap_err();
    assert!(matches!(error, ApiError::TooLong { max: 1_048_576, .. }), "{error:?}");
    let away =
        highwater::config::Kubernetes { api: Some("https://127.0.0.1:1".parse().unwrap()), ..stub.config() };
    let error = get(&Api::new(&away), NODE).unwrap_err();
    assert!(matches!(error, ApiError::Unreached { .. }), "{error:?}");
    let nowhere = highwater::config::Kubernetes { api: None, ..stub.config() };
    let error = get(&Api::new(&nowhere), NODE).unwrap_err();
    assert!(matches!(error, ApiError::NotIn) && error.to_string().contains("kubernetes.api"), "{error:?}");
}

#[test]
fn credentials_that_are_missing_or_anothers_are_named() {
    let stub = Stub::start();
    let api = api(&stub);
    let ca = stub.credentials().join("ca.crt");
    let right = highwater::files::read_bounded(&ca, 65_536).unwrap();
    for (text, what) in [("", "holds no certificate"), ("-----BEGIN CERTIFICATE-----\n!\n", "ca.crt")] {
        std::fs::write(&ca, text).unwrap();
        let error = get(&api, NODE).unwrap_err();
        assert!(matches!(error, ApiError::Unfit { .. }) && error.to_string().contains(what), "{error}");
    }
    std::fs::write(&ca, crate::authority::Authority::new().pem).unwrap();
    let error = get(&api, NODE).unwrap_err();
    assert!(matches!(error, ApiError::Untrusted { .. }) && error.to_string().contains("ca.crt"), "{error}");
    std::fs::remove_file(&ca).unwrap();
    let error = get(&api, NODE).unwrap_err();
    assert!(matches!(error, ApiError::File { .. }) && error.to_string().contains("ca.crt"), "{error}");
    std::fs::write(&ca, right).unwrap();
    for token in ["", "two words", "line\nbreak", "\u{e9}"] {
        stub.write_token(token);
        let error = get(&api, NODE).unwrap_err();
        assert!(matches!(error, ApiError::Unfit { .. }), "{error}");
        assert!(token.is_empty() || !error.to_string().contains(token), "{error}");
    }
    std::fs::remove_file(stub.token_file()).unwrap();
    assert!(matches!(get(&api, NODE), Err(ApiError::File { .. })));
    assert_eq!(stub.asked().len(), 0, "nothing is asked without credentials");
    std::fs::write(stub.credentials().join("namespace"), "../x").unwrap();
    assert!(matches!(api.namespace(), Err(ApiError::Unfit { .. })));
}

#[test]
fn an_answer_that_is_no_json_is_garbled_and_a_refusals_words_are_cleaned() {
    let stub = Stub::start();
    let api = api(&stub);
    stub.fail("GET", NODE, 1, Fault::Status(200, String::new(), "<html>".to_owned()));
    let error = get(&api, NODE).unwrap().json::<Value>().unwrap_err();
    assert!(matches!(error, ApiError::Garbled { .. }), "{error}");
    let message = format!("{}\u{1b}[2J\n{}", "x".repeat(10), "y".repeat(5000));
    stub.fail("GET", NODE, 1, Fault::Status(500, String::new(), json!({"message": message}).to_string()));
    let told = get(&api, NODE).unwrap_err().to_string();
    assert!(told.contains("xxxxxxxxxx [2J ") && told.len() < 500 && !told.contains('\u{1b}'), "{told}");
}
