//! One boot that the agent and a shell see under two ids, as in a container that masks the boot id for some of its processes.

use crate::home::Home;
use crate::host::Host;

const DAY_S: i64 = 86_400;

fn left_s(home: &Home) -> i64 {
    let gate = home.json(&["status"])["gate"].clone();
    assert_eq!((&gate["days_left"], &gate["ahead_s"]), (&90.into(), &0.into()), "{gate}");
    gate["seconds_left"].as_i64().unwrap()
}

#[test]
fn the_hosts_uptime_is_not_charged_to_grace_each_time_that_the_other_id_is_seen() {
    let host = Host::new();
    let home = Home::new().at_root(host.root());
    for round in 0..4 {
        let mut agent = home.run();
        agent.slots(2);
        agent.stop();
        host.boot(&format!("{round}2222222-2222-4222-8222-222222222222"));
        // A shell asks, and writes what the agent then takes up under an id of its own.
        home.ask(&["push"]);
        assert!(left_s(&home) > 90 * DAY_S - 60, "round {round}: {}", left_s(&home));
    }
}
