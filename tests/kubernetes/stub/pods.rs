//! Lists of pods: selectors and pages.

use super::{Answer, Asked};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Value, json};

/// `namespace/name`, by which a list is ordered.
fn key(pod: &Value) -> String {
    let of = |name: &str| pod["metadata"][name].as_str().unwrap_or_default().to_owned();
    format!("{}/{}", of("namespace"), of("name"))
}

pub(super) fn list(pods: &[Value], version: u64, asked: &Asked) -> Answer {
    let bad = |message: &str| Answer::failure(400, "BadRequest", message, None);
    let fields = asked.param("fieldSelector").unwrap_or_default();
    let mut found = Vec::new();
    for pod in pods {
        match has_fields(pod, fields) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(field) => return bad(&format!("field label not supported: {field}")),
        }
        match has_labels(pod, asked.param("labelSelector").unwrap_or_default()) {
            Some(true) => found.push(pod),
            Some(false) => {}
            None => return bad("found '==', expected: ',' or 'end of string'"),
        }
    }
    found.sort_by_key(|pod| key(pod));
    let mut metadata = json!({"resourceVersion": version.to_string()});
    if let Some(token) = asked.param("continue") {
        let Some(start) = start_of(token) else {
            return bad(
                "invalid continue token: continue key is not valid: invalid character 'Ï' looking for beginning of value",
            );
        };
        found.retain(|pod| format!("{}\0", key(pod)) > start);
    }
    let limit: usize = asked.param("limit").and_then(|limit| limit.parse().ok()).unwrap_or(0);
    if limit > 0 && found.len() > limit {
        found.truncate(limit);
        let start = format!("{}\0", key(found.last().unwrap()));
        let token = format!(r#"{{"v":"meta.k8s.io/v1","rv":{version},"start":{}}}"#, json!(start));
        metadata["continue"] = json!(STANDARD_NO_PAD.encode(token));
    }
    Answer::ok(json!({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": found}))
}

fn start_of(token: &str) -> Option<String> {
    let token: Value = serde_json::from_slice(&STANDARD_NO_PAD.decode(token).ok()?).ok()?;
    Some(token["start"].as_str()?.to_owned())
}

fn has_fields(pod: &Value, selector: &str) -> Result<bool, String> {
    let mut has = true;
    for term in selector.split(',').filter(|term| !term.is_empty()) {
        let (field, wanted, equal) = match term.split_once("!=") {
            Some((field, wanted)) => (field, wanted, false),
            None => term.split_once('=').map(|(field, wanted)| (field, wanted, true)).unwrap(),
        };
        let is = match field {
            "spec.nodeName" => pod["spec"]["nodeName"].as_str(),
            "status.phase" => pod["status"]["phase"].as_str(),
            other => return Err(other.to_owned()),
        };
        has &= (is.unwrap_or_default() == wanted) == equal;
    }
    Ok(has)
}

/// Nothing where the selector is none.
fn has_labels(pod: &Value, selector: &str) -> Option<bool> {
    let mut has = true;
    let mut rest = selector;
    while !rest.is_empty() {
        // The comma within brackets parts no terms.
        let end = match (rest.find('('), rest.find(',')) {
            (Some(open), Some(comma)) if open < comma => {
                let close = rest.find(')')?;
                rest[close..].find(',').map_or(rest.len(), |n| close + n)
            }
            (_, comma) => comma.unwrap_or(rest.len()),
        };
        has &= has_label(pod, rest[..end].trim())?;
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    Some(has)
}

fn has_label(pod: &Value, term: &str) -> Option<bool> {
    let label = |name: &str| pod["metadata"]["labels"][name.trim()].as_str();
    if let Some(list) = term.strip_suffix(')') {
        let (before, list) = list.split_once('(')?;
        let (name, operator) = before.trim().split_once(' ')?;
        let is_in = list.split(',').any(|value| label(name) == Some(value.trim()));
        return match operator.trim() {
            "in" => Some(is_in),
            "notin" => Some(!is_in),
            _ => None,
        };
    }
    if let Some((name, value)) = term.split_once("!=") {
        return Some(label(name) != Some(value.trim()));
    }
    match term.split_once('=') {
        Some((name, value)) => {
            let value = value.strip_prefix('=').unwrap_or(value);
            (!value.contains('=')).then(|| label(name) == Some(value.trim()))
        }
        None => Some(match term.strip_prefix('!') {
            Some(name) => label(name).is_none(),
            None => label(term).is_some(),
        }),
    }
}
