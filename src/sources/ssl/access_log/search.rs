//! Looking for the files that a log was, by inode, by content and by time.

use super::beside::{self, Generation, Sibling};
use super::history::Older;
use super::place::{Followed, Place, can_hold, drain_gz};
use super::tally::Tally;
use crate::config::LogRule;
use std::io;
use std::path::Path;

/// How many compressed files are searched for a place, newest first: each is inflated up to there.
const SEARCHED_MAX: usize = 8;

/// Files that were found, newest first, and what was counted of the compressed ones among them.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What was counted.
    pub tally: Tally,
    /// The files.
    pub older: Vec<Older>,
}

impl Found {
    fn compressed(&mut self, tally: Tally, end: Place) {
        self.tally.add(tally);
        self.older.push(Older::Closed(end));
    }
}

/// The file that has a place's inode and content, by whatever name.
///
/// # Errors
/// When the directory or the file can't be read.
pub(super) fn renamed(log: &Path, place: &Place) -> io::Result<Option<Followed>> {
    for sibling in beside::siblings(log, Some(place.inode))? {
        if sibling.inode == place.inode
            && !sibling.compressed
            && let Some(file) = sibling.open()?
        {
            let followed = Followed::new(file, Some(*place))?;
            if followed.tail()?.is_some() {
                return Ok(Some(followed));
            }
        }
    }
    Ok(None)
}

/// The copy in which a place is found, plain or compressed, and its generation.
///
/// # Errors
/// When a plain one can't be read.
pub(super) fn copy_of(
    place: &Place,
    siblings: &[Sibling],
    rule: &LogRule,
) -> io::Result<Option<(Generation, Found)>> {
    let mut by_age: Vec<(&Generation, &Sibling)> =
        siblings.iter().filter_map(|sibling| Some((sibling.generation.as_ref()?, sibling))).collect();
    by_age.sort_by_key(|(generation, _)| generation.age());
    let mut found = Found::default();
    for (generation, sibling) in by_age.iter().filter(|(_, sibling)| !sibling.compressed) {
        let Some(file) = sibling.open()? else { continue };
        let followed = Followed::new(file, Some(*place))?;
        if followed.tail()?.is_some() {
            found.older.push(Older::open(followed));
            return Ok(Some(((*generation).clone(), found)));
        }
    }
    let mut searched = 0;
    for (generation, sibling) in by_age.iter().filter(|(_, sibling)| sibling.compressed) {
        let Some(file) = sibling.open()? else { continue };
        if !can_hold(&file, place.offset).unwrap_or(false) {
            continue;
        }
        // One that can't be inflated is not the copy that is looked for, or no longer.
        if let Ok(Some((tally, end))) = drain_gz(file, place, rule) {
            found.compressed(tally, end);
            return Ok(Some(((*generation).clone(), found)));
        }
        searched += 1;
        if searched == SEARCHED_MAX {
            break;
        }
    }
    Ok(None)
}

/// Opens files that were rotated meanwhile, and counts the compressed ones. `None` where names moved on under it.
///
/// # Errors
/// When one can't be read.
pub(super) fn take_in(files: &[&Sibling], rule: &LogRule) -> io::Result<Option<Found>> {
    let mut found = Found::default();
    for sibling in files {
        let Some(file) = sibling.open()? else { return Ok(None) };
        if sibling.compressed {
            if let Some((tally, end)) = drain_gz(file, &Place::beginning(sibling.inode), rule)? {
                found.compressed(tally, end);
            }
        } else {
            found.older.push(Older::open(Followed::new(file, None)?));
        }
    }
    Ok(Some(found))
}

/// When the newest of the rotated files but the log itself that have anything in them was written last, in unix nanoseconds; 0 where
/// there is none.
///
/// # Errors
/// When the directory or a file can't be read.
pub(super) fn newest_ns(log: &Path, own_inode: u64) -> io::Result<i64> {
    let mut newest = 0;
    for sibling in beside::siblings(log, None)?.iter().filter(|sibling| sibling.inode != own_inode) {
        if let Some((followed, _)) = filled(sibling)? {
            newest = newest.max(followed.written_ns()?);
        }
    }
    Ok(newest)
}

/// The files that were written after a moment, newest first; `None` where one of them is compressed: its time may be when it was
/// compressed.
///
/// # Errors
/// When the directory or a file can't be read.
pub(super) fn written_after(
    log: &Path,
    known_ns: i64,
    is_known: impl Fn(u64) -> bool,
) -> io::Result<Option<Vec<Followed>>> {
    let mut files = Vec::new();
    for sibling in beside::siblings(log, None)?.iter().filter(|sibling| !is_known(sibling.inode)) {
        let Some((followed, age)) = filled(sibling)? else { continue };
        if followed.written_ns()? <= known_ns {
            continue;
        }
        if sibling.compressed {
            return Ok(None);
        }
        files.push((age, followed));
    }
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(Some(files.into_iter().map(|(_, followed)| followed).collect()))
}

/// The newest rotated file that is not compressed and has anything in it, from its end on.
///
/// # Errors
/// When the directory or a file can't be read.
pub(super) fn newest_at_end(log: &Path) -> io::Result<Option<Followed>> {
    let siblings = beside::siblings(log, None)?;
    let mut plain: Vec<&Sibling> = siblings.iter().filter(|sibling| !sibling.compressed).collect();
    plain.sort_by_key(|sibling| sibling.generation.as_ref().map(Generation::age));
    for sibling in plain {
        if let Some(file) = sibling.open()? {
            let followed = Followed::at_end(file)?;
            if followed.size()? > 0 {
                return Ok(Some(followed));
            }
        }
    }
    Ok(None)
}

type Age = (u32, std::cmp::Reverse<Vec<u8>>);

/// A file that has anything in it.
fn filled(sibling: &Sibling) -> io::Result<Option<(Followed, Option<Age>)>> {
    let Some(file) = sibling.open()? else { return Ok(None) };
    let followed = Followed::new(file, None)?;
    let is_empty = followed.content_bytes(sibling.compressed)? == Some(0);
    Ok((!is_empty).then(|| (followed, sibling.generation.as_ref().map(Generation::age))))
}
