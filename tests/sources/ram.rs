//! RAM capacity over fixture trees.

use crate::tree::{Tree, shape, within};
use highwater::config::{self, Pods, Presence, RamScope};
use highwater::files::Root;
use highwater::sources::ram::Ram;
use highwater_rules::figure::Figure;

const KIB: u64 = 1024;

/// The subject and the bytes, or the error.
fn read(root: Root, scope: RamScope, cgroup: Option<&str>) -> Result<(String, u64), String> {
    let mut ram = Ram::new(
        root,
        &config::Ram { scope, presence: None, cgroup: cgroup.map(str::to_owned), pods: Pods::default() },
    );
    told(&mut ram)
}

fn told(ram: &mut Ram) -> Result<(String, u64), String> {
    let readout = ram.read().map_err(|e| e.to_string())?;
    assert!(readout.missing.is_empty() && readout.observations.len() == 1);
    let observation = readout.observations.into_iter().next().unwrap();
    assert_eq!(observation.series, ram.series());
    let Figure::Gauge(bytes) = observation.figure else { panic!("RAM is a gauge") };
    Ok((observation.series.subject, bytes as u64))
}

fn check(name: &str, scope: RamScope, cgroup: Option<&str>, subject: &str, bytes: u64) {
    assert_eq!(
        read(shape(name), scope, cgroup),
        Ok((subject.to_owned(), bytes)),
        "{name} {scope:?} {cgroup:?}"
    );
}

fn refused(root: Root, scope: RamScope, expect: &str) {
    let error = read(root, scope, None).unwrap_err();
    assert!(error.contains(expect), "`{error}` does not say `{expect}`");
}

#[test]
fn auto_is_the_host_on_hosts_and_the_container_in_containers() {
    check("bare-metal", RamScope::Auto, None, "host", 131_845_120 * KIB);
    check("vm", RamScope::Auto, None, "host", 4_015_708 * KIB);
    check("openvz", RamScope::Auto, None, "host", 1_048_576 * KIB);
    check("docker-v1", RamScope::Auto, None, "cgroup", 512 << 20);
    check("docker-v2", RamScope::Auto, None, "cgroup", 1 << 30);
    check("kubernetes-v2", RamScope::Auto, None, "cgroup", 256 << 20);
}

#[test]
fn the_agents_own_limit_is_told_only_when_asked_for() {
    check("systemd-host", RamScope::Auto, None, "host", 8_000_000 * KIB);
    check("systemd-host", RamScope::Cgroup, None, "cgroup", 32 << 20);
    check("systemd-in-container", RamScope::Auto, None, "cgroup", 2 << 30);
    check("systemd-in-container", RamScope::Cgroup, None, "cgroup", 32 << 20);
}

#[test]
fn the_smallest_limit_on_the_way_up_counts_even_in_the_middle() {
    let pod = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod3f1c_77.slice";
    check("kubernetes-v2", RamScope::Cgroup, None, "cgroup", 268_435_456);
    check("kubernetes-v2", RamScope::Cgroup, Some(pod), "cgroup", 268_435_456);
    check("kubernetes-v2", RamScope::Cgroup, Some("/kubepods.slice"), "cgroup", 16_000_000_000);
    check("kubernetes-v2", RamScope::Cgroup, Some("kubepods.slice/"), "cgroup", 16_000_000_000);
    check("kubernetes-v2", RamScope::Cgroup, Some("/"), "cgroup", 16_384_000 * KIB);
}

#[test]
fn a_configured_cgroup_that_is_not_there_is_an_error_not_the_whole_host() {
    for (name, path) in
        [("kubernetes-v2", "/gone.slice"), ("kubernetes-v2", "/../kubepods.slice"), ("docker-v1", "/other")]
    {
        let error = read(shape(name), RamScope::Cgroup, Some(path)).unwrap_err();
        assert!(error.contains(path) && error.contains("ram.cgroup"), "{error}");
    }
}

#[test]
fn a_cgroup_outside_the_mount_begins_at_the_mount() {
    for path in ["/../init.scope", "/elsewhere/deep", "/a/../..", "/kubepods.slice/../../.."] {
        let tree = Tree::new(&[
            ("proc/meminfo", "MemTotal: 1000 kB\n"),
            ("proc/self/cgroup", &format!("0::{path}\n")),
            ("proc/self/mountinfo", "30 23 0:26 /a/b /my\\040cgroups rw - cgroup2 cgroup2 rw\n"),
            ("my cgroups/memory.max", "4096\n"),
            ("memory.max", "1\n"),
            ("sys/fs/cgroup/memory.max", "4096\n"),
            ("sys/fs/memory.max", "1\n"),
        ]);
        assert_eq!(read(tree.root(), RamScope::Cgroup, None), Ok(("cgroup".to_owned(), 4096)), "{path}");
        if path.contains("..") {
            tree.remove("proc/self/mountinfo");
            assert_eq!(
                read(tree.root(), RamScope::Cgroup, None).unwrap().1,
                4096,
                "{path} without mountinfo"
            );
        }
    }
}

#[test]
fn without_mountinfo_the_usual_places_are_taken() {
    let v1 = Tree::new(&[
        ("proc/meminfo", "MemTotal: 8000 kB\n"),
        ("proc/self/cgroup", "4:cpu,memory:/x/y\n0::/z\n"),
        ("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "4096\n"),
        ("sys/fs/cgroup/memory/x/y/memory.limit_in_bytes", "9223372036854771712\n"),
    ]);
    assert_eq!(read(v1.root(), RamScope::Cgroup, None).unwrap().1, 4096);
    let v2 = Tree::new(&[
        ("proc/meminfo", "MemTotal: 8000 kB\n"),
        ("proc/self/cgroup", "1:cpu:/q\n0::/x\n"),
        ("sys/fs/cgroup/x/memory.max", "max\n"),
    ]);
    assert_eq!(read(v2.root(), RamScope::Cgroup, None).unwrap().1, 8000 * KIB);
    v2.remove("sys");
    refused(v2.root(), RamScope::Cgroup, "there is no cgroup at");
    refused(v2.root(), RamScope::Cgroup, "(cgroup v2)");
}

/// What is said of where the capacity comes from.
fn basis(root: Root, scope: RamScope) -> String {
    Ram::new(root, &config::Ram { scope, presence: None, cgroup: None, pods: Pods::default() }).basis()
}

#[test]
fn on_a_host_of_both_hierarchies_it_tells_which_was_read_and_which_could_not_be() {
    // Memory is limited in v1, and what is mounted is v2 alone: a guest with a tree of its own on such a host.
    let v2_alone = |scope| {
        let tree = Tree::new(&[
            ("proc/meminfo", "MemTotal: 8000 kB\n"),
            ("run/systemd/container", "systemd-nspawn\n"),
            ("proc/1/cgroup", "4:memory:/\n1:name=systemd:/init.scope\n0::/init.scope\n"),
            ("proc/self/cgroup", "4:memory:/\n0::/x\n"),
            ("proc/self/mountinfo", "51 1 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n"),
            ("proc/1/mountinfo", "51 1 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n"),
            ("sys/fs/cgroup/init.scope/cgroup.procs", "1\n"),
        ]);
        basis(tree.root(), scope)
    };
    let said = v2_alone(RamScope::Auto);
    assert!(
        said.contains("read from MemTotal") && said.contains("cgroup v1") && said.contains("can't be known"),
        "{said}"
    );
    let said = v2_alone(RamScope::Cgroup);
    assert!(said.contains("can't be read") && said.contains("(cgroup v1)"), "{said}");

    // The other way round: v2 is there without the controller of memory, which v1 has where it is not seen.
    let bare = Tree::new(&[
        ("proc/meminfo", "MemTotal: 8000 kB\n"),
        ("proc/self/cgroup", "1:cpu:/q\n0::/x\n"),
        ("sys/fs/cgroup/x/cgroup.procs", "1\n"),
    ]);
    let said = basis(bare.root(), RamScope::Cgroup);
    assert!(said.contains("cgroup v2 has no limit of memory") && said.contains("can't be known"), "{said}");
    assert_eq!(read(bare.root(), RamScope::Cgroup, None).unwrap().1, 8000 * KIB);
}

#[test]
fn where_a_limit_was_read_it_tells_the_hierarchy_the_way_and_the_least() {
    let said = basis(shape("docker-v1"), RamScope::Auto);
    assert!(said.contains("cgroup v1") && said.contains("the least is 536870912 bytes"), "{said}");
    let said = basis(shape("docker-v2"), RamScope::Auto);
    assert!(said.contains("cgroup v2") && said.contains("the least is 1073741824 bytes"), "{said}");
    assert!(basis(shape("vm"), RamScope::Auto).contains("no container"), "a host");
    let open = Tree::new(&[
        ("proc/meminfo", "MemTotal: 8000 kB\n"),
        ("proc/self/cgroup", "4:memory:/x\n"),
        ("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "9223372036854771712\n"),
    ]);
    let said = basis(open.root(), RamScope::Cgroup);
    assert!(said.contains("1 of 2 levels have a limit, none below MemTotal"), "{said}");
}

#[test]
fn limits_are_read_anew_each_time_and_a_cgroup_that_ends_is_seen() {
    let tree = Tree::new(&[
        ("proc/meminfo", "MemTotal: 8000 kB\n"),
        ("proc/self/cgroup", "0::/\n"),
        ("sys/fs/cgroup/pod/memory.max", "4096\n"),
    ]);
    let config = config::Ram {
        scope: RamScope::Cgroup,
        presence: None,
        cgroup: Some("/pod".to_owned()),
        pods: Pods::default(),
    };
    let mut ram = Ram::new(tree.root(), &config);
    assert_eq!(told(&mut ram).unwrap().1, 4096);
    tree.write("sys/fs/cgroup/pod/memory.max", "8192\n");
    assert_eq!(told(&mut ram).unwrap().1, 8192);
    tree.remove("sys/fs/cgroup/pod");
    assert!(told(&mut ram).is_err());
}

#[test]
fn garbage_is_an_error_and_never_a_zero() {
    for meminfo in
        ["", "\0\u{1}\u{2}", "MemFree: 1 kB\n", "MemTotal: -5 kB\n", "MemTotal: 5 MB\n", "MemTotal: 0 kB\n"]
    {
        refused(Tree::new(&[("proc/meminfo", meminfo)]).root(), RamScope::Host, "MemTotal");
    }
    refused(Tree::new(&[]).root(), RamScope::Auto, "can't read");
    for limit in ["", "-1\n", "12 kB\n", "99999999999999999999999\n", "+5\n", "\u{fffd}"] {
        let tree = Tree::new(&[
            ("proc/meminfo", "MemTotal: 1000 kB\n"),
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/memory.max", limit),
        ]);
        // An empty file is no limit of nothing.
        refused(
            tree.root(),
            RamScope::Cgroup,
            if limit.is_empty() { "no limit in bytes" } else { "not understood" },
        );
    }
    let tree = Tree::new(&[("proc/meminfo", "MemTotal: 1000 kB\n"), ("proc/self/cgroup", "nonsense\n")]);
    refused(tree.root(), RamScope::Cgroup, "not understood");
}

#[test]
fn a_fifo_in_place_of_a_file_does_not_hang() {
    let tree = Tree::new(&[("proc/self/cgroup", "0::/\n")]);
    tree.fifo("proc/meminfo");
    let root = tree.root();
    within(10, move || refused(root, RamScope::Host, "no MemTotal"));
    tree.remove("proc/meminfo");
    tree.write("proc/meminfo", "MemTotal: 1000 kB\n");
    tree.fifo("sys/fs/cgroup/memory.max");
    let root = tree.root();
    within(10, move || refused(root, RamScope::Cgroup, "no limit"));
}

#[test]
fn absent_software_uses_none_and_present_software_all() {
    let tree = Tree::new(&[("proc/meminfo", "MemTotal: 1000 kB\n"), ("proc/7/comm", "other\n")]);
    let presence = Some(Presence::Process("balancer".to_owned()));
    let mut ram = Ram::new(
        tree.root(),
        &config::Ram { scope: RamScope::Auto, presence, cgroup: None, pods: Pods::default() },
    );
    assert_eq!(told(&mut ram), Ok(("host".to_owned(), 0)));
    tree.write("proc/8/comm", "balancer\n");
    assert_eq!(told(&mut ram), Ok(("host".to_owned(), 1000 * KIB)));
    tree.remove("proc/8");
    assert_eq!(told(&mut ram), Ok(("host".to_owned(), 0)));
    tree.remove("proc");
    assert!(told(&mut ram).is_err(), "what can't be seen is no zero");
}
