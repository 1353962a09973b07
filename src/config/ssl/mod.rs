//! `[[ssl]]`: the sources of TLS sessions. What they have in common is here; each kind's own keys are in a file of its own.

mod access_log;
mod haproxy;
mod kernel;
mod loadmaster;
mod log_pattern;
mod overlap;
mod prometheus;
mod services;
mod web;

pub use access_log::{AccessLog, Handshakes, JsonNames, LineForm, Lines, LogRule};
pub use haproxy::Haproxy;
pub use kernel::Kernel;
pub use loadmaster::{Loadmaster, Login};
pub use log_pattern::{Pattern, Piece, Role};
#[cfg(feature = "kubernetes")]
pub use prometheus::{At, Scraped, Which};
pub use prometheus::{Compare, Counts, Exposition, Matcher, Pass, Preset, Prometheus, Web};
pub use web::Trust;

use super::ClientFiles;
use super::keys::{listed, nearest};
use super::layers::{Given, SslTable};
use super::mistakes::{Fault, Place, quoted};
use super::raw::Raw;
use super::reader::Reader;
use super::show::{Origin, Value};
use highwater_rules::meter::TOTAL;
use overlap::Look;
use std::collections::BTreeMap;

/// The keys of every kind.
const COMMON: &[&str] = &["kind", "name"];
const NAME_MAX_BYTES: usize = 64;

/// One `[[ssl]]`: a source of TLS sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ssl {
    /// The subject of its series: `name`, by default its kind.
    pub name: String,
    /// What is asked.
    pub source: SslSource,
}

/// What a TLS source asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SslSource {
    /// HAProxy, at its stats socket.
    Haproxy(Haproxy),
    /// This host's kernel.
    Kernel(Kernel),
    /// A Kemp LoadMaster.
    Loadmaster(Loadmaster),
    /// An exposition in Prometheus's text format.
    Prometheus(Prometheus),
    /// Expositions of pods of this node.
    #[cfg(feature = "kubernetes")]
    Scraped(Scraped),
    /// A server's access log.
    AccessLog(AccessLog),
}

impl SslSource {
    /// The word that `kind` uses for it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            SslSource::Haproxy(_) => haproxy::KIND.word,
            SslSource::Kernel(_) => kernel::KIND.word,
            SslSource::Loadmaster(_) => loadmaster::KIND.word,
            SslSource::Prometheus(_) => prometheus::KIND.word,
            #[cfg(feature = "kubernetes")]
            SslSource::Scraped(_) => prometheus::KIND.word,
            SslSource::AccessLog(_) => access_log::KIND.word,
        }
    }

    /// Its own keys and their values, as they are shown.
    pub(super) fn shown(&self) -> Vec<(&'static str, Value)> {
        match self {
            SslSource::Haproxy(haproxy) => haproxy.shown(),
            SslSource::Kernel(kernel) => kernel.shown(),
            SslSource::Loadmaster(loadmaster) => loadmaster.shown(),
            SslSource::Prometheus(prometheus) => prometheus.shown(),
            #[cfg(feature = "kubernetes")]
            SslSource::Scraped(scraped) => scraped.shown(),
            SslSource::AccessLog(log) => log.shown(),
        }
    }

    /// Where it looks for sessions, so that no two see the same ones unnoticed.
    fn looks(&self) -> Look<'_> {
        let (at, software) = match self {
            SslSource::Haproxy(haproxy) => (overlap::At::Path(&haproxy.socket), Some(haproxy::KIND.word)),
            SslSource::Kernel(kernel) => (overlap::At::Kernel(kernel), None),
            SslSource::Loadmaster(loadmaster) => {
                (overlap::At::Url(&loadmaster.url), Some(loadmaster::KIND.word))
            }
            SslSource::Prometheus(prometheus) => prometheus.looks(),
            #[cfg(feature = "kubernetes")]
            SslSource::Scraped(scraped) => (overlap::At::Pods(&scraped.at), scraped.software()),
            SslSource::AccessLog(log) => (overlap::At::Path(&log.path), log.software()),
        };
        let matchers = match self {
            SslSource::Prometheus(prometheus) => prometheus.matchers.as_slice(),
            #[cfg(feature = "kubernetes")]
            SslSource::Scraped(scraped) => scraped.matchers.as_slice(),
            _ => &[],
        };
        Look { at, software, matchers }
    }
}

/// A kind of source: its word, its keys beside those that all have, and how they are read. `None` where any is wrong, or missing;
/// what it is has been told then.
struct Kind {
    word: &'static str,
    keys: &'static [&'static str],
    read: fn(&mut Keys<'_>) -> Option<SslSource>,
}

const KINDS: &[Kind] = &[haproxy::KIND, kernel::KIND, access_log::KIND, loadmaster::KIND, prometheus::KIND];

/// Every key that a `[[ssl]]` of any kind may have.
pub(super) fn all_keys() -> Vec<&'static str> {
    let mut keys = COMMON.to_vec();
    for key in KINDS.iter().flat_map(|kind| kind.keys) {
        if !keys.contains(key) {
            keys.push(key);
        }
    }
    keys
}

/// All sources, or none where any is wrong.
pub(super) fn read(reader: &mut Reader) -> Option<Vec<Ssl>> {
    let tables = std::mem::take(&mut reader.layers.ssl);
    let mut seen: BTreeMap<String, Place> = BTreeMap::new();
    let mut sources = Some(Vec::with_capacity(tables.len()));
    for (n, table) in tables.iter().enumerate() {
        let source = one(&mut Keys { reader: &mut *reader, n, table });
        let source = source.filter(|ssl| distinct(reader, &mut seen, table, ssl));
        sources = sources.zip(source).map(|(mut all, one)| {
            all.push(one);
            all
        });
    }
    if let Some(sources) = &sources {
        let placed: Vec<(&Ssl, &Place)> =
            sources.iter().zip(tables.iter().map(|table| &table.place)).collect();
        reader.warnings.extend(overlap::warnings(&placed));
    }
    sources
}

fn one(keys: &mut Keys<'_>) -> Option<Ssl> {
    let kind = match keys.take("kind", kind) {
        Some(None) => {
            let words: Vec<String> = KINDS.iter().map(|kind| format!("kind = \"{}\"", kind.word)).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            keys.refuse_all(Fault::new(
                "this TLS source has no kind",
                format!("add {}", listed(&words, "or")),
            ));
            None
        }
        kind => kind.flatten(),
    };
    let name = keys.take("name", name);
    let Some(kind) = kind else {
        // It is held to the kind whose keys it has, where there is but one, so that one look tells all that is wrong.
        let mut fitting = KINDS.iter().filter(|kind| keys.others(kind).is_empty());
        if let (Some(likely), None) = (fitting.next(), fitting.next()) {
            (likely.read)(keys);
        }
        return None;
    };
    let is_its_own = keys.refuse_others(kind);
    let source = (kind.read)(keys)?;
    let name = name?.unwrap_or_else(|| kind.word.to_owned());
    is_its_own.then_some(Ssl { name, source })
}

/// The keys of one `[[ssl]]`, taken one by one.
pub(super) struct Keys<'a> {
    reader: &'a mut Reader,
    n: usize,
    table: &'a SslTable,
}

impl Keys<'_> {
    /// A key's value; `Some(None)` where it is not given, `None` where it is wrong, which has been told then.
    fn take<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&Raw) -> Result<T, Fault>,
    ) -> Option<Option<T>> {
        let Some(Given { raw, place }) = self.table.values.get(key) else { return Some(None) };
        match parse(raw) {
            Ok(value) => {
                self.reader.origins.set(&format!("ssl.{}.{key}", self.n), Origin::of(place));
                Some(Some(value))
            }
            Err(fault) => {
                self.refuse(key, fault);
                None
            }
        }
    }

    /// Whether a key is given.
    #[cfg(feature = "kubernetes")]
    fn has(&self, key: &str) -> bool {
        self.table.values.contains_key(key)
    }

    /// Says what is wrong with a key that is given; of the whole source where it is not.
    fn refuse(&mut self, key: &'static str, fault: Fault) {
        let place = self.table.values.get(key).map_or(&self.table.place, |given| &given.place);
        let fault = Fault::new(format!("ssl.{key}: {}", fault.message), fault.mend);
        self.reader.mistakes.push(place.clone(), fault);
    }

    /// Says what is wrong with the source as a whole.
    fn refuse_all(&mut self, fault: Fault) {
        self.reader.mistakes.push(self.table.place.clone(), fault);
    }

    /// The keys that are given and that a kind does not have.
    fn others(&self, kind: &Kind) -> Vec<&'static str> {
        let is_own = |key: &&str| COMMON.contains(key) || kind.keys.contains(key);
        self.table.values.keys().copied().filter(|key| !is_own(key)).collect()
    }

    /// Refuses keys that other kinds have, and whether there was none.
    fn refuse_others(&mut self, kind: &Kind) -> bool {
        let own: Vec<&str> = COMMON.iter().chain(kind.keys).copied().collect();
        let others = self.others(kind);
        for key in &others {
            let message = format!("a source of kind \"{}\" has no such key", kind.word);
            let mend = format!("take it out: its keys are {}", listed(&own, "and"));
            self.refuse(key, Fault::new(message, mend));
        }
        others.is_empty()
    }
}

fn kind(raw: &Raw) -> Result<&'static Kind, Fault> {
    let text = raw.text()?;
    if let Some(kind) = KINDS.iter().find(|kind| kind.word == text) {
        return Ok(kind);
    }
    let words: Vec<String> = KINDS.iter().map(|kind| quoted(kind.word)).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let choice = format!("the kinds in this version: {}", listed(&words, "and"));
    let mend = match nearest(text, KINDS.iter().map(|kind| kind.word)) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => choice,
    };
    Err(Fault::new(format!("the kind {} is unknown", quoted(text)), mend))
}

fn name(raw: &Raw) -> Result<String, Fault> {
    let text = raw.text()?;
    if text.len() > NAME_MAX_BYTES {
        return Err(Fault::new(format!("longer than {NAME_MAX_BYTES} bytes"), "take a shorter name"));
    }
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b)) {
        let message = format!("{} has a character that a name may not have", quoted(text));
        return Err(Fault::new(message, "use letters, digits and . _ : -"));
    }
    if text == TOTAL {
        return Err(Fault::new("\"total\" is the name of the sum over all sources", "take another name"));
    }
    Ok(text.to_owned())
}

/// A name makes a series: two sources of one name would be added up unseen.
fn distinct(reader: &mut Reader, seen: &mut BTreeMap<String, Place>, table: &SslTable, ssl: &Ssl) -> bool {
    let place = table.values.get("name").map_or(&table.place, |given| &given.place);
    let Some(first) = seen.get(&ssl.name) else {
        seen.insert(ssl.name.clone(), place.clone());
        return true;
    };
    let message = format!("the TLS source at {first} is also named {}", quoted(&ssl.name));
    reader.mistakes.push(place.clone(), Fault::new(message, "give one of them another: name = \"...\""));
    false
}
