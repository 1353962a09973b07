//! A unit of systemd's: what systemd itself shows of it, and the files that it is made of.

use super::manager;
use crate::files::read_bounded;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The longest file of a unit that is read.
const FILE_MAX_BYTES: usize = 256 * 1024;
/// The most files of a unit that are read.
const FILES_MAX: usize = 64;
/// What is asked of a unit. A property that this systemd does not know is not shown, and reads as empty.
const PROPERTIES: &str = "LoadState,ActiveState,SubState,StatusText,UnitFileState,Result,ExecMainCode,ExecMainStatus,NRestarts,\
                          MainPID,ActiveEnterTimestampMonotonic,NeedDaemonReload,FragmentPath,DropInPaths,User,Group,\
                          DynamicUser,SupplementaryGroups,StateDirectory,CapabilityBoundingSet,AmbientCapabilities,\
                          RestrictAddressFamilies,PrivateUsers,PrivateNetwork,PrivateTmp,ProtectHome,ProtectProc,\
                          InaccessiblePaths,TemporaryFileSystem,BindPaths,BindReadOnlyPaths";
/// Where an operator's drop-ins are.
const OPERATORS: [&str; 2] = ["/etc/systemd/system", "/run/systemd/system"];
/// The settings that hand over credentials.
const CREDENTIALS: [&str; 4] =
    ["LoadCredential", "LoadCredentialEncrypted", "SetCredential", "SetCredentialEncrypted"];

/// A unit, as it is installed.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) name: String,
    shown: BTreeMap<String, String>,
    files: Vec<File>,
    /// Drop-ins that are there, and that systemd has not read yet.
    unread: Vec<PathBuf>,
}

#[derive(Debug, Clone)]
struct File {
    path: PathBuf,
    text: String,
}

/// What a unit hands over as a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Credential {
    /// Its name below `/run/credentials/UNIT`.
    pub(super) id: String,
    /// The file that systemd takes it from, where it is one with an absolute path.
    pub(super) source: Option<PathBuf>,
    /// The file of the unit that says so.
    pub(super) said_in: PathBuf,
}

impl Unit {
    /// The unit of that name; `None` where systemd has none.
    ///
    /// # Errors
    /// When systemd can't be asked: why.
    pub(super) fn ask(name: &str) -> Result<Option<Self>, String> {
        let shown = manager::show(name, PROPERTIES)?;
        let unit = Self::parse(name, &shown).ok_or_else(|| {
            let said = shown.lines().next().unwrap_or("it says nothing");
            format!("`systemctl show {name}` is not understood: {}", said.escape_debug())
        })?;
        Ok((unit.get("LoadState") != "not-found").then(|| unit.with_files().with_unread(&OPERATORS)))
    }

    /// What `systemctl show` printed; `None` where it is something else.
    pub(super) fn parse(name: &str, text: &str) -> Option<Self> {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        let shown: BTreeMap<String, String> =
            pairs.map(|(key, value)| (key.to_owned(), value.trim().to_owned())).collect();
        let is_unit = shown.contains_key("LoadState");
        is_unit.then(|| Unit { name: name.to_owned(), shown, files: Vec::new(), unread: Vec::new() })
    }

    fn with_files(mut self) -> Self {
        let paths: Vec<PathBuf> = self
            .words("FragmentPath")
            .chain(self.words("DropInPaths"))
            .take(FILES_MAX)
            .map(PathBuf::from)
            .collect();
        for path in paths {
            if let Ok(text) = read_bounded(&path, FILE_MAX_BYTES) {
                self = self.with_file(path, &text);
            }
        }
        self
    }

    /// systemd notices a file that came to a directory of drop-ins, but not always a directory that came.
    fn with_unread(mut self, dirs: &[&str]) -> Self {
        let dirs = dirs.iter().map(|dir| Path::new(dir).join(format!("{}.d", self.name)));
        let there = dirs.filter_map(|dir| std::fs::read_dir(dir).ok()).flat_map(|dir| dir.take(FILES_MAX));
        let paths = there.filter_map(|entry| Some(entry.ok()?.path()));
        let is_new = |path: &PathBuf| {
            path.extension().is_some_and(|kind| kind == "conf")
                && self.words("DropInPaths").all(|known| Path::new(known) != path)
        };
        self.unread = paths.filter(is_new).collect();
        self
    }

    pub(super) fn with_file(mut self, path: PathBuf, text: &str) -> Self {
        // A line may be continued on the next.
        self.files.push(File { path, text: text.replace("\\\n", " ") });
        self
    }

    /// A property's value; empty where it has none.
    pub(super) fn get(&self, property: &str) -> &str {
        self.shown.get(property).map_or("", String::as_str)
    }

    /// The words of a property that is a list.
    pub(super) fn words(&self, property: &str) -> impl Iterator<Item = &str> {
        self.get(property).split_whitespace()
    }

    /// Whether a list has a word, in capitals or not.
    pub(super) fn has(&self, property: &str, word: &str) -> bool {
        self.words(property).any(|one| one.eq_ignore_ascii_case(word))
    }

    /// A property that is a number; 0 where it is none.
    pub(super) fn number(&self, property: &str) -> u64 {
        self.get(property).parse().unwrap_or(0)
    }

    /// Whether it runs as root.
    pub(super) fn is_roots(&self) -> bool {
        self.get("DynamicUser") != "yes" && matches!(self.get("User"), "" | "root" | "0")
    }

    /// The drop-in with that file name, where it is installed.
    pub(super) fn drop_in(&self, file: &str) -> Option<&Path> {
        self.words("DropInPaths")
            .map(Path::new)
            .find(|path| path.file_name().is_some_and(|name| name == file))
    }

    /// The drop-in with that file name, where it is there and systemd has not read it yet.
    pub(super) fn unread(&self, file: &str) -> Option<&Path> {
        self.unread
            .iter()
            .find(|path| path.file_name().is_some_and(|name| name == file))
            .map(PathBuf::as_path)
    }

    /// The file of the unit in which a setting has a word: the last one, which counts.
    pub(super) fn says(&self, setting: &str, word: &str) -> Option<&Path> {
        let has = |value: &str| value.split_whitespace().any(|one| one == word);
        self.files.iter().rev().find(|file| file.values(setting).any(has)).map(|file| file.path.as_path())
    }

    /// What it hands over as credentials. systemd shows it only since version 254, so that the files are read.
    pub(super) fn credentials(&self) -> Vec<Credential> {
        let mut all: Vec<Credential> = Vec::new();
        for setting in CREDENTIALS {
            let mut of_setting = Vec::new();
            for file in &self.files {
                for value in file.values(setting) {
                    let (id, source) = value.split_once(':').unwrap_or((value, ""));
                    if id.is_empty() {
                        of_setting.clear();
                        continue;
                    }
                    let is_file = setting.starts_with("Load") && source.starts_with('/');
                    of_setting.push(Credential {
                        id: id.to_owned(),
                        source: is_file.then(|| PathBuf::from(source)),
                        said_in: file.path.clone(),
                    });
                }
            }
            all.append(&mut of_setting);
        }
        all
    }

    /// Where its credentials are while it runs.
    pub(super) fn credentials_dir(&self) -> PathBuf {
        Path::new("/run/credentials").join(&self.name)
    }

    /// Whether a state directory is this unit's.
    pub(super) fn keeps(&self, state_dir: &Path) -> bool {
        let real = state_dir.canonicalize().ok();
        self.state_dirs().any(|own| {
            own == state_dir
                || real.as_ref().is_some_and(|real| own.canonicalize().is_ok_and(|own| own == *real))
        })
    }

    /// Its state directories.
    pub(super) fn state_dirs(&self) -> impl Iterator<Item = PathBuf> {
        // Since systemd 254 a link may stand behind a colon.
        self.words("StateDirectory")
            .map(|name| Path::new("/var/lib").join(name.split(':').next().unwrap_or(name)))
    }

    /// Whether its files were changed since systemd read them.
    pub(super) fn is_stale(&self) -> bool {
        self.get("NeedDaemonReload") == "yes" || !self.unread.is_empty()
    }
}

impl File {
    /// The values of a setting, in order.
    fn values(&self, setting: &str) -> impl Iterator<Item = &str> {
        self.text.lines().filter_map(move |line| {
            let (key, value) = line.trim_start().split_once('=')?;
            (key.trim_end() == setting).then_some(value.trim())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{self, RUNNING};
    use super::*;

    #[test]
    fn what_is_no_unit_is_none_and_of_two_lines_the_later_counts() {
        assert!(Unit::parse("x.service", "Failed to connect to bus: No such file or directory\n").is_none());
        assert!(Unit::parse("x.service", "").is_none());
        let unit = golden::unit(&format!("{RUNNING}{}", golden::WITH_KERNEL));
        assert!(unit.has("CapabilityBoundingSet", "CAP_NET_RAW") && unit.get("PrivateUsers") == "no");
        assert!(unit.drop_in("kernel.conf").is_some() && unit.drop_in("logs.conf").is_none());
        assert_eq!((unit.number("MainPID"), unit.number("Result"), unit.get("Nothing")), (93, 0, ""));
    }

    #[test]
    fn a_state_directory_is_the_units_by_its_own_name_or_by_where_it_leads() {
        let unit = golden::unit(RUNNING);
        assert!(unit.keeps(Path::new("/var/lib/highwater")) && !unit.keeps(Path::new("/root/highwater")));
        let linked = golden::unit(&format!("{RUNNING}StateDirectory=highwater:hw other\n"));
        assert!(linked.keeps(Path::new("/var/lib/other")) && linked.keeps(Path::new("/var/lib/highwater")));
    }

    #[test]
    fn credentials_are_read_from_the_files_as_systemd_does() {
        let text = "[Service]\n#LoadCredential=no:/no\nLoadCredential = a:/a\nLoadCredential=b:\\\n  /b\nSetCredential=c:/d\n";
        let unit = golden::unit(RUNNING).with_file("/unit".into(), text);
        let found: Vec<(String, Option<PathBuf>)> =
            unit.credentials().into_iter().map(|one| (one.id, one.source)).collect();
        let path = |path: &str| Some(PathBuf::from(path));
        assert_eq!(found[0], ("a".to_owned(), path("/a")));
        assert_eq!(found[2], ("c".to_owned(), None));
        assert_eq!((found.len(), found[1].0.as_str()), (3, "b"));
    }

    #[test]
    fn a_drop_in_that_systemd_has_not_read_is_noticed_whatever_systemd_says() {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("highwater.service.d");
        std::fs::create_dir(&own).unwrap();
        let known = own.join("known.conf");
        for file in [own.join("kernel.conf"), own.join("kernel.conf.dpkg-new"), known.clone()] {
            std::fs::write(file, "").unwrap();
        }
        let unit = golden::unit(&format!("{RUNNING}DropInPaths={}\n", known.display()));
        assert!(!unit.is_stale());
        let unit = unit.with_unread(&[dir.path().to_str().unwrap(), "/nowhere"]);
        assert!(unit.is_stale() && unit.unread("kernel.conf") == Some(own.join("kernel.conf").as_path()));
        assert_eq!((unit.unread("known.conf"), unit.unread.len()), (None, 1));
    }
}
