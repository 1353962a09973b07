//! RAM of pods by the cgroups that a kubelet makes: both versions of the hierarchy, both drivers, and a kubelet within a container.

use crate::files::Tree;
use highwater::files::Root;
use highwater::sources::pods::tree::{self, Found};
use highwater_rules::pods::Memory;

const KIB: u64 = 1024;
const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal:       16384000 kB\n");
const UIDS: [&str; 4] = [
    "0a1b2c3d-0000-4000-8000-000000000001",
    "0a1b2c3d-0000-4000-8000-000000000002",
    "0a1b2c3d-0000-4000-8000-000000000003",
    // A static pod's.
    "8f14e45fceea167a5a36dedd4bea2543",
];

fn read(tree: &Tree) -> Result<Found, String> {
    tree::Tree::new(Root::new(tree.dir())).read().map_err(|e| e.to_string())
}

/// A pod's cgroup of the newer hierarchy: where, its limit, and whether it is lived in.
fn v2(tree: &Tree, path: &str, limit: &str, is_lived_in: bool) {
    let at = format!("sys/fs/cgroup/{path}");
    tree.write(&format!("{at}/memory.max"), format!("{limit}\n"));
    tree.write(&format!("{at}/cgroup.events"), format!("populated {}\nfrozen 0\n", u8::from(is_lived_in)));
}

fn v1(tree: &Tree, path: &str, limit: &str, is_lived_in: bool) {
    let at = format!("sys/fs/cgroup/memory/{path}");
    tree.write(&format!("{at}/memory.limit_in_bytes"), format!("{limit}\n"));
    if is_lived_in {
        tree.write(&format!("{at}/0123abcd/memory.limit_in_bytes"), "9223372036854771712\n");
    }
}

fn names(found: &Found) -> Vec<(&str, Memory)> {
    let mut names: Vec<(&str, Memory)> = found.pods.iter().map(|(n, m)| (n.as_str(), *m)).collect();
    names.sort_unstable();
    names
}

fn expect(found: &Found) {
    let subjects: Vec<String> = UIDS.iter().map(|uid| format!("pod/{uid}")).collect();
    assert_eq!(
        names(found),
        [
            (subjects[0].as_str(), Memory::Limited(2 << 30)),
            (subjects[1].as_str(), Memory::Limited(512 << 20)),
            (subjects[2].as_str(), Memory::Unlimited),
            (subjects[3].as_str(), Memory::Unlimited),
        ]
    );
}

fn unified() -> Tree {
    Tree::new(&[MEMINFO, ("sys/fs/cgroup/cgroup.controllers", "cpu memory\n")])
}

/// The pods' cgroups by the driver `cgroupfs`, below a kubelet's.
fn cgroupfs(below: &str, make: impl Fn(&str, &str, bool)) {
    make(&format!("{below}/pod{}", UIDS[0]), "2147483648", true);
    make(&format!("{below}/burstable/pod{}", UIDS[1]), "536870912", true);
    make(&format!("{below}/besteffort/pod{}", UIDS[2]), "", true);
    make(&format!("{below}/burstable/pod{}", UIDS[3]), "", true);
    make(&format!("{below}/burstable/pod0a1b2c3d-dead"), "1073741824", false);
}

/// The same by the driver `systemd`, with what stands before `kubepods` in its names.
fn systemd(above: &str, prefix: &str, make: impl Fn(&str, &str, bool)) {
    let kubepods = format!("{above}{prefix}kubepods.slice");
    let pod = |class: &str, uid: &str| format!("{prefix}kubepods{class}-pod{}.slice", uid.replace('-', "_"));
    let of = |class: &str, uid: &str| match class {
        "" => format!("{kubepods}/{}", pod("", uid)),
        class => format!("{kubepods}/{prefix}kubepods{class}.slice/{}", pod(class, uid)),
    };
    make(&of("", UIDS[0]), "2147483648", true);
    make(&of("-burstable", UIDS[1]), "536870912", true);
    make(&of("-besteffort", UIDS[2]), "", true);
    make(&of("-burstable", UIDS[3]), "", true);
    make(&of("-burstable", "0a1b2c3d-dead"), "1073741824", false);
}

#[test]
fn pods_are_found_by_either_driver_in_either_hierarchy() {
    let no_v2 = |limit: &str| if limit.is_empty() { "max".to_owned() } else { limit.to_owned() };
    let no_v1 =
        |limit: &str| if limit.is_empty() { "9223372036854771712".to_owned() } else { limit.to_owned() };
    let trees = [unified(), unified(), Tree::new(&[MEMINFO]), Tree::new(&[MEMINFO])];
    cgroupfs("kubepods", |path, limit, lived| v2(&trees[0], path, &no_v2(limit), lived));
    systemd("", "", |path, limit, lived| v2(&trees[1], path, &no_v2(limit), lived));
    cgroupfs("kubepods", |path, limit, lived| v1(&trees[2], path, &no_v1(limit), lived));
    systemd("", "", |path, limit, lived| v1(&trees[3], path, &no_v1(limit), lived));
    // The kubelet's own limit is what there is for pods; without one, it is the host's memory.
    trees[0].write("sys/fs/cgroup/kubepods/memory.max", "15000000000\n");
    trees[1].write("sys/fs/cgroup/kubepods.slice/memory.max", "max\n");
    trees[2].write("sys/fs/cgroup/memory/kubepods/memory.limit_in_bytes", "15000000000\n");
    trees[3].write("sys/fs/cgroup/memory/kubepods.slice/memory.limit_in_bytes", "9223372036854771712\n");
    let all = 16_384_000 * KIB;
    for (tree, allocatable) in trees.iter().zip([15_000_000_000, all, 15_000_000_000, all]) {
        let found = read(tree).unwrap();
        expect(&found);
        assert_eq!(found.allocatable, allocatable, "{}", found.place.display());
    }
}

#[test]
fn a_kubelet_within_a_container_has_its_cgroups_deeper() {
    let no = |limit: &str| if limit.is_empty() { "max".to_owned() } else { limit.to_owned() };
    let (plain, slices) = (unified(), unified());
    cgroupfs("kubelet/kubepods", |path, limit, lived| v2(&plain, path, &no(limit), lived));
    plain.write("sys/fs/cgroup/kubelet/kubepods/memory.max", "max\n");
    systemd("kubelet.slice/", "kubelet-", |path, limit, lived| v2(&slices, path, &no(limit), lived));
    slices.write("sys/fs/cgroup/kubelet.slice/kubelet-kubepods.slice/memory.max", "max\n");
    expect(&read(&plain).unwrap());
    expect(&read(&slices).unwrap());
}

#[test]
fn a_node_without_pods_is_a_true_zero_and_one_without_a_kubelet_an_error() {
    let empty = unified();
    empty.write("sys/fs/cgroup/kubepods/memory.max", "max\n");
    assert_eq!(read(&empty).unwrap().pods, []);
    empty.write("sys/fs/cgroup/kubepods/burstable/memory.max", "max\n");
    assert_eq!(read(&empty).unwrap().pods, []);
    let none = unified();
    none.write("sys/fs/cgroup/system.slice/cron.service/memory.max", "max\n");
    let said = read(&none).unwrap_err();
    assert!(
        said.contains("kubepods") && said.contains("cgroup v2") && said.contains("sampling.root"),
        "{said}"
    );
    assert!(read(&Tree::new(&[MEMINFO])).unwrap_err().contains("cgroup v1"));
    assert!(read(&Tree::new(&[])).unwrap_err().contains("can't read"), "a root that is no host's");
}

#[test]
fn what_is_not_understood_is_an_error_and_never_an_unlimited_pod() {
    let pod = format!("sys/fs/cgroup/kubepods/pod{}", UIDS[0]);
    for (file, text) in [
        ("memory.max", "much\n"),
        ("memory.max", ""),
        ("memory.max", "-1\n"),
        ("cgroup.events", "frozen 0\n"),
        ("cgroup.events", "populated 2\n"),
    ] {
        let tree = unified();
        tree.write("sys/fs/cgroup/kubepods/memory.max", "max\n");
        v2(&tree, &format!("kubepods/pod{}", UIDS[0]), "1024", true);
        tree.write(&format!("{pod}/{file}"), text);
        assert!(read(&tree).unwrap_err().contains("not understood"), "{file}: {text:?}");
    }
    // A pod's cgroup that has no file of a limit would pass for one without a limit.
    let tree = unified();
    tree.write("sys/fs/cgroup/kubepods/memory.max", "max\n");
    tree.write(&format!("{pod}/cgroup.events"), "populated 1\n");
    assert!(read(&tree).unwrap_err().contains("can't read"));
}

#[test]
fn the_id_of_a_pod_is_read_of_its_cgroups_name() {
    for (name, expect) in [
        ("pod0a1b-2c", Some("0a1b-2c")),
        ("kubepods-pod0a1b_2c.slice", Some("0a1b-2c")),
        ("kubelet-kubepods-besteffort-pod0a1b_2c.slice", Some("0a1b-2c")),
        ("burstable", None),
        ("kubepods-burstable.slice", None),
        ("pod", None),
        ("kubepods-pod.slice", None),
        ("pod../../etc", None),
        ("podman-1234.scope", None),
    ] {
        assert_eq!(tree::uid(name).as_deref(), expect, "{name}");
    }
}

#[test]
fn a_host_whose_sys_alone_is_mounted_is_read_with_the_kernels_own_memory() {
    let tree = Tree::new(&[("sys/fs/cgroup/cgroup.controllers", "memory\n")]);
    tree.write("sys/fs/cgroup/kubepods/memory.max", "max\n");
    let found = read(&tree).unwrap();
    let own = highwater::files::read_bounded("/proc/meminfo".as_ref(), 65_536).unwrap();
    assert_eq!(found.allocatable, highwater::sources::ram::mem_total(&own).unwrap());
}
