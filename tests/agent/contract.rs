//! Many situations, in both formats: no line has an event or a key that `docs/log-events.md` does not document.

use crate::documented;
use crate::faked;
use crate::home::Home;
use crate::host::Host;
use crate::line::Line;
use nix::sys::signal::Signal;
use std::collections::BTreeSet;

/// Holds lines to the page; gives the events that were among them.
fn check(log: &[Line]) -> BTreeSet<String> {
    let (events, common) = documented::page();
    for line in log {
        let keys = events.get(line.event()).unwrap_or_else(|| panic!("undocumented event in {line:?}"));
        for key in line.keys() {
            assert!(keys.contains(key) || common.contains(key), "undocumented key {key} in {line:?}");
        }
        assert!(line.get("time").is_some() && line.get("level").is_some(), "{line:?}");
    }
    log.iter().map(|line| line.event().to_owned()).collect()
}

fn config(format: &str, more: &str) -> String {
    format!(
        "[sampling]\ninterval = \"1s\"\n[ledger]\nretention = \"60s\"\n[log]\nformat = \"{format}\"\nlevel = \"debug\"\n{more}\n\
         [[ssl]]\nkind = \"haproxy\"\nsocket = \"/none.sock\"\n"
    )
}

pub(crate) fn a_life(format: &str) -> Vec<Line> {
    let host = Host::new();
    let home = Home::bare().at_root(host.root()).configured(&config(format, ""));
    home.tree
        .write("state/ledger.db", "this is no database, whatever its name says: it is damage".repeat(200));
    let mut agent = home.run();
    agent.slots(2);
    host.tree().remove("proc/meminfo");
    agent.line("failure", |l| l.event() == "source_failed" && l.get("source") == Some("ram"));
    host.memory("MemTotal: 1048576 kB\n");
    agent.line("recovery", |l| l.event() == "source_recovered" && l.get("source") == Some("ram"));
    agent.signal(Signal::SIGUSR1);
    agent.line("extra sample", |l| l.get("extra").is_some());
    home.write_config("nonsense = 1\n");
    agent.signal(Signal::SIGHUP);
    agent.event("reload_failed");
    home.write_config(&config(format, "[network]\ninterfaces = [\"eth0\", \"eth9\"]\n"));
    agent.signal(Signal::SIGHUP);
    agent.event("reloaded");
    agent.slots(2);
    let mut log = agent.stop();
    let mut agent = home.run();
    agent.slots(1);
    log.extend(agent.kill());
    let mut agent = home.run();
    agent.slots(2);
    log.extend(agent.stop());
    log
}

fn lived(format: &str) {
    let events = check(&a_life(format));
    for event in [
        "started",
        "host",
        "config_warning",
        "ledger_moved_aside",
        "sampled",
        "source_failed",
        "source_recovered",
        "reload_failed",
        "reloaded",
        "stopped",
    ] {
        assert!(events.contains(event), "{event} did not happen: {events:?}");
    }
}

/// In both formats at once: most of it is waiting.
fn in_both_formats(live: impl Fn(&str) + Sync) {
    std::thread::scope(|scope| {
        scope.spawn(|| live("json"));
        live("logfmt");
    });
}

#[test]
fn a_life_says_only_what_is_documented() {
    in_both_formats(lived);
}

#[test]
fn days_and_clocks_say_only_what_is_documented() {
    let Some(library) = faked::library() else { return };
    in_both_formats(|format| {
        let home = Home::bare().with("HIGHWATER_LOG__FORMAT", format).with("HIGHWATER_LOG__LEVEL", "debug");
        let mut agent = faked::run(&home, &library, "2026-06-09 22:30:00", 1800);
        agent.event("day_closed");
        agent.slots(1);
        let events = check(&agent.kill());
        assert!(events.contains("day_closed"), "{events:?}");
    });
}

#[test]
fn an_interface_that_stands_on_another_is_told_as_documented() {
    let host = Host::new();
    let home = Home::new().at_root(host.root()).with("HIGHWATER_NETWORK__INTERFACES", "eth0,eth0.5");
    host.tree().write("sys/class/net/eth0.5/lower_eth0/type", "1");
    let dev = highwater::files::read_bounded(&host.tree().at("proc/net/dev"), 1 << 16).unwrap();
    host.tree().write(
        "proc/net/dev",
        format!("{dev}{}", dev.lines().last().unwrap().replace("eth0", "eth0.5") + "\n"),
    );
    let mut agent = home.run();
    agent.event("interfaces_left_out");
    check(&agent.stop());
}
