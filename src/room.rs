//! How much room a file system has left.

use nix::sys::statvfs::statvfs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// What a ledger can't do without, in bytes: SQLite grows its files by pages, and the log is some 300 KiB from the start. With less
/// than this a file system is full.
const LEAST_BYTES: u64 = 1 << 20;

/// Whether so many bytes are too few for a ledger.
pub(crate) const fn is_none(left_bytes: u64) -> bool {
    left_bytes < LEAST_BYTES
}

/// What a directory's owner may still write there, in bytes: some file systems keep a share for root. `None` where it can't be
/// asked, and where the file system counts no blocks, as one in memory without a bound.
pub(crate) fn left(directory: &Path) -> Option<u64> {
    let stat = statvfs(directory).ok()?;
    let is_roots = directory.metadata().ok()?.uid() == 0;
    let blocks = if is_roots { stat.blocks_free() } else { stat.blocks_available() };
    (stat.blocks() > 0).then(|| blocks.saturating_mul(stat.fragment_size()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_blocks_has_some_and_what_counts_none_or_is_not_there_is_not_judged() {
        let dir = tempfile::tempdir().unwrap();
        assert!(left(dir.path()).is_some_and(|bytes| bytes > 0));
        assert_eq!(left(Path::new("/proc/self")), None);
        assert_eq!(left(&dir.path().join("nothing")), None);
        assert!(is_none(0) && is_none(LEAST_BYTES - 1) && !is_none(LEAST_BYTES));
    }
}
