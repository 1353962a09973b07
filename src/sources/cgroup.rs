//! The memory limits of a cgroup and of those above it, in either version of the hierarchy.

use super::{Garbled, SourceError, digits};
use crate::files::{Root, is_absent, read_bounded, read_head};
use std::path::{Component, Path, PathBuf};

/// A `/proc/PID/cgroup` has some 15 lines of at most 4096 bytes of path.
pub const CGROUP_MAX_BYTES: usize = 64 * 1024;
/// Hosts of containers have thousands of mounts of some 200 bytes each.
const MOUNTINFO_MAX_BYTES: usize = 8 * 1024 * 1024;
const LIMIT_MAX_BYTES: usize = 64;
/// Paths end at 4096 bytes, so that no hierarchy is deeper.
const LEVELS_MAX: usize = 2048;

/// The version of the hierarchy that limits memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hierarchy {
    /// The hierarchy of the `memory` controller.
    V1,
    /// The unified hierarchy.
    V2,
}

impl Hierarchy {
    pub(super) const fn limit_file(self) -> &'static str {
        match self {
            Hierarchy::V1 => "memory.limit_in_bytes",
            Hierarchy::V2 => "memory.max",
        }
    }

    /// How it is called.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Hierarchy::V1 => "cgroup v1",
            Hierarchy::V2 => "cgroup v2",
        }
    }

    /// Where it is mounted where nothing tells.
    pub(crate) const fn usual_mount(self) -> &'static str {
        match self {
            Hierarchy::V1 => "/sys/fs/cgroup/memory",
            Hierarchy::V2 => "/sys/fs/cgroup",
        }
    }
}

/// Where a hierarchy is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The cgroup that shows at the mount point: `/` but in containers.
    pub root: String,
    /// The mount point.
    pub point: String,
}

/// Where the way up begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// At this cgroup.
    At(String),
    /// At the agent's own.
    Own,
    /// At that of the first process, or at the agent's own where that can't be seen.
    Init,
}

/// What was read on the way up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// In which hierarchy.
    pub hierarchy: Hierarchy,
    /// Where the way up began.
    pub bottom: PathBuf,
    /// Where it ended.
    pub top: PathBuf,
    /// The limits on it; `None` where a level has none.
    pub limits: Vec<Option<u64>>,
    /// How many levels had a file of a limit. A hierarchy without the controller of memory has none.
    pub files: usize,
}

/// A reader of limits.
#[derive(Debug)]
pub struct Cgroups {
    root: Root,
    start: Start,
    /// Found once: mountinfo is long on hosts of containers, and a cgroup file system stays where it is.
    mounts: Option<(Hierarchy, Vec<Mount>)>,
}

impl Cgroups {
    /// A reader that begins at `start`.
    #[must_use]
    pub fn new(root: Root, start: Start) -> Self {
        Cgroups { root, start, mounts: None }
    }

    /// The limits from the start up to the root; `None` where a level has none.
    ///
    /// # Errors
    /// When the way up or a limit on it can't be read.
    pub fn limits(&mut self) -> Result<Vec<Option<u64>>, SourceError> {
        self.look().map(|found| found.limits)
    }

    /// What there is to read from the start up to the root.
    ///
    /// # Errors
    /// As [`limits`](Self::limits).
    pub fn look(&mut self) -> Result<Found, SourceError> {
        let found = self.way_up();
        if found.is_err() {
            self.mounts = None;
        }
        found
    }

    fn way_up(&mut self) -> Result<Found, SourceError> {
        let (hierarchy, path) = self.beginning()?;
        if self.mounts.as_ref().is_none_or(|(found, _)| *found != hierarchy) {
            let mut mounts = mounts_below(&self.root, hierarchy)?;
            if mounts.is_empty() {
                mounts.push(Mount { root: "/".to_owned(), point: hierarchy.usual_mount().to_owned() });
            }
            self.mounts = Some((hierarchy, mounts));
        }
        let mounts = self.mounts.as_ref().map_or(&[][..], |(_, mounts)| mounts);
        let asked = matches!(self.start, Start::At(_));
        // A process whose cgroup lies above the mount or beside it begins at the mount itself: inside a container, the
        // container. A cgroup that was asked for is the one or none.
        let outside = || if asked { None } else { mounts.first().map(|mount| (mount, "")) };
        let Some((mount, below)) = place(mounts, &path).or_else(outside) else {
            return Err(SourceError::NoCgroup { path: path.into(), hierarchy });
        };
        let top = self.root.at(&mount.point);
        let mut level = if below.is_empty() { top.clone() } else { top.join(below) };
        // A level that is not there would pass for one without a limit.
        let needed = if asked { &level } else { &top };
        if !needed.is_dir() {
            return Err(SourceError::NoCgroup { path: needed.clone(), hierarchy });
        }
        let bottom = level.clone();
        let (mut limits, mut files) = (Vec::new(), 0);
        while limits.len() < LEVELS_MAX {
            let limit = limit_at(&level.join(hierarchy.limit_file()))?;
            files += usize::from(limit.is_some());
            limits.push(limit.flatten());
            if level == top || !level.pop() {
                break;
            }
        }
        Ok(Found { hierarchy, bottom, top, limits, files })
    }

    /// Which hierarchy limits memory, and the path in it to begin at.
    fn beginning(&self) -> Result<(Hierarchy, String), SourceError> {
        match &self.start {
            Start::Own => self.path_of("self"),
            Start::Init => self.path_of("1").or_else(|_| self.path_of("self")),
            Start::At(path) => {
                let path = format!("/{}", path.trim_matches('/'));
                let hierarchy = match self.path_of("self") {
                    Ok((hierarchy, _)) => hierarchy,
                    Err(_) if self.root.at(Hierarchy::V1.usual_mount()).is_dir() => Hierarchy::V1,
                    Err(_) => Hierarchy::V2,
                };
                Ok((hierarchy, path))
            }
        }
    }

    fn path_of(&self, process: &str) -> Result<(Hierarchy, String), SourceError> {
        let path = self.root.at("proc").join(process).join("cgroup");
        let text = read_bounded(&path, CGROUP_MAX_BYTES).map_err(|e| SourceError::unreadable(&path, e))?;
        own_path(&text).map_err(|e| SourceError::garbled(&path, e))
    }
}

/// The mounts of a hierarchy below a root; none where mountinfo is missing.
///
/// # Errors
/// When mountinfo is there and can't be read.
pub fn mounts_below(root: &Root, hierarchy: Hierarchy) -> Result<Vec<Mount>, SourceError> {
    // Below another root `self` is still the agent, whose mounts are not those of that root.
    let processes: &[&str] = if root.is_own() { &["self"] } else { &["1", "self"] };
    for process in processes {
        let path = root.at("proc").join(process).join("mountinfo");
        match read_bounded(&path, MOUNTINFO_MAX_BYTES) {
            Ok(text) => return Ok(mounts(&text, hierarchy)),
            Err(error) if is_absent(&error) => {}
            // The first process's mounts are root's to see; its cgroups are where they usually are.
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => break,
            Err(error) => return Err(SourceError::unreadable(&path, error)),
        }
    }
    Ok(Vec::new())
}

/// The hierarchy that limits the memory of a process, and its cgroup there, from its `/proc/PID/cgroup`.
///
/// # Errors
/// When the text tells of none.
pub fn own_path(text: &str) -> Result<(Hierarchy, String), Garbled> {
    let mut unified = None;
    for line in text.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(number), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Garbled::at("no `number:controllers:path`", line));
        };
        if !path.starts_with('/') {
            return Err(Garbled::at("no path", line));
        }
        if controllers.split(',').any(|c| c == "memory") {
            return Ok((Hierarchy::V1, path.to_owned()));
        }
        if number == "0" && controllers.is_empty() {
            unified = Some(path);
        }
    }
    let path = unified.ok_or_else(|| Garbled::new("it names no cgroup that limits memory"))?;
    Ok((Hierarchy::V2, path.to_owned()))
}

/// The mounts of a hierarchy that a mountinfo tells of. Lines that are none are passed over.
#[must_use]
pub fn mounts(mountinfo: &str, hierarchy: Hierarchy) -> Vec<Mount> {
    mountinfo.lines().filter_map(|line| mount(line, hierarchy)).collect()
}

fn mount(line: &str, hierarchy: Hierarchy) -> Option<Mount> {
    let (place, kind) = line.split_once(" - ")?;
    let mut place = place.split(' ').skip(3);
    let mut kind = kind.split(' ');
    let fits = match (kind.next()?, hierarchy) {
        ("cgroup2", Hierarchy::V2) => true,
        ("cgroup", Hierarchy::V1) => kind.nth(1)?.split(',').any(|option| option == "memory"),
        _ => false,
    };
    fits.then_some(Mount { root: unescaped(place.next()?), point: unescaped(place.next()?) })
}

/// Undoes mountinfo's octal escapes of space, tab, newline and backslash.
fn unescaped(field: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(field.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

/// The mount that shows most of the way up from a cgroup, and where the cgroup lies below it; `None` where none shows it.
fn place<'a>(mounts: &'a [Mount], path: &'a str) -> Option<(&'a Mount, &'a str)> {
    mounts
        .iter()
        .filter_map(|mount| Some((mount, below(path, &mount.root)?)))
        .max_by_key(|(_, below)| below.len())
}

/// What is left of a path below another; `None` where it leads elsewhere.
fn below<'a>(path: &'a str, root: &str) -> Option<&'a str> {
    if Path::new(path).components().any(|part| part == Component::ParentDir) {
        return None;
    }
    let rest = path.strip_prefix(root.trim_end_matches('/'))?;
    (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/'))
}

/// The limit in a file; `None` where there is no such file.
fn limit_at(path: &Path) -> Result<Option<Option<u64>>, SourceError> {
    let mut buffer = [0; LIMIT_MAX_BYTES];
    match read_head(path, &mut buffer) {
        Ok(text) => {
            limit(&String::from_utf8_lossy(text)).map(Some).map_err(|e| SourceError::garbled(path, e))
        }
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(SourceError::unreadable(path, error)),
    }
}

/// A limit, as `memory.max` or `memory.limit_in_bytes` writes it; `None` for `max`.
///
/// # Errors
/// When it is neither a number nor `max`.
pub fn limit(text: &str) -> Result<Option<u64>, Garbled> {
    match text.trim_end() {
        "max" => Ok(None),
        value => digits(value).map(Some).ok_or_else(|| Garbled::at("no limit in bytes", text)),
    }
}
