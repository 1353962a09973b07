//! Verifying a ledger: walking the chain, and holding the peaks of days against the slots they were made from.

use super::{DayRow, Ledger, LedgerError, PEAKS_RETENTION_S, PeakRow, StoredSlot};
use highwater_rules::chain::{Digest, digest, genesis};
use highwater_rules::day::BillingDay;
use highwater_rules::peaks::{DaySummary, PEAK_DEFINITION};
use highwater_rules::record::Reading;
use highwater_rules::slot::SlotLength;

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
    /// against its peaks and coverage.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn verify(&self) -> Result<Verdict, LedgerError> {
        let oldest = self.oldest_expected().map_err(|e| self.failed(e))?;
        let mut walk = Walk {
            slots: 0,
            next_seq: (self.head.seq > 0).then_some(oldest),
            previous: (oldest == 1).then(|| genesis(&self.instance)),
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
            verdict.first_bad = self.stray_rows().map_err(|e| self.failed(e))?;
        }
        if verdict.first_bad.is_none() {
            self.verify_days(oldest, &mut verdict)?;
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

    /// Samples and outages whose slot is gone, and outages whose times are not those of their slots.
    fn stray_rows(&self) -> rusqlite::Result<Option<Bad>> {
        let strays = [
            (
                "outages of other times than their slots",
                "SELECT min(missed.position) FROM missed JOIN ring ON ring.id = missed.position << 16 \
                 WHERE from_at <> first_slot * slot_s OR to_at <> (last_slot + 1) * slot_s",
            ),
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

    fn verify_days(&self, oldest: i64, verdict: &mut Verdict) -> Result<(), LedgerError> {
        for row in self.days("", "~")? {
            let (Some(_), Some(closed_seq)) = (row.closed_at, row.closed_seq) else { continue };
            if row.first_seq < oldest {
                continue;
            }
            verdict.days += 1;
            if let Some(why) = self.day_differs(&row, closed_seq)? {
                verdict.first_bad = Some(Bad { day: Some(row.day), why, ..Bad::default() });
                return Ok(());
            }
        }
        Ok(())
    }

    fn day_differs(&self, row: &DayRow, closed_seq: i64) -> Result<Option<String>, LedgerError> {
        let Ok(date) = row.day.parse() else { return Ok(Some(format!("`{}` is no date", row.day))) };
        let Some(length) = row.slot_s.and_then(|s| SlotLength::new(u64::try_from(s).ok()?).ok()) else {
            return Ok(Some("its slots have no length that slots can have".to_owned()));
        };
        let day = BillingDay { date, start: row.starts, end: row.ends };
        let until = row.until.unwrap_or(row.ends);
        let summary = self.summary(&day, row.first_seq, closed_seq, until, length)?;
        if summary.coverage != row.coverage || row.expected != Some(summary.coverage.expected()) {
            return Ok(Some(format!(
                "its coverage is written as {} read of {:?}, its slots say {} of {}, or other reasons for the rest",
                row.coverage.read,
                row.expected.unwrap_or(0),
                summary.coverage.read,
                summary.coverage.expected()
            )));
        }
        if summary.present_slots != row.present_slots {
            return Ok(Some(format!(
                "the software is written to have been there in {} slots, its slots say {}",
                row.present_slots, summary.present_slots
            )));
        }
        Ok(peaks_differ(&self.peaks(row)?, &summary))
    }
}

fn peaks_differ(stored: &[PeakRow], summary: &DaySummary) -> Option<String> {
    for series in &summary.series {
        let Some(row) = stored.iter().find(|p| p.series == series.series) else {
            return Some(format!("the peak of {} is gone", series.series));
        };
        let told = row.peak.map(|(reading, at)| (parts(&reading), at));
        let made = series.peak.map(|p| (parts(&p.reading), p.at));
        let runner_up = series.runner_up.map(|p| (p.reading.value, p.at));
        let rest = (runner_up, series.p95, series.coverage, PEAK_DEFINITION);
        if told != made || rest != (row.runner_up, row.p95, row.coverage, row.definition) {
            return Some(format!(
                "the peak of {} is written as {}, its slots say {}, or another runner-up, percentile or coverage",
                series.series,
                figure(told.map(|((value, _), at)| (value, at))),
                figure(made.map(|((value, _), at)| (value, at)))
            ));
        }
    }
    stored
        .iter()
        .find(|p| !summary.series.iter().any(|s| s.series == p.series))
        .map(|p| format!("it has a peak of {}, of which its slots know nothing", p.series))
}

fn parts(reading: &Reading) -> (f64, Option<(f64, f64)>) {
    (reading.value, reading.directions.map(|d| (d.rx, d.tx)))
}

fn figure(peak: Option<(f64, i64)>) -> String {
    peak.map_or_else(|| "none".to_owned(), |(value, at)| format!("{value} at {at}"))
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
