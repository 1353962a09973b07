//! What packages take in and the repository does not keep: `packaging/made/`.

use super::licences;
use super::program::Program;
use crate::shell;
use anyhow::{Context as _, bail};
use std::fs;
use std::path::Path;

/// The line of the example configuration that a package's has without its `#`: so commands know where the service keeps its
/// state, whoever types them.
const STATE_DIR: &str = "#state_dir = \"/var/lib/highwater\"";

/// Writes what a program's packages need.
pub(super) fn write(program: Program) -> anyhow::Result<()> {
    let folder = shell::repository().join("packaging/made");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    file(&folder.join(format!("{}-licences.txt", program.name())), &licences::text(program)?)?;
    if program == Program::Agent {
        let example = shell::read_text(&shell::repository().join("packaging/highwater.toml"))?;
        if !example.lines().any(|line| line == STATE_DIR) {
            bail!("packaging/highwater.toml lacks the line {STATE_DIR}");
        }
        let set = STATE_DIR.trim_start_matches('#');
        file(&folder.join("highwater.toml"), &example.replace(STATE_DIR, set))?;
    }
    Ok(())
}

fn file(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
