//! A real HAProxy, driven by `openssl s_time`: what the ledger says against HAProxy's count and the client's.

use crate::agent::Agent;
use crate::home::Home;
use crate::proxy::Proxy;
use crate::rows::{self, Step};
use crate::tools;

fn steps(home: &Home) -> Vec<Step> {
    rows::steps(&home.ledger(), "ssl_tps", "front")
}

/// The sessions that the readings after `at` stand for.
fn metered(home: &Home, at: i64) -> f64 {
    let readings = steps(home).into_iter().filter(|step| step.at > at);
    readings.filter_map(|step| step.value.as_ref().ok().map(|value| step.amount(*value))).sum()
}

/// The bytes through a service after `at`. What was read is whole, whatever the time between.
fn bytes(home: &Home, at: i64, service: &str) -> u64 {
    let readings = rows::steps(&home.ledger(), "vs_bytes", service).into_iter().filter(|step| step.at > at);
    readings.map(|step| step.value.unwrap() as u64).sum()
}

/// Two readings side by side, from where on everything is counted.
fn reading(agent: &mut Agent) -> i64 {
    agent.line("reading of ssl_tps", |l| l.is_slot() && l.get("ssl_tps").is_some()).at()
}

#[test]
fn every_tls_session_is_counted_once_and_a_restart_is_a_gap() {
    if tools::missing(&[("haproxy", "-v"), ("openssl", "version")]) {
        return;
    }
    let mut proxy = Proxy::start();
    let socket = proxy.socket();
    let config =
        format!("[[ssl]]\nkind = \"haproxy\"\nname = \"front\"\nsocket = \"{}\"\n", socket.display());
    let home = Home::bare().with("HIGHWATER_SAMPLING__INTERVAL", "2s").configured(&config);
    let mut agent = home.run();
    let from = reading(&mut agent);
    let raw: u64 = (0..50).map(|_| proxy.raw_request()).sum();
    let made = proxy.drive("-new") + proxy.drive("-reuse");
    agent.whole_slots(2);
    assert_eq!(proxy.own_sum(), made, "HAProxy and the client agree");
    let readings: Vec<_> = steps(&home).into_iter().filter(|step| step.at > from).collect();
    assert!(readings.iter().all(|step| step.value.is_ok()), "{readings:#?}");
    let sum = metered(&home, from);
    println!("{made} sessions made, {sum:.3} metered");
    assert!((sum - made as f64).abs() < 0.01, "{sum} metered of {made}: {readings:#?}");
    assert_eq!(bytes(&home, from, "front/raw"), raw, "what the client sent and received");
    assert_eq!(bytes(&home, from, "front/tls"), proxy.own_bytes("tls"));

    proxy.stop();
    let failed = agent.event("source_failed");
    assert!(failed.get("error").unwrap().contains("stats socket"), "{failed:?}");
    let down = agent.line("gap", |l| l.is_slot() && l.get("ssl_tps_gap").is_some());
    proxy.start_again();
    agent.event("source_recovered");
    let again = reading(&mut agent);
    let more = proxy.drive("-new");
    agent.whole_slots(2);

    // Between two samples, so that only its incarnation tells.
    proxy.restart();
    let reset = agent.line("gap of the restart", |l| l.is_slot() && l.get("ssl_tps_gap").is_some());
    reading(&mut agent);
    agent.stop();
    let ledger = home.ledger();
    assert_eq!(rows::gap(&ledger, down.at(), "front").as_deref(), Some("source_failed"));
    let reason = rows::gap(&ledger, reset.at(), "front").unwrap();
    assert!(["counter_reset", "source_failed"].contains(&reason.as_str()), "{reason}");
    let after = metered(&home, again);
    assert!((after - more as f64).abs() < 0.01, "{after} metered of {more}");
    home.assert_verified();
}

#[test]
fn a_reload_of_haproxy_is_a_gap_and_what_its_old_process_still_serves_is_in_no_slot() {
    if tools::missing(&[("haproxy", "-v"), ("openssl", "version"), ("curl", "--version")]) {
        return;
    }
    let (exporter, url) = Proxy::exporter();
    let proxy = Proxy::with_master(&exporter);
    let config = format!(
        "[[ssl]]\nkind = \"haproxy\"\nname = \"front\"\nsocket = \"{}\"\n\
         [[ssl]]\nkind = \"prometheus\"\nname = \"exporter\"\nurl = \"{url}\"\npreset = \"haproxy\"\n",
        proxy.socket().display()
    );
    // Half a slot is for four sources: long enough for a HAProxy that is busy with its reload.
    let home = Home::bare().with("HIGHWATER_SAMPLING__INTERVAL", "4s").configured(&config);
    let mut agent = home.run();
    let from = reading(&mut agent);
    proxy.one_session();
    let mut made = 1 + proxy.drive("-new");
    agent.whole_slots(2);
    assert_eq!(proxy.own_sum(), made);

    proxy.raw_request_around(|| proxy.reload());
    agent.line("gap of the reload", |l| l.is_slot() && l.get("ssl_tps_gap").is_some());
    reading(&mut agent);
    proxy.one_session();
    let more = 1 + proxy.drive("-new");
    let raw = proxy.raw_request();
    agent.whole_slots(2);
    assert_eq!(proxy.own_sum(), more, "the new process knows nothing of the old one's");
    assert_eq!(proxy.own_bytes("raw"), raw, "nor of the request that ended there");
    made += more;
    let log = agent.stop();
    let failures: Vec<_> = log.iter().filter(|line| line.event() == "source_failed").collect();

    let ledger = home.ledger();
    for (meter, subject, whole) in [
        ("ssl_tps", "front", made as f64),
        ("ssl_tps", "exporter", made as f64),
        ("vs_bytes", "front/raw", raw as f64),
    ] {
        let steps = rows::steps(&ledger, meter, subject);
        let steps: Vec<_> = steps.into_iter().filter(|step| step.at > from).collect();
        let gaps: Vec<_> = steps.iter().filter_map(|step| step.value.as_ref().err()).collect();
        assert_eq!(gaps, ["counter_reset"], "{subject}: {failures:?} {steps:#?}");
        let read = steps.iter().filter_map(|step| {
            let value = *step.value.as_ref().ok()?;
            Some(if meter == "ssl_tps" { step.amount(value) } else { value })
        });
        let sum: f64 = read.sum();
        assert!((sum - whole).abs() < 0.01, "{subject}: {sum} of {whole}: {steps:#?}");
    }
    home.assert_verified();
}
