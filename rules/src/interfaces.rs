//! Which network interfaces count: those that carry each byte once.
//!
//! A byte that passes a VLAN on a bond shows in the VLAN's counters, in the bond's, and in those of one member. Counted are the
//! lowest: the physical ones. A host without any (a container, most often) is metered at the virtual ones that stand on nothing
//! else here.

use std::collections::BTreeSet;

/// What sysfs tells of an interface.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// It has a device behind it: a card, or a virtual machine's.
    pub physical: bool,
    /// The interface that it is a port or member of.
    pub master: Option<String>,
    /// The interfaces that it stands on: a bond's members, a VLAN's parent.
    pub lowers: Vec<String>,
    /// A bridge, with or without ports.
    pub bridge: bool,
    /// Known to be no Ethernet: a tunnel's end, say.
    pub not_ethernet: bool,
}

/// What was chosen, and what was left out because its bytes are counted elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    /// The interfaces that count.
    pub counted: Vec<String>,
    /// Interfaces that were asked for by name but stand on ones that count.
    pub duplicates: Vec<String>,
}

/// The interfaces that count where none are configured.
#[must_use]
pub fn by_default(links: &[Link]) -> Choice {
    let physical: Vec<&Link> = links.iter().filter(|l| l.physical).collect();
    if !physical.is_empty() {
        let counted =
            physical.iter().filter(|l| !carried_by_another(l, &physical)).map(|l| l.name.clone()).collect();
        return Choice { counted, duplicates: Vec::new() };
    }
    let candidates: Vec<&Link> = links.iter().filter(|l| l.name != "lo" && !is_scratch(&l.name)).collect();
    let lowest = |keep: fn(&Link) -> bool| -> Vec<String> {
        candidates
            .iter()
            .filter(|l| keep(l) && !stands_on_any(l, links, &candidates))
            .map(|l| l.name.clone())
            .collect()
    };
    // A port of a bridge leads to a guest or a container, whose bytes leave through an uplink that is counted; only where
    // there is no other are the ports what there is.
    let tries: [fn(&Link) -> bool; 3] = [
        |l| !l.bridge && !l.not_ethernet && l.master.is_none(),
        |l| !l.bridge && l.master.is_none(),
        |l| !l.bridge,
    ];
    let counted = tries.into_iter().map(lowest).find(|names| !names.is_empty()).unwrap_or_default();
    Choice { counted, duplicates: Vec::new() }
}

/// The interfaces that count where the configuration names them: those whose name fits one of the patterns (`*` at the end
/// stands for anything), without those that stand on another one of them.
#[must_use]
pub fn by_name(links: &[Link], patterns: &[String]) -> Choice {
    let asked: Vec<&Link> = links.iter().filter(|l| patterns.iter().any(|p| fits(p, &l.name))).collect();
    let mut choice = Choice::default();
    for link in &asked {
        let twice = stands_on_any(link, links, &asked)
            || (link.physical
                && carried_by_another(
                    link,
                    &asked.iter().copied().filter(|l| l.physical).collect::<Vec<_>>(),
                ));
        if twice { &mut choice.duplicates } else { &mut choice.counted }.push(link.name.clone());
    }
    choice
}

/// Whether an interface's name fits a pattern.
#[must_use]
pub fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

/// Physical interfaces can carry each other's bytes: a virtual function behind its synthetic interface (Hyper-V, virtio
/// failover: the master's counters hold the member's bytes too), a switch's port on the interface that leads to the switch.
fn carried_by_another(link: &Link, physical: &[&Link]) -> bool {
    let here = |name: &String| physical.iter().find(|l| l.name == *name && l.name != link.name);
    if link.master.as_ref().is_some_and(|m| here(m).is_some()) {
        return true;
    }
    link.lowers.iter().filter_map(here).any(|lower| lower.master.as_ref() != Some(&link.name))
}

/// Whether any of `others` lies below `link`, at any depth.
fn stands_on_any(link: &Link, links: &[Link], others: &[&Link]) -> bool {
    let mut seen = BTreeSet::from([link.name.as_str()]);
    let mut open = vec![link];
    while let Some(upper) = open.pop() {
        for lower in links.iter().filter(|l| is_below(l, upper)) {
            if !seen.insert(&lower.name) {
                continue;
            }
            if others.iter().any(|o| o.name == lower.name) && !(upper.physical && lower.physical) {
                return true;
            }
            open.push(lower);
        }
    }
    false
}

fn is_below(lower: &Link, upper: &Link) -> bool {
    lower.master.as_ref() == Some(&upper.name)
        || upper.lowers.contains(&lower.name)
        || upper.name.split_once('.').is_some_and(|(parent, vlan)| {
            parent == lower.name && !vlan.is_empty() && vlan.bytes().all(|b| b.is_ascii_digit())
        })
}

/// Interfaces that carry nothing of their own.
fn is_scratch(name: &str) -> bool {
    ["ifb", "dummy"].iter().any(|kind| {
        name.strip_prefix(kind).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn physical(name: &str) -> Link {
        Link { name: name.into(), physical: true, ..Link::default() }
    }
    fn of(name: &str) -> Link {
        Link { name: name.into(), ..Link::default() }
    }
    fn port(link: Link, master: &str) -> Link {
        Link { master: Some(master.into()), ..link }
    }
    fn on(name: &str, lowers: &[&str]) -> Link {
        Link { lowers: lowers.iter().map(|l| (*l).to_owned()).collect(), ..of(name) }
    }
    fn bridge(name: &str, lowers: &[&str]) -> Link {
        Link { bridge: true, ..on(name, lowers) }
    }

    fn check(name: &str, links: &[Link], counted: &[&str]) {
        assert_eq!(by_default(links).counted, counted, "{name}");
    }

    #[test]
    fn by_default_each_byte_is_counted_at_the_lowest_interface() {
        check("one card", &[of("lo"), physical("eth0")], &["eth0"]);
        check("a card that is down counts too", &[physical("eth0"), physical("eth1")], &["eth0", "eth1"]);
        check(
            "a VLAN on a bond",
            &[
                port(physical("eth0"), "bond0"),
                port(physical("eth1"), "bond0"),
                on("bond0", &["eth0", "eth1"]),
                on("bond0.7", &["bond0"]),
            ],
            &["eth0", "eth1"],
        );
        check(
            "a bridge with guests",
            &[
                port(physical("eno1"), "br0"),
                bridge("br0", &["eno1", "vnet0"]),
                port(of("vnet0"), "br0"),
                bridge("docker0", &[]),
            ],
            &["eno1"],
        );
        check(
            "a virtual function behind Hyper-V's interface",
            &[Link { lowers: vec!["enP1".into()], ..physical("eth0") }, port(physical("enP1"), "eth0")],
            &["eth0"],
        );
        check(
            "switch ports on their conduit",
            &[physical("eth0"), Link { lowers: vec!["eth0".into()], ..physical("lan1") }],
            &["eth0"],
        );
        check(
            "tunnels beside a card",
            &[physical("eth0"), Link { not_ethernet: true, ..of("wg0") }, of("ifb0")],
            &["eth0"],
        );
    }

    #[test]
    fn a_host_without_physical_interfaces_is_metered_at_its_uplinks() {
        check("a container", &[of("lo"), of("eth0")], &["eth0"]);
        check(
            "a container that runs containers",
            &[of("eth0"), bridge("docker0", &["veth1"]), port(of("veth1"), "docker0")],
            &["eth0"],
        );
        check("a VLAN in a container, by name", &[of("eth0"), of("eth0.12")], &["eth0"]);
        check("scratch interfaces", &[of("dummy0"), of("ifb1"), of("eth0")], &["eth0"]);
        check("an OpenVZ guest", &[Link { not_ethernet: true, ..of("venet0") }], &["venet0"]);
        check("a tunnel in a container", &[of("eth0"), Link { not_ethernet: true, ..of("tun0") }], &["eth0"]);
        check(
            "nothing but a bridge and its ports",
            &[bridge("br0", &["v1", "v2"]), port(of("v1"), "br0"), port(of("v2"), "br0")],
            &["v1", "v2"],
        );
        check("loopback only", &[of("lo")], &[]);
    }

    #[test]
    fn interfaces_asked_for_by_name_are_never_counted_twice() {
        let links = [
            port(physical("eth0"), "bond0"),
            port(physical("eth1"), "bond0"),
            on("bond0", &["eth0", "eth1"]),
            on("bond0.7", &["bond0"]),
            of("tap3"),
        ];
        let choose = |patterns: &[&str]| {
            by_name(&links, &patterns.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(choose(&["bond0"]).counted, ["bond0"]);
        assert_eq!(choose(&["tap*"]).counted, ["tap3"]);
        let all = choose(&["*"]);
        assert_eq!(all.counted, ["eth0", "eth1", "tap3"]);
        assert_eq!(all.duplicates, ["bond0", "bond0.7"]);
        // A VLAN stands on the card even when the bond between them was not asked for.
        assert_eq!(choose(&["eth0", "bond0.7"]).duplicates, ["bond0.7"]);
        assert!(choose(&["nope"]).counted.is_empty());
    }

    proptest! {
        #[test]
        fn any_tangle_of_interfaces_is_resolved_without_counting_a_stack_twice(
            shape in proptest::collection::vec((any::<bool>(), 0usize..8, 0usize..8, any::<bool>()), 1..8),
        ) {
            let name = |i: usize| format!("if{i}");
            let links: Vec<Link> = shape
                .iter()
                .enumerate()
                .map(|(i, (physical, master, lower, bridge))| Link {
                    name: name(i),
                    physical: *physical,
                    master: (*master < shape.len() && *master != i).then(|| name(*master)),
                    lowers: (*lower < shape.len() && *lower != i).then(|| name(*lower)).into_iter().collect(),
                    bridge: *bridge,
                    not_ethernet: false,
                })
                .collect();
            for choice in [by_default(&links), by_name(&links, &["*".to_owned()])] {
                for one in &choice.counted {
                    let link = links.iter().find(|l| l.name == *one).unwrap();
                    let others: Vec<&Link> =
                        links.iter().filter(|l| l.name != *one && choice.counted.contains(&l.name)).collect();
                    if !link.physical {
                        prop_assert!(!stands_on_any(link, &links, &others), "{} stands on another: {:?}", one, choice);
                    }
                }
            }
        }
    }
}
