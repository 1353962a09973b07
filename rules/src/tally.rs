//! Many counters as one: the sum over the series of a scrape, and whether it still counts on from the scrape before.
//!
//! A sum alone would hide that one of its counters began anew while the others grew. So each is held against its own value of the
//! scrape before, and where the count of the time between can't be known, the sum goes on under another incarnation, which makes
//! that slot a gap:
//!
//! - a series ran backwards: its process, or what it counts, began anew;
//! - a series is gone: what it counted since the scrape before is lost with it;
//! - a series is there that was not: it may be new, or one that was there long ago, before this tally began even, and then its value
//!   is older than the slot. A gap too many is better than the sessions of a year in one slot;
//! - a time of start has changed, come or gone.

use crate::record::Counters;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher as _};

/// By how much a time of start may differ and still be the same, in seconds: some servers reckon it anew each time from a clock that
/// is corrected meanwhile.
const START_DRIFT_MAX_S: u64 = 1;

/// One scrape.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scrape {
    /// The value of each series, by an id that no other has.
    pub values: BTreeMap<u64, u64>,
    /// The times of start that it tells, in unix seconds, by id.
    pub starts: BTreeMap<u64, u64>,
}

/// Sums up scrape after scrape.
#[derive(Debug, Default)]
pub struct Tally {
    asked: u64,
    last: Option<Last>,
}

#[derive(Debug)]
struct Last {
    scrape: Scrape,
    incarnation: u64,
}

impl Tally {
    /// A tally of what was `asked`: [`mixed`] of where and for what. Counters of elsewhere are others, though their names be the same.
    #[must_use]
    pub const fn new(asked: u64) -> Self {
        Tally { asked, last: None }
    }

    /// The sum of a scrape, which counts on from the one before under the same incarnation, or begins anew under another. The first
    /// one's incarnation follows from what was asked, the names of its series and the times of start alone, so that another tally of
    /// the same server goes on where this one was. `None` where the sum is too large for a counter.
    pub fn sum(&mut self, scrape: Scrape) -> Option<Counters> {
        let first = scrape.values.values().try_fold(0_u64, |sum, value| sum.checked_add(*value))?;
        let named = named(self.asked, &scrape);
        let incarnation = match self.last.take() {
            None => named,
            Some(last) if last.has_same_starts(&scrape) => match last.counts_on(&scrape) {
                true => last.incarnation,
                // None that was before, though the names may be the same again.
                false => mixed(&(named, last.incarnation)),
            },
            Some(_) => named,
        };
        self.last = Some(Last { scrape, incarnation });
        Some(Counters { first, second: None, incarnation })
    }
}

impl Last {
    fn has_same_starts(&self, now: &Scrape) -> bool {
        let same = |(id, start): (&u64, &u64)| {
            now.starts.get(id).is_some_and(|now| now.abs_diff(*start) <= START_DRIFT_MAX_S)
        };
        self.scrape.starts.len() == now.starts.len() && self.scrape.starts.iter().all(same)
    }

    fn counts_on(&self, now: &Scrape) -> bool {
        let went_on = |(id, value): (&u64, &u64)| now.values.get(id).is_some_and(|now| now >= value);
        self.scrape.values.len() == now.values.len() && self.scrape.values.iter().all(went_on)
    }
}

fn named(asked: u64, scrape: &Scrape) -> u64 {
    let names: Vec<&u64> = scrape.values.keys().collect();
    mixed(&(asked, names, &scrape.starts))
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
            ("one is new, or is it", S, &[(1, 101), (2, 50), (3, 7)], S, None),
            ("one is new, of who knows which", None, &[(1, 101), (2, 50), (3, 7)], None, None),
            ("one took another's place", S, &[(1, 101), (3, 70)], S, None),
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
        let elsewhere = Tally::new(mixed(&"elsewhere")).sum(scrape(&[(1, 12), (2, 6)], Some(77))).unwrap();
        assert_ne!(elsewhere.incarnation, one.incarnation);
    }

    #[test]
    fn a_series_that_was_away_while_the_agent_restarted_is_not_counted_from_nothing() {
        let start = Some(5);
        let mut tally = Tally::default();
        let mut before = tally.sum(scrape(&[(1, 110), (2, 5_000_000)], start)).unwrap();
        assert_eq!(step(&mut tally, &mut before, scrape(&[(1, 115)], start)), None);
        let mut restarted = Tally::default();
        step(&mut restarted, &mut before, scrape(&[(1, 120)], start));
        assert_eq!(step(&mut restarted, &mut before, scrape(&[(1, 125), (2, 5_000_010)], start)), None);
        assert_eq!(step(&mut restarted, &mut before, scrape(&[(1, 125), (2, 5_000_012)], start)), Some(2));
    }

    #[test]
    fn no_incarnation_comes_back() {
        // A slot is held against the one before, and the tally is asked more often where bursts are kept.
        for start in [None, Some(5)] {
            let mut tally = Tally::default();
            let mut seen = vec![tally.sum(scrape(&[(1, 10), (2, 10)], start)).unwrap().incarnation];
            for values in [&[(1, 10)][..], &[(1, 10), (2, 90)], &[(1, 5), (2, 90)], &[(1, 4), (2, 95)]] {
                let incarnation = tally.sum(scrape(values, start)).unwrap().incarnation;
                assert!(!seen.contains(&incarnation), "{values:?}");
                seen.push(incarnation);
            }
        }
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
            let (mut happened, mut known, mut is_new, mut before) = (0, true, false, None::<Counters>);
            for act in acts {
                match act {
                    Act::Count(id, by) => {
                        is_new |= !values.contains_key(&id);
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
                        };
                        let now = tally.sum(scrape).unwrap();
                        if let Some(before) = before {
                            prop_assert!(!known || is_new || before.incarnation == now.incarnation);
                        }
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
                        (happened, known, is_new, before) = (0, true, false, Some(now));
                    }
                }
            }
        }
    }
}
