//! What is changed by hand in the state directory: it is noticed, and gains nothing.

use crate::central::Central;
use crate::home::Home;
use serde_json::Value;

/// An instance with a receipt, and a report that waits; no agent runs, central is away.
fn waiting() -> (Home, Central) {
    let mut central = Central::start();
    let home = Home::new();
    home.join(&central, "90d");
    let mut agent = home.run();
    agent.slots(2);
    home.push_open_day();
    agent.slots(1);
    central.kill();
    assert_eq!(home.json_and_code(&["push", "--open-day"]).1, 69);
    agent.stop();
    (home, central)
}

fn bytes_of(path: &std::path::Path) -> Vec<u8> {
    std::fs::File::open(path)
        .and_then(|mut file| {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut file, &mut bytes).map(|_| bytes)
        })
        .unwrap()
}

#[test]
fn a_report_that_was_changed_in_the_outbox_is_never_signed() {
    let (home, mut central) = waiting();
    // One byte in the middle, where the figures are.
    home.meddle(
        "UPDATE outbox SET payload = CAST(substr(payload, 1, length(payload) / 2) || x'01' || \
         substr(payload, length(payload) / 2 + 2) AS BLOB) WHERE sequence = 2",
    );
    let (verdict, code) = home.json_and_code(&["verify"]);
    assert_eq!(code, 65, "{verdict}");
    assert!(verdict["first_bad"]["why"].as_str().unwrap().contains("report 2"), "{verdict}");
    central.come_back();
    let (outcome, code) = home.json_and_code(&["push", "--open-day"]);
    assert_eq!(code, 65, "{outcome}");
    assert_eq!((&outcome["parked"], &outcome["accepted"]), (&1.into(), &1.into()), "{outcome}");
    // Asked again, it is not sent either; the one behind it went.
    assert_eq!(home.json_and_code(&["push", "--retry-parked"]).1, 65);
    let identity = home.status()["activation"]["identity"].as_str().unwrap().to_owned();
    assert_eq!(central.sequences(&identity), [1, 3]);
    assert_eq!(central.alarms(), [("hole".to_owned(), identity)]);
    assert_eq!(home.status()["outbox"]["parked"], 1);
    // Neither does a running agent send it.
    let mut agent = home.run();
    agent.slots(1);
    assert_eq!(home.json_and_code(&["push", "--retry-parked"]).1, 65);
    let parked = agent.event("report_parked");
    assert!(parked.get("error").is_some_and(|why| why.contains("changed")), "{parked:?}");
    agent.stop();
    assert_eq!(central.reports().len(), 2);
}

#[test]
fn a_receipt_that_was_changed_gives_no_grace() {
    let Some(home) = Home::new().with_clock() else { return };
    let central = Central::start();
    home.join(&central, "90d");
    let mut agent = home.run();
    agent.slots(2);
    home.push_open_day();
    agent.stop();
    // What was kept is gone, so that the receipt is what is left to go by; and it is not what central signed.
    home.meddle("DELETE FROM state WHERE key LIKE 'timeline%'");
    let mut beside: Value = serde_json::from_slice(&bytes_of(&home.file("instance.json"))).unwrap();
    beside["timeline"] = Value::Null;
    home.tree.write("state/instance.json", beside.to_string());
    assert_eq!(home.status()["gate"]["since"]["what"], "receipt", "an honest receipt is found again");
    home.meddle(
        "UPDATE outbox SET receipt = CAST(substr(receipt, 1, length(receipt) / 2) || x'7f' || \
         substr(receipt, length(receipt) / 2 + 2) AS BLOB)",
    );
    let gate = home.status()["gate"].clone();
    assert_eq!(gate["since"]["what"], "activation", "{gate}");
    home.set_clock(91 * 86_400);
    assert_eq!(home.status()["gate"]["state"], "closed");
}

#[test]
fn a_kept_period_that_was_lengthened_is_doubted_and_not_believed() {
    let (home, _central) = waiting();
    let before = home.status()["gate"].clone();
    let far = |text: &str| {
        let mut kept: Value = serde_json::from_str(text).unwrap();
        for key in ["at", "base_ms", "latest_ms"] {
            let step = if key == "at" { 1 } else { 1000 };
            kept[key] = (kept[key].as_i64().unwrap() + 1000 * 86_400 * step).into();
        }
        kept.to_string()
    };
    let mut beside: Value = serde_json::from_slice(&bytes_of(&home.file("instance.json"))).unwrap();
    let edited = far(beside["timeline"].as_str().unwrap());
    home.meddle(&format!("UPDATE state SET value = '{edited}' WHERE key = 'timeline'"));
    beside["timeline"] = edited.into();
    home.tree.write("state/instance.json", beside.to_string());
    let mut agent = home.run();
    agent.event("grace_doubted");
    agent.slots(1);
    let after = home.status()["gate"].clone();
    assert_eq!(after["since"], before["since"], "it counts from what central signed");
    assert!(
        after["grace_end"].as_str().unwrap() <= before["grace_end"].as_str().unwrap(),
        "{before} {after}"
    );
    agent.stop();
}

type Harm = fn(&Home);

/// What becomes of the files that activation left, short of anything that could be proven by them.
const HARMS: [(&str, Harm); 3] = [
    ("a key that others may read", |home| {
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(home.file("identity.key"), open).unwrap();
    }),
    ("a key of garbage", |home| home.tree.write("state/identity.key", "garbage")),
    ("no activation", |home| std::fs::remove_file(home.file("activation.json")).unwrap()),
];

fn restarted(home: &Home) -> Value {
    let mut agent = home.run();
    agent.slots(2);
    agent.stop();
    home.status()["gate"].clone()
}

#[test]
fn a_file_that_cannot_be_used_closes_no_gate_of_an_instance_that_reports() {
    for (what, harm) in HARMS {
        let Some(home) = Home::new().with_clock() else { return };
        restarted(&home);
        // Older than its grace period, so that the first start would close it.
        home.set_clock(100 * 86_400);
        let central = Central::start();
        home.join(&central, "90d");
        home.push_open_day();
        harm(&home);
        let gate = restarted(&home);
        assert_eq!(
            (&gate["state"], &gate["since"]["what"]),
            (&"open".into(), &"receipt".into()),
            "{what}: {gate}"
        );
    }
}

#[test]
fn a_file_that_is_taken_away_opens_no_closed_gate() {
    for (what, harm) in HARMS.into_iter().chain([(
        "neither of both",
        (|home: &Home| {
            std::fs::remove_file(home.file("activation.json")).unwrap();
            std::fs::remove_file(home.file("identity.key")).unwrap();
        }) as fn(&Home),
    )]) {
        let Some(home) = Home::new().with_clock() else { return };
        let mut central = Central::start();
        home.join(&central, "20d");
        home.push_open_day();
        // A central that is there would take the closed day's report, and open the gate by right.
        central.kill();
        home.set_clock(21 * 86_400);
        assert_eq!(restarted(&home)["state"], "closed");
        harm(&home);
        for _ in 0..2 {
            let gate = restarted(&home);
            assert_eq!(gate["state"], "closed", "{what}: {gate}");
        }
    }
}

#[test]
fn a_lost_instance_file_is_written_anew() {
    let (home, mut central) = waiting();
    let before = home.status();
    std::fs::remove_file(home.file("instance.json")).unwrap();
    central.come_back();
    let mut agent = home.run();
    agent.slots(1);
    assert!(home.file("instance.json").exists());
    assert_eq!(home.status()["instance"], before["instance"]);
    assert_eq!(home.json(&["push"])["pending"], 0);
    agent.stop();
    assert_eq!(central.reports().len(), 2);
}

#[test]
fn a_lost_key_is_told_and_joining_again_mends_it() {
    let (home, mut central) = waiting();
    central.come_back();
    std::fs::remove_file(home.file("identity.key")).unwrap();
    let mut agent = home.run();
    let told = agent.event("activation_unusable");
    assert!(told.get("error").unwrap().contains("activate --again"), "{told:?}");
    agent.slots(2);
    let error = home.status()["activation"]["error"].as_str().unwrap().to_owned();
    assert!(error.contains("identity.key") && error.contains("activate --again"), "{error}");
    assert_eq!(home.json_and_code(&["push"]).1, 69);
    let (url, token) = (central.url(), central.token("90d"));
    let ca_file = central.ca_file.to_str().unwrap().to_owned();
    let grant =
        home.json(&["activate", "--again", "--central", &url, "--ca-file", &ca_file, "--token", &token]);
    agent.event("activated");
    let outcome = home.json(&["push", "--open-day"]);
    assert_eq!((&outcome["pending"], &outcome["parked"]), (&0.into(), &0.into()), "{outcome}");
    assert_eq!(home.status()["activation"]["error"], Value::Null);
    let identity = grant["identity"].as_str().unwrap();
    assert_ne!(identity, home.status()["instance"], "the id is taken by who had the lost key");
    assert!(!central.sequences(identity).is_empty());
    agent.stop();
}

#[test]
fn the_activation_of_another_instance_is_not_used() {
    let (home, central) = waiting();
    let other = Home::new();
    let mut central = central;
    central.come_back();
    other.join(&central, "90d");
    std::fs::copy(other.file("activation.json"), home.file("activation.json")).unwrap();
    let error = home.status()["activation"]["error"].as_str().unwrap().to_owned();
    assert!(error.contains("another key") && error.contains("activate --again"), "{error}");
    let mut agent = home.run();
    agent.event("activation_unusable");
    agent.slots(2);
    assert_eq!(home.json_and_code(&["push"]).1, 69);
    agent.stop();
    // With the other's key it is still the activation of another instance.
    std::fs::copy(other.file("identity.key"), home.file("identity.key")).unwrap();
    let error = home.status()["activation"]["error"].as_str().unwrap().to_owned();
    assert!(error.contains("another instance"), "{error}");
}
