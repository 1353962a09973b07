//! A host whose counters the test turns: exact figures, and every way in which there is none.

use crate::agent::Agent;
use crate::home::Home;
use crate::host::{Host, MEMORY};
use crate::rows::{self, Step};

fn running() -> (Host, Home, Agent) {
    let host = Host::new();
    let home = Home::new().at_root(host.root());
    let mut agent = home.run();
    agent.slots(2);
    (host, home, agent)
}

fn eth0(home: &Home) -> Vec<Step> {
    rows::steps(&home.ledger(), "network_throughput", "eth0")
}

/// A source that a busy machine could not read in its time is none of what these tests are about.
fn failures(log: &[crate::line::Line], about: &str) -> usize {
    let about = |line: &&crate::line::Line| line.get("error").is_some_and(|error| error.contains(about));
    log.iter().filter(|line| line.event() == "source_failed").filter(about).count()
}

#[test]
fn counters_become_bits_per_second_to_the_last_byte() {
    let (host, home, mut agent) = running();
    let (mut rx, mut tx) = (1_000_000, 2_000_000);
    for step in 1..=4 {
        rx += 125_000 * step;
        tx += 1_000;
        host.traffic(rx, tx);
        agent.slots(1);
    }
    agent.slots(1);
    agent.stop();
    let steps = eth0(&home);
    let mut received = 0.0;
    for pair in steps.windows(2) {
        let Some(rate) = pair[1].rx else { continue };
        let counted = (pair[1].counter.unwrap() - pair[0].counter.unwrap()) as f64;
        assert!((pair[1].amount(rate) / 8.0 - counted).abs() < 0.01, "{pair:?}");
        received += counted;
    }
    if steps.iter().skip(1).all(|step| step.rx.is_some()) {
        assert_eq!(received, 1_250_000.0, "{steps:?}");
    }
    let ledger = home.ledger();
    let off: i64 = rows::one(
        &ledger,
        "SELECT count(*) FROM readings WHERE meter = 'ram_capacity' AND value <> ?1",
        [MEMORY],
    );
    assert_eq!(off, 0);
    home.assert_verified();
}

#[test]
fn another_interface_under_the_same_name_is_a_gap_and_never_a_spike() {
    let (host, home, mut agent) = running();
    host.index(2);
    agent.slots(2);
    // The new card has carried a gigabyte before it got this name.
    host.traffic(1_000_000_000, 2_000_000);
    host.index(3);
    agent.slots(3);
    agent.stop();
    let steps = eth0(&home);
    // The counters and the index are two files: a sample between their changes may see the first only.
    let gaps = rows::one::<i64>(
        &home.ledger(),
        "SELECT count(*) FROM gaps WHERE subject = 'eth0' AND reason = 'counter_reset'",
        [],
    );
    assert!(gaps >= 1, "{steps:?}");
    assert!(steps.last().unwrap().rx.is_some(), "it goes on: {steps:?}");
    home.assert_verified();
}

#[test]
fn a_counter_that_runs_backwards_is_a_gap_and_never_a_spike() {
    let (host, home, mut agent) = running();
    host.traffic(500, 700);
    let reset = agent.line("counter_reset", |l| l.get("network_throughput_gap") == Some("counter_reset"));
    host.traffic(1_500, 700);
    agent.slots(2);
    agent.stop();
    let ledger = home.ledger();
    let at = reset.at();
    assert_eq!(rows::gap(&ledger, at, "eth0").as_deref(), Some("counter_reset"));
    assert_eq!(rows::reading(&ledger, at, "eth0"), None, "a gap is no zero");
    assert!(rows::reading(&ledger, at, "host").is_some(), "memory was read all the same");
    let highest: f64 = rows::one(&ledger, "SELECT max(value) FROM readings WHERE subject = 'eth0'", []);
    // A thousand bytes in half a slot at the shortest.
    assert!(highest <= 16_000.0, "{highest}");
    home.assert_verified();
}

#[test]
fn a_reboot_is_a_gap_for_counters_and_none_for_gauges() {
    let (host, home, mut agent) = running();
    host.boot("22222222-2222-4222-8222-222222222222");
    host.traffic(90_000_000_000, 90_000_000_000);
    let down = agent.line("host_down", |l| l.get("network_throughput_gap") == Some("host_down"));
    let after = agent.line("reading after it", |l| l.is_slot() && l.get("network_throughput").is_some());
    agent.stop();
    assert_eq!(down.number("ram_capacity"), MEMORY);
    let ledger = home.ledger();
    assert_eq!(rows::gap(&ledger, down.at(), "eth0").as_deref(), Some("host_down"));
    assert_eq!(rows::reading(&ledger, after.at(), "eth0"), Some(0.0));
    let highest: f64 = rows::one(&ledger, "SELECT max(value) FROM readings WHERE subject = 'eth0'", []);
    assert_eq!(highest, 0.0);
    assert_eq!(rows::one::<i64>(&ledger, "SELECT count(*) FROM boots", []), 2);
    home.assert_verified();
}

#[test]
fn a_file_that_is_gone_or_garbage_is_told_once_and_a_gap_until_it_is_back() {
    let (host, home, mut agent) = running();
    host.tree().remove("proc/meminfo");
    let gone = agent.event("source_failed");
    assert!(gone.get("error").unwrap().contains("meminfo"), "{gone:?}");
    let without = agent.slots(3);
    host.memory("MemTotal: lots\n");
    agent.line("what garbage it is", |l| l.event() == "source_failed" && l.get("error") != gone.get("error"));
    agent.slots(2);
    host.memory("MemTotal: 1048576 kB\n");
    assert_eq!(agent.event("source_recovered").get("source"), Some("ram"));
    let back = agent.line("reading", |l| l.is_slot() && l.get("ram_capacity").is_some());
    let log = agent.stop();
    assert_eq!(failures(&log, "can't read"), 1, "one warning, not one a slot: {log:#?}");
    assert_eq!(failures(&log, "MemTotal is no number"), 1);
    let ledger = home.ledger();
    for line in &without {
        let at = line.at();
        assert_eq!(rows::gap(&ledger, at, "host").as_deref(), Some("source_failed"));
        assert_eq!(rows::reading(&ledger, at, "host"), None, "a gap is no zero");
    }
    assert_eq!(rows::reading(&ledger, back.at(), "host"), Some(MEMORY));
    home.assert_verified();
}

#[test]
fn a_pipe_in_a_files_place_never_stops_the_agent() {
    let (host, home, mut agent) = running();
    host.tree().remove("proc/net/dev");
    host.tree().fifo("proc/net/dev");
    let failed = agent.event("source_failed");
    assert_eq!(failed.get("source"), Some("network"));
    let without = agent.slots(3);
    host.tree().remove("proc/net/dev");
    host.traffic(5_000_000, 5_000_000);
    agent.line("recovery", |l| l.event() == "source_recovered" && l.get("source") == Some("network"));
    let back = agent.line("reading", |l| l.is_slot() && l.get("network_throughput").is_some());
    agent.stop();
    let ledger = home.ledger();
    let at = without[2].at();
    assert_eq!(rows::gap(&ledger, at, "eth0").as_deref(), Some("source_failed"));
    assert_eq!(rows::reading(&ledger, at, "eth0"), None, "a gap is no zero");
    // What came while nobody looked is not put on the first slot that was read again.
    assert_eq!(rows::reading(&ledger, back.at(), "eth0"), Some(0.0));
    home.assert_verified();
}
