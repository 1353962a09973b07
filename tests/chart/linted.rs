//! The chart before those who judge charts.

use crate::rendered::{NEWEST, OLDEST, chart, helm, no_helm, not_in_path, repository, text};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Sets of values that differ in which objects and fields there are.
const VARIANTS: [(&str, &[&str]); 4] = [
    ("default", &[]),
    (
        "everything",
        &[
            r#"central={"url":"https://central.example.com","clientCertificateSecret":"client","ca":{"secret":{"name":"ca"}}}"#,
            r#"enrolment.token="t""#,
            r#"proxy={"url":"http://n@proxy.example.com:3128","noProxy":".a","passwordSecret":{"name":"p"}}"#,
            r#"image={"pullSecrets":["pull"]}"#,
            r#"prometheus=[{"name":"web","preset":"haproxy","pods":"app=haproxy","port":8404,"path":"/metrics"}]"#,
            "kernel.enabled=true",
            "metrics.socket=true",
            r#"seLinuxOptions={"type":"spc_t"}"#,
            r#"podAnnotations={"a":"b"}"#,
            r#"podLabels={"c":"d"}"#,
        ],
    ),
    ("air-gap", &[r#"transport="air-gap""#, r#"enrolment.token="t""#]),
    ("without-api", &["api.enabled=false", r#"ram.pods="cgroup""#, "priorityClass.create=false"]),
];

/// What helm renders of a variant, in a file.
fn rendered(folder: &Path, name: &str, version: &str, values: &[&str]) -> Option<PathBuf> {
    let output = helm(version, values)?;
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    let file = folder.join(format!("{name}.yaml"));
    std::fs::write(&file, output.stdout).unwrap();
    Some(file)
}

#[test]
fn helm_lint_has_nothing_to_say() {
    if no_helm() {
        return;
    }
    for (name, values) in VARIANTS {
        let mut lint = Command::new("helm");
        lint.args(["lint", "--strict", "--quiet"]).arg(chart());
        for value in values {
            lint.args(["--set-json", value]);
        }
        let output = lint.output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn every_object_fits_the_schemas_of_old_and_new_kubernetes() {
    if not_in_path("kubernetes-validate") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for version in [OLDEST, "1.33.0", NEWEST] {
        let files = VARIANTS.map(|(name, values)| rendered(folder.path(), name, version, values));
        let minor = version.trim_end_matches(".0");
        let manifest = repository().join("packaging/kubernetes/highwater.yaml");
        let mut validate = Command::new("kubernetes-validate");
        validate.args(["--strict", "--kubernetes-version", minor]).arg(manifest);
        validate.args(files.into_iter().flatten());
        let output = validate.output().unwrap();
        let said =
            String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{minor}: {said}");
        assert!(said.contains("daemonset/highwater"), "{minor}: {said}");
    }
}

#[test]
fn checkov_finds_nothing_but_what_is_skipped_for_a_reason() {
    if not_in_path("checkov") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let Some(file) = rendered(folder.path(), "default", NEWEST, &[]) else { return };
    let mut checkov = Command::new("checkov");
    checkov.args(["--skip-download", "--output", "json", "--config-file"]);
    checkov.arg(repository().join("packaging/helm/checkov.yaml")).arg("--file").arg(&file);
    let output = checkov.output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let failed: Vec<String> = found["results"]["failed_checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| format!("{} {} of {}", check["check_id"], check["check_name"], check["resource"]))
        .collect();
    assert_eq!(failed, Vec::<String>::new());
    assert!(found["summary"]["passed"].as_u64().unwrap() > 80, "{}", found["summary"]);
}

/// In the list, the line before each check says why it is skipped.
#[test]
fn each_check_that_is_skipped_has_its_reason() {
    let list = text("packaging/helm/checkov.yaml");
    let lines: Vec<&str> = list.lines().map(str::trim).collect();
    let skipped: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].starts_with("- CKV")).collect();
    assert!(!skipped.is_empty());
    for at in skipped {
        assert!(lines[at - 1].starts_with("# ") && lines[at - 1].len() > 30, "{} has no reason", lines[at]);
    }
}
