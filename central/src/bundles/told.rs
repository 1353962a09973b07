//! What became of one export or activation of a bundle.

use highwater_proto::v1::bundle_record::Reply;

/// What became of one export or activation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// The instance's id, as it says itself; empty where it says none.
    pub instance: String,
    /// The export's or activation's nonce.
    pub nonce: Vec<u8>,
    /// It asks to join.
    pub joins: bool,
    /// How many reports it says that it holds.
    pub announced: u32,
    /// Reports that were read.
    pub read: u32,
    /// Reports that were receipted.
    pub accepted: u32,
    /// Why it, or the rest of it, was not taken; empty where all of it was read.
    pub cut: String,
}

impl Told {
    /// Reports that were read, and not taken.
    #[must_use]
    pub fn refused(&self) -> u32 {
        self.read.saturating_sub(self.accepted)
    }

    /// Whether all of it was read and taken.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.cut.is_empty() && self.refused() == 0
    }

    /// The same, as it travels.
    #[must_use]
    pub fn reply(&self) -> Reply {
        Reply {
            instance: self.instance.clone(),
            nonce: self.nonce.clone(),
            read: self.read,
            accepted: self.accepted,
            cut: self.cut.clone(),
        }
    }
}
