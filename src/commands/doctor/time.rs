//! Whether the host's clock is set by someone who knows the time.
//!
//! The kernel could be asked (`adjtimex`), but no crate here makes that call without `unsafe`. So what the programs that set clocks
//! leave in `/run` is looked at, and the check says what it saw.

use super::Check;
use crate::clock::Clock;
use crate::files::Root;
use std::path::Path;

/// systemd-timesyncd's directory, and the file in it that it makes once it has set the clock.
const TIMESYNC: &str = "/run/systemd/timesync";
const SYNCHRONIZED: &str = "/run/systemd/timesync/synchronized";
/// What other programs leave while they run, and how each tells whether it is in sync.
const OTHERS: [(&str, &str, &str); 5] = [
    ("/run/chrony/chronyd.pid", "chronyd", "chronyc tracking"),
    ("/run/chrony/chronyd.sock", "chronyd", "chronyc tracking"),
    ("/run/ntpd.pid", "ntpd", "ntpq -p"),
    ("/run/ntpsec/ntpd.pid", "ntpd", "ntpq -p"),
    ("/run/openntpd.pid", "openntpd", "ntpctl -s status"),
];
/// The first commit of this project, in unix milliseconds: younger than any clock that is right.
const PAST_MS: i64 = 1_790_000_000_000;

/// What the clock shows, and who sets it.
pub(super) fn clock(root: &Path) -> Check {
    let now = Clock::new(root).now();
    let shown = format!("{}, boot {}", crate::log::stamp(now.wall_ms), now.boot_id);
    if now.wall_ms < PAST_MS {
        return Check::bad("clock", format!("{shown}: the clock is in the past; set it, or wait for NTP to"));
    }
    let (ok, by) = set_by(&Root::new(root));
    Check::of("clock", ok, format!("{shown}\n{by}"))
}

fn set_by(root: &Root) -> (bool, String) {
    if root.at(SYNCHRONIZED).exists() {
        return (true, format!("in sync: systemd-timesyncd has set it ({SYNCHRONIZED})"));
    }
    let other = OTHERS.iter().find(|(path, _, _)| root.at(path).exists());
    if let Some((path, program, ask)) = other {
        return (true, format!("{program} sets it ({path}); whether it is in sync: `{ask}`"));
    }
    if root.at(TIMESYNC).is_dir() {
        let mend = "let it reach a time server (UDP 123); `timedatectl timesync-status` tells which it asks";
        return (
            false,
            format!("systemd-timesyncd has not set it since the boot ({SYNCHRONIZED} is missing): {mend}"),
        );
    }
    (true, "who sets it is not known: no trace of timesyncd, chronyd or ntpd in /run; a container's is its host's".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[&str], expect_ok: bool, expect: &str) {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file.trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let (ok, by) = set_by(&Root::new(dir.path()));
        assert!(ok == expect_ok && by.contains(expect), "{files:?}: {by}");
    }

    #[test]
    fn who_sets_the_clock_is_told_by_what_he_left() {
        check(&[], true, "not known");
        check(&[SYNCHRONIZED], true, "in sync");
        check(&["/run/systemd/timesync/other"], false, "has not set it");
        check(&["/run/systemd/timesync/other", "/run/chrony/chronyd.pid"], true, "`chronyc tracking`");
        check(&["/run/ntpd.pid"], true, "`ntpq -p`");
    }
}
