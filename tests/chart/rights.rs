//! What the agents may do at the API server: exactly that, and nothing of what is switched off.

use crate::rendered::{objects, of_kind, one, parse, text};
use serde_json::{Value, json};

/// The rights of all roles, as `[KIND, GROUPS, RESOURCES, NAMES, VERBS]`.
fn rights(objects: &[Value]) -> Vec<Value> {
    let mut rights = Vec::new();
    for kind in ["ClusterRole", "Role"] {
        for role in of_kind(objects, kind) {
            for rule in role["rules"].as_array().unwrap() {
                let known = ["apiGroups", "resources", "resourceNames", "verbs"];
                assert!(rule.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{rule}");
                rights.push(json!([
                    kind,
                    rule["apiGroups"],
                    rule["resources"],
                    rule["resourceNames"],
                    rule["verbs"]
                ]));
            }
        }
    }
    rights
}

fn identity() -> Vec<Value> {
    vec![
        json!(["ClusterRole", [""], ["namespaces"], ["kube-system"], ["get"]]),
        json!(["ClusterRole", [""], ["nodes"], null, ["get"]]),
    ]
}

fn pods() -> Vec<Value> {
    vec![json!(["ClusterRole", [""], ["pods"], null, ["list"]])]
}

fn licence() -> Vec<Value> {
    vec![
        json!(["Role", [""], ["secrets"], ["highwater-licence"], ["get", "patch"]]),
        json!(["Role", ["coordination.k8s.io"], ["leases"], ["highwater"], ["get", "update"]]),
    ]
}

fn status() -> Vec<Value> {
    vec![json!(["Role", [""], ["configmaps"], ["highwater-status"], ["get", "patch"]])]
}

fn events() -> Vec<Value> {
    vec![json!(["Role", [""], ["events"], null, ["create", "patch"]])]
}

/// The rights that the chart gives for these values, and to whom.
fn check(values: &[&str], expect: &[Vec<Value>]) {
    let Some(objects) = objects(values) else { return };
    assert_eq!(rights(&objects), expect.concat(), "{values:?}");
    for kind in ["ClusterRoleBinding", "RoleBinding"] {
        let role = kind.trim_end_matches("Binding");
        assert_eq!(of_kind(&objects, kind).count(), of_kind(&objects, role).count(), "{values:?}");
        for binding in of_kind(&objects, kind) {
            assert_eq!(binding["roleRef"]["kind"], role);
            assert_eq!(binding["roleRef"]["name"], "highwater");
            let subject = json!([{"kind": "ServiceAccount", "name": "highwater", "namespace": "highwater"}]);
            assert_eq!(binding["subjects"], subject);
        }
    }
}

#[test]
fn the_rights_are_exactly_those_that_each_option_needs() {
    check(&[], &[identity(), pods(), licence(), status(), events()]);
    check(&["licence.enabled=false"], &[identity(), pods(), status(), events()]);
    check(&["status.enabled=false"], &[identity(), pods(), licence(), events()]);
    check(&["events.enabled=false"], &[identity(), pods(), licence(), status()]);
    check(&[r#"ram.pods="cgroup""#], &[identity(), licence(), status(), events()]);
    check(&[r#"ram.scope="host""#], &[identity(), licence(), status(), events()]);
    let scraped = r#"prometheus=[{"name":"web","preset":"haproxy","pods":"annotated"}]"#;
    check(&[r#"ram.scope="host""#, scraped], &[identity(), pods(), licence(), status(), events()]);
    let written = r#"extraConfig="[[ssl]]\nkind = \"prometheus\"\nname = \"web\"\npods = \"annotated\"\npreset = \"envoy\"\n""#;
    check(&[r#"ram.scope="host""#, written], &[identity(), pods(), licence(), status(), events()]);
    let all_off = ["licence.enabled=false", "status.enabled=false", "events.enabled=false"];
    check(&all_off, &[identity(), pods()]);
    check(&["rbac.create=false"], &[]);
    check(&["api.enabled=false", r#"ram.pods="cgroup""#], &[]);
}

#[test]
fn the_manifest_gives_the_same_rights_as_the_chart() {
    let manifest = parse(&text("packaging/kubernetes/highwater.yaml"));
    assert_eq!(rights(&manifest), [identity(), pods(), licence(), status(), events()].concat());
}

/// An agent may not create a Secret: the chart makes it, and without data, so that no upgrade resets what the agents wrote.
#[test]
fn what_the_agents_write_into_is_made_without_data_and_kept() {
    let Some(objects) = objects(&[]) else { return };
    let secret = one(&objects, "Secret", "highwater-licence");
    assert_eq!(secret["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    let lease = one(&objects, "Lease", "highwater");
    let status = one(&objects, "ConfigMap", "highwater-status");
    for object in [secret, lease, status] {
        for key in ["data", "stringData", "binaryData", "spec"] {
            assert!(object.get(key).is_none(), "{key} of {object}");
        }
    }
}

/// Without the API nothing that needs it is left behind.
#[test]
fn without_the_api_there_is_neither_a_token_nor_what_it_is_for() {
    let Some(objects) = objects(&["api.enabled=false", r#"ram.pods="cgroup""#]) else { return };
    for kind in ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "Lease", "Secret"] {
        assert_eq!(of_kind(&objects, kind).count(), 0, "{kind}");
    }
    let told = serde_json::to_string(&objects).unwrap();
    for word in ["serviceAccountToken\"", "HIGHWATER_KUBERNETES", "highwater-licence", "highwater-status"] {
        assert!(!told.contains(word), "{word}");
    }
}
