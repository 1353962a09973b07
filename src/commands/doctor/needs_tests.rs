//! What configured sources are said to lack, under the packaged unit and with an operator's drop-ins.

use super::golden::{self, RUNNING, WITH_KERNEL};
use super::needs::{Found, Judge, found, source_of};
use super::rights::Rights;
use super::unit::Unit;
use crate::config::{Inputs, Loaded, load};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The tests' own files are in the host's /tmp.
const SEES_TMP: &str = "PrivateTmp=no\n";
const LOGS: &str = "/etc/systemd/system/highwater.service.d/logs.conf";
const CREDENTIALS: &str = "/etc/systemd/system/highwater.service.d/credentials.conf";

struct Host(tempfile::TempDir);

impl Host {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        Host(dir)
    }

    fn file(&self, name: &str, mode: u32) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, "x\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn loaded(&self, text: &str) -> Loaded {
        let file = self.file("highwater.toml", 0o644);
        std::fs::write(&file, text).unwrap();
        let inputs = Inputs {
            file: Some(file),
            env: vec![("HOME".into(), "/home/x".into())],
            overrides: Vec::new(),
            cwd: PathBuf::from("/"),
            now_s: 1_795_000_000,
        };
        load(&inputs).unwrap_or_else(|mistakes| panic!("{mistakes}"))
    }

    fn log(&self, path: &Path) -> Loaded {
        let path = path.display();
        self.loaded(&format!(
            "[[ssl]]\nkind = \"access_log\"\nname = \"web\"\npath = \"{path}\"\nformat = \"nginx\"\n"
        ))
    }

    fn loadmaster(&self, password_file: &Path) -> Loaded {
        let path = password_file.display();
        self.loaded(&format!(
            "[[ssl]]\nkind = \"kernel\"\nname = \"k\"\n[[ssl]]\nkind = \"loadmaster\"\nname = \"lm\"\n\
             url = \"https://192.0.2.1/\"\nusername = \"u\"\npassword_file = \"{path}\"\n"
        ))
    }
}

fn unit(lines: &str) -> Unit {
    golden::unit(&format!("{RUNNING}{lines}"))
}

fn judged(loaded: &Loaded, unit: &Unit) -> Found {
    found(loaded, Judge { rights: &Rights::given(unit), unit: Some(unit) })
}

/// The one lack of `who`, as what and mend.
fn lack(loaded: &Loaded, unit: &Unit, who: &str) -> (String, String) {
    let mut lacks = judged(loaded, unit).lacks;
    lacks.retain(|lack| lack.who == who);
    assert_eq!(lacks.len(), 1, "{who}: {lacks:?}");
    let lack = lacks.remove(0);
    (lack.what, lack.mend)
}

#[test]
fn a_log_that_the_unit_hides_is_no_matter_of_groups() {
    let host = Host::new();
    let log = host.file("tls.log", 0o644);
    let (what, mend) = lack(&host.log(&log), &unit(""), "ssl/web");
    assert!(what.contains("hidden from the unit (PrivateTmp=yes)"), "{what}");
    assert!(
        mend.contains("below /var/log") && !mend.contains("adm") && !mend.contains("logs.conf"),
        "{mend}"
    );
    assert!(judged(&host.log(&log), &unit(SEES_TMP)).lacks.is_empty());
}

#[test]
fn a_link_out_of_var_log_is_followed_to_where_the_unit_does_not_see() {
    let host = Host::new();
    let link = host.0.path().join("link.log");
    std::os::unix::fs::symlink("/root", &link).unwrap();
    let (what, mend) = lack(&host.log(&link), &unit(SEES_TMP), "ssl/web");
    assert!(what.contains("ProtectHome=yes") && mend.contains("ProtectHome=read-only"), "{what}: {mend}");
}

#[test]
fn a_group_that_was_installed_is_not_asked_for_again() {
    let host = Host::new();
    let log = host.file("tls.log", 0o600);
    let root = unit(&format!("{SEES_TMP}SupplementaryGroups=root\nDropInPaths={LOGS}\n"));
    let (what, mend) = lack(&host.log(&log), &root, "ssl/web");
    assert!(what.contains("mode 0600") && mend.contains("chmod g+r"), "{what}: {mend}");
    assert!(!what.contains(LOGS), "{what}");
}

#[test]
fn the_kernel_source_needs_all_settings_and_names_the_drop_in_only_where_it_is_not_there() {
    let host = Host::new();
    let loaded = host.loaded("[[ssl]]\nkind = \"kernel\"\nname = \"k\"\n");
    let (what, mend) = lack(&loaded, &unit(""), "ssl/k");
    assert!(what.contains("PrivateUsers=no") && mend == "drop-in kernel.conf", "{what}: {mend}");
    assert!(judged(&loaded, &unit(WITH_KERNEL)).lacks.is_empty());
    let undone = unit(&format!("{WITH_KERNEL}PrivateUsers=yes\n"));
    let (what, mend) = lack(&loaded, &undone, "ssl/k");
    assert!(what.ends_with("without PrivateUsers=no"), "{what}");
    assert!(mend.contains("kernel.conf is installed") && mend.contains("`systemctl cat"), "{mend}");
}

#[test]
fn presence_needs_sight_of_processes() {
    let host = Host::new();
    let loaded = host.loaded("[ram]\npresence = \"nginx\"\n");
    let (what, mend) = lack(&loaded, &unit(""), "ram.presence");
    assert!(what.contains("ProtectProc=invisible") && mend == "drop-in presence.conf", "{what}: {mend}");
    assert!(judged(&loaded, &unit("ProtectProc=default\n")).lacks.is_empty());
}

#[test]
fn a_secret_is_told_of_by_its_source_with_the_line_and_the_key_that_are_missing() {
    let host = Host::new();
    let secret = host.file("lm.pass", 0o600);
    let who = "ssl/lm password_file";
    let handed = |text: &str| {
        unit(&format!("{SEES_TMP}DropInPaths={CREDENTIALS}\n")).with_file(CREDENTIALS.into(), text)
    };
    let (what, mend) = lack(&host.loadmaster(&secret), &unit(SEES_TMP), who);
    let line = format!("drop-in credentials.conf with LoadCredential=lm.pass:{}", secret.display());
    assert!(what.contains("mode 0600") && mend.starts_with(&line), "{what}: {mend}");
    let key = "set password_file = \"/run/credentials/highwater.service/";
    assert!(mend.contains(&format!("{key}lm.pass\"")), "{mend}");

    let (_, mend) = lack(&host.loadmaster(&secret), &handed("LoadCredential=other:/else\n"), who);
    assert!(mend.starts_with("add LoadCredential=") && mend.contains(CREDENTIALS), "{mend}");

    let handing = handed(&format!("LoadCredential=lm:{}\n", secret.display()));
    let (_, mend) = lack(&host.loadmaster(&secret), &handing, who);
    assert!(mend.contains("hands it over already") && mend.contains(&format!("{key}lm\"")), "{mend}");

    let at = |id: &str| PathBuf::from(format!("/run/credentials/highwater.service/{id}"));
    let (what, _) = lack(&host.loadmaster(&at("nope")), &handing, who);
    assert!(what.contains("no credential nope, but lm"), "{what}");
    let mut right = judged(&host.loadmaster(&at("lm")), &handing);
    right.lacks.retain(|lack| lack.who == who);
    assert!(right.lacks.is_empty() && right.unseen.is_empty(), "{right:?}");
}

#[test]
fn who_lacks_something_is_a_source_by_its_reports_name() {
    assert_eq!(source_of("ram.presence"), "ram");
    assert_eq!(source_of("ssl/lm password_file"), "ssl/lm");
    assert_eq!(source_of("ssl/web"), "ssl/web");
}
