//! Every parser of what the host, its proxies and its files say. The first byte picks the parser.
#![no_main]

use highwater::host;
use highwater::sources::cgroup::{self, Hierarchy};
use highwater::sources::{container, interfaces, presence, ram, ssl};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((pick, bytes)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(bytes);
    match pick % 15 {
        0 => drop(ram::mem_total(&text)),
        1 => drop(interfaces::net_dev(&text)),
        2 => drop(ssl::haproxy::told(&text)),
        3 => drop(cgroup::own_path(&text)),
        4 => drop(cgroup::mounts(&text, Hierarchy::V1)),
        5 => drop(cgroup::mounts(&text, Hierarchy::V2)),
        6 => drop(cgroup::limit(&text)),
        7 => _ = presence::state(bytes),
        8 => _ = presence::argv0(bytes),
        9 => _ = host::os_release(&text, "PRETTY_NAME"),
        10 => _ = host::processors(&text),
        11 => drop(ssl::loadmaster::xml::answer(&text)),
        12 => drop(ssl::loadmaster::json::answer(&text)),
        13 => {
            for format in ["nginx", "apache", "haproxy", "json"] {
                if let Some(rule) = highwater::config::LogRule::of_format(format) {
                    let mut counter = ssl::access_log::tally::Counter::new(&rule, Vec::new(), false);
                    counter.feed(bytes);
                    _ = counter.tally;
                }
            }
        }
        _ => _ = container::kind_of_cgroups(&text),
    }
});
