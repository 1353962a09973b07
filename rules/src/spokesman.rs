//! Which node of a cluster tells how the cluster stands: the one whose grace period ends first, or whoever finds nothing or
//! something old.

/// What is told is old after so many seconds: two days.
pub const OLD_S: i64 = 2 * 86_400;
/// How far ahead of the own clock another node's may be before it is not believed, in seconds.
const AHEAD_MAX_S: i64 = 3600;

/// What is told of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told<'a> {
    /// The node that it is told of.
    pub node: &'a str,
    /// When that node's grace period ends, in unix seconds.
    pub ends_at: i64,
    /// When it was told, in unix seconds.
    pub updated_at: i64,
}

/// Whether the node `me`, whose grace period ends at `ends_at`, is to tell of itself in place of what is told.
#[must_use]
pub fn is_mine_to_tell(me: &str, ends_at: i64, told: Option<&Told<'_>>, now_s: i64) -> bool {
    let Some(told) = told else { return true };
    let age_s = now_s.saturating_sub(told.updated_at);
    told.node == me || ends_at < told.ends_at || !(-AHEAD_MAX_S..=OLD_S).contains(&age_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_whose_grace_ends_first_tells_and_any_other_only_of_what_is_old() {
        let now_s = 1_795_000_000;
        let told = |updated_at| Told { node: "b", ends_at: 2_000, updated_at };
        for (me, ends_at, told, expect) in [
            ("a", 9_000, None, true),
            ("a", 9_000, Some(told(now_s)), false),
            ("a", 2_000, Some(told(now_s)), false),
            ("a", 1_999, Some(told(now_s)), true),
            // Its own word it corrects, to the better too.
            ("b", 9_000, Some(told(now_s)), true),
            ("a", 9_000, Some(told(now_s - OLD_S)), false),
            ("a", 9_000, Some(told(now_s - OLD_S - 1)), true),
            // From a clock that runs far ahead, it would never grow old.
            ("a", 9_000, Some(told(now_s + 3600)), false),
            ("a", 9_000, Some(told(now_s + 3601)), true),
        ] {
            assert_eq!(is_mine_to_tell(me, ends_at, told.as_ref(), now_s), expect, "{me} {ends_at} {told:?}");
        }
    }
}
