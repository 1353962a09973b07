//! `kind = "prometheus"`.

mod matcher;
mod pods;
mod preset;

pub use matcher::{Compare, Matcher};
#[cfg(feature = "kubernetes")]
pub use pods::{At, Scraped, Which};
pub use preset::Preset;

use super::super::keys::listed;
use super::super::mistakes::{Fault, quoted};
use super::super::raw::Raw;
use super::super::reader::absolute;
use super::super::show::Value;
use super::overlap;
use super::web::{self, CA_FILE, CERTIFICATE_SHA256, CLIENT_CERTIFICATE, CLIENT_KEY, Trust};
use super::{ClientFiles, Keys, Kind, SslSource};
use std::path::PathBuf;
use url::Url;

const URL: &str = "url";
const PATH: &str = "path";
const PODS: &str = "pods";
const PORT: &str = "port";
const METRICS_PATH: &str = "metrics_path";
const PRESET: &str = "preset";
const METRIC: &str = "metric";
const LABELS: &str = "labels";
const USERNAME: &str = "username";
const PASSWORD_FILE: &str = "password_file";
const BEARER_TOKEN_FILE: &str = "bearer_token_file";
/// The longest name of a metric.
const METRIC_MAX_BYTES: usize = 200;
/// The most matchers that a source may have.
const MATCHERS_MAX: usize = 20;

pub(super) const KIND: Kind = Kind {
    word: "prometheus",
    keys: &[
        URL,
        PATH,
        PODS,
        PORT,
        METRICS_PATH,
        PRESET,
        METRIC,
        LABELS,
        USERNAME,
        PASSWORD_FILE,
        BEARER_TOKEN_FILE,
        CLIENT_CERTIFICATE,
        CLIENT_KEY,
        CA_FILE,
        CERTIFICATE_SHA256,
    ],
    read,
};

/// An exposition in Prometheus's text format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prometheus {
    /// Where it is.
    pub place: Exposition,
    /// Which of its counters count.
    pub counts: Counts,
    /// Those of its series that count: all of these must fit. `labels`.
    pub matchers: Vec<Matcher>,
}

/// Where an exposition is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exposition {
    /// At a URL: `url`, and what it takes to be let in there.
    Url(Box<Web>),
    /// In a file: `path`.
    File(PathBuf),
}

/// A URL, and what it takes to be let in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// The URL.
    pub url: Url,
    /// How the agent is let in, beside a certificate.
    pub pass: Pass,
    /// The agent's own certificate: `client_certificate`, `client_key`.
    pub client: Option<ClientFiles>,
    /// Whose certificate the server must show.
    pub trust: Trust,
}

/// How the agent is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pass {
    /// As anyone is.
    Open,
    /// By a user and the file of its password: `username`, `password_file`.
    Password {
        /// The user.
        username: String,
        /// The file.
        file: PathBuf,
    },
    /// By a token in this file: `bearer_token_file`.
    Token(PathBuf),
}

/// Which counters count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counts {
    /// Those that this server is known to count TLS sessions by: `preset`.
    Preset(Preset),
    /// Those of this name: `metric`.
    Metric(String),
}

impl Counts {
    /// The name of the metric that counts.
    #[must_use]
    pub fn metric(&self) -> &str {
        match self {
            Counts::Preset(preset) => preset.metric(),
            Counts::Metric(metric) => metric,
        }
    }

    /// The one software whose sessions they are of, where that is known.
    fn software(&self) -> Option<&'static str> {
        match self {
            Counts::Preset(Preset::NginxPlus) => Some("nginx"),
            Counts::Preset(preset) => Some(preset.word()),
            Counts::Metric(_) => None,
        }
    }
}

impl Prometheus {
    /// Where it looks, and the one software whose sessions it sees.
    pub(super) fn looks(&self) -> (overlap::At<'_>, Option<&'static str>) {
        let at = match &self.place {
            Exposition::Url(web) => overlap::At::Url(&web.url),
            Exposition::File(path) => overlap::At::Path(path),
        };
        (at, self.counts.software())
    }

    pub(super) fn shown(&self) -> Vec<(&'static str, Value)> {
        let mut rows = match &self.place {
            Exposition::File(path) => vec![(PATH, web::shown_path(path))],
            Exposition::Url(web) => web.shown(),
        };
        rows.extend(shown_counts(&self.counts, &self.matchers));
        rows
    }
}

fn shown_counts(counts: &Counts, matchers: &[Matcher]) -> Vec<(&'static str, Value)> {
    let mut rows = vec![match counts {
        Counts::Preset(preset) => (PRESET, Value::Text(preset.word().to_owned())),
        Counts::Metric(metric) => (METRIC, Value::Text(metric.clone())),
    }];
    if !matchers.is_empty() {
        rows.push((LABELS, Value::List(matchers.iter().map(ToString::to_string).collect())));
    }
    rows
}

impl Web {
    fn shown(&self) -> Vec<(&'static str, Value)> {
        let mut rows = vec![(URL, Value::Text(self.url.as_str().to_owned()))];
        match &self.pass {
            Pass::Open => {}
            Pass::Password { username, file } => {
                rows.push((USERNAME, Value::Text(username.clone())));
                rows.push((PASSWORD_FILE, web::shown_path(file)));
            }
            Pass::Token(file) => rows.push((BEARER_TOKEN_FILE, web::shown_path(file))),
        }
        if let Some(files) = &self.client {
            rows.push((CLIENT_CERTIFICATE, web::shown_path(&files.cert)));
            rows.push((CLIENT_KEY, web::shown_path(&files.key)));
        }
        rows.extend(self.trust.shown());
        rows
    }
}

/// Every key is read before any that is wrong ends it.
fn read(keys: &mut Keys<'_>) -> Option<SslSource> {
    let pods = pods::read(keys);
    // Pods that are given wrongly are no reason to ask for a URL.
    let place = if matches!(pods, Some(None)) { place(keys) } else { None };
    let counts = counts(keys);
    let matchers = keys.take(LABELS, matchers);
    let matchers = matchers?.unwrap_or_default();
    #[cfg(feature = "kubernetes")]
    if let Some(at) = pods? {
        return Some(SslSource::Scraped(Scraped { at, counts: counts?, matchers }));
    }
    #[cfg(not(feature = "kubernetes"))]
    pods?;
    Some(SslSource::Prometheus(Prometheus { place: place?, counts: counts?, matchers }))
}

fn place(keys: &mut Keys<'_>) -> Option<Exposition> {
    let (url, path) = (keys.take(URL, url), keys.take(PATH, absolute));
    let (pass, client, trust) = (pass(keys), web::client(keys), web::trust(keys));
    let (pass, client, trust) = (pass?, client?, trust?);
    let is_plain = pass == Pass::Open && client.is_none() && trust == Trust::Host;
    match (url?, path?) {
        (Some(url), None) => {
            if url.scheme() == "http" && !is_plain {
                let is_trust = client.is_some() || trust != Trust::Host;
                if is_trust {
                    let mend = "write https://, or leave the certificates out";
                    keys.refuse(URL, Fault::new("http has no certificates", mend));
                    return None;
                }
                if !web::is_loopback(&url) {
                    let mend = "write https://: what lets the agent in must not be read on its way";
                    keys.refuse(URL, Fault::new("a password or token would go over plain http", mend));
                    return None;
                }
            }
            Some(Exposition::Url(Box::new(Web { url, pass, client, trust })))
        }
        (None, Some(path)) if is_plain => Some(Exposition::File(path)),
        (None, Some(_)) => {
            let mend = "leave out what is for a URL, or set url instead of path";
            keys.refuse(PATH, Fault::new("a file needs no password, token or certificate", mend));
            None
        }
        (Some(_), Some(_)) => {
            keys.refuse(PATH, Fault::new("url is given too", "keep one of the two"));
            None
        }
        (None, None) => {
            let mend = "set url to where the metrics are, such as http://127.0.0.1:8404/metrics, or path to a file of them";
            keys.refuse(URL, Fault::new("it is missing", mend));
            None
        }
    }
}

fn pass(keys: &mut Keys<'_>) -> Option<Pass> {
    let username = keys.take(USERNAME, web::username);
    let (password, token) = (keys.take(PASSWORD_FILE, absolute), keys.take(BEARER_TOKEN_FILE, absolute));
    match (username?, password?, token?) {
        (None, None, None) => Some(Pass::Open),
        (Some(username), Some(file), None) => Some(Pass::Password { username, file }),
        (None, None, Some(file)) => Some(Pass::Token(file)),
        (_, _, Some(_)) => {
            let mend = "keep username and password_file, or bearer_token_file";
            keys.refuse(BEARER_TOKEN_FILE, Fault::new("there are several ways to be let in", mend));
            None
        }
        (Some(_), None, None) => {
            let mend = "set password_file to the absolute path of a file that holds it";
            keys.refuse(USERNAME, Fault::new("a user without a password", mend));
            None
        }
        (None, Some(_), None) => {
            keys.refuse(PASSWORD_FILE, Fault::new("a password without its user", "set username too"));
            None
        }
    }
}

fn counts(keys: &mut Keys<'_>) -> Option<Counts> {
    let (preset, metric) = (keys.take(PRESET, preset::parse), keys.take(METRIC, metric));
    match (preset?, metric?) {
        (Some(preset), None) => Some(Counts::Preset(preset)),
        (None, Some(metric)) => Some(Counts::Metric(metric)),
        (Some(_), Some(_)) => {
            keys.refuse(METRIC, Fault::new("preset is given too", "keep one of the two"));
            None
        }
        (None, None) => {
            let words: Vec<String> = Preset::ALL.iter().map(|p| quoted(p.word())).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let mend = format!("set preset to {}, or metric to a counter's name", listed(&words, "or"));
            keys.refuse(METRIC, Fault::new("nothing says which counter counts", mend));
            None
        }
    }
}

/// A URL as it is asked. No fault of it repeats the value: it may hold a password.
fn url(raw: &Raw) -> Result<Url, Fault> {
    web::url(raw, "write http://HOST:PORT/PATH or https://HOST:PORT/PATH")
}

fn metric(raw: &Raw) -> Result<String, Fault> {
    let text = raw.text()?;
    if text.len() > METRIC_MAX_BYTES {
        return Err(Fault::new(format!("longer than {METRIC_MAX_BYTES} bytes"), "take a shorter name"));
    }
    if text.contains(['{', '}', '"', ' ']) {
        let mend = "write the name alone, and its matchers in labels = [\"...\"]";
        return Err(Fault::new(format!("{} is no name of a metric", quoted(text)), mend));
    }
    Ok(text.to_owned())
}

fn matchers(raw: &Raw) -> Result<Vec<Matcher>, Fault> {
    let Raw::List(items) = raw else {
        let mend = "write them in brackets: ['proxy=\"web\"']";
        return Err(Fault::new("an array of matchers is expected", mend));
    };
    let mut faults = Vec::new();
    let mut matchers = Vec::new();
    for item in items {
        match item.text().and_then(Matcher::parse) {
            Ok(matcher) => matchers.push(matcher),
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        return Err(Fault::all(faults));
    }
    if matchers.len() > MATCHERS_MAX {
        return Err(Fault::new(format!("more than {MATCHERS_MAX} matchers"), "take fewer"));
    }
    Ok(matchers)
}
