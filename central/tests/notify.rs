//! What a service manager is told by a real server, on a socket like systemd's.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod support;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
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
    assert_eq!(next(&socket), "READY=1\n");
    assert_eq!(next(&socket), "STATUS=0 activations, 0 reports since the start\n");
    for _ in 0..5 {
        assert_eq!(next(&socket), "WATCHDOG=1\n", "the same status is told once");
    }
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM).unwrap();
    let after: Vec<String> =
        std::iter::repeat_with(|| next(&socket)).take_while(|told| told != "STOPPING=1\n").collect();
    assert!(after.iter().all(|told| told == "WATCHDOG=1\n"), "{after:?}");
    assert!(child.wait().unwrap().success());
}
