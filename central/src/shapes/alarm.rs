//! An alarm, as others read it.

use super::at;
use crate::model::{Alarm, AlarmKind};
use serde::Serialize;

/// What someone should look at. Nothing is refused for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Alarm)]
pub struct AlarmShape {
    /// Its number.
    #[schema(minimum = 1)]
    pub id: i64,
    /// What was seen.
    pub kind: AlarmKind,
    /// Whose line of reports it is.
    #[schema(format = "uuid")]
    pub identity: String,
    /// What exactly.
    pub detail: String,
    /// When it was seen.
    #[schema(format = DateTime)]
    pub at: String,
    /// When an operator took note of it; null where nobody has.
    #[schema(format = DateTime, required)]
    pub acknowledged_at: Option<String>,
}

impl From<Alarm> for AlarmShape {
    fn from(alarm: Alarm) -> Self {
        AlarmShape {
            id: alarm.id,
            kind: alarm.kind,
            identity: alarm.identity,
            detail: alarm.detail,
            at: at(alarm.at),
            acknowledged_at: alarm.acknowledged_at.map(at),
        }
    }
}
