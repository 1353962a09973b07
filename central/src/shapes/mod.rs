//! The JSON shapes that the REST API and `--json` share: what central knows, as others read it.
//!
//! Moments are RFC 3339 in UTC, dates are `YYYY-MM-DD`, durations are in seconds (`_s`). Where there is nothing to tell stands null:
//! no key is left out.

mod activation;
mod alarm;
mod audit;
mod cluster;
mod contract;
mod day;
mod key;
mod licence;
mod problem;
mod report;
mod service_token;
mod token;
mod words;

pub use activation::{ActivationShape, HostShape};
pub use alarm::AlarmShape;
pub use audit::AuditShape;
pub use cluster::{
    ClusterDayShape, ClusterDetailShape, ClusterMeterShape, ClusterShape, NodeIdentityShape, NodeShape,
};
pub use contract::{ContractShape, LimitsShape};
pub use day::{ChainShape, ClockShape, CoverageShape, HourShape, PresenceShape, ReadingShape, SeriesShape};
pub use key::{AdminTokenShape, KeyShape};
pub use licence::LicenceShape;
pub use problem::ProblemShape;
pub use report::{LineShape, ReportDetailShape, ReportShape};
pub use service_token::ServiceTokenShape;
pub use token::TokenShape;

/// A moment as JSON and tables write it: RFC 3339 in UTC.
#[must_use]
pub fn at(unix_s: i64) -> String {
    highwater_rules::day::timestamp(unix_s).to_string()
}
