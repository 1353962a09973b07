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
        file(&folder.join("highwater.toml"), &installed(&example)?)?;
    }
    Ok(())
}

/// The example configuration as it is installed: with the state directory that the unit has.
fn installed(example: &str) -> anyhow::Result<String> {
    if !example.lines().any(|line| line == STATE_DIR) {
        bail!("packaging/highwater.toml lacks the line {STATE_DIR}");
    }
    Ok(example.replace(STATE_DIR, STATE_DIR.trim_start_matches('#')))
}

fn file(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::tarball;

    #[test]
    fn what_is_installed_names_the_units_state_directory() {
        let read = |path: &str| shell::read_text(&shell::repository().join(path)).unwrap();
        let example = installed(&read("packaging/highwater.toml")).unwrap();
        let unit = read("systemd/highwater.service");
        let name = unit.lines().find_map(|line| line.strip_prefix("StateDirectory=")).unwrap();
        assert!(example.lines().any(|line| line == format!("state_dir = \"/var/lib/{name}\"")));
        let from = |to: &str| tarball::FILES.iter().find(|(_, into)| *into == to).unwrap().0;
        assert_eq!(from("etc/highwater.toml"), "packaging/made/highwater.toml");
        assert!(installed("[sampling]\n").is_err());
    }
}
