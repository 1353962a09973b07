//! The administration over REST, at a real server.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that can't go on fails")]

mod support;

use highwater_proto::v1::{Envelope, Kind};
use highwater_rules::receipt::Fate;
use highwater_rules::token::EnrolmentToken;
use hyper::Method;
use prost::Message as _;
use serde_json::{Value, json};
use support::{Admin, Agent, Server};

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

async fn started() -> (Server, Admin) {
    let server = Server::start();
    let admin = Admin::first(&server).await;
    (server, admin)
}

/// A contract and a token under it, made over REST.
async fn token(admin: &mut Admin, more: &Value) -> (String, EnrolmentToken) {
    let contract = admin.post("/api/v1/contracts", Some(&json!({"product": "P", "customer": "C"}))).await;
    let contract = contract["id"].as_str().unwrap().to_owned();
    let mut wanted = json!({ "contract": contract });
    wanted.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = admin.post("/api/v1/tokens", Some(&wanted)).await;
    (contract, EnrolmentToken::parse(made["text"].as_str().unwrap()).unwrap())
}

#[tokio::test]
async fn nobody_gets_in_without_a_token_that_holds() {
    let (server, mut admin) = started().await;
    admin.get("/api/v1/contracts").await;
    let good = admin.token.clone();
    let made = server.json(&["admin-token", "create", "--name", "robot"]);
    for wrong in ["", "hwa_", &good[..good.len() - 1], &format!("{good}0"), &"x".repeat(5000)] {
        admin.token = wrong.to_owned();
        let reply = admin.ask(Method::GET, "/api/v1/contracts", None).await;
        assert_eq!(reply.status, 401, "{wrong}");
        assert!(reply.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
        assert_eq!(reply.error(), "unauthorized");
        // What is not there is not told apart from what is.
        assert_eq!(admin.refused(Method::GET, "/api/v1/nothing", None).await.0, 401);
    }
    admin.token = made["admin_token"].as_str().unwrap().to_owned();
    admin.post("/api/v1/contracts", Some(&json!({"product": "P", "customer": "C"}))).await;
    let trail = admin.get("/api/v1/audit?limit=1").await;
    assert_eq!(trail["changes"][0]["who"], "admin:robot");
    assert_eq!(trail["changes"][0]["action"], "contract_created");
    let listed = server.json(&["admin-token", "list"]);
    let robot = listed["admin_tokens"].as_array().unwrap().iter().find(|one| one["name"] == "robot").unwrap();
    server.json(&["admin-token", "revoke", robot["id"].as_str().unwrap()]);
    assert_eq!(admin.refused(Method::GET, "/api/v1/contracts", None).await.0, 401);
    let output = server.output(&["admin-token", "create", "--name", "first start"]);
    assert_eq!(output.status.code(), Some(64), "a name is given twice");
}

#[tokio::test]
async fn what_is_said_wrong_is_refused_and_changes_nothing() {
    let (_server, mut admin) = started().await;
    let before = admin.get("/api/v1/audit").await;
    let long = "x".repeat(201);
    for wrong in [
        json!({"product": "P"}),
        json!({"product": "P", "customer": "C", "colour": "red"}),
        json!({"product": "", "customer": "C"}),
        json!({"product": "P\n", "customer": "C"}),
        json!({"product": long, "customer": "C"}),
        json!({"product": "P", "customer": "C", "grace_s": 0}),
        json!({"product": "P", "customer": "C", "grace_s": 1.5}),
        json!({"product": "P", "customer": "C", "grace_s": 315_360_001}),
        json!({"product": "P", "customer": "C", "not_before": "tomorrow"}),
        json!({"product": "P", "customer": "C", "mode": "sometimes"}),
        json!({"product": "P", "customer": "C", "email": "nobody"}),
        json!({"product": "P", "customer": "C", "features": ["a b"]}),
        json!({"product": "P", "customer": "C", "limits": {"ram_bytes": 0}}),
        json!({"product": "P", "customer": "C", "limits": {"colour": 1}}),
        json!({"product": "P", "customer": "C", "licence_term_s": 59}),
        json!({"product": "P", "customer": "C", "slot_s": 3601}),
        json!([]),
    ] {
        let told = admin.refused(Method::POST, "/api/v1/contracts", Some(&wrong)).await;
        assert_eq!(told, (400, "malformed".to_owned()), "{wrong}");
    }
    let over = json!({"product": "P", "customer": "C", "not_after": "2020-01-01T00:00:00Z"});
    assert_eq!(admin.refused(Method::POST, "/api/v1/contracts", Some(&over)).await.0, 409);
    for path in [
        "/api/v1/contracts?limit=0",
        "/api/v1/contracts?limit=1001",
        "/api/v1/contracts?limit=1&limit=2",
        "/api/v1/contracts?colour=red",
        "/api/v1/contracts?after=x",
        "/api/v1/contracts/x",
        "/api/v1/reports?from=2026-02-30",
        "/api/v1/reports?after=1",
        "/api/v1/reports/x/1",
        "/api/v1/activations?state=asleep",
        "/api/v1/alarms?open=perhaps",
        "/api/v1/audit?since=yesterday",
    ] {
        let told = admin.refused(Method::GET, path, None).await;
        assert_eq!(told, (400, "malformed".to_owned()), "{path}");
    }
    for path in [format!("/api/v1/contracts/{NOBODY}"), format!("/api/v1/reports/{NOBODY}/1")] {
        assert_eq!(admin.refused(Method::GET, &path, None).await, (404, "not_found".to_owned()), "{path}");
    }
    for path in [
        format!("/api/v1/contracts/{NOBODY}/revoke"),
        format!("/api/v1/activations/{NOBODY}/confirm"),
        format!("/api/v1/tokens/{NOBODY}/revoke"),
        "/api/v1/alarms/1/acknowledge".to_owned(),
    ] {
        assert_eq!(admin.refused(Method::POST, &path, None).await.0, 404, "{path}");
    }
    assert_eq!(admin.refused(Method::DELETE, "/api/v1/contracts", None).await.0, 405);
    let body = format!("\"{}\"", "x".repeat(64 * 1024));
    let reply =
        admin.raw(Method::POST, "/api/v1/tokens", &[("content-type", "application/json")], body).await;
    assert_eq!((reply.status.as_u16(), reply.error().as_str()), (413, "too_large"));
    let reply =
        admin.raw(Method::POST, "/api/v1/tokens", &[("content-type", "text/xml")], "<a/>".into()).await;
    assert_eq!((reply.status.as_u16(), reply.error().as_str()), (415, "not_json"));
    assert_eq!(admin.get("/api/v1/audit").await, before);
}

#[tokio::test]
async fn a_contract_changes_in_what_is_said_and_null_takes_away() {
    let (_server, mut admin) = started().await;
    let new = json!({
        "product": "P", "customer": "C", "not_after": "2099-01-01T00:00:00Z", "email": "a@b.example", "features": ["waf"],
        "limits": {"ram_bytes": 5, "throughput_tier": "T5"}, "licence_term_s": 60, "slot_s": 300
    });
    let made = admin.post("/api/v1/contracts", Some(&new)).await;
    for key in ["product", "email", "features", "not_after", "licence_term_s", "slot_s"] {
        assert_eq!(made[key], new[key], "{key}");
    }
    let limits = json!({"ram_bytes": 5, "throughput_bps": null, "throughput_tier": "T5", "ssl_tps": null});
    assert_eq!(made["limits"], limits);
    let path = format!("/api/v1/contracts/{}", made["id"].as_str().unwrap());
    let mut patch = async |body: Value| admin.ask(Method::PATCH, &path, Some(&body)).await;
    let changes = [
        (json!({}), json!({})),
        (json!({"mode": "offline", "customer": "D"}), json!({"mode": "offline", "customer": "D"})),
        (json!({"not_after": null, "email": null}), json!({"not_after": null, "email": null})),
        (
            json!({"limits": {"ram_bytes": null, "ssl_tps": 7.0}}),
            json!({"limits": {
            "ram_bytes": null, "throughput_bps": null, "throughput_tier": "T5", "ssl_tps": 7}}),
        ),
        (json!({"features": null, "slot_s": null}), json!({"features": [], "slot_s": null})),
        (
            json!({"limits": null}),
            json!({"limits": {
            "ram_bytes": null, "throughput_bps": null, "throughput_tier": null, "ssl_tps": null}}),
        ),
    ];
    let mut expect = made.clone();
    for (change, then) in changes {
        let reply = patch(change.clone()).await;
        assert_eq!(reply.status, 200, "{change}: {}", String::from_utf8_lossy(&reply.body));
        expect.as_object_mut().unwrap().extend(then.as_object().unwrap().clone());
        assert_eq!(serde_json::from_slice::<Value>(&reply.body).unwrap(), expect, "{change}");
    }
    for (wrong, status) in [
        (json!({"product": null}), 400),
        (json!({"grace_s": null}), 400),
        (json!({"email": "a@b@c"}), 400),
        (json!({"features": ["waf", "waf"]}), 400),
        (json!({"status": "revoked"}), 400),
        (json!({"slot_s": 7}), 409),
        (json!({"not_before": "2030-01-01T00:00:00Z", "not_after": "2029-01-01T00:00:00Z"}), 409),
    ] {
        assert_eq!(patch(wrong.clone()).await.status.as_u16(), status, "{wrong}");
    }
    assert_eq!(admin.get(&path).await, expect, "what is refused changes nothing");
    let trail = admin.get(&format!("/api/v1/audit?subject={}", expect["id"].as_str().unwrap())).await;
    let rows = trail["changes"].as_array().unwrap();
    assert_eq!(rows.len(), 6, "one for each change, and none where nothing changed: {rows:?}");
    assert_eq!(
        (&rows[0]["action"], &rows[0]["before"]["limits"]["ssl_tps"]),
        (&json!("contract_changed"), &json!(7))
    );
}

#[tokio::test]
async fn pages_of_a_list_give_each_row_once() {
    let (_server, mut admin) = started().await;
    for n in 0..5 {
        admin.post("/api/v1/contracts", Some(&json!({"product": format!("P{n}"), "customer": "C"}))).await;
    }
    for (path, key, all) in [("contracts", "contracts", 5), ("audit", "changes", 7)] {
        let whole = admin.get(&format!("/api/v1/{path}")).await;
        assert!(whole["next"].is_null());
        let whole = whole[key].as_array().unwrap().clone();
        assert_eq!(whole.len(), all, "{whole:?}");
        let (mut rows, mut after) = (Vec::new(), String::new());
        for _ in 0..10 {
            let page = admin.get(&format!("/api/v1/{path}?limit=2{after}")).await;
            rows.extend(page[key].as_array().unwrap().clone());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(rows, whole);
    }
}

#[tokio::test]
async fn an_activation_goes_through_its_states_and_reports_follow() {
    let (server, mut admin) = started().await;
    let (contract, token) =
        token(&mut admin, &json!({"uses": 1, "confirm": "manual", "expires_in_s": 60})).await;
    let mut client = server.client().await;
    let mut agent = Agent::new(1);
    agent.join(&mut client, &token).await;
    let waiting = admin.get("/api/v1/activations?unconfirmed=true&state=ACTIVE").await;
    assert_eq!(waiting["activations"][0]["identity"], agent.instance.as_str());
    assert_eq!(waiting["activations"][0]["contract"], contract.as_str());
    let path = format!("/api/v1/activations/{}", agent.instance);
    let confirmed = admin.post(&format!("{path}/confirm"), None).await;
    assert!(confirmed["confirmed_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(admin.get("/api/v1/activations?unconfirmed=true").await["activations"], json!([]));

    let day = agent.report();
    assert_eq!(admin.post(&format!("{path}/disable"), None).await["state"], "DISABLED");
    let fates = agent.push(&mut client, std::slice::from_ref(&day)).await;
    assert!(!matches!(fates[0], Fate::Receipted { .. }), "a disabled one reports: {fates:?}");
    assert_eq!(admin.post(&format!("{path}/enable"), None).await["state"], "ACTIVE");
    let fates = agent.push(&mut client, std::slice::from_ref(&day)).await;
    assert!(matches!(fates[0], Fate::Receipted { .. }), "{fates:?}");
    admin.post(&format!("/api/v1/contracts/{contract}/revoke"), None).await;
    let next = agent.report();
    let fates = agent.push(&mut client, std::slice::from_ref(&next)).await;
    assert!(!matches!(fates[0], Fate::Receipted { .. }), "under a revoked contract: {fates:?}");
    admin.post(&format!("/api/v1/contracts/{contract}/restore"), None).await;
    let fates = agent.push(&mut client, std::slice::from_ref(&next)).await;
    assert!(matches!(fates[0], Fate::Receipted { .. }), "{fates:?}");

    let detail = admin.get(&path).await;
    assert_eq!((&detail["lines"][0]["sequence"], detail["lines"].as_array().unwrap().len()), (&json!(2), 1));
    admin.post(&format!("{path}/delete"), None).await;
    for change in ["confirm", "enable", "disable"] {
        assert_eq!(admin.refused(Method::POST, &format!("{path}/{change}"), None).await.0, 409, "{change}");
    }
    let trail = admin.get(&format!("/api/v1/audit?subject={}", agent.instance)).await;
    let actions: Vec<&str> =
        trail["changes"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions[..4],
        ["activation_deleted", "activation_enabled", "activation_disabled", "activation_confirmed"]
    );
    assert_eq!(trail["changes"][1]["before"]["state"], "DISABLED");
    assert_eq!(trail["changes"][1]["after"]["state"], "ACTIVE");
}

#[tokio::test]
async fn every_meter_is_taken_and_told_with_its_unit() {
    let (server, mut admin) = started().await;
    let (_, token) = token(&mut admin, &json!({})).await;
    let mut client = server.client().await;
    let mut agent = Agent { services: 2, ..Agent::new(1) };
    agent.join(&mut client, &token).await;
    let made = [agent.report()];
    agent.push(&mut client, &made).await;

    let told = admin.get(&format!("/api/v1/reports/{}/1", agent.instance)).await;
    let series = told["series"].as_array().unwrap();
    for (meter, subject, unit, peak) in [
        ("ram_capacity", "total", "bytes", 6.7e10),
        ("network_throughput", "total", "bit/s", 1.2e9),
        ("ssl_tps", "total", "sessions/s", 12.0 / 3.5),
        ("vs_bytes", "haproxy/front1", "bytes", 7.5e9),
        ("vs_bytes", "total", "bytes", 7.5e9),
        ("network_throughput_burst", "total", "bit/s", 9.9e9),
        ("ssl_tps_burst", "total", "sessions/s", 4321.5),
    ] {
        let one = series.iter().find(|one| one["meter"] == meter && one["subject"] == subject);
        let one = one.unwrap_or_else(|| panic!("no {meter} of {subject} in {told:#}"));
        assert_eq!(
            (&one["unit"], &one["peak"]["value"]),
            (&json!(unit), &json!(peak)),
            "{meter} of {subject}"
        );
    }
    let shown = server.output(&["report", "show", &agent.instance, "1"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    let row = shown.lines().find(|line| line.starts_with("vs_bytes") && line.contains("front1")).unwrap();
    assert!(row.contains(" 7500000000 ") && row.contains(" bytes "), "{shown}");
}

#[tokio::test]
async fn a_report_is_told_with_all_its_figures_and_as_it_was_signed() {
    let (server, mut admin) = started().await;
    let (contract, token) = token(&mut admin, &json!({})).await;
    let mut client = server.client().await;
    let mut agent = Agent::new(1);
    agent.join(&mut client, &token).await;
    let made: Vec<_> = (0..3).map(|_| agent.report()).collect();
    agent.push(&mut client, &made).await;

    let path = format!("/api/v1/reports/{}/2", agent.instance);
    let told = admin.get(&path).await;
    assert_eq!((&told["report"]["contract"], &told["report"]["sequence"]), (&json!(contract), &json!(2)));
    assert_eq!(told["series"].as_array().unwrap().len(), 10);
    let network = told["series"].as_array().unwrap().iter().find(|one| one["subject"] == "enp0s0f1").unwrap();
    assert_eq!((&network["meter"], &network["rule"]), (&json!("network_throughput"), &json!("max")));
    assert_eq!((&network["peak"]["value"], &network["peak"]["tx"]), (&json!(1.2e9), &json!(0.9e9)));
    assert_eq!(network["coverage"], json!({"expected": 288, "read": 288, "missed": {}}));
    assert_eq!(told["hourly_ram"].as_array().unwrap().len(), 24);
    assert_eq!(told["chain"]["first_row"], 289);
    // The command line says the same.
    assert_eq!(server.json(&["report", "show", &agent.instance, "2"]), told);

    let raw = admin.ask(Method::GET, &format!("{path}/raw"), None).await;
    assert_eq!(raw.headers["content-type"], "application/x-protobuf");
    let envelope = Envelope::decode(&raw.body[..]).unwrap();
    assert_eq!(envelope, made[1].envelope);
    agent.key.public().open(&envelope, Kind::Report).unwrap();

    let day = told["report"]["day"].as_str().unwrap();
    let listed = |told: &Value| told["reports"].as_array().unwrap().len();
    for (query, expect) in [
        (format!("instance={}", agent.instance), 3),
        (format!("identity={NOBODY}"), 0),
        (format!("from={day}"), 2),
        (format!("to={day}"), 2),
        (format!("from={day}&to={day}&contract={contract}"), 1),
        (format!("after={}/2", agent.instance), 1),
    ] {
        assert_eq!(listed(&admin.get(&format!("/api/v1/reports?{query}")).await), expect, "{query}");
    }
}

#[tokio::test]
async fn an_alarm_is_open_until_someone_takes_note() {
    let (server, mut admin) = started().await;
    let (_, token) = token(&mut admin, &json!({})).await;
    let mut client = server.client().await;
    let mut agent = Agent::new(1);
    agent.join(&mut client, &token).await;
    let _ = agent.report();
    let late = agent.report();
    agent.push(&mut client, &[late]).await;
    let open = admin.get("/api/v1/alarms?open=true&kind=hole").await;
    let alarm = open["alarms"][0].clone();
    assert_eq!((&alarm["identity"], &alarm["acknowledged_at"]), (&json!(agent.instance), &Value::Null));
    let metrics = admin.ask(Method::GET, "/metrics", None).await;
    let metrics = String::from_utf8(metrics.body).unwrap();
    for line in [
        "highwater_central_reports_accepted_total 1",
        "highwater_central_alarms_unacknowledged 1",
        "highwater_central_activations{state=\"active\"} 1",
        "highwater_central_commit_seconds_count 1",
        "highwater_central_intake_queue_length 0",
    ] {
        assert!(metrics.lines().any(|told| told == line), "{line} is not in\n{metrics}");
    }
    let path = format!("/api/v1/alarms/{}/acknowledge", alarm["id"]);
    let first = admin.post(&path, None).await;
    assert!(first["acknowledged_at"].is_string());
    assert_eq!(admin.post(&path, None).await, first, "again changes nothing");
    assert_eq!(admin.get("/api/v1/alarms?open=true").await["alarms"], json!([]));
    assert_eq!(server.json(&["alarm", "list"])["alarms"], json!([first]));
}

#[tokio::test]
async fn a_key_that_was_rotated_over_rest_is_followed_by_agents() {
    let (server, mut admin) = started().await;
    let (_, token) = token(&mut admin, &json!({})).await;
    let mut client = server.client().await;
    let mut agent = Agent::new(1);
    agent.join(&mut client, &token).await;
    let keys = admin.post("/api/v1/keys/rotate", None).await;
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    assert_eq!((&keys["keys"][0]["current"], &keys["keys"][1]["current"]), (&json!(false), &json!(true)));
    assert_eq!(admin.get("/api/v1/keys").await, keys);
    assert!(!keys.to_string().contains("seed"));
    let day = agent.report();
    agent.push(&mut client, &[day]).await;
    assert_eq!(agent.pinned.as_ref().unwrap().id().hex(), keys["keys"][1]["id"].as_str().unwrap());
    assert_eq!(server.json(&["key", "list"]), keys);
}

#[tokio::test]
async fn what_needs_no_token_tells_no_secret() {
    let (server, admin) = started().await;
    let mut client = server.client().await;
    for (path, says) in [
        ("/", "/api/v1/openapi.json"),
        ("/healthz", "store writable"),
        ("/readyz", "ready"),
        ("/metrics", "highwater_central_build_info"),
        ("/api/v1/openapi.json", "highwater-central"),
    ] {
        let reply = client.get(path).await;
        let text = String::from_utf8(reply.body).unwrap();
        assert_eq!(reply.status, 200, "{path}");
        assert!(text.contains(says) && !text.contains(&admin.token), "{path}: {text}");
        assert!(!text.contains(server.dir.to_str().unwrap()), "{path} names places of this host: {text}");
    }
}

#[tokio::test]
async fn who_asks_too_often_waits() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start_in(&home.path().join("data"), &["--rate-limit", "5"]);
    let mut admin = Admin::first(&server).await;
    let mut refused = None;
    for _ in 0..100 {
        let reply = admin.ask(Method::GET, "/api/v1/contracts", None).await;
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
    }
    let refused = refused.unwrap();
    assert_eq!(refused.error(), "too_many_requests");
    assert!(refused.headers.contains_key("retry-after"));
}
