//! The socket: who may ask what, and what somebody hostile gets.

use crate::bench::{Bench, state};
use crate::peer::{Raw, curl, get};
use crate::tools::missing;
use highwater::clock::unix_s;
use highwater::gate::{CONNECTIONS_MAX, GateError, RESERVED_MAX, client};
use highwater_rules::grace::Stage;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;

const GET: &[u8] = b"GET /v1/gate HTTP/1.1\r\nHost: x\r\n\r\n";
const URL: &str = "http://localhost/v1/gate";

#[tokio::test]
async fn it_tells_what_the_file_tells() {
    let bench = Bench::new();
    let mut gate = bench.open();
    for stage in Stage::ALL {
        gate.show(&state(*stage), unix_s());
        let (status, value) = get(&bench.socket()).await;
        assert_eq!(status, if stage.may_run() { 200 } else { 403 }, "{stage:?}");
        assert_eq!(value, serde_json::from_str::<serde_json::Value>(&bench.text()).unwrap());
    }
    assert_eq!(bench.socket().metadata().unwrap().permissions().mode() & 0o777, 0o666);
}

#[tokio::test]
async fn curl_tells_open_from_closed_by_its_exit_code() {
    if missing(&[("curl", "--version")]) {
        return;
    }
    let bench = Bench::new();
    let mut gate = bench.open();
    gate.show(&state(Stage::Warning), unix_s());
    let (code, text) = curl(&bench.socket(), &["--fail", URL], None).await;
    assert_eq!((code, text), (0, bench.text()));
    gate.show(&state(Stage::Closed), unix_s());
    assert_eq!(curl(&bench.socket(), &["--fail", URL], None).await, (22, String::new()));
    assert_eq!(curl(&bench.socket(), &[URL], None).await, (0, bench.text()));
    let (code, head) = curl(&bench.socket(), &["--head", URL], None).await;
    assert!(code == 0 && head.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{head}");
}

#[tokio::test]
async fn what_is_not_known_is_not_told() {
    let bench = Bench::new();
    let mut gate = bench.open();
    let (status, value) = get(&bench.socket()).await;
    assert!(status == 503 && value["error"].as_str().unwrap().contains("only just begun"), "{value}");
    gate.show(&state(Stage::Open), unix_s() - 3601);
    let (status, value) = get(&bench.socket()).await;
    assert!(status == 503 && value["error"].as_str().unwrap().contains("expired"), "{value}");
}

#[tokio::test]
async fn other_targets_and_methods_are_refused() {
    let bench = Bench::new();
    let _gate = bench.open();
    let socket = bench.socket();
    for (method, target, expect) in [
        ("GET", "/healthz", 200),
        ("GET", "/", 404),
        ("GET", "/v1/gate/", 404),
        ("POST", "/v1/gate", 405),
        ("DELETE", "/healthz", 405),
        ("GET", "/v1/push", 405),
        ("POST", "/v1/push?force=1", 400),
    ] {
        let (status, value) = client::request(&socket, method, target).await.unwrap();
        assert_eq!(status, expect, "{method} {target}: {value}");
        assert_eq!(value["error"].is_string(), status != 200, "{value}");
    }
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let bench = Bench::new();
    let mut gate = bench.open();
    gate.show(&state(Stage::Open), unix_s());
    let peer = Raw::new(&bench.socket()).await;
    for _ in 0..3 {
        peer.say(GET).await;
        let answer = peer.hear("}\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    // Two at once, in pieces that end anywhere.
    let two = [GET, b"GET /healthz HTTP/1.0\r\n\r\n"].concat();
    let (one, rest) = two.split_at(GET.len() + 9);
    peer.say(one).await;
    peer.say(rest).await;
    let answers = peer.rest().await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
    assert!(answers.ends_with("{\"ok\":true}\n"), "HTTP/1.0 ends the connection: {answers}");
}

#[tokio::test]
async fn bodies_and_nonsense_end_the_connection() {
    let bench = Bench::new();
    let _gate = bench.open();
    for (bytes, status) in [
        (b"POST /v1/push HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc".to_vec(), 413),
        (b"\x16\x03\x01\x00\xff".to_vec(), 400),
        ([b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'x'; 100_000]].concat(), 431),
    ] {
        let peer = Raw::new(&bench.socket()).await;
        peer.say(&bytes).await;
        let answer = peer.rest().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}

#[tokio::test]
async fn a_request_that_does_not_come_is_not_waited_for() {
    let bench = Bench::new();
    let _gate = bench.open();
    let peer = Raw::new(&bench.socket()).await;
    peer.say(b"GET /v1/gate HT").await;
    // Time runs as soon as nothing else does.
    tokio::time::pause();
    let begun = tokio::time::sleep(std::time::Duration::ZERO).deadline();
    assert!(peer.rest().await.starts_with("HTTP/1.1 408 "));
    let took = tokio::time::sleep(std::time::Duration::ZERO).deadline() - begun;
    assert!(took.as_millis() >= 4900 && took.as_secs() < 6, "{took:?}");
}

#[tokio::test]
async fn silent_connections_keep_nobody_out_however_many_there_are() {
    let bench = Bench::new();
    let mut gate = bench.open();
    gate.show(&state(Stage::Open), unix_s());
    let mut silent = Vec::new();
    for round in 0..3 {
        for _ in 0..100 {
            silent.push(Raw::new(&bench.socket()).await);
        }
        assert_eq!(get(&bench.socket()).await.0, 200, "round {round}");
    }
    // One that has said something is idle for less long than those that have not.
    let polite = Raw::new(&bench.socket()).await;
    for _ in 0..3 {
        polite.say(GET).await;
        polite.hear("\n").await;
        silent.push(Raw::new(&bench.socket()).await);
    }
}

#[tokio::test]
async fn more_connections_that_are_being_answered_than_there_is_room_for_are_told_so() {
    let bench = Bench::new();
    let mut gate = bench.open();
    gate.show(&state(Stage::Open), unix_s());
    let mut busy = Vec::new();
    // This test is the agent's own user, for whom some more are kept. Nobody takes up their orders.
    for _ in 0..CONNECTIONS_MAX + RESERVED_MAX {
        let peer = Raw::new(&bench.socket()).await;
        peer.say(b"POST /v1/push HTTP/1.1\r\n\r\n").await;
        busy.push(peer);
    }
    let full = async {
        loop {
            let (status, value) = get(&bench.socket()).await;
            if status == 503 {
                return value;
            }
            tokio::task::yield_now().await;
        }
    };
    let value = tokio::time::timeout(crate::bench::PATIENCE, full).await.expect("no room");
    assert!(value["error"].as_str().unwrap().contains("too many"), "{value}");
    // Told so at once, and no order is dropped for it.
    for peer in &busy {
        let heard = tokio::time::timeout(std::time::Duration::from_millis(1), peer.hear("x")).await;
        assert!(heard.is_err(), "it still waits for its answer");
    }
}

#[tokio::test]
async fn a_socket_that_a_crash_left_is_replaced_and_a_live_one_is_not() {
    let bench = Bench::new();
    bench.tree.write("run/x", "");
    drop(UnixListener::bind(bench.socket()).unwrap());
    assert!(bench.socket().exists());
    let mut gate = bench.open();
    gate.show(&state(Stage::Open), unix_s());
    assert_eq!(get(&bench.socket()).await.0, 200);
    let (mut second, error) = bench.complaint();
    let me = i32::try_from(std::process::id()).unwrap();
    assert!(matches!(error, GateError::Taken { by: Some(pid), .. } if pid == me), "{error}");
    second.close();
    assert_eq!(get(&bench.socket()).await.0, 200, "the first is left alone");
    gate.close();
    assert!(!bench.socket().exists());
    assert!(bench.file().exists());
}

#[tokio::test]
async fn what_is_no_socket_is_left_alone() {
    let bench = Bench::new();
    bench.tree.write("run/gate.sock", "precious");
    let (mut gate, error) = bench.complaint();
    assert!(matches!(error, GateError::NoSocket { .. }), "{error}");
    assert!(gate.show(&state(Stage::Open), unix_s()).error.is_none());
    gate.close();
    assert_eq!(bench.left("run/gate.sock"), "precious");
}

#[tokio::test]
async fn a_path_that_the_kernel_does_not_take_is_told_with_its_limit() {
    let mut bench = Bench::new();
    bench.config.socket = Some(bench.tree.at(&"x".repeat(107)));
    let (_gate, error) = bench.complaint();
    let text = error.to_string();
    assert!(text.contains("of at most 107") && text.contains("gate.socket"), "{text}");
}

#[tokio::test]
async fn without_a_socket_the_file_still_tells() {
    let mut bench = Bench::new();
    bench.config.socket = None;
    let mut gate = bench.open();
    gate.show(&state(Stage::Open), unix_s());
    assert_eq!(bench.document().state, Stage::Open);
    assert!(!bench.tree.at("run/gate.sock").exists());
}

#[tokio::test]
async fn a_successor_at_the_same_path_keeps_its_socket_when_the_first_ends() {
    let bench = Bench::new();
    let mut first = bench.open();
    bench.tree.remove("run/gate.sock");
    let mut second = bench.open();
    second.show(&state(Stage::Open), unix_s());
    first.close();
    assert_eq!(get(&bench.socket()).await.0, 200);
}
