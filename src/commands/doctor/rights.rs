//! What a process may do, as `/proc` and the modes of files tell it.

use super::blocker::Blocker;
use super::sandbox;
use super::unit::Unit;
use crate::files::read_bounded;
use nix::unistd::{Group, User, getgrouplist};
use std::ffi::CString;
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
/// The user of a unit with `DynamicUser=` that does not run: nobody's files are its own.
const UNKNOWN: u32 = u32::MAX;

/// Whether a file can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// As far as modes tell, or it is not there: the source says that itself. Access lists beyond the modes are not looked at.
    Open,
    /// Not beyond this.
    Shut(Blocker),
    /// That is not for this user to see, from here on.
    Unseen(PathBuf),
}

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

    /// Those that a unit gives to the agent that it starts next.
    pub(super) fn given(unit: &Unit) -> Self {
        let named = |capability: &str, bit: u32, set: &str| u64::from(unit.has(set, capability)) << bit;
        let set = if unit.is_roots() { "CapabilityBoundingSet" } else { "AmbientCapabilities" };
        let capabilities = named("cap_dac_override", DAC_OVERRIDE, set)
            | named("cap_dac_read_search", DAC_READ_SEARCH, set)
            | named("cap_net_raw", NET_RAW, set);
        let (uid, mut groups) = user(unit);
        groups.extend(unit.words("SupplementaryGroups").filter_map(group_id));
        let hides_processes = sandbox::hides_processes(unit).is_some();
        Rights { uid, groups, capabilities, hides_processes, unit: Some(unit.name.clone()) }
    }

    /// The user whose rights they are.
    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    /// Whether one of its groups is this one.
    pub(super) fn is_in(&self, group: u32) -> bool {
        self.groups.contains(&group)
    }

    /// Whether it may read a file: the first file or directory on the way that keeps it from there.
    pub(super) fn to_read(&self, path: &Path) -> Way {
        self.to(path, READ)
    }

    /// The same for connecting to a Unix socket.
    pub(super) fn to_connect(&self, socket: &Path) -> Way {
        self.to(socket, WRITE)
    }

    fn to(&self, path: &Path, wanted: u32) -> Way {
        let mut way: Vec<(&Path, u32)> = path.ancestors().skip(1).map(|dir| (dir, SEARCH)).collect();
        way.reverse();
        way.push((path, wanted));
        for (place, wanted) in way {
            match place.metadata() {
                Ok(meta) if !self.may(&meta, wanted) => return Way::Shut(Blocker::new(place, &meta, wanted)),
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    return Way::Unseen(place.to_owned());
                }
                _ => {}
            }
        }
        Way::Open
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

/// The user that a unit runs as, and the groups that he is in by the system's own list.
fn user(unit: &Unit) -> (u32, Vec<u32>) {
    if unit.is_roots() {
        return (0, vec![0]);
    }
    let known = match unit.get("DynamicUser") {
        "yes" => None,
        _ => {
            let name = unit.get("User");
            let by_number = || name.parse().ok().and_then(|uid| User::from_uid(uid_of(uid)).ok().flatten());
            User::from_name(name).ok().flatten().or_else(by_number)
        }
    };
    let Some(user) = known else { return (UNKNOWN, Vec::new()) };
    let listed = CString::new(user.name.as_str()).ok().and_then(|name| getgrouplist(&name, user.gid).ok());
    let mut groups: Vec<u32> = listed.unwrap_or_default().iter().map(|group| group.as_raw()).collect();
    groups.push(group_id(unit.get("Group")).unwrap_or_else(|| user.gid.as_raw()));
    (user.uid.as_raw(), groups)
}

fn uid_of(uid: u32) -> nix::unistd::Uid {
    nix::unistd::Uid::from_raw(uid)
}

/// The number of a group that a unit names, by name or number; `None` where there is no such group.
pub(super) fn group_id(name: &str) -> Option<u32> {
    name.parse().ok().or_else(|| Some(Group::from_name(name).ok()??.gid.as_raw()))
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
    use super::super::golden;
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
        let stranger = Rights { uid: UNKNOWN, groups: vec![], ..parse(STATUS).unwrap() };
        let member = Rights { groups: vec![group], ..stranger.clone() };
        let shut_at = |way: Way| match way {
            Way::Shut(blocker) => Some(blocker.path),
            Way::Open | Way::Unseen(_) => None,
        };
        mode(&inner, 0o755);
        mode(&log, 0o640);
        assert_eq!(shut_at(stranger.to_read(&log)), Some(log.clone()));
        assert_eq!(member.to_read(&log), Way::Open);
        assert_eq!(shut_at(member.to_connect(&log)), Some(log.clone()));
        mode(&inner, 0o700);
        assert_eq!(shut_at(member.to_read(&log)), Some(inner));
        let root = Rights { capabilities: 1 << DAC_OVERRIDE, ..stranger.clone() };
        assert_eq!(root.to_read(&log), Way::Open);
        assert_eq!(stranger.to_read(&dir.path().join("none")), Way::Open, "the source says so itself");
    }

    #[test]
    fn what_a_unit_gives_is_told_by_its_settings() {
        let packaged = Rights::given(&golden::unit(golden::RUNNING));
        assert!(packaged.hides_processes && !packaged.counts_packets() && packaged.groups.is_empty());
        assert_eq!(packaged.uid, UNKNOWN);
        // Every Linux has these groups.
        let lines = "SupplementaryGroups=root daemon\nAmbientCapabilities=cap_net_raw\nProtectProc=default\n";
        let given = Rights::given(&golden::unit(&format!("{}{lines}", golden::RUNNING)));
        assert_eq!(given.groups, [0, group_id("daemon").unwrap()]);
        assert!(given.counts_packets() && !given.hides_processes && !given.has(DAC_OVERRIDE));
        let roots = "DynamicUser=no\nUser=\nCapabilityBoundingSet=cap_net_raw cap_dac_override\n";
        let given = Rights::given(&golden::unit(&format!("{}{roots}", golden::RUNNING)));
        assert!(given.uid == 0 && given.has(DAC_OVERRIDE) && given.counts_packets());
        let named = "DynamicUser=no\nUser=daemon\nGroup=daemon\n";
        let given = Rights::given(&golden::unit(&format!("{}{named}", golden::RUNNING)));
        assert!(given.uid != UNKNOWN && given.is_in(group_id("daemon").unwrap()));
        assert_eq!(group_id("no-such-group-here"), None);
    }
}
