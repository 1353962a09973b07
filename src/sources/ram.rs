//! RAM capacity: the host's memory, or the smallest limit of a cgroup on the way up, while the licensed software is there.

use super::cgroup::{Cgroups, Found, Start};
use super::presence::Watch;
use super::{Garbled, Readout, SourceError, container, digits};
use crate::config::{self, RamScope};
use crate::files::{Root, read_bounded, read_head};
use highwater_rules::figure::{Figure, Observation};
use highwater_rules::memory::capacity;
use highwater_rules::meter::{Meter, Series};

/// How much of meminfo is read: `MemTotal` is its first line.
const MEMINFO_HEAD_BYTES: usize = 1024;
const MEMINFO_MAX_BYTES: usize = 64 * 1024;

/// The source of `ram_capacity`.
#[derive(Debug)]
pub struct Ram {
    root: Root,
    presence: Option<Watch>,
    configured: RamScope,
    cgroup: Option<String>,
    /// What is metered; decided once, at the first reading.
    scope: Option<Scope>,
    /// `auto` in a container without a limit of its own meters the host's memory, and says so.
    unlimited: bool,
}

#[derive(Debug)]
enum Scope {
    Host,
    Cgroup(Cgroups),
}

impl Scope {
    fn capacity(&mut self, mem_total: u64) -> Result<u64, SourceError> {
        match self {
            Scope::Cgroup(cgroups) => Ok(capacity(cgroups.limits()?, mem_total)),
            Scope::Host => Ok(mem_total),
        }
    }
}

impl Ram {
    /// The source that a configuration asks for.
    #[must_use]
    pub fn new(root: Root, config: &config::Ram) -> Self {
        Ram {
            presence: config.presence.clone().map(|presence| Watch::new(root.clone(), presence)),
            configured: config.scope,
            cgroup: config.cgroup.clone(),
            scope: None,
            unlimited: false,
            root,
        }
    }

    /// The one series that it gives.
    #[must_use]
    pub fn series(&self) -> Series {
        let cgroup = match (&self.scope, self.configured) {
            _ if self.unlimited => false,
            (Some(Scope::Host), _) | (None, RamScope::Host) => false,
            (Some(Scope::Cgroup(_)), _) | (None, RamScope::Cgroup) => true,
            (None, RamScope::Auto) => container::kind(&self.root).is_some(),
            #[cfg(feature = "kubernetes")]
            (None, RamScope::Pods) => false,
        };
        Series::new(Meter::RamCapacity, if cgroup { RamScope::Cgroup.word() } else { RamScope::Host.word() })
    }

    /// Looking for a process reads its command line, which waits for the process; a root elsewhere may be any file system.
    pub(super) fn may_block(&self) -> bool {
        self.presence.is_some() || !self.root.is_own()
    }

    /// What it sees now. Software that is not there uses none: a true zero.
    ///
    /// # Errors
    /// When the capacity, or whether the software is there, can't be told.
    pub fn read(&mut self) -> Result<Readout, SourceError> {
        let present = self.presence.as_mut().map_or(Ok(true), Watch::is_present)?;
        // It is read in any case: what it is of, and so the series' name, must not hang on who is there.
        let capacity = self.capacity()?;
        let value = if present { capacity } else { 0 };
        // Exact: no host has 2^53 bytes.
        let observation = Observation { series: self.series(), figure: Figure::Gauge(value as f64) };
        Ok(Readout { observations: vec![observation], ..Readout::default() })
    }

    /// Where the capacity is read from, in words for people: what was read of cgroups, and what could not be.
    #[must_use]
    pub fn basis(&self) -> String {
        match self.decided() {
            Scope::Host if self.configured == RamScope::Host => {
                "read from MemTotal: ram.scope is \"host\"".to_owned()
            }
            Scope::Host => "read from MemTotal: no container is seen here".to_owned(),
            Scope::Cgroup(mut cgroups) => match cgroups.look() {
                Ok(found) => basis_of(&found, total_below(&self.root).unwrap_or(u64::MAX)),
                Err(SourceError::NoCgroup { path, hierarchy })
                    if self.configured == RamScope::Auto && self.cgroup.is_none() =>
                {
                    format!(
                        "read from MemTotal: memory is limited in {} here, and nothing of it is seen at {}: a limit can't be known",
                        hierarchy.word(),
                        path.display()
                    )
                }
                Err(error) => format!("a limit can't be read: {error}"),
            },
        }
    }

    fn capacity(&mut self) -> Result<u64, SourceError> {
        let total = total_below(&self.root)?;
        if let Some(scope) = &mut self.scope {
            return scope.capacity(total);
        }
        let mut scope = self.decided();
        let value = match scope.capacity(total) {
            // What looks like a container but shows no cgroup has no limit that could be seen: it is metered as a host.
            Err(SourceError::NoCgroup { .. })
                if self.configured == RamScope::Auto && self.cgroup.is_none() =>
            {
                scope = Scope::Host;
                total
            }
            read => read?,
        };
        self.unlimited = self.configured == RamScope::Auto && value == total;
        self.scope = Some(scope);
        Ok(value)
    }

    fn decided(&self) -> Scope {
        let start = match (&self.cgroup, self.configured) {
            (_, RamScope::Host) => return Scope::Host,
            // Pods have a source of their own, and never this one.
            #[cfg(feature = "kubernetes")]
            (_, RamScope::Pods) => return Scope::Host,
            (_, RamScope::Auto) if container::kind(&self.root).is_none() => return Scope::Host,
            (Some(path), _) => Start::At(path.clone()),
            (None, RamScope::Cgroup) => Start::Own,
            // An agent that systemd runs inside a container may have a small limit of its own: not the container's.
            (None, RamScope::Auto) => Start::Init,
        };
        Scope::Cgroup(Cgroups::new(self.root.clone(), start))
    }
}

/// `MemTotal` of the host below a root, in bytes.
pub(super) fn total_below(root: &Root) -> Result<u64, SourceError> {
    let path = root.of_kernel("proc/meminfo");
    let mut buffer = [0; MEMINFO_HEAD_BYTES];
    let head = read_head(&path, &mut buffer).map_err(|e| SourceError::unreadable(&path, e))?;
    match mem_total(&String::from_utf8_lossy(head)) {
        // It is the first line of every kernel's, but may stand elsewhere in what someone else wrote.
        Err(_) if head.len() == MEMINFO_HEAD_BYTES => {
            let whole =
                read_bounded(&path, MEMINFO_MAX_BYTES).map_err(|e| SourceError::unreadable(&path, e))?;
            mem_total(&whole).map_err(|e| SourceError::garbled(&path, e))
        }
        read => read.map_err(|e| SourceError::garbled(&path, e)),
    }
}

fn basis_of(found: &Found, total: u64) -> String {
    let Found { hierarchy, bottom, top, limits, files } = found;
    let (word, levels) = (hierarchy.word(), limits.len());
    let place = match bottom == top {
        true => format!("at {}", top.display()),
        false => format!("from {} up to {}", bottom.display(), top.display()),
    };
    if *files == 0 {
        return format!(
            "read from MemTotal: {word} has no limit of memory {place}; where its controller is in the other hierarchy, that one is \
             not seen here, and a limit can't be known"
        );
    }
    let least = limits.iter().flatten().filter(|limit| **limit < total).min();
    let least =
        least.map_or_else(|| "none below MemTotal".to_owned(), |least| format!("the least is {least} bytes"));
    format!("read in {word} {place}: {files} of {levels} levels have a limit, {least}")
}

/// `MemTotal` of a meminfo, in bytes.
///
/// # Errors
/// When there is none, or it is no number of kB, or 0. A number cut short has lost its unit, too.
pub fn mem_total(meminfo: &str) -> Result<u64, Garbled> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let value = line.ok_or_else(|| Garbled::at("no MemTotal", meminfo))?.trim();
    value
        .strip_suffix("kB")
        .and_then(|kib| digits(kib.trim_end()))
        .filter(|kib| *kib > 0)
        .and_then(|kib| kib.checked_mul(1024))
        .ok_or_else(|| Garbled::at("MemTotal is no number of kB", value))
}
