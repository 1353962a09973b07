//! `[kubernetes]`: the cluster whose node the agent runs on.

use super::mistakes::Fault;
use super::reader::Reader;
use std::path::PathBuf;
use url::Url;

/// `[kubernetes]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kubernetes {
    /// This node's name: `node`.
    pub node: String,
    /// The namespace of what is kept in the cluster: `namespace`. Where not given, the one that the credentials name.
    pub namespace: Option<String>,
    /// The agent's own pod: `pod`. Where not given, no Events are made.
    pub pod: Option<String>,
    /// Where the API server is: `api`, else what the environment of a pod says. An https URL.
    pub api: Option<Url>,
    /// The directory of `token`, `ca.crt` and `namespace`: `credentials`. An absolute path.
    pub credentials: PathBuf,
    /// Where the cluster's licence is kept; none where it is not kept in the cluster.
    pub licence: Option<LicenceSecret>,
    /// The Lease whose holder renews the licence: `lease`.
    pub lease: String,
    /// The ConfigMap that tells how the cluster stands: `status`.
    pub status: Option<String>,
}

/// Where the cluster's licence is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenceSecret {
    /// The Secret's name: `licence_secret`.
    pub secret: String,
    /// The key of its data: `licence_key`.
    pub key: String,
}

/// `[kubernetes]`, in a build without it: none of its keys may be set.
#[cfg(not(feature = "kubernetes"))]
pub(super) fn read(
    reader: &mut Reader,
    _: &[(std::ffi::OsString, std::ffi::OsString)],
) -> Option<Option<Kubernetes>> {
    // Each of them is told.
    let given = super::keys::KEYS
        .iter()
        .filter(|key| super::keys::split(key).0 == "kubernetes")
        .filter(|key| reader.take(key, (), |_| Err(Fault::no_kubernetes())).is_none())
        .count();
    (given == 0).then_some(None)
}

#[cfg(feature = "kubernetes")]
pub(super) use with::read;

#[cfg(feature = "kubernetes")]
mod with {
    use super::{Fault, Kubernetes, LicenceSecret, PathBuf, Reader, Url};
    use crate::config::env;
    use crate::config::keys;
    use crate::config::raw::Raw;
    use crate::config::reader::absolute;
    use crate::config::{CentralUrl, mistakes::quoted};

    const CREDENTIALS: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
    const LICENCE_KEY: &str = "license";
    const LEASE: &str = "highwater";
    /// The longest name of an object of the API's.
    const NAME_MAX_BYTES: usize = 253;
    /// The longest name of a namespace.
    const NAMESPACE_MAX_BYTES: usize = 63;

    /// `[kubernetes]`.
    pub(in crate::config) fn read(reader: &mut Reader, environment: &env::Env) -> Option<Option<Kubernetes>> {
        let node = reader.value("kubernetes.node", None, |raw| name(raw).map(Some));
        let namespace = reader.value("kubernetes.namespace", None, |raw| namespace(raw).map(Some));
        let pod = reader.value("kubernetes.pod", None, |raw| name(raw).map(Some));
        let api = reader.value("kubernetes.api", in_cluster(environment), |raw| api(raw).map(Some));
        let credentials = reader.value("kubernetes.credentials", PathBuf::from(CREDENTIALS), absolute);
        let secret = reader.value("kubernetes.licence_secret", None, |raw| name(raw).map(Some));
        let key = reader.value("kubernetes.licence_key", LICENCE_KEY.to_owned(), data_key);
        let lease = reader.value("kubernetes.lease", LEASE.to_owned(), name);
        let status = reader.value("kubernetes.status", None, |raw| name(raw).map(Some));
        let (node, secret, key) = (node?, secret?, key?);
        let Some(node) = node else {
            without_node(reader);
            return Some(None);
        };
        Some(Some(Kubernetes {
            node,
            namespace: namespace?,
            pod: pod?,
            api: api?,
            credentials: credentials?,
            licence: secret.map(|secret| LicenceSecret { secret, key }),
            lease: lease?,
            status: status?,
        }))
    }

    /// A configuration that many nodes share is right without the node's name, which each agent's environment gives.
    fn without_node(reader: &mut Reader) {
        let ours = keys::KEYS.iter().copied().filter(|key| keys::split(key).0 == "kubernetes");
        let set = ours.filter_map(|key| Some((key, reader.layers.given(key).last()?.place.clone())));
        let set: Vec<_> = set.collect();
        if let Some((key, place)) = set.first() {
            let fault = Fault::new(
                "without kubernetes.node nothing of [kubernetes] counts",
                "set HIGHWATER_KUBERNETES__NODE from spec.nodeName, as the chart does",
            );
            reader.warn(key, Some(place), fault);
        }
    }

    /// Where a pod's environment says that the API server is.
    fn in_cluster(environment: &env::Env) -> Option<Url> {
        let get = |name| env::get(environment, name).and_then(|value| value.to_str());
        let host = get("KUBERNETES_SERVICE_HOST")?;
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let port = get("KUBERNETES_SERVICE_PORT").unwrap_or("443");
        CentralUrl::parse(&format!("https://{host}:{port}")).ok().map(|url| url.join(""))
    }

    fn api(raw: &Raw) -> Result<Url, Fault> {
        let text = raw.text()?;
        if text.starts_with("http://") {
            return Err(Fault::new(
                "the API server is reached by https only",
                "write https://: the token must not be read on its way",
            ));
        }
        CentralUrl::parse(text).map(|url| url.join("")).map_err(|no| Fault::new(no.message, no.mend))
    }

    fn bounded<'a>(
        raw: &'a Raw,
        max: usize,
        fits: fn(u8) -> bool,
        mend: &'static str,
    ) -> Result<&'a str, Fault> {
        let text = raw.text()?;
        let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = text.as_bytes();
        match bytes.len() <= max
            && bytes.iter().all(|b| fits(*b))
            && ends(bytes.first())
            && ends(bytes.last())
        {
            true => Ok(text),
            false => Err(Fault::new(format!("{} is no name of Kubernetes", quoted(text)), mend)),
        }
    }

    fn name(raw: &Raw) -> Result<String, Fault> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
        let mend =
            "take small letters, digits, - and ., at most 253 of them, with a letter or digit at both ends";
        bounded(raw, NAME_MAX_BYTES, fits, mend).map(str::to_owned)
    }

    fn namespace(raw: &Raw) -> Result<String, Fault> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let mend =
            "take small letters, digits and -, at most 63 of them, with a letter or digit at both ends";
        bounded(raw, NAMESPACE_MAX_BYTES, fits, mend).map(str::to_owned)
    }

    /// A key of a Secret's data may begin and end with any of its characters.
    fn data_key(raw: &Raw) -> Result<String, Fault> {
        let text = raw.text()?;
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if text.len() <= NAME_MAX_BYTES && text.bytes().all(fits) && !text.starts_with("..") && text != "." {
            return Ok(text.to_owned());
        }
        let message = format!("{} is no key of a Secret", quoted(text));
        Err(Fault::new(message, "take letters, digits and - _ ., at most 253 of them"))
    }
}
