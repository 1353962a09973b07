//! Keys that sources have which are asked over HTTP: where, and whose certificate is right.

use super::super::mistakes::{Fault, quoted};
use super::super::raw::Raw;
use super::super::reader::absolute;
use super::super::show::Value;
use super::{ClientFiles, Keys};
use std::path::{Path, PathBuf};
use url::{Host, Url};

/// The longest URL.
const URL_MAX_BYTES: usize = 2000;
/// The keys of [`Trust`] and of a client's certificate.
pub(super) const CA_FILE: &str = "ca_file";
pub(super) const CERTIFICATE_SHA256: &str = "certificate_sha256";
pub(super) const CLIENT_CERTIFICATE: &str = "client_certificate";
pub(super) const CLIENT_KEY: &str = "client_key";

/// Whose certificate a server must show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Trust {
    /// One that the host trusts.
    #[default]
    Host,
    /// One that stands on those in this PEM file: `ca_file`.
    File(PathBuf),
    /// The one with this SHA-256, self-signed as it may be: `certificate_sha256`.
    Pinned([u8; 32]),
}

impl Trust {
    pub(super) fn shown(&self) -> Vec<(&'static str, Value)> {
        match self {
            Trust::Host => Vec::new(),
            Trust::File(path) => vec![(CA_FILE, shown_path(path))],
            Trust::Pinned(pin) => vec![(CERTIFICATE_SHA256, Value::Text(hex(pin)))],
        }
    }
}

pub(super) fn shown_path(path: &Path) -> Value {
    Value::Text(path.to_string_lossy().into_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `ca_file` or `certificate_sha256`; `None` where either is wrong, or both are given.
pub(super) fn trust(keys: &mut Keys<'_>) -> Option<Trust> {
    let (file, pin) = (keys.take(CA_FILE, absolute), keys.take(CERTIFICATE_SHA256, pin));
    match (file?, pin?) {
        (None, None) => Some(Trust::Host),
        (Some(file), None) => Some(Trust::File(file)),
        (None, Some(pin)) => Some(Trust::Pinned(pin)),
        (Some(_), Some(_)) => {
            keys.refuse(CERTIFICATE_SHA256, Fault::new("ca_file is given too", "keep one of the two"));
            None
        }
    }
}

/// A SHA-256 as `openssl x509 -fingerprint -sha256` prints it, with its colons or without.
fn pin(raw: &Raw) -> Result<[u8; 32], Fault> {
    const MEND: &str =
        "write the 64 hexadecimal digits that `openssl x509 -noout -fingerprint -sha256` prints";
    let text = raw.text()?;
    let digits: String = text.chars().filter(|c| *c != ':').collect();
    let no = || Fault::new(format!("{} is no SHA-256", quoted(text)), MEND);
    if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(no());
    }
    let mut pin = [0; 32];
    for (n, byte) in pin.iter_mut().enumerate() {
        let pair = digits.get(2 * n..2 * n + 2).ok_or_else(no)?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| no())?;
    }
    Ok(pin)
}

/// `client_certificate` and `client_key`, or neither; `None` where one is wrong or missing.
pub(super) fn client(keys: &mut Keys<'_>) -> Option<Option<ClientFiles>> {
    let (cert, key) = (keys.take(CLIENT_CERTIFICATE, absolute), keys.take(CLIENT_KEY, absolute));
    let (given, lacks, lacking) = match (cert?, key?) {
        (None, None) => return Some(None),
        (Some(cert), Some(key)) => return Some(Some(ClientFiles { cert, key })),
        (Some(_), None) => (CLIENT_CERTIFICATE, "a certificate without its key", CLIENT_KEY),
        (None, Some(_)) => (CLIENT_KEY, "a key without its certificate", CLIENT_CERTIFICATE),
    };
    keys.refuse(given, Fault::new(lacks, format!("set {lacking} too: one file may hold both")));
    None
}

/// An https URL, to which the path of a question is added. No fault of it repeats the value: it may hold a password.
pub(super) fn https(raw: &Raw) -> Result<Url, Fault> {
    const FORM: &str = "write https://HOST, or https://HOST:PORT";
    let url = url(raw, FORM)?;
    if url.scheme() != "https" {
        let mend = "write https://: what lets the agent in must not be read on its way";
        return Err(Fault::new("it is reached by https only", mend));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(Fault::new("the URL has more than a host and a port", FORM));
    }
    Ok(url)
}

/// An http or https URL, with whatever path and query. No fault of it repeats the value.
pub(super) fn url(raw: &Raw, form: &str) -> Result<Url, Fault> {
    let text = raw.text().map_err(|_| Fault::new("the value is no URL", form))?;
    if text.len() > URL_MAX_BYTES {
        return Err(Fault::new(format!("longer than {URL_MAX_BYTES} bytes"), form));
    }
    let url = Url::parse(text).map_err(|error| Fault::new(format!("this is no URL: {error}"), form))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Fault::new("it is reached by http or https only", form));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let mend = "leave them out, and set username and password_file";
        return Err(Fault::new("the URL has a name or a password", mend));
    }
    Ok(url)
}

/// A user's name, as HTTP's basic authentication takes it.
pub(super) fn username(raw: &Raw) -> Result<String, Fault> {
    let text = raw.text()?;
    if text.contains(':') {
        let mend = "leave the password out: it has a file of its own";
        return Err(Fault::new("a user's name has no colon", mend));
    }
    Ok(text.to_owned())
}

/// Whether a URL leads to this host itself.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
        None => false,
    }
}
