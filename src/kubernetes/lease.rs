//! The Lease, which one agent of the cluster holds at a time.

use super::api::Api;
use super::error::ApiError;
use super::rule::Rule;
use highwater_rules::lease::Seen;
use serde_json::{Value, json};

/// The group of Leases.
const GROUP: &str = "coordination.k8s.io";
/// For how long others leave the holder alone, in seconds.
pub const DURATION_S: i64 = 60;

/// A Lease as it was read or taken.
#[derive(Debug, Clone)]
pub struct Lease {
    path: String,
    rule: Rule,
    object: Value,
}

/// The right to a verb on the Lease.
///
/// # Errors
/// When the namespace is not known.
pub fn rule(api: &Api, verb: &'static str) -> Result<Rule, ApiError> {
    Ok(Rule::cluster(GROUP, "leases", verb).within(&api.namespace()?).named(&api.config().lease))
}

/// Reads the Lease.
///
/// # Errors
/// When it can't be read, or is none.
pub async fn read(api: &Api) -> Result<Lease, ApiError> {
    let path = format!("/apis/{GROUP}/v1/namespaces/{}/leases/{}", api.namespace()?, api.config().lease);
    let object: Value = api.get(rule(api, "get")?, &path, &[]).await?.json()?;
    if object.get("metadata").and_then(|metadata| metadata.get("resourceVersion")).is_none() {
        return Err(ApiError::Garbled { what: path, why: "it has no resourceVersion".to_owned() });
    }
    Ok(Lease { path, rule: rule(api, "update")?, object })
}

impl Lease {
    fn spec(&self, name: &str) -> Option<&Value> {
        self.object.get("spec")?.get(name)
    }

    /// What stands in it.
    #[must_use]
    pub fn seen(&self) -> Seen<'_> {
        let version = self.object.get("metadata").and_then(|metadata| metadata.get("resourceVersion"));
        Seen {
            holder: self.holder(),
            version: version.and_then(Value::as_str).unwrap_or_default(),
            duration_s: self.spec("leaseDurationSeconds").and_then(Value::as_i64),
        }
    }

    /// Who holds it; `None` where nobody does.
    #[must_use]
    pub fn holder(&self) -> Option<&str> {
        self.spec("holderIdentity").and_then(Value::as_str).filter(|holder| !holder.is_empty())
    }

    /// Takes it, unless it was changed since it was read. `now_s` is unix seconds.
    ///
    /// # Errors
    /// [`ApiError::Conflict`] where somebody else was quicker; else when it can't be written.
    pub async fn take(mut self, api: &Api, me: &str, now_s: i64) -> Result<Lease, ApiError> {
        let now = micro(now_s);
        let transitions = self.spec("leaseTransitions").and_then(Value::as_i64).unwrap_or(0);
        let changes = i64::from(self.holder() != Some(me));
        let spec = json!({
            "holderIdentity": me,
            "leaseDurationSeconds": DURATION_S,
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": transitions.saturating_add(changes).clamp(0, i64::from(i32::MAX)),
        });
        self.put_spec(spec);
        self.object = api.put(self.rule.clone(), &self.path, &self.object).await?.json()?;
        Ok(self)
    }

    /// Gives it back, unless somebody else has taken it since.
    ///
    /// # Errors
    /// When it can't be written. Then it ends by itself.
    pub async fn give_back(mut self, api: &Api) -> Result<(), ApiError> {
        let transitions = self.spec("leaseTransitions").cloned().unwrap_or(Value::Null);
        self.put_spec(json!({"leaseDurationSeconds": DURATION_S, "leaseTransitions": transitions}));
        match api.put(self.rule.clone(), &self.path, &self.object).await {
            Ok(_) | Err(ApiError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What else stands in the object is left as it is.
    fn put_spec(&mut self, spec: Value) {
        if let Some(object) = self.object.as_object_mut() {
            object.insert("spec".to_owned(), spec);
        }
    }
}

/// A moment as a Lease writes it: with six digits behind the second, no more and no fewer.
fn micro(unix_s: i64) -> String {
    let moment = jiff::Timestamp::from_second(unix_s).unwrap_or_default();
    moment.strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string()
}
