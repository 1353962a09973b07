//! `/metrics`: figures to a page. Pure.

use super::page::Page;
use super::{Figures, LedgerFigures, ReportFigures};
use crate::gate::State;
use crate::log::ALARMS;
use highwater_rules::figure::total;
use highwater_rules::grace::Stage;
use highwater_rules::licence::LicenceState;
use highwater_rules::meter::{GapReason, Meter, TOTAL};
use highwater_rules::record::{Entry, Reading, SlotRecord};

/// How many series are told of one by one; those beyond are counted.
const SERIES_MAX: usize = 500;
const BITS_A_BYTE: f64 = 8.0;

/// A reading's part in a metric's unit, where the metric is the meter's.
type Part = fn(Meter, &Reading) -> Option<f64>;

/// A metric of readings: its name for the instance's total, its name for each series (bursts have none, as they can't be added up),
/// what it is, and what it takes of a reading.
struct Readings(&'static str, Option<&'static str>, &'static str, Part);

/// Prometheus's base unit is the byte, where a bill has bits.
const READINGS: [Readings; 8] = [
    Readings(
        "ram_capacity_bytes",
        Some("series_ram_capacity_bytes"),
        "RAM that the metered software could use",
        |meter, reading| (meter == Meter::RamCapacity).then_some(reading.value),
    ),
    Readings(
        "network_throughput_bytes_per_second",
        Some("series_network_throughput_bytes_per_second"),
        "Network throughput by the configured rule",
        |meter, reading| (meter == Meter::NetworkThroughput).then_some(reading.value / BITS_A_BYTE),
    ),
    Readings(
        "network_received_bytes_per_second",
        Some("series_network_received_bytes_per_second"),
        "Received through the counted interfaces",
        |meter, reading| received(meter, reading).map(|(rx, _)| rx / BITS_A_BYTE),
    ),
    Readings(
        "network_sent_bytes_per_second",
        Some("series_network_sent_bytes_per_second"),
        "Sent through the counted interfaces",
        |meter, reading| received(meter, reading).map(|(_, tx)| tx / BITS_A_BYTE),
    ),
    Readings(
        "tls_sessions_per_second",
        Some("series_tls_sessions_per_second"),
        "New TLS sessions",
        |meter, reading| (meter == Meter::SslTps).then_some(reading.value),
    ),
    Readings(
        "virtual_service_slot_bytes",
        Some("series_virtual_service_slot_bytes"),
        "Through virtual services within the slot",
        |meter, reading| (meter == Meter::VsBytes).then_some(reading.value),
    ),
    Readings(
        "network_throughput_burst_bytes_per_second",
        None,
        "The highest network throughput of any sub-window",
        |meter, reading| (meter == Meter::NetworkThroughputBurst).then_some(reading.value / BITS_A_BYTE),
    ),
    Readings(
        "tls_sessions_burst_per_second",
        None,
        "The highest rate of new TLS sessions of any sub-window",
        |meter, reading| (meter == Meter::SslTpsBurst).then_some(reading.value),
    ),
];

fn received(meter: Meter, reading: &Reading) -> Option<(f64, f64)> {
    reading.directions.filter(|_| meter == Meter::NetworkThroughput).map(|d| (d.rx, d.tx))
}

/// The page.
pub(super) fn write(figures: &Figures) -> String {
    let mut page = Page::default();
    agent(&mut page, figures);
    sampling(&mut page, figures);
    readings(&mut page, figures.last.as_ref());
    gate(&mut page, figures.gate.as_ref());
    reports(&mut page, figures.reports);
    ledger(&mut page, &figures.ledger);
    page.counter("log_events_total", "Events logged since the agent's start, by name and level.");
    for logged in &figures.logged {
        page.value(&[("event", &logged.event), ("level", logged.level)], logged.count);
    }
    // From 0 on, so that the first one is an increase.
    for (event, level) in ALARMS {
        if !figures.logged.iter().any(|logged| logged.event == *event && logged.level == *level) {
            page.value(&[("event", event), ("level", level)], 0);
        }
    }
    page.end()
}

fn agent(page: &mut Page, figures: &Figures) {
    page.gauge("build_info", "The agent's version.");
    page.value(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    page.gauge(
        "instance_info",
        "Who the instance is, and whom central counts it for (empty before activation).",
    );
    if let Some(state) = &figures.gate {
        let identity = state.identity.as_deref().unwrap_or_default();
        page.value(&[("instance", &state.instance), ("identity", identity)], 1);
    }
    page.single("start_timestamp_seconds", "When the agent began.", Some(figures.started_at));
    page.single("slot_seconds", "The slot's length.", Some(figures.slot_s));
}

fn sampling(page: &mut Page, figures: &Figures) {
    page.counter("samples_total", "Slots sampled since the agent's start.");
    page.value(&[], figures.samples);
    page.counter("missed_slots_total", "Slots found missed since the agent's start, by reason.");
    for reason in GapReason::ALL {
        let count = figures.missed.get(reason.word()).copied().unwrap_or_default();
        page.value(&[("reason", reason.word())], count);
    }
    page.counter("day_closes_total", "Billing days closed since the agent's start.");
    page.value(&[], figures.day_closes);
    let last = figures.last.as_ref();
    let at = last.map(SlotRecord::at);
    page.single("last_sample_timestamp_seconds", "The end of the last slot sampled.", at);
    let late = last.map(|record| seconds(record.taken.wall_ms - record.at() * 1000));
    page.single("last_sample_late_seconds", "How long after the slot's end it was sampled.", late);
    let took = last.map(|_| seconds(figures.took_ms));
    page.single("last_sample_duration_seconds", "How long its sources took.", took);
    page.gauge("source_up", "Whether the source gave all of its series in the last slot: 1 or 0.");
    for (source, is_up) in &figures.sources {
        page.value(&[("source", source)], u8::from(*is_up));
    }
}

/// The instance's totals, which are billed, and the series that they are made of. They are never added up under one name.
fn readings(page: &mut Page, last: Option<&SlotRecord>) {
    let entries = last.map_or(&[][..], |record| record.entries.as_slice());
    let totals: Vec<(Meter, Result<Reading, GapReason>)> =
        Meter::ALL.iter().filter_map(|meter| Some((*meter, total(*meter, entries)?))).collect();
    let is_series = |entry: &&Entry| !entry.series.meter.is_burst() && entry.series.subject != TOTAL;
    let shown = || entries.iter().filter(is_series).take(SERIES_MAX);
    for Readings(name, of_series, help, part) in READINGS {
        page.gauge(name, &format!("{help}: the instance's total in the last slot."));
        for value in totals.iter().filter_map(|(meter, outcome)| part(*meter, outcome.as_ref().ok()?)) {
            page.value(&[], value);
        }
        let Some(of_series) = of_series else { continue };
        page.gauge(of_series, &format!("{help}: each series in the last slot."));
        let value = |entry: &Entry| part(entry.series.meter, entry.outcome.as_ref().ok()?);
        for (entry, value) in shown().filter_map(|entry| Some((entry, value(entry)?))) {
            page.value(&[("subject", &entry.series.subject)], value);
        }
    }
    page.gauge("gap", "1 where the instance's total of a meter has no reading in the last slot, and why.");
    for (meter, reason) in totals.iter().filter_map(|(meter, outcome)| Some((meter, outcome.err()?))) {
        page.value(&[("meter", meter.word()), ("reason", reason.word())], 1);
    }
    page.gauge("series_gap", "1 where a series has no reading in the last slot, and why.");
    for (entry, reason) in shown().filter_map(|entry| Some((entry, entry.outcome.err()?))) {
        let series = &entry.series;
        let labels =
            [("meter", series.meter.word()), ("subject", series.subject.as_str()), ("reason", reason.word())];
        page.value(&labels, 1);
    }
    let all = entries.iter().filter(is_series).count();
    let help = "Series of the last slot that are not told of one by one, as there are too many.";
    page.single("series_left_out", help, Some(all.saturating_sub(SERIES_MAX)));
}

fn gate(page: &mut Page, state: Option<&State>) {
    let stages = Stage::ALL.iter().map(|stage| stage.word());
    let stage = state.map(|state| state.stage.word());
    page.one_of(("gate_stage", "1 for the gate's stage, 0 for the others."), "stage", stages, stage);
    let may_run = state.map(|state| u8::from(state.stage.may_run()));
    page.single("gate_may_run", "Whether the metered software may run: 1 or 0.", may_run);
    page.single("grace_left_seconds", "Grace that is left.", state.map(|state| state.left_s.max(0)));
    page.single("grace_end_timestamp_seconds", "When grace ends.", state.map(|state| state.grace_end));
    let due = state.and_then(|state| state.next_report_due);
    page.single("next_report_due_timestamp_seconds", "When the next report is due.", due);
    let contract_end = state.and_then(|state| state.contract_end);
    page.single("contract_end_timestamp_seconds", "When the contract ends.", contract_end);
    let states = LicenceState::ALL.iter().map(|state| state.word());
    let licence = state.map(|state| state.licence.state.word());
    let help = "1 for what the licence is worth, 0 for the others.";
    page.one_of(("licence_state", help), "state", states, licence);
    let expires_at = state.and_then(|state| state.licence.expires_at);
    page.single("licence_expiry_timestamp_seconds", "When the licence ends.", expires_at);
}

fn reports(page: &mut Page, reports: Option<ReportFigures>) {
    page.gauge("reports", "Reports that wait for their receipt, and those that central refused for good.");
    if let Some(reports) = reports {
        page.value(&[("state", "waiting")], reports.waiting);
        page.value(&[("state", "parked")], reports.parked);
    }
}

fn ledger(page: &mut Page, ledger: &LedgerFigures) {
    let is_up = u8::from(!ledger.is_failing);
    page.single("ledger_up", "Whether the last record could be written: 1 or 0.", Some(is_up));
    let help = "Slots that wait in memory while the ledger can't be written.";
    page.single("ledger_waiting_slots", help, Some(ledger.waiting));
    page.counter(
        "dropped_slots_total",
        "Slots that there was no room for while the ledger could not be written.",
    );
    page.value(&[], ledger.dropped);
}

#[expect(clippy::cast_precision_loss, reason = "a slot's milliseconds are exact in a double")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_rules::meter::{CountRule, Series};
    use highwater_rules::record::{Directions, Mark};
    use highwater_rules::slot::{Slot, SlotLength};

    fn entry(meter: Meter, subject: &str, outcome: Result<Reading, GapReason>) -> Entry {
        Entry { series: Series::new(meter, subject), outcome, counters: None }
    }

    /// The lines that are no comments, of a slot with these entries.
    fn lines(entries: Vec<Entry>) -> Vec<String> {
        let record = SlotRecord {
            slot: Slot(10),
            length: SlotLength::new(300).unwrap(),
            taken: Mark { wall_ms: 3_300_250, mono_ms: 0, boot_ms: 0, boot_id: String::new() },
            clock_step_ms: 0,
            missed: Vec::new(),
            entries,
        };
        let text = write(&Figures { last: Some(record), took_ms: 1500, ..Figures::default() });
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }

    fn check(entries: Vec<Entry>, expect: &[&str], absent: &[&str]) {
        let lines = lines(entries);
        for line in expect {
            assert!(lines.iter().any(|told| told == line), "no {line} in {lines:#?}");
        }
        for name in absent {
            assert!(!lines.iter().any(|told| told.starts_with(name)), "{name} in {lines:#?}");
        }
    }

    #[test]
    fn totals_have_no_labels_and_rates_of_the_network_are_in_bytes() {
        let throughput = |rx, tx| Ok(Reading::directed(Directions { rx, tx, rule: CountRule::Max }));
        check(
            vec![
                entry(Meter::NetworkThroughput, "eth0", throughput(800.0, 80.0)),
                entry(Meter::NetworkThroughput, "eth1", throughput(0.0, 1600.0)),
                entry(Meter::NetworkThroughputBurst, "total", Ok(Reading::plain(8000.0))),
            ],
            &[
                "highwater_network_throughput_bytes_per_second 210",
                "highwater_network_received_bytes_per_second 100",
                "highwater_network_sent_bytes_per_second 210",
                "highwater_series_network_throughput_bytes_per_second{subject=\"eth0\"} 100",
                "highwater_series_network_sent_bytes_per_second{subject=\"eth1\"} 200",
                "highwater_network_throughput_burst_bytes_per_second 1000",
                "highwater_last_sample_timestamp_seconds 3300",
                "highwater_last_sample_late_seconds 0.25",
                "highwater_last_sample_duration_seconds 1.5",
                "highwater_series_left_out 0",
            ],
            &["highwater_gap", "highwater_series_gap", "highwater_tls", "highwater_gate_stage"],
        );
    }

    #[test]
    fn a_part_that_is_missing_is_a_gap_of_the_total_and_never_a_zero() {
        check(
            vec![
                entry(Meter::SslTps, "a", Ok(Reading::plain(17.0))),
                entry(Meter::SslTps, "b", Err(GapReason::SourceFailed)),
            ],
            &[
                "highwater_series_tls_sessions_per_second{subject=\"a\"} 17",
                "highwater_gap{meter=\"ssl_tps\",reason=\"source_failed\"} 1",
                "highwater_series_gap{meter=\"ssl_tps\",subject=\"b\",reason=\"source_failed\"} 1",
            ],
            &["highwater_tls_sessions_per_second", "highwater_series_tls_sessions_per_second{subject=\"b\"}"],
        );
    }

    #[test]
    fn series_beyond_the_bound_are_counted_and_still_in_the_total() {
        let many = (0..SERIES_MAX + 3)
            .map(|n| entry(Meter::VsBytes, &format!("lb/{n:04}"), Ok(Reading::plain(2.0))));
        check(
            many.collect(),
            &["highwater_series_left_out 3", "highwater_virtual_service_slot_bytes 1006"],
            &["highwater_series_virtual_service_slot_bytes{subject=\"lb/0500\"}"],
        );
    }
}
