//! Which memory limit counts.

/// What cgroup v1 shows where no limit is set, and anything above it: no host has that much.
const V1_UNLIMITED: u64 = 0x7fff_ffff_ffff_0000;

/// The RAM capacity of a cgroup: the smallest limit on the way up from it to the root, bounded by the host's own memory. `None`
/// stands for a level without a limit.
#[must_use]
pub fn capacity(limits_on_the_way_up: impl IntoIterator<Item = Option<u64>>, mem_total: u64) -> u64 {
    limits_on_the_way_up.into_iter().flatten().filter(|limit| *limit < V1_UNLIMITED).fold(mem_total, u64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_limit_on_the_way_up_counts_bounded_by_the_host() {
        const GIB: u64 = 1 << 30;
        assert_eq!(capacity([], GIB), GIB);
        assert_eq!(capacity([None, None], GIB), GIB);
        assert_eq!(capacity([Some(GIB / 2), None, Some(GIB / 4)], GIB), GIB / 4);
        assert_eq!(capacity([Some(4 * GIB)], GIB), GIB);
        assert_eq!(capacity([Some(9_223_372_036_854_771_712)], GIB), GIB);
        assert_eq!(capacity([Some(u64::MAX)], u64::MAX), u64::MAX);
        assert_eq!(capacity([Some(0)], GIB), 0);
    }
}
