//! What a process may do, as `/proc` and the modes of files tell it.

use crate::files::read_bounded;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

const STATUS_MAX_BYTES: usize = 64 * 1024;
const MOUNTINFO_MAX_BYTES: usize = 4 << 20;
/// Bits of a capability set, as `linux/capability.h` counts them.
const DAC_OVERRIDE: u32 = 1;
const DAC_READ_SEARCH: u32 = 2;
const NET_RAW: u32 = 13;
/// Bits of a file's mode for one class of users.
const READ: u32 = 4;
const WRITE: u32 = 2;
const SEARCH: u32 = 1;

/// The rights of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rights {
    uid: u32,
    groups: Vec<u32>,
    capabilities: u64,
    /// Whether other users' processes are hidden from it.
    pub(super) hides_processes: bool,
    /// The unit of systemd's that it runs in.
    pub(super) unit: Option<String>,
}

impl Rights {
    /// Those of a process, `self` or a number, below `proc`.
    ///
    /// # Errors
    /// When it is not there, or may not be looked at.
    pub(super) fn of(proc: &Path, process: &str) -> io::Result<Self> {
        let read = |name: &str, max| read_bounded(&proc.join(process).join(name), max);
        let status = read("status", STATUS_MAX_BYTES)?;
        let unclear = || io::Error::new(io::ErrorKind::InvalidData, "its status is not understood");
        let mut rights = parse(&status).ok_or_else(unclear)?;
        // What tells of these two may be another's alone to see: then nothing is said of them.
        rights.unit = read("cgroup", STATUS_MAX_BYTES).ok().and_then(|text| unit(&text));
        let mounts = read("mountinfo", MOUNTINFO_MAX_BYTES).unwrap_or_default();
        rights.hides_processes = hides(&mounts);
        Ok(rights)
    }

    fn has(&self, capability: u32) -> bool {
        self.capabilities >> capability & 1 == 1
    }

    /// Whether it may open packet sockets.
    pub(super) fn counts_packets(&self) -> bool {
        self.has(NET_RAW)
    }

    /// The first file or directory on the way to `path` that keeps it from reading there. One that is not there keeps nobody: the
    /// source says that itself. Access lists beyond the modes are not looked at.
    pub(super) fn kept_from_reading(&self, path: &Path) -> Option<PathBuf> {
        self.kept_from(path, READ)
    }

    /// The same for connecting to a Unix socket.
    pub(super) fn kept_from_connecting(&self, socket: &Path) -> Option<PathBuf> {
        self.kept_from(socket, WRITE)
    }

    fn kept_from(&self, path: &Path, wanted: u32) -> Option<PathBuf> {
        let may = |path: &Path, wanted| path.metadata().map_or(true, |meta| self.may(&meta, wanted));
        let mut way: Vec<&Path> = path.ancestors().skip(1).collect();
        way.reverse();
        let shut = way.into_iter().find(|dir| !may(dir, SEARCH));
        shut.or_else(|| (!may(path, wanted)).then_some(path)).map(Path::to_owned)
    }

    fn may(&self, meta: &Metadata, wanted: u32) -> bool {
        let only_looks = wanted == READ || wanted == SEARCH;
        if self.has(DAC_OVERRIDE) || (only_looks && self.has(DAC_READ_SEARCH)) {
            return true;
        }
        let shift = match () {
            () if meta.uid() == self.uid => 6,
            () if self.groups.contains(&meta.gid()) => 3,
            () => 0,
        };
        meta.mode() >> shift & wanted == wanted
    }
}

/// A `/proc/PID/status`.
fn parse(status: &str) -> Option<Rights> {
    let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    // The second of four is the effective one.
    let effective = |name: &str| line(name)?.split_whitespace().nth(1)?.parse::<u32>().ok();
    let mut groups: Vec<u32> = line("Groups")?.split_whitespace().filter_map(|id| id.parse().ok()).collect();
    groups.push(effective("Gid")?);
    Some(Rights {
        uid: effective("Uid")?,
        groups,
        capabilities: u64::from_str_radix(line("CapEff")?.trim(), 16).ok()?,
        hides_processes: false,
        unit: None,
    })
}

/// The service that a `/proc/PID/cgroup` names: in the unified hierarchy, or in systemd's own.
fn unit(cgroup: &str) -> Option<String> {
    let path = cgroup.lines().find_map(|line| {
        let (hierarchy, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        (hierarchy == "0" || controllers == "name=systemd").then_some(path)
    })?;
    path.rsplit('/').find(|part| part.ends_with(".service")).map(str::to_owned)
}

/// Whether a `/proc/PID/mountinfo` tells that `/proc` hides others' processes. Of several mounts the last one counts.
fn hides(mountinfo: &str) -> bool {
    let mut of_proc = mountinfo.lines().filter(|line| line.split(' ').nth(4) == Some("/proc"));
    let options = of_proc.next_back().and_then(|line| line.rsplit(' ').next()).unwrap_or_default();
    let hidden =
        |option: &str| option.strip_prefix("hidepid=").is_some_and(|how| !matches!(how, "0" | "off"));
    options.split(',').any(hidden)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const STATUS: &str = "Name:\thighwater\nUid:\t63893\t63893\t63893\t63893\nGid:\t63893\t63893\t63893\t63893\n\
                          Groups:\t4 63893 \nCapEff:\t0000000000002000\n";

    #[test]
    fn a_status_tells_user_groups_and_capabilities() {
        let rights = parse(STATUS).unwrap();
        assert_eq!((rights.uid, rights.groups.as_slice()), (63893, &[4, 63893, 63893][..]));
        assert!(rights.counts_packets() && !rights.has(DAC_OVERRIDE));
        assert!(!parse(&STATUS.replace("2000", "0000")).unwrap().counts_packets());
        assert_eq!(parse("Name:\tx\n"), None);
    }

    #[test]
    fn the_unit_is_found_in_either_hierarchy() {
        let v1 = "9:name=systemd:/system.slice/highwater.service\n8:pids:/other.service\n0::/\n";
        assert_eq!(unit(v1).as_deref(), Some("highwater.service"));
        assert_eq!(unit("0::/system.slice/highwater.service/sub\n").as_deref(), Some("highwater.service"));
        assert_eq!(unit("0::/user.slice/session-1.scope\n"), None);
    }

    #[test]
    fn the_mount_of_proc_tells_whether_processes_are_hidden() {
        let open = "20 1 0:5 / /proc rw,nosuid shared:1 - proc proc rw\n";
        let shut = "479 458 0:65 / /proc rw,nosuid,relatime shared:171 - proc proc rw,hidepid=invisible\n";
        assert!(!hides(open) && !hides("") && hides(shut));
        assert!(hides(&format!("{open}{shut}")) && !hides(&format!("{shut}{open}")));
        assert!(!hides(&open.replace("proc rw\n", "proc rw,hidepid=off\n")));
    }

    #[test]
    fn a_mode_keeps_from_reading_at_the_file_or_on_the_way_to_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let inner = dir.path().join("logs");
        std::fs::create_dir(&inner).unwrap();
        let log = inner.join("access.log");
        std::fs::write(&log, "x").unwrap();
        let mode = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let group = log.metadata().unwrap().gid();
        let stranger = Rights { uid: u32::MAX, groups: vec![], ..parse(STATUS).unwrap() };
        let member = Rights { groups: vec![group], ..stranger.clone() };
        mode(&inner, 0o755);
        mode(&log, 0o640);
        assert_eq!(stranger.kept_from_reading(&log), Some(log.clone()));
        assert_eq!(
            (member.kept_from_reading(&log), member.kept_from_connecting(&log)),
            (None, Some(log.clone()))
        );
        mode(&inner, 0o700);
        assert_eq!(member.kept_from_reading(&log), Some(inner));
        let root = Rights { capabilities: 1 << DAC_OVERRIDE, ..stranger.clone() };
        assert_eq!(root.kept_from_reading(&log), None);
        assert_eq!(stranger.kept_from_reading(&dir.path().join("none")), None, "the source says so itself");
    }
}
