//! Following a log over its rotations: renamed, copied and cut off, compressed, once or several times between two readings.

use super::beside::{self, Generation, Sibling};
use super::note::{Note, OLDER_MAX};
use super::place::{Followed, Place, drain_gz, is_compressed};
use super::tally::Tally;
use crate::config::LogRule;
use crate::files::{is_absent, open_regular};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::path::Path;

/// How often the directory is read again while files are being renamed in it.
const LOOKS: usize = 3;
/// How many compressed files are searched for a place, newest first.
const SEARCHED_MAX: usize = 3;
/// How many readings a file that was rotated is looked at with a line in it that has no end.
const UNFINISHED_READINGS_MAX: u8 = 3;

/// A file that was rotated: a server that has not opened the new one yet still writes to it.
#[derive(Debug)]
struct Older {
    followed: Followed,
    /// How many readings found nothing new in it.
    quiet: u8,
}

impl Older {
    const fn new(followed: Followed) -> Self {
        Older { followed, quiet: 0 }
    }
}

/// A log that is followed, and its count.
#[derive(Debug)]
pub(super) struct Following {
    current: Followed,
    older: Vec<Older>,
    /// When the newest rotated file was written last, while the log is empty.
    newest_ns: Option<i64>,
    /// The end of the newest file that was compressed when it was found, and the inode of the file before it.
    passed: Option<(Place, u64)>,
    count: u64,
    incarnation: u64,
}

impl Following {
    /// Begins at the end of a log.
    ///
    /// # Errors
    /// When it can't be read.
    pub(super) fn begin(path: &Path) -> io::Result<Self> {
        let current = Followed::at_end(open_regular(path)?)?;
        // Any number that no count before had.
        let incarnation = RandomState::new().build_hasher().finish();
        Ok(Following { current, older: Vec::new(), newest_ns: None, passed: None, count: 0, incarnation })
    }

    /// Goes on where an earlier run of the agent stopped.
    ///
    /// # Errors
    /// When the log can't be read, or is not there.
    pub(super) fn resumed(
        path: &Path,
        rule: &LogRule,
        note: &Note,
        losses: &mut Vec<String>,
    ) -> io::Result<Self> {
        let Some((place, older)) = note.places.split_first() else { return Self::begin(path) };
        let at_path = match open_regular(path) {
            Ok(file) => Ok(Followed::new(file, Some(*place))?),
            Err(error) if is_absent(&error) => Err(error),
            Err(error) => return Err(error),
        };
        let mut lost = false;
        let current = match at_path {
            Ok(followed) if followed.id.1 == place.inode => followed,
            at_path => match (renamed(path, place)?, at_path) {
                (Some(renamed), _) => {
                    // It was empty: another may have its inode by now.
                    lost = place.offset == 0
                        && note.newest_ns.is_some_and(|known_ns| {
                            newest_ns(path, renamed.id.1).is_ok_and(|newest_ns| newest_ns > known_ns)
                        });
                    renamed
                }
                (None, Err(error)) => return Err(error),
                // There is nothing to know an empty file by.
                (None, Ok(_)) if place.offset == 0 => {
                    lost = true;
                    Followed::at_end(open_regular(path)?)?
                }
                // What became of the file that it was, if it was copied or compressed, is searched for as if it had been cut off.
                (None, Ok(followed)) => followed,
            },
        };
        let Note { newest_ns, count, incarnation, .. } = *note;
        let mut following =
            Following { current, older: Vec::new(), newest_ns, passed: None, count, incarnation };
        if lost {
            following.lose(path, losses);
        }
        for place in older {
            match renamed(path, place)? {
                Some(followed) => following.older.push(Older::new(followed)),
                None => following.recover_older(path, rule, place)?,
            }
        }
        Ok(following)
    }

    /// What is to be kept for the next run.
    #[must_use]
    pub(super) fn note(&self, of: u64) -> Note {
        // An empty file can't be known again; it follows the last one that is not.
        let mut all = vec![self.current.place];
        all.extend(self.older.iter().map(|older| older.followed.place));
        if let Some((end, before)) = self.passed {
            let at = all.iter().position(|place| place.inode == before).unwrap_or(all.len());
            all.insert(at, end);
        }
        let all = all.into_iter();
        let mut places: Vec<Place> = all.skip_while(|place| place.offset == 0).take(1 + OLDER_MAX).collect();
        if places.is_empty() {
            places.push(self.current.place);
        }
        Note { of, count: self.count, incarnation: self.incarnation, newest_ns: self.newest_ns, places }
    }

    /// Counts what is new.
    ///
    /// # Errors
    /// When a file can't be read. What was counted of others stays counted.
    pub(super) fn turn(
        &mut self,
        path: &Path,
        rule: &LogRule,
        losses: &mut Vec<String>,
    ) -> io::Result<Tally> {
        let mut tally = Tally::default();
        let mut is_there = true;
        match open_regular(path) {
            Ok(file) => {
                let new = Followed::new(file, None)?;
                if new.id != self.current.id {
                    tally.add(self.rotate(path, rule, new, losses)?);
                }
            }
            // The server goes on writing to the file that was renamed last, until it makes a new one.
            Err(error) if is_absent(&error) => {
                is_there = false;
                if let Some(new) = self.renamed_last(path)? {
                    tally.add(self.rotate(path, rule, new, losses)?);
                }
            }
            Err(error) => return Err(error),
        }
        let is_empty = is_there && self.current.place.offset == 0;
        if self.current.tail()?.is_none() {
            let place = self.current.place;
            match self.recover(path, rule, &place)? {
                Some(rest) => tally.add(rest),
                None => self.lose(path, losses),
            }
            self.current.place = Place::beginning(place.inode);
        } else if let (true, Some(known_ns)) = (is_empty, self.newest_ns) {
            self.look_for_copies(path, known_ns, losses)?;
        }
        tally.add(self.drain(rule)?);
        if self.current.place.offset > 0 {
            self.passed = None;
        }
        let is_empty = self.current.place.offset == 0;
        self.newest_ns = if is_empty { Some(newest_ns(path, self.current.id.1)?) } else { None };
        Ok(tally)
    }

    fn drain(&mut self, rule: &LogRule) -> io::Result<Tally> {
        let mut all = Tally::default();
        for older in &mut self.older {
            let tally = older.followed.drain(rule)?.unwrap_or_default();
            self.count += tally.sessions;
            all.add(tally);
            older.quiet = if tally.lines > 0 { 0 } else { older.quiet + 1 };
        }
        let is_done = |older: &Older| -> io::Result<bool> {
            let unfinished = older.followed.size()? > older.followed.place.offset;
            Ok(older.quiet > if unfinished { UNFINISHED_READINGS_MAX } else { 1 })
        };
        let mut kept = Vec::new();
        for older in self.older.drain(..) {
            if !is_done(&older)? && kept.len() < OLDER_MAX {
                kept.push(older);
            }
        }
        self.older = kept;
        // Cut off this very moment, it is found so at the next reading.
        let tally = self.current.drain(rule)?.unwrap_or_default();
        self.count += tally.sessions;
        all.add(tally);
        Ok(all)
    }

    /// Lines are gone: the count is another from here on, so that the slot is a gap.
    fn lose(&mut self, path: &Path, losses: &mut Vec<String>) {
        self.incarnation = self.incarnation.wrapping_add(1);
        // What was before the loss is no place to go on from.
        self.older.clear();
        self.passed = None;
        let loss = format!(
            "{} was cut off or replaced, and its earlier content is not beside it: what was written since the last sample is \
             not counted; keep one rotated file at least, in the same directory",
            path.display()
        );
        if !losses.contains(&loss) {
            losses.push(loss);
        }
    }

    /// Goes over to a new file, and takes in those that were made and rotated since.
    fn rotate(
        &mut self,
        path: &Path,
        rule: &LogRule,
        new: Followed,
        losses: &mut Vec<String>,
    ) -> io::Result<Tally> {
        // Cut off and renamed both: where its content went is too much of a guess.
        if self.current.tail()?.is_none() {
            self.lose(path, losses);
        }
        for _ in 0..LOOKS {
            let siblings = beside::siblings(path, Some(self.current.id.1))?;
            let between = match self.own_generation(&siblings)? {
                Some(Some(generation)) => beside::newer(&siblings, &generation),
                Some(None) => Vec::new(),
                None => {
                    if self.has_newer(&siblings)? || self.was_copied(path)? {
                        self.lose(path, losses);
                    }
                    Vec::new()
                }
            };
            let between = between.into_iter().filter(|sibling| sibling.inode != new.id.1).collect();
            if let Some(Taken { tally, older, passed }) = take_in(between, rule)? {
                self.passed = passed.map(|end| (end, self.current.id.1));
                self.newest_ns = None;
                self.count += tally.sessions;
                let before = std::mem::replace(&mut self.current, new);
                self.older.splice(0..0, older.into_iter().chain([Older::new(before)]));
                return Ok(tally);
            }
        }
        Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "it is being rotated: it is read again with the next sample",
        ))
    }

    /// The inodes of the files that are held open.
    fn held(&self) -> Vec<u64> {
        let older = self.older.iter().map(|older| older.followed.id.1);
        older.chain([self.current.id.1]).collect()
    }

    /// An empty log may have been filled, copied and cut off again since. Copies are known by their time; that of a compressed one may
    /// be when it was compressed.
    fn look_for_copies(&mut self, path: &Path, known_ns: i64, losses: &mut Vec<String>) -> io::Result<()> {
        let held = self.held();
        let mut copies = Vec::new();
        for sibling in beside::siblings(path, None)?.iter().filter(|s| !held.contains(&s.inode)) {
            let Some(file) = sibling.open()? else { continue };
            let copy = Followed::new(file, None)?;
            if copy.written_ns()? > known_ns && copy.content_bytes(sibling.compressed)? != Some(0) {
                if sibling.compressed {
                    self.lose(path, losses);
                    return Ok(());
                }
                copies.push((sibling.generation.as_ref().map(Generation::age), Older::new(copy)));
            }
        }
        copies.sort_by_key(|(age, _)| age.clone());
        self.older.splice(0..0, copies.into_iter().map(|(_, copy)| copy));
        Ok(())
    }

    /// The newest of the rotated files, where it is not the one that is held open.
    fn renamed_last(&self, path: &Path) -> io::Result<Option<Followed>> {
        let siblings = beside::siblings(path, Some(self.current.id.1))?;
        let own = self.own_generation(&siblings)?.ok_or(io::ErrorKind::NotFound)?;
        let Some(own) = own else { return Ok(None) };
        let newer = beside::newer(&siblings, &own);
        let newest = newer.iter().min_by_key(|sibling| sibling.generation.as_ref().map(Generation::age));
        match newest {
            // No server writes to a compressed file: its log is elsewhere, or gone.
            Some(sibling) if sibling.compressed => Err(io::ErrorKind::NotFound.into()),
            Some(sibling) => sibling.open()?.map(|file| Followed::new(file, None)).transpose(),
            None => Ok(None),
        }
    }

    /// Which of the rotated files the one that is held open is: `Some(None)` where its name does not tell, `None` where it is gone.
    fn own_generation(&self, siblings: &[Sibling]) -> io::Result<Option<Option<Generation>>> {
        if let Some(own) = siblings.iter().find(|sibling| sibling.inode == self.current.id.1) {
            return Ok(Some(own.generation.clone()));
        }
        // An empty file is like any other.
        let has_content = self.current.size()? > 0;
        for sibling in siblings.iter().filter(|sibling| sibling.compressed && has_content) {
            // One that is not whole yet is no copy yet.
            let Some(file) = sibling.open()? else { continue };
            if is_compressed(file, &self.current).unwrap_or(false) {
                return Ok(Some(sibling.generation.clone()));
            }
        }
        Ok(None)
    }

    /// Whether the log, which was empty, may have been filled and copied before it went.
    fn was_copied(&self, path: &Path) -> io::Result<bool> {
        let Some(known_ns) = self.newest_ns else { return Ok(false) };
        Ok(newest_ns(path, self.current.id.1)? > known_ns)
    }

    fn has_newer(&self, siblings: &[Sibling]) -> io::Result<bool> {
        let own_ns = self.current.written_ns()?;
        for sibling in siblings {
            if let Some(file) = sibling.open()?
                && Followed::new(file, None)?.written_ns()? > own_ns
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Counts what the copy of a file that was rotated before has beyond a place.
    fn recover_older(&mut self, path: &Path, rule: &LogRule, place: &Place) -> io::Result<()> {
        if place.offset > 0
            && let Some((_, tally, older)) = copy_of(place, &beside::siblings(path, None)?, rule)?
        {
            self.count += tally.sessions;
            self.older.extend(older);
        }
        Ok(())
    }

    /// Finds the copy of a log that was read up to a place, and takes in what it and newer ones have beyond. `None` where there is
    /// none.
    fn recover(&mut self, path: &Path, rule: &LogRule, place: &Place) -> io::Result<Option<Tally>> {
        if place.offset == 0 {
            return Ok(None);
        }
        for _ in 0..LOOKS {
            let siblings = beside::siblings(path, None)?;
            let Some((generation, tally, older)) = copy_of(place, &siblings, rule)? else { return Ok(None) };
            let newer = beside::newer(&siblings, &generation);
            let newer = newer.into_iter().filter(|sibling| sibling.inode != self.current.id.1).collect();
            if let Some(more) = take_in(newer, rule)? {
                let next = self.older.first().map(|older| older.followed.id.1);
                let next = older.as_ref().ok().map(|older| older.followed.id.1).or(next);
                let end = more.passed.or(older.as_ref().err().copied());
                self.passed = end.map(|end| (end, next.unwrap_or(0)));
                let mut all = tally;
                all.add(more.tally);
                self.count += all.sessions;
                self.older.splice(0..0, more.older.into_iter().chain(older));
                return Ok(Some(all));
            }
        }
        Ok(None)
    }
}

/// The file that has a place's inode and content, by whatever name.
fn renamed(path: &Path, place: &Place) -> io::Result<Option<Followed>> {
    for sibling in beside::siblings(path, Some(place.inode))? {
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

/// Its generation, and what it is: a file that is followed, or a compressed one that was counted up to its end.
type Copied = (Generation, Tally, Result<Older, Place>);

/// The copy in which a place is found, plain or compressed.
fn copy_of(place: &Place, siblings: &[Sibling], rule: &LogRule) -> io::Result<Option<Copied>> {
    let mut by_age: Vec<(&Generation, &Sibling)> =
        siblings.iter().filter_map(|sibling| Some((sibling.generation.as_ref()?, sibling))).collect();
    by_age.sort_by_key(|(generation, _)| generation.age());
    for (generation, sibling) in by_age.iter().filter(|(_, sibling)| !sibling.compressed) {
        let Some(file) = sibling.open()? else { continue };
        let followed = Followed::new(file, Some(*place))?;
        if followed.tail()?.is_some() {
            return Ok(Some(((*generation).clone(), Tally::default(), Ok(Older::new(followed)))));
        }
    }
    for (generation, sibling) in by_age.iter().filter(|(_, sibling)| sibling.compressed).take(SEARCHED_MAX) {
        let Some(file) = sibling.open()? else { continue };
        // One that can't be inflated is not the copy that is looked for, or no longer.
        if let Ok(Some((tally, end))) = drain_gz(file, place, rule) {
            return Ok(Some(((*generation).clone(), tally, Err(end))));
        }
    }
    Ok(None)
}

/// What files came to that were rotated between two readings.
struct Taken {
    tally: Tally,
    older: Vec<Older>,
    /// The end of the newest compressed one.
    passed: Option<Place>,
}

/// Opens files that were rotated meanwhile, and counts the compressed ones. `None` where names moved on under it.
fn take_in(files: Vec<&Sibling>, rule: &LogRule) -> io::Result<Option<Taken>> {
    let mut tally = Tally::default();
    let mut older = Vec::new();
    let mut passed = None;
    for sibling in files {
        let Some(file) = sibling.open()? else { return Ok(None) };
        if sibling.compressed {
            let inode = sibling.inode;
            if let Some((own, end)) = drain_gz(file, &Place::beginning(inode), rule)? {
                tally.add(own);
                passed = passed.or(Some(end));
            }
        } else {
            older.push(Older::new(Followed::new(file, None)?));
        }
    }
    Ok(Some(Taken { tally, older, passed }))
}

/// When the newest of the rotated files but the log itself that have anything in them was written last, in unix nanoseconds; 0 where there is none.
fn newest_ns(path: &Path, own_inode: u64) -> io::Result<i64> {
    let mut newest = 0;
    for sibling in beside::siblings(path, None)?.iter().filter(|sibling| sibling.inode != own_inode) {
        if let Some(file) = sibling.open()? {
            let followed = Followed::new(file, None)?;
            if followed.content_bytes(sibling.compressed)? != Some(0) {
                newest = newest.max(followed.written_ns()?);
            }
        }
    }
    Ok(newest)
}
