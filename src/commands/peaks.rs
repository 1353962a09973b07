//! `highwater peaks`: what a bill is made from.

use super::spark::Sparks;
use super::{Failure, Outcome, exit, open_reader, print_json, units};
use crate::clock;
use crate::config::Loaded;
use crate::json;
use crate::ledger::{DayRow, Ledger, LedgerError, PeakRow};
use crate::log::{at, print};
use clap::Args;
use highwater_rules::coverage::Coverage;
use highwater_rules::day::{BillingDay, timestamp};
use highwater_rules::meter::{Meter, TOTAL};
use highwater_rules::peaks::{DaySummary, PEAK_DEFINITION, SeriesDay};
use highwater_rules::slot::SlotLength;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Days shown unless asked for others.
const DEFAULT_DAYS: i64 = 7;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The first day, as YYYY-MM-DD [default: a week before the last]
    #[arg(long, value_name = "DAY")]
    from: Option<Date>,
    /// The last day, as YYYY-MM-DD [default: the newest]
    #[arg(long, value_name = "DAY")]
    to: Option<Date>,
    /// Only this meter: ram_capacity, network_throughput, ssl_tps, vs_bytes, network_throughput_burst or ssl_tps_burst
    #[arg(long)]
    meter: Option<Meter>,
    /// Print JSON (docs/json.md)
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print CSV, one line a series and day
    #[arg(long)]
    csv: bool,
}

/// A day to be shown: closed, from its peaks; or open, from its slots so far.
pub(super) struct Day {
    pub(super) row: DayRow,
    pub(super) closed: bool,
    pub(super) coverage: Coverage,
    pub(super) peaks: Vec<PeakRow>,
}

pub(super) fn show(loaded: &Loaded, options: &Options) -> Outcome {
    let ledger = open_reader(loaded)?;
    let (from, to) = span(loaded, options)?;
    let wanted = |day: &mut Day| day.peaks.retain(|p| options.meter.is_none_or(|m| m == p.series.meter));
    let length = loaded.config.sampling.interval;
    let mut days = Vec::new();
    for row in ledger.days(&from, &to)? {
        let mut day = day(&ledger, row, length)?;
        wanted(&mut day);
        days.push(day);
    }
    if options.json {
        let days: Vec<Value> = days.iter().map(day_json).collect();
        print_json(&json!({ "days": days }))?;
    } else if options.csv {
        print(&csv(&days))?;
    } else if days.is_empty() {
        print(&format!("no days from {from} to {to} in {}\n", ledger.path().display()))?;
    } else {
        print(&table(&ledger, &days)?)?;
    }
    Ok(0)
}

fn span(loaded: &Loaded, options: &Options) -> Result<(String, String), Failure> {
    let newest = loaded.config.sampling.calendar.day_at(clock::unix_s()).date;
    if let (Some(from), Some(to)) = (options.from, options.to)
        && from > to
    {
        return Err(Failure::new(exit::USAGE, format!("--from {from} is after --to {to}")));
    }
    let last = options.to.unwrap_or(newest);
    let week_before = || {
        let week = jiff::Span::new().days(DEFAULT_DAYS);
        last.checked_sub(week).unwrap_or(last)
    };
    let from = options.from.unwrap_or_else(week_before).to_string();
    // A clock that ran ahead may have left days after today: they are shown as well.
    let to = options.to.map_or_else(|| "~".to_owned(), |to| to.to_string());
    Ok((from, to))
}

/// A day of the ledger, with the peaks so far where it is still open.
pub(super) fn day(ledger: &Ledger, row: DayRow, length: SlotLength) -> Result<Day, LedgerError> {
    if row.closed_at.is_some() {
        let peaks = ledger.peaks(&row)?;
        return Ok(Day { closed: true, coverage: row.coverage, peaks, row });
    }
    let summary = open_summary(ledger, &row, length)?;
    let peaks = summary.series.iter().map(peak_so_far).collect();
    Ok(Day { closed: false, coverage: summary.coverage, peaks, row })
}

fn open_summary(ledger: &Ledger, row: &DayRow, length: SlotLength) -> Result<DaySummary, LedgerError> {
    // The day is told up to its last slot: a slot that has only just ended may be on its way.
    let mut until = row.starts;
    ledger.visit(row.first_seq, i64::MAX, |slot| {
        if slot.at > row.starts && slot.at <= row.ends {
            until = until.max(slot.at);
        }
        Ok(())
    })?;
    ledger.summary(&billing_day(row), row.first_seq, i64::MAX, until, length)
}

fn billing_day(row: &DayRow) -> BillingDay {
    // A date that is none was written by no agent: the day is then told by its span alone.
    row.billing_day().unwrap_or(BillingDay { date: Date::ZERO, start: row.starts, end: row.ends })
}

fn peak_so_far(day: &SeriesDay) -> PeakRow {
    PeakRow {
        series: day.series.clone(),
        definition: PEAK_DEFINITION,
        peak: day.peak.map(|p| (p.reading, p.at)),
        runner_up: day.runner_up.map(|p| (p.reading.value, p.at)),
        p95: day.p95,
        expected: day.coverage.expected(),
        coverage: day.coverage,
    }
}

fn day_json(day: &Day) -> Value {
    let peaks: Vec<Value> = day.peaks.iter().map(peak_json).collect();
    json!({
        "day": day.row.day,
        "time_zone": day.row.time_zone,
        "starts": at(day.row.starts),
        "ends": at(day.row.ends),
        "closed": day.closed,
        "coverage": json::coverage(&day.coverage),
        "peaks": peaks,
    })
}

pub(super) fn peak_json(peak: &PeakRow) -> Value {
    let mut map = serde_json::Map::new();
    map.insert("meter".to_owned(), Value::from(peak.series.meter.word()));
    map.insert("subject".to_owned(), Value::from(peak.series.subject.as_str()));
    match &peak.peak {
        Some((reading, moment)) => {
            json::add_reading(&mut map, reading);
            map.insert("at".to_owned(), Value::from(at(*moment)));
        }
        None => {
            map.insert("value".to_owned(), Value::Null);
            map.insert("at".to_owned(), Value::Null);
        }
    }
    map.insert("runner_up".to_owned(), json::value_at(peak.runner_up));
    map.insert("p95".to_owned(), peak.p95.map_or(Value::Null, json::figure));
    map.insert("coverage".to_owned(), json::coverage(&peak.coverage));
    map.insert("definition".to_owned(), Value::from(peak.definition));
    Value::Object(map)
}

fn csv(days: &[Day]) -> String {
    let mut text = String::from(
        "day,time_zone,closed,meter,subject,value,at,rx,tx,runner_up,runner_up_at,p95,expected,read\n",
    );
    for day in days {
        for peak in &day.peaks {
            let reading = peak.peak.map(|(reading, _)| reading);
            let directions = reading.and_then(|r| r.directions);
            let cells = [
                day.row.day.clone(),
                day.row.time_zone.clone(),
                day.closed.to_string(),
                peak.series.meter.to_string(),
                quoted(&peak.series.subject),
                number(reading.map(|r| r.value)),
                moment(peak.peak.map(|(_, at)| at)),
                number(directions.map(|d| d.rx)),
                number(directions.map(|d| d.tx)),
                number(peak.runner_up.map(|(value, _)| value)),
                moment(peak.runner_up.map(|(_, at)| at)),
                number(peak.p95),
                peak.coverage.expected().to_string(),
                peak.coverage.read.to_string(),
            ];
            let _ = writeln!(text, "{}", cells.join(","));
        }
    }
    text
}

fn number(value: Option<f64>) -> String {
    value.map(|v| json::figure(v).to_string()).unwrap_or_default()
}

fn moment(unix_s: Option<i64>) -> String {
    unix_s.map(at).unwrap_or_default()
}

/// RFC 4180: a cell with a comma, a quote or a line break stands in quotes, its quotes doubled.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

fn table(ledger: &Ledger, days: &[Day]) -> Result<String, LedgerError> {
    let mut table = units::Table::new(&[
        "DAY",
        "METER",
        "SUBJECT",
        "PEAK",
        "AT",
        "RUNNER-UP",
        "P95",
        "READ",
        "0h TO 24h",
    ]);
    for day in days {
        let sparks = sparks(ledger, day)?;
        let zone = zone(&day.row.time_zone);
        for peak in shown(&day.peaks) {
            let meter = peak.series.meter;
            let human = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| units::human(meter, v));
            table.row(&[
                &day.row.day,
                meter.word(),
                &peak.series.subject,
                &human(peak.peak.map(|(reading, _)| reading.value)),
                &clock_time(peak.peak.map(|(_, at)| at), &zone),
                &human(peak.runner_up.map(|(value, _)| value)),
                &human(peak.p95),
                &read(&peak.coverage),
                &sparks.line(&peak.series),
            ]);
        }
        if day.peaks.is_empty() {
            table.row(&[&day.row.day, "-", "-", "-", "-", "-", "-", &read(&day.coverage), ""]);
        }
    }
    let mut text = table.to_string();
    for day in days {
        text.push_str(&footnote(day));
    }
    Ok(text)
}

/// The total of a meter, and its series where there are several: one alone is its own total. Where there is none beside it, as of
/// pods that there were not, the total is shown.
pub(super) fn shown(peaks: &[PeakRow]) -> impl Iterator<Item = &PeakRow> {
    let is_own = |meter: Meter| peaks.iter().filter(|p| p.series.meter == meter).count() == 2;
    peaks.iter().filter(move |p| p.series.subject != TOTAL || !is_own(p.series.meter))
}

pub(super) fn sparks(ledger: &Ledger, day: &Day) -> Result<Sparks, LedgerError> {
    let mut sparks = Sparks::new(billing_day(&day.row));
    ledger.visit(day.row.first_seq, day.row.last_seq.unwrap_or(i64::MAX), |slot| {
        sparks.add(&slot.record);
        Ok(())
    })?;
    Ok(sparks)
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

fn clock_time(moment: Option<i64>, zone: &TimeZone) -> String {
    moment.map_or_else(
        || "-".to_owned(),
        |at| timestamp(at).to_zoned(zone.clone()).strftime("%H:%M:%S").to_string(),
    )
}

pub(super) fn read(coverage: &Coverage) -> String {
    format!("{}/{}", coverage.read, coverage.expected())
}

/// What a day missed, and whether it is still going on.
fn footnote(day: &Day) -> String {
    let missed: Vec<String> =
        day.coverage.reasons().map(|(reason, slots)| format!("{slots} {reason}")).collect();
    let mut notes = Vec::new();
    if !missed.is_empty() {
        notes.push(format!("slots missed: {}", missed.join(", ")));
    }
    if !day.closed {
        notes.push("still open".to_owned());
    }
    if day.row.time_zone != "UTC" {
        notes.push(format!("times in {}", day.row.time_zone));
    }
    if notes.is_empty() { String::new() } else { format!("{}: {}\n", day.row.day, notes.join("; ")) }
}
