//! The configuration in effect, and where each value came from.

use super::duration;
use super::gate::NONE;
use super::keys::{SSL, split};
use super::load::Loaded;
use super::mistakes::Place;
use super::{Kubernetes, Presence, Uplink};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// Where a value came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    #[default]
    Default,
    /// The file.
    File {
        /// The line, from 1.
        line: usize,
    },
    /// This environment variable.
    Env(String),
    /// This flag.
    Flag(String),
}

impl Origin {
    pub(super) fn of(place: &Place) -> Self {
        match place {
            Place::File { line, .. } => Origin::File { line: *line },
            Place::Env(name) => Origin::Env(name.clone()),
            Place::Flag(name) => Origin::Flag(name.clone()),
            Place::Path(_) | Place::Unset(_) => Origin::Default,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { line } => write!(f, "line {line}"),
            Origin::Env(name) | Origin::Flag(name) => f.write_str(name),
        }
    }
}

/// The origins of all keys that somebody set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// The origin of a dotted key, such as `sampling.interval` or `ssl.0.name`.
    #[must_use]
    pub fn get(&self, key: &str) -> Origin {
        self.0.get(key).cloned().unwrap_or_default()
    }

    pub(super) fn set(&mut self, key: &str, origin: Origin) {
        self.0.insert(key.to_owned(), origin);
    }
}

/// A value of the configuration, as the file would write it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A string: a path, a duration, a word.
    Text(String),
    /// An array of strings.
    List(Vec<String>),
    /// An array of numbers.
    Numbers(Vec<u64>),
    /// `true` or `false`.
    Truth(bool),
    /// A whole number.
    Whole(u64),
}

impl fmt::Display for Value {
    /// As TOML.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => quote(f, text),
            Value::Truth(truth) => write!(f, "{truth}"),
            Value::Whole(number) => write!(f, "{number}"),
            Value::Numbers(numbers) => {
                let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
                write!(f, "[{}]", numbers.join(", "))
            }
            Value::List(items) => {
                f.write_str("[")?;
                for (n, item) in items.iter().enumerate() {
                    f.write_str(if n == 0 { "" } else { ", " })?;
                    quote(f, item)?;
                }
                f.write_str("]")
            }
        }
    }
}

fn quote(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            c if c.is_control() => write!(f, "\\u{:04X}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_str("\"")
}

/// Every key that has a value, in the order of the file's sections, with its origin. The keys of TLS sources are numbered:
/// `ssl.0.name`.
#[must_use]
pub fn effective(loaded: &Loaded) -> Vec<(String, Value, Origin)> {
    let config = &loaded.config;
    let path = |path: &std::path::Path| path.to_string_lossy().into_owned();
    let mut rows: Vec<(String, Value)> = Vec::new();
    let mut text = |key: &str, value: String| rows.push((key.to_owned(), Value::Text(value)));
    text("state_dir", path(&config.state_dir));
    text("sampling.interval", duration::write(config.sampling.interval.seconds().unsigned_abs()));
    if let Some(window) = config.sampling.burst {
        text("sampling.burst", duration::write(window.seconds().unsigned_abs()));
    }
    text("sampling.time_zone", config.sampling.calendar.name().to_owned());
    text("sampling.root", path(&config.sampling.root));
    text("ram.scope", config.ram.scope.word().to_owned());
    match &config.ram.presence {
        Some(Presence::Process(name)) => text("ram.presence", name.clone()),
        Some(Presence::Executable(file)) => text("ram.presence", path(file)),
        None => {}
    }
    if let Some(cgroup) = &config.ram.cgroup {
        text("ram.cgroup", cgroup.clone());
    }
    #[cfg(feature = "kubernetes")]
    if config.ram.scope == super::RamScope::Pods || config.ram.pods != super::Pods::default() {
        let pods = &config.ram.pods;
        let selector = pods.selector.as_ref();
        rows.extend(selector.map(|s| ("ram.selector".to_owned(), Value::Text(s.to_string()))));
        rows.push(("ram.pods".to_owned(), Value::Text(pods.by.word().to_owned())));
        rows.push(("ram.pods_max".to_owned(), Value::Whole(pods.most as u64)));
    }
    rows.push(("network.interfaces".to_owned(), interfaces(&config.network.interfaces)));
    let mut text = |key: &str, value: String| rows.push((key.to_owned(), Value::Text(value)));
    text("network.count", config.network.count.word().to_owned());
    for (n, ssl) in config.ssl.iter().enumerate() {
        let common = [("kind", ssl.source.kind().to_owned()), ("name", ssl.name.clone())];
        let own = common.map(|(key, value)| (key, Value::Text(value))).into_iter().chain(ssl.source.shown());
        rows.extend(own.into_iter().map(|(key, value)| (format!("ssl.{n}.{key}"), value)));
    }
    rows.push(("ledger.retention".to_owned(), Value::Text(duration::write(config.retention_s))));
    rows.extend(uplink(&config.uplink));
    let file = config.licence_file.as_deref();
    rows.extend(file.map(|file| ("licence.file".to_owned(), Value::Text(path(file)))));
    let mut text = |key: &str, value: String| rows.push((key.to_owned(), Value::Text(value)));
    text("gate.status_file", path(&config.gate.status_file));
    text("gate.socket", config.gate.socket.as_deref().map_or_else(|| NONE.to_owned(), path));
    rows.push(("gate.hooks".to_owned(), Value::List(config.gate.hooks.clone())));
    rows.extend(config.kubernetes.as_ref().map(kubernetes).unwrap_or_default());
    let mut text = |key: &str, value: String| rows.push((key.to_owned(), Value::Text(value)));
    text("listen.address", config.listen.to_string());
    text("log.format", config.log.format.word().to_owned());
    text("log.level", config.log.level.word().to_owned());
    let with_origin = |(key, value): (String, Value)| {
        let origin = loaded.origins.get(&key);
        (key, value, origin)
    };
    rows.into_iter().map(with_origin).collect()
}

/// A proxy's password is not shown: what is shown is loaded as a proxy with another.
fn uplink(uplink: &Uplink) -> Vec<(String, Value)> {
    let path = |path: &std::path::Path| Value::Text(path.to_string_lossy().into_owned());
    let client = uplink.client.as_ref();
    let rows = [
        ("url", uplink.url.as_ref().map(|url| Value::Text(url.to_string()))),
        ("proxy", Some(Value::Text(uplink.proxy.to_string()))),
        ("proxy_password_file", uplink.proxy_password_file.as_deref().map(path)),
        ("ca_file", uplink.ca_file.as_deref().map(path)),
        ("client_cert", client.map(|files| path(&files.cert))),
        ("client_key", client.map(|files| path(&files.key))),
        ("hash_names", Some(Value::Truth(uplink.hash_names))),
        ("transport", Some(Value::Text(uplink.transport.word().to_owned()))),
        ("enrolment_token_file", uplink.enrolment_token_file.as_deref().map(path)),
    ];
    rows.into_iter().filter_map(|(name, value)| Some((format!("uplink.{name}"), value?))).collect()
}

fn kubernetes(kubernetes: &Kubernetes) -> Vec<(String, Value)> {
    let licence = kubernetes.licence.as_ref();
    let rows = [
        ("node", Some(kubernetes.node.clone())),
        ("namespace", kubernetes.namespace.clone()),
        ("pod", kubernetes.pod.clone()),
        ("api", kubernetes.api.as_ref().map(ToString::to_string)),
        ("credentials", Some(kubernetes.credentials.to_string_lossy().into_owned())),
        ("licence_secret", licence.map(|licence| licence.secret.clone())),
        ("licence_key", licence.map(|licence| licence.key.clone())),
        ("lease", Some(kubernetes.lease.clone())),
        ("status", kubernetes.status.clone()),
    ];
    let shown =
        |(name, value): (&str, Option<String>)| Some((format!("kubernetes.{name}"), Value::Text(value?)));
    rows.into_iter().filter_map(shown).collect()
}

/// Interfaces as they are named, "auto" where none is.
pub(super) fn interfaces(names: &[String]) -> Value {
    if names.is_empty() { Value::Text("auto".to_owned()) } else { Value::List(names.to_vec()) }
}

/// The configuration in effect as a TOML file, with the origin of each line in a comment. Loaded as a file, it gives the same
/// configuration.
#[must_use]
pub fn show(loaded: &Loaded) -> String {
    let rows: Vec<(String, String, Origin)> = effective(loaded)
        .into_iter()
        .map(|(key, value, origin)| (key.clone(), format!("{} = {value}", split(&key).1), origin))
        .collect();
    let width = rows.iter().map(|(_, line, _)| line.chars().count()).max().unwrap_or(0);
    let mut out = match &loaded.file {
        Some(file) => format!("# {}\n", file.to_string_lossy().escape_debug()),
        None => "# no file\n".to_owned(),
    };
    let mut section = "";
    for (key, line, origin) in &rows {
        let (of, _) = split(key);
        if of != section {
            section = of;
            let header =
                if of.split('.').next() == Some(SSL) { "[[ssl]]".to_owned() } else { format!("[{of}]") };
            out.push_str(&format!("\n{header}\n"));
        }
        let pad = " ".repeat(width.saturating_sub(line.chars().count()));
        out.push_str(&format!("{line}{pad}  # {origin}\n"));
    }
    out
}
