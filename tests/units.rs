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
const DROP_INS: [(&str, u32); 7] = [
    (BACKOFF, 15),
    ("credentials.conf", 15),
    ("haproxy-socket.conf", 15),
    ("kernel.conf", 20),
    ("logs.conf", 15),
    ("presence.conf", 15),
    ("proxy.conf", 15),
];

/// The one drop-in whose words an older systemd does not know, and would say so of a unit that has them.
const BACKOFF: &str = "backoff.conf";
const BACKOFF_SINCE: u32 = 254;
/// Each drop-in of central's unit, and the exposure that the unit may have with it.
const CENTRAL_DROP_INS: [(&str, u32); 1] = [("low-port.conf", 20)];

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

/// The same, with a drop-in of central's.
fn installed_central(drop_in: &str) -> tempfile::TempDir {
    let dir = installed(&[]);
    let own = dir.path().join("highwater-central.service.d");
    std::fs::create_dir(&own).unwrap();
    std::fs::copy(here().join("central-drop-ins").join(drop_in), own.join(drop_in)).unwrap();
    dir
}

/// The version of the systemd that judges here: `systemd 252 (252.39-1)`.
fn version() -> u32 {
    let output = Command::new("systemd-analyze").arg("--version").output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    told.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The drop-ins whose words this systemd knows.
fn known_here() -> Vec<&'static str> {
    let old = version() < BACKOFF_SINCE;
    DROP_INS.iter().map(|(name, _)| *name).filter(|name| !(old && *name == BACKOFF)).collect()
}

fn analyze(arguments: &[&str], unit: &Path) -> Output {
    Command::new("systemd-analyze").args(arguments).arg(unit).env("SYSTEMD_COLORS", "0").output().unwrap()
}

/// What `systemd-analyze` says of a unit; of the host's other units it may say what it likes.
fn verified(dir: &tempfile::TempDir, unit: &str) -> Vec<String> {
    let output = analyze(&["verify", "--man=no"], &dir.path().join(unit));
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{unit}: {said}");
    said.lines().filter(|line| line.contains("highwater")).map(str::to_owned).collect()
}

fn check_verified(dir: &tempfile::TempDir) {
    for (unit, _) in UNITS {
        assert_eq!(verified(dir, unit), [""; 0], "{unit}");
    }
}

fn check_exposed(unit: &str, dir: &tempfile::TempDir, tenths: u32) {
    let threshold = format!("--threshold={tenths}");
    let output = analyze(&["security", "--offline=true", "--no-pager", &threshold], &dir.path().join(unit));
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().last().unwrap_or_default();
    assert!(last.contains("Overall exposure level"), "{output:?}");
    assert!(output.status.success(), "{unit} has more than {tenths} tenths: {said}");
}

#[test]
fn systemd_finds_no_fault_in_the_units_alone_and_with_each_drop_in() {
    if is_missing() {
        return;
    }
    check_verified(&installed(&[]));
    for name in known_here() {
        check_verified(&installed(&[name]));
    }
    check_verified(&installed(&known_here()));
    for (name, _) in CENTRAL_DROP_INS {
        check_verified(&installed_central(name));
    }
}

#[test]
fn an_older_systemd_passes_over_the_longer_and_longer_waits_and_nothing_else() {
    if is_missing() || version() >= BACKOFF_SINCE {
        return;
    }
    let said = verified(&installed(&[BACKOFF]), "highwater.service");
    assert_eq!(said.len(), 2, "{said:?}");
    for (line, key) in said.iter().zip(["RestartSteps", "RestartMaxDelaySec"]) {
        assert!(line.contains("Unknown key") && line.contains(key), "{line}");
    }
}

#[test]
fn a_start_that_fails_again_and_again_fills_no_log_and_is_never_given_up() {
    for (unit, _) in UNITS {
        let text = std::fs::read_to_string(here().join(unit)).unwrap();
        let value = |key: &str| {
            let found = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            found.unwrap_or_else(|| panic!("{unit} lacks {key}"))
        };
        // Each try makes some six lines of the journal, most of them systemd's own.
        let seconds: u32 = value("RestartSec").strip_suffix('s').unwrap().parse().unwrap();
        assert!((10..=60).contains(&seconds), "{unit}: {seconds}");
        assert_eq!((value("Restart"), value("StartLimitIntervalSec")), ("always", "0"), "{unit}");
    }
}

#[test]
fn a_reload_looks_at_the_configuration_before_the_agent_does() {
    let text = std::fs::read_to_string(here().join("highwater.service")).unwrap();
    let reload = text.lines().find_map(|line| line.strip_prefix("ExecReload=")).unwrap();
    let (before, after) = reload.split_once(" && ").unwrap();
    assert!(before.contains("/usr/bin/highwater check-config") && after.contains("kill -HUP"), "{reload}");
}

#[test]
fn the_units_are_exposed_as_little_as_promised() {
    if is_missing() {
        return;
    }
    for (unit, tenths) in UNITS {
        check_exposed(unit, &installed(&[]), tenths);
    }
    for (name, tenths) in DROP_INS {
        check_exposed("highwater.service", &installed(&[name]), tenths);
    }
    for (name, tenths) in CENTRAL_DROP_INS {
        check_exposed("highwater-central.service", &installed_central(name), tenths);
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

fn check_known(folder: &str, drop_ins: &[(&str, u32)]) {
    let known: BTreeSet<String> = drop_ins.iter().map(|(name, _)| (*name).to_owned()).collect();
    let there: BTreeSet<String> = std::fs::read_dir(here().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(there, known);
    let page = std::fs::read_to_string(here().join("../docs/systemd.md")).unwrap();
    for name in known {
        let text = std::fs::read_to_string(here().join(folder).join(&name)).unwrap();
        assert!(text.starts_with("# For "), "{name} does not say what it is for");
        assert!(page.contains(&format!("| `{name}` |")), "docs/systemd.md does not tell of {name}");
    }
}

#[test]
fn each_drop_in_is_known_here_and_says_what_it_is_for() {
    check_known("drop-ins", &DROP_INS);
    check_known("central-drop-ins", &CENTRAL_DROP_INS);
}
