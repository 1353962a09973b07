//! What an operator types beside a running server.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod support;

use highwater_central::files;
use highwater_central::store::sqlite::FILE_NAME;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use support::{Admin, Agent, Server, program};

/// What a command prints for people.
fn text(server: &Server, arguments: &[&str]) -> String {
    let output = server.output(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn tables_are_aligned_and_carry_no_commands_to_a_terminal() {
    let server = Server::start();
    let contract = server.contract(&[]);
    let token = server.token(&contract, &["--confirm", "manual"]);
    let mut client = server.client().await;
    // Its host's name clears a screen.
    let mut agent = Agent::new(1);
    agent.join(&mut client, &token).await;
    let _ = agent.report();
    let late = agent.report();
    agent.push(&mut client, &[late]).await;
    let identity = agent.instance.clone();
    let more = ["--ram-limit", "64GiB", "--throughput-limit", "2.5Gbit", "--email", "a@b.example"];
    server.json(&[&["contract", "change", &contract], &more[..]].concat());
    server.json(&["service-token", "create", "--contract", &contract, "--name", "bastion"]);
    let licence = server.json(&["license", "list"])["licences"][0]["id"].as_str().unwrap().to_owned();

    let listed = text(&server, &["activation", "list", "--unconfirmed", "--state", "active"]);
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 2, "{listed}");
    assert_eq!(lines[0].find("STATE"), lines[1].find("ACTIVE"), "{listed}");
    assert_eq!(lines[0].find("CONFIRMED"), lines[1].find("waits"), "{listed}");
    let shown = [
        text(&server, &["activation", "show", &identity]),
        text(&server, &["report", "show", &identity, "2"]),
        text(&server, &["alarm", "list", "--open"]),
        text(&server, &["audit", "list"]),
        text(&server, &["key", "list"]),
        text(&server, &["admin-token", "list"]),
        text(&server, &["token", "list"]),
        text(&server, &["contract", "show", &contract]),
        text(&server, &["license", "list"]),
        text(&server, &["license", "show", &licence]),
        text(&server, &["service-token", "list"]),
    ];
    for one in shown.iter().chain([&listed]) {
        assert!(!one.chars().any(|c| c.is_control() && c != '\n'), "{one:?}");
        assert!(one.lines().all(|line| line == line.trim_end()), "{one}");
    }
    let [activation, report, alarms, changes, keys, admins, _, terms, licences, one, services] = &shown;
    assert!(activation.contains(&contract) && activation.contains("LAST NUMBER"), "{activation}");
    assert!(report.contains("288 of 288 slots") && report.contains("network_throughput"), "{report}");
    assert!(alarms.contains("hole") && alarms.contains("open"), "{alarms}");
    assert!(changes.contains("contract_created") && changes.contains("cli:"), "{changes}");
    assert!(
        terms.contains("64 GiB") && terms.contains("2500 Mbit/s") && terms.contains("a@b.example"),
        "{terms}"
    );
    assert!(licences.contains(&licence) && licences.contains("EXPIRES"), "{licences}");
    assert!(
        one.contains("licence expires") && one.contains("end of contract") && one.contains("\neyJ"),
        "{one}"
    );
    assert!(services.contains("bastion") && !services.contains("hws_"), "{services}");
    assert!(keys.contains("signs") && admins.contains("first start"), "{keys}{admins}");
}

#[tokio::test]
async fn what_is_typed_is_done_told_and_written_into_the_trail() {
    let server = Server::start();
    let contract = server.contract(&[]);
    let token = server.token(&contract, &["--confirm", "manual"]);
    let mut client = server.client().await;
    let mut agent = Agent::new(1);
    agent.join(&mut client, &token).await;
    let identity = agent.instance.clone();
    let change = |what: &str| server.json(&["activation", what, &identity]);
    assert!(change("confirm")["confirmed_at"].is_string());
    assert_eq!(change("disable")["state"], "DISABLED");
    assert_eq!(change("enable")["state"], "ACTIVE");
    assert_eq!(change("delete")["state"], "DELETED");
    assert_eq!(server.json(&["activation", "show", &identity])["activation"]["state"], "DELETED");
    assert_eq!(server.json(&["contract", "revoke", &contract])["status"], "revoked");
    assert_eq!(server.json(&["contract", "restore", &contract])["status"], "active");
    let keys = server.json(&["key", "rotate"]);
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    let trail = server.json(&["audit", "list", "--subject", &identity]);
    let actions: Vec<&str> =
        trail["changes"].as_array().unwrap().iter().filter_map(|row| row["action"].as_str()).collect();
    let expect = ["activation_deleted", "activation_enabled", "activation_disabled", "activation_confirmed"];
    assert_eq!(actions[..4], expect);
    let told = text(&server, &["audit", "list", "--subject", &contract, "--limit", "1"]);
    assert!(told.contains("status \"revoked\" -> \"active\""), "{told}");

    for (arguments, code, says) in [
        (vec!["activation", "enable", &identity], 64, "activate the instance again"),
        (vec!["activation", "show", "nobody"], 64, "activation list"),
        (vec!["report", "show", &identity, "7"], 64, "report list"),
        (vec!["alarm", "acknowledge", "7"], 64, "alarm list"),
        (vec!["activation", "list", "--state", "asleep"], 64, "ACTIVE"),
        (vec!["admin-token", "create", "--name", ""], 64, "letters"),
        (vec!["contract", "change", &contract], 64, "--help"),
        (vec!["contract", "change", &contract, "--email", "nobody"], 64, "NAME@DOMAIN"),
        (vec!["contract", "change", &contract, "--slot", "7s"], 64, "whole number of such slots"),
        (vec!["contract", "change", &contract, "--ram-limit", "much"], 64, "64GiB"),
        (vec!["contract", "change", "nobody", "--tier", "none"], 64, "contract list"),
        (vec!["contract", "create", "--product", "P\n", "--customer", "C"], 64, "control characters"),
        (vec!["license", "issue"], 64, "--instance"),
        (
            vec!["license", "issue", "--instance", &identity, "--contract", &contract],
            64,
            "cannot be used with",
        ),
        (vec!["license", "issue", "--instance", &identity], 64, "DELETED"),
        (vec!["license", "show", "nobody"], 64, "license list"),
        (vec!["service-token", "create", "--contract", "nobody"], 64, "contract list"),
        (vec!["service-token", "revoke", "nobody"], 64, "service-token list"),
    ] {
        let output = server.output(&arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(says), "{arguments:?}: {told}");
    }
}

#[tokio::test]
async fn tokens_are_written_into_files_of_their_owners_and_never_for_want_of_a_place() {
    let server = Server::start();
    let contract = text(&server, &["contract", "create", "--product", "P", "--customer", "C", "--only-id"]);
    let contract = contract.trim_end();
    assert_eq!(server.json(&["contract", "show", contract])["id"], contract);
    for (what, list, prefix) in [("token", "tokens", "hwt_"), ("service-token", "service_tokens", "hws_")] {
        let file = server.dir.join(what);
        let place = file.to_str().unwrap();
        let told = text(&server, &[what, "create", "--contract", contract, "-o", place]);
        let written = files::read_bounded(&file, 4096).unwrap();
        let written = String::from_utf8(written).unwrap();
        assert!(written.starts_with(prefix) && written.ends_with('\n'), "{what}");
        assert!(told.contains(place) && !told.contains(written.trim_end()), "{told}");
        let nowhere = server.dir.join("nowhere/token");
        for place in ["/dev/null", nowhere.to_str().unwrap()] {
            let output = server.output(&[what, "create", "--contract", contract, "-o", place]);
            assert!(!output.status.success() && output.stdout.is_empty(), "{what} {place}");
        }
        assert_eq!(server.json(&[what, "list"])[list].as_array().unwrap().len(), 1, "{what}");
    }
}

#[test]
fn the_command_that_comes_next_finds_the_same_data_from_any_shell() {
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join("state");
    let check = |dir: &Path, manager: Option<&Path>, flag: &str| {
        if !dir.exists() {
            let mut first = program(dir, &["serve", "--listen", "127.0.0.1:0"]);
            first.env("XDG_STATE_HOME", &state);
            let mut child = first.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
            let line = lines.find(|line| line.contains("contract create")).unwrap();
            let _ = child.kill();
            let _ = child.wait();
            let expect = format!("highwater-central contract create --product P --customer C{flag}");
            assert_eq!(line.trim(), expect);
        }
        let mut create = std::process::Command::new(env!("CARGO_BIN_EXE_highwater-central"));
        create.args(["contract", "create", "--product", "P", "--customer", "C"]);
        create.env("XDG_STATE_HOME", &state).env_remove("STATE_DIRECTORY");
        match manager {
            // As in the unit, whose environment no shell has.
            Some(dir) => create.env("STATE_DIRECTORY", dir),
            None => create.arg("--data-dir").arg(dir),
        };
        let output = create.output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        let line = told.lines().find(|line| line.contains("token create")).unwrap();
        let id = told.lines().next().unwrap().trim_start_matches("contract ");
        assert_eq!(line.trim(), format!("highwater-central token create --contract {id}{flag}"));
    };
    check(&state.join("highwater-central"), None, "");
    let other = home.path().join("other");
    let flag = format!(" --data-dir {}", other.display());
    check(&other, None, &flag);
    check(&other, Some(&other), &flag);
}

#[test]
fn a_relative_data_directory_is_told_as_an_absolute_one() {
    let home = tempfile::tempdir().unwrap();
    let mut serve = program(Path::new("data"), &["serve", "--listen", "127.0.0.1:0", "--json"]);
    let mut child =
        serve.current_dir(home.path()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    let _ = child.kill();
    let _ = child.wait();
    let ca_file = Path::new(told["ca_file"].as_str().unwrap());
    assert!(ca_file.is_absolute() && ca_file.exists(), "{told}");
}

#[test]
fn completions_know_every_command() {
    let home = tempfile::tempdir().unwrap();
    for shell in ["bash", "fish", "zsh"] {
        let output = program(home.path(), &["completions", shell]).output().unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        for word in
            ["activation", "acknowledge", "admin-token", "restore", "rotate", "license", "service-token"]
        {
            assert!(script.contains(word), "{word} is not in the script for {shell}");
        }
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_written_is_told_and_the_server_lives_on() {
    let server = Server::start();
    let holder = rusqlite::Connection::open(server.dir.join(FILE_NAME)).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut client = server.client().await;
    let reply = client.get("/readyz").await;
    assert_eq!((reply.status.as_u16(), reply.error().as_str()), (503, "not_writable"));
    assert!(reply.headers.contains_key("retry-after"));
    let reply = client.get("/healthz").await;
    assert_eq!((reply.status.as_u16(), &reply.body[..]), (200, &b"ok\nstore not writable\n"[..]));
    // What was stored can still be read.
    assert_eq!(Admin::first(&server).await.get("/api/v1/alarms").await["alarms"], json!([]));
}
