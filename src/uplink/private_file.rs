//! Small files of the state directory that are the agent's alone: there as a whole, or not at all.

use crate::files::{create_anew, directory_of, is_absent, read_bounded};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A file that is removed unless it has been put in its place.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // It may be in its place already; a stray one does no harm.
        let _ = fs::remove_file(&self.0);
    }
}

/// Reads a file; `None` where there is none.
pub(crate) fn read(path: &Path, max: usize) -> io::Result<Option<String>> {
    match read_bounded(path, max) {
        Ok(text) => Ok(Some(text)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes a file that is not there yet. Where it is, that one stays, and the error says so.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = written(path, bytes)?;
    match fs::hard_link(&temporary.0, path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        // A file system without links: what is there is looked for, which leaves a moment between.
        Err(_) if path.symlink_metadata().is_err() => fs::rename(&temporary.0, path)?,
        Err(_) => return Err(io::ErrorKind::AlreadyExists.into()),
    }
    sync_directory(path)
}

/// Makes a file, or puts it in the place of an older one.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = written(path, bytes)?;
    fs::rename(&temporary.0, path)?;
    sync_directory(path)
}

/// A file beside `path` that is on the disk, that only its owner may read, and that belongs to whom the directory does.
fn written(path: &Path, bytes: &[u8]) -> io::Result<Temporary> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = Temporary(PathBuf::from(name));
    let mut file = create_anew(&temporary.0, 0o600)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(temporary)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(directory_of(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn a_file_is_made_once_and_replaced_whole_and_nothing_stays_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        assert_eq!(read(&path, 10).unwrap(), None);
        create(&path, b"one").unwrap();
        assert_eq!(create(&path, b"two").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(read(&path, 10).unwrap().as_deref(), Some("one"));
        replace(&path, b"three").unwrap();
        assert_eq!(read(&path, 10).unwrap().as_deref(), Some("three"));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(read(&path, 3).is_err());
        assert!(create(&dir.path().join("none/x"), b"").is_err());
    }

    #[test]
    fn what_a_dead_process_left_beside_it_is_no_hindrance() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        fs::write(dir.path().join(format!("x.{}.tmp", std::process::id())), "half").unwrap();
        create(&path, b"whole").unwrap();
        assert_eq!(read(&path, 10).unwrap().as_deref(), Some("whole"));
    }
}
