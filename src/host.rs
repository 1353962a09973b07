//! What the inventory says of the host. None of it is measured, and any of it may be unknown.

use crate::files::{Root, read_bounded};
use crate::sources::container;
use std::path::Path;

const FACT_MAX_BYTES: usize = 64 * 1024;
/// Some 1500 bytes for each of thousands of processors.
const CPUINFO_MAX_BYTES: usize = 16 * 1024 * 1024;
/// How long a fact may be: names end at 64, and the rest is for people to read.
const FACT_MAX_CHARS: usize = 200;
/// More processors than Linux can be built for (`NR_CPUS`, 8192).
const CORES_MAX: u32 = 1 << 20;

/// What firmware calls a hypervisor, and what people do. The vendor is looked at before the product.
const FIRMWARE: [(&str, &str); 14] = [
    ("Amazon EC2", "amazon"),
    ("Google", "google"),
    ("VMware", "vmware"),
    ("innotek GmbH", "virtualbox"),
    ("VirtualBox", "virtualbox"),
    ("Xen", "xen"),
    ("Nutanix", "nutanix"),
    ("BHYVE", "bhyve"),
    ("Parallels", "parallels"),
    ("OpenStack", "openstack"),
    ("Alibaba Cloud", "alibaba"),
    ("DigitalOcean", "digitalocean"),
    ("QEMU", "kvm"),
    ("KVM", "kvm"),
];

/// What is known of the host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostFacts {
    /// Its name.
    pub name: Option<String>,
    /// The operating system, in its own words.
    pub os: Option<String>,
    /// The operating system's version.
    pub os_version: Option<String>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// Processors that are on line.
    pub cores: Option<u32>,
    /// The kind of container or hypervisor; `vm` where it is unknown which, `none` on bare metal.
    pub virtualization: Option<String>,
}

impl HostFacts {
    /// Reads them once.
    #[must_use]
    pub fn read(root: &Root) -> Self {
        let line = |path: &str| text(root, path).and_then(|t| fact(t.lines().next()?));
        let release = text(root, "etc/os-release").or_else(|| text(root, "usr/lib/os-release"));
        let of_release = |key: &str| release.as_deref().and_then(|text| os_release(text, key));
        let cpuinfo = read_bounded(&root.of_kernel("proc/cpuinfo"), CPUINFO_MAX_BYTES).ok();
        let online = text(root, "sys/devices/system/cpu/online").and_then(|text| processors(&text));
        HostFacts {
            name: line("proc/sys/kernel/hostname").or_else(|| line("etc/hostname")),
            os: of_release("PRETTY_NAME").or_else(|| of_release("NAME")),
            os_version: of_release("VERSION_ID"),
            kernel: read_bounded(&root.of_kernel("proc/sys/kernel/osrelease"), FACT_MAX_BYTES)
                .ok()
                .and_then(|text| fact(text.lines().next()?)),
            cores: online.or_else(|| cpuinfo.as_deref().and_then(listed_processors)),
            virtualization: virtualization(root, cpuinfo.as_deref()),
        }
    }
}

fn text(root: &Root, path: &str) -> Option<String> {
    read_bounded(&root.at(path), FACT_MAX_BYTES).ok()
}

/// A fact fit to be shown: one line of bounded length, or nothing.
fn fact(text: &str) -> Option<String> {
    let shown: String = text.trim().chars().filter(|c| !c.is_control()).take(FACT_MAX_CHARS).collect();
    (!shown.is_empty()).then_some(shown)
}

/// The value of a key in an `os-release`, whose lines a shell could read.
#[must_use]
pub fn os_release(text: &str, key: &str) -> Option<String> {
    let raw = text.lines().find_map(|line| line.trim_start().strip_prefix(key)?.strip_prefix('='))?.trim();
    let quoted = |quote: char| raw.strip_prefix(quote)?.strip_suffix(quote);
    if let Some(plain) = quoted('\'') {
        return fact(plain);
    }
    let mut value = String::new();
    let mut chars = quoted('"').unwrap_or(raw).chars();
    while let Some(c) = chars.next() {
        value.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    fact(&value)
}

/// How many processors a list like `0-3,5` names; `None` where it is none.
#[must_use]
pub fn processors(list: &str) -> Option<u32> {
    let mut count = 0_u32;
    for range in list.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
        count = count.checked_add(last.checked_sub(first)?.checked_add(1)?)?;
    }
    (count <= CORES_MAX).then_some(count)
}

/// How many processors a cpuinfo lists.
#[must_use]
pub fn listed_processors(cpuinfo: &str) -> Option<u32> {
    let entries =
        cpuinfo.lines().filter(|l| l.split(':').next().is_some_and(|key| key.trim_end() == "processor"));
    u32::try_from(entries.count()).ok().filter(|count| *count > 0)
}

fn virtualization(root: &Root, cpuinfo: Option<&str>) -> Option<String> {
    if let Some(kind) = container::kind(root) {
        return fact(&kind);
    }
    // OpenVZ shows `vz` to its guests, and `bc` to the host alone.
    if root.at("proc/vz").exists() && !root.at("proc/bc").exists() {
        return Some("openvz".to_owned());
    }
    if let Some(kind) = text(root, "sys/hypervisor/type").as_deref().and_then(fact) {
        return Some(kind);
    }
    let dmi = |file: &str| text(root, &Path::new("sys/class/dmi/id").join(file).to_string_lossy());
    let (vendor, product) = (dmi("sys_vendor").unwrap_or_default(), dmi("product_name").unwrap_or_default());
    if let Some(kind) = firmware(&vendor, &product) {
        return Some(kind.to_owned());
    }
    let flags = cpuinfo?.lines().find_map(|line| line.strip_prefix("flags")?.trim_start().strip_prefix(':'));
    let virtual_cpu =
        flags.is_some_and(|flags| flags.split_ascii_whitespace().any(|flag| flag == "hypervisor"));
    Some(if virtual_cpu { "vm" } else { "none" }.to_owned())
}

/// The hypervisor that the firmware's vendor and product tell. Microsoft makes computers, too, and Amazon rents whole ones.
#[must_use]
pub fn firmware(vendor: &str, product: &str) -> Option<&'static str> {
    if product.trim().ends_with(".metal") {
        return None;
    }
    if vendor.starts_with("Microsoft") {
        return product.starts_with("Virtual Machine").then_some("hyper-v");
    }
    let told = |text: &str| FIRMWARE.iter().find(|(word, _)| text.starts_with(word)).map(|(_, kind)| *kind);
    told(vendor).or_else(|| told(product))
}
