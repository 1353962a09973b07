//! When one of many may take what only one of them may hold at a time: by the versions of an object that they watch, so that no
//! clock of another's is believed.

/// How long a holder that says nothing of it is left alone, in seconds.
const DURATION_S: i64 = 60;
/// A holder is left alone for no longer than this, whatever it says, in seconds.
const DURATION_MAX_S: i64 = 3600;

/// What stands in the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen<'a> {
    /// Who holds it; none, or empty, where nobody does.
    pub holder: Option<&'a str>,
    /// The version of the object: another one each time that the holder shows that it lives.
    pub version: &'a str,
    /// For how long the holder wants to be left alone after that, in seconds.
    pub duration_s: Option<i64>,
}

/// A version that was seen, and when first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The version.
    pub version: String,
    /// When it was first seen, in milliseconds of the watcher's own clock since boot.
    pub since_ms: i64,
}

/// What one who wants the lease does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Takes it.
    Take,
    /// Looks again after so many milliseconds.
    Wait {
        /// So many, at least one.
        ms: i64,
    },
}

/// What `me` does at `now_ms` of its clock since boot, having watched so far what `watched` says.
#[must_use]
pub fn turn(seen: &Seen<'_>, me: &str, watched: Option<&Watched>, now_ms: i64) -> Turn {
    match seen.holder {
        None | Some("") => return Turn::Take,
        Some(holder) if holder == me => return Turn::Take,
        Some(_) => {}
    }
    let duration_s = seen.duration_s.unwrap_or(DURATION_S).clamp(1, DURATION_MAX_S);
    let since_ms = watched.filter(|watched| watched.version == seen.version).map_or(now_ms, |w| w.since_ms);
    match duration_s.saturating_mul(1000).saturating_sub(now_ms.saturating_sub(since_ms)) {
        left if left > 0 => Turn::Wait { ms: left },
        _ => Turn::Take,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seen<'a>(holder: &'a str, version: &'a str, duration_s: Option<i64>) -> Seen<'a> {
        Seen { holder: Some(holder), version, duration_s }
    }

    fn watched(version: &str, since_ms: i64) -> Watched {
        Watched { version: version.to_owned(), since_ms }
    }

    #[test]
    fn what_nobody_holds_or_oneself_does_is_taken() {
        assert_eq!(turn(&Seen { holder: None, version: "1", duration_s: None }, "a", None, 0), Turn::Take);
        assert_eq!(turn(&seen("", "1", Some(60)), "a", None, 0), Turn::Take);
        assert_eq!(turn(&seen("a", "1", Some(60)), "a", None, 0), Turn::Take);
    }

    #[test]
    fn a_holder_is_left_alone_until_it_has_shown_no_life_for_its_duration() {
        let held = seen("b", "7", Some(60));
        for (watching, now_ms, expect) in [
            (None, 1_000_000, Turn::Wait { ms: 60_000 }),
            (Some(watched("7", 1_000_000)), 1_000_001, Turn::Wait { ms: 59_999 }),
            (Some(watched("7", 1_000_000)), 1_059_999, Turn::Wait { ms: 1 }),
            (Some(watched("7", 1_000_000)), 1_060_000, Turn::Take),
            // It has shown life meanwhile: the wait begins anew.
            (Some(watched("6", 1_000_000)), 1_060_000, Turn::Wait { ms: 60_000 }),
        ] {
            assert_eq!(turn(&held, "a", watching.as_ref(), now_ms), expect);
        }
    }

    proptest! {
        #[test]
        fn nobody_waits_for_ever_nor_takes_what_was_just_seen(
            duration in prop::option::of(any::<i64>()), now_ms in 0i64..i64::MAX / 2
        ) {
            let held = seen("b", "7", duration);
            let Turn::Wait { ms } = turn(&held, "a", None, now_ms) else { panic!("taken at once") };
            prop_assert!((1000..=3_600_000).contains(&ms));
            prop_assert_eq!(turn(&held, "a", Some(&watched("7", now_ms)), now_ms + ms), Turn::Take);
        }
    }
}
