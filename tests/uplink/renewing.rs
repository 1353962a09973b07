//! The running agent and its licence: taken up, asked for, lost, refused. Central is a script, so that it can misbehave.

use super::activate::Joiner;
use super::agent::{Agent, eventually};
use super::central::{grant_with, key, receipts, token};
use super::licences::{answered, claims_of, licence, refusal};
use super::server::{Act, Request, Server, answer, good};
use highwater_proto::v1::licence_refusal::Reason;
use highwater_rules::licence::{Claims, Mode, Status, sign};
use highwater_rules::retry::{START_SPLAY_S, splay};
use serde_json::Value;
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;
use std::sync::{Arc, Mutex};

#[expect(clippy::disallowed_methods, reason = "a test's own clock")]
pub(crate) fn now_s() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// An instance that asks within a second of its start.
fn early_id() -> String {
    let ids = (0..u64::MAX).map(|n| format!("{n:08x}-2222-4222-8222-222222222222"));
    ids.into_iter().find(|id| splay(id, START_SPLAY_S) == 0).unwrap()
}

/// A licence that lasts so many seconds, from so many seconds ago.
fn lasting(id: &str, name: &str, age_s: i64, term_s: i64) -> Claims {
    let issued_at = now_s() - age_s;
    Claims {
        id: name.to_owned(),
        issued_at,
        not_before: issued_at,
        expires_at: issued_at + term_s,
        ..claims_of(id)
    }
}

fn signed(claims: &Claims) -> String {
    sign(claims, &key(1))
}

type Licences = Box<dyn Fn(&Request) -> Act + Send>;

/// What the central of a scene does.
struct Script {
    /// The licence that a grant brings.
    granted: String,
    licences: Licences,
    /// Licences that an answer to reports offers.
    offers: Vec<String>,
}

struct Scene {
    joiner: Joiner,
    server: Server,
    script: Arc<Mutex<Script>>,
    id: String,
    env: Vec<(&'static str, String)>,
}

fn unavailable() -> Act {
    Act::Say(answer("503 Service Unavailable", "", b""))
}

impl Scene {
    /// A host that has joined, with the licence that `granted` makes for its id.
    fn new(granted: impl Fn(&str) -> Option<Claims>) -> Self {
        let id = early_id();
        let granted = granted(&id).map(|claims| signed(&claims)).unwrap_or_default();
        let script = Script { granted, licences: Box::new(|_| unavailable()), offers: vec![] };
        let script = Arc::new(Mutex::new(script));
        let served = Arc::clone(&script);
        let server = Server::start(move |request| {
            let script = served.lock().unwrap();
            match request.head.split(' ').nth(1) {
                Some("/v1/activations") => {
                    Act::Say(good(&grant_with(&request.body, 1, 1, vec![], &script.granted)))
                }
                Some("/v1/reports") => Act::Say(good(&receipts(&request.body, 1, vec![], |answer| {
                    answer.answered_at = now_s();
                    answer.licences.clone_from(&script.offers);
                }))),
                _ => (script.licences)(request),
            }
        });
        let joiner = Joiner::new();
        std::fs::create_dir(joiner.state_dir()).unwrap();
        let beside = serde_json::json!({
            "instance": id, "first_start": now_s(), "salt": "00".repeat(16), "sequence": 0,
            "report_digest": null, "timeline": null, "seal": null,
        });
        joiner.file("state/instance.json", &beside.to_string());
        let scene = Scene { joiner, server, script, id, env: vec![] };
        let joined = scene.joiner.join(&scene.server, 1, &[], &[]);
        assert_eq!(joined.code, 0, "{}", joined.err);
        assert!(!token(1).is_empty());
        scene
    }

    /// What central answers to who asks for a licence.
    fn licences(&self, licences: impl Fn(&Request) -> Act + Send + 'static) {
        self.script.lock().unwrap().licences = Box::new(licences);
    }

    fn run(&self) -> Agent {
        let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
        command.arg("run").env_clear().env("HIGHWATER_STATE_DIR", self.joiner.state_dir());
        command.env("HIGHWATER_SAMPLING__INTERVAL", "1s").env("HIGHWATER_LOG__LEVEL", "debug");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        Agent::spawn(&mut command)
    }

    fn json(&self, name: &str, arguments: &[&str], stdin: &str) -> Value {
        let env: Vec<(&str, &str)> = self.env.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let told = self.joiner.command(name, &[arguments, &["--json"]].concat(), &env, stdin);
        serde_json::from_str(&told.out).unwrap_or_else(|e| panic!("{e}: {} {}", told.out, told.err))
    }

    fn status(&self) -> Value {
        self.json("status", &[], "")
    }

    /// How often central was asked for a licence.
    fn asked(&self) -> usize {
        let requests = self.server.requests.lock().unwrap();
        requests.iter().filter(|request| request.head.starts_with("post /v1/licences ")).count()
    }
}

/// Answers with a new licence each time.
fn giving(id: &str, term_s: i64) -> impl Fn(&Request) -> Act + Send + 'static {
    let (id, count) = (id.to_owned(), Mutex::new(0));
    move |request| {
        let mut count = count.lock().unwrap();
        *count += 1;
        let token = signed(&lasting(&id, &format!("l-{count}"), 0, term_s));
        Act::Say(good(&answered(&request.body, 1, vec![], licence(&token), |_| {})))
    }
}

#[test]
fn an_activation_brings_a_licence_and_it_renews_itself_before_its_end() {
    let scene = Scene::new(|id| Some(lasting(id, "l-0", 0, 9)));
    assert_eq!(scene.status()["licence"]["id"], "l-0");
    scene.licences(giving(&scene.id, 600));
    let mut agent = scene.run();
    let renewed = agent.event("licence_renewed");
    assert_eq!((renewed.get("id"), renewed.get("mode")), (Some("l-1"), Some("online")));
    let log = agent.stop();
    assert!(log.iter().all(|line| !["licence_expired", "licence_failed"].contains(&line.event())), "{log:?}");
    assert_eq!(scene.asked(), 1, "a licence that has long to go is not asked for");
    let status = scene.status();
    assert_eq!((&status["licence"]["id"], &status["licence"]["state"]), (&"l-1".into(), &"valid".into()));
}

#[test]
fn a_central_that_is_away_or_lies_is_asked_again_and_no_licence_that_ended_closes_the_gate() {
    let scene = Scene::new(|id| Some(lasting(id, "l-0", 0, 3)));
    let mut agent = scene.run();
    let failed = agent.event("licence_failed");
    assert_eq!(failed.number("failures"), 1.0);
    assert!(failed.get("mend").is_some_and(|mend| !mend.is_empty()));
    let expired = agent.event("licence_expired");
    assert_eq!((expired.get("id"), expired.get("mode")), (Some("l-0"), Some("online")));
    let status = scene.status();
    assert_eq!(status["licence"]["state"], "expired");
    assert_eq!((&status["gate"]["state"], &status["gate"]["may_run"]), (&"open".into(), &true.into()));
    agent.stop();
    // A new start begins without the long waits of many failures. Someone else's answer changes nothing either.
    let id = scene.id.clone();
    scene.licences(move |request| {
        let token = sign(&lasting(&id, "forged", 0, 600), &key(2));
        Act::Say(good(&answered(&request.body, 2, vec![], licence(&token), |_| {})))
    });
    let mut agent = scene.run();
    let lie = agent.event("licence_failed");
    assert!(lie.get("error").is_some_and(|error| error.contains("not believed")), "{lie:?}");
    agent.stop();
    scene.licences(giving(&scene.id, 600));
    let mut agent = scene.run();
    assert_eq!(agent.event("licence_renewed").get("id"), Some("l-1"));
    agent.stop();
}

#[test]
fn a_central_that_says_not_yet_is_not_asked_before_its_moment() {
    let scene = Scene::new(|id| Some(lasting(id, "l-0", 100, 101)));
    scene.licences(|request| {
        let early = refusal(Reason::Early, now_s() + 4);
        Act::Say(good(&answered(&request.body, 1, vec![], early, |answer| answer.answered_at = now_s())))
    });
    let mut agent = scene.run();
    agent.event("licence_early");
    agent.slots(2);
    assert_eq!(scene.asked(), 1);
    agent.event("licence_early");
    assert_eq!(scene.asked(), 2);
    let log = agent.stop();
    assert!(log.iter().all(|line| line.event() != "licence_failed"), "too early is no failure: {log:?}");
}

#[test]
fn a_central_that_refuses_is_told_once_and_left_alone() {
    let scene = Scene::new(|_| None);
    scene.licences(|request| {
        let refused = refusal(Reason::Activation, 0);
        Act::Say(good(&answered(&request.body, 1, vec![], refused, |_| {})))
    });
    let mut agent = scene.run();
    let failed = agent.event("licence_failed");
    assert!(failed.get("error").unwrap().contains("not for you"), "{failed:?}");
    assert_eq!((failed.number("retry_in_s"), failed.get("failures")), (43_200.0, None));
    agent.slots(3);
    assert_eq!(scene.asked(), 1);
    assert_eq!(scene.status()["gate"]["state"], "open", "without a licence, grace alone counts");
    agent.stop();
}

#[test]
fn licences_that_an_answer_to_reports_offers_are_taken_up_where_they_are_the_instances() {
    let scene = Scene::new(|id| Some(lasting(id, "l-0", 50, 600)));
    let mut agent = scene.run();
    agent.slots(1);
    let other = "1f8fad5b-d9cb-469f-a165-70867728950e";
    scene.script.lock().unwrap().offers = vec![
        signed(&lasting(other, "theirs", 0, 600)),
        "junk".to_owned(),
        signed(&lasting(&scene.id, "l-1", 0, 600)),
    ];
    scene.json("push", &["--open-day"], "");
    agent.event("licence_unusable");
    assert_eq!(agent.event("licence_renewed").get("id"), Some("l-1"));
    assert_eq!(scene.status()["licence"]["id"], "l-1");
    agent.stop();
}

#[test]
fn a_revocation_closes_the_gate_and_a_newer_licence_opens_it() {
    let scene = Scene::new(|id| Some(lasting(id, "l-0", 100, 600)));
    let mut agent = scene.run();
    agent.slots(1);
    let revoked = lasting(&scene.id, "word", 50, 0);
    let revoked = Claims { status: Status::Revoked, ..revoked };
    scene.script.lock().unwrap().offers = vec![signed(&revoked)];
    scene.json("push", &["--open-day"], "");
    assert_eq!(agent.event("licence_revoked").get("id"), Some("word"));
    agent.line("closed", |line| line.event() == "gate_changed" && line.get("state") == Some("closed"));
    // The file removed, and the licence of before put back: it stays closed, also over a restart.
    std::fs::remove_file(scene.joiner.state_dir().join("licence.jwt")).unwrap();
    scene.joiner.file("state/licence.jwt", &signed(&lasting(&scene.id, "l-0", 100, 600)));
    agent.slots(2);
    agent.stop();
    let mut agent = scene.run();
    agent.slots(1);
    assert_eq!(scene.joiner.command("gate", &[], &[], "").code, 12);
    let told = scene.json("license", &["install", "-"], &signed(&lasting(&scene.id, "l-2", 0, 600)));
    assert_eq!(told["installed"], true);
    assert_eq!(scene.joiner.command("gate", &[], &[], "").code, 0, "at once: the agent was woken");
    agent.event("licence_renewed");
    agent.stop();
}

#[test]
fn an_expired_offline_licence_closes_the_gate_and_one_that_is_installed_opens_it_at_once() {
    let offline = |id: &str, name: &str, age_s, term_s| Claims {
        mode: Mode::Offline,
        ..lasting(id, name, age_s, term_s)
    };
    let scene = Scene::new(|id| Some(offline(id, "l-0", 10, 12)));
    let mut agent = scene.run();
    agent.event("licence_expired");
    agent.line("closed", |line| line.event() == "gate_changed" && line.get("state") == Some("closed"));
    let told = scene.json("license", &["install", "-"], &signed(&offline(&scene.id, "l-1", 0, 600)));
    assert_eq!(told["installed"], true);
    assert_eq!(scene.joiner.command("gate", &[], &[], "").code, 0, "at once: the agent was woken");
    agent.event("licence_renewed");
    agent.stop();
    assert_eq!(scene.asked(), 0, "an offline licence is never asked for");
}

#[test]
fn an_operators_own_file_counts_where_it_is_newer_and_is_never_written() {
    let mut scene = Scene::new(|id| Some(lasting(id, "l-0", 50, 600)));
    let own = scene.joiner.file("own.jwt", &signed(&lasting(&scene.id, "mine", 0, 6)));
    scene.env.push(("HIGHWATER_LICENCE__FILE", own.clone()));
    let of = |path: &str| {
        let meta = std::path::Path::new(path).metadata().unwrap();
        (meta.ino(), meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec())
    };
    let before = of(&own);
    scene.licences(giving(&scene.id, 600));
    let mut agent = scene.run();
    agent.slots(1);
    let licence = scene.status()["licence"].clone();
    assert_eq!((&licence["id"], &licence["origin"]), (&"mine".into(), &"operator".into()));
    // It nears its end: the agent gets one of its own beside it.
    assert_eq!(agent.event("licence_renewed").get("id"), Some("l-1"));
    let licence = scene.status()["licence"].clone();
    assert_eq!((&licence["id"], &licence["origin"]), (&"l-1".into(), &"agent".into()));
    assert_eq!(of(&own), before, "neither inode nor time has changed");
    // What the operator puts there next is seen at the next slot.
    scene.joiner.file("own.jwt", &signed(&lasting(&scene.id, "mine-2", -1, 600)));
    assert_eq!(agent.event("licence_renewed").get("id"), Some("mine-2"));
    scene.joiner.file("own.jwt", "torn");
    let unusable = agent.event("licence_unusable");
    assert!(unusable.get("error").unwrap().starts_with(&own), "{unusable:?}");
    eventually("the agent's own again", || (scene.status()["licence"]["id"] == "l-1").then_some(()));
    agent.stop();
}

#[test]
fn a_reload_follows_the_file_that_is_named_then() {
    let mut scene = Scene::new(|id| Some(lasting(id, "l-0", 50, 600)));
    let own = scene.joiner.file("own.jwt", &signed(&lasting(&scene.id, "mine", 0, 600)));
    let config = scene.joiner.file("highwater.toml", "");
    scene.env.push(("HIGHWATER_CONFIG", config));
    let mut agent = scene.run();
    agent.slots(1);
    assert_eq!(scene.status()["licence"]["id"], "l-0");
    scene.joiner.file("highwater.toml", &format!("[licence]\nfile = {own:?}\n"));
    agent.signal(nix::sys::signal::Signal::SIGHUP);
    assert_eq!(agent.event("licence_renewed").get("id"), Some("mine"));
    scene.joiner.file("highwater.toml", "");
    agent.signal(nix::sys::signal::Signal::SIGHUP);
    assert_eq!(agent.event("licence_renewed").get("id"), Some("l-0"));
    agent.stop();
}

#[test]
fn a_contract_that_wants_other_slots_is_told_with_the_mend() {
    let scene = Scene::new(|id| Some(Claims { slot_s: Some(60), ..lasting(id, "l-0", 0, 600) }));
    let mut agent = scene.run();
    let slot = agent.event("licence_slot");
    assert_eq!((slot.number("slot_s"), slot.number("interval_s")), (60.0, 1.0));
    assert!(slot.get("mend").unwrap().contains("60s"));
    agent.slots(2);
    let log = agent.stop();
    assert_eq!(log.iter().filter(|line| line.event() == "licence_slot").count(), 1, "told once");
}

#[test]
fn a_central_that_hangs_delays_no_sample() {
    let scene = Scene::new(|_| None);
    scene.licences(|_| Act::Stall(Vec::new()));
    let mut agent = scene.run();
    agent.slots(1);
    eventually("asked", || (scene.asked() > 0).then_some(()));
    let slots: Vec<i64> = agent.whole_slots(4).iter().map(super::line::Line::slot).collect();
    assert!(slots.windows(2).all(|two| two[1] == two[0] + 1), "{slots:?}");
    agent.stop();
}
