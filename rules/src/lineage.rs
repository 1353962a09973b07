//! Where a report belongs in what an identity has sent before, as central decides it.
//!
//! Each report names the digest of the one before it. Two machines that were one (a cloned VM), or a machine put back to an older
//! state, go on from the same report in two ways: that is a fork, and the second way becomes an identity of its own. Nothing is
//! refused for it: both sides' data are kept.

use crate::chain::Digest;

/// One line of reports: the identity's own, or one that split from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<Id> {
    /// Whom it is counted for.
    pub id: Id,
    /// The sequence number of its last report; 0 where it has none.
    pub sequence: u64,
    /// The digest of its last report.
    pub digest: Option<Digest>,
}

/// Where a report belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<Id> {
    /// Behind the last report of this line.
    Next(Id),
    /// Behind the last report of this line, but `missing` reports between never came.
    AfterHole {
        /// The line.
        line: Id,
        /// How many reports are missing.
        missing: u64,
    },
    /// It goes on from an earlier report of this line, or begins anew: a new line.
    Fork {
        /// The line that it left.
        from: Id,
    },
}

/// Where a report that is not known yet belongs. `lines` are those of one identity key, its own first; `holder` is the line that
/// holds the report named as the one before, if any does.
///
/// `None` where there is no line at all: the key is not activated.
#[must_use]
pub fn place<Id: Copy>(
    sequence: u64,
    previous: Option<Digest>,
    lines: &[Line<Id>],
    holder: Option<Id>,
) -> Option<Place<Id>> {
    let own = lines.first()?;
    let follows =
        |line: &&Line<Id>| line.sequence.checked_add(1) == Some(sequence) && line.digest == previous;
    if let Some(line) = lines.iter().find(follows) {
        return Some(Place::Next(line.id));
    }
    if let Some(from) = holder {
        return Some(Place::Fork { from });
    }
    // The report before it is not known: lost on its way, or never made here.
    let latest = lines.iter().max_by_key(|line| line.sequence).unwrap_or(own);
    Some(match sequence.checked_sub(latest.sequence.saturating_add(1)) {
        Some(missing) if previous.is_some() => Place::AfterHole { line: latest.id, missing },
        _ => Place::Fork { from: own.id },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(n: u8) -> Option<Digest> {
        Some(Digest([n; 32]))
    }

    #[test]
    fn reports_find_their_line() {
        let fresh = [Line { id: 'a', sequence: 0, digest: None }];
        let grown = [Line { id: 'a', sequence: 5, digest: digest(5) }];
        let split = [
            Line { id: 'a', sequence: 5, digest: digest(5) },
            Line { id: 'b', sequence: 6, digest: digest(60) },
        ];
        for (what, sequence, previous, lines, holder, expected) in [
            ("the first report", 1, None, &fresh[..], None, Place::Next('a')),
            ("the next", 6, digest(5), &grown, Some('a'), Place::Next('a')),
            ("the next of the clone", 7, digest(60), &split, Some('b'), Place::Next('b')),
            ("the next of the original", 6, digest(5), &split, Some('a'), Place::Next('a')),
            ("a clone's first own way", 5, digest(4), &grown, Some('a'), Place::Fork { from: 'a' }),
            ("a ledger begun anew", 1, None, &grown, None, Place::Fork { from: 'a' }),
            (
                "one after a parked report",
                7,
                digest(6),
                &grown,
                None,
                Place::AfterHole { line: 'a', missing: 1 },
            ),
            (
                "one after a lost ledger",
                6,
                digest(99),
                &grown,
                None,
                Place::AfterHole { line: 'a', missing: 0 },
            ),
            ("history written anew", 4, digest(99), &grown, None, Place::Fork { from: 'a' }),
            ("activated late", 40, digest(39), &fresh, None, Place::AfterHole { line: 'a', missing: 39 }),
        ] {
            assert_eq!(place(sequence, previous, lines, holder), Some(expected), "{what}");
        }
        assert_eq!(place::<char>(1, None, &[], None), None);
    }
}
