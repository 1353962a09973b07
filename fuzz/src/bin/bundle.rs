//! A file that was carried here: any bytes, in pieces of any size, give records or an error, and never more than the bounds allow.
#![no_main]

use highwater::bundle::read_bytes;
use highwater_rules::bundle::{Reader, Writer, looks_like_one};
use libfuzzer_sys::fuzz_target;

const INSTANCE: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

/// The first line of a bundle, and what the fuzzer says behind it, packed as a writer would: it rarely finds a checksum by itself.
fn packed(plain: &[u8]) -> Vec<u8> {
    // A stored block of deflate, and no checksum: the reader complains of that at the very end.
    let plain = [b"highwater bundle 1\n", plain].concat();
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    for block in plain.chunks(0xffff) {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        packed.push(0);
        packed.extend(length.to_le_bytes());
        packed.extend((!length).to_le_bytes());
        packed.extend(block);
    }
    packed
}

fn read(bytes: &[u8], piece: usize) -> usize {
    let (mut reader, mut records) = (Reader::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        if reader.feed(piece, &mut records).is_err() {
            break;
        }
    }
    let mut writer = Writer::new();
    for record in &records {
        let _ = writer.put(record.clone());
    }
    let (mut again, mut same) = (Reader::new(), Vec::new());
    again.feed(&writer.finish(), &mut same).expect("what was read can be written and read again");
    again.finish().expect("whole");
    assert_eq!(same, records);
    records.len()
}

fuzz_target!(|data: &[u8]| {
    let Some((piece, bytes)) = data.split_first() else { return };
    let piece = usize::from(*piece) + 1;
    let _ = looks_like_one(bytes);
    read(bytes, piece);
    let packed = packed(bytes);
    assert_eq!(read(&packed, piece), read(&packed, usize::MAX), "pieces make no difference");
    let incoming = read_bytes(&packed, INSTANCE);
    assert!(incoming.error.is_some() || incoming.replies.is_empty());
});
