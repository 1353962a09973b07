//! Licences: how an instance comes by one, renews it, and loses it.

mod support;

use highwater_proto::v1::Mode as WireMode;
use highwater_proto::v1::licence_refusal::Reason;
use highwater_rules::licence::{self, Limits, Mode, Status, Subject, renewal_allowed_from};
use highwater_rules::renewal::Outcome;
use hyper::Method;
use serde_json::json;
use support::{Admin, Agent, World, read};

const DAY: i64 = 86_400;
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

#[tokio::test]
async fn an_activation_brings_the_first_licence_with_all_that_was_agreed() {
    let terms = "--email ops@example.com --feature waf --feature geo --ram-limit 64GiB --throughput-limit 2.5Gbit --tier T5 \
                 --ssl-tps-limit 900 --slot 5m --grace 60d --not-after 2099-12-31";
    let mut world = World::new(&terms.split_whitespace().collect::<Vec<_>>()).await;
    let held = world.held.clone();
    assert_eq!((held.email.as_deref(), held.product.as_str()), (Some("ops@example.com"), "P"));
    assert_eq!(held.features, ["waf", "geo"]);
    let limits = Limits {
        ram_bytes: Some(64 << 30),
        throughput_bps: Some(2_500_000_000),
        throughput_tier: Some("T5".to_owned()),
        ssl_tps: Some(900),
    };
    assert_eq!(held.limits, limits);
    assert_eq!((held.slot_s, held.contract_end, held.mode), (Some(300), Some(4_102_444_800), Mode::Online));
    assert_eq!((held.expires_at - held.issued_at, held.grace_s), (10 * DAY, 60 * 86_400));
    assert_eq!(held.subject, Subject::Instance(world.agent.instance.clone()));
    let listed = world.listed();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["id"], held.id.as_str());
    assert_eq!(listed[0]["issued_by"], format!("instance:{}", world.agent.instance));
    assert_eq!(listed[0]["contract_end"], "2100-01-01T00:00:00Z");
    let again = world.agent.join(&mut world.client, &world.server.token(&world.contract, &[])).await;
    assert_eq!(read(&again.grant.licence, &world.agent).id, held.id, "who asks twice gets no second one");
    assert_eq!(again.grant.mode(), WireMode::Online);
    assert_eq!(world.report().await.1, [], "nothing is due");
}

#[tokio::test]
async fn an_offline_licence_lasts_as_long_as_its_contract_and_is_not_offered_again() {
    let mut world = World::new(&["--offline", "--licence-term", "60s", "--not-after", "2099-12-31"]).await;
    assert_eq!((world.held.expires_at, world.held.mode), (4_102_444_800, Mode::Offline));
    assert_eq!(world.report().await, (true, Vec::new()));
    let again = world.agent.join(&mut world.client, &world.server.token(&world.contract, &[])).await;
    assert_eq!(again.grant.mode(), WireMode::Offline);
    world.server.json(&["contract", "change", &world.contract, "--not-after", "2101-12-31"]);
    let (_, offered) = world.report().await;
    assert_eq!(offered[0].expires_at, 4_102_444_800 + 730 * DAY, "a longer contract brings a longer one");
}

#[tokio::test]
async fn a_renewal_is_refused_before_two_thirds_and_says_from_when_on_it_is_allowed() {
    let mut world = World::new(&[]).await;
    let held = world.held.clone();
    assert_eq!(world.refused(&held.id).await, (Reason::Early, Some(renewal_allowed_from(&held))));
    assert_eq!(renewal_allowed_from(&held) - held.issued_at, 576_000);
    world.age(576_000 - 30);
    assert_eq!(
        world.refused(&held.id).await,
        (Reason::Early, Some(renewal_allowed_from(&held) - 576_000 + 30))
    );
    world.age(30);
    let fresh = world.get(&held.id).await;
    assert!(
        fresh.id != held.id && fresh.replaces(&world.held) && fresh.expires_at - fresh.issued_at == 10 * DAY
    );
    assert_eq!(world.refused(&fresh.id).await.0, Reason::Early);
    assert_eq!(world.listed().len(), 2);
}

#[tokio::test]
async fn who_lost_its_licence_gets_the_very_same_again() {
    let mut world = World::new(&[]).await;
    let held = world.held.clone();
    for lost in ["", "what it never had", NOBODY] {
        assert_eq!(world.get(lost).await, held);
    }
    world.age(576_000);
    let fresh = world.get(&held.id).await;
    assert_eq!(world.get(&held.id).await, fresh, "the answer was lost");
    assert_eq!(world.listed().len(), 2);
}

#[tokio::test]
async fn an_expired_licence_can_always_be_replaced() {
    let mut world = World::new(&[]).await;
    let held = world.held.clone();
    world.age(11 * DAY);
    for lost in [held.id.as_str(), ""] {
        let fresh = world.get(lost).await;
        assert!(fresh.id != held.id && fresh.replaces(&world.held));
        world.held = fresh;
        world.age(11 * DAY);
    }
}

#[tokio::test]
async fn an_answer_to_reports_brings_a_fresh_licence_in_the_last_three_days_and_after_a_change() {
    let mut world = World::new(&[]).await;
    assert_eq!(world.report().await, (true, Vec::new()));
    world.age(7 * DAY - 60);
    assert_eq!(world.report().await, (true, Vec::new()), "allowed, but not yet offered");
    world.age(60);
    let (taken, offered) = world.report().await;
    assert!(taken && offered.len() == 1 && offered[0].replaces(&world.held), "{offered:?}");
    assert_eq!(world.report().await, (true, Vec::new()), "once is enough");

    // What another process changes is seen with the next report.
    let told = world.server.json(&[
        "contract",
        "change",
        &world.contract,
        "--feature",
        "waf",
        "--ram-limit",
        "1GiB",
    ]);
    assert_eq!((&told["features"], &told["limits"]["ram_bytes"]), (&json!(["waf"]), &json!(1_u64 << 30)));
    let (_, changed) = world.report().await;
    assert_eq!(
        (changed[0].features.as_slice(), changed[0].limits.ram_bytes),
        (&["waf".to_owned()][..], Some(1 << 30))
    );
    assert!(changed[0].replaces(&offered[0]));
    world.server.json(&["contract", "change", &world.contract, "--feature", "none", "--ram-limit", "none"]);
    let (_, changed) = world.report().await;
    assert_eq!((changed[0].features.len(), changed[0].limits.ram_bytes), (0, None));
    assert_eq!(world.report().await, (true, Vec::new()));
}

#[tokio::test]
async fn a_revocation_is_told_with_every_answer_until_it_is_taken_back() {
    let mut world = World::new(&[]).await;
    let held = world.held.clone();
    let contract = world.contract.clone();
    assert_eq!(world.report().await, (true, Vec::new()));
    world.server.json(&["contract", "revoke", &contract]);
    let (taken, told) = world.report().await;
    assert!(!taken, "its reports are refused all the same");
    let word = told[0].clone();
    assert_eq!(
        (word.status, word.expires_at, word.not_before),
        (Status::Revoked, word.issued_at, word.issued_at)
    );
    assert!(word.replaces(&held));
    assert_eq!(world.report().await.1, std::slice::from_ref(&word), "who did not hear it the first time");
    assert_eq!(world.get(&held.id).await, word);
    assert_eq!(world.get("").await, word);
    world.server.json(&["contract", "restore", &contract]);
    let (taken, told) = world.report().await;
    assert!(taken && told[0].status == Status::Active && told[0].issued_at > word.issued_at, "{told:?}");

    let identity = world.agent.instance.clone();
    world.server.json(&["activation", "delete", &identity]);
    let (taken, told) = world.report().await;
    assert!(!taken && told[0].status == Status::Revoked, "{told:?}");
    let word = told[0].clone();
    let token = world.server.token(&contract, &[]);
    let joined = world.agent.join(&mut world.client, &token).await;
    let fresh = read(&joined.grant.licence, &world.agent);
    assert!(fresh.status == Status::Active && fresh.issued_at > word.issued_at, "{fresh:?}");
}

#[tokio::test]
async fn who_is_paused_or_whose_contract_does_not_hold_gets_none_and_is_told_why() {
    let mut world = World::new(&[]).await;
    let (held, identity, contract) =
        (world.held.id.clone(), world.agent.instance.clone(), world.contract.clone());
    world.age(8 * DAY);
    world.server.json(&["activation", "disable", &identity]);
    assert_eq!(world.refused(&held).await, (Reason::Activation, None));
    assert_eq!(world.report().await, (false, Vec::new()));
    world.server.json(&["activation", "enable", &identity]);
    world.server.json(&["contract", "change", &contract, "--not-after", "2020-01-01"]);
    assert_eq!(world.refused(&held).await, (Reason::Contract, None));
    assert_eq!(world.report().await, (true, Vec::new()), "reports count as long as there are any");
    world.server.json(&[
        "contract",
        "change",
        &contract,
        "--not-after",
        "none",
        "--not-before",
        "2099-01-01",
    ]);
    assert_eq!(world.refused(&held).await, (Reason::Contract, None));
    world.server.json(&["contract", "change", &contract, "--not-before", "none"]);
    assert!(world.get(&held).await.id != held);
}

#[tokio::test]
async fn a_stranger_a_forger_and_another_instance_get_no_licence() {
    let mut world = World::new(&[]).await;
    let mut stranger = Agent::new(2);
    stranger.pinned.clone_from(&world.agent.pinned);
    let told = stranger.ask_for_a_licence(&mut world.client, "").await;
    assert!(
        matches!(told, Outcome::Refused { reason: Reason::UnknownKey, allowed_from: None, .. }),
        "{told:?}"
    );
    let mut renamed = world.agent.cloned(1);
    renamed.instance = NOBODY.to_owned();
    let told = renamed.ask_for_a_licence(&mut world.client, "").await;
    assert!(matches!(told, Outcome::Refused { reason: Reason::UnknownKey, .. }), "{told:?}");

    let mut forged = world.agent.asking_for_a_licence("", &world.agent.key);
    *forged.last_mut().unwrap() ^= 1;
    let report = world.agent.report().envelope;
    let bodies = [
        forged,
        Vec::new(),
        b"\x08\x04\x12\x03abc".to_vec(),
        prost::Message::encode_to_vec(&report),
        world.agent.asking_for_a_licence(&"x".repeat(65), &world.agent.key),
    ];
    for body in bodies {
        let reply = world.client.post("/v1/licences", body).await;
        assert_eq!((reply.status.as_u16(), reply.error().as_str()), (400, "malformed"));
    }
    let reply = world.client.post("/v1/licences", vec![0; 100_000]).await;
    assert_eq!((reply.status.as_u16(), reply.error().as_str()), (413, "too_large"));
    assert_eq!(world.listed().len(), 1);
}

#[tokio::test]
async fn after_a_rotation_the_new_key_signs_and_what_the_old_one_signed_stays_good() {
    let mut world = World::new(&[]).await;
    let held = world.held.clone();
    let old = world.agent.pinned.clone().unwrap();
    let mut admin = Admin::first(&world.server).await;
    world.server.json(&["key", "rotate"]);
    let path = format!("/api/v1/licences/{}", world.agent.instance);
    let carried = admin.ask(Method::GET, &path, None).await;
    let carried = String::from_utf8(carried.body).unwrap();
    assert_eq!(
        licence::read(&carried, &[&old]).unwrap(),
        held,
        "it is carried to one who knows the old key only"
    );

    world.age(576_000);
    let fresh = world.get(&held.id).await;
    let new = world.agent.pinned.clone().unwrap();
    assert_ne!(new.id(), old.id(), "the answer showed the way");
    assert!(fresh.replaces(&world.held));
    let carried = admin.ask(Method::GET, &path, None).await;
    let carried = String::from_utf8(carried.body).unwrap();
    assert!(licence::read(&carried, &[&old]).is_err());
    assert_eq!(licence::read(&carried, &[&new, &old]).unwrap(), fresh);
}
