//! What becomes of reports.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]

mod support;

use highwater_central::model::{AlarmFilter, AlarmKind, ReportFilter};
use highwater_central::store::Store as _;
use highwater_proto::v1::refusal::Reason;
use highwater_rules::receipt::Fate;
use highwater_rules::sign::sha256;
use support::{Agent, Client, Made, Server};

struct World {
    server: Server,
    client: Client,
    contract: String,
    agent: Agent,
}

async fn world() -> World {
    let server = Server::start();
    let contract = server.contract(&[]);
    let token = server.token(&contract, &[]);
    let mut client = server.client().await;
    let mut agent = Agent::new(1);
    agent.join(&mut client, &token).await;
    World { server, client, contract, agent }
}

impl World {
    async fn alarms(&self) -> Vec<AlarmKind> {
        let filter = AlarmFilter::default();
        let mut kinds: Vec<AlarmKind> =
            self.server.store().alarms(filter).await.unwrap().into_iter().map(|alarm| alarm.kind).collect();
        kinds.reverse();
        kinds
    }

    async fn open_alarms(&self) -> usize {
        let filter = AlarmFilter { open: true, ..AlarmFilter::default() };
        self.server.store().alarms(filter).await.unwrap().len()
    }

    async fn push(&mut self, made: &[Made]) -> Vec<Fate> {
        self.agent.push(&mut self.client, made).await
    }
}

fn identity(fate: &Fate) -> String {
    match fate {
        Fate::Receipted { receipt, .. } => receipt.identity.clone(),
        Fate::Refused { .. } => panic!("refused: {fate:?}"),
    }
}

fn envelope(fate: &Fate) -> Vec<u8> {
    match fate {
        Fate::Receipted { envelope, .. } => envelope.clone(),
        Fate::Refused { .. } => panic!("refused: {fate:?}"),
    }
}

fn reason(fate: &Fate) -> (Reason, bool) {
    match fate {
        Fate::Refused { reason, for_good, .. } => (*reason, *for_good),
        Fate::Receipted { .. } => panic!("taken: {fate:?}"),
    }
}

#[tokio::test]
async fn reports_are_receipted_in_order_and_listed_as_they_were_signed() {
    let mut world = world().await;
    let made: Vec<Made> = (0..20).map(|_| world.agent.report()).collect();
    let fates = world.push(&made).await;
    assert!(fates.iter().all(|fate| identity(fate) == world.agent.instance));
    let listed = world.server.json(&["report", "list", "--instance", &world.agent.instance]);
    let listed = listed["reports"].as_array().unwrap();
    assert_eq!(
        listed.iter().map(|r| r["sequence"].as_u64().unwrap()).collect::<Vec<_>>(),
        (1..=20).collect::<Vec<_>>()
    );
    assert_eq!(listed[0]["day"], "2026-01-02");
    let stored = world.server.store().report(world.agent.instance.clone(), 7).await.unwrap().unwrap();
    assert_eq!(
        (stored.payload, stored.signature),
        (made[6].envelope.payload.clone(), made[6].envelope.signature.clone())
    );
    assert_eq!(world.alarms().await, []);
}

#[tokio::test]
async fn the_same_report_again_gives_the_very_same_receipt() {
    let mut world = world().await;
    let made: Vec<Made> = (0..3).map(|_| world.agent.report()).collect();
    let first = world.push(&made).await;
    let again = world.push(&made).await;
    assert_eq!(
        first.iter().map(envelope).collect::<Vec<_>>(),
        again.iter().map(envelope).collect::<Vec<_>>()
    );
    let twice = world.push(&[made[1].clone(), made[1].clone()]).await;
    assert_eq!(envelope(&twice[0]), envelope(&first[1]));
    assert_eq!(envelope(&twice[1]), envelope(&first[1]));
    let next = world.agent.report();
    let twice = world.push(&[next.clone(), next]).await;
    assert_eq!(envelope(&twice[0]), envelope(&twice[1]), "in one batch, and new");
    assert_eq!(world.alarms().await, []);
}

#[tokio::test]
async fn a_fork_splits_the_line_and_loses_neither_side() {
    let mut world = world().await;
    let common = world.agent.report();
    world.push(&[common]).await;
    let mut clone = world.agent.cloned(1);
    let own: Vec<Made> = (0..3).map(|_| world.agent.report()).collect();
    world.push(&own).await;
    let others: Vec<Made> =
        (0..3).map(|n| clone.report_with(|chain| chain.last_digest = sha256(&[n, 77]))).collect();
    let fates = clone.push(&mut world.client, &others).await;
    let split = identity(&fates[0]);
    assert_ne!(split, world.agent.instance);
    assert!(fates.iter().all(|fate| identity(fate) == split), "the clone goes on on its own line");
    let more = world.agent.report();
    assert_eq!(identity(&world.push(&[more]).await[0]), world.agent.instance);
    let again = clone.push(&mut world.client, &others).await;
    assert_eq!(
        again.iter().map(envelope).collect::<Vec<_>>(),
        fates.iter().map(envelope).collect::<Vec<_>>()
    );
    assert_eq!(world.alarms().await.iter().filter(|kind| **kind == AlarmKind::Fork).count(), 1);
    let filter = ReportFilter { instance: Some(world.agent.instance.clone()), ..ReportFilter::default() };
    assert_eq!(world.server.store().reports(filter).await.unwrap().len(), 8);
}

#[tokio::test]
async fn a_hole_is_an_alarm_and_a_late_report_fills_it() {
    let mut world = world().await;
    let made: Vec<Made> = (0..4).map(|_| world.agent.report()).collect();
    world.push(&made[..1]).await;
    let fates = world.push(&made[3..]).await;
    assert_eq!(identity(&fates[0]), world.agent.instance);
    assert_eq!(world.alarms().await, [AlarmKind::Hole]);
    assert_eq!(identity(&world.push(&made[2..3]).await[0]), world.agent.instance, "its end first");
    assert_eq!(world.open_alarms().await, 1, "a part of it is still missing");
    assert_eq!(identity(&world.push(&made[1..2]).await[0]), world.agent.instance);
    assert_eq!((world.alarms().await, world.open_alarms().await), (vec![AlarmKind::Hole], 0));
    let alarm = world.server.json(&["alarm", "list"])["alarms"][0].clone();
    let detail = "2 reports before report 4 never came; they have come since";
    assert_eq!(alarm["detail"], detail, "{alarm}");
    let trail = world.server.json(&["audit", "list", "--subject", &alarm["id"].to_string()]);
    assert_eq!(trail["changes"][0]["action"], "alarm_acknowledged", "{trail}");
    // A second hole, behind the first one.
    let later: Vec<Made> = (0..3).map(|_| world.agent.report()).collect();
    world.push(&later[2..]).await;
    assert_eq!(world.open_alarms().await, 1);
    world.push(&later[1..2]).await;
    world.push(&later[..1]).await;
    assert_eq!(world.open_alarms().await, 0);
    let next = world.agent.report();
    assert_eq!(identity(&world.push(&[next]).await[0]), world.agent.instance);
}

#[tokio::test]
async fn a_hole_that_is_filled_by_one_batch_in_its_order_is_no_fork() {
    let mut world = world().await;
    let made: Vec<Made> = (0..6).map(|_| world.agent.report()).collect();
    world.push(&made[..1]).await;
    world.push(&made[5..]).await;
    let fates = world.push(&made[1..5]).await;
    assert!(fates.iter().all(|fate| identity(fate) == world.agent.instance), "{fates:?}");
    assert_eq!((world.alarms().await, world.open_alarms().await), (vec![AlarmKind::Hole], 0));
    // Another history of the same numbers leads nowhere: that is a fork still.
    let mut world = self::world().await;
    let made: Vec<Made> = (0..6).map(|_| world.agent.report()).collect();
    world.push(&made[..1]).await;
    world.push(&made[5..]).await;
    let mut clone = world.agent.cloned(1);
    (clone.sequence, clone.previous) = (1, Some(made[0].sent.digest));
    let others: Vec<Made> =
        (0..4).map(|n| clone.report_with(|chain| chain.last_digest = sha256(&[n, 77]))).collect();
    let fates = clone.push(&mut world.client, &others).await;
    assert!(fates.iter().all(|fate| identity(fate) != world.agent.instance), "{fates:?}");
    assert_eq!(world.open_alarms().await, world.alarms().await.len());
}

#[tokio::test]
async fn a_chain_that_does_not_go_on_is_an_alarm() {
    let mut world = world().await;
    let first = world.agent.report();
    let broken = world.agent.report_with(|chain| chain.first_digest = sha256(b"rewritten"));
    let good = world.agent.report();
    let fates = world.push(&[first, broken, good]).await;
    assert!(fates.iter().all(|fate| identity(fate) == world.agent.instance), "it is stored all the same");
    assert_eq!(world.alarms().await, [AlarmKind::Chain]);
    // The second day told again, from the same row, with another beginning.
    let again = world.agent.report_with(|chain| {
        *chain = highwater_rules::report::ChainSpan {
            first_row: 289,
            last_row: 576,
            first_digest: sha256(b"otherwise"),
            last_digest: chain.last_digest,
        };
    });
    world.push(&[again]).await;
    assert_eq!(world.alarms().await, [AlarmKind::Chain, AlarmKind::Chain]);
}

#[tokio::test]
async fn rows_that_were_never_told_or_are_numbered_anew_are_an_alarm() {
    let mut world = world().await;
    let first = world.agent.report();
    world.push(&[first]).await;
    let after_a_gap = world.agent.report_with(|chain| {
        (chain.first_row, chain.last_row) = (chain.first_row + 50, chain.last_row + 50);
    });
    world.push(&[after_a_gap]).await;
    assert_eq!(world.alarms().await, [AlarmKind::Chain], "fifty rows are missing");
    // A ledger that was put back gives numbers again that other rows have had.
    let put_back = world.agent.report_with(|chain| (chain.first_row, chain.last_row) = (400, 700));
    let fates = world.push(&[put_back]).await;
    assert_eq!(identity(&fates[0]), world.agent.instance, "it is stored all the same");
    assert_eq!(world.alarms().await, [AlarmKind::Chain, AlarmKind::Chain]);
}

#[tokio::test]
async fn a_tampered_report_is_refused_for_good_and_those_behind_it_are_not() {
    let mut world = world().await;
    let made: Vec<Made> = (0..3).map(|_| world.agent.report()).collect();
    let mut tampered = made.clone();
    let at = tampered[1].envelope.payload.len() / 2;
    tampered[1].envelope.payload[at] ^= 1;
    tampered[1].sent.digest = sha256(&tampered[1].envelope.payload);
    let fates = world.push(&tampered).await;
    assert_eq!(reason(&fates[1]), (Reason::Signature, true));
    assert_eq!(
        (identity(&fates[0]), identity(&fates[2])),
        (world.agent.instance.clone(), world.agent.instance.clone())
    );
}

#[tokio::test]
async fn an_unknown_key_is_refused_for_now_with_all_behind_it() {
    let mut world = world().await;
    let mut stranger = Agent::new(2);
    stranger.pinned.clone_from(&world.agent.pinned);
    let theirs: Vec<Made> = (0..2).map(|_| stranger.report()).collect();
    let own = world.agent.report();
    let fates = stranger.push(&mut world.client, &[theirs[0].clone(), own, theirs[1].clone()]).await;
    assert_eq!(reason(&fates[0]), (Reason::UnknownKey, false));
    assert_eq!(identity(&fates[1]), world.agent.instance, "another instance's report is not held up");
    assert_eq!(reason(&fates[2]), (Reason::OutOfTurn, false));
}

#[tokio::test]
async fn a_report_of_another_instance_is_refused_for_good() {
    let mut world = world().await;
    let own = world.agent.instance.clone();
    world.agent.instance = Agent::new(9).instance;
    let made = world.agent.report();
    assert_eq!(reason(&world.push(&[made]).await[0]), (Reason::Malformed, true));
    world.agent.instance = own;
}

#[tokio::test]
async fn a_contract_revoked_beside_the_server_refuses_at_once_and_nothing_is_lost() {
    let mut world = world().await;
    let made: Vec<Made> = (0..3).map(|_| world.agent.report()).collect();
    world.push(&made[..1]).await;
    world.server.json(&["contract", "revoke", &world.contract]);
    let fates = world.push(&made).await;
    assert_eq!(identity(&fates[0]), world.agent.instance, "what was receipted stays so");
    assert_eq!(reason(&fates[1]), (Reason::Contract, false));
    assert_eq!(reason(&fates[2]), (Reason::OutOfTurn, false));
    let store = world.server.store();
    let audit = store.audit(highwater_central::model::AuditFilter {
        subject: Some(world.contract.clone()),
        ..Default::default()
    });
    let audit = audit.await.unwrap();
    assert_eq!(audit[0].action, "contract_revoked");
    assert_eq!(
        (&audit[0].before["status"], &audit[0].after["status"]),
        (&"active".into(), &"revoked".into())
    );
}

#[tokio::test]
async fn what_is_no_batch_is_a_problem_with_a_mend() {
    let mut world = world().await;
    let reply = world.client.post("/v1/reports", vec![0xff; 40]).await;
    assert_eq!((reply.status.as_u16(), reply.error().as_str()), (400, "malformed"));
    let made = world.agent.report();
    let many = world.agent.batch(&vec![made; 201]);
    let reply = world.client.post("/v1/reports", many).await;
    assert_eq!((reply.status.as_u16(), reply.error().as_str()), (400, "malformed"));
    let reply = world.client.get("/v1/nothing").await;
    assert_eq!((reply.status.as_u16(), reply.error().as_str()), (404, "not_found"));
    let mut client = world.server.client().await;
    let reply = client.post("/v1/reports", vec![0; 5 * 1024 * 1024]).await;
    assert_eq!((reply.status.as_u16(), reply.error().as_str()), (413, "too_large"));
    assert_eq!(world.server.client().await.get("/readyz").await.status, 200);
}
