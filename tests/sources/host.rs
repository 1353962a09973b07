//! What the inventory says of hosts of each shape.

use crate::tree::{Tree, shape};
use highwater::files::Root;
use highwater::host::{HostFacts, firmware, os_release, processors};
use highwater::sources::container;

fn check(root: &Root, expect: [Option<&str>; 4], cores: Option<u32>, virtualization: Option<&str>) {
    let [name, os, os_version, kernel] = expect.map(|e| e.map(str::to_owned));
    let virtualization = virtualization.map(str::to_owned);
    assert_eq!(HostFacts::read(root), HostFacts { name, os, os_version, kernel, cores, virtualization });
}

#[test]
fn each_shape_of_host_says_what_it_is() {
    let metal = [Some("lb-01"), Some("Debian GNU/Linux 12 (bookworm)"), Some("12"), Some("6.1.0-28-amd64")];
    check(&shape("bare-metal"), metal, Some(16), Some("none"));
    check(
        &shape("vm"),
        [Some("edge-7"), Some("Alpine Linux v3.20"), Some("3.20.3"), None],
        Some(2),
        Some("kvm"),
    );
    for (name, virtualization) in [
        ("docker-v1", "docker"),
        ("docker-v2", "container"),
        ("kubernetes-v2", "kubernetes"),
        ("systemd-in-container", "lxc"),
        ("openvz", "openvz"),
    ] {
        check(&shape(name), [None; 4], None, Some(virtualization));
    }
    check(&shape("systemd-host"), [None; 4], None, None);
}

#[test]
fn what_is_missing_or_garbled_is_unknown() {
    check(&Tree::new(&[]).root(), [None; 4], None, None);
    let tree = Tree::new(&[
        ("proc/sys/kernel/hostname", "\n"),
        ("etc/hostname", "\u{1b}[31mred\u{7}\nsecond\n"),
        ("sys/devices/system/cpu/online", "3-1\n"),
        ("proc/cpuinfo", "flags : hypervisor\n"),
    ]);
    check(&tree.root(), [Some("[31mred"), None, None, None], None, Some("vm"));
}

#[test]
fn processors_are_counted_over_ranges() {
    for (list, expect) in [
        ("0-3,5\n", Some(5)),
        ("0", Some(1)),
        ("", None),
        ("0-4294967295", None),
        ("0-3000000", None),
        ("a-b", None),
        ("5-", None),
    ] {
        assert_eq!(processors(list), expect, "{list}");
    }
}

#[test]
fn os_release_is_read_as_a_shell_would() {
    let text = "A=plain\nB=\"two \\\"words\\\"\"\n# C=x\n  D='it \\s'\nE=\nAB=no\n";
    for (key, expect) in
        [("A", Some("plain")), ("B", Some("two \"words\"")), ("C", None), ("D", Some("it \\s")), ("E", None)]
    {
        assert_eq!(os_release(text, key).as_deref(), expect, "{key}");
    }
}

#[test]
fn firmware_tells_the_hypervisor_but_not_every_vendor_is_one() {
    for (vendor, product, expect) in [
        ("Microsoft Corporation", "Virtual Machine", Some("hyper-v")),
        ("Microsoft Corporation", "Surface Laptop", None),
        ("Amazon EC2", "c5.large", Some("amazon")),
        ("Amazon EC2", "c5.metal\n", None),
        ("VMware, Inc.", "VMware7,1", Some("vmware")),
        ("innotek GmbH", "VirtualBox", Some("virtualbox")),
        ("Red Hat", "KVM", Some("kvm")),
        ("Xen", "HVM domU", Some("xen")),
        ("HPE", "ProLiant DL380", None),
    ] {
        assert_eq!(firmware(vendor, product), expect, "{vendor} {product}");
    }
}

#[test]
fn each_marker_of_a_container_is_known() {
    for (file, text, expect) in [
        (".dockerenv", "", Some("docker")),
        ("run/.containerenv", "", Some("podman")),
        ("run/systemd/container", "systemd-nspawn\n", Some("systemd-nspawn")),
        ("proc/1/cgroup", "0::/kubepods/besteffort/pod1/2\n", Some("kubernetes")),
        ("proc/self/cgroup", "4:memory:/lxc/web\n", Some("lxc")),
        ("sys/fs/cgroup/memory.max", "max\n", Some("container")),
        (
            "proc/self/mountinfo",
            "30 23 0:26 /../.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
            Some("container"),
        ),
        ("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", None),
        ("proc/1/cgroup", "0::/system.slice/containerd.service\n", None),
    ] {
        let found = container::kind(&Tree::new(&[(file, text)]).root());
        assert_eq!(found.as_deref(), expect, "{file}: {text}");
    }
}
