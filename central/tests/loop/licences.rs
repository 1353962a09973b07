//! Licences, from a contract to the gate, between both programs: given, renewed, missed, taken back, carried.

use crate::agent::{Agent, eventually};
use crate::central::Central;
use crate::home::Home;
use highwater_rules::retry::{START_SPLAY_S, splay};
use serde_json::Value;

/// An instance that asks within a second of its start, and whose hook writes each stage down.
fn home() -> Home {
    let ids = (0..u64::MAX).map(|n| format!("{n:08x}-3333-4333-8333-333333333333"));
    let id = ids.into_iter().find(|id| splay(id, START_SPLAY_S) == 0).unwrap();
    let home = Home::new();
    // What a ledger that is gone leaves behind says who the instance is.
    let beside = serde_json::json!({
        "instance": id, "first_start": now_s(), "salt": "00".repeat(16), "sequence": 0,
        "report_digest": null, "timeline": null, "seal": null,
    });
    home.tree.write("state/instance.json", beside.to_string());
    let hook = format!("echo $HIGHWATER_GATE_STATE >> {}", home.tree.at("hooked").display());
    home.tree.write("highwater.toml", format!("[gate]\nhooks = [\"{hook}\"]\n"));
    let config = home.tree.at("highwater.toml");
    home.with("HIGHWATER_CONFIG", config).with("HIGHWATER_LOG__LEVEL", "debug")
}

#[expect(clippy::disallowed_methods, reason = "a test's own clock")]
fn now_s() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Joins under a new contract; gives the contract's id.
fn join(home: &Home, central: &Central, more: &[&str]) -> String {
    let create = [&["contract", "create", "--product", "P", "--customer", "C"], more].concat();
    let contract = central.json(&create)["contract"].as_str().unwrap().to_owned();
    let token = central.json(&["token", "create", "--contract", &contract]);
    home.join_by(&central.url(), &central.ca_file, token["token"].as_str().unwrap());
    contract
}

fn gate(agent: &mut Agent, state: &str) {
    agent.line(state, |line| line.event() == "gate_changed" && line.get("state") == Some(state));
}

fn hooked(home: &Home) -> Vec<String> {
    let output = std::process::Command::new("cat").arg(home.tree.at("hooked")).output().unwrap().stdout;
    String::from_utf8(output).unwrap().lines().map(str::to_owned).collect()
}

fn licence(home: &Home) -> Value {
    home.json(&["license", "show"])
}

#[test]
fn an_activation_brings_a_licence_with_all_that_the_contract_says() {
    let (home, central) = (home(), Central::start());
    let contract = join(
        &home,
        &central,
        &[
            "--email",
            "ops@example.com",
            "--feature",
            "waf",
            "--ram-limit",
            "64GiB",
            "--ssl-tps-limit",
            "5000",
            "--slot",
            "5m",
            "--not-after",
            "2099-12-31",
        ],
    );
    let shown = licence(&home);
    let licence = &shown["licence"];
    assert_eq!((&shown["state"], &shown["origin"]), (&"valid".into(), &"agent".into()), "{shown}");
    for (key, value) in [
        ("contract", contract.as_str()),
        ("email", "ops@example.com"),
        ("mode", "online"),
        ("contract_end", "2100-01-01T00:00:00Z"),
    ] {
        assert_eq!(licence[key], value, "{shown}");
    }
    assert_eq!(licence["instance"], home.status()["instance"]);
    assert_eq!((&licence["features"][0], &licence["slot_s"]), (&"waf".into(), &300.into()));
    let limits = &licence["limits"];
    assert_eq!((&limits["ram_bytes"], &limits["ssl_tps"]), (&(64_i64 << 30).into(), &5000.into()));
    let mut agent = home.run();
    assert_eq!(agent.event("licence_slot").number("slot_s"), 300.0);
    agent.stop();
    // Too early is no fault, and says from when on.
    let (told, code) = home.json_and_code(&["license", "renew"]);
    assert_eq!((code, &told["renewed"]), (69, &false.into()));
    assert!(told["allowed_from"].as_str() > licence["issued_at"].as_str(), "{told}");
    assert!(told["allowed_from"].as_str() < licence["expires_at"].as_str(), "{told}");
}

#[test]
fn a_licence_renews_itself_after_two_thirds_and_the_gate_never_moves() {
    let (home, central) = (home(), Central::start());
    join(&home, &central, &["--licence-term", "60s"]);
    let mut agent = home.run();
    gate(&mut agent, "open");
    let first = licence(&home)["licence"].clone();
    // It is two thirds of a minute until then.
    agent.slots(35);
    let renewed = agent.event("licence_renewed");
    assert_ne!(renewed.get("id"), first["id"].as_str());
    let second = licence(&home)["licence"].clone();
    assert_eq!(second["id"].as_str(), renewed.get("id"));
    let age = moment(&second["issued_at"]) - moment(&first["issued_at"]);
    assert!((40..60).contains(&age), "renewed after {age} s");
    let log = agent.stop();
    for event in ["licence_expired", "licence_failed", "licence_early"] {
        assert!(log.iter().all(|line| line.event() != event), "{event}: {log:?}");
    }
    assert_eq!(hooked(&home), ["open"]);
    let listed = central.json(&["license", "list"]);
    assert_eq!(listed["licences"].as_array().unwrap().len(), 2, "{listed}");
}

#[test]
fn a_central_that_is_away_while_a_licence_ends_moves_no_gate() {
    let (home, mut central) = (home(), Central::start());
    join(&home, &central, &["--licence-term", "60s"]);
    central.kill();
    let mut agent = home.run();
    // From two thirds of a minute on it asks, and in vain.
    agent.slots(35);
    let failed = agent.event("licence_failed");
    assert!(failed.get("mend").is_some_and(|mend| !mend.is_empty()), "{failed:?}");
    agent.event("licence_expired");
    let status = home.status();
    assert_eq!((&status["licence"]["state"], &status["gate"]["state"]), (&"expired".into(), &"open".into()));
    assert_eq!(home.code(&["gate", "--stages"]), 0);
    central.come_back();
    // An operator need not wait for the next try.
    assert_eq!(home.json(&["license", "renew"])["renewed"], true);
    agent.event("licence_renewed");
    let log = agent.stop();
    assert!(log.iter().all(|line| line.event() != "gate_changed" || line.get("state") == Some("open")));
}

#[test]
fn a_contract_that_is_revoked_while_the_agent_is_away_closes_the_gate_at_the_next_contact() {
    let (home, central) = (home(), Central::start());
    let contract = join(&home, &central, &[]);
    let mut agent = home.run();
    agent.slots(1);
    home.push_open_day();
    agent.stop();
    // The clocks of both are in seconds: what is issued in one second is told apart by the next.
    let before = licence(&home)["licence"]["issued_at"].clone();
    eventually("another second", || (now_s() > moment(&before)).then_some(()));
    central.json(&["contract", "revoke", &contract]);
    let mut agent = home.run();
    agent.slots(2);
    assert_eq!(home.code(&["gate"]), 0, "it has heard nothing of it");
    home.json_and_code(&["push", "--open-day"]);
    agent.event("licence_revoked");
    gate(&mut agent, "closed");
    agent.line("its hook", |line| line.event() == "hook_ended" && line.get("state") == Some("closed"));
    assert_eq!(hooked(&home).last().unwrap(), "closed");
    assert_eq!((home.code(&["gate"]), licence(&home)["state"].clone()), (12, "revoked".into()));
    // To remove the word is no way out, and neither is a restart.
    std::fs::remove_file(home.file("licence.jwt")).unwrap();
    agent.stop();
    let mut agent = home.run();
    agent.slots(2);
    assert_eq!(home.code(&["gate"]), 12);
    let revoked_at = now_s();
    eventually("another second", || (now_s() > revoked_at).then_some(()));
    central.json(&["contract", "restore", &contract]);
    assert_eq!(home.json(&["license", "renew"])["renewed"], true);
    gate(&mut agent, "open");
    assert_eq!((home.code(&["gate"]), licence(&home)["state"].clone()), (0, "valid".into()));
    agent.stop();
}

fn moment(value: &Value) -> i64 {
    value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second()
}

#[test]
fn a_bastion_fetches_what_an_instance_without_a_way_to_central_installs() {
    let (home, central) = (home(), Central::start());
    let contract = join(&home, &central, &["--not-after", "2099-12-31"]);
    let instance = home.status()["instance"].as_str().unwrap().to_owned();
    let made = central.json(&["service-token", "create", "--contract", &contract]);
    home.tree.write("service-token", made["service_token"].as_str().unwrap());
    let (url, ca) = (central.url(), central.ca_file.to_str().unwrap().to_owned());
    let token = home.tree.at("service-token");
    let fetch = |instance: &str, file: &str| {
        let arguments = [
            "license",
            "fetch",
            "--central",
            &url,
            "--ca-file",
            &ca,
            "--instance",
            instance,
            "--service-token-file",
            token.to_str().unwrap(),
            "-o",
            home.tree.at(file).to_str().unwrap(),
        ]
        .map(str::to_owned);
        let output = home.command().args(arguments).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(fetch(&instance, "fetched.jwt"), (0, String::new()));
    let (code, err) = fetch("0f8fad5b-d9cb-469f-a165-70867728950e", "none.jwt");
    assert!(code != 0 && !home.tree.at("none.jwt").exists(), "{code} {err}");
    std::fs::remove_file(home.file("licence.jwt")).unwrap();
    assert_eq!(licence(&home)["state"], "missing");
    let file = home.tree.at("fetched.jwt");
    let told = home.json(&["license", "install", file.to_str().unwrap()]);
    assert_eq!((&told["installed"], &told["licence"]["contract"]), (&true.into(), &contract.into()));
    assert_eq!(licence(&home)["state"], "valid");
}

#[test]
fn a_licence_by_a_new_key_waits_until_a_round_by_hand_has_brought_the_key() {
    let (home, central) = (home(), Central::start());
    join(&home, &central, &["--offline", "--not-after", "2099-12-31"]);
    let instance = home.status()["instance"].as_str().unwrap().to_owned();
    central.json(&["key", "rotate"]);
    let file = home.tree.at("carried.jwt").to_str().unwrap().to_owned();
    central.json(&["license", "issue", "--instance", &instance, "-o", &file]);
    let refused = home.ask(&["license", "install", &file]);
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success(), "{told}");
    for word in
        ["not known here", "Export, hand the bundle in, and import what comes back", "central's new key"]
    {
        assert!(told.contains(word), "{word}: {told}");
    }
    // What it says is the way out.
    let (url, ca) = (central.url(), central.ca_file.to_str().unwrap().to_owned());
    for arguments in [
        &["export", "-o", "out.hwb"][..],
        &["courier", "out.hwb", "-o", "back.hwb", "--central", &url, "--ca-file", &ca],
        &["import", "back.hwb"],
        &["license", "install", &file],
    ] {
        let output = home.ask(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
    assert_eq!(licence(&home)["state"], "valid");
}
