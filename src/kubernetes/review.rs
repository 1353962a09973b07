//! Which rights the agent's service account has, as the API server itself says.

use super::api::Api;
use super::error::ApiError;
use super::rule::Rule;
use serde_json::{Value, json};

const GROUP: &str = "authorization.k8s.io";

/// Whether the service account has a right. Every service account may ask this of itself.
///
/// # Errors
/// When the API server can't be asked, or says neither.
pub async fn may(api: &Api, rule: &Rule) -> Result<bool, ApiError> {
    let what = format!("/apis/{GROUP}/v1/selfsubjectaccessreviews");
    let question = json!({
        "apiVersion": format!("{GROUP}/v1"),
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {
            "verb": rule.verb,
            "resource": rule.resource,
            "group": rule.group,
            "name": rule.name.as_deref().unwrap_or_default(),
            "namespace": rule.namespace.as_deref().unwrap_or_default(),
        }},
    });
    let own = Rule::cluster(GROUP, "selfsubjectaccessreviews", "create");
    let answer: Value = api.post(own, &what, &question).await?.json()?;
    let allowed = answer.get("status").and_then(|status| status.get("allowed")).and_then(Value::as_bool);
    allowed.ok_or_else(|| ApiError::Garbled { what, why: "it does not say whether it is allowed".to_owned() })
}
