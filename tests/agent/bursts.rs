//! A peak that is shorter than a slot.

use crate::home::Home;
use crate::host::Host;
use crate::rows;

const SUB_WINDOWS_A_SLOT: f64 = 4.0;

#[test]
fn a_short_peak_is_kept_beside_the_slots_average() {
    let host = Host::new();
    let home = Home::bare()
        .at_root(host.root())
        .with("HIGHWATER_SAMPLING__INTERVAL", "4s")
        .with("HIGHWATER_SAMPLING__BURST", "1s");
    let mut agent = home.run();
    agent.slots(2);
    host.traffic(1_000_000 + 12_500_000, 2_000_000);
    agent.slots(2);
    let log = agent.stop();
    let ledger = home.ledger();
    let value = |meter: &str, subject: &str| -> Vec<f64> {
        rows::steps(&ledger, meter, subject).into_iter().filter_map(|step| step.value.ok()).collect()
    };
    let average = value("network_throughput", "eth0").into_iter().fold(0.0, f64::max);
    let burst = value("network_throughput_burst", "eth0").into_iter().fold(0.0, f64::max);
    // All of it came within one sub-window; how long that was to the millisecond is the machine's.
    let ratio = burst / average;
    assert!((SUB_WINDOWS_A_SLOT / 1.7..SUB_WINDOWS_A_SLOT * 1.7).contains(&ratio), "{average} {burst}");
    assert_eq!(value("network_throughput_burst", "total"), value("network_throughput_burst", "eth0"));
    let first = rows::steps(&ledger, "network_throughput_burst", "eth0").into_iter().next().unwrap();
    assert_eq!(first.value, Err("agent_down".to_owned()), "the agent did not see the whole of it");
    let told = log.iter().filter(|line| line.event() == "sampled");
    let told = told.filter_map(|line| line.get("network_throughput_burst")).count();
    assert!(told >= 2, "{told}");
    let peaks = home.json(&["peaks"]);
    let peak = |meter: &str| {
        let peaks = peaks["days"].as_array().unwrap().iter().flat_map(|day| day["peaks"].as_array().unwrap());
        peaks
            .filter(|peak| peak["meter"] == meter && peak["subject"] == "eth0")
            .filter_map(|peak| peak["value"].as_f64())
            .fold(0.0, f64::max)
    };
    assert!((peak("network_throughput_burst") - burst).abs() < 1.0, "{peaks}");
    assert!((peak("network_throughput") - average).abs() < 1.0, "{peaks}");
    home.assert_verified();
}
