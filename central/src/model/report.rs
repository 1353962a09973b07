//! Reports, the lines they make, and what was answered.

use super::{Member, NodeFacts, Page};
use highwater_proto::v1::{Receipt, Terms, refusal};
use highwater_rules::chain::Digest;
use highwater_rules::report::ChainSpan;
use highwater_rules::sign::KeyId;
use serde::Serialize;

/// A report whose signature and form were found right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The id of the key that signed it.
    pub key_id: KeyId,
    /// The instance's id, as the report says it.
    pub instance: String,
    /// Its number.
    pub sequence: u64,
    /// The SHA-256 of its payload.
    pub digest: Digest,
    /// The digest of the report before it.
    pub previous: Option<Digest>,
    /// Its day: YYYY-MM-DD.
    pub day: String,
    /// The zone whose day it is.
    pub time_zone: String,
    /// The moment up to which it tells, in unix seconds of the instance's clock.
    pub until: i64,
    /// The day had not ended.
    pub partial: bool,
    /// How often the day was closed; 0 in a partial report.
    pub revision: u32,
    /// When the first of its slots began, in unix seconds of the instance's clock.
    pub day_began_at: i64,
    /// The node of a cluster that the instance runs on.
    pub node: Option<NodeFacts>,
    /// Where in the ledger's chain the day lies.
    pub chain: ChainSpan,
    /// The bytes that were signed.
    pub payload: Vec<u8>,
    /// The signature over them.
    pub signature: Vec<u8>,
}

/// One line of reports: an activation's own, or one that split from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Whom it is counted for.
    pub id: String,
    /// The activation whose key signs it.
    pub activation: String,
    /// The line that it split from.
    pub split_from: Option<String>,
    /// The number of its last report; 0 where it has none.
    pub sequence: u64,
    /// When it began.
    pub created_at: i64,
    /// The node of a cluster that it is of.
    pub member: Option<Member>,
}

/// Where a report was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placed {
    /// It was known already.
    Known,
    /// Behind the last of its line.
    Next,
    /// Into a hole of its line.
    IntoHole,
    /// Behind the last of its line, but this many between never came.
    AfterHole(u64),
    /// On a line of its own, split from this one.
    Fork(String),
}

/// What a receipt says, and who signs it: enough to make the very same bytes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptFacts {
    /// The instance, as the report names it.
    pub instance: String,
    /// The report's number.
    pub sequence: u64,
    /// Its digest.
    pub digest: Digest,
    /// When it was made durable.
    pub received_at: i64,
    /// Whom it is counted for.
    pub identity: String,
    /// What the contract allowed then.
    pub terms: Terms,
    /// The key that signs.
    pub signer: KeyId,
}

impl ReceiptFacts {
    /// The message that is signed.
    #[must_use]
    pub fn message(self) -> Receipt {
        Receipt {
            instance: self.instance,
            sequence: self.sequence,
            report_digest: self.digest.0.to_vec(),
            received_at: self.received_at,
            identity: self.identity,
            terms: Some(self.terms),
        }
    }
}

/// What becomes of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is stored.
    Taken {
        /// What the receipt says.
        receipt: ReceiptFacts,
        /// Where it was put.
        placed: Placed,
    },
    /// It is not.
    Refused {
        /// Why.
        reason: refusal::Reason,
        /// The same, for the operator.
        message: String,
        /// It never will be; otherwise it is to be sent again later.
        for_good: bool,
    },
}

impl Decision {
    /// One before it of the same key was refused.
    #[must_use]
    pub fn out_of_turn() -> Self {
        Decision::Refused {
            reason: refusal::Reason::OutOfTurn,
            message: "a report before it was not taken".to_owned(),
            for_good: false,
        }
    }
}

/// A report as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReportRow {
    /// Whom it is counted for.
    pub identity: String,
    /// The instance, as the report names it.
    pub instance: String,
    /// Its number.
    pub sequence: u64,
    /// Its day: YYYY-MM-DD.
    pub day: String,
    /// The zone whose day it is.
    pub time_zone: String,
    /// The moment up to which it tells, in unix seconds of the instance's clock.
    pub until: i64,
    /// The day had not ended.
    pub partial: bool,
    /// How often the day was closed.
    pub revision: u32,
    /// When it was made durable.
    pub received_at: i64,
    /// The contract that it came under.
    pub contract: String,
    /// The SHA-256 of its payload, in hexadecimal.
    pub digest: String,
    /// The length of its payload.
    pub bytes: u64,
}

impl ReportRow {
    /// Where the next page begins.
    #[must_use]
    pub fn cursor(&self) -> String {
        format!("{}/{}", self.identity, self.sequence)
    }
}

/// Which reports to list. They come in the order of (identity, sequence); the cursor is `identity/sequence`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReportFilter {
    /// Only of this instance, with all that split from it.
    pub instance: Option<String>,
    /// Only of this identity.
    pub identity: Option<String>,
    /// Only under this contract.
    pub contract: Option<String>,
    /// Only of this day and later ones: YYYY-MM-DD.
    pub from_day: Option<String>,
    /// Only of this day and earlier ones: YYYY-MM-DD.
    pub to_day: Option<String>,
    /// Which stretch.
    pub page: Page,
}

/// A report with the bytes that were signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReport {
    /// What lists show.
    pub row: ReportRow,
    /// The id of the key that signed it.
    pub key_id: KeyId,
    /// The bytes that were signed.
    pub payload: Vec<u8>,
    /// The signature over them.
    pub signature: Vec<u8>,
}
