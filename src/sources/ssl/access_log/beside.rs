//! The files beside a log: what it was rotated to, and in which order.

use std::cmp::Reverse;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirEntryExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// How many names of a directory are looked at.
const NAMES_MAX: usize = 20_000;
/// How often the directory is read again while files are being renamed in it.
pub(super) const LOOKS: usize = 8;

/// Which of a log's rotated files one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Generation {
    /// Counted: 1 is the newest.
    Count(u32),
    /// Dated: the text of the date, which sorts.
    Date(Vec<u8>),
}

impl Generation {
    /// Which file of a log a name is: `access.log.2.gz`, `access.log-20261122`, `access-20261122.log`; `None` where it is none of
    /// that log's.
    #[must_use]
    pub(super) fn of(log: &OsStr, name: &OsStr) -> Option<(Self, bool)> {
        let (log, name) = (log.as_bytes(), name.as_bytes());
        let (name, compressed) = name.strip_suffix(b".gz").map_or((name, false), |plain| (plain, true));
        let suffix = name.strip_prefix(log).or_else(|| {
            // logrotate's `extension .log` puts the mark before it.
            let dot = memchr::memrchr(b'.', log).filter(|dot| *dot > 0)?;
            let (stem, extension) = log.split_at_checked(dot)?;
            name.strip_prefix(stem)?.strip_suffix(extension)
        })?;
        let (mark, digits) = suffix.split_first()?;
        if !matches!(mark, b'.' | b'-' | b'_') || !digits.first()?.is_ascii_digit() {
            return None;
        }
        if digits.len() <= 4 && digits.iter().all(u8::is_ascii_digit) {
            return Some((Generation::Count(std::str::from_utf8(digits).ok()?.parse().ok()?), compressed));
        }
        let is_date = digits.iter().all(|b| b.is_ascii_digit() || b"-_.:TZ+".contains(b));
        is_date.then(|| (Generation::Date(digits.to_vec()), compressed))
    }

    /// A key by which the newest sorts first.
    #[must_use]
    pub(super) fn age(&self) -> (u32, Reverse<Vec<u8>>) {
        match self {
            Generation::Count(count) => (*count, Reverse(Vec::new())),
            Generation::Date(date) => (0, Reverse(date.clone())),
        }
    }

    /// Whether it was rotated after another.
    #[must_use]
    pub(super) fn is_newer(&self, other: &Self) -> bool {
        match (self, other) {
            (Generation::Count(a), Generation::Count(b)) => a < b,
            (Generation::Date(a), Generation::Date(b)) => a > b,
            _ => false,
        }
    }
}

/// A file beside a log.
#[derive(Debug, Clone)]
pub(super) struct Sibling {
    /// Where.
    pub path: PathBuf,
    /// Its inode, when the directory was read.
    pub inode: u64,
    /// Which of the log's files it is, where its name tells.
    pub generation: Option<Generation>,
    /// Whether it is compressed.
    pub compressed: bool,
}

impl Sibling {
    /// Opens it; `None` where another file has its name by now, or none.
    ///
    /// # Errors
    /// When it can't be opened.
    pub(super) fn open(&self) -> io::Result<Option<File>> {
        match crate::files::open_regular(&self.path) {
            Ok(file) if file.metadata()?.ino() == self.inode => Ok(Some(file)),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The files beside a log that are its own, and whatever has this inode; the log itself is none of them.
///
/// # Errors
/// When the directory can't be read.
pub(super) fn siblings(log: &Path, inode: Option<u64>) -> io::Result<Vec<Sibling>> {
    let (Some(dir), Some(name)) = (log.parent(), log.file_name()) else { return Ok(Vec::new()) };
    let mut siblings = Vec::new();
    for entry in std::fs::read_dir(dir)?.take(NAMES_MAX) {
        let entry = entry?;
        let own = entry.file_name();
        let generation = Generation::of(name, &own);
        if own == name || (generation.is_none() && inode != Some(entry.ino())) {
            continue;
        }
        let (generation, compressed) = generation.map_or((None, false), |(g, gz)| (Some(g), gz));
        siblings.push(Sibling { path: entry.path(), inode: entry.ino(), generation, compressed });
    }
    // While one is being compressed, both are there: the one that is whole comes first.
    siblings.sort_by_key(|sibling| sibling.compressed);
    Ok(siblings)
}

/// The same, of a moment in which nothing was renamed: a directory that changes while it is read may hide a file.
///
/// # Errors
/// When the directory can't be read, or never comes to rest.
pub(super) fn at_rest(log: &Path, inode: Option<u64>) -> io::Result<Vec<Sibling>> {
    let mut before = siblings(log, inode)?;
    for _ in 0..LOOKS {
        let now = siblings(log, inode)?;
        if is_same(&before, &now) {
            return Ok(now);
        }
        before = now;
    }
    Err(being_rotated())
}

/// Whether two looks saw the same names of the same files.
#[must_use]
pub(super) fn is_same(a: &[Sibling], b: &[Sibling]) -> bool {
    let of = |siblings: &[Sibling]| {
        let mut names: Vec<(PathBuf, u64)> = siblings.iter().map(|s| (s.path.clone(), s.inode)).collect();
        names.sort();
        names
    };
    of(a) == of(b)
}

/// What is told where names move on under every look.
#[must_use]
pub(super) fn being_rotated() -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, "it is being rotated: it is read again with the next sample")
}

/// The files that were rotated after one of a generation, each once, newest first.
#[must_use]
pub(super) fn newer<'s>(siblings: &'s [Sibling], than: &Generation) -> Vec<&'s Sibling> {
    let mut newer: Vec<&Sibling> = Vec::new();
    for sibling in siblings {
        let Some(generation) = &sibling.generation else { continue };
        if generation.is_newer(than) && !newer.iter().any(|known| known.generation == sibling.generation) {
            newer.push(sibling);
        }
    }
    newer.sort_by_key(|sibling| sibling.generation.as_ref().map(Generation::age));
    newer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_in_which_order_files_were_rotated() {
        let of = |name: &str| Generation::of(OsStr::new("tls.log"), OsStr::new(name));
        let count = |n| Some((Generation::Count(n), false));
        assert_eq!(of("tls.log.1"), count(1));
        assert_eq!(of("tls.1.log"), count(1));
        assert_eq!(of("tls.log.12.gz"), Some((Generation::Count(12), true)));
        assert_eq!(of("tls.log-20261122"), Some((Generation::Date(b"20261122".to_vec()), false)));
        assert_eq!(of("tls-20261122.log.gz"), Some((Generation::Date(b"20261122".to_vec()), true)));
        assert_eq!(of("tls.log-2026-11-22_10:00").map(|(_, gz)| gz), Some(false));
        for other in [
            "tls.log",
            "tls.log.gz",
            "tls.log.swp",
            "tls.log.1.bak",
            "tls.logs.1",
            "nottls.log.1",
            "tls.log.",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
        let newer = |a: &str, b: &str| of(a).unwrap().0.is_newer(&of(b).unwrap().0);
        assert!(newer("tls.log.1", "tls.log.2.gz") && !newer("tls.log.10", "tls.log.9"));
        assert!(
            newer("tls.log-20261122", "tls.log-20261121.gz")
                && !newer("tls.log-20261121", "tls.log-20261121")
        );
    }
}
