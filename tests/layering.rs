//! The layers of ARCHITECTURE.md, held: imports go downward only.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "this test reads the repository's own sources, and fails where it can't"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The agent's modules, and which of its other modules each may use. What is not listed may not be used.
const LAYERS: &[(&str, &[&str])] = &[
    ("files", &[]),
    ("clock", &["files"]),
    ("config", &["files"]),
    ("host", &["files", "sources"]),
    ("roots", &["files"]),
    ("room", &[]),
    ("tls", &[]),
    ("kubernetes", &["clock", "config", "files", "tls"]),
    ("sources", &["clock", "config", "files", "kubernetes", "roots", "tls"]),
    ("ledger", &["clock", "files", "room"]),
    ("gate", &["clock", "config", "files"]),
    ("sampler", &["sources"]),
    ("recorder", &["ledger", "sampler"]),
    ("uplink", &["clock", "config", "files", "roots", "tls"]),
    ("licence", &["files", "uplink"]),
    ("node", &["uplink"]),
    ("courier", &["files", "uplink"]),
    ("keeper", &["ledger"]),
    ("report_json", &["json", "log"]),
    ("joined", &["config", "keeper", "ledger", "uplink"]),
    ("bundle", &["files", "ledger", "uplink"]),
    ("reporter", &["bundle", "config", "events", "joined", "keeper", "ledger", "licence", "log", "uplink"]),
    ("renewer", &["config", "events", "joined", "keeper", "licence", "uplink"]),
    ("enroller", &["clock", "config", "events", "files", "host", "licence", "node", "sources", "uplink"]),
    ("steward", &["config", "events", "gate", "kubernetes", "log", "renewer", "uplink"]),
    ("wake", &[]),
    ("notify", &["clock", "events", "log"]),
    ("log", &["clock", "config"]),
    ("listen", &["clock", "config", "gate", "log"]),
    ("json", &["log"]),
    (
        "events",
        &[
            "config", "gate", "host", "json", "ledger", "listen", "log", "recorder", "sampler", "sources",
            "uplink",
        ],
    ),
    (
        "daemon",
        &[
            "bundle", "clock", "config", "enroller", "events", "files", "gate", "host", "joined", "keeper",
            "ledger", "listen", "log", "node", "notify", "recorder", "renewer", "reporter", "sampler",
            "sources", "steward", "wake",
        ],
    ),
    (
        "commands",
        &[
            "bundle",
            "clock",
            "config",
            "courier",
            "daemon",
            "enroller",
            "files",
            "gate",
            "host",
            "joined",
            "json",
            "kubernetes",
            "keeper",
            "ledger",
            "licence",
            "log",
            "node",
            "renewer",
            "report_json",
            "reporter",
            "room",
            "sampler",
            "uplink",
            "sources",
        ],
    ),
    ("lib", &[]),
    ("main", &[]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder, and what it says outside its comments.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            // Links are not followed: the trees of hosts among the fixtures have circles.
            if entry.file_type().unwrap().is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code: Vec<&str> = text.lines().filter(|l| !l.trim_start().starts_with("//")).collect();
                found.push((path, code.join("\n")));
            }
        }
    }
    assert!(!found.is_empty(), "no sources in {folder}");
    found
}

/// The first names behind each `crate::` in a text, groups taken apart: `use crate::{events, host}` uses two modules.
fn crate_uses(code: &str) -> Vec<String> {
    let mut uses = Vec::new();
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            Some(group) => {
                let group = group.split(';').next().unwrap_or_default();
                let mut depth = 1;
                let mut name = String::new();
                for c in group.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        ',' if depth == 1 => uses.push(std::mem::take(&mut name)),
                        c if depth == 1 => name.push(c),
                        _ => {}
                    }
                }
                uses.push(name);
            }
            None => uses.push(after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()),
        }
    }
    uses.iter()
        .map(|u| u.trim().split("::").next().unwrap_or_default().to_owned())
        .filter(|u| !u.is_empty())
        .collect()
}

#[test]
fn modules_of_the_agent_use_only_the_layers_below_them() {
    let layers: BTreeMap<&str, &[&str]> = LAYERS.iter().copied().collect();
    for (path, code) in sources("src") {
        let inside = path.strip_prefix(root().join("src")).unwrap();
        let module =
            inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        let allowed = layers
            .get(module)
            .unwrap_or_else(|| panic!("module `{module}` is in no layer: add it to LAYERS"));
        for used in crate_uses(&code) {
            let known = layers.contains_key(used.as_str());
            assert!(
                !known || used == module || allowed.contains(&used.as_str()),
                "{} uses crate::{used}, which is not below `{module}`",
                inside.display()
            );
        }
    }
}

#[test]
fn nothing_in_the_rules_opens_a_file_reads_a_clock_or_waits() {
    let banned = [
        "std::fs",
        "std::net",
        "std::io",
        "std::process",
        "std::thread",
        "std::env",
        "SystemTime",
        "Instant",
        "::now()",
        "async ",
    ];
    for (path, code) in sources("rules/src") {
        let code = code.split("#[cfg(test)]").next().unwrap_or_default();
        for word in banned {
            assert!(!code.contains(word), "{} says `{word}`: rules are pure", path.display());
        }
    }
}

#[test]
fn crates_depend_downward_only() {
    let dependencies = |manifest: &str| {
        let text = std::fs::read_to_string(root().join(manifest)).unwrap();
        let from = text.find("[dependencies]").unwrap();
        let section = text.split_at(from).1;
        section.split("\n[").next().unwrap().to_owned()
    };
    for (manifest, banned) in [
        ("proto/Cargo.toml", &["highwater-rules", "highwater =", "tokio", "rusqlite"][..]),
        ("central/Cargo.toml", &["highwater ="][..]),
        ("Cargo.toml", &["highwater-central"][..]),
        ("rules/Cargo.toml", &["highwater =", "tokio", "rusqlite", "nix", "libc"][..]),
        ("central/Cargo.toml", &["highwater ="][..]),
    ] {
        let section = dependencies(manifest);
        for name in banned {
            assert!(!section.contains(name), "{manifest} depends on {name}");
        }
    }
}

#[test]
fn clocks_are_read_in_one_module() {
    for (path, code) in ["src", "central/src"].into_iter().flat_map(sources) {
        if path.ends_with("clock.rs") {
            continue;
        }
        for word in ["SystemTime::now", "Instant::now", "clock_gettime", "Timestamp::now", "Zoned::now"] {
            assert!(!code.contains(word), "{} says `{word}`", path.display());
        }
    }
}

/// Where `unsafe` is, and nowhere else: what the kernel's packet sockets are asked.
const UNSAFE: &str = "src/sources/ssl/kernel/socket.rs";

#[test]
fn the_only_unsafe_code_is_in_one_file_and_each_block_of_it_is_argued_for() {
    let crates =
        ["src", "central/src", "rules/src", "proto/src", "xtask/src", "tests", "benches", "central/tests"];
    for (path, code) in crates.into_iter().flat_map(sources) {
        if path.ends_with("tests/layering.rs") || path.ends_with(UNSAFE) {
            continue;
        }
        for word in ["unsafe {", "unsafe fn", "unsafe impl", "unsafe trait", "unsafe extern", "unsafe_code,"]
        {
            assert!(!code.contains(word), "{} says `{word}`", path.display());
        }
    }
    for root in ["rules/src/lib.rs", "proto/src/lib.rs", "central/src/lib.rs", "xtask/src/main.rs"] {
        let text = std::fs::read_to_string(self::root().join(root)).unwrap();
        assert!(text.contains("#![forbid(unsafe_code)]"), "{root} does not forbid unsafe code");
    }
    let text = std::fs::read_to_string(root().join(UNSAFE)).unwrap();
    let is_block = |line: &&str| {
        let line = line.trim_start();
        !line.starts_with("//") && (line.contains("unsafe {") || line.starts_with("unsafe impl"))
    };
    let blocks = text.lines().filter(is_block).count();
    assert!(blocks > 0 && blocks == text.matches("// SAFETY: ").count(), "{blocks} blocks");
}
