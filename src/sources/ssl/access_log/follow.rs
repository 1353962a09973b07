//! Following a log over its rotations: renamed, copied and cut off, compressed, once or several times between two readings.

use super::beside::{self, Generation};
use super::history::{History, OLDER_MAX, Older};
use super::note::Note;
use super::place::{Followed, Place};
use super::search;
use super::tally::Tally;
use crate::config::LogRule;
use crate::files::{is_absent, open_regular};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::path::Path;

/// A log that is followed, and its count.
#[derive(Debug)]
pub(super) struct Following {
    pub(super) current: Followed,
    pub(super) history: History,
    /// When the newest rotated file was written last, while the log is empty.
    pub(super) newest_ns: Option<i64>,
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
        let mut history = History::default();
        if current.size()? == 0
            && let Some(last) = search::newest_at_end(path)?
        {
            history.push(Older::open(last));
        }
        Ok(Following { current, history, newest_ns: None, count: 0, incarnation })
    }

    /// Goes on where an earlier run of the agent stopped.
    ///
    /// # Errors
    /// When the log can't be read, or is not there.
    pub(super) fn resumed(path: &Path, rule: &LogRule, note: &Note) -> io::Result<Self> {
        let Some((place, older)) = note.places.split_first() else { return Self::begin(path) };
        if place.offset == 0 {
            return Self::resumed_empty(path, note);
        }
        let Note { newest_ns, count, incarnation, .. } = *note;
        let current = Self::found_again(path, place)?;
        let mut following = Following { current, history: History::default(), newest_ns, count, incarnation };
        for place in older {
            match search::renamed(path, place)? {
                Some(followed) => following.history.push(Older::open(followed)),
                None => following.recover_older(path, rule, place)?,
            }
        }
        Ok(following)
    }

    /// Goes on with a log that was empty, as all were before it. There is nothing to know an empty file by; whatever has been written
    /// since is new.
    fn resumed_empty(path: &Path, note: &Note) -> io::Result<Self> {
        let Note { newest_ns, count, incarnation, .. } = *note;
        let mut history = History::default();
        let current = match open_regular(path) {
            Err(error) if is_absent(&error) => {
                let written = search::written_after(path, newest_ns.unwrap_or(i64::MAX), |_| false)?;
                let mut written = written.unwrap_or_default().into_iter();
                let newest = written.next().ok_or(error)?;
                history.put(written.map(Older::open).collect());
                newest
            }
            at_path => Followed::new(at_path?, None)?,
        };
        Ok(Following { current, history, newest_ns, count, incarnation })
    }

    /// The file that was read up to a place. Where it is neither the log nor has another name, the log itself, with that place: what
    /// became of the file, if it was copied or compressed, is then searched for as if the log had been cut off.
    fn found_again(path: &Path, place: &Place) -> io::Result<Followed> {
        match open_regular(path).and_then(|file| Followed::new(file, Some(*place))) {
            Ok(followed) if followed.id.1 == place.inode => Ok(followed),
            Err(error) if !is_absent(&error) => Err(error),
            at_path => search::renamed(path, place)?.map_or(at_path, Ok),
        }
    }

    /// What is to be kept for the next run.
    #[must_use]
    pub(super) fn note(&self, of: u64) -> Note {
        // An empty file can't be known again; it follows the last one that is not.
        let all = std::iter::once(self.current.place).chain(self.history.places());
        let mut places: Vec<Place> = all.filter(|place| place.offset > 0).take(1 + OLDER_MAX).collect();
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
        let new = match open_regular(path) {
            Ok(file) => Some(Followed::new(file, None)?).filter(|new| new.id != self.current.id),
            // The server goes on writing to the file that was renamed last, until it makes a new one.
            Err(error) if is_absent(&error) => self.renamed_last(path)?,
            Err(error) => return Err(error),
        };
        let mut tally = match new {
            Some(new) => self.rotated(path, rule, new, losses)?,
            // Nothing in an empty log tells that it is the same: it may have been filled and cut off again.
            None if self.current.place.offset == 0 => self.emptied(path, rule, losses)?,
            None if self.current.tail()?.is_none() => self.cut_off(path, rule, losses)?,
            None => {
                // Cut off this very moment, it is found so at the next reading.
                let new = self.current.drain(rule)?.unwrap_or_default();
                self.take(new);
                new
            }
        };
        tally.add(self.drain_older(rule)?);
        let is_empty = self.current.place.offset == 0;
        self.history.tidy(is_empty);
        if !is_empty {
            self.newest_ns = None;
        }
        Ok(tally)
    }

    fn drain_older(&mut self, rule: &LogRule) -> io::Result<Tally> {
        let mut all = Tally::default();
        let drained = self.history.drain(rule, &mut all);
        self.take(all);
        drained.map(|()| all)
    }

    /// Adds what was counted. Where a line could not be read, nobody knows whether it was a session: the count is another from here
    /// on, so that the slot is a gap.
    pub(super) fn take(&mut self, tally: Tally) {
        self.count += tally.sessions;
        if tally.foreign > 0 {
            self.incarnation = self.incarnation.wrapping_add(1);
        }
    }

    /// Lines are gone: the count is another from here on, so that the slot is a gap.
    pub(super) fn lose(&mut self, path: &Path, losses: &mut Vec<String>) {
        self.incarnation = self.incarnation.wrapping_add(1);
        // What was before the loss is no place to go on from.
        self.history.clear();
        let loss = format!(
            "{} was cut off or replaced, and its earlier content is not beside it: what was written since the last sample is \
             not counted; keep one rotated file at least, in the same directory",
            path.display()
        );
        if !losses.contains(&loss) {
            losses.push(loss);
        }
    }

    /// The newest of the rotated files, where it is not the one that is held open.
    fn renamed_last(&self, path: &Path) -> io::Result<Option<Followed>> {
        let siblings = beside::siblings(path, Some(self.current.id.1))?;
        let own = search::generation_of(&self.current, &siblings)?.ok_or(io::ErrorKind::NotFound)?;
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

    /// Counts what the copy of a file that was rotated before has beyond a place.
    fn recover_older(&mut self, path: &Path, rule: &LogRule, place: &Place) -> io::Result<()> {
        if let Some((_, found)) = search::copy_of(place, &beside::siblings(path, None)?, rule)? {
            self.take(found.tally);
            found.older.into_iter().for_each(|older| self.history.push(older));
        }
        Ok(())
    }
}
