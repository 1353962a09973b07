//! Values that can't be meant are refused, with words.

use crate::rendered::{NEWEST, helm, objects, repository, text};
use serde_json::Value;

/// That these values are refused, and what is said.
fn check(values: &[&str], expect: &str) {
    let Some(output) = helm(NEWEST, values) else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{values:?} are taken");
    assert!(said.contains(expect), "{values:?}: {said}");
}

#[test]
fn unknown_keys_and_wrong_values_are_refused() {
    for (value, expect) in [
        (r#"centrall={"url":"x"}"#, "'centrall' not allowed"),
        (r#"central.uri="https://x""#, "'uri' not allowed"),
        (r#"central.url="http://central.example.com""#, "/central/url"),
        (r#"image.digest="sha256:12""#, "/image/digest"),
        (r#"transport="carrier-pigeon""#, "/transport"),
        (r#"ram.scope="auto""#, "/ram/scope"),
        ("ram.podsMax=100000", "/ram/podsMax"),
        ("kernel.ports=[70000]", "/kernel/ports"),
        (r#"ram.selector="a=b\nx = 1""#, "/ram/selector"),
        (r#"hostPaths.state="var/lib""#, "/hostPaths/state"),
        (r#"hostPaths.state="/etc""#, "/hostPaths/state"),
        (r#"hostPaths.run="//""#, "/hostPaths/run"),
        (r#"hostPaths.run="/run/../etc""#, "/hostPaths/run"),
        (r#"podLabels={"app.kubernetes.io/name":"x"}"#, "invalid propertyName 'app.kubernetes.io/name'"),
        (r#"proxy.url="socks5://x""#, "/proxy/url"),
        (r#"log.format="journal""#, "/log/format"),
        (r#"api="off""#, "/api"),
        (r#"prometheus=[{"preset":"haproxy","pods":"a=b","port":1}]"#, "missing property 'name'"),
    ] {
        check(&[value], expect);
    }
}

#[test]
fn values_that_contradict_each_other_are_refused_with_words() {
    let central = r#"central.url="https://central.example.com""#;
    let selector = r#"ram.selector="a=b""#;
    let cgroup = r#"ram.pods="cgroup""#;
    check(&[r#"enrolment.token="t""#], "set central.url to https://HOST, or transport to air-gap");
    check(&[central, r#"enrolment={"token":"t","existingSecret":"s"}"#], "take one of them");
    check(&[selector, cgroup], "cgroups have no labels");
    check(&[selector, r#"ram.scope="host""#], "the node's memory has no labels");
    check(&["api.enabled=false"], "take ram.pods = cgroup, or ram.scope = host");
    let scraped = r#"prometheus=[{"name":"web","preset":"haproxy","pods":"annotated"}]"#;
    check(&["api.enabled=false", cgroup, scraped], "only the API server knows pods by their labels");
    check(&[r#"proxy.noProxy="a""#], "there is no proxy to leave out");
    let password = r#"proxy={"url":"http://p.example.com:1","passwordSecret":{"name":"s"}}"#;
    check(&[password], "write http://NAME@HOST:PORT");
    check(&[r#"priorityClass.name="system-node-critical""#], "set create to false");
    check(&[r#"priorityClass.name="""#], "name it, or set create to false");
    let twice = r#"prometheus=[{"name":"web","preset":"envoy","pods":"annotated"},{"name":"web","metric":"m","pods":"annotated"}]"#;
    check(&[twice], "each needs its own");
    let cas = r#"central.ca={"configMap":{"name":"a"},"secret":{"name":"b"}}"#;
    check(&[cas], "central.ca has more than one");
    check(&[r#"prometheus=[{"name":"web","pods":"annotated"}]"#], "(web) needs one of preset and metric");
    check(&[r#"prometheus=[{"name":"web","preset":"envoy","pods":"a=b"}]"#], "(web) needs a port");
    let both = r#"prometheus=[{"name":"web","preset":"envoy","pods":"annotated","port":1}]"#;
    check(&[both], "annotated pods say theirs");
}

/// Each key has its default in values.yaml, and its rule in the schema; the keys of an object are closed but where Kubernetes' own
/// types are taken as they are.
#[test]
fn the_schema_knows_exactly_the_values_that_there_are() {
    let values: Value = serde_yaml_ng::from_str(&text("packaging/helm/highwater/values.yaml")).unwrap();
    let schema: Value = serde_json::from_str(&text("packaging/helm/highwater/values.schema.json")).unwrap();
    same(&values, &schema, "");
}

fn same(value: &Value, schema: &Value, path: &str) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    assert_eq!(schema["additionalProperties"], false, "{path} is open");
    let mut known: Vec<&str> = properties.keys().map(String::as_str).filter(|key| *key != "global").collect();
    let mut there: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    // What Kubernetes knows of it is a choice of the operator's, without a default.
    if path != "/seLinuxOptions" {
        known.sort_unstable();
        there.sort_unstable();
        assert_eq!(known, there, "{path}");
    }
    for (key, schema) in properties {
        same(&value[key], schema, &format!("{path}/{key}"));
    }
}

#[test]
fn the_chart_is_of_the_programs_version() {
    let chart: Value = serde_yaml_ng::from_str(&text("packaging/helm/highwater/Chart.yaml")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!((&chart["version"], &chart["appVersion"]), (&version.into(), &version.into()));
    assert!(repository().join("packaging/helm/highwater/templates/NOTES.txt").is_file());
}

#[test]
fn the_image_is_named_by_its_digest_where_there_is_one() {
    let image = |values: &[&str]| {
        let objects = objects(values)?;
        let name = &crate::rendered::pod(&objects)["containers"][0]["image"];
        Some(name.as_str().unwrap().to_owned())
    };
    let digest = format!("sha256:{}", "0a".repeat(32));
    let given = format!(r#"image={{"repository":"registry.example.com/hw","digest":"{digest}","tag":"x"}}"#);
    let Some(name) = image(&[&given]) else { return };
    assert_eq!(name, format!("registry.example.com/hw@{digest}"));
    assert_eq!(image(&[]), Some(concat!("localhost/highwater:", env!("CARGO_PKG_VERSION")).to_owned()));
}
