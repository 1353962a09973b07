//! The sources: a closed set, one file each. A source says what it sees now; what that makes of a slot is for the rules.

use highwater_rules::figure::Observation;
use highwater_rules::meter::Series;

/// What a source saw in one reading.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Readout {
    /// What it saw.
    pub observations: Vec<Observation>,
    /// Series that should have been there, and why they are not (a configured interface that is gone).
    pub missing: Vec<Missing>,
}

/// A series that a source could not read though it answered for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Which.
    pub series: Series,
    /// Why, in words for the log.
    pub why: String,
}
