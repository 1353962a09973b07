//! Network throughput: the byte counters of the interfaces that count.

use super::{Garbled, Missing, Readout, SourceError, digits, links};
use crate::config;
use crate::files::{Root, is_absent, read_head, read_into};
use highwater_rules::figure::{Figure, Observation};
use highwater_rules::interfaces::{Choice, by_default, by_name};
use highwater_rules::meter::{CountRule, Meter, Series, TOTAL};
use highwater_rules::record::Counters;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// Some 8000 interfaces.
const NET_DEV_MAX_BYTES: usize = 1024 * 1024;
const INTERFACES_MAX: usize = 16 * 1024;
/// Readings after which the choice is made again though the names are the same: a new bond may have taken old interfaces.
const CHOICE_READS: u32 = 12;
/// The columns of a line in `net/dev`: eight each for received and sent, bytes first.
const COLUMNS: usize = 16;
const TX_BYTES_COLUMN: usize = 8;

/// The source of `network_throughput`.
#[derive(Debug)]
pub struct Network {
    root: Root,
    patterns: Vec<String>,
    rule: CountRule,
    buffer: Vec<u8>,
    /// The interfaces that the choice was made among.
    names: Vec<String>,
    choice: Choice,
    reads_left: u32,
}

/// An interface's counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Bytes received.
    pub rx: u64,
    /// Bytes sent.
    pub tx: u64,
}

impl Network {
    /// The source that a configuration asks for.
    #[must_use]
    pub fn new(root: Root, config: &config::Network) -> Self {
        Network {
            root,
            patterns: config.interfaces.clone(),
            rule: config.count,
            buffer: Vec::new(),
            names: Vec::new(),
            choice: Choice::default(),
            reads_left: 0,
        }
    }

    /// Interfaces that the configuration names, left out because they stand on others that count.
    #[must_use]
    pub fn duplicates(&self) -> &[String] {
        &self.choice.duplicates
    }

    /// The series to be gaps when it can't be read and nothing is known from before.
    #[must_use]
    pub fn expected(&self) -> Vec<Series> {
        let exact: Vec<Series> = self.exact_names().map(series).collect();
        if exact.is_empty() { vec![series("host")] } else { exact }
    }

    /// A root elsewhere may be any file system.
    pub(super) fn may_block(&self) -> bool {
        !self.root.is_own()
    }

    /// What it sees now.
    ///
    /// # Errors
    /// When the counters can't be read, or nothing counts.
    pub fn read(&mut self) -> Result<Readout, SourceError> {
        let (interfaces, path) = self.interfaces()?;
        self.choose(&interfaces);
        let counted = interfaces.iter().filter(|i| self.choice.counted.contains(&i.name));
        let observations: Vec<Observation> = counted.map(|i| self.observation(i)).collect();
        let missing: Vec<Missing> = self
            .exact_names()
            .filter(|name| !self.names.iter().any(|n| n == name))
            .map(|name| Missing {
                series: series(name),
                why: format!("{} does not show {name}", path.display()),
            })
            .collect();
        if !observations.is_empty() || !missing.is_empty() {
            return Ok(Readout { observations, missing, ..Readout::default() });
        }
        Err(if self.patterns.is_empty() {
            SourceError::NoInterface { path }
        } else {
            SourceError::NoneFits { patterns: self.patterns.join(", "), there: self.names.join(", ") }
        })
    }

    fn exact_names(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().map(String::as_str).filter(|p| !p.ends_with('*'))
    }

    fn observation(&self, interface: &Interface) -> Observation {
        // A name can pass to another interface between two readings; the kernel's index is that of one interface only.
        let path = self.root.at("sys/class/net").join(&interface.name).join("ifindex");
        let mut buffer = [0; 32];
        let index =
            read_head(&path, &mut buffer).ok().and_then(|text| count(&String::from_utf8_lossy(text)).ok());
        let incarnation = index.unwrap_or(0);
        let counters = Counters { first: interface.rx, second: Some(interface.tx), incarnation };
        Observation { series: series(&interface.name), figure: Figure::Traffic(counters, self.rule) }
    }

    fn choose(&mut self, interfaces: &[Interface]) {
        self.reads_left = self.reads_left.saturating_sub(1);
        let names = || interfaces.iter().map(|i| i.name.as_str());
        if self.reads_left > 0 && names().eq(self.names.iter().map(String::as_str)) {
            return;
        }
        let links = links::read(&self.root, names());
        self.choice =
            if self.patterns.is_empty() { by_default(&links) } else { by_name(&links, &self.patterns) };
        self.names = names().map(str::to_owned).collect();
        self.reads_left = CHOICE_READS;
    }

    /// All interfaces, and where they were read.
    fn interfaces(&mut self) -> Result<(Vec<Interface>, PathBuf), SourceError> {
        for path in self.tables() {
            match read_into(&path, &mut self.buffer, NET_DEV_MAX_BYTES) {
                Ok(()) => {
                    let text = String::from_utf8_lossy(&self.buffer);
                    let parsed = net_dev(&text).map_err(|e| SourceError::garbled(&path, e))?;
                    return Ok((parsed, path));
                }
                Err(error) if !self.root.is_own() && is_unseen(&error) => {}
                Err(error) => return Err(SourceError::unreadable(&path, error)),
            }
        }
        let class = self.root.at("sys/class/net");
        Ok((from_sysfs(&class)?, class))
    }

    /// The tables to try. Below another root, a live `/proc/net` is a link to the agent's own namespace, which is not the one
    /// to be metered; that of the first process is.
    fn tables(&self) -> Vec<PathBuf> {
        let own = self.root.at("proc/net/dev");
        if self.root.is_own() {
            return vec![own];
        }
        let mut tables = vec![self.root.at("proc/1/net/dev")];
        if !self.root.at("proc/net").is_symlink() {
            tables.push(own);
        }
        tables
    }
}

/// The series of an interface. One that is called `total` must not pass for the instance's sum.
fn series(interface: &str) -> Series {
    let subject = if interface == TOTAL { "total (interface)" } else { interface };
    Series::new(Meter::NetworkThroughput, subject)
}

fn is_unseen(error: &io::Error) -> bool {
    is_absent(error) || error.kind() == io::ErrorKind::PermissionDenied
}

/// The counters in sysfs, which a container can be given without the host's process file system.
fn from_sysfs(class: &Path) -> Result<Vec<Interface>, SourceError> {
    let unreadable = |error| SourceError::unreadable(class, error);
    let mut interfaces = Vec::new();
    for entry in std::fs::read_dir(class).map_err(unreadable)?.take(INTERFACES_MAX) {
        let Ok(name) = entry.map_err(unreadable)?.file_name().into_string() else { continue };
        let statistics = class.join(&name).join("statistics");
        let counter = |file: &str| {
            let path = statistics.join(file);
            let mut buffer = [0; 64];
            match read_head(&path, &mut buffer) {
                Ok(text) => count(&String::from_utf8_lossy(text))
                    .map(Some)
                    .map_err(|e| SourceError::garbled(&path, e)),
                // Not an interface, or one that was just taken away, which sysfs calls an invalid argument.
                Err(error) if is_absent(&error) || error.kind() == io::ErrorKind::InvalidInput => Ok(None),
                Err(error) => Err(SourceError::unreadable(&path, error)),
            }
        };
        if let (Some(rx), Some(tx)) = (counter("rx_bytes")?, counter("tx_bytes")?) {
            interfaces.push(Interface { name, rx, tx });
        }
    }
    // A directory is in no order, and another order would look like other interfaces.
    interfaces.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(interfaces)
}

/// A counter that stands alone in a file.
///
/// # Errors
/// When it is no number.
pub fn count(text: &str) -> Result<u64, Garbled> {
    digits(text.trim_end()).ok_or_else(|| Garbled::at("no number", text))
}

/// The interfaces of a `/proc/net/dev`, in its order.
///
/// # Errors
/// When a line is not what it should be: counters that are only half understood are worse than none.
pub fn net_dev(text: &str) -> Result<Vec<Interface>, Garbled> {
    let mut lines = text.lines();
    for _ in 0..2 {
        let header = lines.next().unwrap_or_default();
        if !header.contains('|') {
            return Err(Garbled::at("no header of net/dev", header));
        }
    }
    let interfaces: Vec<Interface> = lines.map(interface).collect::<Result<_, _>>()?;
    let names: BTreeSet<&str> = interfaces.iter().map(|i| i.name.as_str()).collect();
    if names.len() != interfaces.len() {
        return Err(Garbled::new("an interface is listed twice"));
    }
    if names.len() > INTERFACES_MAX {
        return Err(Garbled::new(format!("more than {INTERFACES_MAX} interfaces")));
    }
    Ok(interfaces)
}

/// One line: `name: numbers`, without a space after the colon where old kernels fill it with a long number.
fn interface(line: &str) -> Result<Interface, Garbled> {
    let garbled = |why| Garbled::at(why, line);
    let (name, numbers) = line.split_once(':').ok_or_else(|| garbled("no interface's name"))?;
    let name = name.trim_start();
    // It becomes a part of a path.
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(garbled("no interface's name"));
    }
    if numbers.split_ascii_whitespace().count() < COLUMNS {
        return Err(garbled("columns are missing"));
    }
    let column = |n| numbers.split_ascii_whitespace().nth(n).and_then(digits);
    match (column(0), column(TX_BYTES_COLUMN)) {
        (Some(rx), Some(tx)) => Ok(Interface { name: name.to_owned(), rx, tx }),
        _ => Err(garbled("no numbers")),
    }
}
