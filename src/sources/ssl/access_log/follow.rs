//! Following a log over its rotations: renamed, copied and cut off, compressed, once or several times between two readings.

use super::beside::{self, Generation, Sibling};
use super::history::{History, OLDER_MAX, Older};
use super::note::Note;
use super::place::{Followed, Place, is_compressed};
use super::search::{self, Found};
use super::tally::Tally;
use crate::config::LogRule;
use crate::files::{is_absent, open_regular};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::path::Path;

/// How often the directory is read again while files are being renamed in it.
const LOOKS: usize = 3;

/// A log that is followed, and its count.
#[derive(Debug)]
pub(super) struct Following {
    current: Followed,
    history: History,
    /// When the newest rotated file was written last, while the log is empty.
    newest_ns: Option<i64>,
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
    pub(super) fn resumed(
        path: &Path,
        rule: &LogRule,
        note: &Note,
        losses: &mut Vec<String>,
    ) -> io::Result<Self> {
        let Some((place, older)) = note.places.split_first() else { return Self::begin(path) };
        if place.offset == 0 {
            return Self::resumed_empty(path, note, losses);
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
    fn resumed_empty(path: &Path, note: &Note, losses: &mut Vec<String>) -> io::Result<Self> {
        let at_path = open_regular(path);
        let written = search::written_after(path, note.newest_ns.unwrap_or(i64::MAX), |_| false)?;
        let is_lost = written.is_none();
        let mut written = written.unwrap_or_default().into_iter();
        let current = match at_path {
            Err(error) if is_absent(&error) => written.next().ok_or(error)?,
            at_path => Followed::new(at_path?, None)?,
        };
        let Note { count, incarnation, .. } = *note;
        let mut history = History::default();
        history.put(written.map(Older::open).collect());
        let mut following = Following { current, history, newest_ns: None, count, incarnation };
        if is_lost {
            following.lose(path, losses);
        }
        Ok(following)
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
        let mut tally = Tally::default();
        match open_regular(path) {
            Ok(file) => {
                let new = Followed::new(file, None)?;
                if new.id != self.current.id {
                    tally.add(self.rotate(path, rule, new, losses)?);
                }
            }
            // The server goes on writing to the file that was renamed last, until it makes a new one.
            Err(error) if is_absent(&error) => {
                if let Some(new) = self.renamed_last(path)? {
                    tally.add(self.rotate(path, rule, new, losses)?);
                }
            }
            Err(error) => return Err(error),
        }
        let is_empty = self.current.place.offset == 0;
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
        let is_empty = self.current.place.offset == 0;
        self.history.tidy(is_empty);
        self.newest_ns = if is_empty { Some(search::newest_ns(path, self.current.id.1)?) } else { None };
        Ok(tally)
    }

    fn drain(&mut self, rule: &LogRule) -> io::Result<Tally> {
        let mut all = Tally::default();
        let drained = self.history.drain(rule, &mut all);
        self.take(all);
        drained?;
        // Cut off this very moment, it is found so at the next reading.
        let tally = self.current.drain(rule)?.unwrap_or_default();
        self.take(tally);
        all.add(tally);
        Ok(all)
    }

    /// Adds what was counted. Where a line could not be read, nobody knows whether it was a session: the count is another from here
    /// on, so that the slot is a gap.
    fn take(&mut self, tally: Tally) {
        self.count += tally.sessions;
        if tally.foreign > 0 {
            self.incarnation = self.incarnation.wrapping_add(1);
        }
    }

    /// Lines are gone: the count is another from here on, so that the slot is a gap.
    fn lose(&mut self, path: &Path, losses: &mut Vec<String>) {
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
            let between: Vec<_> = between.into_iter().filter(|sibling| sibling.inode != new.id.1).collect();
            if let Some(Found { tally, mut older }) = search::take_in(&between, rule)? {
                self.newest_ns = None;
                self.take(tally);
                older.push(Older::open(std::mem::replace(&mut self.current, new)));
                self.history.put(older);
                return Ok(tally);
            }
        }
        Err(being_rotated())
    }

    /// An empty log may have been filled, copied and cut off again since. Copies are known by their time.
    fn look_for_copies(&mut self, path: &Path, known_ns: i64, losses: &mut Vec<String>) -> io::Result<()> {
        let is_known = |inode| inode == self.current.id.1 || self.history.holds(inode);
        match search::written_after(path, known_ns, is_known)? {
            Some(copies) => self.history.put(copies.into_iter().map(Older::open).collect()),
            None => self.lose(path, losses),
        }
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
        Ok(search::newest_ns(path, self.current.id.1)? > known_ns)
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
        if let Some((_, found)) = search::copy_of(place, &beside::siblings(path, None)?, rule)? {
            self.take(found.tally);
            found.older.into_iter().for_each(|older| self.history.push(older));
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
            let Some((generation, copy)) = search::copy_of(place, &siblings, rule)? else { return Ok(None) };
            let newer = beside::newer(&siblings, &generation);
            let newer: Vec<_> =
                newer.into_iter().filter(|sibling| sibling.inode != self.current.id.1).collect();
            if let Some(mut found) = search::take_in(&newer, rule)? {
                found.tally.add(copy.tally);
                found.older.extend(copy.older);
                self.take(found.tally);
                self.history.put(found.older);
                return Ok(Some(found.tally));
            }
        }
        Err(being_rotated())
    }
}

fn being_rotated() -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, "it is being rotated: it is read again with the next sample")
}
