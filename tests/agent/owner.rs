//! Root's commands beside an agent of another user's: what they leave is that agent's, and it goes on as who it was.

use crate::agent::Agent;
use crate::home::{HIGHWATER, Home, without_root};
use crate::tools::skipped;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};

/// The user of a service with `DynamicUser=`, and its group.
const AGENT: (u32, u32) = (65_532, 65_531);

/// A state directory that belongs to the agent; `None` where this can't be tested here.
fn home() -> Option<Home> {
    if without_root() {
        return None;
    }
    let home = Home::new();
    fs::create_dir_all(home.state_dir()).unwrap();
    fs::set_permissions(home.tree.dir(), Permissions::from_mode(0o755)).unwrap();
    chown(home.state_dir(), Some(AGENT.0), Some(AGENT.1)).unwrap();
    let program = home.command(HIGHWATER).arg("--version").uid(AGENT.0).gid(AGENT.1).output();
    if program.is_err() {
        skipped("another user can't start the program here");
        return None;
    }
    Some(home)
}

fn files(home: &Home) -> Vec<PathBuf> {
    fs::read_dir(home.state_dir()).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn assert_all_the_agents(home: &Home, after: &str) {
    for file in files(home) {
        let meta = file.symlink_metadata().unwrap();
        assert_eq!((meta.uid(), meta.gid()), AGENT, "{} after {after}", file.display());
    }
}

/// A round of the agent, run by root or by its own user; gives the instance that it is.
fn round(home: &Home, by_root: bool) -> String {
    let mut command = home.command(HIGHWATER);
    command.arg("run");
    if !by_root {
        command.uid(AGENT.0).gid(AGENT.1);
    }
    let mut agent = Agent::spawn(&mut command);
    let instance = agent.event("started").get("instance").unwrap().to_owned();
    agent.slots(2);
    let log = agent.stop();
    let wrong = |event: &str| event.ends_with("_failed") || event == "grace_doubted";
    assert!(!log.iter().any(|line| wrong(line.event())), "{log:#?}");
    instance
}

fn remove(home: &Home, names: &[&str]) {
    for name in names {
        fs::remove_file(home.state_dir().join(name)).unwrap();
    }
}

#[test]
fn what_root_pushes_prunes_and_runs_leaves_all_files_to_the_agents_user() {
    let Some(home) = home() else { return };
    let instance = round(&home, false);
    for command in [&["push"][..], &["prune"], &["push", "--open-day"], &["export", "-o", "state/out.hwb"]] {
        // Not activated: there is nobody to push to. The files are opened and written all the same.
        let ended = home.ask(command);
        assert!(ended.status.code().is_some(), "{ended:?}");
        assert_all_the_agents(&home, &command.join(" "));
    }
    assert_eq!(round(&home, true), instance);
    assert_all_the_agents(&home, "run by root");
    assert_eq!(round(&home, false), instance);
    // Each of them made anew by root: gone, and damaged.
    remove(&home, &["ledger.db"]);
    assert_eq!(round(&home, true), instance, "a ledger that is gone");
    fs::write(home.file(), "no ledger".repeat(1000)).unwrap();
    chown(home.file(), Some(AGENT.0), Some(AGENT.1)).unwrap();
    assert_eq!(round(&home, true), instance, "a ledger that is damaged");
    assert!(files(&home).iter().any(|file| file.to_string_lossy().contains("damaged-")));
    assert_all_the_agents(&home, "a damaged ledger");
    assert_eq!(round(&home, false), instance);
    home.assert_verified();
}

#[test]
fn an_instance_file_that_cannot_be_read_makes_no_new_instance() {
    let Some(home) = home() else { return };
    let instance = round(&home, false);
    let beside = home.state_dir().join("instance.json");
    chown(&beside, Some(0), Some(0)).unwrap();
    for gone in [&[][..], &["ledger.db"]] {
        remove(&home, gone);
        let ended = home.command(HIGHWATER).arg("run").uid(AGENT.0).gid(AGENT.1).output().unwrap();
        let told = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(77), "{told}");
        assert!(told.contains(&format!("{} is there, but can't be read", beside.display())), "{told}");
        let mend = told.split('`').nth(1).expect("a mend");
        assert!(mend.starts_with("chown --reference="), "{told}");
        assert!(gone.is_empty() || !Path::new(&home.file()).exists(), "no new ledger was begun");
    }
    // The mend, as it is told.
    let reference = format!("--reference={}", home.state_dir().display());
    let mended = std::process::Command::new("chown").arg(reference).arg(&beside).status().unwrap();
    assert!(mended.success());
    assert_eq!(round(&home, false), instance);
}
