//! The sources that a configuration makes, as the daemon has them.

use crate::tree::shape_dir;
use highwater::config::ssl::Haproxy;
use highwater::config::{
    Config, DEFAULT_RETENTION_S, Gate, Listen, Log, LogFormat, LogLevel, Network, Ram, RamScope, Sampling,
    Ssl, SslSource, Uplink,
};
use highwater::sources::Source;
use highwater_rules::day::Calendar;
use highwater_rules::meter::CountRule;
use highwater_rules::slot::SlotLength;

fn config() -> Config {
    Config {
        state_dir: "/nowhere".into(),
        sampling: Sampling {
            interval: SlotLength::new(300).unwrap(),
            burst: None,
            calendar: Calendar::utc(),
            root: shape_dir("vm"),
        },
        ram: Ram { scope: RamScope::Auto, presence: None, cgroup: None },
        network: Network { interfaces: Vec::new(), count: CountRule::Max },
        ssl: vec![Ssl {
            name: "front".to_owned(),
            source: SslSource::Haproxy(Haproxy { socket: "/run/haproxy.sock".into(), services: 20 }),
        }],
        retention_s: DEFAULT_RETENTION_S,
        licence_file: None,
        uplink: Uplink::default(),
        gate: Gate { status_file: "/nowhere/gate.json".into(), socket: None, hooks: Vec::new() },
        kubernetes: None,
        listen: Listen::Nowhere,
        log: Log { format: LogFormat::Logfmt, level: LogLevel::Info },
    }
}

#[test]
fn a_configuration_makes_its_sources_in_order_and_each_names_what_it_owes() {
    fn is_send<T: Send>(_: &T) {}
    let mut sources = Source::all(&config());
    is_send(&sources);
    assert_eq!(sources.iter().map(Source::name).collect::<Vec<_>>(), ["ram", "network", "ssl/front"]);
    let owed: Vec<String> = sources.iter().flat_map(Source::expected).map(|s| s.to_string()).collect();
    assert_eq!(owed, ["ram_capacity/host", "network_throughput/host", "ssl_tps/front"]);
    assert!(sources.iter().all(|s| s.duplicates().is_empty()));
    let results: Vec<_> = sources.iter_mut().map(Source::read).collect();
    assert!(results[0].is_ok() && results[1].is_ok());
    let error = results[2].as_ref().unwrap_err().to_string();
    // The socket lies below the root, and nothing listens there.
    assert!(error.contains("hosts/vm/run/haproxy.sock") && error.contains("stats socket"), "{error}");
}
