//! What one bundle may cost: each export and activation is looked at once, and those of no use are bounded.

use highwater_proto::v1::Envelope;
use highwater_rules::chain::Digest;
use highwater_rules::sign::{KeyId, sha256};
use prost::Message as _;
use std::collections::{HashMap, HashSet};

/// The most exports and activations in one bundle.
const EXPORTS_MAX: usize = 20_000;
/// The most exports of one instance in a bundle: each has a licence looked for, and an answer signed.
const EXPORTS_OF_ONE_MAX: u32 = 100;
/// After so many that are refused, the rest of a bundle is not for this central.
const REFUSED_MAX: usize = 1000;

/// What was seen of a bundle so far.
#[derive(Debug, Default)]
pub(super) struct Limits {
    seen: HashSet<Digest>,
    of_one: HashMap<KeyId, u32>,
    refused: usize,
}

impl Limits {
    /// Whether the same export or activation came in this bundle before.
    pub(super) fn is_repeated(&mut self, envelope: &Envelope) -> bool {
        let digest = sha256(&envelope.encode_to_vec());
        !self.seen.insert(digest)
    }

    /// Why no more of the bundle is read; `None` where one more is looked at.
    pub(super) fn end(&self) -> Option<String> {
        if self.refused >= REFUSED_MAX {
            return Some(format!(
                "{REFUSED_MAX} exports or activations of this bundle were refused: is it for another central?"
            ));
        }
        // The one that is asked for is among them.
        let is_full = self.seen.len() > EXPORTS_MAX;
        is_full.then(|| format!("more than {EXPORTS_MAX} exports and activations in one bundle"))
    }

    /// Counts an export by a key that is known; says why it is one too many.
    pub(super) fn one_more_of(&mut self, key: KeyId, instance: &str) -> Result<(), String> {
        let count = self.of_one.entry(key).or_default();
        *count = count.saturating_add(1);
        if *count > EXPORTS_OF_ONE_MAX {
            return Err(format!(
                "more than {EXPORTS_OF_ONE_MAX} exports of instance {instance} in one bundle: hand in the others by themselves"
            ));
        }
        Ok(())
    }

    /// Counts one that was refused.
    pub(super) fn refuse(&mut self) {
        self.refused += 1;
    }
}
