//! `highwater gate`, the real program.

use crate::bench::{Bench, PATIENCE, state};
use crate::peer::Raw;
use crate::tools::skipped;
use highwater::clock::unix_s;
use highwater::gate::{Licence, State};
use highwater_rules::grace::Stage;
use highwater_rules::licence::{Because, LicenceState};
use nix::unistd::Uid;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Output, Stdio};
use tokio::process::Command;

/// The program, in an environment without anything of ours.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
    command.env_clear().arg("gate").args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn reading(bench: &Bench, arguments: &[&str]) -> Command {
    let mut command = command(arguments);
    command.arg("--status-file").arg(bench.file());
    command
}

async fn ended(mut command: Command) -> (i32, String, String) {
    let output: Output = tokio::time::timeout(PATIENCE, command.output()).await.expect("its end").unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// That a reader learns nothing, and why.
async fn check_unknown(bench: &Bench, why: &str) {
    for arguments in [&[][..], &["--stages"], &["--alive"]] {
        let (code, out, err) = ended(reading(bench, arguments)).await;
        assert_eq!((code, out.as_str()), (13, ""), "{err}");
        assert!(err.starts_with("highwater: unknown: ") && err.contains(why), "{err}");
    }
    let (code, out, _) = ended(reading(bench, &["--json"])).await;
    let value: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, value["state"].as_str(), value["may_run"].is_null()), (13, Some("unknown"), true));
    assert!(value["why"].as_str().unwrap().contains(why), "{value}");
}

#[tokio::test]
async fn each_stage_has_its_exit_code_and_its_line() {
    let bench = Bench::new();
    let mut gate = bench.open();
    for (stage, code, with_stages, line) in [
        (Stage::Open, 0, 0, "open: 71 days of grace left, until "),
        (Stage::Warning, 0, 10, "warning: 20 days of grace left, until "),
        (Stage::Critical, 0, 11, "critical: grace ends at "),
        (Stage::Closed, 12, 12, "closed: grace ended at "),
    ] {
        gate.show(&state(stage), unix_s());
        let (alive, ..) = ended(reading(&bench, &["--alive"])).await;
        assert_eq!(alive, 0, "a liveness probe fails at {line}");
        let (found, out, err) = ended(reading(&bench, &[])).await;
        assert_eq!((found, err.as_str()), (code, ""));
        assert!(out.starts_with(line) && out.lines().count() == 1, "{out}");
        assert_eq!(ended(reading(&bench, &["--stages"])).await.0, with_stages);
        let (found, out, _) = ended(reading(&bench, &["--json"])).await;
        assert_eq!((found, out), (code, bench.text()));
    }
}

#[tokio::test]
async fn a_stage_that_does_not_come_from_grace_is_told_with_its_cause() {
    let bench = Bench::new();
    let mut gate = bench.open();
    let licensed = |stage, licence: LicenceState| {
        let told = state(stage);
        let licence = Licence { state: licence, expires_at: Some(unix_s()), ..told.licence.clone() };
        State { because: Because::Licence, licence, grace_end: unix_s() + 5000, ..told }
    };
    let contract = |stage, in_s: i64| State {
        because: Because::Contract,
        contract_end: Some(unix_s() + in_s),
        grace_end: unix_s() + 5000,
        ..state(stage)
    };
    for (told, code, line) in [
        (
            licensed(Stage::Closed, LicenceState::Revoked),
            12,
            "closed: the licence is revoked; another one opens it",
        ),
        (
            licensed(Stage::Closed, LicenceState::Expired),
            12,
            "closed: the licence is expired; another one opens it",
        ),
        (contract(Stage::Critical, 86_400), 0, "critical: the contract ends at "),
        (contract(Stage::Closed, 0), 12, "closed: the contract ended at "),
    ] {
        gate.show(&told, unix_s());
        let (found, out, err) = ended(reading(&bench, &[])).await;
        assert_eq!((found, err.as_str()), (code, ""));
        assert!(out.starts_with(line) && out.lines().count() == 1, "{out}");
        assert!(!out.contains("grace ended"), "{out}");
    }
}

#[tokio::test]
async fn what_is_missing_or_garbled_is_unknown() {
    let bench = Bench::new();
    check_unknown(&bench, "there is no status file").await;
    for garbled in ["", "{}", "open", "{\"state\":\"open\",\"may_run\":true}"] {
        bench.tree.write("run/gate.json", garbled);
        check_unknown(&bench, "is no status file").await;
    }
    bench.tree.write("run/gate.json", vec![b' '; 100_000]);
    check_unknown(&bench, "longer than").await;
    bench.tree.write("run/gate.json", b"\xff\xfe");
    check_unknown(&bench, "not UTF-8").await;
    bench.tree.remove("run/gate.json");
    bench.tree.fifo("run/gate.json");
    check_unknown(&bench, "is no status file").await;
    bench.tree.remove("run/gate.json");
    bench.tree.write("run/gate.json/x", "");
    check_unknown(&bench, "cannot read the status file").await;
}

#[tokio::test]
async fn what_has_expired_or_comes_from_the_future_is_unknown() {
    let bench = Bench::new();
    let mut gate = bench.open();
    gate.show(&state(Stage::Open), unix_s() - 3600);
    check_unknown(&bench, "has expired at ").await;
    gate.show(&state(Stage::Open), unix_s() + 600);
    check_unknown(&bench, "the clock was set back").await;
    gate.show(&state(Stage::Open), unix_s() + 100);
    assert_eq!(ended(reading(&bench, &[])).await.0, 0, "clocks may differ a little");
}

#[tokio::test]
async fn what_may_not_be_read_is_unknown() {
    let bench = Bench::new();
    let mut gate = bench.open();
    gate.show(&state(Stage::Open), unix_s());
    std::fs::set_permissions(bench.file(), std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut other = reading(&bench, &[]);
    if Uid::effective().is_root() {
        other.uid(65534).gid(65534);
    } else {
        std::fs::set_permissions(bench.file(), std::fs::Permissions::from_mode(0o000)).unwrap();
    }
    let started = other.output().await;
    if started.is_err() && skipped("another user can't start the program here") {
        return;
    }
    let output = started.unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(13) && err.contains("cannot read the status file"), "{err}");
}

#[tokio::test]
async fn it_answers_beside_three_hundred_that_hold_the_socket_and_say_nothing() {
    let bench = Bench::new();
    let mut gate = bench.open();
    gate.show(&state(Stage::Open), unix_s());
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(Raw::new(&bench.socket()).await);
    }
    let mut command = command(&[]);
    command.arg("--socket").arg(bench.socket());
    let (code, out, err) = ended(command).await;
    assert!(code == 0 && out.starts_with("open: "), "{out}{err}");
}

#[tokio::test]
async fn the_socket_is_asked_where_it_is_named() {
    let bench = Bench::new();
    let asking = |arguments: &[&str]| {
        let mut command = command(arguments);
        command.arg("--socket").arg(bench.socket());
        command
    };
    let (code, _, err) = ended(asking(&[])).await;
    assert!(code == 13 && err.contains("cannot ask the agent"), "{err}");
    let mut gate = bench.open();
    let (code, _, err) = ended(asking(&[])).await;
    assert!(code == 13 && err.contains("only just begun"), "{err}");
    gate.show(&state(Stage::Critical), unix_s());
    let (code, out, _) = ended(asking(&["--stages"])).await;
    assert!(code == 11 && out.starts_with("critical: "), "{out}");
    assert_eq!(ended(asking(&["--json"])).await.1, bench.text());
    gate.show(&state(Stage::Closed), unix_s());
    assert_eq!(ended(asking(&[])).await.0, 12);
}

#[tokio::test]
async fn the_configured_file_is_found_and_a_wrong_configuration_is_told() {
    let bench = Bench::new();
    let mut gate = bench.open();
    gate.show(&state(Stage::Warning), unix_s());
    let configured = |text: &str| {
        bench.tree.write("highwater.toml", text);
        let mut command = command(&["--stages"]);
        command.env("HIGHWATER_CONFIG", bench.tree.at("highwater.toml")).env("HOME", bench.tree.dir());
        command
    };
    let gate_file = format!("[gate]\nstatus_file = \"{}\"\n", bench.file().display());
    assert_eq!(ended(configured(&gate_file)).await.0, 10);
    let state_dir = format!("state_dir = \"{}\"\n", bench.tree.at("run").display());
    assert_eq!(ended(configured(&state_dir)).await.0, 10, "without a runtime directory it is in the state's");
    let (code, _, err) = ended(configured("[gate]\nstatus_file = 1\n")).await;
    if code != 13 && skipped("an agent runs on this host") {
        return;
    }
    assert!(err.contains("the configuration") && err.contains("gate.status_file"), "{err}");
}

#[tokio::test]
async fn it_waits_until_the_software_may_run() {
    let bench = Bench::new();
    let mut gate = bench.open();
    gate.show(&state(Stage::Closed), unix_s());
    assert_eq!(ended(reading(&bench, &["--wait", "1"])).await.0, 12, "in vain");
    let mut waiting = reading(&bench, &["--wait", "30"]).spawn().unwrap();
    let early = tokio::time::timeout(std::time::Duration::from_millis(300), waiting.wait()).await;
    assert!(early.is_err(), "it waits: {early:?}");
    gate.show(&state(Stage::Open), unix_s());
    let status = tokio::time::timeout(PATIENCE, waiting.wait()).await.expect("its end").unwrap();
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn wrong_usage_is_told_apart_from_an_unknown_gate() {
    for wrong in [&["--wait", "x"][..], &["--socket", "/a", "--status-file", "/b"], &["--nonsense"]] {
        assert_eq!(ended(command(wrong)).await.0, 64, "{wrong:?}");
    }
}
