//! `[uplink]`: where central is, and how it is reached.

use super::mistakes::Fault;
use super::raw::Raw;
use super::reader::{Reader, Setting, absolute};
use super::{CentralUrl, ClientFiles, ProxyChoice, ProxyUrl, Transport, Uplink};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

/// `[uplink]`.
pub(super) fn read(reader: &mut Reader) -> Option<Uplink> {
    let url = reader.value("uplink.url", None, |raw| central(raw).map(Some));
    let default = Uplink::default();
    let proxy = reader.value("uplink.proxy", default.proxy, proxy);
    let proxy_password_file = password_file(reader, proxy.as_ref());
    let ca_file = reader.value("uplink.ca_file", None, |raw| absolute(raw).map(Some));
    let client = client(reader);
    let hash_names = reader.value("uplink.hash_names", default.hash_names, Raw::truth);
    let transport = reader.value("uplink.transport", default.transport, transport);
    let enrolment_token_file = token_file(reader);
    Some(Uplink {
        url: url?,
        proxy: proxy?,
        proxy_password_file: proxy_password_file?,
        ca_file: ca_file?,
        client: client?,
        hash_names: hash_names?,
        transport: transport?,
        enrolment_token_file: enrolment_token_file?,
    })
}

fn central(raw: &Raw) -> Result<CentralUrl, Fault> {
    CentralUrl::parse(raw.text()?).map_err(|no| Fault::new(no.message, no.mend))
}

/// No fault of it repeats the value: it may hold a password.
fn proxy(raw: &Raw) -> Result<ProxyChoice, Fault> {
    let mend =
        "write \"http://HOST:PORT\", \"none\", or \"environment\" for what HTTPS_PROXY and NO_PROXY say";
    let unfit = |_: Fault| match raw {
        Raw::Bare(_) | Raw::Text(_) => {
            Fault::new("the value is empty, too long, or has a control character", mend)
        }
        _ => Fault::new("a string is expected", mend),
    };
    match raw.text().map_err(unfit)? {
        "environment" => Ok(ProxyChoice::Environment),
        "none" => Ok(ProxyChoice::Direct),
        // A bare word is more likely a word that is not known than a proxy's name.
        word if !word.contains([':', '.', '/']) => Err(Fault::new("this is no proxy's URL", mend)),
        url => ProxyUrl::parse(url)
            .map(ProxyChoice::Through)
            .map_err(|no| Fault::new(no.message, format!("{}; or \"none\"", no.mend))),
    }
}

/// The file of the password of a proxy that is named by a name alone. Which one the environment names is seen when it is used.
fn password_file(reader: &mut Reader, proxy: Option<&ProxyChoice>) -> Option<Option<PathBuf>> {
    const KEY: &str = "uplink.proxy_password_file";
    const FORM: &str = "write uplink.proxy = \"http://NAME@HOST:PORT\", or leave proxy_password_file out";
    let file = reader.take(KEY, None, |raw| absolute(raw).map(Some))?;
    let wrong = match proxy {
        _ if file.value.is_none() => None,
        Some(ProxyChoice::Direct) => Some("a password without a proxy"),
        Some(ProxyChoice::Through(url)) if url.secret().password().is_some() => {
            Some("uplink.proxy has a password, too")
        }
        Some(ProxyChoice::Through(url)) if !url.has_credentials() => {
            Some("a password without a name: uplink.proxy has none")
        }
        Some(ProxyChoice::Through(_) | ProxyChoice::Environment) | None => None,
    };
    if let Some(wrong) = wrong {
        reader.refuse(KEY, file.place.as_ref(), Fault::new(wrong, FORM));
        return None;
    }
    warn_of_readers(reader, KEY, &file);
    Some(file.value)
}

/// Whether the file is there is asked when the agent joins: one that has joined needs it no longer.
fn token_file(reader: &mut Reader) -> Option<Option<PathBuf>> {
    const KEY: &str = "uplink.enrolment_token_file";
    let file = reader.take(KEY, None, |raw| absolute(raw).map(Some))?;
    let given = |key| reader.layers.given(key).next().is_some();
    let is_carried =
        reader.layers.given("uplink.transport").last().is_some_and(|given| given.raw.text() == Ok("air-gap"));
    if file.value.is_some() && (!given("uplink.url") || is_carried) {
        let fault = Fault::new(
            "nothing is joined by it: an agent joins by itself at uplink.url, and never where transport is \"air-gap\"",
            "set uplink.url, or leave enrolment_token_file out",
        );
        reader.warn(KEY, file.place.as_ref(), fault);
    }
    // A Secret's files are everybody's within their container, where nobody else is.
    if reader.layers.given("kubernetes.node").next().is_none() {
        warn_of_readers(reader, KEY, &file);
    }
    Some(file.value)
}

/// A certificate and its key, or neither.
fn client(reader: &mut Reader) -> Option<Option<ClientFiles>> {
    const CERT: &str = "uplink.client_cert";
    const KEY: &str = "uplink.client_key";
    let cert = reader.take(CERT, None, |raw| absolute(raw).map(Some));
    let key = reader.take(KEY, None, |raw| absolute(raw).map(Some));
    let (cert, key) = (cert?, key?);
    match (cert.value.clone(), key.value.clone()) {
        (None, None) => Some(None),
        (Some(cert), Some(file)) => {
            warn_of_readers(reader, KEY, &key);
            Some(Some(ClientFiles { cert, key: file }))
        }
        (Some(_), None) => {
            let fault =
                Fault::new("a certificate without its key", "set client_key too: one file may hold both");
            reader.refuse(CERT, cert.place.as_ref(), fault);
            None
        }
        (None, Some(_)) => {
            let fault =
                Fault::new("a key without its certificate", "set client_cert too: one file may hold both");
            reader.refuse(KEY, key.place.as_ref(), fault);
            None
        }
    }
}

/// Whether the file is there is asked when it is used: here only what is there is looked at.
fn warn_of_readers(reader: &mut Reader, key: &'static str, setting: &Setting<Option<PathBuf>>) {
    let Some(path) = &setting.value else { return };
    let mode = path.metadata().map_or(0, |meta| meta.permissions().mode());
    if mode & 0o007 != 0 {
        let message =
            format!("{} is open to every user of the host (mode {:04o})", path.display(), mode & 0o7777);
        let fault = Fault::new(message, format!("chmod o= {}", path.display()));
        reader.warn(key, setting.place.as_ref(), fault);
    }
}

fn transport(raw: &Raw) -> Result<Transport, Fault> {
    raw.choice(Transport::ALL, Transport::word)
}
