//! Where an agent uploads to, and what came of it.

/// The place of one activation in the object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Whose it is.
    pub identity: String,
    /// The random part of its keys.
    pub random: String,
    /// What tells the object that was picked up last from another one there.
    pub taken: Option<String>,
    /// When that was.
    pub taken_at: Option<i64>,
    /// The bundle of receipts made last, where there is one and it is short enough to be told with the next contact.
    pub receipts: Vec<u8>,
}
