//! The units as systemd's own tools judge them.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "this test reads the repository's own units, and fails where it can't"
)]

#[cfg(test)]
#[path = "common/tools.rs"]
mod tools;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Each unit, and the exposure that it may have at most, in tenths.
const UNITS: [(&str, u32); 2] = [("highwater.service", 15), ("highwater-central.service", 20)];
/// Each drop-in of the agent's unit, and the exposure that the unit may have with it.
const DROP_INS: [(&str, u32); 6] = [
    ("credentials.conf", 15),
    ("haproxy-socket.conf", 15),
    ("kernel.conf", 20),
    ("logs.conf", 15),
    ("presence.conf", 15),
    ("proxy.conf", 15),
];

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd")
}

fn is_missing() -> bool {
    tools::missing(&[("systemd-analyze", "--version")])
}

/// The units as they are installed, with these drop-ins, but for the programs: `systemd-analyze` asks for ones that are there.
fn installed(drop_ins: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (unit, _) in UNITS {
        let text = std::fs::read_to_string(here().join(unit)).unwrap();
        assert!(text.contains("\nExecStart=/usr/bin/highwater"), "{unit} starts another program");
        let text = text
            .replace("=/usr/bin/highwater-central ", "=/bin/true ")
            .replace("=/usr/bin/highwater ", "=/bin/true ");
        std::fs::write(dir.path().join(unit), text).unwrap();
    }
    let own = dir.path().join("highwater.service.d");
    std::fs::create_dir(&own).unwrap();
    for name in drop_ins {
        std::fs::copy(here().join("drop-ins").join(name), own.join(name)).unwrap();
    }
    dir
}

fn analyze(arguments: &[&str], unit: &Path) -> Output {
    Command::new("systemd-analyze").args(arguments).arg(unit).env("SYSTEMD_COLORS", "0").output().unwrap()
}

fn check_verified(drop_ins: &[&str]) {
    let dir = installed(drop_ins);
    for (unit, _) in UNITS {
        let output = analyze(&["verify", "--man=no"], &dir.path().join(unit));
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        // Of the host's other units it may say what it likes.
        let ours: Vec<&str> = said.lines().filter(|line| line.contains("highwater")).collect();
        assert!(output.status.success() && ours.is_empty(), "{unit} with {drop_ins:?}: {said}");
    }
}

fn check_exposed(unit: &str, drop_ins: &[&str], tenths: u32) {
    let dir = installed(drop_ins);
    let threshold = format!("--threshold={tenths}");
    let output = analyze(&["security", "--offline=true", "--no-pager", &threshold], &dir.path().join(unit));
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().last().unwrap_or_default();
    assert!(last.contains("Overall exposure level"), "{output:?}");
    assert!(output.status.success(), "more than {tenths} tenths with {drop_ins:?}: {said}");
}

#[test]
fn systemd_finds_no_fault_in_the_units_alone_and_with_each_drop_in() {
    if is_missing() {
        return;
    }
    check_verified(&[]);
    for (name, _) in DROP_INS {
        check_verified(&[name]);
    }
    check_verified(&DROP_INS.map(|(name, _)| name));
}

#[test]
fn the_units_are_exposed_as_little_as_promised() {
    if is_missing() {
        return;
    }
    for (unit, tenths) in UNITS {
        check_exposed(unit, &[], tenths);
    }
    for (name, tenths) in DROP_INS {
        check_exposed("highwater.service", &[name], tenths);
    }
}

#[test]
fn a_fault_in_a_unit_would_be_found() {
    if is_missing() {
        return;
    }
    let dir = installed(&[]);
    let unit = dir.path().join("highwater.service");
    let text = std::fs::read_to_string(&unit).unwrap();
    std::fs::write(&unit, text.replace("WatchdogSec=5min", "WatchdogSecs=5min")).unwrap();
    let output = analyze(&["verify", "--man=no"], &unit);
    assert!(String::from_utf8_lossy(&output.stderr).contains("WatchdogSecs"), "{output:?}");
    let lax: Vec<&str> =
        text.lines().filter(|line| !line.starts_with("Restrict") && !line.starts_with("System")).collect();
    std::fs::write(&unit, lax.join("\n")).unwrap();
    let output = analyze(&["security", "--offline=true", "--no-pager", "--threshold=15"], &unit);
    assert!(!output.status.success(), "{output:?}");
}

#[test]
fn each_drop_in_is_known_here_and_says_what_it_is_for() {
    let known: BTreeSet<String> = DROP_INS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let there: BTreeSet<String> = std::fs::read_dir(here().join("drop-ins"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(there, known);
    for name in known {
        let text = std::fs::read_to_string(here().join("drop-ins").join(&name)).unwrap();
        assert!(text.starts_with("# For "), "{name} does not say what it is for");
    }
}
