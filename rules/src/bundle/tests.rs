use super::*;
use crate::sign::{Identity, sha256};
use flate2::{Compress, Compression, Crc, FlushCompress};
use highwater_proto::v1::{self, Kind, bundle_record};
use proptest::prelude::*;
use prost::Message as _;

fn report(n: u64, bytes: usize) -> Record {
    // Bytes that can't be packed, as signatures and digests are.
    let noise: Vec<u8> =
        (0..bytes.div_ceil(32)).flat_map(|at| sha256(format!("{n} {at}").as_bytes()).0).take(bytes).collect();
    Record::Report(Identity::from_seed(&[1; 32]).seal(Kind::Report, noise))
}

fn some_records() -> Vec<Record> {
    let export = v1::Export { instance: "i".into(), nonce: vec![7; 32], reports: 4, ..v1::Export::default() };
    let export = Identity::from_seed(&[1; 32]).seal(Kind::Export, export.encode_to_vec());
    let mut records = vec![Record::Export(export)];
    records.extend((1..=4).map(|n| report(n, 300)));
    records
}

fn written(records: &[Record]) -> Vec<u8> {
    let mut writer = Writer::new();
    let mut bytes = Vec::new();
    for record in records {
        writer.put(record.clone()).unwrap();
        bytes.extend(writer.take());
    }
    bytes.extend(writer.finish());
    bytes
}

/// What comes out of a file that arrives in pieces of so many bytes, and how it ends.
fn read(bytes: &[u8], piece: usize) -> (Vec<Record>, Result<(), BundleError>) {
    read_by(Reader::new(), bytes, piece)
}

fn read_by(mut reader: Reader, bytes: &[u8], piece: usize) -> (Vec<Record>, Result<(), BundleError>) {
    let mut out = Vec::new();
    for piece in bytes.chunks(piece) {
        if reader.feed(piece, &mut out).is_err() {
            break;
        }
    }
    assert_eq!(reader.records(), out.len() as u64);
    (out, reader.finish())
}

/// A gzip member of any bytes.
fn packed(plain: &[u8]) -> Vec<u8> {
    let mut packer = Compress::new(Compression::fast(), false);
    let mut crc = Crc::new();
    crc.update(plain);
    let mut out = Vec::with_capacity(plain.len() + 1024);
    packer.compress_vec(plain, &mut out, FlushCompress::Finish).unwrap();
    let sums = [crc.sum().to_le_bytes(), crc.amount().to_le_bytes()].concat();
    [&GZIP_HEADER[..], &out, &sums].concat()
}

/// Records as they lie in the file, with no end.
fn plain(records: &[Record]) -> Vec<u8> {
    let mut plain = FIRST_LINE.to_vec();
    for record in records {
        let bytes = v1::BundleRecord { record: Some(record.clone()) }.encode_to_vec();
        plain.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
        plain.extend_from_slice(&bytes);
    }
    plain
}

fn with_end(mut plain: Vec<u8>, records: u64) -> Vec<u8> {
    let end = bundle_record::End { records, digest: sha256(&plain).0.to_vec() };
    let bytes = v1::BundleRecord { record: Some(Record::End(end)) }.encode_to_vec();
    plain.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
    plain.extend_from_slice(&bytes);
    plain
}

#[test]
fn what_was_written_is_read_again_however_it_is_cut_into_pieces() {
    for records in [vec![], some_records(), (0..400).map(|n| report(n, 900)).collect()] {
        let bytes = written(&records);
        for piece in [1, 2, 7, 63, 4096, usize::MAX] {
            assert_eq!(read(&bytes, piece), (records.clone(), Ok(())), "{piece}");
        }
    }
}

#[test]
fn the_same_records_give_the_same_bytes_and_any_gzip_unpacks_them() {
    let bytes = written(&some_records());
    assert_eq!(bytes, written(&some_records()));
    assert_eq!(bytes[..10], GZIP_HEADER);
    assert_eq!(read(&packed(&with_end(plain(&some_records()), 5)), 9), (some_records(), Ok(())));
}

#[test]
fn every_cut_file_gives_the_records_before_the_cut_and_says_after_which() {
    let records = some_records();
    let bytes = written(&records);
    let mut seen = 0;
    for length in 0..bytes.len() {
        let (out, end) = read(&bytes[..length], 64);
        assert_eq!(out, records[..out.len()], "{length}");
        assert_eq!(end, Err(BundleError::Cut { records: out.len() as u64 }), "{length}");
        assert!(out.len() >= seen, "{length}: a longer piece gives no less");
        seen = out.len();
    }
    assert_eq!(seen, records.len(), "all of them are there before the last byte is");
}

#[test]
fn a_flipped_bit_is_an_error_or_changes_nothing() {
    let records = some_records();
    let bytes = written(&records);
    let mut unnoticed = Vec::new();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            let (out, end) = read(&flipped, 4096);
            if end.is_ok() {
                assert_eq!(out, records, "byte {at}");
                unnoticed.push(at);
            }
        }
    }
    // The time and system in gzip's header say nothing; nor do the bits that fill up its last byte.
    let filled_up = bytes.len() - GZIP_TRAILER_BYTES - 1;
    assert!(unnoticed.iter().all(|at| (4..10).contains(at) || *at == filled_up), "{unnoticed:?}");
}

#[test]
fn something_else_is_told_from_a_bundle() {
    let newer = packed(b"highwater bundle 2\nwhatever comes then");
    assert_eq!(read(&newer, 5).1, Err(BundleError::Newer { version: 2 }));
    assert!(looks_like_one(&newer));
    assert!(looks_like_one(&written(&[])));
    let some = written(&some_records());
    assert!(looks_like_one(&some[..some.len().min(512)]));
    for other in [
        b"PK\x03\x04 a zip".to_vec(),
        b"eyJhbGciOiJFZERTQSJ9".to_vec(),
        packed(b"highwater bundles\n"),
        packed(b"highwater bundle 12345678901234567890\n"),
        packed(b"highwater bundle 0\n"),
        packed(b"highwater bundle 01\n"),
        packed(&vec![0; 4 << 20]),
    ] {
        assert_eq!(read(&other, 4096).1, Err(BundleError::NotOne));
        assert!(!looks_like_one(&other[..other.len().min(512)]));
    }
}

#[test]
fn what_stands_behind_the_end_is_named_and_not_read() {
    let good = written(&some_records());
    let doubled = [good.clone(), good].concat();
    assert_eq!(read(&doubled, 333), (some_records(), Err(BundleError::Trailing { records: 5 })));
    let inside = [with_end(plain(&some_records()), 5), vec![0; 9]].concat();
    assert_eq!(read(&packed(&inside), 333), (some_records(), Err(BundleError::Trailing { records: 5 })));
}

#[test]
fn records_taken_out_put_in_or_moved_are_noticed() {
    let records = some_records();
    let end = with_end(plain(&records), 5)[plain(&records).len()..].to_vec();
    let spoilt = |plain: Vec<u8>| read(&packed(&[plain, end.clone()].concat()), 4096).1;
    assert_eq!(spoilt(plain(&records)), Ok(()));
    let mut moved = records.clone();
    moved.swap(1, 2);
    assert!(matches!(spoilt(plain(&moved)), Err(BundleError::Damaged { records: 5, .. })));
    assert!(matches!(spoilt(plain(&records[..4])), Err(BundleError::Damaged { records: 4, .. })));
    let no_end = packed(&plain(&records));
    assert_eq!(read(&no_end, 4096), (records, Err(BundleError::Cut { records: 5 })));
}

#[test]
fn a_record_that_is_none_is_named_by_its_number() {
    for (what, tail) in [
        ("empty", &[0, 0, 0, 0][..]),
        ("of a kind to come", &[0, 0, 0, 2, 0xfa, 0x00][..]),
        ("no protobuf", &[0, 0, 0, 1, 0xff]),
        ("too long", &[0, 0x10, 0, 1]),
        ("far too long", &[0xff; 4]),
    ] {
        let (out, end) = read(&packed(&[&plain(&some_records())[..], tail].concat()), 4096);
        assert_eq!(out, some_records(), "{what}");
        assert!(matches!(end, Err(BundleError::Malformed { record: 6, .. })), "{what}: {end:?}");
    }
}

#[test]
fn a_bomb_is_refused_at_the_bound_and_nothing_of_it_is_kept() {
    let limits = Limits { packed: 1 << 20, unpacked: 8 << 20, records: 50 };
    // Records of a megabyte of zeros each: a thousandth of it packed.
    let zeros = |_| Record::Report(Identity::from_seed(&[1; 32]).seal(Kind::Report, vec![0; 1 << 19]));
    let bomb = packed(&plain(&(0..40).map(zeros).collect::<Vec<_>>()));
    assert!(bomb.len() < 1 << 17);
    let mut reader = Reader::within(limits);
    let (mut out, mut most, mut end) = (Vec::new(), 0, Ok(()));
    for piece in bomb.chunks(PIECE_BYTES) {
        end = reader.feed(piece, &mut out);
        most = most.max(out.iter().map(|_| 1 << 19).sum::<usize>());
        out.clear();
        if end.is_err() {
            break;
        }
    }
    assert_eq!(end, Err(BundleError::TooLong { records: 15, max: 8 << 20, unit: "bytes unpacked" }));
    assert!(most <= PIECE_BYTES * 1032, "{most} bytes from one piece");
    assert!(reader.plain.capacity() <= 2 * (RECORD_MAX_BYTES + 64 * 1024));

    let many = packed(&plain(&vec![report(1, 0); 60]));
    let (out, end) = read_by(Reader::within(limits), &many, 4096);
    assert_eq!((out.len(), end), (50, Err(BundleError::TooLong { records: 50, max: 50, unit: "records" })));

    let long = written(&(0..3).map(|n| report(n, 500_000)).collect::<Vec<_>>());
    let (_, end) = read_by(Reader::within(limits), &long, 4096);
    assert!(matches!(end, Err(BundleError::TooLong { max: 0x10_0000, unit: "bytes", .. })));
}

#[test]
fn a_full_bundle_takes_no_more_and_can_still_be_finished() {
    for (limits, unit) in [
        (Limits { packed: 2 << 20, ..LIMITS }, "bytes"),
        (Limits { unpacked: 1 << 20, ..LIMITS }, "bytes unpacked"),
        (Limits { records: 3, ..LIMITS }, "records"),
    ] {
        let mut writer = Writer::within(limits);
        let mut bytes = Vec::new();
        let mut put = Vec::new();
        let error = loop {
            let record = report(put.len() as u64, 9000);
            if let Err(error) = writer.put(record.clone()) {
                break error;
            }
            put.push(record);
            bytes.extend(writer.take());
        };
        assert!(matches!(error, BundleError::TooLong { unit: of, .. } if of == unit), "{error:?}");
        assert_eq!(writer.records(), put.len() as u64);
        bytes.extend(writer.finish());
        assert!(bytes.len() as u64 <= limits.packed);
        assert_eq!(read_by(Reader::within(limits), &bytes, 4096), (put, Ok(())), "{unit}");
    }
}

#[test]
fn only_the_writer_itself_puts_the_end_and_no_record_over_a_megabyte() {
    let mut writer = Writer::new();
    assert!(matches!(
        writer.put(Record::End(bundle_record::End::default())),
        Err(BundleError::Malformed { record: 1, .. })
    ));
    assert!(matches!(writer.put(report(1, RECORD_MAX_BYTES)), Err(BundleError::Malformed { record: 1, .. })));
    assert_eq!(read(&writer.finish(), 99), (vec![], Ok(())));
}

#[test]
fn zeros_are_damage_and_no_newer_highwaters() {
    let (out, end) = read(&packed(&[FIRST_LINE, &[0; 4000]].concat()), 99);
    assert!(out.is_empty());
    assert!(end.unwrap_err().to_string().contains("is damaged"));
}

proptest! {
    #[test]
    fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..400), piece in 1usize..100) {
        let _ = read(&bytes, piece);
        let behind_the_header = [&GZIP_HEADER[..], &bytes].concat();
        let _ = read(&behind_the_header, piece);
        let unpacked = packed(&[FIRST_LINE, &bytes].concat());
        let (_, end) = read(&unpacked, piece);
        prop_assert!(end.is_err());
        let _ = looks_like_one(&bytes);
    }

    #[test]
    fn a_broken_file_gives_nothing_but_an_error_at_its_end(
        at in any::<proptest::sample::Index>(), with in proptest::collection::vec(any::<u8>(), 0..9), drop in 0usize..9,
    ) {
        let bytes = written(&some_records());
        let at = at.index(bytes.len());
        let tail = bytes.get(at + drop..).unwrap_or_default();
        let broken = [&bytes[..at], &with, tail].concat();
        let (out, end) = read(&broken, 50);
        prop_assert!(end.is_err() || out == some_records());
    }

    #[test]
    fn any_sizes_and_pieces_come_through(sizes in proptest::collection::vec(0usize..5000, 0..40), piece in 1usize..9000) {
        let records: Vec<Record> = sizes.iter().enumerate().map(|(n, size)| report(n as u64, *size)).collect();
        prop_assert_eq!(read(&written(&records), piece), (records, Ok(())));
    }
}
