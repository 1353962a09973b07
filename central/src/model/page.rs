//! A stretch of a long list.

/// How many rows a page has where nobody says.
pub const PAGE_DEFAULT: u32 = 100;
/// The most rows that a page has.
pub const PAGE_MAX: u32 = 1000;

/// A stretch of a list, in the order of the list's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// How many rows at the most; more than [`PAGE_MAX`] are never given.
    pub limit: u32,
    /// The `cursor` of the last row that was seen; `None` begins.
    pub after: Option<String>,
}

impl Default for Page {
    fn default() -> Self {
        Page { limit: PAGE_DEFAULT, after: None }
    }
}

impl Page {
    /// How many rows to give.
    #[must_use]
    pub fn rows(&self) -> u32 {
        self.limit.clamp(1, PAGE_MAX)
    }
}
