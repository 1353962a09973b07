//! Whether the licensed software is seen.

use crate::tree::Tree;
use highwater::config::Presence;
use highwater::files::Root;
use highwater::sources::presence::Watch;
use std::process::{Command, Stdio};

fn check(tree: &Tree, presence: &Presence, expect: bool) {
    let mut watch = Watch::new(tree.root(), presence.clone());
    for _ in 0..2 {
        assert_eq!(watch.is_present().map_err(|e| e.to_string()), Ok(expect), "{presence:?}");
    }
}

fn process(name: &str) -> Presence {
    Presence::Process(name.to_owned())
}

fn executable(path: &str) -> Presence {
    Presence::Executable(path.into())
}

#[test]
fn a_process_is_known_by_its_name_or_its_executables() {
    let tree = Tree::new(&[
        ("proc/9/comm", "haproxy\n"),
        ("proc/10/comm", "a-very-long-nam\n"),
        ("proc/11/comm", "worker 3\n"),
        ("proc/11/cmdline", "/usr/bin/script\0--flag\0"),
        ("proc/uptime", "1 1\n"),
    ]);
    tree.link("proc/11/exe", "/opt/balancer/bin/balancerd");
    check(&tree, &process("haproxy"), true);
    check(&tree, &process("haprox"), false);
    check(&tree, &process("a-very-long-name-indeed"), true);
    check(&tree, &process("a-very-long"), false);
    check(&tree, &process("balancerd"), true);
    check(&tree, &process(""), false);
    check(&tree, &executable("/opt/balancer/bin/balancerd"), true);
    check(&tree, &executable("/usr/bin/script"), true);
    check(&tree, &executable("/opt/balancer/bin/balancer"), false);
    check(&tree, &executable("--flag"), false);
}

#[test]
fn a_replaced_executable_still_runs_and_an_ended_process_does_not() {
    let tree = Tree::new(&[
        ("proc/11/comm", "x\n"),
        ("proc/12/comm", "dead\n"),
        ("proc/12/stat", "12 (de) R ad) Z 1 12 12 0\n"),
    ]);
    tree.link("proc/11/exe", "/opt/balancerd (deleted)");
    check(&tree, &executable("/opt/balancerd"), true);
    check(&tree, &process("balancerd"), true);
    check(&tree, &process("dead"), false);
}

#[test]
fn a_process_that_was_seen_and_ended_is_looked_for_again() {
    let tree = Tree::new(&[("proc/5/comm", "x\n"), ("proc/6/comm", "y\n")]);
    let mut watch = Watch::new(tree.root(), process("x"));
    assert!(watch.is_present().unwrap());
    tree.write("proc/5/comm", "y\n");
    assert!(!watch.is_present().unwrap());
    tree.write("proc/6/comm", "x\n");
    assert!(watch.is_present().unwrap());
}

#[test]
fn where_processes_are_hidden_absence_is_not_known() {
    let tree = Tree::new(&[("proc/40/comm", "agent\n")]);
    tree.link("proc/self", "40");
    let mut watch = Watch::new(tree.root(), process("x"));
    let error = watch.is_present().unwrap_err().to_string();
    assert!(error.contains("hidepid"), "{error}");
    tree.write("proc/1/comm", "init\n");
    assert!(!watch.is_present().unwrap());
    let mut agent = Watch::new(tree.root(), process("agent"));
    assert!(!agent.is_present().unwrap(), "the agent is not the software that it watches for");
}

#[test]
fn a_real_process_is_seen_until_it_ends() {
    // `cat` waits for input that never comes, and ends with the pipe.
    let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let exe = std::fs::read_link(format!("/proc/{}/exe", child.id())).unwrap();
    let mut watch = Watch::new(Root::new("/"), Presence::Executable(exe));
    assert!(watch.is_present().unwrap());
    assert!(watch.is_present().unwrap());
    drop(child.stdin.take());
    child.wait().unwrap();
    let own = std::fs::read_link("/proc/self/exe").unwrap();
    let mut own = Watch::new(Root::new("/"), Presence::Executable(own));
    // False, or not told where /proc is mounted with hidepid.
    assert!(!own.is_present().unwrap_or(false), "the agent itself does not count");
}
