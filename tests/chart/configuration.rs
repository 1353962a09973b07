//! The configuration that the chart writes is one that the agent takes.

use crate::rendered::{objects, one, parse, pod, text};
use serde_json::Value;
use std::process::Command;

/// That the agent of the image takes what these objects configure it with; what it says of the configuration.
fn check(what: &str, objects: &[Value]) -> String {
    let config = one(objects, "ConfigMap", "highwater-config")["data"]["highwater.toml"].as_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("highwater.toml");
    std::fs::write(&file, config).unwrap();
    let mut agent = Command::new(env!("CARGO_BIN_EXE_highwater"));
    agent.env_clear().arg("check-config").arg("--config").arg(&file);
    for one in pod(objects)["containers"][0]["env"].as_array().into_iter().flatten() {
        // What the downward API fills in.
        let value = match &one["value"] {
            Value::String(value) => value.clone(),
            _ => "a-name".to_owned(),
        };
        agent.env(one["name"].as_str().unwrap(), value);
    }
    let output = agent.output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {said}\n{config}");
    assert!(!said.contains("warning"), "{what}: {said}\n{config}");
    said
}

#[test]
fn the_agent_takes_what_the_chart_configures() {
    let central = r#"central.url="https://central.example.com:8443/x""#;
    let scraped = r#"prometheus=[
        {"name":"web","preset":"haproxy","pods":"app in (a,b),!c","port":8404,"path":"/metrics"},
        {"name":"any","metric":"tls_total","labels":["proxy=\"a<b\""],"pods":"annotated"}]"#;
    for values in [
        &[][..],
        &[central, r#"ram.selector="metered=yes,tier notin (x,y)""#, "hashNames=true"],
        &[central, r#"transport="object-store""#, r#"proxy.url="http://p.example.com:3128""#],
        &[r#"transport="air-gap""#, r#"ram.scope="host""#, "interval=60", r#"timeZone="Europe/Berlin""#],
        &[scraped, "metrics.socket=true", r#"network={"interfaces":["eth0","ens*"],"count":"sum"}"#],
        &["kernel.enabled=true", "kernel.ports=[443]", r#"kernel.interfaces=["eth*"]"#],
        &["api.enabled=false", r#"ram.pods="cgroup""#],
        &[r#"extraConfig="[ledger]\nretention = \"200d\"""#, r#"log={"level":"debug","format":"logfmt"}"#],
        &["licence.enabled=false", "status.enabled=false", "events.enabled=false"],
    ] {
        let Some(objects) = objects(values) else { return };
        check(&format!("{values:?}"), &objects);
    }
}

#[test]
fn the_agent_takes_what_the_manifest_configures() {
    check("the manifest", &parse(&text("packaging/kubernetes/highwater.yaml")));
}
