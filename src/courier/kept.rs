//! What was answered so far, in a file beside the bundle that it becomes: `BACK.part`.
//!
//! ```text
//!   highwater courier 1 URL\n
//!   then for each file: its SHA-256, one byte for what it is, its length, its bytes, and the SHA-256 of all that
//! ```
//!
//! An entry that was cut off by a power cut is none: the file is sent again.

use super::CourierError;
use super::told;
use highwater_rules::bundle::BUNDLE_MAX_BYTES;
use highwater_rules::chain::Digest;
use highwater_rules::sign::Hasher;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

const FIRST_WORDS: &str = "highwater courier 1 ";
/// The longest first line, in bytes: it holds a URL.
const FIRST_LINE_MAX_BYTES: u64 = 4096;
const DIGEST_BYTES: usize = 32;
/// A digest, what it is, and a length.
const HEAD_BYTES: usize = DIGEST_BYTES + 1 + 4;
const ANSWERED: u8 = b'a';
const REFUSED: u8 = b'r';

/// What central said of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// It answered with a bundle, which lies there, and is so long.
    Answered(u64, u32),
    /// It took nothing of it.
    Refused(String),
}

/// What was answered so far.
pub(super) struct Kept {
    path: PathBuf,
    file: File,
    /// Where the next entry goes.
    end: u64,
    words: HashMap<Digest, Word>,
    /// The files that have answers, in the order of those.
    answers: Vec<Digest>,
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> CourierError + '_ {
    move |source| CourierError::io(path, "read", source)
}

fn unwritable(path: &Path) -> impl Fn(io::Error) -> CourierError + '_ {
    move |source| CourierError::io(path, "written", source)
}

impl Kept {
    /// Opens what an earlier run left, or begins anew, and holds it for this run.
    pub(super) fn open(path: &Path, central: &str) -> Result<Self, CourierError> {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(path).map_err(unwritable(path))?;
        if !file.metadata().map_err(unreadable(path))?.is_file() {
            return Err(CourierError::Foreign(path.to_owned()));
        }
        file.try_lock().map_err(|_| CourierError::Busy(path.to_owned()))?;
        let mut kept =
            Kept { path: path.to_owned(), file, end: 0, words: HashMap::new(), answers: Vec::new() };
        if kept.begins(central)? {
            kept.load().map_err(unreadable(path))?;
            // What was cut off is written over.
            kept.file.set_len(kept.end).map_err(unwritable(path))?;
        } else {
            kept.begin(central).map_err(unwritable(path))?;
        }
        Ok(kept)
    }

    /// Whether it was begun before, for this central.
    fn begins(&mut self, central: &str) -> Result<bool, CourierError> {
        let mut line = Vec::new();
        let mut head = BufReader::new((&self.file).take(FIRST_LINE_MAX_BYTES));
        head.read_until(b'\n', &mut line).map_err(unreadable(&self.path))?;
        let wanted = format!("{FIRST_WORDS}{central}\n");
        if line == wanted.as_bytes() {
            self.end = line.len() as u64;
            return Ok(true);
        }
        // Nothing, or a first line that was cut off.
        if wanted.as_bytes().starts_with(&line) {
            return Ok(false);
        }
        let told = String::from_utf8_lossy(&line);
        Err(match told.trim_end().strip_prefix(FIRST_WORDS) {
            Some(began) => CourierError::Other { path: self.path.clone(), began: told::clean(began) },
            None => CourierError::Foreign(self.path.clone()),
        })
    }

    fn begin(&mut self, central: &str) -> io::Result<()> {
        let line = format!("{FIRST_WORDS}{central}\n");
        self.file.set_len(0)?;
        self.file.write_all_at(line.as_bytes(), 0)?;
        self.file.sync_all()?;
        super::back::sync_directory(&self.path)?;
        self.end = line.len() as u64;
        Ok(())
    }

    /// Reads all entries that are whole.
    fn load(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.end))?;
        let length = self.file.metadata()?.len();
        let mut input = BufReader::new(self.file.try_clone()?);
        while let Some((digest, word, bytes)) = entry(&mut input, length.saturating_sub(self.end))? {
            self.note(digest, word, &bytes);
        }
        Ok(())
    }

    fn note(&mut self, digest: Digest, word: u8, bytes: &[u8]) {
        let at = self.end + HEAD_BYTES as u64;
        self.end = at + bytes.len() as u64 + DIGEST_BYTES as u64;
        let word = match word {
            ANSWERED => Word::Answered(at, u32::try_from(bytes.len()).unwrap_or(u32::MAX)),
            _ => Word::Refused(told::clean(&String::from_utf8_lossy(bytes))),
        };
        let was_answered = matches!(self.words.get(&digest), Some(Word::Answered(..)));
        if matches!(word, Word::Answered(..)) && !was_answered {
            self.answers.push(digest);
        }
        self.words.insert(digest, word);
    }

    /// Drops what was said of a file: it is none that fits. It is asked again, and what is then kept takes its place.
    pub(super) fn forget(&mut self, digest: &Digest) {
        self.words.remove(digest);
        self.answers.retain(|answered| answered != digest);
    }

    /// What was said of a file.
    pub(super) fn word(&self, digest: &Digest) -> Option<&Word> {
        self.words.get(digest)
    }

    /// Keeps an answer. It is on the disk once [`Kept::sync`] has ended.
    pub(super) fn answered(&mut self, digest: Digest, answer: &[u8]) -> Result<(), CourierError> {
        self.add(digest, ANSWERED, answer)
    }

    /// Keeps a refusal.
    pub(super) fn refused(&mut self, digest: Digest, why: &str) -> Result<(), CourierError> {
        self.add(digest, REFUSED, why.as_bytes())
    }

    fn add(&mut self, digest: Digest, word: u8, bytes: &[u8]) -> Result<(), CourierError> {
        let mut head = Vec::with_capacity(HEAD_BYTES);
        head.extend_from_slice(&digest.0);
        head.push(word);
        // An answer is a bundle, which is far shorter than that.
        head.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        let mut hasher = Hasher::default();
        hasher.add(&head);
        hasher.add(bytes);
        let mut at = self.end;
        for part in [&head[..], bytes, &hasher.end().0] {
            self.file.write_all_at(part, at).map_err(unwritable(&self.path))?;
            at += part.len() as u64;
        }
        self.note(digest, word, bytes);
        Ok(())
    }

    /// Makes durable what was kept, beside what else is to be done.
    pub(super) async fn sync(&self) -> Result<(), CourierError> {
        let synced = match self.file.try_clone() {
            Ok(file) => tokio::task::spawn_blocking(move || file.sync_data()).await.unwrap_or(Ok(())),
            Err(_) => self.file.sync_data(),
        };
        synced.map_err(unwritable(&self.path))
    }

    /// How many answers there are.
    pub(super) fn answers(&self) -> usize {
        self.answers.len()
    }

    /// The answer of this number; `None` behind the last one.
    pub(super) fn answer(&self, number: usize) -> Result<Option<Vec<u8>>, CourierError> {
        self.answers.get(number).map_or(Ok(None), |digest| self.answer_to(digest))
    }

    /// The answer to a file; `None` where there is none.
    pub(super) fn answer_to(&self, digest: &Digest) -> Result<Option<Vec<u8>>, CourierError> {
        let Some(Word::Answered(at, length)) = self.words.get(digest) else { return Ok(None) };
        let mut bytes = vec![0; usize::try_from(*length).unwrap_or(0)];
        self.file.read_exact_at(&mut bytes, *at).map_err(unreadable(&self.path))?;
        Ok(Some(bytes))
    }

    /// Removes it: what it held is elsewhere now.
    pub(super) fn remove(self) -> Result<(), CourierError> {
        std::fs::remove_file(&self.path).map_err(|source| CourierError::io(&self.path, "removed", source))
    }
}

/// The next entry of at most `left` bytes, if it is whole.
fn entry(input: &mut impl Read, left: u64) -> io::Result<Option<(Digest, u8, Vec<u8>)>> {
    let around = (HEAD_BYTES + DIGEST_BYTES) as u64;
    let mut head = [0; HEAD_BYTES];
    if left < around {
        return Ok(None);
    }
    input.read_exact(&mut head)?;
    let (digest, rest) = head.split_at(DIGEST_BYTES);
    let (word, length) = rest.split_at(1);
    let (Ok(digest), Ok(length), [word]) = (digest.try_into(), length.try_into(), word) else {
        return Ok(None);
    };
    let length = u64::from(u32::from_be_bytes(length));
    if length > BUNDLE_MAX_BYTES || length > left - around || ![ANSWERED, REFUSED].contains(word) {
        return Ok(None);
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    input.read_exact(&mut bytes)?;
    let mut sum = [0; DIGEST_BYTES];
    input.read_exact(&mut sum)?;
    let mut hasher = Hasher::default();
    hasher.add(&head);
    hasher.add(&bytes);
    Ok((hasher.end() == Digest(sum)).then_some((Digest(digest), *word, bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_rules::bundle::Writer;
    use highwater_rules::sign::sha256;

    const CENTRAL: &str = "https://c.example.com";

    fn three(path: &Path) -> Vec<u8> {
        let mut kept = Kept::open(path, CENTRAL).unwrap();
        let empty = Writer::new().finish();
        kept.answered(sha256(b"1"), &empty).unwrap();
        kept.refused(sha256(b"2"), "no").unwrap();
        kept.answered(sha256(b"3"), &empty).unwrap();
        empty
    }

    #[test]
    fn what_was_kept_is_there_again_wherever_the_last_entry_was_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.part");
        let empty = three(&path);
        let whole = path.metadata().unwrap().len();
        let last = (HEAD_BYTES + DIGEST_BYTES + empty.len()) as u64;
        for cut in 1..=last {
            let kept = File::options().write(true).open(&path).unwrap();
            kept.set_len(whole - cut).unwrap();
            drop(kept);
            let mut kept = Kept::open(&path, CENTRAL).unwrap();
            assert_eq!(kept.answer_to(&sha256(b"1")).unwrap().as_deref(), Some(&empty[..]));
            assert_eq!(kept.word(&sha256(b"2")), Some(&Word::Refused("no".to_owned())));
            assert_eq!(kept.word(&sha256(b"3")), None, "{cut}");
            assert_eq!(kept.answers(), 1);
            kept.answered(sha256(b"3"), &empty).unwrap();
            assert_eq!(kept.answer(1).unwrap().as_deref(), Some(&empty[..]));
            assert_eq!(kept.answer(2).unwrap(), None);
        }
        assert_eq!(path.metadata().unwrap().len(), whole);
    }

    #[test]
    fn an_answer_that_was_dropped_is_kept_once_when_it_comes_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.part");
        let empty = three(&path);
        let mut kept = Kept::open(&path, CENTRAL).unwrap();
        kept.forget(&sha256(b"1"));
        assert_eq!((kept.word(&sha256(b"1")), kept.answers()), (None, 1));
        kept.answered(sha256(b"1"), &empty).unwrap();
        assert_eq!(kept.answers(), 2);
        drop(kept);
        assert_eq!(Kept::open(&path, CENTRAL).unwrap().answers(), 2);
    }

    #[test]
    fn a_flipped_bit_ends_what_is_believed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.part");
        three(&path);
        let first = format!("{FIRST_WORDS}{CENTRAL}\n").len() as u64;
        let file = File::options().read(true).write(true).open(&path).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, first + 50).unwrap();
        file.write_all_at(&[byte[0] ^ 1], first + 50).unwrap();
        drop(file);
        assert_eq!(Kept::open(&path, CENTRAL).unwrap().answers(), 0);
    }

    #[test]
    fn another_central_another_run_and_another_file_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.part");
        three(&path);
        let refused = Kept::open(&path, "https://other").err().unwrap();
        assert!(matches!(&refused, CourierError::Other { began, .. } if began == CENTRAL), "{refused}");
        let held = Kept::open(&path, CENTRAL).unwrap();
        assert!(matches!(Kept::open(&path, CENTRAL).err(), Some(CourierError::Busy(_))));
        held.remove().unwrap();
        std::fs::write(&path, "diary").unwrap();
        assert!(matches!(Kept::open(&path, CENTRAL).err(), Some(CourierError::Foreign(_))));
        std::fs::write(&path, "highwater cour").unwrap();
        assert_eq!(Kept::open(&path, CENTRAL).unwrap().answers(), 0);
    }
}
