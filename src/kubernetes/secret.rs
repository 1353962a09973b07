//! The Secret in which the cluster's licence is kept.

use super::api::Api;
use super::error::ApiError;
use super::rule::Rule;
use crate::config::LicenceSecret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use highwater_rules::licence::TOKEN_MAX_BYTES;
use serde_json::{Value, json};

/// The longest Secret that is read, in bytes: what the API allows, as base64, and what stands around it.
const SECRET_MAX_BYTES: usize = 3 << 20;

/// What the Secret holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its resourceVersion.
    pub version: String,
    /// The licence's text; `None` where there is none, or something that is too long or no text to be one.
    pub text: Option<String>,
}

/// The right to a verb on the Secret.
///
/// # Errors
/// When the namespace is not known.
pub fn rule(api: &Api, secret: &LicenceSecret, verb: &'static str) -> Result<Rule, ApiError> {
    Ok(Rule::cluster("", "secrets", verb).within(&api.namespace()?).named(&secret.secret))
}

fn path(api: &Api, secret: &LicenceSecret) -> Result<String, ApiError> {
    Ok(format!("/api/v1/namespaces/{}/secrets/{}", api.namespace()?, secret.secret))
}

/// Reads the Secret.
///
/// # Errors
/// When it can't be read, or is none.
pub async fn read(api: &Api, secret: &LicenceSecret) -> Result<Kept, ApiError> {
    let path = path(api, secret)?;
    let api = api.clone().up_to(SECRET_MAX_BYTES);
    let object: Value = api.get(rule(&api, secret, "get")?, &path, &[]).await?.json()?;
    kept(&object, secret)
        .ok_or_else(|| ApiError::Garbled { what: path, why: "it has no resourceVersion".to_owned() })
}

fn kept(object: &Value, secret: &LicenceSecret) -> Option<Kept> {
    let version = object.get("metadata")?.get("resourceVersion")?.as_str()?.to_owned();
    let coded = object.get("data").and_then(|data| data.get(&secret.key)).and_then(Value::as_str);
    let decoded =
        coded.filter(|coded| coded.len() <= 2 * TOKEN_MAX_BYTES).and_then(|c| STANDARD.decode(c).ok());
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).map(|text| text.trim().to_owned());
    Some(Kept { version, text: text.filter(|text| !text.is_empty()) })
}

/// Puts a licence into the Secret, unless it was changed since it was read as `version`.
///
/// # Errors
/// [`ApiError::Conflict`] where it was changed; else when it can't be written.
pub async fn write(api: &Api, secret: &LicenceSecret, version: &str, token: &str) -> Result<(), ApiError> {
    let patch = json!({
        "metadata": {"resourceVersion": version},
        "data": {&secret.key: STANDARD.encode(token)},
    });
    api.merge_patch(rule(api, secret, "patch")?, &path(api, secret)?, &patch).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_of_a_licence_is_none() {
        let secret = LicenceSecret { secret: "s".to_owned(), key: "license".to_owned() };
        let long = STANDARD.encode("x".repeat(3 * TOKEN_MAX_BYTES));
        for (data, expect) in [
            (json!({"license": STANDARD.encode("a.b.c\n")}), Some("a.b.c")),
            (json!({"license": ""}), None),
            (json!({"license": "***"}), None),
            (json!({"license": STANDARD.encode([0xff, 0xfe])}), None),
            (json!({"license": 7}), None),
            (json!({"license": long}), None),
            (json!({"other": "YQ=="}), None),
            (Value::Null, None),
        ] {
            let object = json!({"metadata": {"resourceVersion": "9"}, "data": data});
            let found = kept(&object, &secret).unwrap();
            assert_eq!((found.version.as_str(), found.text.as_deref()), ("9", expect), "{data}");
        }
        assert_eq!(kept(&json!({"data": {}}), &secret), None);
    }
}
