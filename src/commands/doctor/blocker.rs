//! A file or directory whose mode keeps the agent out, and what lets it in.

use super::unit::Unit;
use nix::unistd::{Gid, Group, Uid, User};
use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// A drop-in that gives a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GroupDropIn {
    /// Its file.
    pub(super) file: &'static str,
    /// The group that it gives as it comes.
    pub(super) group: &'static str,
}

/// A file or directory that keeps the agent out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blocker {
    pub(super) path: PathBuf,
    pub(super) owner: String,
    pub(super) group: String,
    pub(super) gid: u32,
    pub(super) mode: u32,
    /// What is wanted of it, as the bits of one class of users.
    pub(super) wanted: u32,
    pub(super) is_socket: bool,
}

impl Blocker {
    pub(super) fn new(path: &Path, meta: &Metadata, wanted: u32) -> Self {
        let (uid, gid) = (meta.uid(), meta.gid());
        let owner = User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name);
        let group = Group::from_gid(Gid::from_raw(gid)).ok().flatten().map(|group| group.name);
        Blocker {
            path: path.to_owned(),
            owner: owner.unwrap_or_else(|| uid.to_string()),
            group: group.unwrap_or_else(|| gid.to_string()),
            gid,
            mode: meta.mode() & 0o7777,
            wanted,
            is_socket: meta.file_type().is_socket(),
        }
    }

    /// What lets the agent of a unit in: by its file's group, where `is_member` tells whether the unit gives that one already.
    pub(super) fn mend(&self, unit: Option<&Unit>, is_member: bool, drop_in: GroupDropIn) -> String {
        let (GroupDropIn { file, group: usual }, group) = (drop_in, &self.group);
        if let Some(unread) = unit.and_then(|unit| unit.unread(file)) {
            return not_read(unread);
        }
        let by_group = match unit.and_then(|unit| unit.drop_in(file)) {
            // The group of root's own files gives more than this file.
            _ if self.gid == 0 && self.wanted == 1 => {
                Some("have it elsewhere, such as below /var/log".to_owned())
            }
            _ if self.gid == 0 => {
                let path = self.path.display();
                Some(format!(
                    "give it a group of its own (`chgrp {usual} {path}`), and the unit that one: drop-in {file}"
                ))
            }
            _ if is_member => None,
            Some(installed) => {
                Some(format!("name its group in {}: SupplementaryGroups={group}", installed.display()))
            }
            None if group == usual => Some(format!("drop-in {file}")),
            None => Some(format!("drop-in {file}, with SupplementaryGroups={group} in the place of {usual}")),
        };
        let is_roots_dir = self.gid == 0 && self.wanted == 1;
        let by_mode =
            (!is_roots_dir && self.mode >> 3 & self.wanted != self.wanted).then(|| self.mode_mend());
        let mends: Vec<String> = by_mode.into_iter().chain(by_group).collect();
        mends.join("; ")
    }

    fn mode_mend(&self) -> String {
        let path = self.path.display();
        if self.is_socket {
            return "its mode does not let its group in: `mode 660` in HAProxy's `stats socket` line"
                .to_owned();
        }
        let letter = if self.wanted == 4 { "r" } else { "x" };
        let lasting = if self.wanted == 4 {
            ", and where it is made anew the same (logrotate's `create 0640 …`, the server's umask)"
        } else {
            ""
        };
        format!("its mode does not let its group in: `chmod g+{letter} {path}`{lasting}")
    }
}

/// What is to be said of a drop-in that is there, but does not count yet.
pub(super) fn not_read(drop_in: &Path) -> String {
    format!("{} is there, and systemd has not read it yet", drop_in.display())
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.wanted {
            2 => "to connect to",
            4 => "to read",
            _ => "to pass",
        };
        let Blocker { path, owner, group, mode, .. } = self;
        write!(f, "no right {what} {} (owner {owner}, group {group}, mode {mode:04o})", path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;

    const LOGS: GroupDropIn = GroupDropIn { file: "logs.conf", group: "adm" };

    fn blocker(group: &str, mode: u32) -> Blocker {
        Blocker {
            path: "/var/log/nginx/tls.log".into(),
            owner: "www-data".to_owned(),
            group: group.to_owned(),
            gid: 4,
            mode,
            wanted: 4,
            is_socket: false,
        }
    }

    #[test]
    fn what_is_missing_is_named_with_its_owner_its_group_and_its_mode() {
        assert_eq!(
            blocker("adm", 0o640).to_string(),
            "no right to read /var/log/nginx/tls.log (owner www-data, group adm, mode 0640)"
        );
    }

    #[test]
    fn a_drop_in_that_is_installed_is_not_named_as_missing() {
        let bare = golden::unit(golden::RUNNING);
        let installed = golden::unit(&format!("{}{}", golden::RUNNING, golden::WITHOUT_GROUP));
        let mend = |blocker: &Blocker, unit, is_member| blocker.mend(Some(unit), is_member, LOGS);
        assert_eq!(mend(&blocker("adm", 0o640), &bare, false), "drop-in logs.conf");
        assert_eq!(
            mend(&blocker("web", 0o640), &bare, false),
            "drop-in logs.conf, with SupplementaryGroups=web in the place of adm"
        );
        assert_eq!(
            mend(&blocker("web", 0o640), &installed, false),
            "name its group in /etc/systemd/system/highwater.service.d/logs.conf: SupplementaryGroups=web"
        );
        let shut = mend(&blocker("adm", 0o600), &installed, true);
        assert!(
            shut.contains("`chmod g+r /var/log/nginx/tls.log`") && shut.contains("create 0640"),
            "{shut}"
        );
        assert!(!shut.contains("drop-in") && !shut.contains("SupplementaryGroups"), "{shut}");
    }

    #[test]
    fn the_group_of_root_is_never_given_and_a_sockets_mode_is_haproxys_to_set() {
        let bare = golden::unit(golden::RUNNING);
        let roots = Blocker { gid: 0, ..blocker("root", 0o640) };
        let mend = roots.mend(Some(&bare), false, LOGS);
        assert!(mend.contains("chgrp adm") && !mend.contains("SupplementaryGroups=root"), "{mend}");
        let home = Blocker { wanted: 1, path: "/root".into(), ..blocker("root", 0o700) };
        let mend = Blocker { gid: 0, ..home }.mend(Some(&bare), false, LOGS);
        assert_eq!(mend, "have it elsewhere, such as below /var/log");
        let socket = Blocker { wanted: 2, is_socket: true, ..blocker("haproxy", 0o600) };
        let drop_in = GroupDropIn { file: "haproxy-socket.conf", group: "haproxy" };
        let mend = socket.mend(Some(&bare), false, drop_in);
        assert!(mend.contains("`mode 660`") && mend.ends_with("drop-in haproxy-socket.conf"), "{mend}");
        assert!(socket.to_string().starts_with("no right to connect to"), "{socket}");
    }
}
