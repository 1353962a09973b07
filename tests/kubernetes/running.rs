//! The real agent on a node of the stub's cluster.

use crate::home::Home;
use crate::line::Line;
use crate::rows;
use crate::stub::{Fault, Stub};
use serde_json::json;

const LIST: &str = "/api/v1/pods";
const GIB: f64 = (1_u64 << 30) as f64;
/// The sum of the recorded pods that have a limit.
const LIMITED: f64 = (9 * (1_u64 << 30) + (1356 + 1536) * (1 << 20) + 512_000_000) as f64;

fn home(stub: &Stub) -> Home {
    let config = "[sampling]\ninterval = \"5s\"\n[ram]\nscope = \"pods\"\nselector = \"metered=yes\"\n";
    let home = Home::bare().configured(config);
    stub.env("node-a").into_iter().fold(home, |home, (name, value)| home.with(name, value))
}

/// The next sample in which RAM is so.
fn until(agent: &mut crate::agent::Agent, what: &str, wanted: impl Fn(&Line) -> bool) -> Line {
    agent.line(what, |line| line.is_slot() && wanted(line))
}

fn has(bytes: f64) -> impl Fn(&Line) -> bool {
    move |line| line.get("ram_capacity").and_then(|n| n.parse::<f64>().ok()) == Some(bytes)
}

#[test]
fn the_agent_meters_its_nodes_pods_and_never_takes_silence_for_zero() {
    let stub = Stub::start();
    let home = home(&stub);
    let mut agent = home.run();
    let whole = until(&mut agent, "the recorded pods", has(30.0 * GIB));
    // Pods without a limit go: the total is the sum of the others.
    stub.pods(|pods| {
        let unlimited = ["no-limits-at-all", "one-without-limit", "request-only"];
        pods.retain(|pod| !unlimited.contains(&pod["metadata"]["name"].as_str().unwrap()));
    });
    let sum = until(&mut agent, "the sum", has(LIMITED));
    // A pod is resized, and the next sample says so.
    stub.pods(|pods| {
        let one = pods.iter_mut().find(|pod| pod["metadata"]["name"] == "one-limit").unwrap();
        one["status"]["containerStatuses"] =
            json!([{"name": "db", "resources": {"limits": {"memory": "3Gi"}}}]);
    });
    until(&mut agent, "the resized pod", has(LIMITED + GIB));
    // The right is taken away: words that name the rule, and a gap of all that was known.
    stub.deny("list", "pods");
    let failed = agent.line("failure", |l| l.event() == "source_failed" && l.get("source") == Some("ram"));
    assert!(failed.text().contains("resources: [pods], verbs: [list]"), "{}", failed.text());
    let gap = until(&mut agent, "a gap", |line| line.get("ram_capacity_gap") == Some("source_failed"));
    stub.allow();
    let back = until(&mut agent, "the pods again", has(LIMITED + GIB));
    stub.fail("GET", LIST, usize::MAX, Fault::Drop);
    until(&mut agent, "a gap", |line| line.get("ram_capacity_gap") == Some("source_failed"));
    until(&mut agent, "throughput meanwhile", |line| line.get("network_throughput").is_some());
    stub.mend();
    until(&mut agent, "the pods again", has(LIMITED + GIB));
    // All pods end: a true zero, and no gap of theirs.
    stub.pods(Vec::clear);
    let none = until(&mut agent, "no pod", has(0.0));
    let log = agent.stop();
    let ledger = home.ledger();
    assert_eq!(rows::reading(&ledger, whole.at(), "shop/one-limit"), Some(2.0 * GIB));
    assert_eq!(rows::reading(&ledger, whole.at(), "pods/unlimited"), Some(30.0 * GIB));
    assert_eq!(rows::reading(&ledger, sum.at(), "total"), Some(LIMITED));
    assert_eq!(rows::gap(&ledger, sum.at(), "pods/unlimited"), None, "what has ended is no gap");
    for subject in ["shop/one-limit", "shop/big-init", "total"] {
        assert_eq!(rows::gap(&ledger, gap.at(), subject).as_deref(), Some("source_failed"), "{subject}");
    }
    assert_eq!(rows::reading(&ledger, back.at(), "shop/one-limit"), Some(3.0 * GIB));
    assert_eq!(rows::gap(&ledger, none.at(), "shop/one-limit"), None);
    let zeros: i64 = rows::one(
        &ledger,
        "SELECT count(*) FROM readings WHERE meter = 'ram_capacity' AND value = 0 AND at < ?1",
        [none.at()],
    );
    assert_eq!(zeros, 0, "a gap is never a zero");
    // One list a slot, but for those that were asked again.
    let slots = log.iter().filter(|line| line.is_slot()).count();
    let lists = stub.asked_for("GET", LIST).len();
    assert!(lists <= slots + 1, "{lists} lists in {slots} slots");
    home.assert_verified();
}

#[test]
fn an_agent_that_does_not_know_its_node_says_so() {
    let stub = Stub::start();
    let config = "[sampling]\ninterval = \"5s\"\n[ram]\nscope = \"pods\"\n";
    let home = Home::bare().configured(config);
    let mut agent = home.run();
    let failed = agent.line("failure", |l| l.event() == "source_failed" && l.get("source") == Some("ram"));
    assert!(failed.text().contains("HIGHWATER_KUBERNETES__NODE"), "{}", failed.text());
    agent.stop();
    assert_eq!(stub.asked().len(), 0);
}

#[test]
fn an_agent_asks_once_a_slot_and_a_little_before_its_end() {
    let stub = Stub::start();
    let config = "[sampling]\ninterval = \"60s\"\n[ram]\nscope = \"pods\"\n[[ssl]]\nkind = \"prometheus\"\nname = \"lb\"\nmetric = \"m\"\npods = \"app=lb\"\n";
    let home = Home::bare().configured(config);
    let home = stub.env("node-a").into_iter().fold(home, |home, (name, value)| home.with(name, value));
    let mut agent = home.run();
    agent.event("started");
    let lists = || stub.asked_for("GET", LIST).len();
    let second = || highwater::clock::unix_s().rem_euclid(60);
    // A list at the agent's own start may be anywhere, but not in a minute's second half.
    crate::agent::eventually("a minute", || (10..54).contains(&second()).then_some(()));
    crate::agent::eventually("its last quarter", || (45..54).contains(&second()).then_some(()));
    let before = lists();
    crate::agent::eventually("the early list", || (lists() > before).then_some(()));
    assert!((54..60).contains(&second()), "it came at second {}", second());
    let (asked, end) = (lists(), highwater::clock::unix_s().div_euclid(60) * 60 + 60);
    // The agent's start may have sampled a slot before this one.
    until(&mut agent, "the slot", |line| line.at() == end && has(30.0 * GIB)(line));
    assert_eq!(lists(), asked, "the slot's end uses it");
    agent.stop();
    assert_eq!(stub.asked_for("GET", LIST).last().unwrap().param("labelSelector"), None);
}
