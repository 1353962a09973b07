//! Who may join, and who may not.

mod support;

use highwater_central::model::{ActivationChange, ActivationState, AlarmFilter, AlarmKind, AuditFilter, By};
use highwater_central::store::Store as _;
use highwater_proto::v1::refusal::Reason;
use highwater_rules::receipt::Fate;
use support::{Agent, Server};

#[tokio::test]
async fn a_token_lets_an_instance_join_and_its_terms_are_signed() {
    let server = Server::start();
    let contract = server.contract(&["--grace", "60s", "--not-after", "2099-12-31"]);
    let token = server.token(&contract, &[]);
    let mut agent = Agent::new(1);
    let joined = agent.join(&mut server.client().await, &token).await;
    let terms = joined.grant.terms.clone().unwrap();
    assert_eq!((terms.contract, terms.grace_s, terms.contract_end), (contract.clone(), 60, 4_102_444_800));
    assert_eq!(
        (joined.grant.identity.as_str(), joined.grant.product.as_str()),
        (agent.instance.as_str(), "P")
    );

    let store = server.store();
    let kept = store.activation(agent.instance.clone()).await.unwrap().unwrap();
    assert_eq!((kept.contract, kept.state, kept.host.cores), (contract, ActivationState::Active, 2));
    let audit =
        store.audit(AuditFilter { subject: Some(agent.instance), ..AuditFilter::default() }).await.unwrap();
    assert_eq!(audit.iter().map(|row| row.action.as_str()).collect::<Vec<_>>(), ["activated"]);
}

#[tokio::test]
async fn a_token_that_is_used_up_revoked_expired_or_unknown_lets_nobody_in_and_says_which() {
    let server = Server::start();
    let mut client = server.client().await;
    let contract = server.contract(&[]);
    let once = server.token(&contract, &["--uses", "1"]);
    let joined = Agent::new(1).join(&mut client, &once).await;
    let reply = Agent::new(2).ask_to_join(&mut client, &once).await;
    assert_eq!((reply.status.as_u16(), reply.error().as_str()), (403, "token_used_up"));
    let again = Agent::new(1).join(&mut client, &once).await;
    assert_eq!(
        (&again.grant.identity, again.grant.activated_at),
        (&joined.grant.identity, joined.grant.activated_at),
        "whose answer was lost asks again with the same token"
    );

    let taken_back = server.token(&contract, &[]);
    let listed = server.json(&["token", "list", "--contract", &contract]);
    let id =
        listed["tokens"].as_array().unwrap().iter().find(|t| t["uses_left"].is_null()).unwrap()["id"].clone();
    server.json(&["token", "revoke", id.as_str().unwrap()]);
    let reply = Agent::new(2).ask_to_join(&mut client, &taken_back).await;
    assert_eq!((reply.status.as_u16(), reply.error().as_str()), (403, "token_revoked"));

    let mut stranger = once.clone();
    stranger.secret[0] ^= 1;
    let reply = Agent::new(2).ask_to_join(&mut client, &stranger).await;
    assert_eq!((reply.status.as_u16(), reply.error().as_str()), (403, "token_unknown"));

    let short = server.token(&contract, &["--expires", "1s"]);
    for attempt in 0..200 {
        let reply = Agent::new(100 + attempt).ask_to_join(&mut client, &short).await;
        if reply.status == 403 {
            assert_eq!(reply.error(), "token_expired");
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the token never expired");
}

#[tokio::test]
async fn a_request_that_another_key_signed_is_refused() {
    let server = Server::start();
    let token = server.token(&server.contract(&[]), &[]);
    let mut client = server.client().await;
    let (owner, thief) = (Agent::new(1), Agent::new(2));
    let reply = client.post("/v1/activations", owner.asking(&token, &thief.key)).await;
    assert_eq!((reply.status.as_u16(), reply.error().as_str()), (400, "malformed"));
    let reply = client.post("/v1/activations", b"\x08\x04\x12\x03abc".to_vec()).await;
    assert_eq!((reply.status.as_u16(), reply.error().as_str()), (400, "malformed"));
    let reply = client.post("/v1/activations", vec![0; 100_000]).await;
    assert_eq!((reply.status.as_u16(), reply.error().as_str()), (413, "too_large"));
}

#[tokio::test]
async fn a_clone_made_before_joining_gets_an_identity_of_its_own_and_an_alarm() {
    let server = Server::start();
    let token = server.token(&server.contract(&[]), &[]);
    let mut client = server.client().await;
    let original = Agent::new(1).join(&mut client, &token).await;
    let mut clone = Agent::new(2);
    clone.instance.clone_from(&original.grant.instance);
    let other = clone.join(&mut client, &token).await;
    assert_ne!(other.grant.identity, original.grant.identity);
    assert_eq!(other.grant.instance, original.grant.instance);
    let made = clone.report();
    let fates = clone.push(&mut client, &[made]).await;
    assert!(matches!(&fates[0], Fate::Receipted { receipt, .. } if receipt.identity == other.grant.identity));
    let alarms = server.store().alarms(AlarmFilter::default()).await.unwrap();
    assert_eq!(alarms.iter().map(|a| a.kind).collect::<Vec<_>>(), [AlarmKind::KeyReuse]);
}

#[tokio::test]
async fn who_is_not_confirmed_in_time_is_blocked_until_an_operator_confirms() {
    let server = Server::start();
    let contract = server.contract(&["--block-unconfirmed", "1s"]);
    let token = server.token(&contract, &["--confirm", "manual"]);
    let mut client = server.client().await;
    let mut agent = Agent::new(1);
    agent.join(&mut client, &token).await;
    let store = server.store();
    let mut refused = None;
    for _ in 0..500 {
        let made = agent.report();
        let fates = agent.push(&mut client, std::slice::from_ref(&made)).await;
        if let Fate::Refused { reason, for_good, .. } = &fates[0] {
            assert_eq!((*reason, *for_good), (Reason::Activation, false));
            refused = Some(made);
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let made = refused.expect("it is blocked within ten seconds");
    let kept = store.activation(agent.instance.clone()).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.confirmed_at), (ActivationState::Blocked, None));
    let by = By { who: "cli:test".to_owned(), at: kept.activated_at + 5 };
    store.change_activation(agent.instance.clone(), ActivationChange::Confirm, by).await.unwrap();
    let fates = agent.push(&mut client, &[made]).await;
    assert!(matches!(&fates[0], Fate::Receipted { .. }), "{fates:?}");
}
