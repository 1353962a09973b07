//! The file's text: read within bounds, and where in it something stands.

use super::mistakes::{Fault, Mistakes, Place};
use crate::files;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The longest configuration file.
pub(super) const FILE_MAX_BYTES: usize = 1 << 20;

/// A configuration file's text.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) path: PathBuf,
    pub(super) text: String,
    /// Where each line begins, in bytes.
    lines: Vec<usize>,
}

impl Document {
    pub(super) fn new(path: &Path, text: String) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Document { path: path.to_owned(), text, lines }
    }

    /// Reads the file, or says why it can't be read.
    pub(super) fn read(path: &Path, mistakes: &mut Mistakes) -> Option<Self> {
        let error = match files::read_bounded(path, FILE_MAX_BYTES) {
            Ok(text) => return Some(Document::new(path, text)),
            Err(error) => error,
        };
        let (place, fault) = match error.kind() {
            io::ErrorKind::InvalidData => not_utf8(path),
            io::ErrorKind::FileTooLarge => {
                (Place::Path(path.to_owned()), Fault::new(error.to_string(), "name the right file"))
            }
            _ => (
                Place::Path(path.to_owned()),
                Fault::new(
                    format!("the file can't be read: {error}"),
                    "name a file that exists and that the agent's user may read",
                ),
            ),
        };
        mistakes.push(place, fault);
        None
    }

    /// Where a span of bytes begins.
    pub(super) fn place(&self, span: &Range<usize>) -> Place {
        let line = self.lines.partition_point(|start| *start <= span.start).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or(0);
        let before = self.text.as_bytes().get(start..span.start).unwrap_or_default();
        Place::File { path: self.path.clone(), line, column: 1 + characters(before) }
    }
}

/// The characters of UTF-8: all bytes but those that continue one.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|b| (**b & 0b1100_0000) != 0b1000_0000).count()
}

/// Finds the first byte that is no UTF-8. The file is read again for it: whoever reads text need not keep bytes.
fn not_utf8(path: &Path) -> (Place, Fault) {
    let fault = |byte: &str| {
        Fault::new(
            format!("the file is no UTF-8{byte}"),
            "save it as UTF-8; non-ASCII belongs only in comments",
        )
    };
    let mut bytes = Vec::new();
    let open = File::options().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path);
    let read = open.and_then(|f| f.take(FILE_MAX_BYTES as u64).read_to_end(&mut bytes));
    let (Ok(_), Err(error)) = (read, std::str::from_utf8(&bytes)) else {
        return (Place::Path(path.to_owned()), fault(""));
    };
    let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
    let line = 1 + before.iter().filter(|b| **b == b'\n').count();
    let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let column = 1 + characters(before.get(start..).unwrap_or_default());
    let byte = bytes.get(error.valid_up_to()).map(|b| format!(": byte 0x{b:02x}")).unwrap_or_default();
    (Place::File { path: path.to_owned(), line, column }, fault(&byte))
}
