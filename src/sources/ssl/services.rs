//! The bytes of virtual services, bounded in number: those that stand alone, and all others summed.

use crate::sources::Readout;
use highwater_rules::figure::{Figure, Observation};
use highwater_rules::meter::{Meter, Series};
use highwater_rules::record::Counters;
use highwater_rules::sign::sha256;
use std::collections::BTreeMap;

/// The subject, below the source's, of all services that don't stand alone.
pub const OTHER: &str = "other";
/// The longest name with which a service stands alone, in bytes: with the longest name of a source it is a subject that a report
/// may carry.
pub const NAME_MAX_BYTES: usize = 128;

/// A virtual service, as a source tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Bytes through it so far, both directions together.
    pub bytes: u64,
    /// Which life of its counter this is.
    pub incarnation: u64,
}

/// Makes a source's services into series: `SOURCE/SERVICE`, and [`SOURCE/other`](OTHER).
///
/// The first by name stand alone, so that which ones do changes only when services come or go. Of a sum of counters nobody could
/// tell from its value alone that one of them began anew. So the incarnation of `other` changes with the services in it, with the
/// life of any, and when any ran backwards.
#[derive(Debug)]
pub struct Services {
    source: String,
    most: usize,
    /// What those in `other` told last.
    before: BTreeMap<String, u64>,
    /// What else the incarnation of `other` hangs on.
    life: Option<u64>,
}

impl Services {
    /// The services of the source of this name, `most` of which stand alone; with 0, none is told of.
    ///
    /// Where nothing but the counters says that they began anew, `other` is a gap after a restart of the agent, which could not
    /// see them run backwards meanwhile: [`guarded`](Self::guarded).
    #[must_use]
    pub fn new(source: &str, most: usize) -> Self {
        Services { source: source.to_owned(), most, before: BTreeMap::new(), life: Some(0) }
    }

    /// The same, for counters without a life of their own.
    #[must_use]
    pub fn guarded(source: &str, most: usize) -> Self {
        Services { life: None, ..Services::new(source, most) }
    }

    /// Adds what the source told of its services to what else it told.
    pub fn tell(&mut self, told: Vec<Service>, readout: &mut Readout) {
        if self.most == 0 {
            return;
        }
        let (mut alone, mut summed) = (BTreeMap::new(), BTreeMap::new());
        for service in told {
            let all = if may_stand_alone(&service.name) { &mut alone } else { &mut summed };
            // Two of one name are one service: their counters are added up.
            let one = all.entry(service.name).or_insert((0_u64, service.incarnation));
            one.0 = one.0.wrapping_add(service.bytes);
            one.1 = one.1.max(service.incarnation);
        }
        if let Some(first_summed) = alone.keys().nth(self.most).cloned() {
            summed.append(&mut alone.split_off(&first_summed));
        }
        let alone = alone.into_iter().map(|(name, (bytes, life))| self.observation(&name, bytes, life));
        readout.observations.extend(alone);
        if !summed.is_empty() {
            readout.observations.push(self.other(&summed));
        }
        self.before = summed.iter().map(|(name, (bytes, _))| (name.clone(), *bytes)).collect();
        readout.summed = summed.into_keys().collect();
    }

    fn other(&mut self, summed: &BTreeMap<String, (u64, u64)>) -> Observation {
        let backwards =
            |(name, (bytes, _)): (&String, &(u64, u64))| self.before.get(name).is_some_and(|b| bytes < b);
        let life = match self.life {
            None => fingerprint(0, summed.iter().map(|(name, (bytes, _))| (name, *bytes))),
            Some(life) if summed.iter().any(backwards) => life.wrapping_add(1),
            Some(life) => life,
        };
        self.life = Some(life);
        let incarnation =
            fingerprint(life, summed.iter().map(|(name, (_, incarnation))| (name, *incarnation)));
        // A sum that goes past 2^64 comes out lower than before, and so as a gap.
        let bytes = summed.values().fold(0_u64, |sum, (bytes, _)| sum.wrapping_add(*bytes));
        self.observation(OTHER, bytes, incarnation)
    }

    fn observation(&self, service: &str, bytes: u64, incarnation: u64) -> Observation {
        let series = Series::new(Meter::VsBytes, format!("{}/{service}", self.source));
        Observation { series, figure: Figure::Amount(Counters { first: bytes, second: None, incarnation }) }
    }
}

/// Whether a name can be a subject: not that of the sum, not too long, and nothing in it that could upset a log or a terminal.
fn may_stand_alone(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_MAX_BYTES && name != OTHER && !name.chars().any(char::is_control)
}

/// One number for names and what stands beside each.
fn fingerprint<'a>(life: u64, told: impl Iterator<Item = (&'a String, u64)>) -> u64 {
    let mut bytes = life.to_be_bytes().to_vec();
    for (name, beside) in told {
        bytes.extend_from_slice(&(name.len() as u64).to_be_bytes());
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(&beside.to_be_bytes());
    }
    sha256(&bytes).0.first_chunk().map_or(0, |eight| u64::from_be_bytes(*eight))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn service(name: &str, bytes: u64) -> Service {
        Service { name: name.to_owned(), bytes, incarnation: 7 }
    }

    fn tell(services: &mut Services, told: &[(&str, u64)]) -> Readout {
        let mut readout = Readout::default();
        services.tell(told.iter().map(|(name, bytes)| service(name, *bytes)).collect(), &mut readout);
        readout
    }

    fn subjects(readout: &Readout) -> Vec<(&str, u64)> {
        let one = |o: &Observation| o.figure.counters().unwrap().first;
        readout.observations.iter().map(|o| (o.series.subject.as_str(), one(o))).collect()
    }

    fn other(readout: &Readout) -> Counters {
        let found = readout.observations.iter().find(|o| o.series.subject == "lb/other");
        found.unwrap().figure.counters().unwrap()
    }

    #[test]
    fn the_first_by_name_stand_alone_and_the_others_are_summed_and_named() {
        let mut services = Services::new("lb", 2);
        let readout = tell(&mut services, &[("d", 4), ("b", 2), ("a", 1), ("c", 3)]);
        assert_eq!(subjects(&readout), [("lb/a", 1), ("lb/b", 2), ("lb/other", 7)]);
        assert_eq!(readout.summed, ["c", "d"]);
        let few = tell(&mut services, &[("b", 2), ("a", 1)]);
        assert_eq!((subjects(&few), few.summed.len()), (vec![("lb/a", 1), ("lb/b", 2)], 0));
        let none = tell(&mut Services::new("lb", 0), &[("a", 1)]);
        assert_eq!((none.observations.len(), none.summed.len()), (0, 0));
    }

    #[test]
    fn a_name_that_can_be_no_subject_is_told_with_the_others() {
        let long = "x".repeat(NAME_MAX_BYTES + 1);
        let readout = tell(
            &mut Services::new("lb", 20),
            &[("a", 1), ("other", 2), ("", 4), ("b\u{1b}[2J", 8), (&long, 16)],
        );
        assert_eq!(subjects(&readout), [("lb/a", 1), ("lb/other", 30)]);
        assert_eq!(readout.summed.len(), 4);
        let twice = tell(&mut Services::new("lb", 20), &[("a", 1), ("a", 2)]);
        assert_eq!(subjects(&twice), [("lb/a", 3)]);
    }

    #[test]
    fn the_others_are_of_another_incarnation_when_the_set_changes_or_one_of_them_runs_backwards() {
        let mut services = Services::new("lb", 1);
        let first = other(&tell(&mut services, &[("a", 1), ("b", 1_000), ("c", 1)]));
        let grown = other(&tell(&mut services, &[("a", 1), ("b", 2_000), ("c", 1)]));
        assert_eq!((grown.incarnation, grown.first), (first.incarnation, 2_001));
        // The sum grew all the same: nothing else would tell.
        let reset = other(&tell(&mut services, &[("a", 1), ("b", 10), ("c", 9_000)]));
        assert_ne!(reset.incarnation, first.incarnation);
        let after = other(&tell(&mut services, &[("a", 1), ("b", 11), ("c", 9_000)]));
        assert_eq!(after.incarnation, reset.incarnation);
        let joined = other(&tell(&mut services, &[("a", 1), ("b", 11), ("c", 9_000), ("d", 0)]));
        assert_ne!(joined.incarnation, reset.incarnation);
        // One that comes before those that stand alone pushes the last of them out.
        let pushed = other(&tell(&mut services, &[("0", 1), ("a", 1), ("b", 11), ("c", 9_000), ("d", 0)]));
        assert_ne!(pushed.incarnation, joined.incarnation);
    }

    #[test]
    fn an_agent_that_began_anew_goes_on_only_where_something_else_tells_of_a_reset() {
        let told = [("a", 1), ("b", 1_000), ("c", 1)];
        let later = [("a", 1), ("b", 1_001), ("c", 1)];
        let [one, two] = [&told, &later].map(|told| other(&tell(&mut Services::new("lb", 1), told)));
        assert_eq!(one.incarnation, two.incarnation);
        let [one, two] = [&told, &later].map(|told| other(&tell(&mut Services::guarded("lb", 1), told)));
        assert_ne!(one.incarnation, two.incarnation);
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_and_no_more_series_are_made_than_allowed(
            told in proptest::collection::btree_map("[a-f]{1,3}", 0_u64..1 << 40, 0..40), most in 1_usize..30,
        ) {
            let all: Vec<(&str, u64)> = told.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
            let readout = tell(&mut Services::new("lb", most), &all);
            prop_assert!(readout.observations.len() <= most + 1);
            let sum: u64 = subjects(&readout).iter().map(|(_, bytes)| bytes).sum();
            prop_assert_eq!(sum, told.values().sum::<u64>());
            prop_assert_eq!(readout.summed.len(), told.len().saturating_sub(most));
        }
    }
}
