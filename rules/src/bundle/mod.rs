//! The form of a bundle: a file that carries reports out of a site, or receipts and licences into it.
//!
//! One gzip member of a first line and records, each behind its length; the last record tells their number and digest.
//! docs/bundle.md tells it in full. What travels is signed record by record: the file itself is not, and whoever reads one believes
//! nothing of it but what those signatures say.
//!
//! [`Writer`] and [`Reader`] are pushed: they take and give bytes, and never hold more than a record and a window of the packing.

mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use highwater_proto::v1::bundle_record::Record;
pub use reader::{Reader, looks_like_one};
pub use writer::Writer;

/// The longest bundle, in bytes of the file.
pub const BUNDLE_MAX_BYTES: u64 = 64 * 1024 * 1024;
/// The longest bundle, in bytes once it is unpacked.
pub const UNPACKED_MAX_BYTES: u64 = 512 * 1024 * 1024;
/// The longest record, in bytes.
pub const RECORD_MAX_BYTES: usize = 1024 * 1024;
/// The most records of a bundle, the last one (`end`) not counted.
pub const RECORDS_MAX: u64 = 200_000;
/// The most reports that one `answer` record is about.
pub const ANSWER_MAX_REPORTS: usize = 200;
/// Feed a [`Reader`] no more bytes at once than this where memory matters: what comes out of them is then 4 MiB at most.
pub const PIECE_BYTES: usize = 4096;
/// What the name of a bundle's file ends with.
pub const EXTENSION: &str = "hwb";
/// How HTTP names a bundle.
pub const MEDIA_TYPE: &str = "application/vnd.highwater.bundle";

const FIRST_WORDS: &[u8] = b"highwater bundle ";
const FIRST_LINE: &[u8] = b"highwater bundle 1\n";
/// The longest first line that is looked at: a version of up to nine digits.
const FIRST_LINE_MAX_BYTES: usize = FIRST_WORDS.len() + 10;
const LENGTH_BYTES: usize = 4;
/// RFC 1952: magic, deflate, no flags, no time, no extra flags, unknown system.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
const GZIP_TRAILER_BYTES: usize = 8;

/// The bounds of a bundle. Tests have smaller ones.
#[derive(Debug, Clone, Copy)]
struct Limits {
    packed: u64,
    unpacked: u64,
    records: u64,
}

const LIMITS: Limits =
    Limits { packed: BUNDLE_MAX_BYTES, unpacked: UNPACKED_MAX_BYTES, records: RECORDS_MAX };

/// Why a bundle can't be read or written on, and after which record. Those before it may be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Something else.
    #[error("this is no bundle: it does not begin as one")]
    NotOne,
    /// A newer highwater made it.
    #[error("this is a bundle of version {version}, and only 1 is known here: update highwater")]
    Newer {
        /// Its version.
        version: u32,
    },
    /// It ends too early.
    #[error("the bundle is cut off after record {records}: carry it again, whole")]
    Cut {
        /// How many records came before.
        records: u64,
    },
    /// Its bytes are not those that were written.
    #[error("the bundle is damaged after record {records}: {what}; carry it again")]
    Damaged {
        /// How many records came before.
        records: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A record that can't be.
    #[error("the bundle's record {record} can't be read: {why}")]
    Malformed {
        /// Its number, from 1.
        record: u64,
        /// Why.
        why: String,
    },
    /// Something follows the last record.
    #[error("the bundle has bytes behind its end, after record {records}: nothing of them was read")]
    Trailing {
        /// How many records came before.
        records: u64,
    },
    /// It is longer than any may be.
    #[error("the bundle is too long: over {max} {unit}, after record {records}; make several")]
    TooLong {
        /// How many records came before.
        records: u64,
        /// The bound.
        max: u64,
        /// Of what.
        unit: &'static str,
    },
}
