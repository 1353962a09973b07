//! A report, as others read it.

use super::{ChainShape, ClockShape, CoverageShape, HourShape, NodeShape, PresenceShape, SeriesShape, at};
use crate::model::{Line, NodeFacts, ReportRow, StoredReport};
use highwater_proto::v1;
use highwater_rules::report::{self, Malformed};
use highwater_rules::sign::hex;
use serde::Serialize;

/// A report, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ReportRow)]
pub struct ReportShape {
    /// Whom it is counted for.
    #[schema(format = "uuid")]
    pub identity: String,
    /// The instance, as the report names it.
    #[schema(format = "uuid")]
    pub instance: String,
    /// Its number.
    #[schema(minimum = 1)]
    pub sequence: u64,
    /// Its billing day.
    #[schema(format = Date)]
    pub day: String,
    /// The zone whose day it is.
    pub time_zone: String,
    /// The moment up to which it tells, by the instance's clock.
    #[schema(format = DateTime)]
    pub until: String,
    /// The day had not ended: a later report of the same day supersedes this one.
    pub partial: bool,
    /// How often the day was closed; 0 in a partial report.
    pub revision: u32,
    /// When central made it durable.
    #[schema(format = DateTime)]
    pub received_at: String,
    /// The contract that it came under.
    #[schema(format = "uuid")]
    pub contract: String,
    /// The SHA-256 of what was signed, in hexadecimal.
    pub digest: String,
    /// The length of what was signed.
    pub bytes: u64,
}

impl From<ReportRow> for ReportShape {
    fn from(row: ReportRow) -> Self {
        ReportShape {
            identity: row.identity,
            instance: row.instance,
            sequence: row.sequence,
            day: row.day,
            time_zone: row.time_zone,
            until: at(row.until),
            partial: row.partial,
            revision: row.revision,
            received_at: at(row.received_at),
            contract: row.contract,
            digest: row.digest,
            bytes: row.bytes,
        }
    }
}

/// A report with all its figures.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = Report)]
pub struct ReportDetailShape {
    /// What lists show.
    pub report: ReportShape,
    /// The id of the instance's key that signed it, in hexadecimal.
    pub key_id: String,
    /// The SHA-256 of the report before it, in hexadecimal; null in the first.
    #[schema(required)]
    pub previous: Option<String>,
    /// When it was made, by the instance's clock.
    #[schema(format = DateTime)]
    pub made_at: String,
    /// The agent's first start, by the instance's clock.
    #[schema(format = DateTime)]
    pub first_start: String,
    /// The version of the agent that made it.
    pub agent_version: String,
    /// An earlier ledger was found damaged, or was removed: what was found. Null where not.
    #[schema(required)]
    pub damaged: Option<String>,
    /// Subjects are salted hashes.
    pub names_hashed: bool,
    /// The node of a cluster that it was made on; null outside a cluster.
    #[schema(required)]
    pub node: Option<NodeShape>,
    /// The length of a slot, in seconds.
    pub slot_s: u32,
    /// Slots in which every series had a reading, and slots missed.
    pub coverage: CoverageShape,
    /// The day's figures.
    pub series: Vec<SeriesShape>,
    /// The RAM capacity at each full hour; hours without a reading are left out.
    pub hourly_ram: Vec<HourShape>,
    /// When the licensed software was there.
    pub present: PresenceShape,
    /// Where in the instance's ledger the day lies.
    pub chain: ChainShape,
    /// What the instance's clocks did.
    pub clock: ClockShape,
}

impl ReportDetailShape {
    /// Decodes a stored report.
    ///
    /// # Errors
    /// When what is stored is no report.
    pub fn read(stored: StoredReport) -> Result<Self, Malformed> {
        let told = report::read(&stored.payload)?;
        let day = told.day.unwrap_or_default();
        let coverage = CoverageShape::from(day.coverage.unwrap_or_default());
        let present = PresenceShape {
            slots: day.present_slots,
            first: day.present_first.map(at),
            last: day.present_last.map(at),
        };
        Ok(ReportDetailShape {
            report: stored.row.into(),
            key_id: stored.key_id.hex(),
            previous: (!told.previous.is_empty()).then(|| hex(&told.previous)),
            made_at: at(told.made_at),
            first_start: at(told.first_start),
            agent_version: told.agent_version,
            damaged: (!told.damaged.is_empty()).then_some(told.damaged),
            names_hashed: told.names_hashed,
            node: told.node.map(|node| NodeFacts::from(node).into()),
            slot_s: day.slot_s,
            series: day.series.into_iter().map(|one| SeriesShape::of(one, &coverage)).collect(),
            coverage,
            hourly_ram: told.hourly_ram.iter().map(|h| HourShape { hour: h.hour, bytes: h.bytes }).collect(),
            present,
            chain: chain(told.chain.unwrap_or_default()),
            clock: clock(told.clock.unwrap_or_default()),
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the message is taken apart here")]
fn chain(chain: v1::Chain) -> ChainShape {
    ChainShape {
        first_row: chain.first_row,
        last_row: chain.last_row,
        first_digest: hex(&chain.first_digest),
        last_digest: hex(&chain.last_digest),
    }
}

fn clock(clock: v1::Clock) -> ClockShape {
    ClockShape { steps: clock.steps, largest_ms: clock.largest_ms, boots: clock.boots }
}

/// One line of reports: an activation's own, or one that split from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Line)]
pub struct LineShape {
    /// Whom its reports are counted for.
    #[schema(format = "uuid")]
    pub identity: String,
    /// The line that it split from.
    #[schema(format = "uuid", required)]
    pub split_from: Option<String>,
    /// The number of its last report; 0 where it has none.
    pub sequence: u64,
    /// When it began.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// The node of a cluster that it is of, as it told it last; null outside a cluster.
    #[schema(required)]
    pub node: Option<NodeShape>,
    /// The identity that took its place as that node.
    #[schema(format = "uuid", required)]
    pub superseded_by: Option<String>,
}

impl From<Line> for LineShape {
    fn from(line: Line) -> Self {
        let superseded_by = line.member.as_ref().and_then(|member| member.superseded_by.clone());
        LineShape {
            identity: line.id,
            split_from: line.split_from,
            sequence: line.sequence,
            created_at: at(line.created_at),
            node: line.member.map(|member| member.node.into()),
            superseded_by,
        }
    }
}
