//! What the packages hold: named twice, for the tools that make .deb and .rpm, and the same in both.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails where it can't go on")]
#![expect(clippy::disallowed_methods, reason = "this test reads the repository's own files")]

use serde_json::Value;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
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

/// What of the repository a package takes by a pattern or a name.
fn files(source: &str) -> Vec<PathBuf> {
    let path = repository().join(source);
    let (folder, name) = (path.parent().unwrap(), path.file_name().unwrap().to_str().unwrap());
    let Some((start, end)) = name.split_once('*') else {
        return vec![path];
    };
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let fits = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(start) && name.ends_with(end)
    };
    paths.filter(fits).collect()
}

#[test]
fn no_file_of_a_package_stands_for_another() {
    for name in NAMES {
        for source in assets(name, "generate-rpm") {
            if source.starts_with("target/") || source.starts_with("packaging/made/") {
                continue;
            }
            for file in files(&source) {
                let text = std::fs::read_to_string(&file).unwrap();
                let at = file.display();
                assert!(text.len() > 100, "{at} has {} bytes", text.len());
                if source.contains("/man/") {
                    // The names of subcommands are the program's with theirs behind it.
                    let own = file.file_stem().unwrap().to_str().unwrap();
                    assert!(
                        own.starts_with(name) && text.contains(&format!(".TH {own} 1")),
                        "{at} is no page of {name}"
                    );
                }
                if source.contains("completions/") {
                    assert!(text.len() > 8 << 10 && text.contains(name), "{at} completes nothing of {name}");
                }
            }
        }
    }
}

fn example(name: &str) -> String {
    std::fs::read_to_string(repository().join("packaging/examples").join(name)).unwrap()
}

/// What a unit's `/bin/sh -c '...'` does, as systemd hands it on.
fn command(unit: &str, key: &str) -> String {
    let line = unit.lines().find_map(|line| line.strip_prefix(&format!("{key}=/bin/sh -c '"))).unwrap();
    line.strip_suffix('\'').unwrap().replace("$$", "$")
}

/// A host whose `highwater gate` ends so, or that has none.
fn host(gate: Option<i32>) -> tempfile::TempDir {
    let host = tempfile::tempdir().unwrap();
    if let Some(code) = gate {
        let program = host.path().join("highwater");
        std::fs::write(&program, format!("#!/bin/sh\nexit {code}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    host
}

fn ends_on(host: &Path, arguments: &[&str]) -> i32 {
    let mut shell = Command::new("/bin/sh");
    shell
        .args(arguments)
        .env("PATH", format!("{}:/usr/bin:/bin", host.display()))
        .env("RUNTIME_DIRECTORY", host);
    shell.output().unwrap().status.code().unwrap()
}

#[test]
fn the_example_product_starts_at_an_open_gate_waits_at_a_closed_one_and_fails_visibly_at_any_other_answer() {
    let condition = command(&example("product.service"), "ExecCondition");
    // systemd takes 0 for "start", 1 to 254 for "not now", and 255 for a failure.
    for (gate, expect) in [(Some(0), 0), (Some(12), 1), (Some(13), 255), (Some(78), 255), (None, 255)] {
        assert_eq!(ends_on(host(gate).path(), &["-c", &condition]), expect, "{gate:?}");
    }
}

#[test]
fn the_example_hook_fails_visibly_where_the_gate_does_not_answer() {
    let script = repository().join("packaging/examples/product-gate");
    let script = script.to_str().unwrap();
    for (gate, expect) in [(Some(13), 13), (Some(78), 78), (None, 127)] {
        assert_eq!(ends_on(host(gate).path(), &[script, "product.service"]), expect, "{gate:?}");
    }
}

#[test]
fn the_example_needs_no_place_of_the_program_and_its_files_name_each_other() {
    for name in ["product.service", "product-gate.service", "product-gate", "README.md"] {
        assert!(!example(name).contains("/bin/highwater"), "{name} knows where highwater is");
    }
    // The file that the hook writes is the one that the path unit watches.
    let watched = example("product-gate.path");
    let watched = watched.lines().find_map(|line| line.strip_prefix("PathChanged=")).unwrap();
    assert!(
        example("README.md").contains(&format!("> {watched}'")),
        "the hook of README.md writes {watched}"
    );
    let script = "/usr/local/sbin/product-gate";
    assert!(
        example("product-gate.service").contains(&format!("ExecStart=/bin/sh {script} product.service\n"))
    );
    assert!(example("README.md").contains(&format!("install -m 755 product-gate {script}\n")));
}

#[test]
fn the_tarballs_install_lines_leave_no_other_place_of_the_program_in_the_unit() {
    let page = std::fs::read_to_string(repository().join("packaging/README-tarball.md")).unwrap();
    let line = page.lines().find_map(|line| line.trim().strip_prefix("sed ")).unwrap();
    let (line, to) = line.split_once(" > ").unwrap();
    assert_eq!(to, "/etc/systemd/system/highwater.service");
    // In the repository the unit lies where it lies in the tarball.
    let output =
        Command::new("sh").args(["-c", &format!("sed {line}")]).current_dir(repository()).output().unwrap();
    let unit = String::from_utf8(output.stdout).unwrap();
    let places = unit.matches("/usr/local/bin/highwater").count();
    assert!(places >= 2 && !unit.contains("/usr/bin/highwater"), "{unit}");
    assert!(page.contains("install -m 755 highwater /usr/local/bin/highwater\n"));
}

/// The names of alerts that a text tells of.
fn alerts(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| word.starts_with("Highwater") && *word != "Highwater").map(str::to_owned).collect()
}

/// The names of the alerts of a file of rules.
fn rules(name: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(repository().join("packaging/alerts").join(name)).unwrap();
    text.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).map(str::to_owned).collect()
}

#[test]
fn the_operators_page_lists_each_alert_where_it_is_and_no_other() {
    let page = std::fs::read_to_string(repository().join("docs/operations.md")).unwrap();
    let section = page.split("\n## ").find(|section| section.starts_with("Alerts")).unwrap();
    let rows: Vec<Vec<&str>> = section
        .lines()
        .filter(|line| line.starts_with("| `Highwater"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let files = ["prometheus.yaml", "loki.yaml", "prometheus-central.yaml"].map(rules);
    let mut listed = BTreeSet::new();
    for row in &rows {
        let name = row[0].trim_matches('`').to_owned();
        for (file, told) in files.iter().zip(&row[1..]) {
            assert_eq!(file.contains(&name), *told == "yes", "{name}");
        }
        listed.insert(name);
    }
    let there: BTreeSet<String> = files.iter().flatten().cloned().collect();
    assert_eq!(listed, there);
    assert_eq!(alerts(&page), there, "the page tells of an alert that there is not");
}
