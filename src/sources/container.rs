//! Whether this is the inside of a container, and of what kind.

use super::cgroup::{self, Hierarchy};
use crate::files::{Root, read_bounded};

const MARKER_MAX_BYTES: usize = 4096;

/// The words in a cgroup's path that tell a container, and what tells by them.
const PATH_WORDS: [(&str, &str); 7] = [
    ("kubepods", "kubernetes"),
    ("docker", "docker"),
    ("libpod", "podman"),
    ("lxc", "lxc"),
    ("cri-containerd", "containerd"),
    ("containerd", "containerd"),
    ("crio", "cri-o"),
];

/// The kind of container whose inside `root` is; `None` on a host or in a VM.
#[must_use]
pub fn kind(root: &Root) -> Option<String> {
    if root.at(".dockerenv").exists() {
        return Some("docker".to_owned());
    }
    if root.at("run/.containerenv").exists() {
        return Some("podman".to_owned());
    }
    if let Ok(text) = read_bounded(&root.at("run/systemd/container"), MARKER_MAX_BYTES) {
        let word = text.trim();
        return Some(if word.is_empty() { "container" } else { word }.to_owned());
    }
    let texts = cgroup_texts(root);
    if let Some(kind) = texts.iter().find_map(|text| kind_of_cgroups(text)) {
        return Some(kind.to_owned());
    }
    let hierarchy =
        texts.first().and_then(|text| cgroup::own_path(text).ok()).map_or(Hierarchy::V2, |(h, _)| h);
    let mounts = cgroup::mounts_below(root, hierarchy).unwrap_or_default();
    // The true root cgroup has no limit, and its mount shows all of it.
    let is_limited = |point: &str| hierarchy == Hierarchy::V2 && root.at(point).join("memory.max").exists();
    let inside = if mounts.is_empty() {
        is_limited(hierarchy.usual_mount())
    } else {
        let mut whole = mounts.iter().filter(|m| m.root == "/").peekable();
        whole.peek().is_none() || whole.any(|m| is_limited(&m.point))
    };
    inside.then(|| "container".to_owned())
}

/// The kind of container that the paths of a `/proc/PID/cgroup` tell. A daemon of that name is none of its own containers.
#[must_use]
pub fn kind_of_cgroups(text: &str) -> Option<&'static str> {
    let parts = || {
        let paths = text.lines().filter_map(|line| line.splitn(3, ':').nth(2));
        paths.flat_map(|path| path.split('/')).filter(|part| !part.ends_with(".service"))
    };
    PATH_WORDS.iter().find(|(word, _)| parts().any(|part| part.starts_with(word))).map(|(_, kind)| *kind)
}

/// What `/proc/PID/cgroup` says of the first process and of the agent. Below another root `self` is still the agent, not one
/// of those that live there, so that it counts only where the first process can't be seen.
fn cgroup_texts(root: &Root) -> Vec<String> {
    let read =
        |pid: &str| read_bounded(&root.at("proc").join(pid).join("cgroup"), cgroup::CGROUP_MAX_BYTES).ok();
    let first = read("1");
    let own = if root.is_own() || first.is_none() { read("self") } else { None };
    [first, own].into_iter().flatten().collect()
}
