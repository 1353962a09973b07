//! Where the state directory is, and whether that lasts.

use super::needs::PROC;
use super::service::Service;
use super::{Check, is_root};
use crate::room;
use nix::sys::statfs::{FsType, OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC, statfs};
use std::io;
use std::path::{Path, PathBuf};

/// A file system in memory that `nix` has no name for (`linux/magic.h`).
const RAMFS_MAGIC: FsType = FsType(0x8584_58f6);
/// What a ledger may still grow by at least; more is kept than is needed, so that a full disk is told of before it is full.
const ROOM_MIN_BYTES: u64 = 64 << 20;

/// Whether the state directory can be written, is on a disk, and has room.
pub(super) fn state_dir(path: &Path, service: &Service) -> Check {
    let name = "state directory";
    if let Err(error) = path.metadata()
        && error.kind() == io::ErrorKind::PermissionDenied
        && !is_root()
    {
        return Check::unseen(name, format!("{}: {error}", path.display()));
    }
    if service.is_anothers {
        return Check::unseen(name, format!("{} is another user's", path.display()));
    }
    examined(path, &as_agent_sees(Path::new(PROC), service.agent.as_deref(), path))
}

/// Where an agent's own view of a directory is: its unit mounts what the host does not see, and may miss what the host mounts later.
fn as_agent_sees(proc: &Path, agent: Option<&str>, path: &Path) -> PathBuf {
    let own =
        agent.zip(path.strip_prefix("/").ok()).map(|(pid, below)| proc.join(pid).join("root").join(below));
    own.filter(|own| own.is_dir()).unwrap_or_else(|| path.to_owned())
}

/// `seen` is where the agent sees it.
fn examined(path: &Path, seen: &Path) -> Check {
    let name = "state directory";
    // The nearest directory that exists is where the agent would make it.
    let existing = path.ancestors().find(|p| p.is_dir()).unwrap_or(Path::new("/"));
    if let Err(errno) = nix::unistd::access(existing, nix::unistd::AccessFlags::W_OK) {
        return Check::bad(
            name,
            format!(
                "{} can't be written to ({}): give the agent's user the right, or set state_dir",
                existing.display(),
                errno.desc()
            ),
        );
    }
    let there = if existing == path { "writable" } else { "made at the first start" };
    let found = format!("{}, {there}", path.display());
    let seen = if existing == path { seen } else { existing };
    let wrong = [
        room::left(seen).and_then(lacks_room),
        statfs(seen).ok().and_then(|stat| forgets(stat.filesystem_type())).map(str::to_owned),
    ];
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    if wrong.is_empty() {
        Check::good(name, found)
    } else {
        Check::bad(name, format!("{found}, but {}", wrong.join("\n")))
    }
}

/// What to say where so few bytes are left.
fn lacks_room(left_bytes: u64) -> Option<String> {
    if room::is_none(left_bytes) {
        return Some(format!("no room: {} KiB free: make room on its file system", left_bytes >> 10));
    }
    (left_bytes < ROOM_MIN_BYTES).then(|| {
        let left_mib = left_bytes >> 20;
        format!("its file system has {left_mib} MiB free: make room for {} MiB", ROOM_MIN_BYTES >> 20)
    })
}

/// Why what is kept on such a file system is lost.
fn forgets(kind: FsType) -> Option<&'static str> {
    match kind {
        TMPFS_MAGIC | RAMFS_MAGIC => {
            Some("it is in memory, and gone with the next boot: set state_dir to a directory on a disk")
        }
        OVERLAYFS_SUPER_MAGIC => Some(
            "it is in a container's layer (overlay), and gone with the container: set state_dir to a directory on a disk",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_memory_or_in_a_containers_layer_is_told_of() {
        // Every Linux has a file system in memory here.
        let shm = Path::new("/dev/shm");
        if statfs(shm).is_ok_and(|stat| stat.filesystem_type() == TMPFS_MAGIC) {
            let path = shm.join("highwater");
            let check = examined(&path, &path);
            assert!(!check.is_ok() && check.detail.contains("in memory"), "{}", check.detail);
        }
        assert!(forgets(OVERLAYFS_SUPER_MAGIC).is_some() && forgets(RAMFS_MAGIC).is_some());
        assert_eq!(forgets(nix::sys::statfs::EXT4_SUPER_MAGIC), None);
    }
    #[test]
    fn a_full_disk_is_told_of_and_one_that_soon_will_be() {
        assert_eq!(lacks_room(0).unwrap(), "no room: 0 KiB free: make room on its file system");
        assert!(lacks_room((1 << 20) - 1).unwrap().starts_with("no room: 1023 KiB free"));
        let little = "its file system has 63 MiB free: make room for 64 MiB";
        assert_eq!(lacks_room(ROOM_MIN_BYTES - 1).unwrap(), little);
        assert_eq!(lacks_room(ROOM_MIN_BYTES), None);
    }

    #[test]
    fn a_directory_is_looked_at_as_the_agent_sees_it_where_that_can_be_seen() {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("93/root/var/lib/highwater");
        std::fs::create_dir_all(&own).unwrap();
        let path = Path::new("/var/lib/highwater");
        assert_eq!(as_agent_sees(dir.path(), Some("93"), path), own);
        assert_eq!(as_agent_sees(dir.path(), Some("94"), path), path);
        assert_eq!(as_agent_sees(dir.path(), None, path), path);
    }
}
