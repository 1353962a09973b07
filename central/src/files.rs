//! Files: read bounded, and written whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// What can't be read or written, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct FilesError {
    path: PathBuf,
    source: io::Error,
}

impl FilesError {
    fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| FilesError { path, source }
    }

    /// Whether the user may not.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        self.source.kind() == io::ErrorKind::PermissionDenied
    }

    /// What the system said.
    #[must_use]
    pub fn source(&self) -> &io::Error {
        &self.source
    }

    /// Whether there is no such file.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

/// Reads a file of at most `max` bytes.
///
/// # Errors
/// When it can't be read, or is longer.
pub fn read_bounded(path: &Path, max: u64) -> Result<Vec<u8>, FilesError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(max.saturating_add(1)).read_to_end(&mut bytes));
    match read {
        Ok(length) if length as u64 <= max => Ok(bytes),
        Ok(_) => Err(FilesError::at(path)(io::Error::other(format!("longer than {max} bytes")))),
        Err(error) => Err(FilesError::at(path)(error)),
    }
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readable {
    /// Its owner.
    Owner,
    /// Everyone.
    All,
}

/// Writes a file: whoever opens it sees the old bytes or the new ones, after a power cut too.
///
/// # Errors
/// When it can't be written.
pub fn write_whole(path: &Path, bytes: &[u8], readable: Readable) -> Result<(), FilesError> {
    let mode = if readable == Readable::Owner { 0o600 } else { 0o644 };
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let write = || {
        // One that was left by a crash would keep its own mode.
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&new, path)?;
        path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    };
    write().map_err(FilesError::at(path))
}

/// Whether a file that a user named can be written: something is made first, and must not be lost for want of a place.
///
/// # Errors
/// When something is there that is no regular file, such as a device or a link, or its directory is not there.
pub fn check_named(path: &Path) -> Result<(), FilesError> {
    let dir = in_a_dir(path).parent().map_or_else(|| PathBuf::from("."), Path::to_owned);
    std::fs::metadata(&dir).map_err(FilesError::at(&dir))?;
    match std::fs::symlink_metadata(path) {
        Ok(there) if !there.is_file() => {
            let why = "something is there that is no regular file: name another file";
            Err(FilesError::at(path)(io::Error::other(why)))
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FilesError::at(path)(error)),
        _ => Ok(()),
    }
}

/// Writes a file that a user named, for its owner only: in the place of a regular file, or where nothing is.
///
/// # Errors
/// As [`check_named`], or when it can't be written.
pub fn write_named(path: &Path, bytes: &[u8]) -> Result<(), FilesError> {
    check_named(path)?;
    write_whole(&in_a_dir(path), bytes, Readable::Owner)
}

/// A file in the working directory has a directory, too.
fn in_a_dir(path: &Path) -> PathBuf {
    if path.is_absolute() { path.to_owned() } else { Path::new(".").join(path) }
}

/// Makes a directory that only its owner can enter, with those above it.
///
/// # Errors
/// When it can't be made.
pub fn make_private_dir(path: &Path) -> Result<(), FilesError> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(FilesError::at(path))
}

/// When a file was last changed, as a number that differs with each change; `None` where it can't be told.
#[must_use]
pub fn stamp(path: &Path) -> Option<(i64, i64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.mtime(), meta.mtime_nsec(), meta.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_secret_is_readable_by_its_owner_only_even_over_what_a_crash_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(dir.path().join("key.new"), "left").unwrap();
        write_whole(&path, b"secret", Readable::Owner).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read_bounded(&path, 6).unwrap(), b"secret");
        assert!(read_bounded(&path, 5).is_err());
    }

    #[test]
    fn a_named_file_takes_the_place_of_no_device_link_or_directory() {
        let dir = tempfile::tempdir().unwrap();
        let (link, file) = (dir.path().join("link"), dir.path().join("file"));
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        for path in [&link, dir.path(), Path::new("/dev/null")] {
            let refused = write_named(path, b"secret").unwrap_err().to_string();
            assert!(refused.contains("no regular file"), "{refused}");
        }
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        for _ in 0..2 {
            write_named(&file, b"secret").unwrap();
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
