//! Reading outside input: bounded, and without ever waiting for a writer. Making files that belong to the right one.

use std::fs::{self, File, FileType};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Component, Path, PathBuf};

/// What a buffer holds at first: more than the usual file of `/proc` gives, so that one read takes it whole.
const BUFFER_BYTES: usize = 8 * 1024;

/// The root of the file system that is metered: `/`, or where a host's is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root(PathBuf);

impl Root {
    /// The root at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Root(path.into())
    }

    /// Whether it is the agent's own root.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// Where a file below `proc` is that tells of the kernel as a whole, such as `proc/meminfo`: the agent's own where the root has
    /// the host's `/sys` alone, as a pod is given it. That is the same kernel's. A root without either is no host's.
    #[must_use]
    pub fn of_kernel(&self, path: impl AsRef<Path>) -> PathBuf {
        let has_sys_alone = !self.is_own() && !self.at("proc").exists() && self.at("sys").is_dir();
        if has_sys_alone { Root::new("/").at(path) } else { self.at(path) }
    }

    /// Where a path of the metered file system is for the agent; absolute ones lie below the root too.
    #[must_use]
    pub fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        let below = path.as_ref().components().filter(|c| !matches!(c, Component::RootDir));
        self.0.components().chain(below).collect()
    }
}

/// Reads a file of at most `max` bytes, as text.
///
/// # Errors
/// When it can't be opened or read, is longer than `max` bytes, or is no UTF-8. The error does not name the path.
pub fn read_bounded(path: &Path, max: usize) -> io::Result<String> {
    let mut bytes = Vec::new();
    read_into(path, &mut bytes, max)?;
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8"))
}

/// Reads a file of at most `max` bytes into a buffer that is used again and again.
///
/// It is opened, read once, read again to see its end, and closed: a short read of a file in `/proc` is no end, since the
/// kernel hands out a page at a time.
///
/// # Errors
/// When it can't be opened or read, or is longer than `max` bytes. The error does not name the path.
pub fn read_into(path: &Path, buffer: &mut Vec<u8>, max: usize) -> io::Result<()> {
    buffer.clear();
    buffer.reserve(BUFFER_BYTES.min(max.saturating_add(1)));
    open(path)?.take(max as u64 + 1).read_to_end(buffer)?;
    if buffer.len() > max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {max} bytes")));
    }
    Ok(())
}

/// Reads the head of a file with a single read: for what stands in a known place at its beginning, however long it is.
///
/// # Errors
/// When it can't be opened or read. The error does not name the path.
pub fn read_head<'a>(path: &Path, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let mut file = open(path)?;
    let length = loop {
        match file.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => break result?,
        }
    };
    Ok(buffer.get(..length).unwrap_or_default())
}

/// Whether an error says that there is no such file, rather than that it can't be read.
#[must_use]
pub fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Opens a regular file for reading.
///
/// # Errors
/// When it can't be opened, or is a directory, a device or a pipe. The error does not name the path.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let file = open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
}

/// Where a file that is named is written to: through links, and onto nothing but a regular file. A file that is put in the place of
/// a device takes the device away from all others.
///
/// # Errors
/// When something else is there than a regular file, or a link that leads to none. The error does not name the path.
pub fn target(path: &Path) -> io::Result<PathBuf> {
    let Ok(there) = path.symlink_metadata() else { return Ok(path.to_owned()) };
    let meant = path.metadata();
    let what = match &meant {
        Ok(meant) if !meant.is_file() => kind(&meant.file_type()),
        Ok(_) if there.is_symlink() => return path.canonicalize(),
        Ok(_) => return Ok(path.to_owned()),
        Err(_) => "a link that leads to nothing",
    };
    let link = if there.is_symlink() && meant.is_ok() { "a link to " } else { "" };
    let why = format!("it is {link}{what}, and only a regular file is written over: name another file");
    Err(io::Error::new(io::ErrorKind::InvalidInput, why))
}

/// Makes a file that is not there yet, for writing, with these permissions. It belongs to whom its directory does: root may act for
/// an agent that runs as someone else, and what it leaves must be that agent's.
///
/// # Errors
/// When it is there already, if only as a link, or can't be made. The error does not name the path.
pub(crate) fn create_new(path: &Path, mode: u32) -> io::Result<File> {
    let file = File::options().read(true).write(true).create_new(true).mode(mode).open(path)?;
    if nix::unistd::geteuid().is_root() {
        let of = fs::metadata(directory_of(path))?;
        // Root without the right to give a file away keeps it.
        let _ = fchown(&file, Some(of.uid()), Some(of.gid()));
    }
    Ok(file)
}

/// Like [`create_new`], in the place of what a process that did not come to its end has left there.
///
/// # Errors
/// When it can't be made, or what is there can't be removed. The error does not name the path.
pub(crate) fn create_anew(path: &Path, mode: u32) -> io::Result<File> {
    match create_new(path, mode) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            create_new(path, mode)
        }
        made => made,
    }
}

/// The directory that a file is in: the working directory, where it is a name alone.
pub(crate) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        parent => parent.unwrap_or(Path::new("/")),
    }
}

fn kind(kind: &FileType) -> &'static str {
    match () {
        () if kind.is_dir() => "a directory",
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    }
}

/// Opens a file for reading. A FIFO without a writer reads as empty instead of blocking, and no terminal becomes the agent's.
fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_name_alone_is_of_the_working_directory() {
        for (path, parent) in [("x", "."), ("a/x", "a"), ("/x", "/"), ("/", "/")] {
            assert_eq!(directory_of(Path::new(path)), Path::new(parent), "{path}");
        }
    }

    #[test]
    fn what_is_made_belongs_to_whom_its_directory_does_and_no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("other"), "x").unwrap();
        symlink("other", at("link")).unwrap();
        let is_root = nix::unistd::geteuid().is_root();
        let (uid, gid) = if is_root { (65532, 65531) } else { (dir.path().metadata().unwrap().uid(), 0) };
        if is_root {
            std::os::unix::fs::chown(dir.path(), Some(uid), Some(gid)).unwrap();
        }
        let made = create_new(&at("file"), 0o600).unwrap().metadata().unwrap();
        assert_eq!((made.uid(), made.mode() & 0o777), (uid, 0o600));
        assert!(!is_root || made.gid() == gid);
        for there in ["file", "link"] {
            let error = create_new(&at(there), 0o600).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{there}");
        }
        create_anew(&at("link"), 0o600).unwrap();
        assert_eq!(read_bounded(&at("other"), 10).unwrap(), "x");
        assert!(at("link").symlink_metadata().unwrap().is_file());
    }

    #[test]
    fn only_a_regular_file_is_written_over_and_a_link_is_followed_to_one() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "x").unwrap();
        nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        for (link, to) in [("link", "file"), ("far", "link"), ("dead", "none"), ("null", "/dev/null")] {
            symlink(to, at(link)).unwrap();
        }
        let real = at("file").canonicalize().unwrap();
        assert_eq!(target(&at("new")).unwrap(), at("new"));
        assert_eq!(target(&at("file")).unwrap(), at("file"));
        assert_eq!((target(&at("link")).unwrap(), target(&at("far")).unwrap()), (real.clone(), real));
        for (path, what) in [
            (at("dead"), "it is a link that leads to nothing,"),
            (at("null"), "it is a link to a device,"),
            (at("pipe"), "it is a pipe,"),
            (at("."), "it is a directory,"),
            (PathBuf::from("/dev/full"), "it is a device,"),
        ] {
            let error = target(&path).unwrap_err().to_string();
            assert!(error.starts_with(what), "{}: {error}", path.display());
        }
    }
}
