//! What became of a file, as central's answer tells.

use super::look::Stamp;
use highwater_proto::v1::bundle_record::Reply;
use highwater_rules::bundle::{PIECE_BYTES, Reader, Record};
use highwater_rules::chain::Digest;
use std::path::PathBuf;

/// A file that was written to a shorter while ago may be written to still, in seconds.
const UNTOUCHED_S: i64 = 600;

/// A text of an answer is cut to this, in letters.
const TEXT_MAX_CHARS: usize = 500;

/// What central says of one export or activation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The instance.
    pub instance: String,
    /// Reports that central read.
    pub read: u32,
    /// Reports that it receipted.
    pub accepted: u32,
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
    /// It was not answered: the same command goes on with it.
    Left,
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
    /// How many replies are expected, and why it can't be read to its end.
    pub(super) look: Option<(u64, Option<String>)>,
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

fn of(reply: &Reply) -> Told {
    Told {
        instance: clean(&reply.instance),
        read: reply.read,
        accepted: reply.accepted,
        cut: clean(&reply.cut),
    }
}

/// What an answer says. `Err` where it is no bundle of replies.
pub(super) fn read(answer: &[u8]) -> Result<Vec<Told>, String> {
    let mut reader = Reader::new();
    let mut told = Vec::new();
    for piece in answer.chunks(PIECE_BYTES) {
        let mut records = Vec::new();
        reader.feed(piece, &mut records).map_err(|error| error.to_string())?;
        for record in &records {
            match record {
                Record::Reply(reply) => told.push(of(reply)),
                Record::Answer(_) | Record::Succession(_) | Record::Grant(_) => {}
                _ => return Err("it holds what no central sends".to_owned()),
            }
        }
    }
    reader.finish().map_err(|error| error.to_string())?;
    Ok(told)
}

/// What became of a file of so many exports and activations, which is cut or not.
pub(super) fn state(told: &[Told], wants: u64, cut: Option<&str>) -> State {
    let mut why: Vec<String> = cut.map(str::to_owned).into_iter().collect();
    for one in told {
        if !one.cut.is_empty() {
            // A cut file is told of once.
            if cut.is_none() || one.accepted == 0 {
                why.push(one.cut.clone());
            }
        } else if one.accepted < one.read {
            let refused = one.read - one.accepted;
            why.push(format!(
                "{refused} of the {} reports of instance {} were refused",
                one.read, one.instance
            ));
        }
    }
    let answered = told.len() as u64;
    if answered < wants {
        why.push(format!("central answered {answered} of its {wants} exports and activations"));
    }
    if why.is_empty() {
        return State::Taken;
    }
    let is_something = told.iter().any(|one| one.accepted > 0 || one.cut.is_empty());
    let why = why.join("; ");
    if is_something { State::Partly(why) } else { State::Refused(why) }
}
