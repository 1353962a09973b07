//! Many counters as one: the sum over the series of a scrape, and whether it still counts on from the scrape before.
//!
//! A sum alone would hide that one of its counters began anew while the others grew. So each is held against its own value of the
//! scrape before, and where the count of the time between can't be known, the sum goes on under another incarnation, which makes
//! that slot a gap:
//!
//! - a series ran backwards: its process, or what it counts, began anew;
//! - a series is gone: what it counted since the scrape before is lost with it;
//! - a series is back: nobody knows whether it counted on meanwhile;
//! - a time of start has changed, come or gone;
//! - a series is new, and not all are of one process that was there before: its value may be older than the slot.
//!
//! A series that is new in a process that was there before began after the scrape before, so that its whole value is of the slot.

use crate::record::Counters;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher as _};

/// By how much a time of start may differ and still be the same, in seconds: some servers reckon it anew each time from a clock that
/// is corrected meanwhile.
const START_DRIFT_MAX_S: u64 = 1;
/// How many series are remembered that are gone.
const GONE_MAX: usize = 50_000;

/// One scrape.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scrape {
    /// The value of each series, by an id that no other has.
    pub values: BTreeMap<u64, u64>,
    /// The times of start that it tells, in unix seconds, by id.
    pub starts: BTreeMap<u64, u64>,
    /// Whether all of it is known to be of one process.
    pub is_one_process: bool,
}

/// Sums up scrape after scrape.
#[derive(Debug, Default)]
pub struct Tally {
    last: Option<Last>,
}

#[derive(Debug)]
struct Last {
    values: BTreeMap<u64, u64>,
    /// Series that were gone at least once, with what they told last.
    gone: BTreeMap<u64, u64>,
    /// Whether more were gone than are remembered, so that any that is new may be one of them.
    has_forgotten: bool,
    starts: BTreeMap<u64, u64>,
    incarnation: u64,
}

impl Tally {
    /// The sum of a scrape, which counts on from the one before under the same incarnation, or begins anew under another. The first
    /// one's incarnation follows from the names of its series and the times of start alone, so that another tally of the same
    /// server goes on where this one was. `None` where the sum is too large for a counter.
    pub fn sum(&mut self, scrape: Scrape) -> Option<Counters> {
        let first = scrape.values.values().try_fold(0_u64, |sum, value| sum.checked_add(*value))?;
        let named = named(&scrape);
        let (incarnation, gone, has_forgotten) = match self.last.take() {
            None => (named, BTreeMap::new(), false),
            Some(last) => {
                let incarnation = match last.counts_on(&scrape) {
                    true => last.incarnation,
                    // It must be another, though the names are the same.
                    false if named == last.incarnation => mixed(&(named, last.incarnation)),
                    false => named,
                };
                let (gone, has_forgotten) = last.gone(&scrape);
                (incarnation, gone, has_forgotten)
            }
        };
        let (values, starts) = (scrape.values, scrape.starts);
        self.last = Some(Last { values, gone, has_forgotten, starts, incarnation });
        Some(Counters { first, second: None, incarnation })
    }
}

impl Last {
    fn counts_on(&self, now: &Scrape) -> bool {
        let same_start = |(id, start): (&u64, &u64)| {
            now.starts.get(id).is_some_and(|now| now.abs_diff(*start) <= START_DRIFT_MAX_S)
        };
        let went_on = |(id, value): (&u64, &u64)| now.values.get(id).is_some_and(|now| now >= value);
        let mut new = now.values.keys().filter(|id| !self.values.contains_key(id)).peekable();
        self.starts.len() == now.starts.len()
            && self.starts.iter().all(same_start)
            && self.values.iter().all(went_on)
            && (now.is_one_process && !self.has_forgotten || new.peek().is_none())
            && new.all(|id| !self.gone.contains_key(id))
    }

    /// The series that were gone at least once by this scrape, and whether some are forgotten: labels that change all the time must
    /// not fill the memory.
    fn gone(self, now: &Scrape) -> (BTreeMap<u64, u64>, bool) {
        let (mut gone, mut has_forgotten) = (self.gone, self.has_forgotten);
        for (id, value) in self.values {
            if now.values.contains_key(&id) {
                continue;
            }
            if gone.len() < GONE_MAX {
                gone.insert(id, value);
            } else {
                has_forgotten = true;
            }
        }
        (gone, has_forgotten)
    }
}

fn named(scrape: &Scrape) -> u64 {
    let names: Vec<&u64> = scrape.values.keys().collect();
    mixed(&(names, &scrape.starts))
}

/// A number for some data; the same in each process of one build. Under another, a reading is lost at most.
pub fn mixed(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scrape(values: &[(u64, u64)], start: Option<u64>) -> Scrape {
        Scrape {
            values: values.iter().copied().collect(),
            starts: start.map(|s| (0, s)).into_iter().collect(),
            is_one_process: start.is_some(),
        }
    }

    /// What the second scrape counts more than the first; `None` for a gap.
    fn step(tally: &mut Tally, before: &mut Counters, now: Scrape) -> Option<u64> {
        let now = tally.sum(now).unwrap();
        let same = now.incarnation == before.incarnation;
        let more = now.first.checked_sub(before.first).filter(|_| same);
        *before = now;
        more
    }

    #[test]
    fn what_can_not_be_known_is_a_gap_and_the_next_scrape_counts_again() {
        const S: Option<u64> = Some(1_700_000_000);
        let drifted = S.map(|s| s + 1);
        let restarted = S.map(|s| s + 60);
        let first = &[(1, 100), (2, 50)][..];
        for (name, start, now, then, expect) in [
            ("all went on", S, &[(1, 110), (2, 50)][..], S, Some(10)),
            ("nothing happened", S, first, S, Some(0)),
            ("one ran backwards, hidden by the other", S, &[(1, 900), (2, 49)], S, None),
            ("both ran backwards", S, &[(1, 0), (2, 0)], S, None),
            ("one is gone", S, &[(1, 500)], S, None),
            ("all are larger, of another process", S, &[(1, 110), (2, 60)], restarted, None),
            ("the start was reckoned anew", S, &[(1, 110), (2, 60)], drifted, Some(20)),
            ("the start is told no more", S, &[(1, 110), (2, 60)], None, None),
            ("one is new in the same process", S, &[(1, 101), (2, 50), (3, 7)], S, Some(8)),
            ("one is new, of who knows which", None, &[(1, 101), (2, 50), (3, 7)], None, None),
        ] {
            let mut tally = Tally::default();
            let mut before = tally.sum(scrape(first, start)).unwrap();
            assert_eq!(step(&mut tally, &mut before, scrape(now, then)), expect, "{name}");
            assert_eq!(step(&mut tally, &mut before, scrape(now, then)), Some(0), "{name}, again");
        }
    }

    #[test]
    fn a_series_that_comes_back_is_not_counted_from_nothing() {
        let start = Some(5);
        let mut tally = Tally::default();
        let mut before = tally.sum(scrape(&[(1, 1000), (2, 5)], start)).unwrap();
        assert_eq!(step(&mut tally, &mut before, scrape(&[(2, 6)], start)), None);
        assert_eq!(step(&mut tally, &mut before, scrape(&[(2, 7)], start)), Some(1));
        assert_eq!(step(&mut tally, &mut before, scrape(&[(1, 1001), (2, 8)], start)), None);
        assert_eq!(step(&mut tally, &mut before, scrape(&[(1, 1002), (2, 8)], start)), Some(1));
    }

    #[test]
    fn another_tally_of_the_same_server_goes_on_where_this_one_was() {
        let one = Tally::default().sum(scrape(&[(1, 10), (2, 5)], Some(77))).unwrap();
        let other = Tally::default().sum(scrape(&[(2, 6), (1, 12)], Some(77))).unwrap();
        assert_eq!((one.incarnation, other.first - one.first), (other.incarnation, 3));
        let restarted = Tally::default().sum(scrape(&[(1, 12), (2, 6)], Some(99))).unwrap();
        let renamed = Tally::default().sum(scrape(&[(1, 12), (3, 6)], Some(77))).unwrap();
        assert!(restarted.incarnation != one.incarnation && renamed.incarnation != one.incarnation);
    }

    #[test]
    fn labels_that_change_all_the_time_are_gaps_in_bounded_memory() {
        let mut tally = Tally::default();
        let first: Vec<(u64, u64)> = (0..60_000).map(|id| (id, 1)).collect();
        let mut before = tally.sum(scrape(&first, Some(5))).unwrap();
        assert_eq!(step(&mut tally, &mut before, scrape(&[(70_000, 1)], Some(5))), None);
        assert_eq!(tally.last.as_ref().unwrap().gone.len(), GONE_MAX);
        // It is one of those that are forgotten.
        assert_eq!(step(&mut tally, &mut before, scrape(&[(59_999, 9), (70_000, 1)], Some(5))), None);
        assert_eq!(step(&mut tally, &mut before, scrape(&[(59_999, 9), (70_000, 3)], Some(5))), Some(2));
    }

    #[test]
    fn a_sum_that_no_counter_holds_is_none() {
        assert_eq!(Tally::default().sum(scrape(&[(1, u64::MAX), (2, 1)], None)), None);
    }

    /// What a process with a few counters may do between two scrapes.
    #[derive(Debug, Clone)]
    enum Act {
        Count(u64, u64),
        Drop(u64),
        Restart,
        Scrape,
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            4 => (0u64..4, 1u64..100).prop_map(|(id, by)| Act::Count(id, by)),
            1 => (0u64..4).prop_map(Act::Drop),
            1 => Just(Act::Restart),
            4 => Just(Act::Scrape),
        ]
    }

    proptest! {
        /// A process whose true count is known. Its counters appear with their first event, as those of clients' libraries do.
        #[test]
        fn what_is_counted_is_what_happened_or_a_gap(acts in prop::collection::vec(act(), 1..60)) {
            let (mut tally, mut values, mut start) = (Tally::default(), BTreeMap::new(), 0);
            // What happened since the last scrape, and whether it can be known.
            let (mut happened, mut known, mut before) = (0, true, None::<Counters>);
            for act in acts {
                match act {
                    Act::Count(id, by) => {
                        *values.entry(id).or_insert(0) += by;
                        happened += by;
                    }
                    Act::Drop(id) => {
                        // One that was never scraped is lost unseen, and no scrape can tell.
                        prop_assume!(before.is_some());
                        if values.remove(&id).is_some() {
                            known = false;
                        }
                    }
                    Act::Restart => {
                        values.clear();
                        start += 10;
                        known = false;
                    }
                    Act::Scrape => {
                        let scrape = Scrape {
                            values: values.clone(),
                            starts: BTreeMap::from([(9, start)]),
                            is_one_process: true,
                        };
                        let now = tally.sum(scrape).unwrap();
                        if let Some(before) = before
                            && before.incarnation == now.incarnation
                        {
                            let counted = now.first.checked_sub(before.first);
                            if known {
                                prop_assert_eq!(counted, Some(happened));
                            } else {
                                // Only what came and went unseen between two scrapes may be missing.
                                prop_assert!(counted.is_none_or(|counted| counted <= happened));
                            }
                        }
                        (happened, known, before) = (0, true, Some(now));
                    }
                }
            }
        }
    }
}
