//! The objects of the cluster, and what calls do to them.

use super::rights::Call;
use super::transcripts::recorded;
use super::{Answer, Asked, FROZEN, LEASE, SECRET, STATUS, pods};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How much the data of a Secret may hold.
const DATA_MAX_BYTES: usize = 1 << 20;

pub(crate) struct World {
    /// By path.
    pub(crate) objects: BTreeMap<String, Value>,
    pub(crate) pods: Vec<Value>,
    /// The cluster's resourceVersion.
    pub(crate) version: u64,
}

impl World {
    /// As it was when the recording began.
    pub(super) fn recorded() -> Self {
        let body = |name: &str| recorded(name).response.body;
        let secret = body("licence secret");
        let mut frozen = secret.clone();
        frozen["metadata"]["name"] = json!("frozen");
        frozen["immutable"] = json!(true);
        let status = json!({
            "kind": "ConfigMap", "apiVersion": "v1",
            "metadata": {"name": "highwater-status", "namespace": "highwater", "resourceVersion": "235"},
        });
        let objects = [
            ("/api/v1/namespaces/kube-system", body("cluster id")),
            ("/api/v1/nodes/node-a", body("own node")),
            (SECRET, secret),
            (FROZEN, frozen),
            (LEASE, body("lease")),
            (STATUS, status),
        ];
        World {
            objects: objects.into_iter().map(|(path, object)| (path.to_owned(), object)).collect(),
            pods: body("metered pods of the node")["items"].as_array().unwrap().clone(),
            version: 281,
        }
    }

    pub(super) fn edit(&mut self, path: &str, change: impl FnOnce(&mut Value)) {
        let object = self.objects.get_mut(path).unwrap_or_else(|| panic!("there is no {path}"));
        change(object);
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
    }

    pub(super) fn answer(&mut self, call: &Call, asked: &Asked) -> Answer {
        match (call.verb.as_str(), call.resource.as_str()) {
            ("list", "pods") => pods::list(&self.pods, self.version, asked),
            ("get", _) => match self.objects.get(&asked.path) {
                Some(object) => Answer::ok(object.clone()),
                None => call.not_found(),
            },
            ("update", _) => self.put(call, asked),
            ("patch", _) => self.patch(call, asked),
            ("create", _) => self.create(call, asked),
            _ => call.not_found(),
        }
    }

    fn put(&mut self, call: &Call, asked: &Asked) -> Answer {
        let Some(there) = self.objects.get(&asked.path) else { return call.not_found() };
        let new = asked.json();
        let version = &new["metadata"]["resourceVersion"];
        if !version.is_null() && *version != there["metadata"]["resourceVersion"] {
            return call.conflict();
        }
        self.keep(&asked.path, new)
    }

    fn patch(&mut self, call: &Call, asked: &Asked) -> Answer {
        if asked.content_type.as_deref() != Some("application/merge-patch+json") {
            let message = "415: Unsupported Media Type";
            return Answer::failure(415, "UnsupportedMediaType", message, Some(json!({})));
        }
        let Ok(patch) = serde_json::from_slice::<Value>(&asked.body) else {
            let message = "error decoding patch: unexpected end of JSON input";
            return Answer::failure(400, "BadRequest", message, None);
        };
        let Some(there) = self.objects.get(&asked.path) else { return call.not_found() };
        let version = &patch["metadata"]["resourceVersion"];
        if !version.is_null() && *version != there["metadata"]["resourceVersion"] {
            return call.conflict();
        }
        let mut new = there.clone();
        merge(&mut new, &patch);
        match unfit(call, there, &new) {
            Some(refused) => refused,
            None => self.keep(&asked.path, new),
        }
    }

    fn create(&mut self, call: &Call, asked: &Asked) -> Answer {
        let mut object = asked.json();
        if call.resource == "selfsubjectaccessreviews" {
            return Answer::created(object);
        }
        let metadata = &object["metadata"];
        let name = match (metadata["name"].as_str(), metadata["generateName"].as_str()) {
            (Some(name), _) => name.to_owned(),
            (None, Some(prefix)) => format!("{prefix}{:05}", self.version),
            (None, None) => String::new(),
        };
        let path = format!("{}/{name}", asked.path);
        let named = Call { name: Some(name.clone()), ..call.clone() };
        if self.objects.contains_key(&path) {
            let message = format!("{} \"{name}\" already exists", call.resource);
            return Answer::failure(409, "AlreadyExists", &message, Some(named.details()));
        }
        object["metadata"]["name"] = json!(name);
        let kept = self.keep(&path, object);
        Answer::created(kept.body)
    }

    fn keep(&mut self, path: &str, mut object: Value) -> Answer {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.objects.insert(path.to_owned(), object.clone());
        Answer::ok(object)
    }
}

/// Why a Secret may not become so.
fn unfit(call: &Call, there: &Value, new: &Value) -> Option<Answer> {
    if call.resource != "secrets" {
        return None;
    }
    let name = call.name.as_deref().unwrap_or_default();
    let invalid = |what: &str, reason: &str| {
        let message = format!("Secret \"{name}\" is invalid: data: {what}");
        let causes = json!([{"reason": reason, "message": what, "field": "data"}]);
        Answer::failure(
            422,
            "Invalid",
            &message,
            Some(json!({"name": name, "kind": "Secret", "causes": causes})),
        )
    };
    if there["immutable"] == true && there["data"] != new["data"] {
        return Some(invalid("Forbidden: field is immutable when `immutable` is set", "FieldValueForbidden"));
    }
    let values: Vec<&str> =
        new["data"].as_object().into_iter().flatten().filter_map(|(_, v)| v.as_str()).collect();
    let decoded: Option<Vec<Vec<u8>>> = values.iter().map(|value| STANDARD.decode(value).ok()).collect();
    match decoded {
        // The recorded message has the whole object in it; what matters of it is its length.
        None => {
            let message =
                format!(" \"\" is invalid: patch: Invalid value: {new}: illegal base64 data at input byte 0");
            Some(Answer::failure(422, "Invalid", &message, None))
        }
        Some(decoded) if decoded.iter().map(Vec::len).sum::<usize>() > DATA_MAX_BYTES => {
            Some(invalid("Too long: may not be more than 1048576 bytes", "FieldValueTooLong"))
        }
        Some(_) => None,
    }
}

/// RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut target[key.as_str()], value);
        }
    }
}
