//! Ledgers that can't be used: damaged ones are moved aside, those of others are left alone.

use crate::base;
use crate::home::Home;
use crate::rows;
use highwater::files::read_bounded;
use rusqlite::Connection;
use std::fs::{File, read_dir};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

fn home() -> Home {
    Home::new()
}

fn moved_aside(home: &Home) -> Vec<PathBuf> {
    let paths = read_dir(home.state_dir()).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|p| p.to_string_lossy().contains("ledger.db.damaged-")).collect()
}

fn instance(home: &Home) -> String {
    rows::one(&home.ledger(), "SELECT value FROM state WHERE key = 'instance'", [])
}

/// Damages a ledger with rows in it; the agent then runs on a new one. Gives the instance's id before and after.
fn check(damage: impl FnOnce(&File, u64)) -> (String, String) {
    let home = home();
    base::three_days(home.state_dir());
    let before = instance(&home);
    let file = File::options().write(true).open(home.file()).unwrap();
    damage(&file, file.metadata().unwrap().len());
    let mut agent = home.run();
    let told = agent.event("ledger_moved_aside");
    agent.slots(2);
    agent.stop();
    let aside = moved_aside(&home);
    assert!(aside.iter().any(|p| told.get("moved_to") == p.to_str()), "{told:?} {aside:?}");
    home.assert_verified();
    (before, instance(&home))
}

#[test]
fn a_ledger_of_garbage_is_moved_aside_and_the_instance_goes_on() {
    let (before, after) = check(|file, length| {
        file.write_all_at(&vec![0x5a; usize::try_from(length).unwrap()], 0).unwrap();
    });
    assert_eq!(before, after, "the file beside it tells");
}

#[test]
fn a_truncated_ledger_is_moved_aside_and_the_instance_goes_on() {
    let (before, after) = check(|file, length| file.set_len(length / 4096 / 2 * 4096).unwrap());
    assert_eq!(before, after, "its first pages could be read");
}

#[test]
fn an_empty_file_is_a_new_ledger() {
    let home = home();
    std::fs::create_dir(home.state_dir()).unwrap();
    File::create(home.file()).unwrap();
    let mut agent = home.run();
    agent.slots(1);
    let log = agent.stop();
    assert!(log.iter().all(|line| line.event() != "ledger_moved_aside"), "{log:?}");
    assert!(moved_aside(&home).is_empty());
    home.assert_verified();
}

/// What no agent of this version can use is refused, and stays as it is to the last byte.
fn refused(home: &Home, says: &str) {
    let bytes = || {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut File::open(home.file()).unwrap(), &mut bytes).unwrap();
        bytes
    };
    let before = bytes();
    for command in ["run", "verify", "status", "peaks"] {
        let output = home.ask(&[command]);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(65), "{command}: {message}");
        assert!(message.contains(says), "{command}: {message}");
    }
    assert!(bytes() == before, "it was touched");
    assert!(moved_aside(home).is_empty());
}

#[test]
fn the_ledger_of_a_newer_version_is_refused_and_not_touched() {
    let home = home();
    base::three_days(home.state_dir());
    Connection::open(home.file()).unwrap().execute_batch("PRAGMA user_version = 999").unwrap();
    refused(&home, "newer highwater (schema 999");
}

#[test]
fn another_programs_database_is_refused_and_not_touched() {
    let home = home();
    std::fs::create_dir(home.state_dir()).unwrap();
    let other = "CREATE TABLE photos (name TEXT); INSERT INTO photos VALUES ('cat.jpg')";
    Connection::open(home.file()).unwrap().execute_batch(other).unwrap();
    refused(&home, "another program's database");
    Connection::open(home.file()).unwrap().execute_batch("PRAGMA application_id = 77").unwrap();
    refused(&home, "another program's database");
}

#[test]
fn a_directory_that_is_a_file_is_refused_with_its_path() {
    let home = home();
    home.tree.write("state", "not a directory");
    let output = home.ask(&["run"]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{message}");
    assert!(message.contains("/state"), "{message}");
    assert_eq!(read_bounded(&home.tree.at("state"), 100).unwrap(), "not a directory");
}

#[test]
fn a_ledger_removed_while_the_agent_runs_is_said_and_begun_again() {
    let home = home();
    let mut agent = home.run();
    agent.slots(2);
    let before = instance(&home);
    std::fs::remove_dir_all(home.state_dir()).unwrap();
    agent.event("ledger_opened_again");
    agent.slots(2);
    agent.stop();
    assert_eq!(instance(&home), before, "it is the same instance");
    assert!(rows::slots(&home.ledger()).len() >= 2);
    home.assert_verified();
}

#[test]
fn a_log_removed_while_the_agent_runs_takes_no_slot_with_it() {
    let home = home();
    let mut agent = home.run();
    agent.slots(4);
    std::fs::remove_file(home.state_dir().join("ledger.db-wal")).unwrap();
    agent.event("ledger_opened_again");
    agent.slots(2);
    let logged: Vec<i64> = agent.kill().iter().filter(|l| l.is_slot()).map(crate::line::Line::slot).collect();
    let kept = rows::slots(&home.ledger());
    assert!(logged.iter().all(|slot| kept.contains(slot)), "{logged:?} {kept:?}");
    home.assert_verified();
}
