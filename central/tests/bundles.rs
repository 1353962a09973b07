//! Bundles handed in at a real server: whole, cut, damaged, reordered, at the wrong central, too long.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that can't go on fails"
)]

mod support;

use highwater_central::store::Store as _;
use highwater_proto::v1::{Envelope, Export, Kind};
use highwater_rules::bundle::{BUNDLE_MAX_BYTES, Record};
use highwater_rules::licence;
use prost::Message as _;
use support::{Agent, Client, Made, Server, packed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn joined(server: &Server, n: u32) -> (Agent, Client) {
    let token = server.token(&server.contract(&[]), &[]);
    let mut client = server.client().await;
    let mut agent = Agent::new(n);
    agent.join(&mut client, &token).await;
    (agent, client)
}

fn stored(server: &Server, identity: &str) -> usize {
    server.json(&["report", "list", "--identity", identity, "--limit", "1000"])["reports"]
        .as_array()
        .unwrap()
        .len()
}

fn metric(text: &[u8], name: &str) -> u64 {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name}")).trim().parse().unwrap()
}

#[tokio::test]
async fn what_is_carried_gets_the_receipts_that_it_would_get_online() {
    let server = Server::start();
    let (mut agent, mut client) = joined(&server, 1).await;
    let (bundle, made) = agent.bundle(450);
    let replied = client.carried(&bundle).await.only();
    assert_eq!((replied.reply.read, replied.reply.accepted, &*replied.reply.cut), (450, 450, ""));
    assert_eq!(
        (replied.reply.instance.clone(), replied.reply.nonce.clone()),
        (agent.instance.clone(), agent.export_nonce())
    );
    // Three batches, and one that brings the licence which the host does not hold.
    assert_eq!((replied.answers(), replied.licences().len()), (4, 1));
    assert!(replied.receipted(&agent).into_iter().eq(1..=450));
    assert_eq!(stored(&server, &agent.instance), 450);
    // Carried once more, or pushed after all, it is the same reports.
    assert!(client.carried(&bundle).await.only().receipted(&agent).into_iter().eq(1..=450));
    agent.push(&mut client, &made[..50]).await;
    assert_eq!(stored(&server, &agent.instance), 450);
    let metrics = client.get("/metrics").await.body;
    assert_eq!(metric(&metrics, "highwater_central_bundles_total{taken=\"whole\"}"), 2);
    assert_eq!(metric(&metrics, "highwater_central_reports_accepted_total"), 950);
}

#[tokio::test]
async fn an_export_without_reports_is_answered_too() {
    let server = Server::start();
    let (mut agent, mut client) = joined(&server, 1).await;
    let (bundle, _) = agent.bundle(0);
    let replied = client.carried(&bundle).await.only();
    assert_eq!((replied.reply.read, &*replied.reply.cut, replied.answers()), (0, "", 1));
    assert!(replied.receipted(&agent).is_empty());
}

/// An export without reports, of a host that holds the licence with this id.
fn holding(agent: &Agent, held: &str) -> Vec<u8> {
    let records = agent.export(&[]);
    let Record::Export(envelope) = &records[0] else { panic!() };
    let export = Export::decode(&envelope.payload[..]).unwrap();
    let export = Export { held: held.to_owned(), ..export };
    packed(&[Record::Export(agent.key.seal(Kind::Export, export.encode_to_vec()))])
}

#[tokio::test]
async fn a_bundle_brings_the_licence_that_its_host_does_not_hold() {
    let server = Server::start();
    let contract = server.contract(&["--offline"]);
    let mut client = server.client().await;
    let mut agent = Agent::new(1);
    agent.join(&mut client, &server.token(&contract, &[])).await;
    let key = agent.pinned.clone().unwrap();
    let mut brought = Vec::new();
    for _ in 0..2 {
        // What was brought may have been lost on its way: then it is brought again.
        let licences = client.carried(&holding(&agent, "")).await.only().licences();
        brought.extend(licences.iter().map(|token| licence::read(token, &[&key]).unwrap()));
    }
    assert_eq!(brought.len(), 2);
    assert_eq!((&brought[0], brought[0].status), (&brought[1], licence::Status::Active));
    assert!(client.carried(&holding(&agent, &brought[0].id)).await.only().licences().is_empty());
    assert!(server.output(&["contract", "revoke", &contract]).status.success());
    for _ in 0..2 {
        let licences = client.carried(&holding(&agent, &brought[0].id)).await.only().licences();
        let revoked = licence::read(&licences[0], &[&key]).unwrap();
        assert_eq!((licences.len(), revoked.status), (1, licence::Status::Revoked));
        assert!(revoked.replaces(&brought[0]));
        brought.push(revoked);
    }
    // Once it is there, it is not brought again and again.
    assert!(client.carried(&holding(&agent, &brought[2].id)).await.only().licences().is_empty());
}

#[tokio::test]
async fn a_bundle_cut_anywhere_gets_receipts_for_what_came_before_and_is_told_where() {
    let server = Server::start();
    let (mut agent, mut client) = joined(&server, 1).await;
    let (bundle, _) = agent.bundle(60);
    let mut most = 0;
    for length in (0..bundle.len()).step_by(bundle.len() / 40) {
        let reply = client.bundle(&bundle[..length]).await;
        if reply.status == 400 {
            assert_eq!(reply.error(), "malformed", "{length}");
            assert_eq!(most, 0, "{length}: nothing but the beginning is no bundle");
            continue;
        }
        assert_eq!(reply.status, 200, "{length}");
        let replied = support::Back::read(&reply.body).only();
        let count = replied.reply.read;
        assert_eq!(replied.reply.accepted, count);
        assert!(replied.receipted(&agent).into_iter().eq(1..=u64::from(count)), "{length}");
        if count < 60 {
            let expected = format!("cut off after record {}", count + 1);
            let told = format!("{count} of the 60 reports of instance {} were read", agent.instance);
            assert!(replied.reply.cut.contains(&expected), "{}", replied.reply.cut);
            assert!(replied.reply.cut.contains(&told), "{}", replied.reply.cut);
        }
        let header = reply.headers["highwater-cut"].to_str().unwrap();
        assert!(header.contains("cut off after record"), "{header}");
        assert!(count >= most, "more of the file is never less: {count} after {most}");
        most = count;
    }
    assert!(most > 50, "{most}");
}

#[tokio::test]
async fn a_flipped_byte_gets_no_receipt_for_what_it_changed() {
    let server = Server::start();
    let (mut agent, mut client) = joined(&server, 1).await;
    let (bundle, made) = agent.bundle(30);
    for at in (0..bundle.len()).step_by(bundle.len() / 50) {
        let mut flipped = bundle.clone();
        flipped[at] ^= 0x10;
        let reply = client.bundle(&flipped).await;
        if reply.status == 400 {
            continue;
        }
        assert_eq!(reply.status, 200, "{at}: {}", String::from_utf8_lossy(&reply.body));
        for replied in support::Back::read(&reply.body).0 {
            // Those that were changed are refused by their signature, and those behind them are not.
            let sequences = replied.receipted(&agent);
            assert!(
                sequences.is_sorted() && sequences.iter().all(|n| (1..=30).contains(n)),
                "{at}: {sequences:?}"
            );
            assert_eq!(sequences.len(), usize::try_from(replied.reply.accepted).unwrap(), "{at}");
        }
        let cut = reply.headers.get("highwater-cut").map(|cut| cut.to_str().unwrap().to_owned());
        // What nobody looks at: when and on what the file was made, and the bits that fill up the last packed byte.
        let is_idle = (4..10).contains(&at) || at == bundle.len() - 9;
        assert!(cut.is_some() || is_idle, "{at} of {}", bundle.len());
    }
    // The whole bundle mends it, and what is stored is what was signed.
    assert!(client.carried(&bundle).await.only().receipted(&agent).into_iter().eq(1..=30));
    assert_eq!(stored(&server, &agent.instance), 30);
    let alarms = server.json(&["alarm", "list"]);
    assert_eq!(alarms["alarms"].as_array().unwrap().len(), 0, "{alarms}");
    let store = server.store();
    for one in made {
        let kept = store.report(agent.instance.clone(), one.sent.sequence).await.unwrap().unwrap();
        assert_eq!(kept.row.digest, one.sent.digest.hex());
    }
}

#[tokio::test]
async fn reordered_reports_are_all_taken_or_told_of() {
    let server = Server::start();
    let (mut agent, mut client) = joined(&server, 1).await;
    let mut made: Vec<Made> = (0..6).map(|_| agent.report()).collect();
    made.swap(1, 4);
    let replied = client.carried(&packed(&agent.export(&made))).await.only();
    let reply = &replied.reply;
    assert_eq!((reply.read, &*reply.cut), (6, ""));
    assert_eq!(replied.receipted(&agent).len(), usize::try_from(reply.accepted).unwrap());
    // In their order, the rest follows.
    made.swap(1, 4);
    let mut receipted = client.carried(&packed(&agent.export(&made))).await.only().receipted(&agent);
    receipted.sort_unstable();
    assert!(receipted.into_iter().eq(1..=6));
    assert_eq!(server.json(&["alarm", "list"])["alarms"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn whoever_turns_a_bundles_reports_round_leaves_no_alarm_behind() {
    let server = Server::start();
    let mut client = server.client().await;
    let token = server.token(&server.contract(&[]), &[]);
    // A batch, and more than two.
    for (n, reports) in [(1, 6), (2, 450)] {
        let mut agent = Agent::new(n);
        agent.join(&mut client, &token).await;
        let mut made: Vec<Made> = (0..reports).map(|_| agent.report()).collect();
        made.reverse();
        let replied = client.carried(&packed(&agent.export(&made))).await.only();
        let mut receipted = replied.receipted(&agent);
        receipted.sort_unstable();
        assert!(receipted.into_iter().eq(1..=reports));
        assert_eq!(stored(&server, &agent.instance), usize::try_from(reports).unwrap(), "all in one line");
    }
    let open = server.json(&["alarm", "list", "--open"]);
    assert_eq!(open["alarms"].as_array().unwrap().len(), 0, "{open}");
}

#[tokio::test]
async fn an_export_repeated_many_times_is_taken_once() {
    let server = Server::start();
    let (mut agent, mut client) = joined(&server, 1).await;
    let made = [agent.report(), agent.report()];
    let mut records = agent.export(&made);
    // What belongs to the repeated ones is passed over with them.
    for _ in 0..3 {
        records.extend(agent.export(&made));
    }
    let again = records[0].clone();
    records.extend(std::iter::repeat_n(again, 25_000));
    let (other, _) = joined(&server, 2).await;
    records.extend(other.export(&[]));
    let bundle = packed(&records);
    let bound = std::time::Duration::from_secs(30);
    let replies = tokio::time::timeout(bound, client.carried(&bundle)).await.unwrap().0;
    assert_eq!(replies.len(), 2, "one for each host");
    assert_eq!(replies[0].receipted(&agent), [1, 2]);
    assert_eq!((&*replies[0].reply.cut, &*replies[1].reply.cut), ("", ""));
}

#[tokio::test]
async fn of_one_host_a_hundred_exports_are_taken_and_a_thousand_refusals_end_a_bundle() {
    let server = Server::start();
    let (agent, mut client) = joined(&server, 1).await;
    let Record::Export(one) = agent.export(&[])[0].clone() else { panic!() };
    let meant = Export::decode(&one.payload[..]).unwrap();
    let records: Vec<Record> = (0..3000_i64)
        .map(|n| {
            let export = Export { exported_at: n, ..meant.clone() };
            Record::Export(agent.key.seal(Kind::Export, export.encode_to_vec()))
        })
        .collect();
    let reply = client.bundle(&packed(&records)).await;
    let replies = support::Back::read(&reply.body).0;
    assert_eq!(replies.len(), 1100);
    assert!(replies[..100].iter().all(|one| one.reply.cut.is_empty() && one.answers() == 1));
    let refused = &replies[100].reply.cut;
    assert!(refused.contains("more than 100 exports of instance"), "{refused}");
    let cut = reply.headers["highwater-cut"].to_str().unwrap();
    assert!(cut.contains("1000 exports") && cut.contains("refused"), "{cut}");
}

#[tokio::test]
async fn instances_of_one_bundle_do_not_hinder_each_other() {
    let server = Server::start();
    let (mut first, mut client) = joined(&server, 1).await;
    let (mut second, _) = joined(&server, 2).await;
    let mut stranger = Agent::new(3);
    let mut records = Vec::new();
    for agent in [&mut first, &mut stranger, &mut second] {
        let made: Vec<Made> = (0..3).map(|_| agent.report()).collect();
        records.extend(agent.export(&made));
    }
    let replies = client.carried(&packed(&records)).await.0;
    assert_eq!(replies.len(), 3);
    assert_eq!(replies[0].receipted(&first), [1, 2, 3]);
    assert_eq!(replies[2].receipted(&second), [1, 2, 3]);
    let refused = &replies[1].reply;
    assert_eq!((refused.instance.clone(), refused.read, refused.accepted), (stranger.instance.clone(), 3, 0));
    let named = format!("unknown key {} of instance {}", stranger.key.id().hex(), stranger.instance);
    assert!(refused.cut.contains(&named), "{}", refused.cut);
    assert_eq!(replies[1].answers(), 0);
}

#[tokio::test]
async fn a_bundle_for_another_central_is_refused_by_the_key_that_is_unknown_there() {
    let (home, other) = (Server::start(), Server::start());
    let (mut agent, mut client) = joined(&home, 1).await;
    let (bundle, _) = agent.bundle(4);
    let replied = other.client().await.carried(&bundle).await.only();
    assert_eq!((replied.reply.read, replied.reply.accepted, replied.answers()), (4, 0, 0));
    assert!(
        replied.reply.cut.contains(&format!("unknown key {}", agent.key.id().hex())),
        "{}",
        replied.reply.cut
    );
    assert_eq!(client.carried(&bundle).await.only().receipted(&agent), [1, 2, 3, 4]);
}

#[tokio::test]
async fn an_export_that_is_not_its_instances_own_is_refused_by_name() {
    let server = Server::start();
    let (mut agent, mut client) = joined(&server, 1).await;
    let (thief, _) = joined(&server, 2).await;
    let made = [agent.report(), agent.report()];
    let mut records = agent.export(&made);
    let Record::Export(good) = records[0].clone() else { panic!() };
    let forged = |change: &dyn Fn(&mut Envelope)| {
        let mut envelope = good.clone();
        change(&mut envelope);
        envelope
    };
    let meant = Export::decode(&good.payload[..]).unwrap();
    let short = Export { nonce: vec![1; 16], ..meant.clone() };
    for (envelope, why) in [
        (forged(&|e| e.signature[5] ^= 1), "the signature does not fit"),
        (forged(&|e| e.payload[5] ^= 1), "the signature does not fit"),
        (forged(&|e| e.key_id = thief.key.id().0.to_vec()), "the signature does not fit"),
        (agent.key.seal(Kind::Report, good.payload.clone()), "another kind of message"),
        (agent.key.seal(Kind::Export, short.encode_to_vec()), "nonce is not of 32 bytes"),
    ] {
        records[0] = Record::Export(envelope);
        let replied = client.carried(&packed(&records)).await.only();
        assert_eq!((replied.reply.read, replied.reply.accepted, replied.answers()), (2, 0, 0), "{why}");
        assert!(replied.reply.cut.contains(why), "{why}: {}", replied.reply.cut);
    }
    // An export that says more reports than follow.
    let more = Export { reports: 9, ..meant };
    records[0] = Record::Export(agent.key.seal(Kind::Export, more.encode_to_vec()));
    let replied = client.carried(&packed(&records)).await.only();
    assert_eq!(replied.receipted(&agent), [1, 2]);
    assert!(replied.reply.cut.contains("2 of the 9 reports"), "{}", replied.reply.cut);
}

#[tokio::test]
async fn an_instance_joins_by_a_bundle() {
    let server = Server::start();
    let token = server.token(&server.contract(&[]), &["--uses", "1"]);
    let mut client = server.client().await;
    let agent = Agent::new(7);
    let asking = Envelope::decode(&agent.asking(&token, &agent.key)[..]).unwrap();
    let bundle = packed(&[Record::Activation(asking)]);
    for _ in 0..2 {
        // The same host may ask again: its grant may have been lost on the way.
        let replied = client.carried(&bundle).await.only();
        assert_eq!((&*replied.reply.instance, &*replied.reply.cut), (&*agent.instance, ""));
        let [Record::Grant(grant)] = &replied.records[..] else { panic!("{:?}", replied.records) };
        let joined = highwater_rules::receipt::believe_grant(
            &grant.encode_to_vec(),
            &token.fingerprint,
            &replied.reply.nonce,
            &agent.instance,
            &agent.key.public(),
        );
        assert!(joined.is_ok(), "{joined:?}");
    }
    let late = Agent::new(8);
    let asking = Envelope::decode(&late.asking(&token, &late.key)[..]).unwrap();
    let replied = client.carried(&packed(&[Record::Activation(asking)])).await.only();
    assert!(replied.records.is_empty() && !replied.reply.cut.is_empty(), "{replied:?}");
    assert_eq!(replied.reply.instance, late.instance);
}

#[tokio::test]
async fn a_central_whose_key_has_changed_shows_the_way_to_it() {
    let server = Server::start();
    let (mut agent, mut client) = joined(&server, 1).await;
    assert!(server.output(&["key", "rotate"]).status.success());
    let (empty, _) = agent.bundle(0);
    // Nothing in it is new to central, so that nothing but the change itself tells of the key.
    let replied = client.carried(&empty).await.only();
    assert!(replied.records.iter().any(|record| matches!(record, Record::Succession(_))), "{replied:?}");
    let (bundle, _) = agent.bundle(3);
    let replied = client.carried(&bundle).await.only();
    assert_eq!(replied.receipted(&agent), [1, 2, 3]);
    assert!(replied.records.iter().any(|record| matches!(record, Record::Succession(_))), "{replied:?}");
    assert!(client.carried(&empty).await.only().receipted(&agent).is_empty());
}

#[tokio::test]
async fn what_is_no_bundle_or_goes_the_other_way_is_refused_in_words() {
    let server = Server::start();
    let (mut agent, mut client) = joined(&server, 1).await;
    let (bundle, _) = agent.bundle(1);
    let back = client.bundle(&bundle).await.body;
    for (body, status, word) in [
        (b"".to_vec(), 400, "malformed"),
        (b"a diary".to_vec(), 400, "malformed"),
        (packed(&[]), 400, "malformed"),
        (back, 400, "inward"),
    ] {
        let reply = client.bundle(&body).await;
        assert_eq!((reply.status.as_u16(), &*reply.error()), (status, word));
        assert_eq!(reply.headers["content-type"], "application/problem+json");
    }
    let reply = client.post("/v1/bundles", bundle).await;
    assert_eq!((reply.status.as_u16(), &*reply.error()), (415, "unsupported_media_type"));
    let metrics = client.get("/metrics").await.body;
    assert_eq!(metric(&metrics, "highwater_central_bundles_total{taken=\"refused\"}"), 4);
}

/// A bundle of records of zeros: a thousandth of what it unpacks to.
fn bomb(bytes: usize) -> Vec<u8> {
    use flate2::{Compress, Compression, FlushCompress};
    let mut plain = b"highwater bundle 1\n".to_vec();
    plain.extend_from_slice(&u32::try_from(1024 * 1024).unwrap().to_be_bytes());
    plain.resize(bytes, 0);
    let mut packer = Compress::new(Compression::best(), false);
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    out.reserve(bytes / 500);
    packer.compress_vec(&plain, &mut out, FlushCompress::Finish).unwrap();
    out
}

#[expect(clippy::disallowed_methods, reason = "a test reads what the kernel says of a process")]
fn peak_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn bombs_cost_no_memory_however_many_come_at_once() {
    let server = Server::start();
    let (mut agent, mut client) = joined(&server, 1).await;
    let made = agent.report();
    // An export of its own before the zeros, so that there is something to be read.
    let plain = packed(&agent.export(&[made]));
    client.carried(&plain).await;
    let before = peak_kib(server.child.id());
    let bomb = std::sync::Arc::new(bomb(300 * 1024 * 1024));
    let mut tasks = Vec::new();
    for _ in 0..24 {
        let (mut client, bomb) = (server.client().await, std::sync::Arc::clone(&bomb));
        tasks.push(tokio::spawn(async move { client.bundle(&bomb).await.status.as_u16() }));
    }
    for task in tasks {
        let status = task.await.unwrap();
        assert!([400, 503].contains(&status), "{status}");
    }
    let grown = peak_kib(server.child.id()).saturating_sub(before);
    assert!(grown < 150 * 1024, "{grown} KiB");
    client.carried(&plain).await;
}

/// The first line of the answer to a request that is only begun: its head, and so many bytes.
async fn begun(server: &Server, head: &str, body: &[u8]) -> String {
    let mut stream = server.stream().await;
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server may have closed already: that is what is asked for.
    let _ = stream.write_all(body).await;
    let mut answer = [0; 1024];
    let read = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..read]).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_bundle_of_ten_gigabytes_is_refused_before_it_is_read() {
    let server = Server::start();
    let head =
        "POST /v1/bundles HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/vnd.highwater.bundle\r\n";
    let told = begun(&server, &format!("{head}content-length: 10737418240\r\n\r\n"), b"").await;
    assert_eq!(told, "HTTP/1.1 413 Payload Too Large");
    // One that does not say how long it is, is refused at the bound.
    let chunk = vec![0; 1024 * 1024];
    let one = [b"100000\r\n", &chunk[..], b"\r\n"].concat();
    let many = one.repeat(usize::try_from(BUNDLE_MAX_BYTES).unwrap() / chunk.len() + 1);
    let told = begun(&server, &format!("{head}transfer-encoding: chunked\r\n\r\n"), &many).await;
    assert_eq!(told, "HTTP/1.1 413 Payload Too Large");
}
