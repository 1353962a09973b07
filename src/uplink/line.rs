//! The line of central's keys, from the one that the token named to the one that is pinned.

use highwater_proto::v1::Envelope;
use highwater_rules::sign::{KeyId, PublicKey};
use highwater_rules::trust;

/// Central's keys, each named by the one before it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    before: Vec<PublicKey>,
    pub(super) pinned: PublicKey,
}

impl Line {
    /// The keys from the first on.
    pub(super) fn of(first: &PublicKey, successions: &[Envelope]) -> Result<Self, String> {
        let mut line = Line { before: Vec::new(), pinned: first.clone() };
        for succession in successions {
            let next =
                trust::follow(&line.pinned, std::slice::from_ref(succession)).map_err(|e| e.to_string())?;
            // A stranger's succession is passed over by trust; in a line of one's own it has no place.
            if next == line.pinned {
                return Err("a succession is not signed by the key before it".to_owned());
            }
            line.before.push(std::mem::replace(&mut line.pinned, next));
        }
        Ok(line)
    }

    /// All of them, the pinned one last.
    pub(super) fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.before.iter().chain([&self.pinned])
    }

    /// All of them, the pinned one first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &PublicKey> {
        std::iter::once(&self.pinned).chain(self.before.iter().rev())
    }

    /// The one that the token named.
    pub(super) fn first(&self) -> &PublicKey {
        self.before.first().unwrap_or(&self.pinned)
    }
}

/// Those of some successions that lead from one key to another, without what comes before and behind.
pub(super) fn leading(from: &PublicKey, to: &PublicKey, successions: &[Envelope]) -> Vec<Envelope> {
    let signed_by = |key: &PublicKey| {
        let id = key.id();
        move |s: &&Envelope| KeyId::from_slice(&s.key_id) == Some(id)
    };
    let begin = successions.iter().position(|s| signed_by(from)(&s)).unwrap_or(successions.len());
    successions.iter().skip(begin).take_while(|s| !signed_by(to)(s)).cloned().collect()
}
