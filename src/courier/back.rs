//! What was kept, as one bundle; as several, where one has no room for it.

use super::CourierError;
use super::kept::Kept;
use crate::files;
use highwater_rules::bundle::{BundleError, PIECE_BYTES, Reader, Record, Writer};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// A bundle that is being written, beside the place that it is put into.
struct Part {
    writer: Writer,
    file: File,
    temporary: PathBuf,
    path: PathBuf,
}

/// Writes all answers: what is at `back` then is there as a whole. Gives the names of the bundles.
pub(super) fn write(kept: &Kept, back: &Path) -> Result<Vec<PathBuf>, CourierError> {
    let mut done: Vec<(PathBuf, PathBuf)> = Vec::new();
    let mut part = Part::begin(back)?;
    for number in 0..kept.answers() {
        let Some(answer) = kept.answer(number)? else { break };
        if part.add(&answer)? {
            continue;
        }
        // It is full: all of this answer goes into the next one. What of it stands in this one is no harm, as importing a receipt
        // twice is none.
        done.push(part.finish()?);
        part = Part::begin(&numbered(back, done.len() + 1))?;
        part.add(&answer)?;
    }
    done.push(part.finish()?);
    let mut names = Vec::new();
    for (temporary, path) in done {
        std::fs::rename(&temporary, target(&path)?)
            .map_err(|source| CourierError::io(&path, "written", source))?;
        names.push(path);
    }
    sync_directory(back).map_err(|source| CourierError::io(back, "written", source))?;
    Ok(names)
}

/// Where a bundle of this name is put.
pub(super) fn target(path: &Path) -> Result<PathBuf, CourierError> {
    files::target(path).map_err(|source| CourierError::io(path, "written", source))
}

/// `receipts.hwb`, then `receipts-2.hwb`.
fn numbered(back: &Path, number: usize) -> PathBuf {
    let mut name = back.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = back.extension() {
        name.push(".");
        name.push(extension);
    }
    back.with_file_name(name)
}

impl Part {
    fn begin(path: &Path) -> Result<Self, CourierError> {
        let path = target(path)?;
        let mut name = OsString::from(&path);
        name.push(".tmp");
        let temporary = PathBuf::from(name);
        // One of an earlier run that was cut; this run holds the lock on what it is made of.
        let _ = std::fs::remove_file(&temporary);
        let file = File::options().write(true).create_new(true).mode(0o600).open(&temporary);
        let file = file.map_err(|source| CourierError::io(&temporary, "written", source))?;
        Ok(Part { writer: Writer::new(), file, temporary, path })
    }

    /// Adds an answer; `false` where there is no room for all of it.
    fn add(&mut self, answer: &[u8]) -> Result<bool, CourierError> {
        let mut reader = Reader::new();
        for piece in answer.chunks(PIECE_BYTES) {
            let mut records: Vec<Record> = Vec::new();
            // Its form was looked at before it was kept.
            let _ = reader.feed(piece, &mut records);
            for record in records {
                match self.writer.put(record) {
                    Err(BundleError::TooLong { .. }) => return Ok(false),
                    _ => self.flush()?,
                }
            }
        }
        Ok(true)
    }

    fn flush(&mut self) -> Result<(), CourierError> {
        let bytes = self.writer.take();
        self.file.write_all(&bytes).map_err(|source| CourierError::io(&self.temporary, "written", source))
    }

    /// Ends it: the temporary file is on the disk.
    fn finish(mut self) -> Result<(PathBuf, PathBuf), CourierError> {
        let rest = self.writer.finish();
        let written = self.file.write_all(&rest).and_then(|()| self.file.sync_all());
        written.map_err(|source| CourierError::io(&self.temporary, "written", source))?;
        Ok((self.temporary, self.path))
    }
}

/// Makes durable which files a file's directory holds.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_bundles_are_numbered_before_the_extension() {
        assert_eq!(numbered(Path::new("/a/back.hwb"), 2), Path::new("/a/back-2.hwb"));
        assert_eq!(numbered(Path::new("back"), 3), Path::new("back-3"));
    }
}
