//! TLS sessions as the kernel sees them: the ServerHellos that leave this host, whatever server sent them.
//!
//! A packet socket on each interface that counts takes them by a [`filter`] and is never read: its buffer holds one packet, and what
//! the kernel says of the rest is that it was dropped. That number is the count. Between two samples nothing runs; a sample costs
//! three system calls an interface, and four for the list of interfaces.

pub mod filter;
mod socket;

use crate::config;
use crate::files::Root;
use crate::sources::interfaces::Interfaces;
use crate::sources::{Readout, SourceError};
use filter::Instruction;
use highwater_rules::figure::{Figure, Observation};
use highwater_rules::meter::{Meter, Series};
use highwater_rules::record::Counters;
use socket::Tap;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

/// Interfaces that are counted on at most: each packet that leaves through one passes the filter.
const TAPS_MAX: usize = 64;
const KEY: &str = "`interfaces` of the [[ssl]] of kind \"kernel\"";

/// The source of `ssl_tps` in this host's kernel.
#[derive(Debug)]
pub struct Kernel {
    name: String,
    /// Those of the namespace that the agent is in, where its sockets are.
    interfaces: Interfaces,
    /// Those of the metered host, where its root is another: they must be the same.
    host: Option<Interfaces>,
    program: Vec<Instruction>,
    taps: BTreeMap<String, Tap>,
    sessions: u64,
}

impl Kernel {
    /// The source of that name, for the host below `root`.
    #[must_use]
    pub fn new(root: &Root, name: &str, config: &config::ssl::Kernel) -> Self {
        let host = (!root.is_own()).then(|| Interfaces::new(root.clone(), &[], KEY));
        Kernel {
            name: name.to_owned(),
            interfaces: Interfaces::new(Root::new("/"), &config.interfaces, KEY),
            host,
            program: filter::program(&config.ports),
            taps: BTreeMap::new(),
            sessions: 0,
        }
    }

    /// Its configured name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The one series that it gives.
    #[must_use]
    pub fn series(&self) -> Series {
        Series::new(Meter::SslTps, &self.name)
    }

    /// Interfaces that the configuration names, left out because others carry their packets.
    #[must_use]
    pub fn duplicates(&self) -> &[String] {
        &self.interfaces.choice().duplicates
    }

    /// A root elsewhere may be any file system.
    pub(in crate::sources) fn may_block(&self) -> bool {
        self.host.is_some()
    }

    /// What it sees now. The first time it begins to count.
    ///
    /// # Errors
    /// When it can't count on all interfaces that count, or there is none.
    pub fn read(&mut self) -> Result<Readout, SourceError> {
        let (_, path) = self.interfaces.read()?;
        self.hold_to_the_host()?;
        self.keep()?;
        self.open()?;
        let absent: Vec<&str> = self.interfaces.absent().collect();
        if !absent.is_empty() {
            return Err(SourceError::NoSuchInterface { names: absent.join(", "), key: KEY });
        }
        if self.taps.is_empty() {
            return Err(self.interfaces.none(path));
        }
        let counters = Counters { first: self.sessions, second: None, incarnation: self.incarnation() };
        let observation = Observation { series: self.series(), figure: Figure::Count(counters) };
        Ok(Readout { observations: vec![observation], ..Readout::default() })
    }

    /// Takes what was counted, and closes the sockets that did not count all the time or that are no longer asked for.
    fn keep(&mut self) -> Result<(), SourceError> {
        let counted = &self.interfaces.choice().counted;
        let mut failed = Ok(());
        self.taps.retain(|name, tap| {
            let told = tap.counted().and_then(|sessions| Ok((sessions, tap.is_whole()?)));
            match told {
                Ok((sessions, is_whole)) => {
                    self.sessions = self.sessions.saturating_add(sessions);
                    is_whole && counted.contains(name)
                }
                Err(error) => {
                    failed = Err(not_counted(name, error));
                    false
                }
            }
        });
        failed
    }

    /// Opens a socket on each interface that counts and has none.
    fn open(&mut self) -> Result<(), SourceError> {
        let counted = &self.interfaces.choice().counted;
        if counted.len() > TAPS_MAX {
            return Err(SourceError::TooManyInterfaces { count: counted.len(), max: TAPS_MAX, key: KEY });
        }
        for name in counted {
            if self.taps.contains_key(name) {
                continue;
            }
            let tap = Tap::open(name, &self.program).map_err(|error| not_counted(name, error))?;
            self.taps.insert(name.clone(), tap);
        }
        Ok(())
    }

    /// One number for a set of sockets: with any other, something may have passed unseen, and the slot has no figure.
    fn incarnation(&self) -> u64 {
        // A cookie is small and never used twice while the host is up; spread, the sums of different sets are different.
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        self.taps.values().fold(0, |sum, tap| (sum ^ tap.cookie()).wrapping_mul(SPREAD).rotate_left(29))
    }

    /// A socket sees the network namespace that it was opened in. Where the host is below another root, that must be the host's.
    fn hold_to_the_host(&mut self) -> Result<(), SourceError> {
        let Some(host) = &mut self.host else { return Ok(()) };
        // An interface may come between the two looks, hence twice.
        for _ in 0..2 {
            host.read()?;
            if is_same(&self.interfaces, host) {
                return Ok(());
            }
            self.interfaces.read()?;
        }
        Err(SourceError::OtherNamespace { root: host.root().at("") })
    }
}

/// Whether the interfaces are the same: a host with a pod in a namespace of its own has an end of the pod's cable, too.
fn is_same(own: &Interfaces, host: &Interfaces) -> bool {
    let sorted = |interfaces: &Interfaces| {
        let mut names = interfaces.names().to_vec();
        names.sort_unstable();
        names
    };
    let index_fits = |name: &String| match (host.index(name), socket::index_of(name)) {
        (Some(there), Ok(here)) => i64::try_from(there) == Ok(i64::from(here)),
        (None, _) => true,
        (_, Err(_)) => false,
    };
    sorted(own) == sorted(host) && own.choice().counted.iter().all(index_fits)
}

fn not_counted(interface: &str, error: io::Error) -> SourceError {
    match error.raw_os_error() {
        Some(nix::libc::EPERM | nix::libc::EACCES) => {
            let executable = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("highwater"));
            SourceError::NoPacketSockets { executable }
        }
        Some(nix::libc::EAFNOSUPPORT) => SourceError::NoPacketFamily,
        _ => SourceError::NotCounted { interface: interface.to_owned(), error },
    }
}
