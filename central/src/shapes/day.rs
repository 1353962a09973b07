//! The parts of a billing day, as others read them.

use super::at;
use highwater_proto::v1;
use highwater_rules::report;
use serde::Serialize;
use std::collections::BTreeMap;

/// Slots that there were, and what became of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Coverage)]
pub struct CoverageShape {
    /// All slots: those read, and those missed.
    pub expected: u64,
    /// Slots with a reading.
    pub read: u64,
    /// Slots missed, by reason; reasons that did not occur are left out.
    pub missed: BTreeMap<String, u64>,
}

impl From<v1::Coverage> for CoverageShape {
    fn from(coverage: v1::Coverage) -> Self {
        let read = u64::from(coverage.read);
        let mut missed = BTreeMap::new();
        for one in &coverage.missed {
            let word = report::gap(one).map_or_else(|| unknown(one.reason), |known| known.word().to_owned());
            *missed.entry(word).or_insert(0) += u64::from(one.slots);
        }
        CoverageShape { expected: read + missed.values().sum::<u64>(), read, missed }
    }
}

/// A word of a newer agent, which this version does not know.
fn unknown(code: i32) -> String {
    format!("unknown_{code}")
}

/// A reading, in its meter's base unit.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = Reading)]
pub struct ReadingShape {
    /// The figure.
    pub value: f64,
    /// The end of its slot.
    #[schema(format = DateTime)]
    pub at: String,
    /// What was received, in bit/s; null but for the peak of network throughput.
    #[schema(required)]
    pub rx: Option<f64>,
    /// What was sent, in bit/s; null but for the peak of network throughput.
    #[schema(required)]
    pub tx: Option<f64>,
}

impl From<v1::Reading> for ReadingShape {
    fn from(reading: v1::Reading) -> Self {
        ReadingShape { value: reading.value, at: at(reading.at), rx: reading.rx, tx: reading.tx }
    }
}

/// What the day says of one series.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = Series)]
pub struct SeriesShape {
    /// What was measured: `ram_capacity` (bytes), `network_throughput` (bit/s), `ssl_tps` (sessions/s), `vs_bytes` (bytes
    /// in a slot), or `network_throughput_burst` (bit/s) or `ssl_tps_burst` (sessions/s), the highest rates within slots.
    pub meter: String,
    /// The base unit of its figures: `bytes`, `bit/s` or `sessions/s`; null where the meter is one of a newer agent.
    #[schema(required)]
    pub unit: Option<String>,
    /// Of what: an interface, a TLS source, a virtual service; `total` for the instance.
    pub subject: String,
    /// The version of the figures' definitions.
    pub definition: u32,
    /// The highest reading of the day.
    #[schema(required)]
    pub peak: Option<ReadingShape>,
    /// The highest reading of another slot.
    #[schema(required)]
    pub runner_up: Option<ReadingShape>,
    /// The nearest-rank 95th percentile of the day's readings.
    #[schema(required)]
    pub p95: Option<f64>,
    /// How the peak's two directions made its value: `max`, `rx`, `tx` or `sum`; null where there are none.
    #[schema(required)]
    pub rule: Option<String>,
    /// Slots read and missed.
    pub coverage: CoverageShape,
}

impl SeriesShape {
    /// A series of a day whose coverage it has where it tells none of its own.
    pub(super) fn of(series: v1::SeriesDay, day: &CoverageShape) -> Self {
        let meter = report::meter(&series);
        let known = report::rule(&series).map(|rule| rule.word().to_owned());
        let rule = known.or_else(|| (series.rule != 0).then(|| unknown(series.rule)));
        SeriesShape {
            meter: meter.map_or_else(|| unknown(series.meter), |m| m.word().to_owned()),
            unit: meter.map(|m| m.unit().to_owned()),
            subject: series.subject,
            definition: series.definition,
            peak: series.peak.map(ReadingShape::from),
            runner_up: series.runner_up.map(ReadingShape::from),
            p95: series.p95,
            rule,
            coverage: series.coverage.map_or_else(|| day.clone(), CoverageShape::from),
        }
    }
}

/// The RAM capacity on the hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = HourlyRam)]
pub struct HourShape {
    /// Hours since the day began.
    #[schema(minimum = 1, maximum = 25)]
    pub hour: u32,
    /// The capacity, in bytes.
    pub bytes: u64,
}

/// A stretch of the ledger's hash chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Chain)]
pub struct ChainShape {
    /// The number of its first row.
    pub first_row: u64,
    /// The number of its last row; one less than the first where the day has no row.
    pub last_row: u64,
    /// The digest before the first row, in hexadecimal.
    pub first_digest: String,
    /// The digest of the last row, in hexadecimal.
    pub last_digest: String,
}

/// What the instance's clocks did on the day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Clock)]
pub struct ClockShape {
    /// How often the wall clock was found set.
    pub steps: u32,
    /// The longest of these steps, in milliseconds; forward is positive.
    pub largest_ms: i64,
    /// How many boots of the host the day's rows are of.
    pub boots: u32,
}

/// When the licensed software was there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Presence)]
pub struct PresenceShape {
    /// In how many slots.
    pub slots: u32,
    /// The end of the first such slot.
    #[schema(format = DateTime, required)]
    pub first: Option<String>,
    /// The end of the last such slot.
    #[schema(format = DateTime, required)]
    pub last: Option<String>,
}
