//! A report as JSON: every field that is sent, under the names of the wire format.

use crate::json::figure;
use crate::log::at;
use highwater_proto::v1;
use highwater_rules::meter::CountRule;
use highwater_rules::report as rules;
use highwater_rules::sign::hex;
use serde_json::{Map, Value, json};

/// The whole report.
#[must_use]
pub(crate) fn report(report: &v1::Report) -> Value {
    let chain = report.chain.clone().unwrap_or_default();
    let clock = report.clock.unwrap_or_default();
    json!({
        "instance": report.instance,
        "sequence": report.sequence,
        "previous": (!report.previous.is_empty()).then(|| hex(&report.previous)),
        "partial": report.partial,
        "revision": report.revision,
        "day": report.day.as_ref().map(day),
        "chain": {
            "first_row": chain.first_row,
            "last_row": chain.last_row,
            "first_digest": hex(&chain.first_digest),
            "last_digest": hex(&chain.last_digest),
        },
        "hourly_ram": report.hourly_ram.iter().map(|h| json!({"hour": h.hour, "bytes": h.bytes})).collect::<Vec<_>>(),
        "clock": { "steps": clock.steps, "largest_ms": clock.largest_ms, "boots": clock.boots },
        "agent_version": report.agent_version,
        "made_at": at(report.made_at),
        "first_start": at(report.first_start),
        "damaged": (!report.damaged.is_empty()).then_some(&report.damaged),
        "names_hashed": report.names_hashed,
        "node": report.node.as_ref().map(node),
    })
}

fn node(node: &v1::Node) -> Value {
    json!({
        "cluster": node.cluster,
        "name": node.name,
        "hardware": node.hardware,
        "name_hashed": node.name_hashed,
    })
}

fn day(day: &v1::UsageDay) -> Value {
    json!({
        "day": day.day,
        "time_zone": day.time_zone,
        "until": at(day.until),
        "slot_s": day.slot_s,
        "coverage": day.coverage.as_ref().map(coverage),
        "series": day.series.iter().map(series).collect::<Vec<_>>(),
        "present_slots": day.present_slots,
        "present_first": day.present_first.map(at),
        "present_last": day.present_last.map(at),
    })
}

fn coverage(coverage: &v1::Coverage) -> Value {
    let word = |m: &v1::coverage::Missed| {
        rules::gap(m).map_or_else(|| format!("reason_{}", m.reason), |reason| reason.word().to_owned())
    };
    let missed: Map<String, Value> =
        coverage.missed.iter().map(|m| (word(m), Value::from(m.slots))).collect();
    let expected = coverage.missed.iter().fold(coverage.read, |sum, m| sum.saturating_add(m.slots));
    json!({"expected": expected, "read": coverage.read, "missed": missed})
}

fn series(one: &v1::SeriesDay) -> Value {
    let meter =
        rules::meter(one).map_or_else(|| format!("meter_{}", one.meter), |meter| meter.word().to_owned());
    json!({
        "meter": meter,
        "subject": one.subject,
        "definition": one.definition,
        "peak": one.peak.as_ref().map(reading),
        "runner_up": one.runner_up.as_ref().map(reading),
        "p95": one.p95.map(figure),
        "coverage": one.coverage.as_ref().map(coverage),
        "rule": rules::rule(one).map(CountRule::word),
    })
}

fn reading(reading: &v1::Reading) -> Value {
    let mut map = Map::new();
    map.insert("value".to_owned(), figure(reading.value));
    map.insert("at".to_owned(), Value::from(at(reading.at)));
    for (key, direction) in [("rx", reading.rx), ("tx", reading.tx)] {
        if let Some(value) = direction {
            map.insert(key.to_owned(), figure(value));
        }
    }
    Value::Object(map)
}
