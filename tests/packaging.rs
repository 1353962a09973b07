//! What the packages hold: named twice, for the tools that make .deb and .rpm, and the same in both.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails where it can't go on")]
#![expect(clippy::disallowed_methods, reason = "this test reads the repository's own files")]

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a crate's Cargo.toml tells one tool.
fn metadata(name: &str, tool: &str) -> Value {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--format-version", "1", "--locked"]).current_dir(repository());
    let told: Value = serde_json::from_slice(&cargo.output().unwrap().stdout).unwrap();
    let mut packages = told["packages"].as_array().unwrap().iter();
    packages.find(|package| package["name"] == name).unwrap()["metadata"][tool].clone()
}

/// The sources that a package takes, from the repository's root.
fn assets(name: &str, tool: &str) -> BTreeSet<String> {
    let source = |asset: &Value| match asset {
        // The tool for .deb finds them from the crate's folder.
        Value::Array(parts) => parts[0].as_str().unwrap().trim_start_matches("../").to_owned(),
        table => table["source"].as_str().unwrap().to_owned(),
    };
    metadata(name, tool)["assets"].as_array().unwrap().iter().map(source).collect()
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

const NAMES: [&str; 2] = ["highwater", "highwater-central"];

#[test]
fn both_kinds_of_packages_hold_the_same_files() {
    for name in NAMES {
        // The tool for .deb takes units and the licence by itself.
        let by_itself = [format!("systemd/{name}.service"), "LICENSE".to_owned()];
        let deb: BTreeSet<String> = assets(name, "deb").into_iter().chain(by_itself).collect();
        assert_eq!(deb, assets(name, "generate-rpm"), "{name}");
    }
}

#[test]
fn what_packages_take_from_the_repository_is_there() {
    for name in NAMES {
        for source in assets(name, "generate-rpm") {
            // Those are made by `cargo xtask`, with the packages.
            let made = source.starts_with("target/") || source.starts_with("packaging/made/");
            assert!(made || is_there(&source), "{name} takes {source}, which is not there");
        }
        let rpm = metadata(name, "generate-rpm");
        for key in ["post_install_script", "pre_uninstall_script", "post_uninstall_script"] {
            assert!(is_there(rpm[key].as_str().unwrap()), "{name}: {key} is not there");
        }
        let scripts = metadata(name, "deb")["maintainer-scripts"].as_str().unwrap().to_owned();
        assert!(
            is_there(&format!("{}/postrm", scripts.trim_start_matches("../"))),
            "{name}: no postrm in {scripts}"
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
