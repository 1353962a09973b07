//! Network throughput over fixture trees.

use crate::tree::{Tree, shape, within};
use highwater::config;
use highwater::files::Root;
use highwater::sources::network::Network;
use highwater_rules::figure::Figure;
use highwater_rules::meter::CountRule;
use highwater_rules::record::Counters;

const HEADER: &str = "Inter-|   Receive  |  Transmit\n face |bytes |bytes\n";

fn source(root: Root, patterns: &[&str]) -> Network {
    let interfaces = patterns.iter().map(|p| (*p).to_owned()).collect();
    Network::new(root, &config::Network { interfaces, count: CountRule::Max })
}

type Told = (Vec<(String, u64, u64)>, Vec<String>);

fn told(network: &mut Network) -> Result<Told, String> {
    let readout = network.read().map_err(|e| e.to_string())?;
    let counters = readout.observations.into_iter().map(|o| match o.figure {
        Figure::Traffic(Counters { first, second: Some(second), incarnation: 0 }, CountRule::Max) => {
            (o.series.subject, first, second)
        }
        other => panic!("{other:?} is no traffic"),
    });
    Ok((counters.collect(), readout.missing.into_iter().map(|m| m.series.subject).collect()))
}

fn check(root: Root, patterns: &[&str], counted: &[(&str, u64, u64)], missing: &[&str]) {
    let mut network = source(root, patterns);
    let (got, gone) = told(&mut network).unwrap();
    let got: Vec<(&str, u64, u64)> = got.iter().map(|(n, rx, tx)| (n.as_str(), *rx, *tx)).collect();
    assert_eq!((got.as_slice(), gone), (counted, missing.iter().map(|m| (*m).to_owned()).collect()));
}

fn line(name: &str, rx: u64, tx: u64) -> String {
    format!("{name}:{rx} 1 0 0 0 0 0 0 {tx} 1 0 0 0 0 0 0\n")
}

fn table(names: &[&str]) -> String {
    names.iter().fold(HEADER.to_owned(), |text, name| text + &line(name, 10, 20))
}

#[test]
fn a_bond_under_a_vlan_under_a_bridge_counts_at_its_cards() {
    let cards: &[(&str, u64, u64)] = &[("eno1", 7_000_000, 1_000_000), ("eno2", 5_000_000, 3_000_000)];
    check(shape("bare-metal"), &[], cards, &[]);
    check(shape("bare-metal"), &["bond0"], &[("bond0", 12_000_000, 4_000_000)], &[]);
    check(shape("bare-metal"), &["eno*"], cards, &[]);
    let mut stacked = source(shape("bare-metal"), &["eno1", "bond0.7", "br0"]);
    assert_eq!(told(&mut stacked).unwrap().0.len(), 1);
    assert_eq!(stacked.duplicates(), ["bond0.7", "br0"]);
}

#[test]
fn machines_and_containers_count_their_uplinks() {
    check(shape("vm"), &[], &[("eth0", u64::MAX, u64::MAX)], &[]);
    check(shape("docker-v1"), &[], &[("eth0", 120_000, 340_000)], &[]);
    check(shape("docker-v2"), &[], &[("eth0", 120_000, 340_000)], &[]);
    check(shape("openvz"), &[], &[("venet0", 4000, 9000)], &[]);
}

#[test]
fn where_nothing_counts_the_error_says_what_to_do() {
    let error = told(&mut source(shape("loopback-only"), &[])).unwrap_err();
    assert!(error.contains("network.interfaces"), "{error}");
    let error = told(&mut source(shape("vm"), &["wan*"])).unwrap_err();
    assert!(error.contains("wan*") && error.contains("eth0"), "{error}");
    check(shape("loopback-only"), &["lo"], &[("lo", 1, 1)], &[]);
}

#[test]
fn an_interface_named_in_the_configuration_that_is_gone_is_missing() {
    check(shape("vm"), &["eth0", "eth9"], &[("eth0", u64::MAX, u64::MAX)], &["eth9"]);
    check(shape("vm"), &["eth9"], &[], &["eth9"]);
    let expected = |patterns: &[&str]| {
        source(shape("vm"), patterns).expected().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(expected(&[]), ["network_throughput/host"]);
    assert_eq!(expected(&["eth*"]), ["network_throughput/host"]);
    assert_eq!(expected(&["eth*", "wan0"]), ["network_throughput/wan0"]);
}

#[test]
fn a_mounted_host_is_not_mistaken_for_the_agents_own_namespace() {
    let tree = Tree::new(&[("proc/1/net/dev", &table(&["eth0"])), ("proc/40/net/dev", &table(&["pod0"]))]);
    tree.link("proc/self", "40");
    tree.link("proc/net", "self/net");
    check(tree.root(), &[], &[("eth0", 10, 20)], &[]);
    tree.remove("proc/1");
    assert!(told(&mut source(tree.root(), &[])).is_err(), "the pod's own counters are not the host's");
    check(shape("sys-only"), &[], &[("eth0", 111, 222)], &[]);
}

#[test]
fn the_choice_is_made_again_when_interfaces_come_and_at_times_when_none_do() {
    let tree = Tree::new(&[("proc/net/dev", &table(&["eth0"])), ("sys/class/net/eth0/device/vendor", "1")]);
    let mut network = source(tree.root(), &[]);
    let names = |network: &mut Network| {
        told(network).unwrap().0.into_iter().map(|(name, ..)| name).collect::<Vec<_>>()
    };
    assert_eq!(names(&mut network), ["eth0"]);
    tree.write("proc/net/dev", table(&["eth0", "eth1"]));
    tree.write("sys/class/net/eth1/device/vendor", "1");
    assert_eq!(names(&mut network), ["eth0", "eth1"]);
    // The same names, but one is now a port of the other.
    tree.link("sys/class/net/eth1/master", "../eth0");
    let reads = (1..=20).find(|_| names(&mut network) == ["eth0"]);
    assert_eq!(reads, Some(12));
}

#[test]
fn an_interface_unknown_to_sysfs_has_but_its_name() {
    check(
        Tree::new(&[("proc/net/dev", &table(&["lo", "eth0", "eth0.4"]))]).root(),
        &[],
        &[("eth0", 10, 20)],
        &[],
    );
}

#[test]
fn garbage_in_net_dev_is_an_error() {
    let cases = [
        String::new(),
        "\0\0\0\0".to_owned(),
        "eth0: 1 2 3\n".to_owned(),
        format!("{HEADER}eth0: 1 2 3 4 5 6 7 8 9\n"),
        format!("{HEADER}eth0: x 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0\n"),
        format!("{HEADER}eth0: -1 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0\n"),
        format!("{HEADER}eth0: 18446744073709551616 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0\n"),
        format!("{HEADER}no colon here\n"),
        format!("{HEADER}../../etc/x: 1 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0\n"),
        table(&["eth0", "eth0"]),
        format!("{HEADER}{}", line("eth0", 1, 1).repeat(30_000)),
    ];
    for text in cases {
        let tree = Tree::new(&[("proc/net/dev", &text)]);
        let error = told(&mut source(tree.root(), &[])).unwrap_err();
        assert!(error.contains("not understood") || error.contains("longer than"), "{error}");
    }
    let tree = Tree::new(&[("sys/class/net/eth0/statistics/rx_bytes", "many\n")]);
    assert!(told(&mut source(tree.root(), &[])).unwrap_err().contains("no number"));
    assert!(told(&mut source(Tree::new(&[]).root(), &[])).unwrap_err().contains("can't read"));
}

#[test]
fn a_fifo_in_place_of_net_dev_does_not_hang() {
    let tree = Tree::new(&[]);
    tree.fifo("proc/net/dev");
    let mut network = source(tree.root(), &[]);
    let error = within(10, move || told(&mut network)).unwrap_err();
    assert!(error.contains("no header"), "{error}");
}
