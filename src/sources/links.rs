//! What sysfs tells of network interfaces: what each stands on, and whether a device is behind it.

use crate::files::{Root, read_bounded};
use highwater_rules::interfaces::Link;
use std::path::Path;

/// A bond's list of members: more than any has.
const MEMBERS_MAX_BYTES: usize = 64 * 1024;
/// Entries of a directory in sysfs that are looked at: a bridge has at most 1023 ports.
const ENTRIES_MAX: usize = 16 * 1024;
/// `ARPHRD_ETHER`.
const ETHERNET: &str = "1";

/// What sysfs tells of the interfaces of these names. Of one that it does not know, only the name is known.
pub fn read<'a>(root: &Root, names: impl IntoIterator<Item = &'a str>) -> Vec<Link> {
    let class = root.at("sys/class/net");
    names.into_iter().map(|name| link(&class.join(name), name)).collect()
}

fn link(at: &Path, name: &str) -> Link {
    let mut link = Link { name: name.to_owned(), ..Link::default() };
    for entry in entries(at) {
        match entry.as_str() {
            "device" => link.physical = true,
            "bridge" => link.bridge = true,
            "master" => {
                let target = std::fs::read_link(at.join("master")).ok();
                link.master = target.and_then(|t| Some(t.file_name()?.to_str()?.to_owned()));
            }
            "brif" => link.lowers.extend(entries(&at.join("brif"))),
            "bonding" => {
                let members = read_bounded(&at.join("bonding/slaves"), MEMBERS_MAX_BYTES);
                link.lowers.extend(members.unwrap_or_default().split_whitespace().map(str::to_owned));
            }
            "type" => {
                let kind = read_bounded(&at.join("type"), 64);
                link.not_ethernet = kind.is_ok_and(|kind| kind.trim() != ETHERNET);
            }
            other => link.lowers.extend(other.strip_prefix("lower_").map(str::to_owned)),
        }
    }
    link.lowers.sort_unstable();
    link.lowers.dedup();
    link
}

fn entries(at: &Path) -> Vec<String> {
    let listed = std::fs::read_dir(at).into_iter().flatten();
    listed.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).take(ENTRIES_MAX).collect()
}
