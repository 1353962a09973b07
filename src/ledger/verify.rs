//! Verifying a ledger: walking the chain, and holding the peaks of days against the slots they were made from.

use super::{DayRow, Ledger, LedgerError, PeakRow, StoredSlot};
use highwater_rules::chain::{Digest, digest, genesis};
use highwater_rules::day::BillingDay;
use highwater_rules::peaks::DaySummary;

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

    /// Samples and outages whose slot is gone.
    fn stray_rows(&self) -> rusqlite::Result<Option<Bad>> {
        let strays = [
            (
                "samples",
                "SELECT min(id >> 16) FROM ring WHERE seq IS NULL AND NOT EXISTS \
                         (SELECT 1 FROM ring AS slot WHERE slot.id = ring.id & ~65535 AND slot.seq IS NOT NULL)",
            ),
            (
                "outages",
                "SELECT min(position) FROM missed WHERE NOT EXISTS \
                         (SELECT 1 FROM ring WHERE id = position << 16 AND seq IS NOT NULL)",
            ),
        ];
        for (what, sql) in strays {
            let stray: Option<i64> = self.connection.query_row(sql, [], |row| row.get(0))?;
            if let Some(position) = stray {
                let why = format!("there are {what} at position {position}, but no slot");
                return Ok(Some(Bad { why, ..Bad::default() }));
            }
        }
        Ok(None)
    }

    fn verify_days(&self, oldest: i64, verdict: &mut Verdict) -> Result<(), LedgerError> {
        for row in self.days("", "~")? {
            let (Some(last_seq), true) = (row.last_seq, row.closed_at.is_some()) else { continue };
            if row.first_seq < oldest {
                continue;
            }
            verdict.days += 1;
            if let Some(why) = self.day_differs(&row, last_seq)? {
                verdict.first_bad = Some(Bad { day: Some(row.day), why, ..Bad::default() });
                return Ok(());
            }
        }
        Ok(())
    }

    fn day_differs(&self, row: &DayRow, last_seq: i64) -> Result<Option<String>, LedgerError> {
        let Ok(date) = row.day.parse() else { return Ok(Some(format!("`{}` is no date", row.day))) };
        let day = BillingDay { date, start: row.starts, end: row.ends };
        let until = row.until.unwrap_or(row.ends);
        let summary =
            self.summary(&day, row.first_seq, last_seq.max(row.first_seq), until, self.plan.length)?;
        let read = summary.coverage.read;
        if read != row.coverage.read {
            return Ok(Some(format!("it says {} slots were read, its slots say {read}", row.coverage.read)));
        }
        Ok(peaks_differ(&self.peaks(row)?, &summary))
    }
}

fn peaks_differ(stored: &[PeakRow], summary: &DaySummary) -> Option<String> {
    for series in &summary.series {
        let Some(row) = stored.iter().find(|p| p.series == series.series) else {
            return Some(format!("the peak of {} is gone", series.series));
        };
        let peak = series.peak.map(|p| (p.reading.value, p.at));
        let told = row.peak.map(|(reading, at)| (reading.value, at));
        let runner_up = series.runner_up.map(|p| (p.reading.value, p.at));
        if peak != told || runner_up != row.runner_up || series.p95 != row.p95 {
            return Some(format!(
                "the peak of {} is written as {}, its slots say {}",
                series.series,
                figure(told),
                figure(peak)
            ));
        }
    }
    stored
        .iter()
        .find(|p| !summary.series.iter().any(|s| s.series == p.series))
        .map(|p| format!("it has a peak of {}, of which its slots know nothing", p.series))
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
