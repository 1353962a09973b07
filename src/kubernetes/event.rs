//! Events about the agent's own pod, which `kubectl get events` and `kubectl describe pod` show.

use super::api::Api;
use super::error::ApiError;
use super::rule::Rule;
use serde_json::{Value, json};

/// What an Event tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// One word in capitals and small letters.
    pub reason: &'static str,
    /// What is told, for people.
    pub message: String,
    /// What parts the names of a pod's Events: a few small letters.
    pub suffix: &'static str,
}

/// The right to a verb on Events.
///
/// # Errors
/// When the namespace is not known.
pub fn rule(api: &Api, verb: &'static str) -> Result<Rule, ApiError> {
    Ok(Rule::cluster("", "events", verb).within(&api.namespace()?))
}

/// Tells a warning about `pod`, whose Event has one name for as long as the pod lives: the first time it is made, and later it is
/// counted on. `count` is how often it was told before, as far as that is known. How often it is now is the result.
///
/// # Errors
/// When the API server can't be asked, or does not let the agent.
pub async fn warn(
    api: &Api,
    pod: &str,
    warning: &Warning,
    count: Option<i64>,
    now_s: i64,
) -> Result<i64, ApiError> {
    let namespace = api.namespace()?;
    let now = jiff::Timestamp::from_second(now_s).unwrap_or_default().to_string();
    let name = format!("{pod}.{}", warning.suffix);
    let collection = format!("/api/v1/namespaces/{namespace}/events");
    let event = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": {"apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": pod},
        "reason": warning.reason,
        "message": warning.message,
        "type": "Warning",
        "source": {"component": "highwater", "host": api.config().node},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
        "reportingComponent": "highwater",
        "reportingInstance": pod,
    });
    // The API server forgets Events after an hour: one that is gone is made anew.
    match api.post(rule(api, "create")?, &collection, &event).await {
        Ok(_) => return Ok(1),
        Err(ApiError::AlreadyExists { .. }) => {}
        Err(error) => return Err(error),
    }
    let mut patch = json!({"lastTimestamp": now, "message": warning.message});
    if let (Some(count), Some(fields)) = (count, patch.as_object_mut()) {
        fields.insert("count".to_owned(), json!(count.saturating_add(1)));
    }
    let path = format!("{collection}/{name}");
    let told: Value = api.merge_patch(rule(api, "patch")?, &path, &patch).await?.json()?;
    Ok(told.get("count").and_then(Value::as_i64).unwrap_or(1))
}
