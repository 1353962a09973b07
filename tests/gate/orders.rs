//! Orders at the socket: who may give them, and how they are answered.

use crate::bench::{Bench, PATIENCE, until};
use crate::peer::curl;
use crate::tools::{missing, skipped};
use highwater::gate::{Control, Gate, GateEvent, client};
use nix::unistd::Uid;
use serde_json::json;
use std::path::Path;

async fn order(gate: &mut Gate) -> Control {
    match tokio::time::timeout(PATIENCE, gate.next()).await.expect("an order") {
        GateEvent::Control(control) => control,
        other => panic!("{other:?}"),
    }
}

fn post(socket: &Path, target: &'static str) -> tokio::task::JoinHandle<(u16, serde_json::Value)> {
    let socket = socket.to_owned();
    tokio::spawn(async move { client::request(&socket, "POST", target).await.unwrap() })
}

#[tokio::test]
async fn orders_of_the_agents_own_user_reach_the_loop_and_its_answer_goes_back() {
    let bench = Bench::new();
    let mut gate = bench.open();
    for (target, wanted) in [
        ("/v1/push", (false, false)),
        ("/v1/push?open_day=1", (true, false)),
        ("/v1/push?open_day=0&retry_parked=1", (false, true)),
    ] {
        let asked = post(&bench.socket(), target);
        match order(&mut gate).await {
            Control::Push { open_day, retry_parked, reply } => {
                assert_eq!((open_day, retry_parked), wanted, "{target}");
                reply.send(json!({"pushed": 3})).unwrap();
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(asked.await.unwrap(), (200, json!({"pushed": 3})));
    }
    let asked = post(&bench.socket(), "/v1/report?open_day=1");
    match order(&mut gate).await {
        Control::Report { open_day: true, retry_parked: false, reply } => reply.send(json!({})).unwrap(),
        other => panic!("{other:?}"),
    }
    assert_eq!(asked.await.unwrap().0, 200);
    let asked = post(&bench.socket(), "/v1/prune?keep_days=7&dry_run=1");
    match order(&mut gate).await {
        Control::Prune { keep_days: 7, dry_run: true, reply } => reply.send(json!({})).unwrap(),
        other => panic!("{other:?}"),
    }
    assert_eq!(asked.await.unwrap().0, 200);
    // A body comes whole, however many pieces it takes.
    let body: Vec<u8> = (0..500_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let (socket, sent) = (bench.socket(), body.clone());
    let asked =
        tokio::spawn(
            async move { client::request_with(&socket, "POST", "/v1/import", &sent).await.unwrap() },
        );
    match order(&mut gate).await {
        Control::Import { bundle, reply } => {
            assert_eq!(bundle, body);
            reply.send(json!({})).unwrap();
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(asked.await.unwrap().0, 200);
    let asked = post(&bench.socket(), "/v1/wake");
    match order(&mut gate).await {
        Control::Wake { reply } => reply.send(json!({"ok": true})).unwrap(),
        other => panic!("{other:?}"),
    }
    assert_eq!(asked.await.unwrap().0, 200);
}

#[tokio::test]
async fn an_order_that_nobody_takes_on_or_answers_is_told_so() {
    let bench = Bench::new();
    let mut gate = bench.open();
    let asked = post(&bench.socket(), "/v1/wake");
    drop(order(&mut gate).await);
    assert_eq!(asked.await.unwrap().0, 503);
    let asked = post(&bench.socket(), "/v1/wake");
    let held = order(&mut gate).await;
    // Time runs as soon as nothing else does.
    tokio::time::pause();
    assert_eq!(asked.await.unwrap().0, 504);
    drop(held);
}

#[tokio::test]
async fn waiting_for_an_event_can_be_given_up_without_losing_one() {
    let bench = Bench::new();
    let mut gate = bench.open();
    let asked = post(&bench.socket(), "/v1/wake");
    for _ in 0..200 {
        tokio::select! {
            biased;
            () = tokio::task::yield_now() => {}
            event = gate.next() => match event {
                GateEvent::Control(Control::Wake { reply }) => {
                    reply.send(json!({})).unwrap();
                    break;
                }
                other => panic!("{other:?}"),
            },
        }
    }
    if !asked.is_finished() {
        let answering = async {
            if let GateEvent::Control(Control::Wake { reply }) = gate.next().await {
                reply.send(json!({})).unwrap();
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = answering => {}
            () = until("the answer", || asked.is_finished()) => {}
        }
    }
    assert_eq!(asked.await.unwrap().0, 200);
}

#[tokio::test]
async fn other_users_may_ask_for_the_state_and_give_no_orders() {
    if missing(&[("curl", "--version")]) || (!Uid::effective().is_root() && skipped("it needs root")) {
        return;
    }
    let bench = Bench::new();
    let mut gate = bench.open();
    let nobody = Some(65534);
    let socket = bench.socket();
    assert_eq!(curl(&socket, &["--fail", "http://x/healthz"], nobody).await.0, 0);
    for target in ["push", "wake", "report", "import", "prune"].map(|order| format!("http://x/v1/{order}")) {
        let target = target.as_str();
        let (code, text) = curl(&socket, &["--request", "POST", target], nobody).await;
        assert!(code == 0 && text.contains("own user"), "{text}");
        assert_eq!(curl(&socket, &["--fail", "--request", "POST", target], nobody).await.0, 22);
    }
    // What a stranger would have taken in is not even read.
    let body = ["--data-binary", "@/proc/self/exe", "--header", "Expect:", "http://x/v1/import"];
    let (_, text) = curl(&socket, &body, nobody).await;
    assert!(text.contains("own user"), "{text}");
    let heard = tokio::time::timeout(std::time::Duration::from_millis(50), gate.next()).await;
    assert!(heard.is_err(), "{heard:?}");
}
