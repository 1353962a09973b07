//! Whether a binary still carries symbols.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, bail};

const HEADER_BYTES: usize = 64;
const SECTION_BYTES: usize = 64;
/// A section that holds a symbol table, other than the one that dynamic linking needs.
const SYMBOL_TABLE: u32 = 2;
const MAGIC_64_BIT_LITTLE_ENDIAN: [u8; 6] = [0x7f, b'E', b'L', b'F', 2, 1];

/// Whether `binary` has no symbol table.
pub(super) fn is_stripped(binary: &Path) -> anyhow::Result<bool> {
    let mut file = File::open(binary).with_context(|| format!("cannot open {}", binary.display()))?;
    let mut header = [0; HEADER_BYTES];
    file.read_exact(&mut header).context("shorter than an ELF header")?;
    if !header.starts_with(&MAGIC_64_BIT_LITTLE_ENDIAN) {
        bail!("not a 64-bit little-endian ELF file");
    }
    let sections = u64::from_le_bytes(bytes(&header, 0x28)?);
    let count = u16::from_le_bytes(bytes(&header, 0x3c)?);
    file.seek(SeekFrom::Start(sections)).context("no section headers")?;
    for _ in 0..count {
        let mut section = [0; SECTION_BYTES];
        file.read_exact(&mut section).context("the section headers are cut short")?;
        if u32::from_le_bytes(bytes(&section, 4)?) == SYMBOL_TABLE {
            return Ok(false);
        }
    }
    Ok(true)
}

fn bytes<const N: usize>(header: &[u8], at: usize) -> anyhow::Result<[u8; N]> {
    header.get(at..at + N).and_then(|piece| piece.try_into().ok()).context("outside of the header")
}

#[cfg(test)]
mod tests {
    use super::is_stripped;

    #[test]
    fn a_test_binary_carries_its_symbols() {
        assert!(!is_stripped(&std::env::current_exe().unwrap()).unwrap());
    }
}
