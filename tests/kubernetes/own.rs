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
    std::fs::write(linked.join("ledger.db"), "x").unwrap();
    std::fs::write(dir.path().join("shadow"), "root's").unwrap();
    std::fs::hard_link(dir.path().join("shadow"), linked.join("mine")).unwrap();
    let output = own(&[&linked]);
    assert_eq!((output.status.code(), of(&dir.path().join("shadow"))), (Some(65), (0, 0)), "{output:?}");
    assert_eq!((of(&linked), of(&linked.join("ledger.db"))), ((0, 0), (0, 0)), "nothing was given");
    let open = make("open");
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(own(&[&open]).status.code(), Some(65));
    let output = own(&[&dir.path().join("absent")]);
    assert_eq!(output.status.code(), Some(65), "{output:?}");
}

#[test]
fn a_directory_that_is_not_the_agents_stays_whose_it_was() {
    if !is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let etc = dir.path().join("etc");
    std::fs::create_dir_all(etc.join("deeper")).unwrap();
    // Its name is not enough where it is not in the directory itself.
    for (name, owner) in [("passwd", 0), ("deeper/ledger.db", 1234), ("deeper", 1234), ("", 5678)] {
        let path = etc.join(name);
        if !path.is_dir() {
            std::fs::write(&path, "x").unwrap();
        }
        chown(&path, Some(owner), Some(owner)).unwrap();
    }
    let output = own(&[&etc]);
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("neither empty nor an agent's"), "{output:?}");
    for (name, owner) in [("passwd", 0), ("deeper/ledger.db", 1234), ("deeper", 1234), ("", 5678)] {
        assert_eq!(of(&etc.join(name)), (owner, owner), "{name}");
    }
    // A disk of the agent's own has a directory that is the file system's.
    let disk = dir.path().join("disk");
    std::fs::create_dir_all(disk.join("lost+found")).unwrap();
    assert!(own(&[&disk]).status.success());
    assert_eq!((of(&disk), of(&disk.join("lost+found"))), ((65532, 65532), (0, 0)));
}

#[test]
fn another_file_system_is_not_entered() {
    if !is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (state, mounted) = (dir.path().join("state"), dir.path().join("state/mounted"));
    std::fs::create_dir_all(&mounted).unwrap();
    std::fs::write(state.join("ledger.db"), "x").unwrap();
    let script = "mount -t tmpfs none \"$1/mounted\" && touch \"$1/mounted/file\" && \"$2\" own \"$1\" --user 65532:65532; \
                  code=$?; stat -c %u \"$1/mounted/file\" \"$1/ledger.db\"; exit $code";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(&state).arg(env!("CARGO_BIN_EXE_highwater"));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("another file system"), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0\n0\n");
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
