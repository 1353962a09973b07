//! Records to a bundle's bytes.

use super::{BundleError, FIRST_LINE, GZIP_HEADER, LENGTH_BYTES, LIMITS, Limits, RECORD_MAX_BYTES, Record};
use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use highwater_proto::v1::{BundleRecord, bundle_record::End};
use prost::Message as _;
use sha2::{Digest as _, Sha256};

/// What the packing may still hold back when its output is counted, in bytes.
const HELD_BACK_BYTES: u64 = 512 * 1024;
/// How hard it is packed. Most of a bundle is signatures and digests, which can't be: the best packing takes off a tenth more of
/// ninety days of reports, and more than twice the time.
const PACKING: Compression = Compression::new(1);
/// What the packing writes into at least, in bytes.
const ROOM_BYTES: usize = 32 * 1024;

/// Writes a bundle. The same records always give the same bytes.
pub struct Writer {
    packer: Compress,
    crc: Crc,
    digest: Sha256,
    ready: Vec<u8>,
    records: u64,
    unpacked: u64,
    limits: Limits,
}

impl Default for Writer {
    fn default() -> Self {
        Writer::new()
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("records", &self.records).field("unpacked", &self.unpacked).finish()
    }
}

impl Writer {
    /// An empty bundle.
    #[must_use]
    pub fn new() -> Self {
        Writer::within(LIMITS)
    }

    pub(super) fn within(limits: Limits) -> Self {
        let mut writer = Writer {
            packer: Compress::new(PACKING, false),
            crc: Crc::new(),
            digest: Sha256::new(),
            ready: GZIP_HEADER.to_vec(),
            records: 0,
            unpacked: 0,
            limits,
        };
        writer.pack(FIRST_LINE);
        writer
    }

    /// How many records were put.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Puts a record behind the others.
    ///
    /// # Errors
    /// When it is longer than a record may be, when the bundle is full ([`BundleError::TooLong`]: the bundle is as it was before, and
    /// can be finished), or when it is `end`, which [`Writer::finish`] puts.
    pub fn put(&mut self, record: Record) -> Result<(), BundleError> {
        let malformed = |why: &str| BundleError::Malformed { record: self.records + 1, why: why.to_owned() };
        if matches!(record, Record::End(_)) {
            return Err(malformed("it is the last one, which is put by itself"));
        }
        let bytes = BundleRecord { record: Some(record) }.encode_to_vec();
        if bytes.len() > RECORD_MAX_BYTES {
            return Err(malformed("it is longer than 1 MiB"));
        }
        let added = (LENGTH_BYTES + bytes.len()) as u64;
        let full = |max, unit| BundleError::TooLong { records: self.records, max, unit };
        if self.records >= self.limits.records {
            return Err(full(self.limits.records, "records"));
        }
        // The last record needs room, too.
        if self.unpacked + added + 1024 > self.limits.unpacked {
            return Err(full(self.limits.unpacked, "bytes unpacked"));
        }
        if self.packer.total_out() + added + HELD_BACK_BYTES > self.limits.packed {
            return Err(full(self.limits.packed, "bytes"));
        }
        self.write(&bytes);
        self.records += 1;
        Ok(())
    }

    /// The bytes that are ready to be written to the file, since it was asked last.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.ready)
    }

    /// Ends the bundle: the rest of its bytes.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        let digest = self.digest.clone().finalize().to_vec();
        let end = Record::End(End { records: self.records, digest });
        let bytes = BundleRecord { record: Some(end) }.encode_to_vec();
        self.write(&bytes);
        self.run(&[], FlushCompress::Finish);
        self.ready.extend_from_slice(&self.crc.sum().to_le_bytes());
        self.ready.extend_from_slice(&self.crc.amount().to_le_bytes());
        self.ready
    }

    fn write(&mut self, record: &[u8]) {
        // A record is at most 1 MiB long.
        let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
        self.pack(&length.to_be_bytes());
        self.pack(record);
    }

    fn pack(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
        self.digest.update(bytes);
        self.unpacked += bytes.len() as u64;
        self.run(bytes, FlushCompress::None);
    }

    fn run(&mut self, mut bytes: &[u8], flush: FlushCompress) {
        loop {
            self.ready.reserve(ROOM_BYTES);
            let (before_in, before_out) = (self.packer.total_in(), self.packer.total_out());
            let status = self.packer.compress_vec(bytes, &mut self.ready, flush);
            let read = usize::try_from(self.packer.total_in() - before_in).unwrap_or(usize::MAX);
            bytes = bytes.get(read..).unwrap_or_default();
            let is_still = read == 0 && self.packer.total_out() == before_out;
            match status {
                Ok(Status::StreamEnd) => return,
                Ok(_) if matches!(flush, FlushCompress::None) && bytes.is_empty() => return,
                // Packing fails only where it is asked for nonsense: it has room, and what it is to do.
                Ok(_) if is_still => return,
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }
}
