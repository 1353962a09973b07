//! The files that a log was before: which are still read, and which tell where to go on after a restart.

use super::place::{Followed, Place};
use super::tally::Tally;
use crate::config::LogRule;
use std::io;

/// How many of them are kept.
pub(super) const OLDER_MAX: usize = 6;
/// How many readings must find nothing new in a file before it counts as read to its end.
const QUIET_READINGS_MAX: u8 = 1;
/// The same, where there is a line in it that has no end.
const UNFINISHED_READINGS_MAX: u8 = 3;

/// A file that was rotated.
#[derive(Debug)]
pub(super) enum Older {
    /// A server that has not opened the new one yet still writes to it.
    Open {
        /// The file.
        followed: Followed,
        /// How many readings found nothing new in it.
        quiet: u8,
    },
    /// Nobody writes to it: up to where it was read.
    Closed(Place),
}

impl Older {
    /// One that is read.
    #[must_use]
    pub(super) const fn open(followed: Followed) -> Self {
        Older::Open { followed, quiet: 0 }
    }

    const fn place(&self) -> Place {
        match self {
            Older::Open { followed, .. } => followed.place,
            Older::Closed(place) => *place,
        }
    }

    /// Whether more may be written to it.
    fn is_awaited(&self) -> bool {
        let Older::Open { followed, quiet } = self else { return false };
        let is_unfinished = followed.size().is_ok_and(|size| size > followed.place.offset);
        *quiet <= if is_unfinished { UNFINISHED_READINGS_MAX } else { QUIET_READINGS_MAX }
    }

    /// A file without a name is let go of, so that its blocks are free.
    fn let_go(self) -> Self {
        match self {
            Older::Open { followed, .. } if !followed.has_name() => Older::Closed(followed.place),
            older => older,
        }
    }
}

/// All of them, newest first.
#[derive(Debug, Default)]
pub(super) struct History(Vec<Older>);

impl History {
    /// Puts files before all others: they are newer, and in order themselves.
    pub(super) fn put(&mut self, newer: Vec<Older>) {
        self.0.splice(0..0, newer);
    }

    /// Adds one behind all others.
    pub(super) fn push(&mut self, oldest: Older) {
        self.0.push(oldest);
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// How far each was read.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        self.0.iter().map(Older::place)
    }

    /// The newest that has anything in it.
    #[must_use]
    pub(super) fn newest(&self) -> Option<&Older> {
        self.0.iter().find(|older| older.place().offset > 0)
    }

    /// Whether it holds the file of that inode open.
    #[must_use]
    pub(super) fn holds(&self, inode: u64) -> bool {
        self.0.iter().any(|older| matches!(older, Older::Open { followed, .. } if followed.id.1 == inode))
    }

    /// Counts what is new in them into `tally`.
    ///
    /// # Errors
    /// When one can't be read. What was counted of others is in `tally`.
    pub(super) fn drain(&mut self, rule: &LogRule, tally: &mut Tally) -> io::Result<()> {
        for older in &mut self.0 {
            let Older::Open { followed, quiet } = older else { continue };
            let new = followed.drain(rule)?.unwrap_or_default();
            *quiet = if new.lines > 0 { 0 } else { quiet.saturating_add(1) };
            tally.add(new);
        }
        Ok(())
    }

    /// Keeps those that are read, and the newest that has anything in it while the log itself has nothing: by its content it is known
    /// again, an empty file is not, and the server may not have opened the log.
    pub(super) fn tidy(&mut self, log_is_empty: bool) {
        let mut is_needed = log_is_empty;
        let mut kept: Vec<Older> = Vec::new();
        for older in self.0.drain(..) {
            let is_last = is_needed && older.place().offset > 0;
            is_needed &= !is_last;
            if is_last || (kept.len() < OLDER_MAX && older.is_awaited()) {
                kept.push(if older.is_awaited() { older } else { older.let_go() });
            }
        }
        self.0 = kept;
    }
}
