//! The chart, rendered by helm, and the committed manifest, as objects.

use crate::tools::{missing, skipped};
use serde::Deserialize as _;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The oldest Kubernetes that the chart is for, which the manifest is rendered for.
pub(crate) const OLDEST: &str = "1.28.0";
pub(crate) const NEWEST: &str = "1.37.0";

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn chart() -> PathBuf {
    repository().join("packaging/helm/highwater")
}

/// A text of the repository.
#[expect(clippy::disallowed_methods, reason = "the repository's own files")]
pub(crate) fn text(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap()
}

/// Whether a program that takes seconds to tell its version is not in `PATH`; says so, and fails in CI.
pub(crate) fn not_in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    !is_there && skipped(&format!("{program} is not installed"))
}

/// Whether there is no helm; says so, and fails in CI.
pub(crate) fn no_helm() -> bool {
    missing(&[("helm", "version")])
}

/// What helm says to a set of values, as `KEY=VALUE`; lists and objects are given as JSON. `None` where helm is not there.
pub(crate) fn helm(version: &str, values: &[&str]) -> Option<Output> {
    if no_helm() {
        return None;
    }
    let mut helm = Command::new("helm");
    helm.args(["template", "highwater"]).arg(chart());
    helm.args(["--namespace", "highwater", "--kube-version", version]);
    for value in values {
        helm.args(["--set-json", value]);
    }
    Some(helm.output().unwrap())
}

/// The objects that the chart makes of these values. `None` where helm is not there.
pub(crate) fn objects(values: &[&str]) -> Option<Vec<Value>> {
    let output = helm(NEWEST, values)?;
    assert!(output.status.success(), "{values:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(parse(&String::from_utf8(output.stdout).unwrap()))
}

/// The objects of a text of YAML.
pub(crate) fn parse(yaml: &str) -> Vec<Value> {
    let documents = serde_yaml_ng::Deserializer::from_str(yaml);
    let objects = documents.map(|document| Value::deserialize(document).unwrap());
    objects.filter(|object| !object.is_null()).collect()
}

/// The one object of a kind and name.
pub(crate) fn one<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found: Vec<&Value> =
        of_kind(objects, kind).filter(|object| object["metadata"]["name"] == name).collect();
    assert_eq!(found.len(), 1, "{kind} {name}");
    found[0]
}

pub(crate) fn of_kind<'a>(objects: &'a [Value], kind: &str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

/// The pod that the DaemonSet starts.
pub(crate) fn pod(objects: &[Value]) -> &Value {
    &one(objects, "DaemonSet", "highwater")["spec"]["template"]["spec"]
}
