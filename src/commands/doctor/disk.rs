//! Where the state directory is, and whether that lasts.

use super::service::Service;
use super::{Check, is_root};
use nix::sys::statfs::{FsType, OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC, statfs};
use std::io;
use std::path::Path;

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
    examined(path)
}

fn examined(path: &Path) -> Check {
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
    let Ok(stat) = statfs(existing) else { return Check::good(name, found) };
    if let Some(why) = forgets(stat.filesystem_type()) {
        return Check::bad(name, format!("{found}: {why}; set state_dir to a directory on a disk"));
    }
    let room = stat.blocks_available().saturating_mul(stat.block_size().unsigned_abs());
    if room < ROOM_MIN_BYTES {
        let room_mib = room >> 20;
        return Check::bad(
            name,
            format!("{found}, but its disk has {room_mib} MiB left: make room for 64 MiB"),
        );
    }
    Check::good(name, found)
}

/// Why what is kept on such a file system is lost.
fn forgets(kind: FsType) -> Option<&'static str> {
    match kind {
        TMPFS_MAGIC | RAMFS_MAGIC => Some("it is in memory, and gone with the next boot"),
        OVERLAYFS_SUPER_MAGIC => Some("it is in a container's layer (overlay), and gone with the container"),
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
            let check = examined(&shm.join("highwater"));
            assert!(!check.is_ok() && check.detail.contains("in memory"), "{}", check.detail);
        }
        assert!(forgets(OVERLAYFS_SUPER_MAGIC).is_some() && forgets(RAMFS_MAGIC).is_some());
        assert_eq!(forgets(nix::sys::statfs::EXT4_SUPER_MAGIC), None);
    }
}
