//! The shapes that `docs/json.md` describes: one place, so that every command and the log tell a thing in the same way.

use crate::log::at;
use highwater_rules::coverage::Coverage;
use highwater_rules::record::{Entry, Reading};
use serde_json::{Map, Number, Value, json};

/// A figure: whole numbers without a fraction.
#[must_use]
pub(crate) fn figure(value: f64) -> Value {
    // Below 2^53 every whole double is an integer exactly.
    if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 {
        return Value::from(value as i64);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// A series' outcome in a slot: `{"meter","subject","value"}` with `rx` and `tx` where the meter has directions, or `gap` in the
/// place of `value`.
#[must_use]
pub(crate) fn entry(entry: &Entry) -> Value {
    let mut map = Map::new();
    map.insert("meter".to_owned(), Value::from(entry.series.meter.word()));
    map.insert("subject".to_owned(), Value::from(entry.series.subject.as_str()));
    match &entry.outcome {
        Ok(reading) => add_reading(&mut map, reading),
        Err(gap) => {
            map.insert("gap".to_owned(), Value::from(gap.word()));
        }
    }
    Value::Object(map)
}

/// Adds a reading's `value`, and `rx` and `tx` where it has them.
pub(crate) fn add_reading(map: &mut Map<String, Value>, reading: &Reading) {
    map.insert("value".to_owned(), figure(reading.value));
    if let Some(directions) = reading.directions {
        map.insert("rx".to_owned(), figure(directions.rx));
        map.insert("tx".to_owned(), figure(directions.tx));
    }
}

/// `{"expected","read","missed":{REASON:n}}`
#[must_use]
pub(crate) fn coverage(coverage: &Coverage) -> Value {
    let missed: Map<String, Value> =
        coverage.reasons().map(|(reason, slots)| (reason.word().to_owned(), Value::from(slots))).collect();
    json!({"expected": coverage.expected(), "read": coverage.read, "missed": missed})
}

/// A value and the moment that it is of, or null.
#[must_use]
pub(crate) fn value_at(pair: Option<(f64, i64)>) -> Value {
    pair.map_or(Value::Null, |(value, moment)| json!({"value": figure(value), "at": at(moment)}))
}
