//! Holding closed days against the slots that they were made from.

use super::verify::{Bad, Verdict};
use super::{DayRow, Ledger, LedgerError, PeakRow};
use highwater_rules::chain::Digest;
use highwater_rules::peaks::{DaySummary, PEAK_DEFINITION, Peak, SeriesDay};
use highwater_rules::slot::SlotLength;

impl Ledger {
    /// Holds every closed day whose slots are all still there against them: a day says what was known when it was closed.
    pub(super) fn verify_days(&self, oldest: i64, verdict: &mut Verdict) -> Result<(), LedgerError> {
        let newest = self.last()?.map(|slot| slot.record);
        // A day is closed with its last slot or the first after it; a kill can come between the two, but not later.
        let over = |row: &DayRow| {
            newest.as_ref().is_some_and(|last| {
                row.ends < last.slot.start(last.length) && row.ends <= last.at() - 2 * last.length.seconds()
            })
        };
        for row in self.days("", "~")? {
            let differs = if row.closed_at.is_none() {
                if !over(&row) {
                    continue;
                }
                Some("it has ended long ago, but is told as open".to_owned())
            } else if row.first_seq < 1 {
                Some(format!("it says that it begins with slot number {}", row.first_seq))
            } else if row.first_seq < oldest {
                continue;
            } else {
                verdict.days += 1;
                self.day_differs(&row)?
            };
            if let Some(why) = differs {
                verdict.first_bad = Some(Bad { day: Some(row.day), why, ..Bad::default() });
                return Ok(());
            }
        }
        Ok(())
    }

    fn day_differs(&self, row: &DayRow) -> Result<Option<String>, LedgerError> {
        let length = row.slot_s.and_then(|s| SlotLength::new(u64::try_from(s).ok()?).ok());
        let (Some(last_seq), Some(closed_seq), Some(length)) = (row.last_seq, row.closed_seq, length) else {
            return Ok(Some("it is closed, but does not say over which slots".to_owned()));
        };
        if let Some(why) = self.digests_differ(row, last_seq)? {
            return Ok(Some(why));
        }
        let Some(day) = row.billing_day() else { return Ok(Some(format!("`{}` is no date", row.day))) };
        let until = row.until.unwrap_or(row.ends);
        let summary = self.summary(&day, row.first_seq, closed_seq, until, length)?;
        Ok(coverage_differs(row, &summary).or(peaks_differ(&self.peaks(row)?, &summary)))
    }

    /// The digests that a report gives, against the chain.
    fn digests_differ(&self, row: &DayRow, last_seq: i64) -> Result<Option<String>, LedgerError> {
        let mut first = None;
        self.visit(row.first_seq, row.first_seq, |slot| {
            first = Some(slot.previous);
            Ok(())
        })?;
        if first.is_some_and(|first| first != row.first_digest) {
            return Ok(Some("the digest before its first slot is not that of the chain".to_owned()));
        }
        // A day without slots ends where it begins.
        let mut last: Option<Digest> = (last_seq < row.first_seq).then_some(row.first_digest);
        self.visit(last_seq.max(row.first_seq), last_seq, |slot| {
            last = Some(slot.digest);
            Ok(())
        })?;
        let differs = last.is_none() || last != row.last_digest;
        Ok(differs.then(|| "the digest of its last slot is not that of the chain".to_owned()))
    }
}

fn coverage_differs(row: &DayRow, summary: &DaySummary) -> Option<String> {
    let (told, found) = (&row.coverage, &summary.coverage);
    if told.read != found.read {
        return Some(format!("it says {} slots were read, its slots say {}", told.read, found.read));
    }
    if told != found {
        return Some("the reasons of its gaps are not those that its slots say".to_owned());
    }
    if row.expected != Some(found.expected()) {
        return Some(format!("it has {} slots, and says another number", found.expected()));
    }
    (row.present_slots != summary.present_slots).then(|| {
        format!(
            "it says the software was there in {} slots, its slots say {}",
            row.present_slots, summary.present_slots
        )
    })
}

fn peaks_differ(stored: &[PeakRow], summary: &DaySummary) -> Option<String> {
    for series in &summary.series {
        let Some(row) = stored.iter().find(|p| p.series == series.series) else {
            return Some(format!("the peak of {} is gone", series.series));
        };
        if peak_differs(row, series) {
            return Some(format!(
                "the peak of {} is written as {}, its slots say {}",
                series.series,
                figure(row.peak.map(|(reading, at)| (reading.value, at))),
                figure(series.peak.map(|p| (p.reading.value, p.at)))
            ));
        }
        if row.coverage != series.coverage || row.expected != series.coverage.expected() {
            return Some(format!("the coverage of {} is not what its slots say", series.series));
        }
    }
    stored
        .iter()
        .find(|p| !summary.series.iter().any(|s| s.series == p.series))
        .map(|p| format!("it has a peak of {}, of which its slots know nothing", p.series))
}

fn peak_differs(row: &PeakRow, series: &SeriesDay) -> bool {
    let whole = |p: Peak| (p.reading.value, p.reading.directions.map(|d| (d.rx, d.tx)), p.at);
    let peak = series.peak.map(whole);
    let told = row.peak.map(|(reading, at)| whole(Peak { reading, at }));
    let runner_up = series.runner_up.map(|p| (p.reading.value, p.at));
    row.definition != PEAK_DEFINITION || peak != told || runner_up != row.runner_up || series.p95 != row.p95
}

fn figure(peak: Option<(f64, i64)>) -> String {
    peak.map_or_else(|| "none".to_owned(), |(value, at)| format!("{value} at {at}"))
}
