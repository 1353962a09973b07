//! Completion scripts and man pages, made from the command line's definition, and the schema of the log, made from its page. They are
//! committed, so that the agent carries no generator.

use clap_complete::Shell;
use std::fs;
use std::path::{Path, PathBuf};

/// Every asset: its path below `packaging/`, and its bytes.
fn assets() -> Vec<(PathBuf, Vec<u8>)> {
    let mut assets = Vec::new();
    for (shell, name) in
        [(Shell::Bash, "highwater.bash"), (Shell::Fish, "highwater.fish"), (Shell::Zsh, "_highwater")]
    {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut super::definition(), "highwater", &mut script);
        assets.push((Path::new("completions").join(name), script));
    }
    assets.push((PathBuf::from("log-events.schema.json"), super::log_page::schema().into_bytes()));
    let mut root = super::definition().disable_help_subcommand(true);
    root.build();
    let mut pages = vec![root.clone()];
    pages.extend(root.get_subcommands().filter(|c| !c.is_hide_set()).cloned());
    for command in pages {
        let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
        let mut page = Vec::new();
        // The date of a page is that of its release, not of its making.
        clap_mangen::Man::new(command.display_name(name.clone())).date("").render(&mut page).unwrap();
        assets.push((Path::new("man").join(format!("{name}.1")), page));
    }
    assets
}

/// With `HIGHWATER_BLESS=1` it writes them: `cargo xtask assets`.
#[test]
#[expect(clippy::disallowed_methods, reason = "reads the repository's own files, as long as they are")]
fn completions_and_man_pages_are_those_of_the_command_line() {
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging");
    let bless = std::env::var_os("HIGHWATER_BLESS").is_some();
    let mut stale = Vec::new();
    for (path, bytes) in assets() {
        let path = packaging.join(path);
        if bless {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &bytes).unwrap();
        } else if fs::read(&path).unwrap_or_default() != bytes {
            stale.push(path);
        }
    }
    assert!(stale.is_empty(), "older than the command line, run `cargo xtask assets`: {stale:?}");
}
