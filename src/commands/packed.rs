//! Texts that the program carries compressed: build.rs packs them.

use crate::log::print;
use flate2::read::MultiGzDecoder;
use std::io::{self, Read as _};

/// Longer than any of them.
const TEXT_MAX_BYTES: u64 = 1 << 20;

/// Prints a text that was packed.
///
/// # Errors
/// When it can't be printed.
pub(super) fn print_packed(packed: &[u8]) -> io::Result<()> {
    let mut text = String::new();
    MultiGzDecoder::new(packed).take(TEXT_MAX_BYTES).read_to_string(&mut text)?;
    print(&text)
}

/// The packed text of a file's name.
macro_rules! packed {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz"))
    };
}
pub(super) use packed;
