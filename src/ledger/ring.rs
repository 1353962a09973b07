//! Where in the ring a row lies.
//!
//! Rows are numbered in the order of writing (`seq`), and a row's key is that number modulo the capacity. The number counts
//! written slots, not time: a clock that was a year ahead for a minute, or an agent that was off for a month, then overwrites
//! nothing out of turn, and what is kept is always the newest stretch of one unbroken chain.
//!
//! When the capacity changes (another interval, another retention), a new ring begins behind the old one, whose rows go when
//! the new one has gone round: by then all of them are older than the retention, whatever a clock says.

/// A ring: rows from `first_seq` on lie at `base + (seq - first_seq) mod capacity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ring {
    pub(crate) base: i64,
    pub(crate) capacity: i64,
    pub(crate) first_seq: i64,
}

impl Ring {
    pub(crate) fn position(&self, seq: i64) -> i64 {
        self.base + (seq - self.first_seq).rem_euclid(self.capacity)
    }

    /// Whether the row of this number overwrites another.
    pub(crate) fn overwrites(&self, seq: i64) -> bool {
        seq - self.first_seq >= self.capacity
    }
}

/// The rings of a ledger, oldest first; the last one is written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Rings(pub(crate) Vec<Ring>);

impl Rings {
    /// The ring that is written.
    pub(crate) fn current(&self) -> Option<Ring> {
        self.0.last().copied()
    }

    /// Where the row of a number lies, or lay.
    pub(crate) fn position(&self, seq: i64) -> Option<i64> {
        let ring = self.0.iter().rev().find(|ring| ring.first_seq <= seq)?;
        Some(ring.position(seq))
    }

    /// The runs of positions at which the rows numbered `from..=to` lie, in the order of their numbers, given that `head` is the
    /// last number written. Numbers that were overwritten have none.
    pub(crate) fn runs(&self, from: i64, to: i64, head: i64) -> Vec<(i64, i64)> {
        let mut runs = Vec::new();
        for (ring, next) in self.0.iter().zip(self.0.iter().skip(1).map(Some).chain([None])) {
            let last = next.map_or(head, |n| n.first_seq - 1);
            let oldest = ring.first_seq.max(last - ring.capacity + 1);
            let (from, to) = (from.max(oldest), to.min(last));
            if from > to {
                continue;
            }
            let (low, high) = (ring.position(from), ring.position(to));
            if low <= high {
                runs.push((low, high));
            } else {
                runs.push((low, ring.base + ring.capacity - 1));
                runs.push((ring.base, high));
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Against a model: a map from position to the number written there last.
        #[test]
        fn the_runs_of_a_stretch_hold_exactly_its_rows_in_order(
            capacities in proptest::collection::vec((1i64..20, 0i64..50), 1..4),
            a in 1i64..150, b in 1i64..150,
        ) {
            let mut model = BTreeMap::new();
            let mut rings = Rings::default();
            let (mut seq, mut base) = (0, 0);
            for (capacity, rows) in capacities {
                let ring = Ring { base, capacity, first_seq: seq + 1 };
                rings.0.push(ring);
                for _ in 0..rows {
                    seq += 1;
                    model.insert(ring.position(seq), seq);
                }
                base += capacity;
            }
            let (from, to) = (a.min(b), a.max(b).min(seq));
            let found: Vec<i64> = rings
                .runs(from, to, seq)
                .into_iter()
                .flat_map(|(low, high)| (low..=high).filter_map(|p| model.get(&p).copied()).collect::<Vec<_>>())
                .collect();
            let mut expect: Vec<i64> = model.values().copied().filter(|s| (from..=to).contains(s)).collect();
            expect.sort_unstable();
            prop_assert_eq!(found, expect);
        }
    }
}
