//! What a service manager is told: on a socket like systemd's, by the real agent.

use crate::agent::Agent;
use crate::home::{HIGHWATER, Home};
use crate::host::Host;
use crate::line::Line;
use crate::tools;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::Path;
use std::time::{Duration, Instant};

/// What is awaited comes within this, on a machine however busy.
const PATIENCE: Duration = Duration::from_secs(40);
/// The period that the agent is watched by, where it is, and half of it.
const WATCHDOG_USEC: &str = "400000";
const BEAT: Duration = Duration::from_millis(200);
/// An agent that says nothing for so long has fallen silent.
const SILENCE: Duration = Duration::from_secs(4);

/// A service manager's end of the socket.
struct Manager {
    socket: UnixDatagram,
    name: OsString,
}

impl Manager {
    fn at_path(path: &Path) -> Self {
        Manager { socket: UnixDatagram::bind(path).unwrap(), name: path.into() }
    }

    fn at_abstract(name: &str) -> Self {
        let address = SocketAddr::from_abstract_name(name).unwrap();
        Manager { socket: UnixDatagram::bind_addr(&address).unwrap(), name: format!("@{name}").into() }
    }

    /// The next message, unless there is none for so long.
    fn within(&self, limit: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(limit)).unwrap();
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8(buffer[..length].to_vec()).unwrap())
    }

    fn next(&self) -> String {
        self.within(PATIENCE).expect("a message")
    }

    /// The next message that begins so; those before it are dropped.
    fn next_of(&self, beginning: &str) -> String {
        let start = now();
        let mut seen = Vec::new();
        while start.elapsed() < PATIENCE {
            let message = self.next();
            if message.starts_with(beginning) {
                return message;
            }
            seen.push(message);
        }
        panic!("no {beginning} among {seen:?}");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "what another process says is bounded by time, and its beat is measured"
)]
fn now() -> Instant {
    Instant::now()
}

fn lives(manager: &Manager) {
    let home = Home::new().configured("").with("NOTIFY_SOCKET", &manager.name);
    let agent = home.run();
    let mut before_ready = Vec::new();
    loop {
        let message = manager.next();
        if message == "READY=1" {
            break;
        }
        before_ready.push(message);
    }
    assert!(home.file().exists(), "the ledger is open");
    assert!(home.state_dir().join("gate.sock").exists(), "the gate's socket is bound");
    assert_eq!(before_ready.len(), 1, "how it does, once: {before_ready:?}");
    let first = "STATUS=90 days of grace left, no sample yet, no report waits";
    assert_eq!(before_ready.first().map(String::as_str), Some(first));

    // Once a slot, and only where it changed.
    let mut last = first.to_owned();
    for _ in 0..3 {
        let status = manager.next();
        assert_ne!(status, last);
        assert!(status.starts_with("STATUS=90 days of grace left, last sample "), "{status}");
        assert!(status.ends_with("Z, no report waits"), "{status}");
        last = status;
    }

    agent.signal(Signal::SIGHUP);
    let reloading = manager.next_of("RELOADING=1\n");
    let since = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
    assert!(since.parse::<u64>().is_ok_and(|since| since > 0), "{reloading}");
    manager.next_of("READY=1");
    // A configuration that can't be used ends the reload, too: the old one goes on.
    home.write_config("nonsense = 1\n");
    agent.signal(Signal::SIGHUP);
    manager.next_of("RELOADING=1\n");
    manager.next_of("READY=1");
    agent.stop();
    manager.next_of("STOPPING=1");
    let after = manager.within(Duration::from_millis(1));
    assert_eq!(after, None, "the last word, and nobody asked it to beat");
}

#[test]
fn what_keeps_it_from_beginning_is_told_on_one_line_with_its_number_and_logged_as_an_error() {
    for (config, file, code, errno, says) in [
        ("nonsense = 1\nmore = 2\n", None, 78, 22, "unknown key \"nonsense\": "),
        ("", Some("state/ledger.db/x"), 69, 5, "ledger.db"),
        ("", Some("state"), 69, 17, "File exists"),
    ] {
        let home = Home::new().configured(config);
        if let Some(file) = file {
            home.tree.write(file, "");
        }
        let manager = Manager::at_path(&home.tree.at("manager"));
        let home = home.with("NOTIFY_SOCKET", &manager.name);
        let ended = home.ask(&["run"]);
        assert_eq!(ended.status.code(), Some(code), "{ended:?}");
        let told = manager.next();
        let (status, number) = told.strip_prefix("STATUS=").unwrap().split_once('\n').unwrap();
        assert!(status.contains(says) && number == format!("ERRNO={errno}"), "{told}");
        assert_eq!(manager.within(Duration::from_millis(1)), None, "the last word");
        let log = String::from_utf8(ended.stdout).unwrap();
        let line = Line::parse(log.lines().last().unwrap());
        assert_eq!((line.event(), line.get("level")), ("agent_failed", Some("error")), "{log}");
        assert_eq!((line.get("error"), line.get("exit_code")), (Some(status), Some(&*code.to_string())));
        assert!(String::from_utf8(ended.stderr).unwrap().starts_with("highwater: "));
    }
}

#[test]
fn the_manager_is_told_of_the_start_each_sample_a_reload_and_the_end() {
    let home = Home::bare();
    std::fs::create_dir_all(home.tree.dir()).unwrap();
    lives(&Manager::at_path(&home.tree.at("notify")));
}

#[test]
fn an_abstract_socket_is_told_the_same() {
    lives(&Manager::at_abstract(&format!("highwater-test-{}", std::process::id())));
}

#[test]
fn a_socket_that_nobody_reads_or_that_is_none_costs_nothing_but_a_warning() {
    let home = Home::new();
    for name in [home.tree.at("nobody").into_os_string(), OsString::from("vsock:2:1")] {
        let mut agent = Agent::spawn(home.command(HIGHWATER).env("NOTIFY_SOCKET", &name).arg("run"));
        agent.event("notify_failed");
        agent.slots(2);
        let log = agent.stop();
        assert_eq!(log.iter().filter(|line| line.event() == "notify_failed").count(), 1, "{log:#?}");
    }
}

#[test]
fn the_loop_beats_at_half_of_the_period_while_a_source_never_answers() {
    let host = Host::new();
    let listener = UnixListener::bind(host.tree().at("hang.sock")).unwrap();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            kept.push(stream);
        }
    });
    let config = "[[ssl]]\nkind = \"haproxy\"\nname = \"front\"\nsocket = \"/hang.sock\"\n";
    let manager = Manager::at_path(&host.tree().at("notify"));
    let home = Home::bare()
        .with("HIGHWATER_SAMPLING__INTERVAL", "2s")
        .at_root(host.root())
        .configured(config)
        .with("NOTIFY_SOCKET", &manager.name)
        .with("WATCHDOG_USEC", WATCHDOG_USEC);
    let mut agent = home.run();
    agent.line("failure", |line| line.event() == "source_failed" && line.get("source") == Some("ssl/front"));
    let (start, beats) = (now(), 20);
    manager.next_of("WATCHDOG=1");
    for _ in 1..beats {
        manager.next_of("WATCHDOG=1");
    }
    // Those that were said before the source failed are among them.
    let least = BEAT * (beats - 10);
    assert!(start.elapsed() > least, "more often than each {BEAT:?}: {:?}", start.elapsed());
    let silent = |line: &Line| line.is_slot() && line.get("ssl_tps_gap") == Some("source_failed");
    agent.line("sample without it", silent);
    agent.stop();
}

/// An agent whose tracer is gone lives on: it ends with the test.
struct Orphan(Option<Pid>);

impl Drop for Orphan {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
}

#[test]
fn a_loop_that_hangs_falls_silent() {
    if tools::missing(&[("strace", "-V")]) {
        return;
    }
    let home = Home::new();
    std::fs::create_dir_all(home.tree.dir()).unwrap();
    let manager = Manager::at_path(&home.tree.at("notify"));
    let mut command = home.command("strace");
    command.env("NOTIFY_SOCKET", &manager.name).env("WATCHDOG_USEC", WATCHDOG_USEC);
    // A disk that does not answer: the loop waits for its row to be durable. Making the ledger takes a dozen syncs.
    let hang = "inject=fsync,fdatasync:delay_enter=120000000:when=20+";
    command.args([
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=fsync,fdatasync",
        "-e",
        hang,
        HIGHWATER,
        "run",
    ]);
    let mut agent = Agent::spawn(&mut command);
    let started = agent.event("started");
    let mut orphan = Orphan(started.get("pid").and_then(|pid| pid.parse().ok()).map(Pid::from_raw));
    manager.next_of("READY=1");
    for _ in 0..5 {
        manager.next_of("WATCHDOG=1");
    }
    let start = now();
    while manager.within(SILENCE).is_some() {
        assert!(start.elapsed() < PATIENCE * 2, "a loop whose disk hangs goes on saying that it turns");
    }
    let pid = orphan.0.unwrap();
    assert!(kill(pid, None).is_ok(), "it hangs, and has not ended");
    drop(agent);
    drop(std::mem::replace(&mut orphan, Orphan(None)));
}
