//! From which second on there is a licence to offer to those who reported lately, so that the usual report asks nobody.

use highwater_rules::sign::KeyId;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// More keys than this are not remembered: some 10 MB.
const REMEMBERED_MAX: usize = 100_000;

#[derive(Debug, Default)]
struct Known {
    from: HashMap<KeyId, i64>,
    /// How often all of it was forgotten.
    forgotten: u64,
}

/// What is remembered is forgotten with what the writer remembers: after each change by an operator, also by another process.
#[derive(Debug, Default)]
pub(super) struct Dues(RwLock<Known>);

impl Dues {
    /// Those of the keys for whom there may be something to offer, and what [`Dues::keep`] has to be told.
    pub(super) fn due(&self, keys: &[KeyId], at: i64) -> (Vec<KeyId>, u64) {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let waits = |key: &&KeyId| known.from.get(*key).is_none_or(|from| *from <= at);
        (keys.iter().filter(waits).copied().collect(), known.forgotten)
    }

    /// Keeps what was found out, unless it was forgotten meanwhile: then it may not be so any more.
    pub(super) fn keep(&self, key: KeyId, from: i64, seen: u64) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.forgotten != seen {
            return;
        }
        if known.from.len() >= REMEMBERED_MAX {
            known.from.clear();
        }
        known.from.insert(key, from);
    }

    pub(super) fn forget(&self) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.forgotten = known.forgotten.wrapping_add(1);
        known.from.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_out_before_a_change_is_not_kept_after_it() {
        let (dues, one, other) = (Dues::default(), KeyId([1; 16]), KeyId([2; 16]));
        let (due, seen) = dues.due(&[one, other], 10);
        assert_eq!(due, [one, other]);
        dues.keep(one, 20, seen);
        assert_eq!(dues.due(&[one, other], 19).0, [other]);
        assert_eq!(dues.due(&[one, other], 20).0, [one, other]);
        dues.forget();
        dues.keep(other, 99, seen);
        assert_eq!(dues.due(&[one, other], 11).0, [one, other]);
    }
}
