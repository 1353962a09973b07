//! Alarms: what someone should look at. Nothing is refused for one.

use super::Page;
use serde::Serialize;

super::words! {
    /// What was seen.
    AlarmKind {
        /// Two machines report under one identity, or one was put back to an older state.
        Fork = "fork",
        /// Reports between two never came.
        Hole = "hole",
        /// The ledger's hash chain does not go on where an earlier report said: rows were changed or removed.
        Chain = "chain",
        /// Another key has the same instance id: a machine was cloned before it joined.
        KeyReuse = "key_reuse",
        /// Two living machines of a cluster have one name or one hardware id.
        NodeTwice = "node_twice",
    }
}

/// An alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alarm {
    /// Its number, from 1.
    pub id: i64,
    /// What was seen.
    pub kind: AlarmKind,
    /// Whose line it is.
    pub identity: String,
    /// What exactly, for the operator.
    pub detail: String,
    /// When it was seen.
    pub at: i64,
    /// When an operator took note.
    pub acknowledged_at: Option<i64>,
}

/// Which alarms to list: newest first; the cursor is the `id`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlarmFilter {
    /// Only those of this identity.
    pub identity: Option<String>,
    /// Only of this kind.
    pub kind: Option<AlarmKind>,
    /// Only those that nobody has taken note of.
    pub open: bool,
    /// Which stretch.
    pub page: Page,
}
