//! A place in a log: how far it was read, and how it is known again after it was renamed, copied or compressed.

use super::tally::{Counter, TAIL_BYTES, Tally, fingerprint, keep_tail};
use crate::config::LogRule;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

const CHUNK_BYTES: usize = 128 * 1024;
/// The head and the end of a gzip member (RFC 1952).
const GZIP_MIN_BYTES: u64 = 18;
/// A smaller file inflates to less than 4 GiB, so that the length at its end is whole: deflate makes at most 1032 bytes of one.
const GZIP_EXACT_BYTES: u64 = (1 << 32) / 1032;
/// More than any log that is rotated by size or day has; what a damaged or hostile archive swells to.
const INFLATED_MAX_BYTES: u64 = 64 << 30;

/// How far a log was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The file's inode.
    pub inode: u64,
    /// The bytes that are done with.
    pub offset: u64,
    /// The fingerprint of the last of them.
    pub print: u64,
    /// Whether they end within a line that is too long.
    pub in_long_line: bool,
}

impl Place {
    /// The beginning of a file.
    #[must_use]
    pub(super) fn beginning(inode: u64) -> Self {
        Place { inode, offset: 0, print: fingerprint(&[]), in_long_line: false }
    }

    const fn tail_bytes(&self) -> usize {
        if self.offset < TAIL_BYTES as u64 { self.offset as usize } else { TAIL_BYTES }
    }
}

/// A log that is followed. It stays open, so that it can be read to its end whatever becomes of its name.
#[derive(Debug)]
pub(super) struct Followed {
    file: File,
    /// Device and inode.
    pub id: (u64, u64),
    /// How far it was read.
    pub place: Place,
}

impl Followed {
    /// Follows a file from a place on.
    ///
    /// # Errors
    /// When the file can't be asked.
    pub(super) fn new(file: File, place: Option<Place>) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let inode = metadata.ino();
        let place = place.map_or_else(|| Place::beginning(inode), |place| Place { inode, ..place });
        Ok(Followed { file, id: (metadata.dev(), inode), place })
    }

    /// The same file, from its beginning on.
    ///
    /// # Errors
    /// When no other handle of it can be had.
    pub(super) fn anew(&self) -> io::Result<Self> {
        Self::new(self.file.try_clone()?, None)
    }

    /// Follows a file from its end on, or rather from the end of its last line.
    ///
    /// # Errors
    /// When the file can't be read.
    pub(super) fn at_end(file: File) -> io::Result<Self> {
        let mut followed = Self::new(file, None)?;
        let size = followed.size()?;
        let from = size.saturating_sub(2 * super::tally::LINE_MAX_BYTES as u64);
        let mut bytes = vec![0; usize::try_from(size - from).unwrap_or_default()];
        followed.file.read_exact_at(&mut bytes, from)?;
        let whole = memchr::memrchr(b'\n', &bytes).map(|at| at + 1);
        // Without a newline in so many bytes, its end is within a line that is too long; a short file has no line yet.
        let done = whole.unwrap_or(if from > 0 { bytes.len() } else { 0 });
        let mut tail = Vec::new();
        keep_tail(&mut tail, bytes.get(..done).unwrap_or_default());
        followed.place.offset = from + done as u64;
        followed.place.print = fingerprint(&tail);
        followed.place.in_long_line = whole.is_none() && from > 0;
        Ok(followed)
    }

    /// Its size in bytes.
    ///
    /// # Errors
    /// When the file can't be asked.
    pub(super) fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Whether any name leads to it.
    #[must_use]
    pub(super) fn has_name(&self) -> bool {
        self.file.metadata().is_ok_and(|metadata| metadata.nlink() > 0)
    }

    /// How many bytes of log it has, modulo 2^32 where it is compressed; `None` where a compressed one is not whole.
    ///
    /// # Errors
    /// When the file can't be read.
    pub(super) fn content_bytes(&self, compressed: bool) -> io::Result<Option<u64>> {
        if compressed { inflated_bytes(&self.file) } else { self.size().map(Some) }
    }

    /// When it was written last, in unix nanoseconds.
    ///
    /// # Errors
    /// When the file can't be asked.
    pub(super) fn written_ns(&self) -> io::Result<i64> {
        let metadata = self.file.metadata()?;
        Ok(metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec()))
    }

    /// The bytes before its place; `None` where they are not those that were read: it was cut off, and perhaps has grown again.
    ///
    /// # Errors
    /// When the file can't be read.
    pub(super) fn tail(&self) -> io::Result<Option<Vec<u8>>> {
        self.tail_at(&self.place)
    }

    /// Whether it has what is before another's place, at that place.
    ///
    /// # Errors
    /// When the file can't be read.
    pub(super) fn has(&self, place: &Place) -> io::Result<bool> {
        Ok(self.tail_at(place)?.is_some())
    }

    fn tail_at(&self, place: &Place) -> io::Result<Option<Vec<u8>>> {
        let mut tail = vec![0; place.tail_bytes()];
        let from = place.offset - tail.len() as u64;
        match self.file.read_exact_at(&mut tail, from) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            result => result?,
        }
        Ok((fingerprint(&tail) == place.print).then_some(tail))
    }

    /// Its first bytes.
    ///
    /// # Errors
    /// When the file can't be read.
    pub(super) fn head(&self) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        file.take(TAIL_BYTES as u64).read_to_end(&mut head)?;
        Ok(head)
    }

    /// Counts the lines from its place up to its end, as it is when this begins. `None` where it is no longer the file that it was, or
    /// was cut off meanwhile: what was read is then of before and after.
    ///
    /// # Errors
    /// When the file can't be read. Its place is then as before.
    pub(super) fn drain(&mut self, rule: &LogRule) -> io::Result<Option<Tally>> {
        let Some(tail) = self.tail()? else { return Ok(None) };
        let new_bytes = self.size()?.saturating_sub(self.place.offset);
        if new_bytes == 0 {
            return Ok(Some(Tally::default()));
        }
        // The beginning of a file is as good as what is before a place in it to tell that it was not cut off.
        let head = if self.place.offset == 0 { self.head()? } else { Vec::new() };
        let mut counter = Counter::new(rule, tail, self.place.in_long_line);
        self.file.seek(SeekFrom::Start(self.place.offset))?;
        feed(&mut (&self.file).take(new_bytes), &mut counter)?;
        let is_same = match self.place.offset {
            0 => !head.is_empty() && self.head()?.starts_with(&head),
            _ => self.tail()?.is_some(),
        };
        if !is_same {
            return Ok(None);
        }
        self.place.offset += counter.consumed;
        self.place.print = fingerprint(&counter.tail);
        self.place.in_long_line = counter.in_long_line;
        Ok(Some(counter.tally))
    }
}

fn feed(reader: &mut impl Read, counter: &mut Counter<'_>) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match reader.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(length) => counter.feed(chunk.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn inflate(file: File) -> io::Take<MultiGzDecoder<BufReader<File>>> {
    MultiGzDecoder::new(BufReader::with_capacity(CHUNK_BYTES, file)).take(INFLATED_MAX_BYTES)
}

/// Counts the lines of a compressed log behind a place, and tells its end; `None` where it is another log, in which there is no such place.
///
/// # Errors
/// When it can't be read, or is not whole.
pub(super) fn drain_gz(file: File, place: &Place, rule: &LogRule) -> io::Result<Option<(Tally, Place)>> {
    let mut reader = inflate(file);
    let mut tail = Vec::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut left = place.offset;
    while left > 0 {
        let want = usize::try_from(left).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        let read = reader.read(chunk.get_mut(..want).unwrap_or_default())?;
        if read == 0 {
            return Ok(None);
        }
        keep_tail(&mut tail, chunk.get(..read).unwrap_or_default());
        left -= read as u64;
    }
    if fingerprint(&tail) != place.print {
        return Ok(None);
    }
    let mut counter = Counter::new(rule, tail, place.in_long_line);
    feed(&mut reader, &mut counter)?;
    if reader.limit() == 0 {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it inflates without end"));
    }
    let end = Place {
        inode: place.inode,
        offset: place.offset + counter.consumed,
        print: fingerprint(&counter.tail),
        in_long_line: counter.in_long_line,
    };
    Ok(Some((counter.tally, end)))
}

/// How many bytes a compressed file has inflated, modulo 2^32: that stands at its end (RFC 1952, ISIZE). `None` where it has no end.
fn inflated_bytes(file: &File) -> io::Result<Option<u64>> {
    let size = file.metadata()?.len();
    let mut length = [0; 4];
    if size < GZIP_MIN_BYTES {
        return Ok(None);
    }
    file.read_exact_at(&mut length, size - 4)?;
    Ok(Some(u64::from(u32::from_le_bytes(length))))
}

/// Whether a compressed file is whole and may have so many bytes inflated.
///
/// # Errors
/// When it can't be read.
pub(super) fn can_hold(file: &File, bytes: u64) -> io::Result<bool> {
    let is_long = file.metadata()?.len() > GZIP_EXACT_BYTES;
    Ok(inflated_bytes(file)?.is_some_and(|inflated| is_long || inflated >= bytes))
}

/// Whether a compressed log is a followed one, by its length and its first bytes.
///
/// # Errors
/// When either can't be read.
pub(super) fn is_compressed(file: File, followed: &Followed) -> io::Result<bool> {
    if inflated_bytes(&file)? != Some(followed.size()? & 0xffff_ffff) {
        return Ok(false);
    }
    let mut head = Vec::new();
    inflate(file).take(TAIL_BYTES as u64).read_to_end(&mut head)?;
    Ok(head == followed.head()?)
}
