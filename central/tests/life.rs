//! A server's life: its first start, its keys, its death.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod support;

use highwater_central::model::{By, ReportFilter};
use highwater_central::store::Store as _;
use highwater_central::{files, keys};
use highwater_rules::receipt::Fate;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Agent, Client, Made, Server, program, until};

fn read(path: &Path) -> Vec<u8> {
    files::read_bounded(path, 16 * 1024 * 1024).unwrap()
}

fn signal(server: &Server, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(server.child.id()).unwrap()), signal).unwrap();
}

#[tokio::test]
async fn the_first_start_tells_the_token_once_and_keeps_secrets_to_itself() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("data");
    let mut server = Server::start_in(&dir, &[]);
    let token = server.told["admin_token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("hwa_"), "{token}");
    assert_eq!(server.client().await.get("/healthz").await.status, 200);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        let open = path.extension().is_some_and(|e| e == "json")
            || path.ends_with("ca.pem")
            || path.ends_with("server.pem")
            || path.ends_with("url");
        assert_eq!(mode(&path), if open { 0o644 } else { 0o600 }, "{}", path.display());
        let bytes = read(&path);
        assert!(
            !bytes.windows(token.len()).any(|w| w == token.as_bytes()),
            "{} holds the token",
            path.display()
        );
    }
    let ca = read(&server.ca_file);
    signal(&server, Signal::SIGTERM);
    assert!(server.child.wait().unwrap().success());
    let again = Server::start_in(&dir, &[]);
    assert!(again.told["admin_token"].is_null());
    assert_eq!(read(&again.ca_file), ca);
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let _server = Server::start_in(&data, &[]);
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_highwater-central"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(&data)
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(69), "{second:?}");
    assert!(String::from_utf8_lossy(&second.stderr).contains("another server runs on"), "{second:?}");
}

#[test]
fn what_cannot_be_started_says_why() {
    let home = tempfile::tempdir().unwrap();
    let check = |dir: &Path, arguments: &[&str], code: i32, says: &str| {
        let output = program(dir, arguments).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(says), "{told}");
    };
    let dir = home.path().join("none");
    check(&dir, &["contract", "list"], 78, "start central once");
    check(&dir, &["serve", "--database-url", "postgres://localhost/x"], 78, "without PostgreSQL");
    check(&dir, &["serve", "--listen", "nowhere"], 64, "--listen");
    check(&dir, &["serve", "--listen", ":443"], 64, "0.0.0.0:8443");
    check(&dir, &["serve", "--public-url", "http://central.example.com"], 64, "agents speak HTTPS only");
    check(&dir, &["contract", "create", "--product", "P"], 64, "--customer");
    let foreign = home.path().join("foreign");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("central.db"), "this is no database, and never was one: it is a text")
        .unwrap();
    check(&foreign, &["serve", "--listen", "127.0.0.1:0"], 65, "another program's");
}

#[tokio::test]
async fn a_new_key_is_believed_by_who_pinned_the_old_one_and_old_receipts_stay_the_same() {
    let server = Server::start();
    let contract = server.contract(&[]);
    let token = server.token(&contract, &[]);
    let mut client = server.client().await;
    let mut agent = Agent::new(1);
    agent.join(&mut client, &token).await;
    let old_key = agent.pinned.clone().unwrap();
    let first = agent.report();
    let Fate::Receipted { envelope: before, receipt } =
        agent.push(&mut client, std::slice::from_ref(&first)).await.remove(0)
    else {
        panic!("refused");
    };
    for _ in 0..2 {
        keys::rotate(&server.store(), By { who: "cli:test".to_owned(), at: 5 }).await.unwrap();
    }
    // Still pinned to the old key: the receipt is the very same, and the new key is shown.
    let both = [first.clone(), agent.report()];
    let fates = agent.push(&mut client, &both).await;
    assert!(matches!(&fates[0], Fate::Receipted { envelope, .. } if *envelope == before), "bit for bit");
    assert!(matches!(&fates[1], Fate::Receipted { .. }));
    assert_ne!(agent.pinned.as_ref().unwrap(), &old_key);
    // Pinned to the new key: the same words, under a key that it can still follow.
    let fates = agent.push(&mut client, &[first]).await;
    assert!(matches!(&fates[0], Fate::Receipted { receipt: again, .. } if *again == receipt));
    // A token of before the rotation still leads to the new key.
    let mut late = Agent::new(2);
    late.join(&mut client, &token).await;
    assert_eq!(late.pinned, agent.pinned);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_loses_nothing_that_it_acknowledged() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("data");
    let mut server = Server::start_in(&dir, &[]);
    let contract = server.contract(&[]);
    let token = server.token(&contract, &[]);
    let mut agents = Vec::new();
    let mut client = server.client().await;
    for n in 0..8 {
        let mut agent = Agent::new(n);
        agent.join(&mut client, &token).await;
        agents.push(agent);
    }
    let acknowledged: Arc<Mutex<BTreeSet<(String, u64)>>> = Arc::default();
    let senders: Vec<_> = agents
        .into_iter()
        .map(|mut agent| {
            let (url, ca, acknowledged) =
                (server.url.clone(), server.ca_file.clone(), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                let mut client = Client::connect(&url, &ca).await;
                loop {
                    let made: Vec<Made> = (0..3).map(|_| agent.report()).collect();
                    let Ok(reply) = client.try_post("/v1/reports", agent.batch(&made)).await else { return };
                    let believed = agent.believe(&reply.body, &made).unwrap();
                    let mut acknowledged = acknowledged.lock().unwrap();
                    for (fate, made) in believed.fates.iter().zip(&made) {
                        assert!(matches!(fate, Fate::Receipted { .. }), "{fate:?}");
                        acknowledged.insert((made.sent.instance.clone(), made.sent.sequence));
                    }
                }
            })
        })
        .collect();
    until("some hundred are acknowledged", async || acknowledged.lock().unwrap().len() > 300).await;
    signal(&server, Signal::SIGKILL);
    server.child.wait().unwrap();
    for sender in senders {
        sender.await.unwrap();
    }
    let again = Server::start_in(&dir, &[]);
    let store = again.store();
    let acknowledged = acknowledged.lock().unwrap().clone();
    for (instance, sequence) in acknowledged {
        assert!(
            store.report(instance.clone(), sequence).await.unwrap().is_some(),
            "{instance} {sequence} is lost"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_beside_a_busy_server_neither_wait_for_long_nor_disturb_it() {
    let server = Server::start();
    let contract = server.contract(&[]);
    let token = server.token(&contract, &[]);
    let mut client = server.client().await;
    let mut agent = Agent::new(1);
    agent.join(&mut client, &token).await;
    let pushing = tokio::spawn(async move {
        for _ in 0..100 {
            let made = agent.report();
            let fates = agent.push(&mut client, &[made]).await;
            assert!(matches!(&fates[0], Fate::Receipted { .. }));
        }
        agent
    });
    for n in 0..5 {
        server.contract(&["--grace", &format!("{}d", n + 1)]);
    }
    assert_eq!(server.json(&["contract", "list"])["contracts"].as_array().unwrap().len(), 6);
    let agent = pushing.await.unwrap();
    let filter = ReportFilter { identity: Some(agent.instance), ..ReportFilter::default() };
    assert_eq!(server.store().reports(filter).await.unwrap().len(), 100);
}

#[tokio::test]
async fn a_server_that_is_told_to_end_does_so_with_idle_connections_open() {
    let mut server = Server::start();
    let mut client = server.client().await;
    assert_eq!(client.get("/healthz").await.status, 200);
    let quiet = Client::connect(&server.url, &server.ca_file).await;
    signal(&server, Signal::SIGTERM);
    let mut ended = None;
    for _ in 0..250 {
        ended = server.child.try_wait().unwrap();
        if ended.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
    drop(quiet);
}

#[tokio::test]
async fn an_address_that_asks_too_often_is_told_to_wait() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start_in(&home.path().join("data"), &["--rate-limit", "5"]);
    let mut client = server.client().await;
    let mut last = client.get("/healthz").await;
    for _ in 0..30 {
        last = client.get("/healthz").await;
    }
    assert_eq!((last.status.as_u16(), last.error().as_str()), (429, "too_many_requests"));
    assert_eq!(last.headers["retry-after"], "1");
}

#[tokio::test]
async fn a_changed_certificate_is_spoken_after_a_hangup() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("data");
    let other = Server::start();
    let server = Server::start_in(&dir, &[]);
    assert!(
        Client::try_connect(&server.url, &other.ca_file).await.is_err(),
        "another authority is not trusted"
    );
    for name in ["server.pem", "server-key.pem"] {
        std::fs::copy(other.dir.join(name), dir.join(name)).unwrap();
    }
    signal(&server, Signal::SIGHUP);
    until("the other certificate is spoken", async || {
        Client::try_connect(&server.url, &other.ca_file).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn a_full_disk_acknowledges_nothing_and_goes_on_when_there_is_room() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("data");
    let mut server = Server::start_in(&dir, &[]);
    let token = server.token(&server.contract(&[]), &[]);
    let mut agent = Agent::new(1);
    agent.join(&mut server.client().await, &token).await;
    // No file grows beyond 2 MiB: the write-ahead log soon is that long, and a write then fails as on a full disk.
    limit(&server, "2097152");
    let mut client = server.client().await;
    let mut acknowledged = 0;
    let mut refused = None;
    for _ in 0..200 {
        let made: Vec<Made> = (0..20).map(|_| agent.report()).collect();
        let reply = client.try_post("/v1/reports", agent.batch(&made)).await;
        let reply = reply.unwrap_or_else(|e| panic!("{e}: the server {:?}", server.child.wait()));
        if reply.status == 200 {
            acknowledged += made.len();
            continue;
        }
        assert_eq!((reply.status.as_u16(), reply.error().as_str()), (503, "store_failed"));
        assert!(reply.headers.contains_key("retry-after"));
        refused = Some(made);
        break;
    }
    let waiting = refused.expect("the disk was never full");
    assert!(acknowledged > 0);
    limit(&server, "unlimited");
    let fates = agent.push(&mut client, &waiting).await;
    assert!(fates.iter().all(|fate| matches!(fate, Fate::Receipted { .. })), "{fates:?}");
    signal(&server, Signal::SIGKILL);
    server.child.wait().unwrap();
    let again = Server::start_in(&dir, &[]);
    let listed = again.json(&["report", "list"]);
    assert_eq!(listed["reports"].as_array().unwrap().len(), acknowledged + waiting.len());
}

/// Bounds how long a file of a running server can grow.
fn limit(server: &Server, bytes: &str) {
    let done = std::process::Command::new("prlimit")
        .args(["--pid", &server.child.id().to_string(), &format!("--fsize={bytes}:unlimited")])
        .status();
    assert!(done.unwrap().success());
}
