//! Looking for the files that a log was, by inode, by content and by time.

use super::beside::{self, Generation, Sibling};
use super::history::Older;
use super::place::{Followed, Place, can_hold, drain_gz, is_compressed};
use super::tally::Tally;
use crate::config::LogRule;
use std::fs::File;
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
    /// Whether a copy of the log itself was left out.
    pub left_out: bool,
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

/// Which of the rotated files one that is held open is: `Some(None)` where its name does not tell, `None` where it is gone.
///
/// # Errors
/// When the directory or a file can't be read.
pub(super) fn generation_of(
    followed: &Followed,
    siblings: &[Sibling],
) -> io::Result<Option<Option<Generation>>> {
    if let Some(own) = siblings.iter().find(|sibling| sibling.inode == followed.id.1) {
        return Ok(Some(own.generation.clone()));
    }
    // An empty file is like any other.
    let has_content = followed.size()? > 0;
    for sibling in siblings.iter().filter(|sibling| sibling.compressed && has_content) {
        // One that is not whole yet is no copy yet.
        let Some(file) = sibling.open()? else { continue };
        if is_compressed(file, followed).unwrap_or(false) {
            return Ok(Some(sibling.generation.clone()));
        }
    }
    Ok(None)
}

/// Whether a rotated file is a copy of what a log is, or was when it was read up to its place: one that is just being made, which is
/// the newest, or of a log that was cut off this very moment.
///
/// # Errors
/// When either can't be read.
pub(super) fn is_copy(
    sibling: &Sibling,
    is_newest: bool,
    followed: &Followed,
    rule: &LogRule,
) -> io::Result<bool> {
    let Some(file) = sibling.open()? else { return Ok(false) };
    let place = &followed.place;
    if sibling.compressed {
        return Ok(place.offset > 0
            && can_hold(&file, place.offset).unwrap_or(false)
            && matches!(drain_gz(file, place, rule), Ok(Some(_))));
    }
    is_copy_of(&Followed::new(file, None)?, is_newest, followed)
}

/// The same of one that is open and not compressed.
///
/// # Errors
/// When either can't be read.
pub(super) fn is_copy_of(copy: &Followed, is_newest: bool, followed: &Followed) -> io::Result<bool> {
    // In this order: a log that does not begin as the copy does was cut off, and then the copy is whole.
    let (begun, head) = (copy.head()?, followed.head()?);
    let is_being_made = is_newest && !head.is_empty() && head.starts_with(&begun);
    Ok(is_being_made || (followed.place.offset > 0 && copy.has(&followed.place)?))
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
        // One that was renamed this moment is seen the next time.
        if let Some((followed, _)) = sibling.open()?.map(|file| filled(sibling, file)).transpose()?.flatten()
        {
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
    for sibling in beside::at_rest(log, None)?.iter().filter(|sibling| !is_known(sibling.inode)) {
        let file = sibling.open()?.ok_or_else(beside::being_rotated)?;
        let Some((followed, age)) = filled(sibling, file)? else { continue };
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
fn filled(sibling: &Sibling, file: File) -> io::Result<Option<(Followed, Option<Age>)>> {
    let followed = Followed::new(file, None)?;
    let is_empty = followed.content_bytes(sibling.compressed)? == Some(0);
    Ok((!is_empty).then(|| (followed, sibling.generation.as_ref().map(Generation::age))))
}
