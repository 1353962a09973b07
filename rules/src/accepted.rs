//! The connections that a proxy accepted, and whether its counters were cleared between two answers.
//!
//! HAProxy's `clear counters` sets counters of its frontends to zero, and leaves the process as it is. A frontend that already
//! counted more again than before looks as if it had counted on. But the process's own count of connections goes on, and so does
//! that of handshakes. What it has beyond the frontends' grows by what was cleared. It grows, too, by what no frontend accepts:
//! questions at the stats socket, health checks, connections to servers. Those come about as often in one interval as in the next.

use std::collections::BTreeMap;

/// Fewer connections cleared than this are not told from a question at the stats socket.
const CLEARED_MIN: u64 = 8;

/// The connections so far, or the handshakes, as one answer tells them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accepted {
    /// Those of the process, whatever they were for; `None` where it does not tell.
    pub all: Option<u64>,
    /// Those of each frontend, by an id that no other has.
    pub each: BTreeMap<u64, u64>,
}

/// Holds answer after answer of one process against each other.
#[derive(Debug, Default)]
pub struct Watch {
    last: Option<Accepted>,
    /// How many connections no frontend accepted between the last two answers.
    beside: u64,
}

impl Watch {
    /// Forgets the last answer: the next one is another process's.
    pub fn begin_anew(&mut self) {
        self.last = None;
    }

    /// Whether the counters were cleared since the last answer. It may say so of counters that were not, where connections that no
    /// frontend accepts became many more, and never overlooks more than a few that were, unless those became fewer.
    pub fn is_cleared(&mut self, now: Accepted) -> bool {
        let is_cleared = self.last.take().is_some_and(|last| self.shows(&last, &now));
        self.last = Some(now);
        is_cleared
    }

    fn shows(&mut self, last: &Accepted, now: &Accepted) -> bool {
        if last.each.iter().any(|(id, before)| now.each.get(id).is_some_and(|now| now < before)) {
            return true;
        }
        let (Some(all), Some(all_before)) = (now.all, last.all) else { return false };
        let (each, each_before) = (sum(&now.each), sum(&last.each));
        let beside = all.saturating_sub(all_before).saturating_sub(each.saturating_sub(each_before));
        let usual = std::mem::replace(&mut self.beside, beside);
        // Half, since connections come between the answer's two parts.
        now.each != last.each && beside.saturating_sub(usual) >= CLEARED_MIN.max(each_before / 2)
    }
}

fn sum(each: &BTreeMap<u64, u64>) -> u64 {
    each.values().fold(0, |sum, one| sum.saturating_add(*one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn accepted(all: u64, each: &[u64]) -> Accepted {
        Accepted { all: Some(all), each: (0..).zip(each.iter().copied()).collect() }
    }

    fn step(before: Accepted, now: Accepted) -> bool {
        let mut watch = Watch::default();
        assert!(!watch.is_cleared(before), "the first");
        watch.is_cleared(now)
    }

    #[test]
    fn a_clear_shows_though_every_frontend_outgrew_what_it_had() {
        let before = accepted(1000, &[600, 300]);
        assert!(!step(before.clone(), accepted(1501, &[1000, 400])), "all went on");
        assert!(!step(before.clone(), accepted(1020, &[600, 300])), "nothing came but questions");
        assert!(!step(before.clone(), accepted(1520, &[1000, 400])), "some questions more");
        assert!(step(before.clone(), accepted(2401, &[1000, 400])), "cleared at once");
        assert!(step(before.clone(), accepted(4000, &[601, 301])), "cleared after many more");
        assert!(step(before.clone(), accepted(1900, &[599, 900])), "one runs backwards");
        assert!(
            step(before, Accepted { all: None, ..accepted(0, &[599, 900]) }),
            "likewise, without the sum"
        );
        assert!(step(accepted(1, &[0]), accepted(5000, &[20])), "cleared in the frontend's first slot");
    }

    #[test]
    fn health_checks_are_learned_after_one_interval() {
        let mut watch = Watch::default();
        let of = |n: u64| accepted(n * 3010, &[n * 10]);
        assert!(!watch.is_cleared(of(1)));
        assert!(watch.is_cleared(of(2)), "a gap too many");
        assert!((3..50).all(|n| !watch.is_cleared(of(n))));
        watch.begin_anew();
        assert!(!watch.is_cleared(accepted(1, &[0])));
        assert!(!watch.is_cleared(accepted(3011, &[10])), "another process has the same checks");
    }

    proptest! {
        #[test]
        fn no_clear_of_more_than_a_few_is_overlooked(
            before in prop::collection::vec(0u64..1000, 1..4), more in 0u64..5000, after in 0u64..5000, beside in 0u64..50,
        ) {
            let had: u64 = before.iter().sum();
            prop_assume!(had + more >= CLEARED_MIN && after > 0);
            let mut now = vec![0; before.len()];
            now[0] = after;
            let all = had + beside;
            let mut watch = Watch::default();
            watch.is_cleared(accepted(all, &before));
            prop_assert_eq!(watch.is_cleared(accepted(all + more + after + beside, &now)), now != before);
        }
    }
}
