//! The ConfigMap that tells how the cluster stands: `kubectl get configmap highwater-status -o yaml`.

use super::api::Api;
use super::error::ApiError;
use super::rule::Rule;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What the ConfigMap holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// Its resourceVersion.
    pub version: String,
    /// Its data.
    pub data: BTreeMap<String, String>,
}

impl Kept {
    /// A value, where there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.data.get(name).map(String::as_str)
    }

    /// A moment, in unix seconds, where there is one.
    #[must_use]
    pub fn moment(&self, name: &str) -> Option<i64> {
        Some(self.get(name)?.parse::<jiff::Timestamp>().ok()?.as_second())
    }
}

/// The right to a verb on the ConfigMap `name`.
///
/// # Errors
/// When the namespace is not known.
pub fn rule(api: &Api, name: &str, verb: &'static str) -> Result<Rule, ApiError> {
    Ok(Rule::cluster("", "configmaps", verb).within(&api.namespace()?).named(name))
}

fn path(api: &Api, name: &str) -> Result<String, ApiError> {
    Ok(format!("/api/v1/namespaces/{}/configmaps/{name}", api.namespace()?))
}

/// Reads the ConfigMap `name`.
///
/// # Errors
/// When it can't be read, or is none.
pub async fn read(api: &Api, name: &str) -> Result<Kept, ApiError> {
    let path = path(api, name)?;
    let object: Value = api.get(rule(api, name, "get")?, &path, &[]).await?.json()?;
    let version = object.get("metadata").and_then(|metadata| metadata.get("resourceVersion"));
    let Some(version) = version.and_then(Value::as_str) else {
        return Err(ApiError::Garbled { what: path, why: "it has no resourceVersion".to_owned() });
    };
    let data = object.get("data").and_then(Value::as_object).into_iter().flatten();
    let data = data.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    Ok(Kept { version: version.to_owned(), data: data.collect() })
}

/// Writes data into the ConfigMap `name`, unless it was changed since it was read as `version`. What else is in it stays; a key
/// without a value goes.
///
/// # Errors
/// [`ApiError::Conflict`] where it was changed; else when it can't be written.
pub async fn write(
    api: &Api,
    name: &str,
    version: &str,
    data: &BTreeMap<&str, Option<String>>,
) -> Result<(), ApiError> {
    let patch = json!({"metadata": {"resourceVersion": version}, "data": data});
    api.merge_patch(rule(api, name, "patch")?, &path(api, name)?, &patch).await.map(drop)
}
