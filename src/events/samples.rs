//! The events of slots and days.

use crate::ledger::Closed;
use crate::log::{at, stamp};
use crate::sampler::Sample;
use highwater_rules::assemble;
use highwater_rules::figure::total;
use highwater_rules::meter::{GapReason, Meter, TOTAL};
use highwater_rules::record::{Mark, Reading, SlotRecord};
use highwater_rules::slot::SlotLength;
use tracing::{info, warn};

pub(crate) fn sampled(record: &SlotRecord, took_ms: i64) {
    let late_ms = record.taken.wall_ms - record.at() * 1000;
    write_sampled(record, Some(late_ms), took_ms);
}

/// An extra sample: the figures since the slot's end before it. It is in the log only.
pub(crate) fn sampled_extra(
    previous: Option<&SlotRecord>,
    now: Mark,
    sample: Sample,
    length: SlotLength,
    took_ms: i64,
) {
    // Told as if a slot had just ended: rates stand for the time since the last record, where that is half a slot or more.
    let slot = previous.map_or_else(|| length.ended_by(now.wall_ms), |p| length.slot_at(p.at()));
    let record = assemble::record(previous, None, slot, length, now, sample.seen, &sample.missing);
    write_sampled(&record, None, took_ms);
}

fn write_sampled(record: &SlotRecord, late_ms: Option<i64>, took_ms: i64) {
    let sum = |meter| total(meter, &record.entries);
    let value = |meter| sum(meter).and_then(Result::ok).map(|r: Reading| r.value);
    let gap = |meter| sum(meter).and_then(Result::err).map(GapReason::word);
    let directions = sum(Meter::NetworkThroughput).and_then(Result::ok).and_then(|r| r.directions);
    let extra = late_ms.is_none();
    info!(
        at = if extra { stamp(record.taken.wall_ms) } else { at(record.at()) },
        slot = (!extra).then_some(record.slot.0),
        extra = extra.then_some(true),
        ram_capacity = value(Meter::RamCapacity),
        ram_capacity_gap = gap(Meter::RamCapacity),
        network_throughput = value(Meter::NetworkThroughput),
        network_throughput_gap = gap(Meter::NetworkThroughput),
        rx = directions.map(|d| d.rx),
        tx = directions.map(|d| d.tx),
        ssl_tps = value(Meter::SslTps),
        ssl_tps_gap = gap(Meter::SslTps),
        vs_bytes = value(Meter::VsBytes),
        vs_bytes_gap = gap(Meter::VsBytes),
        network_throughput_burst = value(Meter::NetworkThroughputBurst),
        network_throughput_burst_gap = gap(Meter::NetworkThroughputBurst),
        ssl_tps_burst = value(Meter::SslTpsBurst),
        ssl_tps_burst_gap = gap(Meter::SslTpsBurst),
        late_ms,
        took_ms,
        readings = readings_json(record).as_str(),
        "sampled"
    );
}

fn readings_json(record: &SlotRecord) -> String {
    let readings: Vec<serde_json::Value> = record.entries.iter().map(crate::json::entry).collect();
    serde_json::Value::Array(readings).to_string()
}

pub(crate) fn missed(record: &SlotRecord) {
    for run in &record.missed {
        warn!(
            from = at(run.first.start(record.length)),
            to = at(run.last.end(record.length)),
            slots = run.last.0 - run.first.0 + 1,
            reason = run.reason.word(),
            "slots_missed"
        );
    }
}

pub(crate) fn day_closed(closed: &Closed) {
    let summary = &closed.summary;
    let peak = |meter: Meter| {
        let total = summary.series.iter().find(|s| s.series.meter == meter && s.series.subject == TOTAL);
        total.and_then(|s| s.peak).map(|p| p.reading.value)
    };
    let missed: Vec<String> = summary.coverage.reasons().map(|(r, n)| format!("{r}:{n}")).collect();
    info!(
        day = %summary.day.date,
        time_zone = closed.time_zone.as_str(),
        revision = closed.revision,
        expected = summary.coverage.expected(),
        read = summary.coverage.read,
        missed = (!missed.is_empty()).then(|| missed.join(",")),
        ram_capacity = peak(Meter::RamCapacity),
        network_throughput = peak(Meter::NetworkThroughput),
        ssl_tps = peak(Meter::SslTps),
        vs_bytes = peak(Meter::VsBytes),
        network_throughput_burst = peak(Meter::NetworkThroughputBurst),
        ssl_tps_burst = peak(Meter::SslTpsBurst),
        "day_closed"
    );
}
