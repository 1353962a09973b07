//! Reading outside input: bounded, and without ever waiting for a writer.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Reads a file of at most `max` bytes, as text.
///
/// # Errors
/// When it can't be opened or read, is longer than `max` bytes, or is no UTF-8. The error does not name the path.
pub fn read_bounded(path: &Path, max: usize) -> io::Result<String> {
    let mut text = String::new();
    open(path)?.take(max as u64 + 1).read_to_string(&mut text)?;
    if text.len() > max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {max} bytes")));
    }
    Ok(text)
}

/// Opens a file for reading. A FIFO without a writer reads as empty instead of blocking.
fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path)
}
