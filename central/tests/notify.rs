//! What a service manager is told by a real server, on a socket like systemd's.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod support;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::Duration;
use support::program;

/// What is awaited comes within this, on a machine however busy.
const PATIENCE: Duration = Duration::from_secs(40);

fn next(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).unwrap();
    String::from_utf8(buffer.get(..length).unwrap().to_vec()).unwrap()
}

#[test]
fn systemd_is_told_that_it_listens_how_it_does_that_it_lives_and_that_it_ends() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut child = program(&home.path().join("data"), &["serve", "--listen", "127.0.0.1:0", "--json"])
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "400000")
        .env_remove("WATCHDOG_PID")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!(next(&socket), "STATUS=opening the database\n");
    assert_eq!(next(&socket), "READY=1\nSTATUS=0 activations, 0 reports since the start\n");
    for _ in 0..5 {
        assert_eq!(next(&socket), "WATCHDOG=1\n", "the same status is told once");
    }
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM).unwrap();
    let after: Vec<String> =
        std::iter::repeat_with(|| next(&socket)).take_while(|told| told != "STOPPING=1\n").collect();
    assert!(after.iter().all(|told| told == "WATCHDOG=1\n"), "{after:?}");
    assert!(child.wait().unwrap().success());
}

/// What a server that can't start tells a service manager, and the journal that its standard error leads to.
fn check_failed(arguments: &[&str], code: i32, status: &[&str], lines: &[&str]) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let log = home.path().join("log");
    let file = std::fs::File::create(&log).unwrap();
    let meta = file.metadata().unwrap();
    let ended = program(&home.path().join("data"), arguments)
        .env("NOTIFY_SOCKET", &path)
        .env("JOURNAL_STREAM", format!("{}:{}", meta.dev(), meta.ino()))
        .stdout(Stdio::null())
        .stderr(file)
        .status()
        .unwrap();
    assert_eq!(ended.code(), Some(code), "{arguments:?}");
    for expect in status {
        let told = next(&socket);
        assert!(told.starts_with(expect), "{told:?} does not begin with {expect:?}");
    }
    let log = String::from_utf8(highwater_central::files::read_bounded(&log, 1 << 20).unwrap()).unwrap();
    for (line, expect) in log.lines().zip(lines) {
        assert!(line.starts_with("<3>") && line.contains(expect), "{line}");
    }
    assert_eq!(log.lines().count(), lines.len(), "each is told once: {log}");
}

#[test]
fn what_ends_a_start_is_one_error_in_the_journal_and_the_line_of_the_status() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let failed = format!("STATUS=failed: can't listen on {address}: Address already in use");
    check_failed(
        &["serve", "--listen", &address],
        69,
        &["STATUS=opening the database\n", &failed],
        &["level=error event=start_failed error=\"can't listen on"],
    );
}

#[test]
fn arguments_that_are_wrong_are_told_as_errors_too() {
    check_failed(
        &["serve", "--public-url", "http://central.example.com"],
        64,
        &[
            "STATUS=failed: invalid value 'http://central.example.com' for '--public-url <URL>': agents speak HTTPS only",
        ],
        &["invalid value 'http://central.example.com'", "", "--help"],
    );
}

#[test]
fn the_systems_number_of_an_error_is_told_with_it() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = program(&home.path().join("data"), &["serve", "--listen", &address])
        .env("NOTIFY_SOCKET", &path)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(ended.code(), Some(69));
    let _ = next(&socket);
    // EADDRINUSE
    assert!(next(&socket).ends_with("\nERRNO=98\n"));
}
