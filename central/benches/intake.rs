//! How many reports a second the real server takes, over real TLS, with the load's generator on the same cores.
//!
//! ```text
//!   cargo bench --profile central -p highwater-central                    batches of 1 and of 50, the floor, the ratios
//!   cargo bench --profile central -p highwater-central -- --courier       a round of the courier's beside batches of 50
//!   cargo bench --profile central -p highwater-central -- --kill          kill -9 in the middle: what was acknowledged is there
//! ```
//!
//! The floor is what cannot be spared: on one thread, one Ed25519 verification a report, and a bare insert of its payload into a
//! SQLite file of the same durability, 512 a transaction.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::panic,
    reason = "a bench that fails tells so"
)]

#[path = "../tests/loop/programs.rs"]
mod programs;
mod round;
#[path = "../tests/support/mod.rs"]
mod support;

use highwater_central::clock::Clock;
use highwater_central::store::Store as _;
use highwater_proto::v1::{Answer, Kind, ReportResponse, outcome};
use highwater_rules::receipt::Sent;
use prost::Message as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use support::{Agent, Client, Made, Server};

const FLOOR_REPORTS: usize = 40_000;
const FLOOR_GROUP: usize = 512;
const ROUNDS: usize = 3;
/// So many that a report is of 1.9 KiB, sealed.
const INTERFACES: usize = 14;

/// What one run sends.
#[derive(Clone, Copy)]
struct Load {
    batch: usize,
    connections: usize,
    instances: usize,
    reports: usize,
}

/// A batch as it travels, and what is in it.
struct Ready {
    body: Vec<u8>,
    sent: Vec<Sent>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let ones = Load { batch: 1, connections: 256, instances: 1024, reports: 40_000 };
    let fifties = Load { batch: 50, connections: 16, instances: 256, reports: 64_000 };
    if arguments.iter().any(|a| a == "--courier") {
        return round::measure(&runtime, fifties);
    }
    if arguments.iter().any(|a| a == "--kill") {
        for load in [Load { reports: 30_000, ..ones }, Load { reports: 60_000, ..fifties }] {
            runtime.block_on(killed(load));
        }
        return;
    }
    // On a machine that others use too, only what was measured side by side can be compared.
    for round in 1..=ROUNDS {
        let floor = floor();
        println!(
            "round {round}: the floor    {floor:>8.0} reports/s  (one thread: a verification and a bare insert each)"
        );
        for load in [ones, fifties] {
            let (rate, cpu_us) = runtime.block_on(taken(load));
            println!(
                "  batches of {:>3}        {rate:>8.0} reports/s  {:.2} of the floor, {cpu_us:.0} us of the server's CPU each  \
                 ({} connections, {} instances, {} reports)",
                load.batch,
                rate / floor,
                load.connections,
                load.instances,
                load.reports
            );
        }
    }
}

/// The CPU time that a process has had, in microseconds.
fn cpu_us(process: u32) -> f64 {
    let path = format!("/proc/{process}/stat");
    let stat = highwater_central::files::read_bounded(path.as_ref(), 4096).unwrap();
    let stat = String::from_utf8_lossy(&stat).into_owned();
    // Behind the name in brackets, which may hold anything: fields 14 and 15, in hundredths of a second.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = [11, 12].iter().map(|at| fields[*at].parse::<f64>().unwrap()).sum();
    ticks * 10_000.0
}

fn floor() -> f64 {
    let mut agent = Agent { interfaces: INTERFACES, ..Agent::new(1) };
    let made: Vec<Made> = (0..FLOOR_REPORTS).map(|_| agent.report()).collect();
    println!("a report        {:>8} bytes", made[0].envelope.encoded_len());
    let home = tempfile::tempdir().unwrap();
    let mut db = rusqlite::Connection::open(home.path().join("floor.db")).unwrap();
    db.pragma_update(None, "journal_mode", "wal").unwrap();
    db.pragma_update(None, "synchronous", "full").unwrap();
    db.execute_batch("CREATE TABLE reports (id INTEGER PRIMARY KEY, payload BLOB NOT NULL)").unwrap();
    let key = agent.key.public();
    let begun = Clock.monotonic();
    for group in made.chunks(FLOOR_GROUP) {
        let transaction = db.transaction().unwrap();
        for one in group {
            let payload = key.open(&one.envelope, Kind::Report).unwrap();
            transaction
                .prepare_cached("INSERT INTO reports (payload) VALUES (?1)")
                .unwrap()
                .execute([payload])
                .unwrap();
        }
        transaction.commit().unwrap();
    }
    made.len() as f64 / begun.elapsed().as_secs_f64()
}

/// A server whose instances have joined, and what each connection will send.
async fn prepare(load: Load) -> (Server, tempfile::TempDir, Vec<Vec<Ready>>) {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start_in(&home.path().join("data"), &[]);
    let token = server.token(&server.contract(&[]), &[]);
    let mut client = server.client().await;
    let mut ready: Vec<Vec<Ready>> = (0..load.connections).map(|_| Vec::new()).collect();
    let each = load.reports / load.instances / load.batch;
    let mut per_instance: Vec<Vec<Ready>> = Vec::new();
    for n in 0..load.instances {
        let mut agent = Agent { interfaces: INTERFACES, ..Agent::new(u32::try_from(n).unwrap()) };
        agent.join(&mut client, &token).await;
        per_instance.push(
            (0..each)
                .map(|_| {
                    let made: Vec<Made> = (0..load.batch).map(|_| agent.report()).collect();
                    let body = agent.batch(&made);
                    Ready { body, sent: made.into_iter().map(|one| one.sent).collect() }
                })
                .collect(),
        );
    }
    // An instance keeps to one connection, so that its reports come in order; instances take turns.
    for turn in 0..each {
        for (n, batches) in per_instance.iter_mut().enumerate() {
            let taken = std::mem::replace(&mut batches[turn], Ready { body: Vec::new(), sent: Vec::new() });
            ready[n % load.connections].push(taken);
        }
    }
    (server, home, ready)
}

/// How many of an answer's outcomes are receipts.
fn receipts(body: &[u8]) -> usize {
    let answer = ReportResponse::decode(body).unwrap().answer.unwrap();
    let answer = Answer::decode(&answer.payload[..]).unwrap();
    answer.outcomes.iter().filter(|o| matches!(o.result, Some(outcome::Result::Receipt(_)))).count()
}

async fn taken(load: Load) -> (f64, f64) {
    let (server, _home, ready) = prepare(load).await;
    let total: usize = ready.iter().flatten().map(|batch| batch.sent.len()).sum();
    let mut clients = Vec::new();
    for _ in 0..load.connections {
        clients.push(server.client().await);
    }
    let before_us = cpu_us(server.child.id());
    let begun = Clock.monotonic();
    let tasks: Vec<_> = clients
        .into_iter()
        .zip(ready)
        .map(|(mut client, batches)| {
            tokio::spawn(async move {
                let mut count = 0;
                for batch in batches {
                    let reply = client.post("/v1/reports", batch.body).await;
                    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
                    count += receipts(&reply.body);
                }
                count
            })
        })
        .collect();
    let mut count = 0;
    for task in tasks {
        count += task.await.unwrap();
    }
    let rate = total as f64 / begun.elapsed().as_secs_f64();
    assert_eq!(count, total, "every report is receipted");
    (rate, (cpu_us(server.child.id()) - before_us) / total as f64)
}

/// Kills the server in the middle, and looks for what it had acknowledged.
async fn killed(load: Load) {
    let (mut server, home, ready) = prepare(load).await;
    let acknowledged: Arc<Mutex<Vec<Sent>>> = Arc::default();
    let over = Arc::new(AtomicBool::new(false));
    let mut tasks = Vec::new();
    for batches in ready {
        let mut client: Client = server.client().await;
        let (acknowledged, over) = (Arc::clone(&acknowledged), Arc::clone(&over));
        tasks.push(tokio::spawn(async move {
            for batch in batches {
                let Ok(reply) = client.try_post("/v1/reports", batch.body).await else {
                    assert!(over.load(Ordering::SeqCst), "only a killed server does not answer");
                    return;
                };
                assert_eq!(receipts(&reply.body), batch.sent.len());
                acknowledged.lock().unwrap().extend(batch.sent);
            }
        }));
    }
    let half = load.reports / 2;
    support::until("half of it is acknowledged", async || acknowledged.lock().unwrap().len() >= half).await;
    over.store(true, Ordering::SeqCst);
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    for task in tasks {
        task.await.unwrap();
    }
    let acknowledged = std::mem::take(&mut *acknowledged.lock().unwrap());
    let again = Server::start_in(&home.path().join("data"), &[]);
    let store = again.store();
    for sent in &acknowledged {
        let stored = store.report(sent.instance.clone(), sent.sequence).await.unwrap();
        let stored = stored.unwrap_or_else(|| panic!("{} {} is lost", sent.instance, sent.sequence));
        assert_eq!(stored.row.digest, sent.digest.hex());
    }
    println!(
        "killed in the middle of batches of {}: all {} acknowledged reports are there",
        load.batch,
        acknowledged.len()
    );
}
