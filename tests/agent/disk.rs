//! A disk that is full.

use crate::agent::eventually;
use crate::faked;
use crate::files::Tree;
use crate::home::{Home, without_root};
use crate::line::Line;
use crate::listener::{free_port, get};
use crate::rows;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A small file system of the test's own; it is taken down with the test.
struct Disk {
    tree: Tree,
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

impl Disk {
    fn new() -> Option<Self> {
        let disk = Disk { tree: Tree::new(&[("disk/.keep", "")]) };
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=2m", "highwater-test"]).arg(disk.path());
        mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success()).then_some(disk)
    }

    fn path(&self) -> PathBuf {
        self.tree.at("disk")
    }

    fn fill(&self) {
        let mut file = std::fs::File::create(self.path().join("filler")).unwrap();
        for block in [4096, 512, 1] {
            while file.write_all(&vec![0; block]).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.path().join("filler")).unwrap();
    }
}

#[test]
fn an_agent_that_cannot_begin_on_a_full_disk_says_so_and_what_to_do() {
    if without_root() {
        return;
    }
    let Some(disk) = Disk::new() else {
        tools_skip();
        return;
    };
    let home = Home::new().keeping_state_in(&disk.path().join("state"));
    std::fs::create_dir(home.state_dir()).unwrap();
    disk.fill();
    let ended = home.ask(&["run"]);
    let log = String::from_utf8(ended.stdout).unwrap();
    let line = Line::parse(log.lines().last().unwrap());
    assert_eq!((ended.status.code(), line.event()), (Some(69), "agent_failed"), "{log}");
    assert!(line.get("error").is_some_and(|error| error.ends_with("make room on its file system")), "{log}");
}

#[test]
fn a_disk_without_room_for_the_files_beside_the_ledger_is_told_as_full_and_by_doctor_too() {
    if without_root() {
        return;
    }
    let Some(disk) = Disk::new() else {
        tools_skip();
        return;
    };
    let home = Home::new().keeping_state_in(&disk.path().join("state"));
    let mut agent = home.run();
    agent.slots(1);
    agent.stop();
    for suffix in ["-wal", "-shm"] {
        assert!(!home.state_dir().join(format!("ledger.db{suffix}")).exists(), "a clean stop leaves none");
    }
    disk.fill();
    let ended = home.ask(&["run"]);
    let log = String::from_utf8(ended.stdout).unwrap();
    let line = Line::parse(log.lines().last().unwrap());
    assert_eq!((ended.status.code(), line.event()), (Some(69), "agent_failed"), "{log}");
    let says = |error: &str| error.contains("is full") && error.ends_with("make room on its file system");
    assert!(line.get("error").is_some_and(says), "{log}");
    let (doctor, code) = home.json_and_code(&["doctor"]);
    let checks = doctor["checks"].as_array().unwrap();
    let state = checks.iter().find(|check| check["name"] == "state directory").unwrap();
    let detail = state["detail"].as_str().unwrap();
    assert!(code == 69 && detail.contains("no room: 0 KiB free: make room on its file system"), "{detail}");
}

#[test]
fn a_full_disk_stops_nothing_and_loses_nothing() {
    if without_root() {
        return;
    }
    let Some(disk) = Disk::new() else {
        tools_skip();
        return;
    };
    let Some(library) = faked::library() else { return };
    // Some hundred slots fit in what the log has taken beforehand: the clock runs twenty slots a second.
    let port = free_port();
    let home = Home::bare()
        .keeping_state_in(&disk.path().join("state"))
        .with("HIGHWATER_LISTEN__ADDRESS", format!("127.0.0.1:{port}"));
    let mut agent = faked::run(&home, &library, "2026-06-09 00:00:00", 6000);
    agent.slots(2);
    disk.fill();
    agent.event("ledger_failed");
    let (_, _, why) =
        eventually("not ready", || Some(get(port, "/readyz")).filter(|(_, _, b)| b.contains("ledger")));
    assert!(why.contains("ledger_failed"), "{why}");
    let waiting = agent.slots(4);
    disk.free();
    agent.event("ledger_recovered");
    eventually("ready again", || (get(port, "/readyz").0 == 200).then_some(()));
    agent.slots(1);
    let log = agent.stop();
    let failures: Vec<&Line> = log.iter().filter(|l| l.event() == "ledger_failed").collect();
    assert_eq!(failures.len(), 1, "it is told once: {failures:#?}");
    let logged: Vec<i64> = log.iter().filter(|l| l.is_slot()).map(Line::slot).collect();
    let ledger = home.ledger();
    assert_eq!(rows::slots(&ledger), logged, "those that waited are there as well");
    assert!(logged.contains(&waiting[0].slot()));
    home.assert_verified();
}

fn tools_skip() {
    crate::tools::skipped("this host mounts no tmpfs");
}

#[test]
fn a_disk_full_from_the_start_is_said_at_once() {
    if without_root() {
        return;
    }
    let Some(disk) = Disk::new() else {
        tools_skip();
        return;
    };
    disk.fill();
    let home = Home::new().keeping_state_in(&disk.path().join("state"));
    let output = home.ask(&["run"]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{message}");
    assert!(message.contains("full") || message.contains("No space"), "{message}");
    disk.free();
    let mut agent = home.run();
    agent.slots(1);
    let log = agent.stop();
    assert!(log.iter().all(|l| l.event() != "ledger_moved_aside"), "nothing was damaged: {log:#?}");
    home.assert_verified();
}
