//! `highwater own`: what the chart's init container does, with the one right that it has.

use nix::unistd::geteuid;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::{Command, Output};

const USER: &str = "65532:65532";

/// Root, who may chown and nothing else.
fn own(directories: &[&Path]) -> Output {
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-all,+chown", "--inh-caps=-all", env!("CARGO_BIN_EXE_highwater"), "own"]);
    command.args(directories).args(["--user", USER]).output().unwrap()
}

fn of(path: &Path) -> (u32, u32) {
    let meta = path.symlink_metadata().unwrap();
    (meta.uid(), meta.gid())
}

/// Only root can give something away.
fn is_root() -> bool {
    geteuid().is_root() || {
        eprintln!("not root: nothing is given");
        false
    }
}

#[test]
fn a_directory_and_what_is_in_it_becomes_the_users_and_no_link_is_followed() {
    if !is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (state, elsewhere) = (dir.path().join("state"), dir.path().join("elsewhere"));
    std::fs::create_dir_all(state.join("deeper")).unwrap();
    std::fs::write(&elsewhere, "x").unwrap();
    std::fs::write(state.join("ledger.db"), "x").unwrap();
    std::fs::write(state.join("deeper/file"), "x").unwrap();
    symlink(&elsewhere, state.join("link")).unwrap();
    // What another user left, who lets nobody in.
    chown(&state, Some(1234), Some(1234)).unwrap();
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o700)).unwrap();
    let output = own(&[&state]);
    assert!(output.status.success(), "{output:?}");
    for name in ["", "deeper", "ledger.db", "deeper/file", "link"] {
        assert_eq!(of(&state.join(name)), (65532, 65532), "{name}");
    }
    assert_eq!(of(&elsewhere), (0, 0), "a link's end is not the link");
    assert_eq!(state.metadata().unwrap().mode() & 0o7777, 0o700);
    // Once it is the user's, it is left alone.
    chown(state.join("ledger.db"), Some(7), Some(7)).unwrap();
    let output = own(&[&state]);
    assert!(
        output.status.success() && String::from_utf8_lossy(&output.stdout).contains("already"),
        "{output:?}"
    );
    assert_eq!(of(&state.join("ledger.db")), (7, 7));
}

#[test]
fn what_may_be_somebody_elses_or_is_no_directory_is_refused() {
    if !is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let make = |name: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir(&path).unwrap();
        path
    };
    let real = make("real");
    symlink(&real, dir.path().join("link")).unwrap();
    let output = own(&[&dir.path().join("link")]);
    assert_eq!((output.status.code(), of(&real)), (Some(65), (0, 0)), "{output:?}");
    let linked = make("linked");
    std::fs::write(dir.path().join("shadow"), "root's").unwrap();
    std::fs::hard_link(dir.path().join("shadow"), linked.join("mine")).unwrap();
    let output = own(&[&linked]);
    assert_eq!((output.status.code(), of(&dir.path().join("shadow"))), (Some(65), (0, 0)), "{output:?}");
    assert_eq!(of(&linked), (0, 0), "left halfway, it is not the user's");
    let open = make("open");
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(own(&[&open]).status.code(), Some(65));
    let output = own(&[&dir.path().join("absent")]);
    assert_eq!(output.status.code(), Some(65), "{output:?}");
}

#[test]
fn who_may_not_chown_is_told_so_and_a_wrong_user_is_a_wrong_usage() {
    if !is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-all", "--inh-caps=-all", env!("CARGO_BIN_EXE_highwater"), "own"]);
    let output = command.arg(dir.path()).args(["--user", USER]).output().unwrap();
    assert_eq!(output.status.code(), Some(77), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("CAP_CHOWN"));
    for user in ["nobody", "1", "-1:0", "1:2:3"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
        let output = command.arg("own").arg(dir.path()).arg(format!("--user={user}")).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{user}: {output:?}");
    }
}
