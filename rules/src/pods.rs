//! RAM capacity of the pods of a node: of each one by itself, and of the node.

use crate::meter::TOTAL;
use crate::report;

/// The subject of all pods that don't stand alone. A pod is called `NAMESPACE/NAME`.
pub const OTHER: &str = "pods/other";
/// The subject of all pods without a limit: together, they can use what the node can give.
pub const UNLIMITED: &str = "pods/unlimited";
/// A limit from here on limits nothing: no node has that much. So the sum of thousands of pods is a figure, too.
pub const LIMIT_END_BYTES: u64 = 1 << 47;

/// The memory that a pod may use, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Memory {
    /// So many bytes.
    Limited(u64),
    /// As much as the node has for pods.
    Unlimited,
}

/// The limit of an init container, in bytes, and how long it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Init {
    /// Its limit; `None` where it has none.
    pub limit: Option<u64>,
    /// Whether it goes on running beside those after it (`restartPolicy: Always`), rather than ending before they begin.
    pub restartable: bool,
}

/// The memory of a pod: its own limit where it has one. Else the larger of what its containers may use together, with the
/// restartable init containers beside them, and of what any init container may use, with the restartable ones before it.
///
/// Limits are in bytes; one of 0 is none, as for the kubelet. A container without a limit, of whichever kind, makes the pod
/// unlimited: while it runs, it can use what the node has.
#[must_use]
pub fn memory(pod: Option<u64>, init: &[Init], containers: &[Option<u64>]) -> Memory {
    let limited = |limit: Option<u64>| limit.filter(|bytes| (1..LIMIT_END_BYTES).contains(bytes));
    if let Some(own) = pod.filter(|bytes| *bytes > 0) {
        return limited(Some(own)).map_or(Memory::Unlimited, Memory::Limited);
    }
    let (mut beside, mut sequence) = (0_u64, 0_u64);
    for one in init {
        let Some(limit) = limited(one.limit) else { return Memory::Unlimited };
        let with_those_before = beside.saturating_add(limit);
        sequence = sequence.max(with_those_before);
        if one.restartable {
            beside = with_those_before;
        }
    }
    let mut running = beside;
    for limit in containers {
        let Some(limit) = limited(*limit) else { return Memory::Unlimited };
        running = running.saturating_add(limit);
    }
    let bytes = running.max(sequence);
    if bytes < LIMIT_END_BYTES { Memory::Limited(bytes) } else { Memory::Unlimited }
}

/// Whether a pod of this name may be a series of its own: not under the names of the sums, and none that a report can't carry.
#[must_use]
pub fn may_stand_alone(name: &str) -> bool {
    !matches!(name, OTHER | UNLIMITED | TOTAL) && !name.is_empty() && name.len() <= report::NAME_MAX_BYTES
}

/// The figures of a node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    /// Subjects and their bytes, in order. Without those of [`UNLIMITED`] and of the total where `lacks_allocatable`.
    pub told: Vec<(String, u64)>,
    /// The pods that are told of as [`OTHER`], in order.
    pub summed: Vec<String>,
    /// There is an unlimited pod, and what the node can give is not known.
    pub lacks_allocatable: bool,
}

/// The figures of a node with these pods, by name. `alone` tells of a pod's name whether it may be a series of its own; it is
/// asked in the order of names, and only of limited pods. `allocatable` is what the node has for pods, in bytes.
///
/// The total is the allocatable memory where there is an unlimited pod, else the sum over all pods: 0 where there is none.
#[must_use]
pub fn figures(
    pods: impl IntoIterator<Item = (String, Memory)>,
    allocatable: Option<u64>,
    mut alone: impl FnMut(&str) -> bool,
) -> Figures {
    let mut pods: Vec<(String, Memory)> = pods.into_iter().collect();
    pods.sort_unstable();
    // A name is one pod's. Where a list was made while a pod gave way to another of its name, the one that may use more counts.
    pods.dedup_by(|later, first| {
        let same = later.0 == first.0;
        if same {
            first.1 = first.1.max(later.1);
        }
        same
    });
    let (mut sum, mut other, mut unlimited) = (0_u64, 0_u64, false);
    let mut figures = Figures::default();
    for (name, memory) in pods {
        let Memory::Limited(bytes) = memory else {
            unlimited = true;
            continue;
        };
        sum = sum.saturating_add(bytes);
        if may_stand_alone(&name) && alone(&name) {
            figures.told.push((name, bytes));
        } else {
            other = other.saturating_add(bytes);
            figures.summed.push(name);
        }
    }
    if !figures.summed.is_empty() {
        figures.told.push((OTHER.to_owned(), other));
    }
    match (unlimited, allocatable) {
        (false, _) => figures.told.push((TOTAL.to_owned(), sum)),
        (true, None) => figures.lacks_allocatable = true,
        (true, Some(bytes)) => {
            figures.told.push((UNLIMITED.to_owned(), bytes));
            figures.told.push((TOTAL.to_owned(), bytes));
        }
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: u64 = 1 << 20;

    fn init(mib: u64, restartable: bool) -> Init {
        Init { limit: Some(mib * MIB), restartable }
    }

    fn of(pod: Option<u64>, init: &[Init], containers: &[u64]) -> Memory {
        let containers: Vec<Option<u64>> = containers.iter().map(|mib| Some(mib * MIB)).collect();
        memory(pod.map(|mib| mib * MIB), init, &containers)
    }

    #[test]
    fn the_larger_of_running_and_starting_counts_unless_the_pod_has_a_limit() {
        let limited = |mib: u64| Memory::Limited(mib * MIB);
        assert_eq!(of(None, &[], &[1536, 488]), limited(2024));
        assert_eq!(of(None, &[init(3072, false)], &[1024]), limited(3072));
        assert_eq!(of(None, &[init(256, true), init(1100, false)], &[1024]), limited(1356));
        // One that ends before a restartable one begins does not run beside it.
        assert_eq!(of(None, &[init(1100, false), init(256, true)], &[1024]), limited(1280));
        assert_eq!(of(None, &[init(100, true), init(200, true), init(50, false)], &[10]), limited(350));
        assert_eq!(of(Some(4096), &[], &[]), limited(4096));
        assert_eq!(of(Some(4096), &[init(9999, false)], &[8888]), limited(4096));
        assert_eq!(
            memory(Some(4096 * MIB), &[Init { limit: None, restartable: false }], &[None]),
            limited(4096)
        );
    }

    #[test]
    fn a_container_of_any_kind_without_a_limit_makes_the_pod_unlimited() {
        assert_eq!(memory(None, &[], &[Some(MIB), None]), Memory::Unlimited);
        for restartable in [false, true] {
            let none = [Init { limit: None, restartable }];
            assert_eq!(memory(None, &none, &[Some(MIB)]), Memory::Unlimited);
        }
        // A limit of 0 is none, and one that no node has limits nothing.
        assert_eq!(memory(None, &[], &[Some(0)]), Memory::Unlimited);
        assert_eq!(memory(Some(0), &[], &[Some(MIB)]), Memory::Limited(MIB));
        assert_eq!(memory(Some(LIMIT_END_BYTES), &[], &[Some(MIB)]), Memory::Unlimited);
        assert_eq!(memory(None, &[], &[Some(LIMIT_END_BYTES - 1), Some(1)]), Memory::Unlimited);
    }

    fn told(pods: &[(&str, Memory)], allocatable: Option<u64>, most: usize) -> Figures {
        let mut left = most;
        let pods = pods.iter().map(|(name, memory)| ((*name).to_owned(), *memory));
        figures(pods, allocatable, |_| {
            let is_alone = left > 0;
            left = left.saturating_sub(1);
            is_alone
        })
    }

    fn rows(figures: &Figures) -> Vec<(&str, u64)> {
        figures.told.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect()
    }

    #[test]
    fn the_first_by_name_stand_alone_the_rest_are_summed_and_nothing_is_zero() {
        let pods =
            [("shop/c", Memory::Limited(4)), ("shop/a", Memory::Limited(1)), ("shop/b", Memory::Limited(2))];
        let all = told(&pods, None, 20);
        assert_eq!(rows(&all), [("shop/a", 1), ("shop/b", 2), ("shop/c", 4), (TOTAL, 7)]);
        let some = told(&pods, None, 1);
        assert_eq!(rows(&some), [("shop/a", 1), (OTHER, 6), (TOTAL, 7)]);
        assert_eq!(some.summed, ["shop/b", "shop/c"]);
        assert_eq!(rows(&told(&[], None, 20)), [(TOTAL, 0)], "no pod is a true zero");
    }

    #[test]
    fn unlimited_pods_are_the_nodes_allocatable_once_and_nothing_without_it() {
        let pods = [("a/x", Memory::Unlimited), ("a/y", Memory::Limited(5)), ("b/x", Memory::Unlimited)];
        assert_eq!(rows(&told(&pods, Some(30), 20)), [("a/y", 5), (UNLIMITED, 30), (TOTAL, 30)]);
        let unknown = told(&pods, None, 20);
        assert_eq!((rows(&unknown), unknown.lacks_allocatable), (vec![("a/y", 5)], true));
    }

    #[test]
    fn no_pod_takes_the_name_of_a_sum_and_none_is_counted_twice() {
        let long = format!("{}/{}", "n".repeat(63), "p".repeat(253));
        let pods = [
            (OTHER, Memory::Limited(1)),
            (UNLIMITED, Memory::Limited(2)),
            (long.as_str(), Memory::Limited(4)),
        ];
        let figures = told(&pods, None, 20);
        assert_eq!(rows(&figures), [(OTHER, 7), (TOTAL, 7)]);
        assert_eq!(figures.summed.len(), 3);
        let twice = [("a/x", Memory::Limited(2)), ("a/x", Memory::Limited(5)), ("a/x", Memory::Limited(3))];
        assert_eq!(rows(&told(&twice, None, 20)), [("a/x", 5), (TOTAL, 5)]);
    }

    fn any_memory() -> impl Strategy<Value = Memory> {
        prop_oneof![4 => (1_u64..1 << 40).prop_map(Memory::Limited), 1 => Just(Memory::Unlimited)]
    }

    proptest! {
        #[test]
        fn the_total_is_the_sum_or_the_allocatable_and_the_series_are_bounded(
            pods in proptest::collection::btree_map("[a-c]/[a-z]{1,2}", any_memory(), 0..40), most in 0_usize..30,
            allocatable in 1_u64..1 << 50,
        ) {
            let list: Vec<(&str, Memory)> = pods.iter().map(|(name, memory)| (name.as_str(), *memory)).collect();
            let figures = told(&list, Some(allocatable), most);
            let rows = rows(&figures);
            prop_assert!(rows.len() <= most + 3);
            let mut sum = 0;
            let mut unlimited = false;
            for memory in pods.values() {
                match memory {
                    Memory::Limited(bytes) => sum += bytes,
                    Memory::Unlimited => unlimited = true,
                }
            }
            let expect = if unlimited { allocatable } else { sum };
            prop_assert_eq!(rows.last(), Some(&(TOTAL, expect)));
            let parts: u64 = rows.iter().filter(|(name, _)| ![TOTAL, UNLIMITED].contains(name)).map(|(_, b)| b).sum();
            prop_assert_eq!(parts, sum);
        }

        #[test]
        fn a_pod_never_counts_less_than_its_containers_and_order_is_nothing_among_them(
            mut containers in proptest::collection::vec(1_u64..1 << 30, 1..5),
            inits in proptest::collection::vec((1_u64..1 << 30, any::<bool>()), 0..5),
        ) {
            let init: Vec<Init> = inits.iter().map(|(limit, restartable)| Init { limit: Some(*limit), restartable: *restartable }).collect();
            let of = |containers: &[u64]| {
                let containers: Vec<Option<u64>> = containers.iter().copied().map(Some).collect();
                memory(None, &init, &containers)
            };
            let Memory::Limited(bytes) = of(&containers) else { return Err(TestCaseError::fail("unlimited")) };
            let running: u64 = containers.iter().sum::<u64>() + inits.iter().filter(|i| i.1).map(|i| i.0).sum::<u64>();
            let largest = inits.iter().map(|i| i.0).max().unwrap_or(0);
            prop_assert!(bytes >= running.max(largest));
            prop_assert!(bytes <= running + largest);
            containers.reverse();
            prop_assert_eq!(of(&containers), Memory::Limited(bytes));
        }
    }
}
