//! The status file.

use crate::bench::{Bench, state};
use crate::tools::skipped;
use highwater::clock::unix_s;
use highwater::gate::{GateError, State};
use highwater_rules::grace::Stage;
use nix::unistd::Uid;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Stdio};

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn the_file_is_replaced_as_a_whole_and_everybody_may_read_it() {
    let bench = Bench::new();
    let mut gate = bench.open();
    let shown = gate.show(&state(Stage::Open), unix_s());
    assert_eq!(shown.changed, Some((None, Stage::Open)));
    assert!(shown.error.is_none() && !shown.recovered);
    let file = bench.file();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o644, 0o755));
    let mut old = File::open(&file).unwrap();
    let before = bench.text();
    assert_eq!(gate.show(&state(Stage::Closed), unix_s()).changed, Some((Some(Stage::Open), Stage::Closed)));
    let mut still = String::new();
    old.read_to_string(&mut still).unwrap();
    assert_eq!(still, before, "who had it open sees the whole of the old one");
    let told = bench.document();
    assert!(told.state == Stage::Closed && !told.may_run, "{told:?}");
    assert_eq!(names(file.parent().unwrap()), ["gate.json", "gate.sock"], "nothing else is left behind");
}

#[tokio::test]
async fn it_is_written_again_only_when_it_changed_or_half_of_its_time_is_used_up() {
    let bench = Bench::new();
    let mut gate = bench.open();
    let now = unix_s();
    let told = state(Stage::Open);
    let later = |s: i64| State { left_s: told.left_s - s, ..told.clone() };
    gate.show(&told, now);
    // A file that is replaced has another number.
    let number = || bench.file().metadata().unwrap().ino();
    let first = number();
    for s in [300, 600, 1799] {
        assert_eq!(gate.show(&later(s), now + s).changed, None);
        assert_eq!(number(), first, "after {s} s");
    }
    assert_eq!(gate.due_at(), Some(now + 3000));
    gate.show(&later(1800), now + 1800);
    let (second, document) = (number(), bench.document());
    assert_ne!(second, first);
    assert_eq!((document.written_at, document.expires_at), (now + 1800, now + 5400));
    assert_eq!(document.seconds_left, told.left_s - 1800);
    gate.show(&State { days_left: 70, ..told.clone() }, now + 1801);
    assert_eq!(bench.document().days_left, 70);
    // The clock was set back: what was written lies in the future.
    gate.show(&State { days_left: 70, ..told.clone() }, now - 5000);
    assert_eq!(bench.document().written_at, now - 5000);
}

#[tokio::test]
async fn it_never_holds_for_long_past_the_next_stage() {
    let bench = Bench::new();
    let mut gate = bench.open();
    let now = unix_s();
    gate.show(&State { changes_at: Some(now + 600), ..state(Stage::Critical) }, now);
    assert_eq!(bench.document().expires_at, now + 660);
    assert!(gate.due_at().is_some_and(|at| at <= now + 600));
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_told_once_and_the_socket_goes_on() {
    let bench = Bench::new();
    let mut gate = bench.open();
    let file = bench.file();
    // A directory of this name can't be replaced by a file, whoever tries.
    bench.tree.write("run/gate.json/x", "");
    let shown = gate.show(&state(Stage::Open), unix_s());
    assert!(matches!(&shown.error, Some(GateError::Write { path, .. }) if *path == file), "{shown:?}");
    assert!(shown.error.unwrap().to_string().contains("gate.status_file"));
    let (status, value) = crate::peer::get(&bench.socket()).await;
    assert_eq!((status, value["state"].as_str()), (200, Some("open")));
    let again = gate.show(&state(Stage::Open), unix_s());
    assert!(again.error.is_none() && !again.recovered, "{again:?}");
    assert_eq!(names(file.parent().unwrap()), ["gate.json", "gate.sock"], "no half of a file is left");
    bench.tree.remove("run/gate.json");
    assert!(gate.show(&state(Stage::Open), unix_s()).recovered);
    assert_eq!(bench.document().state, Stage::Open);
    assert!(!gate.show(&state(Stage::Open), unix_s()).recovered);
}

#[tokio::test]
async fn a_directory_that_goes_is_made_again() {
    let bench = Bench::new();
    let mut gate = bench.open();
    gate.show(&state(Stage::Open), unix_s());
    bench.tree.remove("run");
    assert!(gate.show(&state(Stage::Closed), unix_s()).error.is_none());
    assert_eq!(bench.document().state, Stage::Closed);
}

#[tokio::test]
async fn a_full_disk_keeps_the_old_file_whole() {
    struct Mounted<'a>(&'a Path);
    impl Drop for Mounted<'_> {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
        }
    }
    if !Uid::effective().is_root() && skipped("it needs root") {
        return;
    }
    let bench = Bench::new();
    bench.tree.write("run/.keep", "");
    let dir = bench.tree.at("run");
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=64k", "highwater-test"]).arg(&dir).stderr(Stdio::null());
    if !mount.status().is_ok_and(|status| status.success()) && skipped("it can't mount") {
        return;
    }
    let _mounted = Mounted(&dir);
    let mut gate = bench.open();
    gate.show(&state(Stage::Open), unix_s());
    let mut filler = File::create(dir.join("filler")).unwrap();
    while filler.write_all(&[0; 512]).is_ok() {}
    let shown = gate.show(&state(Stage::Closed), unix_s());
    assert!(
        matches!(&shown.error, Some(GateError::Write { source, .. })
        if source.kind() == std::io::ErrorKind::StorageFull),
        "{shown:?}"
    );
    assert_eq!(bench.document().state, Stage::Open, "old, but whole");
    assert!(gate.show(&state(Stage::Closed), unix_s()).error.is_none());
    drop(filler);
    fs::remove_file(dir.join("filler")).unwrap();
    assert!(gate.show(&state(Stage::Closed), unix_s()).recovered);
    assert_eq!(bench.document().state, Stage::Closed);
    drop(gate);
}

#[tokio::test]
async fn what_somebody_put_in_its_way_is_not_written_through() {
    let bench = Bench::new();
    bench.tree.write("precious", "precious");
    bench.tree.write("run/x", "");
    std::os::unix::fs::symlink(bench.tree.at("precious"), bench.tree.at("run/.gate.json.new")).unwrap();
    let mut gate = bench.open();
    assert!(gate.show(&state(Stage::Open), unix_s()).error.is_none());
    assert_eq!(bench.left("precious"), "precious");
    assert_eq!(bench.document().state, Stage::Open);
}

#[tokio::test]
async fn a_start_goes_on_from_what_was_told_last_however_old() {
    let bench = Bench::new();
    let mut gate = bench.open();
    gate.show(&state(Stage::Warning), unix_s() - 1_000_000);
    gate.close();
    let mut gate = bench.open();
    assert_eq!(gate.show(&state(Stage::Warning), unix_s()).changed, None);
    assert!(bench.document().expires_at > unix_s());
    gate.close();
    let mut gate = bench.open();
    let changed = gate.show(&state(Stage::Critical), unix_s()).changed;
    assert_eq!(changed, Some((Some(Stage::Warning), Stage::Critical)));
    gate.close();
    bench.tree.write("run/gate.json", "{\"state\":");
    let (mut gate, error) = bench.complaint();
    assert!(matches!(error, GateError::Last(_)), "{error}");
    assert_eq!(gate.show(&state(Stage::Critical), unix_s()).changed, Some((None, Stage::Critical)));
    assert_eq!(bench.document().state, Stage::Critical);
}

#[tokio::test]
async fn a_reload_moves_file_and_socket() {
    let mut bench = Bench::new();
    let mut gate = bench.open();
    gate.show(&state(Stage::Open), unix_s());
    let old = bench.socket();
    bench.config.status_file = bench.tree.at("elsewhere/gate.json");
    bench.config.socket = Some(bench.tree.at("elsewhere/gate.sock"));
    assert!(gate.follow(&bench.config).is_empty());
    assert_eq!(gate.show(&state(Stage::Open), unix_s()).changed, None);
    assert_eq!(bench.document().state, Stage::Open);
    assert!(!old.exists());
    assert_eq!(crate::peer::get(&bench.socket()).await.0, 200);
    bench.config.socket = None;
    assert!(gate.follow(&bench.config).is_empty());
    assert!(!bench.tree.at("elsewhere/gate.sock").exists());
}
