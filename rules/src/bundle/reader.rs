//! A bundle's bytes, in any pieces, to its records.

use super::{
    BundleError, FIRST_LINE, FIRST_LINE_MAX_BYTES, FIRST_WORDS, GZIP_HEADER, GZIP_TRAILER_BYTES,
    LENGTH_BYTES, LIMITS, Limits, RECORD_MAX_BYTES, Record,
};
use flate2::{Crc, Decompress, FlushDecompress, Status};
use highwater_proto::v1::BundleRecord;
use prost::Message as _;
use sha2::{Digest as _, Sha256};

/// What is unpacked at once, in bytes.
const UNPACK_BYTES: usize = 32 * 1024;
/// Bytes of the gzip header that are the same in every member that is read: magic, deflate, no flags. The time and the system's
/// name behind them are not looked at.
const GZIP_FIXED_BYTES: usize = 4;

/// Reads a bundle. What has come out of it before an error may be used: each record's own signature tells what it is worth.
pub struct Reader {
    state: State,
    unpacker: Decompress,
    crc: Crc,
    digest: Sha256,
    /// What was unpacked, and is no whole record yet.
    pub(super) plain: Vec<u8>,
    packed: u64,
    unpacked: u64,
    records: u64,
    failed: Option<BundleError>,
    limits: Limits,
}

enum State {
    Header(Vec<u8>),
    FirstLine,
    Records,
    /// The last record has come.
    Ended,
    Trailer(Vec<u8>),
    Done,
}

impl Default for Reader {
    fn default() -> Self {
        Reader::new()
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("records", &self.records)
            .field("packed", &self.packed)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

impl Reader {
    /// A reader that has read nothing.
    #[must_use]
    pub fn new() -> Self {
        Reader::within(LIMITS)
    }

    pub(super) fn within(limits: Limits) -> Self {
        Reader {
            state: State::Header(Vec::new()),
            unpacker: Decompress::new(false),
            crc: Crc::new(),
            digest: Sha256::new(),
            plain: Vec::new(),
            packed: 0,
            unpacked: 0,
            records: 0,
            failed: None,
            limits,
        }
    }

    /// How many records have come out, `end` not counted.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Takes the file's next bytes, and puts the records that they complete behind those in `out`; `end` is not among them.
    ///
    /// # Errors
    /// When the bundle can't be read on: at the first bad place. Later calls give the same error. The records that came out before
    /// it may be used.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<Record>) -> Result<(), BundleError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let fed = self.take(bytes, out);
        if let Err(error) = &fed {
            self.failed = Some(error.clone());
        }
        fed
    }

    /// Whether the whole bundle was read: to be asked at the end of the file.
    ///
    /// # Errors
    /// [`BundleError::Cut`] where the file ended too early; what [`Reader::feed`] failed with, where it did.
    pub fn finish(&self) -> Result<(), BundleError> {
        match (&self.failed, &self.state) {
            (Some(error), _) => Err(error.clone()),
            (None, State::Done) => Ok(()),
            (None, _) => Err(BundleError::Cut { records: self.records }),
        }
    }

    fn take(&mut self, mut bytes: &[u8], out: &mut Vec<Record>) -> Result<(), BundleError> {
        self.packed = self.packed.saturating_add(bytes.len() as u64);
        let is_too_long = self.packed > self.limits.packed;
        while !bytes.is_empty() {
            bytes = match &mut self.state {
                State::Header(header) => {
                    let rest = fill(header, GZIP_HEADER.len(), bytes);
                    let known = header.len().min(GZIP_FIXED_BYTES);
                    if header.get(..known) != GZIP_HEADER.get(..known) {
                        return Err(BundleError::NotOne);
                    }
                    if header.len() == GZIP_HEADER.len() {
                        self.state = State::FirstLine;
                    }
                    rest
                }
                // What is too long is refused before it is unpacked.
                _ if is_too_long => return Err(self.too_long(self.limits.packed, "bytes")),
                State::FirstLine | State::Records | State::Ended => self.unpack(bytes, out)?,
                State::Trailer(trailer) => {
                    let rest = fill(trailer, GZIP_TRAILER_BYTES, bytes);
                    if trailer.len() == GZIP_TRAILER_BYTES {
                        let sums = [self.crc.sum().to_le_bytes(), self.crc.amount().to_le_bytes()].concat();
                        if *trailer != sums {
                            return Err(self.damaged("its checksum does not fit"));
                        }
                        self.state = State::Done;
                    }
                    rest
                }
                State::Done => return Err(BundleError::Trailing { records: self.records }),
            };
        }
        Ok(())
    }

    /// Unpacks until the bytes or the packed stream end; gives the bytes behind it.
    fn unpack<'b>(&mut self, mut bytes: &'b [u8], out: &mut Vec<Record>) -> Result<&'b [u8], BundleError> {
        let mut plain = vec![0; UNPACK_BYTES];
        loop {
            let (before_in, before_out) = (self.unpacker.total_in(), self.unpacker.total_out());
            let status = self.unpacker.decompress(bytes, &mut plain, FlushDecompress::None);
            let read = usize::try_from(self.unpacker.total_in() - before_in).unwrap_or(usize::MAX);
            let made = usize::try_from(self.unpacker.total_out() - before_out).unwrap_or(usize::MAX);
            bytes = bytes.get(read..).unwrap_or_default();
            self.plain(plain.get(..made).unwrap_or_default(), out)?;
            match status {
                Err(_) => return Err(self.damaged("its packing is broken")),
                Ok(Status::StreamEnd) => {
                    return match self.state {
                        State::Ended => {
                            self.state = State::Trailer(Vec::new());
                            Ok(bytes)
                        }
                        _ => Err(BundleError::Cut { records: self.records }),
                    };
                }
                Ok(_) if read == 0 && made == 0 => {
                    return if bytes.is_empty() {
                        Ok(bytes)
                    } else {
                        Err(self.damaged("its packing is broken"))
                    };
                }
                Ok(_) => {}
            }
        }
    }

    fn plain(&mut self, bytes: &[u8], out: &mut Vec<Record>) -> Result<(), BundleError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.unpacked = self.unpacked.saturating_add(bytes.len() as u64);
        if self.unpacked > self.limits.unpacked {
            return Err(self.too_long(self.limits.unpacked, "bytes unpacked"));
        }
        self.crc.update(bytes);
        self.plain.extend_from_slice(bytes);
        if matches!(self.state, State::FirstLine) {
            self.first_line()?;
        }
        let mut plain = std::mem::take(&mut self.plain);
        let mut rest = &plain[..];
        while matches!(self.state, State::Records)
            && let Some((length, body)) = rest.split_first_chunk::<LENGTH_BYTES>()
        {
            let bytes = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            if bytes > RECORD_MAX_BYTES {
                return Err(self.malformed("it is longer than 1 MiB"));
            }
            let Some((record, behind)) = body.split_at_checked(bytes) else { break };
            self.record(*length, record, out)?;
            rest = behind;
        }
        if matches!(self.state, State::Ended) && !rest.is_empty() {
            return Err(BundleError::Trailing { records: self.records });
        }
        let used = plain.len() - rest.len();
        plain.drain(..used);
        self.plain = plain;
        Ok(())
    }

    fn first_line(&mut self) -> Result<(), BundleError> {
        let words = self.plain.len().min(FIRST_WORDS.len());
        if self.plain.get(..words) != FIRST_WORDS.get(..words) {
            return Err(BundleError::NotOne);
        }
        let Some(end) = self.plain.iter().take(FIRST_LINE_MAX_BYTES).position(|byte| *byte == b'\n') else {
            return if self.plain.len() < FIRST_LINE_MAX_BYTES { Ok(()) } else { Err(BundleError::NotOne) };
        };
        let rest = self.plain.split_off(end + 1);
        let line = std::mem::replace(&mut self.plain, rest);
        if line != FIRST_LINE {
            let version = line.get(FIRST_WORDS.len()..end).and_then(|v| std::str::from_utf8(v).ok());
            let version = version.and_then(|v| v.parse().ok()).filter(|version| *version > 1);
            return Err(version.map_or(BundleError::NotOne, |version| BundleError::Newer { version }));
        }
        self.digest.update(&line);
        self.state = State::Records;
        Ok(())
    }

    fn record(
        &mut self,
        length: [u8; LENGTH_BYTES],
        bytes: &[u8],
        out: &mut Vec<Record>,
    ) -> Result<(), BundleError> {
        if bytes.is_empty() {
            // Zeros read as records without anything in them, which nobody writes.
            return Err(self.malformed("it is empty: the bundle is damaged, carry it again"));
        }
        let read = BundleRecord::decode(bytes).map_err(|error| self.malformed(&error.to_string()))?;
        match read.record {
            None => return Err(self.malformed("it is of no kind that is known: update highwater")),
            Some(Record::End(end)) => {
                if end.records != self.records {
                    return Err(self.damaged("its end tells another number of records"));
                }
                if end.digest != self.digest.clone().finalize().as_slice() {
                    return Err(self.damaged("its digest does not fit"));
                }
                self.state = State::Ended;
            }
            Some(_) if self.records >= self.limits.records => {
                return Err(self.too_long(self.limits.records, "records"));
            }
            Some(record) => {
                self.digest.update(length);
                self.digest.update(bytes);
                self.records += 1;
                out.push(record);
            }
        }
        Ok(())
    }

    fn damaged(&self, what: &'static str) -> BundleError {
        BundleError::Damaged { records: self.records, what }
    }

    fn malformed(&self, why: &str) -> BundleError {
        BundleError::Malformed { record: self.records + 1, why: why.to_owned() }
    }

    fn too_long(&self, max: u64, unit: &'static str) -> BundleError {
        BundleError::TooLong { records: self.records, max, unit }
    }
}

/// Fills a buffer up to a length; gives the bytes that were not needed.
fn fill<'b>(buffer: &mut Vec<u8>, length: usize, bytes: &'b [u8]) -> &'b [u8] {
    let wanted = length.saturating_sub(buffer.len()).min(bytes.len());
    let (taken, rest) = bytes.split_at_checked(wanted).unwrap_or((bytes, &[]));
    buffer.extend_from_slice(taken);
    rest
}

/// Whether a file that begins with these bytes is meant to be a bundle, of this version or a newer one. A few hundred bytes tell.
#[must_use]
pub fn looks_like_one(first_bytes: &[u8]) -> bool {
    let mut reader = Reader::new();
    let fed = reader.feed(first_bytes, &mut Vec::new());
    let is_told = !matches!(reader.state, State::Header(_) | State::FirstLine);
    is_told || matches!(fed, Err(BundleError::Newer { .. }))
}
