//! The three layers of a configuration, lowest first: the file, the environment, the command line.

use super::mistakes::Place;
use super::raw::Raw;
use std::collections::BTreeMap;

/// A value and where it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) raw: Raw,
    pub(super) place: Place,
}

/// What one layer gives, by key.
pub(super) type Layer = BTreeMap<&'static str, Given>;

/// One `[[ssl]]` of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SslTable {
    pub(super) place: Place,
    pub(super) values: Layer,
}

/// All that was given.
#[derive(Debug, Default)]
pub(super) struct Layers {
    pub(super) file: Layer,
    pub(super) env: Layer,
    pub(super) flags: Layer,
    pub(super) ssl: Vec<SslTable>,
}

impl Layers {
    /// What is given for a key, the highest layer last: that one counts.
    pub(super) fn given(&self, key: &str) -> impl Iterator<Item = &Given> {
        [&self.file, &self.env, &self.flags].into_iter().filter_map(move |layer| layer.get(key))
    }
}
