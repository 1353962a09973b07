//! Verifying a ledger: walking the chain, and holding the peaks of days against the slots they were made from.

use super::append::HEAD_EVERY_SLOTS;
use super::{Ledger, LedgerError, PEAKS_RETENTION_S, StoredSlot};
use highwater_rules::chain::{Digest, digest, genesis};
use rusqlite::OptionalExtension as _;

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// How many slots were walked.
    pub slots: u64,
    /// How many closed days were held against their slots.
    pub days: u64,
    /// The first row that does not fit.
    pub first_bad: Option<Bad>,
}

/// A row that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bad {
    /// The slot's number, where it is a slot's row.
    pub slot: Option<i64>,
    /// The slot's end, in unix seconds.
    pub at: Option<i64>,
    /// The row's number in the order of writing.
    pub seq: Option<i64>,
    /// The day, where it is a day's row.
    pub day: Option<String>,
    /// What does not fit.
    pub why: String,
}

/// The walk along the chain.
struct Walk {
    slots: u64,
    next_seq: Option<i64>,
    previous: Option<Digest>,
    bad: Option<Bad>,
}

impl Ledger {
    /// Walks the whole chain from its oldest row to its newest, then holds every closed day whose slots are all still there
    /// against its peaks and coverage, and every report in the outbox against its digest.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn verify(&self) -> Result<Verdict, LedgerError> {
        let oldest = self.oldest_expected().map_err(|e| self.failed(e))?;
        let mut walk = Walk {
            slots: 0,
            next_seq: (self.head.seq > 0).then_some(oldest),
            previous: (oldest == 1).then(|| genesis(&self.instance, self.first_start)),
            bad: self.integrity().map_err(|e| self.failed(e))?,
        };
        if walk.bad.is_none() {
            self.walk(&mut walk)?;
        }
        let mut verdict = Verdict { slots: walk.slots, days: 0, first_bad: walk.bad };
        if verdict.first_bad.is_none() {
            verdict.first_bad = self.stray_slot(oldest).map_err(|e| self.failed(e))?;
        }
        if verdict.first_bad.is_none() {
            verdict.first_bad = self.missing_head().map_err(|e| self.failed(e))?;
        }
        if verdict.first_bad.is_none() {
            verdict.first_bad = self.false_outage().map_err(|e| self.failed(e))?;
        }
        if verdict.first_bad.is_none() {
            verdict.first_bad = self.stray_rows().map_err(|e| self.failed(e))?;
        }
        if verdict.first_bad.is_none() {
            self.verify_days(oldest, &mut verdict)?;
        }
        if verdict.first_bad.is_none() {
            verdict.first_bad = self.changed_report()?;
        }
        Ok(verdict)
    }

    fn walk(&self, walk: &mut Walk) -> Result<(), LedgerError> {
        let walked = self.visit(i64::MIN, i64::MAX, |slot| {
            if walk.bad.is_none() {
                walk.step(&slot);
            }
            Ok(())
        });
        match walked {
            Ok(()) => {}
            Err(LedgerError::Nonsense { what, .. }) if walk.bad.is_none() => {
                walk.bad = Some(walk.after(format!("its row, or one just behind it, can't be read: {what}")));
            }
            Err(LedgerError::Sqlite { source, .. })
                if walk.bad.is_none() && source.sqlite_error_code().is_none() =>
            {
                walk.bad =
                    Some(walk.after(format!("its row, or one just behind it, can't be read: {source}")));
            }
            Err(error) => return Err(error),
        }
        if walk.bad.is_none() && (walk.next_seq.unwrap_or(1) != self.head.seq + 1) {
            walk.bad = Some(walk.after(format!(
                "the chain goes on to row {}, but the rows from here on are gone",
                self.head.seq
            )));
        }
        if walk.bad.is_none() && walk.previous.is_some_and(|digest| digest != self.head.digest) {
            walk.bad =
                Some(walk.after("the head of the chain has another digest than the last row".to_owned()));
        }
        Ok(())
    }

    /// The number of the oldest row that must still be there.
    fn oldest_expected(&self) -> rusqlite::Result<i64> {
        let dropped = self.rings.0.first().map_or(1, |ring| {
            let next = self.rings.0.get(1).map_or(self.head.seq, |n| n.first_seq - 1);
            ring.first_seq.max(next - ring.capacity + 1)
        });
        Ok(dropped.max(1))
    }

    fn integrity(&self) -> rusqlite::Result<Option<Bad>> {
        let said: String = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        Ok((said != "ok").then(|| Bad { why: format!("the file is damaged: {said}"), ..Bad::default() }))
    }

    /// A slot that is no part of the chain, though it stands in the ring; or one whose day is gone.
    fn stray_slot(&self, oldest: i64) -> rusqlite::Result<Option<Bad>> {
        let days = self.day_spans()?;
        let mut statement = self.connection.prepare("SELECT position, seq, slot, at, slot_s FROM slots")?;
        let mut rows = statement.query([])?;
        let mut held: Option<(i64, i64)> = None;
        while let Some(row) = rows.next()? {
            let (position, seq, at): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(3)?);
            let start = at - row.get::<_, i64>(4)?;
            let within = |(from, to): &(i64, i64)| (*from..*to).contains(&start);
            let placed =
                (oldest..=self.head.seq).contains(&seq) && self.rings.position(seq) == Some(position);
            if held.as_ref().is_none_or(|day| !within(day)) {
                held = days.iter().copied().find(within);
            }
            // Days go after three years; a ring can be longer.
            let day_kept =
                days.last().is_some_and(|(_, to)| start < to - PEAKS_RETENTION_S) || held.is_some();
            if !placed || !day_kept {
                let why =
                    if placed { "the day that it belongs to is gone" } else { "it is no part of the chain" };
                let slot = Some(row.get(2)?);
                return Ok(Some(Bad { slot, at: Some(at), seq: Some(seq), day: None, why: why.to_owned() }));
            }
        }
        Ok(None)
    }

    /// The spans of the days that there are rows of, oldest first.
    fn day_spans(&self) -> rusqlite::Result<Vec<(i64, i64)>> {
        let mut statement = self.connection.prepare("SELECT starts, ends FROM days ORDER BY starts")?;
        let spans = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        spans.collect()
    }

    /// A slot whose outages have other times, by which coverage is told, than the slots that they name.
    fn false_outage(&self) -> rusqlite::Result<Option<Bad>> {
        let sql = "SELECT slot, at, seq FROM missed JOIN ring ON ring.id = missed.position << 16 \
                   WHERE from_at <> first_slot * slot_s OR to_at <> (last_slot + 1) * slot_s ORDER BY seq LIMIT 1";
        let why = "the times of slots that it says were missed are not those of these slots";
        self.connection
            .query_row(sql, [], |row| {
                let (slot, at, seq) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(Bad { slot: Some(slot), at: Some(at), seq: Some(seq), day: None, why: why.to_owned() })
            })
            .optional()
    }

    /// The head, which is written at the latest with every twelfth slot, and only goes when someone removes it.
    fn missing_head(&self) -> rusqlite::Result<Option<Bad>> {
        let heads: i64 = self.connection.query_row("SELECT count(*) FROM head", [], |row| row.get(0))?;
        let gone = heads == 0 && self.head.seq >= HEAD_EVERY_SLOTS;
        let why = "the row that says how far the chain goes is gone from table head";
        Ok(gone.then(|| Bad { why: why.to_owned(), ..Bad::default() }))
    }

    /// Samples and outages whose slot is gone.
    fn stray_rows(&self) -> rusqlite::Result<Option<Bad>> {
        let strays = [
            (
                "samples without a slot",
                "SELECT min(id >> 16) FROM ring WHERE seq IS NULL AND NOT EXISTS \
                         (SELECT 1 FROM ring AS slot WHERE slot.id = ring.id & ~65535 AND slot.seq IS NOT NULL)",
            ),
            (
                "outages without a slot",
                "SELECT min(position) FROM missed WHERE NOT EXISTS \
                         (SELECT 1 FROM ring WHERE id = position << 16 AND seq IS NOT NULL)",
            ),
        ];
        for (what, sql) in strays {
            let stray: Option<i64> = self.connection.query_row(sql, [], |row| row.get(0))?;
            if let Some(position) = stray {
                let why = format!("there are {what} at position {position}");
                return Ok(Some(Bad { why, ..Bad::default() }));
            }
        }
        Ok(None)
    }
}

impl Walk {
    fn step(&mut self, slot: &StoredSlot) {
        self.slots += 1;
        let bad = |why: String| Bad {
            slot: Some(slot.record.slot.0),
            at: Some(slot.at),
            seq: Some(slot.seq),
            day: None,
            why,
        };
        let expected = self.next_seq.unwrap_or(slot.seq);
        self.next_seq = Some(slot.seq + 1);
        let before = self.previous.replace(slot.digest);
        self.bad = if slot.seq != expected {
            Some(bad(format!(
                "row {expected} should stand here: rows before this one are gone or out of order"
            )))
        } else if before.is_some_and(|digest| digest != slot.previous) {
            Some(bad("it does not follow the row before it: one of the two was changed".to_owned()))
        } else if digest(&slot.previous, &slot.record) != slot.digest {
            Some(bad("its digest does not fit what it says: the row was changed".to_owned()))
        } else if slot.at != slot.record.at() {
            Some(bad(format!("its end is written as {}, its slot says {}", slot.at, slot.record.at())))
        } else {
            None
        };
    }

    fn after(&self, why: String) -> Bad {
        Bad { seq: self.next_seq, why, ..Bad::default() }
    }
}
