//! Central away for longer than grace lasts, and back; an agent that dies meanwhile.

use crate::central::Central;
use crate::home::Home;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

const DAY_S: i64 = 86_400;

/// The stage as a file, a socket and a command tell it.
fn assert_told(home: &Home, stage: &str, code: i32) {
    assert_eq!(home.code(&["gate", "--stages"]), code, "{stage}");
    let text = std::process::Command::new("cat").arg(home.file("gate.json")).output().unwrap().stdout;
    let file: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!((&file["state"], &file["may_run"]), (&stage.into(), &(stage != "closed").into()));
    let mut socket = UnixStream::connect(home.file("gate.sock")).unwrap();
    socket.write_all(b"GET /v1/gate HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let status = if stage == "closed" { "403" } else { "200" };
    assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    assert!(answer.contains(&format!("\"state\":\"{stage}\"")), "{answer}");
}

fn told_hooks(home: &Home) -> Vec<String> {
    let output = std::process::Command::new("cat").arg(home.tree.at("hooked")).output().unwrap().stdout;
    String::from_utf8(output).unwrap().lines().map(str::to_owned).collect()
}

fn hooked(home: Home) -> Home {
    let file = home.tree.at("hooked");
    let hook = format!("echo $HIGHWATER_GATE_PREVIOUS-$HIGHWATER_GATE_STATE >> {}", file.display());
    home.tree.write("highwater.toml", format!("[gate]\nhooks = [\"{hook}\"]\n"));
    let config = home.tree.at("highwater.toml");
    home.with("HIGHWATER_CONFIG", config)
}

#[test]
fn without_central_the_gate_warns_closes_and_opens_by_itself_when_central_is_back() {
    let Some(home) = Home::new().with_clock() else { return };
    let home = hooked(home);
    let mut central = Central::start();
    home.join(&central, "90d");
    let mut agent = home.run();
    agent.slots(2);
    home.push_open_day();
    agent.event("report_accepted");
    central.kill();
    assert_told(&home, "open", 0);
    for (days, stage, code) in [(61, "warning", 10), (84, "critical", 11), (91, "closed", 12)] {
        home.set_clock(days * DAY_S);
        agent.line(stage, |line| line.event() == "gate_changed" && line.get("state") == Some(stage));
        agent.line("its hook", |line| line.event() == "hook_ended" && line.get("state") == Some(stage));
        assert_told(&home, stage, code);
    }
    assert_eq!(told_hooks(&home), ["unknown-open", "open-warning", "warning-critical", "critical-closed"]);
    // It goes on trying: a failure or two, and then central is there.
    agent.signal(Signal::SIGUSR1);
    let failed = agent.event("push_failed");
    assert!(failed.get("mend").is_some_and(|mend| !mend.is_empty()), "{failed:?}");
    central.come_back();
    agent.event("push_recovered");
    agent.line("open", |line| line.event() == "gate_changed" && line.get("state") == Some("open"));
    agent.line("its hook", |line| line.event() == "hook_ended" && line.get("state") == Some("open"));
    assert_told(&home, "open", 0);
    assert_eq!(told_hooks(&home).last().unwrap(), "closed-open");
    let status = home.status();
    assert_eq!((&status["gate"]["days_left"], &status["outbox"]["pending"]), (&90.into(), &0.into()));
    assert!(status["outbox"]["last_error"].is_null(), "{status}");
    agent.stop();
}

#[test]
fn an_agent_that_dies_at_any_stage_comes_back_to_the_same_stage_and_the_same_end() {
    let Some(home) = Home::new().with_clock() else { return };
    let mut central = Central::start();
    home.join(&central, "90d");
    let mut agent = home.run();
    agent.slots(2);
    home.push_open_day();
    central.kill();
    let end = home.status()["gate"]["grace_end"].clone();
    for (days, stage, code) in [(1, "open", 0), (61, "warning", 10), (84, "critical", 11), (91, "closed", 12)]
    {
        home.set_clock(days * DAY_S);
        agent.slots(2);
        assert_told(&home, stage, code);
        let before = home.status();
        agent.kill();
        agent = home.run();
        agent.slots(1);
        assert_told(&home, stage, code);
        let after = home.status();
        assert_eq!(after["gate"]["since"], before["gate"]["since"], "{stage}");
        if stage != "closed" {
            assert_close(&after["gate"]["grace_end"], &end);
        }
        assert!(after["gate"]["seconds_left"].as_i64() <= before["gate"]["seconds_left"].as_i64());
    }
    // Nor does the clock set true again help.
    home.set_clock(0);
    agent.slots(2);
    assert_told(&home, "closed", 12);
    agent.stop();
}

/// Two moments that are a second apart at most: milliseconds are cut off where they are told.
fn assert_close(one: &Value, other: &Value) {
    let moment = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    assert!((moment(one) - moment(other)).abs() <= 1, "{one} {other}");
}
