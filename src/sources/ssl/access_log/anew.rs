//! A log that is another file, or empty, or no longer what was read of it: what was written between is in the files that it was rotated
//! to.
//!
//! Rotation goes on while these are looked for. The log itself is therefore read first, and its rotated files after that: a copy of it
//! that is made in between has what was read in it, and is known by that. Nothing is taken over until all was found.

use super::beside::{self, Sibling};
use super::follow::Following;
use super::history::Older;
use super::place::{Followed, Place};
use super::search::{self, Found};
use super::tally::Tally;
use crate::config::LogRule;
use std::io;
use std::path::Path;

/// What was read last before the log as it is now.
#[derive(Clone, Copy)]
enum Last<'f> {
    /// The content that was cut off behind this place.
    CutOff(Place),
    /// A file that is followed on: which of the rotated ones it is tells which are newer.
    Followed(&'f Followed),
    /// Nothing by which it would be known again.
    Unknown,
}

impl Following {
    /// Goes over to another file.
    ///
    /// # Errors
    /// As for the others: when a file can't be read, or rotation never rests. All is as before then.
    pub(super) fn rotated(
        &mut self,
        path: &Path,
        rule: &LogRule,
        mut new: Followed,
        losses: &mut Vec<String>,
    ) -> io::Result<Tally> {
        // Cut off and renamed both: where its content went is too much of a guess.
        let mut is_lost = self.current.tail()?.is_none();
        let mut tally = new.drain(rule)?.unwrap_or_default();
        let newest_ns = search::newest_ns(path, new.id.1)?;
        let found = match self.missed(path, rule, &new, Last::Followed(&self.current))? {
            Some(found) => found,
            None => {
                is_lost |= self.has_newer(path)? || self.was_copied(path)?;
                Found::default()
            }
        };
        if is_lost {
            self.lose(path, losses);
        }
        tally.add(found.tally);
        self.take(tally);
        let mut older = found.older;
        older.push(Older::open(std::mem::replace(&mut self.current, new)));
        self.history.put(older);
        self.newest_ns = Some(if found.left_out { 0 } else { newest_ns });
        Ok(tally)
    }

    /// Reads a log of which nothing was read. It may have been filled, copied and cut off again since.
    ///
    /// # Errors
    /// As above.
    pub(super) fn emptied(
        &mut self,
        path: &Path,
        rule: &LogRule,
        losses: &mut Vec<String>,
    ) -> io::Result<Tally> {
        let mut log = self.current.anew()?;
        let read = log.drain(rule)?.unwrap_or_default();
        let newest_ns = search::newest_ns(path, log.id.1)?;
        let is_filled = log.place.offset > 0;
        // As long as it stays empty, it is enough to look where a newer file is seen.
        let Some(known_ns) = self.newest_ns.filter(|known_ns| is_filled || newest_ns > *known_ns) else {
            return Ok(self.go_on(log, read, Found::default(), newest_ns));
        };
        let last = match self.history.newest() {
            Some(Older::Closed(place)) => Last::CutOff(*place),
            Some(Older::Open { followed, .. }) => Last::Followed(followed),
            None => Last::Unknown,
        };
        let found = match self.missed(path, rule, &log, last)? {
            Some(found) => Some(found),
            None => self.written_after(path, &log, known_ns)?,
        };
        let is_lost = found.is_none();
        let found = found.unwrap_or_default();
        let newest_ns = if found.left_out { known_ns } else { newest_ns };
        let tally = self.go_on(log, read, found, newest_ns);
        if is_lost {
            self.lose(path, losses);
        }
        Ok(tally)
    }

    /// Reads a log that was cut off, from its beginning, and what was cut off.
    ///
    /// # Errors
    /// As above.
    pub(super) fn cut_off(
        &mut self,
        path: &Path,
        rule: &LogRule,
        losses: &mut Vec<String>,
    ) -> io::Result<Tally> {
        let mut log = self.current.anew()?;
        let read = log.drain(rule)?.unwrap_or_default();
        let newest_ns = search::newest_ns(path, log.id.1)?;
        let found = self.missed(path, rule, &log, Last::CutOff(self.current.place))?;
        let is_lost = found.is_none();
        let found = found.unwrap_or_default();
        let newest_ns = if found.left_out { 0 } else { newest_ns };
        let tally = self.go_on(log, read, found, newest_ns);
        if is_lost {
            self.lose(path, losses);
        }
        Ok(tally)
    }

    fn go_on(&mut self, log: Followed, read: Tally, found: Found, newest_ns: i64) -> Tally {
        let mut tally = read;
        tally.add(found.tally);
        self.take(tally);
        self.history.put(found.older);
        self.current = log;
        self.newest_ns = Some(newest_ns);
        tally
    }

    /// What was written after the last that was read, and is not in the log itself; `None` where that can't be known.
    fn missed(
        &self,
        path: &Path,
        rule: &LogRule,
        log: &Followed,
        last: Last<'_>,
    ) -> io::Result<Option<Found>> {
        let inode = if let Last::Followed(followed) = last { Some(followed.id.1) } else { None };
        for _ in 0..beside::LOOKS {
            let siblings = beside::at_rest(path, inode)?;
            let Some((newer, mut found)) = behind(&siblings, rule, last)? else {
                if beside::is_same(&siblings, &beside::siblings(path, inode)?) {
                    return Ok(None);
                }
                continue;
            };
            let mut between = Vec::new();
            for (age, sibling) in newer.into_iter().enumerate().rev() {
                if sibling.inode == log.id.1 || self.history.holds(sibling.inode) {
                    continue;
                }
                // What was rotated after it is newer than what was read of the log.
                if search::is_copy(sibling, age == 0, log, rule)? {
                    found.left_out = true;
                    break;
                }
                between.push(sibling);
            }
            between.reverse();
            // A name and an inode may both be another file's by now: not where all others are as they were.
            if let Some(mut taken) = search::take_in(&between, rule)?
                && beside::is_same(&siblings, &beside::siblings(path, inode)?)
            {
                taken.tally.add(found.tally);
                taken.older.extend(found.older);
                taken.left_out = found.left_out;
                return Ok(Some(taken));
            }
        }
        Err(beside::being_rotated())
    }

    /// The same where nothing tells the order: files by their time.
    fn written_after(&self, path: &Path, log: &Followed, known_ns: i64) -> io::Result<Option<Found>> {
        let is_known = |inode| inode == log.id.1 || self.history.holds(inode);
        let Some(copies) = search::written_after(path, known_ns, is_known)? else { return Ok(None) };
        let mut found = Found::default();
        for (age, copy) in copies.into_iter().enumerate().rev() {
            if search::is_copy_of(&copy, age == 0, log)? {
                found.left_out = true;
                break;
            }
            found.older.insert(0, Older::open(copy));
        }
        Ok(Some(found))
    }

    /// Whether the log, which was empty, may have been filled and copied before it went.
    fn was_copied(&self, path: &Path) -> io::Result<bool> {
        let Some(known_ns) = self.newest_ns else { return Ok(false) };
        Ok(search::newest_ns(path, self.current.id.1)? > known_ns)
    }

    fn has_newer(&self, path: &Path) -> io::Result<bool> {
        let own_ns = self.current.written_ns()?;
        for sibling in beside::siblings(path, None)? {
            if let Some(file) = sibling.open()?
                && Followed::new(file, None)?.written_ns()? > own_ns
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The files that were rotated after the last that was read, and what that one has beyond; `None` where it is not found.
fn behind<'s>(
    siblings: &'s [Sibling],
    rule: &LogRule,
    last: Last<'_>,
) -> io::Result<Option<(Vec<&'s Sibling>, Found)>> {
    Ok(match last {
        Last::CutOff(place) => search::copy_of(&place, siblings, rule)?
            .map(|(generation, found)| (beside::newer(siblings, &generation), found)),
        Last::Followed(followed) => search::generation_of(followed, siblings)?.map(|own| {
            // A name that tells no order tells of none after it.
            let newer = own.map_or_else(Vec::new, |own| beside::newer(siblings, &own));
            (newer, Found::default())
        }),
        Last::Unknown => None,
    })
}
