//! In air-gapped mode the agent opens no connection at all: its sockets are watched by the kernel's own word.

use crate::agent::{Agent, eventually};
use crate::clerk::{Clerk, bytes};
use crate::home::{HIGHWATER, Home};
use crate::tools;
use highwater_proto::v1::Mode;
use std::path::PathBuf;
use std::process::Command;

/// An agent under strace, which writes down each call that has to do with the network.
struct Watched {
    agent: Agent,
    calls: PathBuf,
}

impl Watched {
    fn run(home: &Home) -> Self {
        let calls = home.tree.at("calls");
        let traced = home.command(HIGHWATER);
        let mut command = Command::new("strace");
        // The agent itself is the child that gets the signals, and strace its grandchild.
        command.args(["-D", "-f", "-qq", "-e", "trace=%network", "-e", "signal=none", "-o"]).arg(&calls);
        command.arg(HIGHWATER).arg("run").current_dir(home.tree.dir());
        for (name, value) in traced.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Watched { agent: Agent::spawn(&mut command), calls }
    }

    /// The calls so far that made a socket, and those that connected one.
    fn sockets(&self) -> Vec<String> {
        let calls = String::from_utf8(bytes(&self.calls)).unwrap();
        let words = [" socket(", " connect(", "sa_family="];
        let is_one = |line: &&str| words.iter().any(|word| line.contains(word));
        calls.lines().filter(is_one).map(str::to_owned).collect()
    }

    /// Those of them that are not the gate's own Unix socket.
    fn others(&self) -> Vec<String> {
        self.sockets().into_iter().filter(|call| !call.contains("AF_UNIX")).collect()
    }
}

/// An activated host with a report that waits.
fn site(transport: &str, mode: Mode, url: &str) -> Home {
    let home = Home::new().with("HIGHWATER_UPLINK__TRANSPORT", transport);
    let home = if url.is_empty() { home } else { home.with("HIGHWATER_UPLINK__URL", url) };
    let mut agent = home.run();
    agent.slots(2);
    agent.stop();
    let mut clerk = Clerk::new();
    clerk.mode = mode;
    home.tree.write("token", clerk.token());
    let at = |name: &str| home.tree.at(name).display().to_string();
    let asked = home.ask(&["activate", "--token-file", &at("token"), "--export", &at("join.hwb")]);
    assert!(asked.status.success(), "{asked:?}");
    clerk.answer(&home.tree.at("join.hwb"), &home.tree.at("joined.hwb"));
    home.json(&["import", &at("joined.hwb")]);
    assert!(home.ask(&["export", "--open-day", "-o", &at("out.hwb")]).status.success());
    assert_eq!(home.json(&["status"])["outbox"]["pending"], 1);
    home
}

fn nothing_is_opened_by(home: &Home) {
    let mut watched = Watched::run(home);
    watched.agent.event("activated");
    watched.agent.slots(3);
    // Everything that would make it push: a signal, an order, and an order to look again.
    watched.agent.signal(nix::sys::signal::Signal::SIGUSR1);
    let pushed = home.ask(&["push", "--open-day"]);
    let error = String::from_utf8_lossy(&pushed.stderr).into_owned();
    assert_eq!((pushed.status.code(), error.contains("highwater export")), (Some(69), true), "{error}");
    watched.agent.signal(nix::sys::signal::Signal::SIGHUP);
    watched.agent.event("reloaded");
    watched.agent.slots(3);
    let at = |name: &str| home.tree.at(name).display().to_string();
    assert!(home.ask(&["export", "--open-day", "--force", "-o", &at("out.hwb")]).status.success());
    watched.agent.slots(1);
    assert!(
        watched.sockets().iter().any(|call| call.contains("AF_UNIX")),
        "the watch sees the gate's socket"
    );
    assert_eq!(watched.others(), Vec::<String>::new());
    let status = home.json(&["status"]);
    assert_eq!(
        (&status["transport"], &status["outbox"]["last_error"]),
        (&"air-gap".into(), &serde_json::Value::Null)
    );
    let text = String::from_utf8(home.ask(&["status"]).stdout).unwrap();
    assert!(text.contains("highwater export"), "{text}");
    watched.agent.stop();
}

/// A central that nobody runs.
const NOBODY: &str = "https://127.0.0.1:9";

#[test]
fn an_air_gapped_agent_opens_no_socket_but_the_gates_own() {
    if tools::missing(&[("strace", "-V")]) {
        return;
    }
    nothing_is_opened_by(&site("air-gap", Mode::Online, NOBODY));
}

#[test]
fn nor_does_one_whose_contract_is_offline() {
    if tools::missing(&[("strace", "-V")]) {
        return;
    }
    nothing_is_opened_by(&site("direct", Mode::Offline, NOBODY));
}

#[test]
fn the_watch_sees_the_connection_of_an_agent_that_is_not_air_gapped() {
    if tools::missing(&[("strace", "-V")]) {
        return;
    }
    let home = site("direct", Mode::Online, NOBODY);
    let mut watched = Watched::run(&home);
    watched.agent.event("activated");
    // With its first slot it is asked at its socket, too.
    watched.agent.slots(1);
    let pushed = home.ask(&["push"]);
    let error = String::from_utf8_lossy(&pushed.stderr).into_owned();
    assert_eq!((pushed.status.code(), error.contains("127.0.0.1:9")), (Some(69), true), "{error}");
    let seen =
        eventually("a connection", || watched.others().into_iter().find(|call| call.contains("AF_INET")));
    assert!(seen.contains("sin_port=htons(9)") || seen.contains("socket("), "{seen}");
    watched.agent.stop();
}

#[test]
fn an_air_gapped_host_is_told_to_activate_by_a_file() {
    let home =
        Home::new().with("HIGHWATER_UPLINK__TRANSPORT", "air-gap").with("HIGHWATER_UPLINK__URL", NOBODY);
    home.tree.write("token", Clerk::new().token());
    let output = home.ask(&["activate", "--token-file", &home.tree.at("token").display().to_string()]);
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--export"), "{output:?}");
}
