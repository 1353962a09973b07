//! What became of a file, as central's answer tells.

use super::look::Stamp;
use highwater_rules::chain::Digest;
use std::path::PathBuf;

/// A file that was written to a shorter while ago may be written to still, in seconds.
const UNTOUCHED_S: i64 = 600;

/// A text of an answer is cut to this, in letters.
const TEXT_MAX_CHARS: usize = 500;

/// What central says of one export or activation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// The instance.
    pub instance: String,
    /// Reports that central read.
    pub read: u32,
    /// Reports of this file that came back with a receipt.
    pub accepted: u64,
    /// Reports of this file that it refused.
    pub refused: u64,
    /// Why it refused the first of them.
    pub reason: Option<String>,
    /// Why it, or the rest of it, was not taken; empty where all of it was read.
    pub cut: String,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// All in it was taken.
    Taken,
    /// A part was; the text says what was not, and why.
    Partly(String),
    /// Nothing was.
    Refused(String),
    /// It is for hosts, not for central, and lay beside those that are: it was left alone.
    Skipped(String),
    /// It was not answered: the same command goes on with it. The text says why, where central was there and answered otherwise.
    Left(String),
}

/// A file, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// Where it is.
    pub path: PathBuf,
    /// The SHA-256 of its bytes, where it could be read.
    pub digest: Option<Digest>,
    /// Reports in it, as far as they can be read.
    pub reports: u64,
    /// Reports of it that were receipted.
    pub accepted: u64,
    /// What became of it.
    pub state: State,
    /// Another file of the same content, which was sent for both.
    pub same_as: Option<PathBuf>,
    /// What central said of each instance in it.
    pub told: Vec<Told>,
    /// What it was like when it was read.
    pub(super) stamp: Option<Stamp>,
}

impl Carried {
    /// Removes the file, where it was taken as a whole, has been left alone for ten minutes, and is still what was read.
    ///
    /// # Errors
    /// When it stays: why.
    pub fn remove(&self, now_s: i64) -> Result<(), String> {
        if self.state != State::Taken {
            return Err("it was not taken as a whole".to_owned());
        }
        let now = self.path.metadata().map(|meta| Stamp::of(&meta)).map_err(|e| e.to_string())?;
        if self.stamp != Some(now) {
            return Err("it changed since it was read".to_owned());
        }
        // One whose time is ahead of this host's clock counts as touched.
        if now_s.saturating_sub(now.modified_s) < UNTOUCHED_S {
            return Err(format!("it was touched within the last {} minutes", UNTOUCHED_S / 60));
        }
        std::fs::remove_file(&self.path).map_err(|error| error.to_string())
    }
}

/// A text from outside as it may be shown: of one line and bounded length.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TEXT_MAX_CHARS).collect()
}

/// So many of something.
pub(crate) fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
