//! How much there is of what: for those who watch central.

use super::ActivationState;

/// The bounds that the lengths of commits are counted under, in seconds.
pub const COMMIT_BOUNDS_S: [f64; 10] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];

/// Lengths of time, counted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Durations {
    /// How many were within each of [`COMMIT_BOUNDS_S`], but not within the one before it.
    pub within: [u64; COMMIT_BOUNDS_S.len()],
    /// How many there were.
    pub count: u64,
    /// All of them together, in seconds.
    pub sum_s: f64,
}

/// How much there is of what.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Activations in each state, those that are none of with them.
    pub activations: Vec<(ActivationState, u64)>,
    /// Alarms that nobody has taken note of.
    pub alarms_open: u64,
    /// Batches and changes that wait to be written.
    pub waiting: u64,
    /// How long it took to write reports and make them durable, a transaction each, since the store was opened.
    pub commits: Durations,
}
