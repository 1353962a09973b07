//! A file in the making: beside its place until it is whole, and only its owner may read it.

use super::error::OutputError;
use crate::files::{create_anew, target};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Where a bundle is written to.
#[derive(Debug)]
pub struct Output {
    target: Target,
    bytes: u64,
}

#[derive(Debug)]
enum Target {
    Stdout,
    File { path: PathBuf, temporary: Temporary, file: File, may_replace: bool },
}

/// A file that is removed unless it has been put in its place.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // It may be in its place already; a stray one does no harm.
        let _ = fs::remove_file(&self.0);
    }
}

impl Output {
    /// Begins a file; `-` is standard output. One that is there is replaced only where it may be, and only once the new one is whole.
    ///
    /// # Errors
    /// When it is there and may not be replaced, is there and no regular file, or can't be made.
    pub fn create(path: &Path, may_replace: bool) -> Result<Self, OutputError> {
        if path == Path::new("-") {
            return Ok(Output { target: Target::Stdout, bytes: 0 });
        }
        let failed = |source| OutputError::Io { path: path.to_owned(), source };
        let target = target(path).map_err(failed)?;
        if !may_replace && path.symlink_metadata().is_ok() {
            return Err(OutputError::Exists { path: path.to_owned() });
        }
        let path = target;
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let beside = PathBuf::from(name);
        // In a state directory it is the agent's to read, too.
        let file = create_anew(&beside, 0o600).map_err(failed)?;
        let temporary = Temporary(beside);
        Ok(Output { target: Target::File { path, temporary, file, may_replace }, bytes: 0 })
    }

    /// Writes on.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        let (path, written) = match &mut self.target {
            Target::Stdout => (Path::new("standard output"), io::stdout().lock().write_all(bytes)),
            Target::File { path, file, .. } => (path.as_path(), file.write_all(bytes)),
        };
        written.map_err(|source| OutputError::Io { path: path.to_owned(), source })?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Puts the whole file in its place, on the disk. Gives how many bytes it has.
    ///
    /// # Errors
    /// When it can't be, or one has come there meanwhile that may not be replaced.
    pub fn finish(self) -> Result<u64, OutputError> {
        match self.target {
            Target::Stdout => io::stdout()
                .flush()
                .map_err(|source| OutputError::Io { path: "standard output".into(), source })?,
            Target::File { path, temporary, file, may_replace } => {
                let failed = |source| OutputError::Io { path: path.clone(), source };
                file.sync_all().map_err(failed)?;
                put(&temporary.0, &path, may_replace).map_err(|error| match error.kind() {
                    io::ErrorKind::AlreadyExists => OutputError::Exists { path: path.clone() },
                    _ => failed(error),
                })?;
                let directory = match path.parent() {
                    Some(parent) if parent != Path::new("") => parent,
                    _ => Path::new("."),
                };
                // The file is there and whole; where the directory can't be synced, as on some carriers, that is all there is.
                let _ = File::open(directory).and_then(|directory| directory.sync_all());
            }
        }
        Ok(self.bytes)
    }
}

fn put(from: &Path, to: &Path, may_replace: bool) -> io::Result<()> {
    if may_replace {
        // Something else may have come there meanwhile.
        return fs::rename(from, target(to)?);
    }
    match fs::hard_link(from, to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // A file system without links, as a stick's: what is there is looked for, which leaves a moment between.
        Err(_) if to.symlink_metadata().is_err() => fs::rename(from, to),
        Err(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::read_bounded;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_is_there_whole_or_not_at_all_and_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.hwb");
        let mut output = Output::create(&path, false).unwrap();
        output.write(b"one").unwrap();
        assert!(!path.exists());
        output.write(b"two").unwrap();
        assert_eq!(output.finish().unwrap(), 6);
        assert_eq!(read_bounded(&path, 99).unwrap(), "onetwo");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        drop(Output::create(&dir.path().join("given-up"), false).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn no_device_is_replaced_and_a_link_stays_one() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "before").unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        assert!(matches!(Output::create(&link, false), Err(OutputError::Exists { .. })));
        let mut output = Output::create(&link, true).unwrap();
        output.write(b"after").unwrap();
        output.finish().unwrap();
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(read_bounded(&file, 99).unwrap(), "after");
        let pipe = dir.path().join("pipe");
        for may_replace in [false, true] {
            assert!(Output::create(Path::new("/dev/null"), may_replace).unwrap_err().is_usage());
            let mut output = Output::create(&pipe, true).unwrap();
            output.write(b"x").unwrap();
            nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
            assert!(output.finish().unwrap_err().is_usage(), "it came meanwhile");
            fs::remove_file(&pipe).unwrap();
        }
    }

    #[test]
    fn what_is_there_stays_unless_it_may_be_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.hwb");
        let begun = Output::create(&path, false).unwrap();
        fs::write(&path, "before").unwrap();
        assert!(matches!(Output::create(&path, false), Err(OutputError::Exists { .. })));
        assert!(matches!(begun.finish(), Err(OutputError::Exists { .. })), "it came meanwhile");
        assert_eq!(read_bounded(&path, 99).unwrap(), "before");
        let mut output = Output::create(&path, true).unwrap();
        output.write(b"after").unwrap();
        assert_eq!(read_bounded(&path, 99).unwrap(), "before");
        output.finish().unwrap();
        assert_eq!(read_bounded(&path, 99).unwrap(), "after");
    }
}
