//! A light binary stays light: the agent's dependencies are the committed ones.
#![expect(clippy::disallowed_methods, reason = "this test reads the repository's own files")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const COMMITTED: &str = "tests/agent-dependencies.txt";

#[test]
fn the_agent_depends_on_the_committed_crates_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            "highwater",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--locked",
        ])
        .args(["--target", "x86_64-unknown-linux-gnu"])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Names only: a new version of a crate is not a new weight.
    let now: BTreeSet<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    let path = root.join(COMMITTED);
    if std::env::var_os("HIGHWATER_BLESS").is_some() {
        let list: String = now.iter().map(|name| format!("{name}\n")).collect();
        std::fs::write(&path, list).unwrap();
    }
    let committed: BTreeSet<String> =
        std::fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    let new: Vec<_> = now.difference(&committed).collect();
    let gone: Vec<_> = committed.difference(&now).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "the agent's dependencies changed: new {new:?}, gone {gone:?}. Each must earn its weight: say why in the commit, \
         then HIGHWATER_BLESS=1 cargo test --test weight"
    );
}
