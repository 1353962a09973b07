//! Uploads through object storage, against real stores.

use crate::agent::{Agent, eventually};
use crate::central::Central;
use crate::home::Home;
use crate::joined::assert_same;
use crate::storage::{Kind, Store, rsa_key};
use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;

/// What is no agent's to tell: the signatures of URLs, and keys.
const SECRETS: [&str; 5] = ["sig=", "X-Amz-Signature", "X-Amz-Credential", "AAEAAQAB", "geheim"];

fn home(store: &Store, central: &Central) -> Home {
    Home::new()
        .with("HIGHWATER_UPLINK__TRANSPORT", "object-store")
        .with("HIGHWATER_UPLINK__CA_FILE", store.ca_file(central))
}

fn assert_no_secret(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own file")]
fn kept(home: &Home) -> Value {
    serde_json::from_str(&std::fs::read_to_string(home.file("upload.json")).unwrap()).unwrap()
}

fn keep(home: &Home, kept: &Value) {
    std::fs::write(home.file("upload.json"), kept.to_string()).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a test's own clock")]
fn now_s() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// The open day's report, made without being pushed.
fn make_report(home: &Home) {
    let file = home.tree.at("unused.hwb");
    let _ = home.ask(&["export", "--open-day", "--force", "-o", file.to_str().unwrap()]);
    assert!(home.status()["outbox"]["pending"].as_i64().unwrap() > 0);
}

fn goes_by_way_of(kind: Kind) {
    let Some(store) = Store::start(kind) else { return };
    let central = store.central(&[]);
    let home = home(&store, &central);
    home.join(&central, "90d");
    let mut agent = home.run();
    agent.slots(2);
    let outcome = home.push_open_day();
    assert_eq!(outcome, json!({"accepted": 1, "parked": 0, "pending": 0, "error": null}));
    let uploaded = agent.event("bundle_uploaded");
    assert_eq!(uploaded.get("reports"), Some("1"));
    assert_eq!(agent.event("receipts_fetched").get("by"), Some("object"));
    assert_eq!(home.status()["gate"]["since"]["what"], "receipt");
    assert_eq!(central.reports().len(), 1);
    assert_same(&home, &central.reports()[0]);
    let mode = home.file("upload.json").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    agent.slots(1);
    let log = agent.stop();
    assert_no_secret(&format!("{log:?}"));
    // And without an agent.
    let outcome = home.push_open_day();
    assert_eq!(outcome, json!({"accepted": 1, "parked": 0, "pending": 0, "error": null}));
    assert_eq!(central.reports().len(), 2);
    assert_eq!(home.json(&["push"])["accepted"], 0, "nothing waits");
    let log = central.log();
    assert_eq!(log.matches("upload_taken").count(), 2, "{log}");
    assert_no_secret(&log);
    assert_eq!(central.alarms(), []);
}

#[test]
fn reports_go_by_way_of_azure_and_their_receipts_come_back() {
    goes_by_way_of(Kind::Azure);
}

#[test]
fn reports_go_by_way_of_s3_and_their_receipts_come_back() {
    goes_by_way_of(Kind::S3);
}

#[test]
fn receipts_come_with_the_next_contact_where_the_object_is_gone() {
    let Some(store) = Store::start(Kind::S3) else { return };
    let central = store.central(&[]);
    let home = home(&store, &central);
    let mut agent = home.run();
    agent.slots(2);
    make_report(&home);
    home.join(&central, "90d");
    agent.event("bundle_uploaded");
    eventually("a pick-up", || central.log().contains("upload_taken").then_some(()));
    let out = eventually("the receipts", || store.keys().into_iter().find(|key| key.contains("/out/")));
    let (status, _) =
        store.ask(Method::DELETE, &store.open_url(&out), &[("authorization", "AWS AKIDEXAMPLE:any")], b"");
    assert_eq!(status, 204);
    let mut forgetful =
        eventually("what is kept", || Some(kept(&home)).filter(|k| k["uploaded"].is_object()));
    forgetful["given"] = Value::Null;
    keep(&home, &forgetful);
    agent.signal(Signal::SIGUSR1);
    assert_eq!(agent.event("receipts_fetched").get("by"), Some("contact"));
    home.await_outbox(0, 1);
    assert_eq!(home.status()["gate"]["since"]["what"], "receipt");
    agent.stop();
}

#[test]
fn a_url_that_has_expired_is_asked_for_anew() {
    let Some(store) = Store::start(Kind::Azure) else { return };
    let central = store.central(&["--upload-url-valid", "3s"]);
    let home = home(&store, &central);
    home.join(&central, "90d");
    let agent = first_slots(&home);
    home.push_open_day();
    // The agent is made to believe that it holds for a week.
    let mut long = kept(&home);
    let given = long["given"].clone();
    long["given"]["valid_s"] = json!(604_800);
    keep(&home, &long);
    let url = given["put_url"].as_str().unwrap();
    eventually("the end of the URL", || (now_s() > given["given_at"].as_i64().unwrap() + 4).then_some(()));
    let (status, _) = store.ask(Method::PUT, url, &[("x-ms-blob-type", "BlockBlob")], b"late");
    assert_eq!(status, 403, "the store takes it for good");
    let outcome = home.push_open_day();
    assert_eq!((&outcome["accepted"], &outcome["error"]), (&1.into(), &Value::Null), "{outcome}");
    assert_ne!(kept(&home)["given"]["put_url"], given["put_url"]);
    agent.stop();
}

fn first_slots(home: &Home) -> Agent {
    let mut agent = home.run();
    agent.slots(2);
    agent
}

#[test]
fn azure_refuses_a_put_without_the_header_that_the_agent_sends() {
    let Some(store) = Store::start(Kind::Azure) else { return };
    let central = store.central(&[]);
    let home = home(&store, &central);
    home.join(&central, "90d");
    let agent = first_slots(&home);
    home.push_open_day();
    agent.stop();
    let given = kept(&home)["given"].clone();
    assert_eq!(given["headers"], json!([["x-ms-blob-type", "BlockBlob"]]));
    let url = given["put_url"].as_str().unwrap();
    assert_eq!(store.ask(Method::PUT, url, &[], b"x").0, 400);
    // What is no bundle is told once, and hinders nothing.
    assert_eq!(store.ask(Method::PUT, url, &[("x-ms-blob-type", "BlockBlob")], b"x").0, 201);
    eventually("the refusal", || central.log().contains("upload_refused").then_some(()));
    assert_eq!(store.ask(Method::GET, url, &[], b"").0, 403, "a URL to put is none to get");
    assert_eq!(home.push_open_day()["accepted"], 1);
    assert_eq!(central.log().matches("upload_refused").count(), 1, "{}", central.log());
}

#[test]
fn what_was_picked_up_is_removed_and_a_strangers_object_is_told_once_and_left() {
    let Some(store) = Store::start(Kind::S3) else { return };
    let central = store.central(&["--upload-untouched", "1s"]);
    let stranger = "high/water/in/holiday.jpg";
    let unknown = format!("high/water/in/0f8fad5b-d9cb-469f-a165-70867728950e/{}.hwb", "0".repeat(32));
    for key in [stranger, &unknown] {
        assert_eq!(store.ask(Method::PUT, &store.open_url(key), &[], b"sun").0, 200);
    }
    let home = home(&store, &central);
    home.join(&central, "90d");
    let agent = first_slots(&home);
    home.push_open_day();
    agent.stop();
    let left = eventually("an end of what was picked up", || {
        let keys = store.keys();
        let inward = keys.iter().filter(|key| key.contains("/in/")).count();
        (inward == 2).then_some(keys)
    });
    assert_eq!(left.iter().filter(|key| key.contains("/out/")).count(), 1, "{left:?}");
    assert!(left.iter().any(|key| key == stranger) && left.contains(&unknown), "{left:?}");
    let log = central.log();
    assert_eq!(log.matches("upload_foreign").count(), 2, "{log}");
    assert!(log.contains("upload_removed"), "{log}");
}

#[test]
fn a_store_that_is_away_is_told_by_name_and_waited_for() {
    let Some(mut store) = Store::start(Kind::S3) else { return };
    let central = store.central(&[]);
    let home = home(&store, &central);
    home.join(&central, "90d");
    let agent = first_slots(&home);
    store.kill();
    let (outcome, code) = home.json_and_code(&["push", "--open-day"]);
    assert_eq!(code, 69, "{outcome}");
    let error = outcome["error"]["error"].as_str().unwrap();
    assert!(error.starts_with("the object store at 127.0.0.1:"), "{error}");
    assert_no_secret(&outcome.to_string());
    assert_no_secret(&home.status().to_string());
    assert!(home.status()["outbox"]["last_error"].as_str().unwrap().contains("object store"));
    eventually("a failed round", || central.log().contains("pick_up_failed").then_some(()));
    assert_no_secret(&central.log());
    assert_no_secret(&format!("{:?}", agent.stop()));
}

#[test]
fn a_central_without_object_storage_says_so_with_the_mend() {
    let central = Central::start();
    let home = Home::new().with("HIGHWATER_UPLINK__TRANSPORT", "object-store");
    home.join(&central, "90d");
    let agent = first_slots(&home);
    let (outcome, code) = home.json_and_code(&["push", "--open-day"]);
    assert_eq!(code, 69, "{outcome}");
    let error = outcome["error"]["error"].as_str().unwrap();
    assert!(error.contains("no object storage") && error.contains("\"direct\""), "{error}");
    agent.stop();
    // What it made goes the direct way.
    let home = home.with("HIGHWATER_UPLINK__TRANSPORT", "direct");
    assert_eq!(home.json(&["push"])["accepted"], 1);
}

#[test]
fn urls_of_google_are_signed_by_a_service_accounts_key() {
    let Some(key) = rsa_key() else { return };
    let account = json!({
        "type": "service_account", "private_key": key, "private_key_id": "1",
        "client_email": "meters@example.iam.gserviceaccount.com", "disable_oauth": false,
    });
    // Nothing of Google's is asked: both proxies are nobody's.
    let nobody = "http://127.0.0.1:1";
    let env = [("GOOGLE_SERVICE_ACCOUNT_KEY", account.to_string()), ("HTTPS_PROXY", nobody.to_owned())];
    let central = Central::start_with(&["--object-store", "gs://bucket/high"], &env);
    let home = Home::new()
        .with("HIGHWATER_UPLINK__TRANSPORT", "object-store")
        .with("HTTPS_PROXY", nobody)
        .with("NO_PROXY", "127.0.0.1");
    home.join(&central, "90d");
    let agent = first_slots(&home);
    let (outcome, code) = home.json_and_code(&["push", "--open-day"]);
    assert_eq!(code, 69, "{outcome}");
    assert!(outcome["error"]["error"].as_str().unwrap().contains("proxy"), "{outcome}");
    agent.stop();
    let given = kept(&home)["given"].clone();
    let put = given["put_url"].as_str().unwrap();
    assert!(put.starts_with("https://storage.googleapis.com/bucket/high/in/"), "{put}");
    for part in ["X-Goog-Algorithm=GOOG4-RSA-SHA256", "X-Goog-Expires=604800", "X-Goog-Signature="] {
        assert!(put.contains(part), "{part} is not in {put}");
    }
    let receipts = given["receipts_url"].as_str().unwrap();
    assert!(receipts.starts_with("https://storage.googleapis.com/bucket/high/out/"), "{receipts}");
    assert!(!central.log().contains("PRIVATE KEY") && !central.log().contains("X-Goog-Signature="));
}
