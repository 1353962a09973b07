//! What the packages hold: named twice, for the tools that make .deb and .rpm, and the same in both.
#![expect(clippy::unwrap_used, reason = "a test fails where it can't go on")]
#![expect(clippy::disallowed_methods, reason = "this test reads the repository's own files")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The metadata of one tool in a crate's Cargo.toml.
fn metadata(manifest: &str, tool: &str) -> Table {
    let text = std::fs::read_to_string(repository().join(manifest)).unwrap();
    let manifest: Table = text.parse().unwrap();
    manifest["package"]["metadata"][tool].as_table().unwrap().clone()
}

/// Sources and destinations, each from the repository's root and from `/`.
fn assets(manifest: &str, tool: &str) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let named = |asset: &Value| match asset {
        // The tool for .deb finds sources from the crate's folder, and destinations without the first slash.
        Value::Array(parts) => {
            (text(&parts[0]).trim_start_matches("../").to_owned(), format!("/{}", text(&parts[1])))
        }
        table => (text(&table["source"]), text(&table["dest"])),
    };
    metadata(manifest, tool)["assets"].as_array().unwrap().iter().map(named).collect()
}

/// Whether a file of that name, or one of that pattern, is in the repository.
fn is_there(source: &str) -> bool {
    let path = repository().join(source);
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return false;
    };
    let Some((start, end)) = name.split_once('*') else {
        return path.is_file();
    };
    let names =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.into_iter().any(|name| name.starts_with(start) && name.ends_with(end))
}

/// The sources that a package takes, but for what its tool takes by itself: units and the licence.
fn sources(manifest: &str, tool: &str) -> BTreeSet<String> {
    let all = assets(manifest, tool).into_iter().map(|(source, _)| source);
    all.filter(|source| source != "LICENSE" && !source.ends_with(".service")).collect()
}

const MANIFESTS: [&str; 2] = ["Cargo.toml", "central/Cargo.toml"];

#[test]
fn both_kinds_of_packages_hold_the_same_files() {
    for manifest in MANIFESTS {
        assert_eq!(sources(manifest, "deb"), sources(manifest, "generate-rpm"), "{manifest}");
    }
}

#[test]
fn what_packages_take_from_the_repository_is_there() {
    for manifest in MANIFESTS {
        for (source, _) in ["deb", "generate-rpm"].iter().flat_map(|tool| assets(manifest, tool)) {
            // Those are made by `cargo xtask`, with the packages.
            let made = source.starts_with("target/") || source.starts_with("packaging/made/");
            assert!(made || is_there(&source), "{manifest} names {source}, which is not there");
        }
        for (key, script) in
            metadata(manifest, "generate-rpm").iter().filter(|(key, _)| key.ends_with("_script"))
        {
            assert!(is_there(script.as_str().unwrap()), "{manifest}: {key} is not there");
        }
        let scripts = PathBuf::from(manifest)
            .parent()
            .unwrap()
            .join(metadata(manifest, "deb")["maintainer-scripts"].as_str().unwrap());
        assert!(
            is_there(scripts.join("postrm").to_str().unwrap()),
            "{manifest}: no postrm in {}",
            scripts.display()
        );
    }
}

#[test]
fn the_example_product_asks_the_gate_before_it_starts_and_is_stopped_by_it() {
    let example =
        |name: &str| std::fs::read_to_string(repository().join("packaging/examples").join(name)).unwrap();
    assert!(
        example("product.service")
            .lines()
            .any(|line| line.starts_with("ExecCondition=/usr/bin/highwater gate"))
    );
    // The file that the hook writes is the one that the path unit watches.
    let watched = example("product-gate.path");
    let watched = watched.lines().find_map(|line| line.strip_prefix("PathChanged=")).unwrap();
    assert!(
        example("README.md").contains(&format!("> {watched}'")),
        "the hook of README.md writes {watched}"
    );
}
