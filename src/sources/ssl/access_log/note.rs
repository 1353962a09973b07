//! What is kept of a log over restarts of the agent.

use super::history::OLDER_MAX;
use super::place::Place;
use std::fmt;

const VERSION: &str = "1";

/// How far a log was read, and what that came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    /// Which log, by which rule: a count by another is no use.
    pub of: u64,
    /// The sessions counted.
    pub count: u64,
    /// The incarnation of the count.
    pub incarnation: u64,
    /// When the newest rotated file was written last, while the log is empty.
    pub newest_ns: Option<i64>,
    /// The log, and the files before it that may still grow, oldest last.
    pub places: Vec<Place>,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION} {:x} {} {} ", self.of, self.count, self.incarnation)?;
        match self.newest_ns {
            Some(newest_ns) => write!(f, "{newest_ns}")?,
            None => f.write_str("-")?,
        }
        for Place { inode, offset, print, in_long_line } in &self.places {
            write!(f, " {inode} {offset} {print:x} {}", u8::from(*in_long_line))?;
        }
        Ok(())
    }
}

impl Note {
    /// Reads a note; `None` where it is none.
    #[must_use]
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        if words.next()? != VERSION {
            return None;
        }
        let of = u64::from_str_radix(words.next()?, 16).ok()?;
        let (count, incarnation) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let newest_ns = match words.next()? {
            "-" => None,
            nanoseconds => Some(nanoseconds.parse().ok()?),
        };
        let mut places = Vec::new();
        while let Some(inode) = words.next() {
            places.push(Place {
                inode: inode.parse().ok()?,
                offset: words.next()?.parse().ok()?,
                print: u64::from_str_radix(words.next()?, 16).ok()?,
                in_long_line: words.next()? == "1",
            });
        }
        (!places.is_empty() && places.len() <= OLDER_MAX + 1).then_some(Note {
            of,
            count,
            incarnation,
            newest_ns,
            places,
        })
    }
}
