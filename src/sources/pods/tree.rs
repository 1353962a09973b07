//! The cgroups that a kubelet makes for its pods, in either version of the hierarchy and by either of its drivers.
//!
//! ```text
//! cgroupfs  kubepods/podUID              kubepods/burstable/podUID      kubepods/besteffort/podUID
//! systemd   kubepods.slice/kubepods-podUID.slice
//!           kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podUID.slice
//! nested    kubelet/kubepods/...         kubelet.slice/kubelet-kubepods.slice/...
//! ```
//!
//! The kubelet limits a pod's own cgroup only where each of its containers has a limit: a pod without one is unlimited.

use super::super::cgroup::{Hierarchy, limit};
use super::super::ram::total_below;
use super::super::{Garbled, SourceError};
use crate::files::{Root, is_absent, read_head};
use highwater_rules::memory::capacity;
use highwater_rules::pods::Memory;
use std::io;
use std::path::{Path, PathBuf};

/// Where the kubelet's cgroup may be: so many levels below the root at most.
const DEPTH_MAX: usize = 5;
/// The most cgroups that are looked at on the way to it.
const LOOKED_AT_MAX: usize = 10_000;
/// The most entries of one directory that are looked at.
const ENTRIES_MAX: usize = 10_000;
/// The most pods of a node.
const PODS_MAX: usize = 5_000;
/// The longest id of a pod: a UUID, or the digest of a file of a static one.
const UID_MAX_BYTES: usize = 64;
const FILE_MAX_BYTES: usize = 256;

/// Reads the tree.
#[derive(Debug)]
pub struct Tree {
    root: Root,
}

/// What the tree tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The pods, as `pod/UID`, and what each may use.
    pub pods: Vec<(String, Memory)>,
    /// What there is for all of them, in bytes.
    pub allocatable: u64,
    /// The kubelet's cgroup.
    pub place: PathBuf,
}

impl Tree {
    /// The tree below a root.
    #[must_use]
    pub const fn new(root: Root) -> Self {
        Tree { root }
    }

    /// The pods that there are, and what is for all of them: the limit of the kubelet's cgroup where it has one, else the host's
    /// memory.
    ///
    /// # Errors
    /// When there is no tree, or it can't be read.
    pub fn read(&self) -> Result<Found, SourceError> {
        let mem_total = total_below(&self.root)?;
        let unified = self.root.at(Hierarchy::V2.usual_mount());
        let (hierarchy, top) = match unified.join("cgroup.controllers").exists() {
            true => (Hierarchy::V2, unified),
            false => (Hierarchy::V1, self.root.at(Hierarchy::V1.usual_mount())),
        };
        let tops = kubepods(&top)?;
        let mut found = Found { pods: Vec::new(), allocatable: 0, place: top.clone() };
        for place in &tops {
            let own = limit_of(place, hierarchy)?.flatten();
            found.allocatable = found.allocatable.saturating_add(capacity([own], mem_total)).min(mem_total);
            for directory in pod_directories(place)? {
                found.pods.extend(pod(&directory, hierarchy)?);
                if found.pods.len() > PODS_MAX {
                    let garbled = Garbled::new(format!("it has more than {PODS_MAX} pods"));
                    return Err(SourceError::garbled(place, garbled));
                }
            }
        }
        match tops.into_iter().next() {
            Some(place) => Ok(Found { place, ..found }),
            None => Err(SourceError::NoKubepods { path: top, hierarchy }),
        }
    }
}

/// The kubelets' cgroups, of the highest level that has any. A node that is itself a container has them some levels down.
fn kubepods(top: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let mut level = vec![top.to_owned()];
    let mut looked_at = 0;
    for _ in 0..DEPTH_MAX {
        let (mut found, mut next) = (Vec::new(), Vec::new());
        for directory in &level {
            for (name, path) in directories(directory)? {
                looked_at += 1;
                if name == "kubepods" || name == "kubepods.slice" || name.ends_with("-kubepods.slice") {
                    found.push(path);
                } else if looked_at < LOOKED_AT_MAX {
                    next.push(path);
                }
            }
        }
        if !found.is_empty() {
            found.sort_unstable();
            return Ok(found);
        }
        level = next;
    }
    Ok(Vec::new())
}

/// The cgroups of pods: below the kubelet's own, or below those of the classes of service in it.
fn pod_directories(kubepods: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let mut pods = Vec::new();
    for (name, path) in directories(kubepods)? {
        if uid(&name).is_some() {
            pods.push(path);
        } else {
            pods.extend(directories(&path)?.into_iter().filter(|(n, _)| uid(n).is_some()).map(|(_, p)| p));
        }
    }
    Ok(pods)
}

/// A pod's id, of the name of its cgroup. systemd writes `_` for `-`, which parts the levels in its names.
#[must_use]
pub fn uid(name: &str) -> Option<String> {
    let uid = match name.strip_suffix(".slice") {
        Some(slice) => slice.rsplit_once("-pod")?.1.replace('_', "-"),
        None => name.strip_prefix("pod")?.to_owned(),
    };
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (!uid.is_empty() && uid.len() <= UID_MAX_BYTES && uid.bytes().all(fits)).then_some(uid)
}

/// What a pod may use; nothing where there is none any more.
fn pod(directory: &Path, hierarchy: Hierarchy) -> Result<Option<(String, Memory)>, SourceError> {
    let name = directory.file_name().and_then(|name| name.to_str());
    let Some(uid) = name.and_then(uid) else { return Ok(None) };
    if !is_lived_in(directory, hierarchy)? {
        return Ok(None);
    }
    let Some(own) = limit_of(directory, hierarchy)? else { return Ok(None) };
    // What is more than any node has is no limit: so the older hierarchy writes it.
    let memory = highwater_rules::pods::memory(own, &[], &[None]);
    Ok(Some((format!("pod/{uid}"), memory)))
}

/// Whether a pod's cgroup is a living pod's: even one whose containers all crash has the process that holds its namespaces. The
/// kubelet removes the cgroup once the pod has ended; one that it could not remove yet is empty, and no pod.
///
/// The older hierarchy tells a container of no processes beyond its own, so that there the cgroups of containers count, which
/// their runtime removes when they end.
fn is_lived_in(directory: &Path, hierarchy: Hierarchy) -> Result<bool, SourceError> {
    if hierarchy == Hierarchy::V2 {
        let events = directory.join("cgroup.events");
        let mut buffer = [0; FILE_MAX_BYTES];
        match read_head(&events, &mut buffer) {
            Ok(text) => {
                let text = String::from_utf8_lossy(text);
                let populated = text.lines().find_map(|line| line.strip_prefix("populated "));
                return match populated {
                    Some("1") => Ok(true),
                    Some("0") => Ok(false),
                    _ => Err(SourceError::garbled(&events, Garbled::at("no `populated 0` or `1`", &text))),
                };
            }
            Err(error) if is_gone(&error) => return Ok(false),
            Err(error) => return Err(SourceError::unreadable(&events, error)),
        }
    }
    Ok(!directories(directory)?.is_empty())
}

/// The limit of a cgroup; nothing where there is no such cgroup any more.
fn limit_of(directory: &Path, hierarchy: Hierarchy) -> Result<Option<Option<u64>>, SourceError> {
    let path = directory.join(hierarchy.limit_file());
    let mut buffer = [0; FILE_MAX_BYTES];
    match read_head(&path, &mut buffer) {
        Ok(text) => {
            limit(&String::from_utf8_lossy(text)).map(Some).map_err(|e| SourceError::garbled(&path, e))
        }
        Err(error) if is_gone(&error) => match directory.is_dir() {
            // A level that is there without a limit's file would pass for a pod without a limit.
            true => Err(SourceError::unreadable(&path, error)),
            false => Ok(None),
        },
        Err(error) => Err(SourceError::unreadable(&path, error)),
    }
}

/// The directories in one, with their names; none where it is gone meanwhile. Links are none.
fn directories(at: &Path) -> Result<Vec<(String, PathBuf)>, SourceError> {
    let listed = match std::fs::read_dir(at) {
        Ok(listed) => listed,
        Err(error) if is_gone(&error) => return Ok(Vec::new()),
        Err(error) => return Err(SourceError::unreadable(at, error)),
    };
    let mut found = Vec::new();
    for entry in listed.take(ENTRIES_MAX) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if is_gone(&error) => break,
            Err(error) => return Err(SourceError::unreadable(at, error)),
        };
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(entry.file_name().into_string().ok().map(|name| (name, entry.path())));
        }
    }
    Ok(found)
}

/// A cgroup that is removed while its file is open says that there is no such device.
fn is_gone(error: &io::Error) -> bool {
    is_absent(error) || error.raw_os_error() == Some(nix::libc::ENODEV)
}
