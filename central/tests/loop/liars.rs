//! Centrals that misbehave, and others who answer in central's place: nothing of it counts, and metering goes on.

use crate::agent::Agent;
use crate::authority::Authority;
use crate::central::Central;
use crate::forger;
use crate::home::Home;
use crate::line::Line;
use crate::relay::{Relay, Upstream, Wire};
use crate::server::{Act, Request, Server, answer, good};
use highwater_proto::v1::{Answer, Kind, ReportResponse};
use nix::sys::signal::Signal;
use prost::Message as _;
use serde_json::Value;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// An instance that has one receipt and one report that waits, and reaches central by a wire.
struct Scene {
    home: Home,
    agent: Agent,
    wire: Wire,
    relay: Relay,
    central: Central,
    before: Value,
}

impl Scene {
    fn new() -> Self {
        let central = Central::start();
        let relay = Relay::start(&central);
        let wire = Wire::start(relay.port());
        let home = Home::new();
        home.join_by(&wire.url(), &relay.ca_file(), &central.token("90d"));
        let mut agent = home.run();
        agent.slots(2);
        home.push_open_day();
        agent.event("report_accepted");
        // A second report, which can't be sent.
        relay.acts(|_, _| Act::Break(Vec::new()));
        assert_eq!(home.json_and_code(&["push", "--open-day"]).1, 69);
        agent.event("push_failed");
        let before = home.status();
        assert_eq!(before["outbox"]["pending"], 1, "{before}");
        Scene { home, agent, wire, relay, central, before }
    }

    /// A push that comes to nothing; gives what the log says of it.
    fn fails(&mut self, what: &str) -> Line {
        let (outcome, code) = self.home.json_and_code(&["push"]);
        assert_eq!(code, 69, "{what}: {outcome}");
        for text in ["error", "mend"] {
            assert!(outcome["error"][text].as_str().is_some_and(|t| !t.is_empty()), "{what}: {outcome}");
        }
        let failed = self.agent.line(what, |line| {
            assert_ne!(line.event(), "report_accepted", "{what}");
            line.event() == "push_failed" && line.get("error") == outcome["error"]["error"].as_str()
        });
        assert_eq!(failed.get("mend"), outcome["error"]["mend"].as_str());
        let now = self.home.status();
        for count in ["pending", "parked", "receipted"] {
            assert_eq!(now["outbox"][count], self.before["outbox"][count], "{what}: {now}");
        }
        for fact in ["since", "grace_end", "state"] {
            assert_eq!(now["gate"][fact], self.before["gate"][fact], "{what}: {now}");
        }
        assert_eq!(now["outbox"]["last_error"], outcome["error"]["error"], "{what}: {now}");
        failed
    }

    fn refuses(&mut self, what: &str, fraud: impl Fn(&Request, &Upstream) -> Act + Send + 'static) -> Line {
        self.relay.acts(fraud);
        self.fails(what)
    }

    /// With an honest central all is well again.
    fn ends_well(mut self) {
        self.wire.cut_after(usize::MAX);
        self.wire.lead_to(self.central.port);
        let outcome = self.home.json(&["push"]);
        assert_eq!((&outcome["pending"], &outcome["error"]), (&0.into(), &Value::Null));
        self.agent.event("report_accepted");
        self.agent.event("push_recovered");
        assert_eq!(self.home.status()["outbox"]["receipted"], 2);
        self.agent.stop();
    }
}

#[test]
fn answers_that_are_none_change_nothing() {
    let mut scene = Scene::new();
    let problem = br#"{"error":"internal","mend":"look at central's log"}"#;
    scene.refuses("500", |_, _| {
        Act::Say(answer("500 Internal Server Error", "content-type: application/json\r\n", problem))
    });
    scene.refuses("garbage", |_, _| Act::Break(b"\x16\x03\x01 this is no HTTP\r\n\r\n".to_vec()));
    scene.refuses("a body that is no answer", |_, _| Act::Say(good(b"\xff\xff\xff\xff\x0f nonsense")));
    scene.refuses("an empty body", |_, _| Act::Say(good(b"")));
    scene.refuses("half an answer", |request, central| {
        let whole = central.answer(request);
        Act::Break(whole[..whole.len() - 50].to_vec())
    });
    let there = format!("location: {}/v1/reports\r\n", scene.central.url());
    scene.refuses("a redirect", move |_, _| Act::Say(answer("307 Temporary Redirect", &there, b"")));
    scene.ends_well();
}

#[test]
fn a_central_that_asks_for_a_pause_gets_it() {
    let mut scene = Scene::new();
    let failed =
        scene.refuses("429", |_, _| Act::Say(answer("429 Too Many Requests", "retry-after: 600\r\n", b"")));
    let wait = failed.number("retry_in_s");
    assert!((600.0..=630.0).contains(&wait), "{failed:?}");
    let at = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    let outbox = scene.home.status()["outbox"].clone();
    assert_eq!(at(&outbox["next_try_at"]) - at(&outbox["last_error_at"]), wait as i64);
    let asked = scene.relay.asked("/v1/reports");
    scene.agent.slots(6);
    assert_eq!(scene.relay.asked("/v1/reports"), asked, "it is left alone");
    scene.ends_well();
}

#[test]
fn an_answer_that_central_did_not_give_to_this_question_is_not_believed() {
    let mut scene = Scene::new();
    scene.refuses("a foreign key", |request, _| {
        Act::Say(good(&forger::receipts(&request.body, 7, Vec::new(), |_| {})))
    });
    scene.refuses("a foreign key that claims to follow", |request, _| {
        let handover = vec![forger::handover(6, 7)];
        Act::Say(good(&forger::receipts(&request.body, 7, handover, |_| {})))
    });
    let kept: Arc<Mutex<Option<Vec<u8>>>> = Arc::default();
    let keeping = Arc::clone(&kept);
    scene.refuses("an answer that is kept back", move |request, central| {
        *keeping.lock().unwrap() = Some(central.body(request));
        Act::Break(Vec::new())
    });
    assert_eq!(scene.central.reports().len(), 2, "central has it, but its word has not come");
    let old = kept.lock().unwrap().clone().unwrap();
    scene.refuses("the same answer, played again", move |_, _| Act::Say(good(&old)));
    scene.refuses("a receipt with one other byte", |request, central| {
        let mut response = ReportResponse::decode(&central.body(request)[..]).unwrap();
        let sealed = response.answer.as_mut().unwrap();
        let mut inner = Answer::decode(&sealed.payload[..]).unwrap();
        let Some(highwater_proto::v1::outcome::Result::Receipt(receipt)) = &mut inner.outcomes[0].result
        else {
            panic!("no receipt: {inner:?}");
        };
        let middle = receipt.payload.len() / 2;
        receipt.payload[middle] ^= 1;
        sealed.payload = inner.encode_to_vec();
        Act::Say(good(&response.encode_to_vec()))
    });
    scene.refuses("a receipt in place of an answer", |request, central| {
        let mut response = ReportResponse::decode(&central.body(request)[..]).unwrap();
        let sealed = response.answer.as_mut().unwrap();
        sealed.kind = Kind::Receipt.into();
        Act::Say(good(&response.encode_to_vec()))
    });
    scene.ends_well();
}

#[test]
fn a_broken_wire_and_a_stranger_at_its_end_change_nothing() {
    let mut scene = Scene::new();
    scene.wire.lead_to(scene.central.port);
    for bytes in [0, 1, 200, 600, 1000] {
        scene.wire.cut_after(bytes);
        scene.fails(&format!("a wire cut after {bytes} bytes"));
    }
    scene.wire.cut_after(usize::MAX);
    let stranger =
        Server::start(|request| Act::Say(good(&forger::receipts(&request.body, 7, Vec::new(), |_| {}))));
    scene.wire.lead_to(stranger.port);
    scene.fails("a certificate of someone else's authority");
    assert!(stranger.requests.lock().unwrap().is_empty(), "no report reaches a stranger");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    scene.wire.lead_to(nobody);
    scene.fails("nobody there");
    scene.ends_well();
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let pair = authority.server(&["elsewhere.test"]);
    let central = Server::with(&pair, None, &authority, |_| Act::Break(Vec::new()));
    let home = Home::new();
    home.tree.write("ca.pem", &central.ca_pem);
    let ca_file = home.tree.at("ca.pem");
    let url = format!("https://127.0.0.1:{}", central.port);
    let token = forger::token(1);
    let arguments =
        ["activate", "--central", &url, "--ca-file", ca_file.to_str().unwrap(), "--token", &token];
    let output = home.ask(&arguments);
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    assert!(central.requests.lock().unwrap().is_empty());
    assert!(!home.file("activation.json").exists());
}

#[test]
fn a_central_that_takes_the_call_and_never_answers_delays_no_sample() {
    let mut scene = Scene::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    scene.wire.lead_to(silent.local_addr().unwrap().port());
    scene.agent.signal(Signal::SIGUSR1);
    let taken = silent.accept().unwrap();
    let slots = scene.agent.whole_slots(9);
    for pair in slots.windows(2) {
        assert_eq!(pair[1].slot() - pair[0].slot(), 1, "{pair:?}");
    }
    let late: Vec<f64> = slots.iter().map(|line| line.number("late_ms")).collect();
    assert!(late.iter().all(|ms| *ms < 900.0), "{late:?}");
    // It gives up by itself, and tells so.
    scene.agent.event("push_failed");
    drop(taken);
    scene.ends_well();
}
