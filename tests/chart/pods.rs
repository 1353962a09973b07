//! What the pods run as, and what of the node they see.

use crate::rendered::{objects, of_kind, one, parse, pod, text};
use serde_json::{Value, json};

const KERNEL: &str = "kernel.enabled=true";

/// A container's security context: who runs it, and with which rights.
fn context(user: u32, added: Option<&str>) -> Value {
    let mut capabilities = json!({"drop": ["ALL"]});
    if let Some(added) = added {
        capabilities["add"] = json!([added]);
    }
    json!({
        "runAsUser": user,
        "runAsGroup": user,
        "runAsNonRoot": user != 0,
        "allowPrivilegeEscalation": false,
        "privileged": false,
        "readOnlyRootFilesystem": true,
        "capabilities": capabilities,
        "seccompProfile": {"type": "RuntimeDefault"},
    })
}

fn check_pod(pod: &Value, user: u32, added: Option<&str>) {
    let own = &pod["initContainers"];
    assert_eq!(own.as_array().unwrap().len(), 1);
    assert_eq!(own[0]["securityContext"], context(0, Some("CHOWN")));
    let owner = format!("{user}:{user}");
    assert_eq!(own[0]["args"], json!(["own", "/var/lib/highwater", "/run/highwater", "--user", owner]));
    // Root sees the two directories and nothing else: no token, no Secret.
    let seen: Vec<&Value> =
        own[0]["volumeMounts"].as_array().unwrap().iter().map(|mount| &mount["name"]).collect();
    assert_eq!(seen, ["state", "run"]);
    let agent = &pod["containers"];
    assert_eq!(agent.as_array().unwrap().len(), 1);
    assert_eq!(agent[0]["securityContext"], context(user, added));
    let resources = json!({"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "32Mi"}});
    for container in [&own[0], &agent[0]] {
        assert_eq!(container["resources"], resources);
        assert!(container.get("ports").is_none());
    }
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["enableServiceLinks"], false);
    for key in ["hostPID", "hostIPC", "shareProcessNamespace", "ephemeralContainers"] {
        assert!(pod.get(key).is_none(), "{key}");
    }
}

#[test]
fn the_agent_runs_without_a_right_and_root_only_changes_owners() {
    let Some(objects) = objects(&[]) else { return };
    let pod = pod(&objects);
    check_pod(pod, 65532, None);
    assert!(pod.get("hostNetwork").is_none());
    check_pod(self::pod(&parse(&text("packaging/kubernetes/highwater.yaml"))), 65532, None);
}

#[test]
fn counting_in_the_kernel_takes_the_hosts_network_and_one_right() {
    let Some(objects) = objects(&[KERNEL, "kernel.ports=[443,8443]"]) else { return };
    let pod = pod(&objects);
    check_pod(pod, 0, Some("NET_RAW"));
    assert_eq!(pod["hostNetwork"], true);
    assert_eq!(pod["dnsPolicy"], "ClusterFirstWithHostNet");
    let config = &one(&objects, "ConfigMap", "highwater-config")["data"]["highwater.toml"];
    assert!(config.as_str().unwrap().contains("kind = \"kernel\"\nports = [443, 8443]\n"), "{config}");
}

/// Of the node: the ledger, the gate, and `/sys` to read. Nothing of any other file.
#[test]
fn the_node_is_seen_through_three_directories_only() {
    let Some(objects) = objects(&[]) else { return };
    let pod = pod(&objects);
    let volumes = pod["volumes"].as_array().unwrap();
    let paths: Vec<(&str, &str)> = volumes
        .iter()
        .filter_map(|volume| Some((volume["name"].as_str()?, volume.get("hostPath")?["path"].as_str()?)))
        .collect();
    assert_eq!(paths, [("state", "/var/lib/highwater"), ("run", "/run/highwater"), ("sys", "/sys")]);
    for mount in pod["containers"][0]["volumeMounts"].as_array().unwrap() {
        let writes = ["state", "run"].contains(&mount["name"].as_str().unwrap());
        assert_eq!(mount.get("readOnly"), if writes { None } else { Some(&Value::Bool(true)) }, "{mount}");
        assert!(mount.get("subPath").is_none(), "a Secret that changes does not arrive in {mount}");
    }
    // A Secret that is not there yet keeps no agent from metering.
    for volume in volumes.iter().filter_map(|volume| volume.get("secret")) {
        assert_eq!((&volume["optional"], &volume["defaultMode"]), (&json!(true), &json!(0o440)), "{volume}");
    }
    assert_eq!(pod["securityContext"]["fsGroup"], 65532);
}

#[test]
fn every_node_is_metered_and_a_tenth_of_them_updated_at_once() {
    let Some(objects) = objects(&[]) else { return };
    let set = one(&objects, "DaemonSet", "highwater");
    assert_eq!(set["spec"]["template"]["spec"]["tolerations"], json!([{"operator": "Exists"}]));
    let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}});
    assert_eq!(set["spec"]["updateStrategy"], strategy);
    let class = one(&objects, "PriorityClass", "highwater");
    assert_eq!(set["spec"]["template"]["spec"]["priorityClassName"], "highwater");
    // It meters others: it never takes their place.
    assert_eq!((&class["preemptionPolicy"], &class["globalDefault"]), (&json!("Never"), &json!(false)));
}

#[test]
fn another_configuration_is_another_pod() {
    let checksum = |values: &[&str]| {
        let objects = objects(values)?;
        let template = &one(&objects, "DaemonSet", "highwater")["spec"]["template"];
        Some(template["metadata"]["annotations"]["checksum/config"].as_str().unwrap().to_owned())
    };
    let (Some(before), Some(after)) = (checksum(&[]), checksum(&[r#"ram.selector="a=b""#])) else { return };
    assert_ne!(before, after);
    assert_eq!(checksum(&[]), Some(before));
}

#[test]
fn the_way_out_is_as_the_values_say() {
    let values = [
        r#"central.url="https://central.example.com:8443""#,
        r#"central.ca.configMap={"name":"corp","key":"root.pem"}"#,
        r#"proxy.url="http://meter@proxy.example.com:3128""#,
        r#"proxy.noProxy=".example.com,10.0.0.0/8""#,
        r#"proxy.passwordSecret={"name":"proxy","key":"pw"}"#,
        r#"enrolment.existingSecret="join""#,
    ];
    let Some(objects) = objects(&values) else { return };
    let pod = pod(&objects);
    let env = pod["containers"][0]["env"].as_array().unwrap();
    let value =
        |name: &str| env.iter().find(|one| one["name"] == name).map(|one| one["value"].as_str().unwrap());
    assert_eq!(value("HTTPS_PROXY"), Some("http://meter@proxy.example.com:3128"));
    assert_eq!(value("NO_PROXY"), Some(".example.com,10.0.0.0/8"));
    let volume =
        |name: &str| pod["volumes"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap();
    let ca = json!({"name": "corp", "items": [{"key": "root.pem", "path": "ca.crt"}]});
    assert_eq!(volume("ca")["configMap"], ca);
    assert_eq!(volume("enrolment")["secret"]["secretName"], "join");
    assert_eq!(volume("proxy")["secret"]["items"], json!([{"key": "pw", "path": "password"}]));
    // The chart makes a Secret of a token, and of no other thing.
    let made: Vec<&Value> = of_kind(&objects, "Secret").map(|secret| &secret["metadata"]["name"]).collect();
    assert_eq!(made, ["highwater-licence"]);
    let told = serde_json::to_string(&objects).unwrap();
    assert!(!told.contains("http://meter:"), "a password is in an object");
}

#[test]
fn a_token_is_in_its_secret_and_nowhere_else() {
    let values = [r#"central.url="https://central.example.com""#, r#"enrolment.token="hwt1.secret-token""#];
    let Some(objects) = objects(&values) else { return };
    let (with, without): (Vec<&Value>, Vec<&Value>) =
        objects.iter().partition(|object| object.to_string().contains("hwt1.secret-token"));
    assert_eq!(with.len(), 1);
    assert_eq!(with[0]["metadata"]["name"], "highwater-enrolment");
    assert_eq!(with[0]["stringData"], json!({"token": "hwt1.secret-token"}));
    assert!(!without.is_empty());
}
