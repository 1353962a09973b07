//! Licences: how an instance comes by one, and who else may have it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that can't go on fails"
)]

mod support;

use highwater_central::store::sqlite::FILE_NAME;
use highwater_proto::v1::Mode as WireMode;
use highwater_proto::v1::licence_refusal::Reason;
use highwater_rules::licence::{self, Claims, Holder, Limits, Mode, Status, Subject, renewal_allowed_from};
use highwater_rules::receipt::Fate;
use highwater_rules::renewal::Outcome;
use highwater_rules::sign::PublicKey;
use hyper::Method;
use serde_json::{Value, json};
use support::{Admin, Agent, Client, Server};

const DAY: i64 = 86_400;
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// A server with one instance, which holds its first licence.
struct World {
    server: Server,
    client: Client,
    contract: String,
    agent: Agent,
    held: Claims,
}

impl World {
    async fn new(terms: &[&str]) -> Self {
        let server = Server::start();
        let contract = server.contract(terms);
        let token = server.token(&contract, &[]);
        let mut client = server.client().await;
        let mut agent = Agent::new(1);
        let joined = agent.join(&mut client, &token).await;
        let held = read(&joined.grant.licence, &agent);
        World { server, client, contract, agent, held }
    }

    async fn ask(&mut self, held: &str) -> Outcome {
        self.agent.ask_for_a_licence(&mut self.client, held).await
    }

    /// What it asks for and gets.
    async fn get(&mut self, held: &str) -> Claims {
        match self.ask(held).await {
            Outcome::Licence(token) => read(&token, &self.agent),
            refused @ Outcome::Refused { .. } => panic!("{refused:?}"),
        }
    }

    async fn refused(&mut self, held: &str) -> (Reason, Option<i64>) {
        match self.ask(held).await {
            Outcome::Refused { reason, allowed_from, .. } => (reason, allowed_from),
            Outcome::Licence(token) => panic!("{token}"),
        }
    }

    /// Reports a day; gives whether it was taken, and the licences in the answer.
    async fn report(&mut self) -> (bool, Vec<Claims>) {
        let before = (self.agent.sequence, self.agent.previous);
        let made = self.agent.report();
        let told = self.agent.told(&mut self.client, std::slice::from_ref(&made)).await;
        let taken = matches!(told.fates[0], Fate::Receipted { .. });
        if !taken {
            // It waits at the instance.
            (self.agent.sequence, self.agent.previous) = before;
        }
        (taken, told.licences.iter().map(|token| read(token, &self.agent)).collect())
    }

    /// Lets the last licence have been issued so many seconds earlier: what time would do. It is to be the one that is held.
    fn age(&mut self, seconds: i64) {
        for date in [&mut self.held.issued_at, &mut self.held.not_before, &mut self.held.expires_at] {
            *date -= seconds;
        }
        let db = rusqlite::Connection::open(self.server.dir.join(FILE_NAME)).unwrap();
        db.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
        let (number, text): (i64, String) = db
            .query_row("SELECT number, claims FROM licences ORDER BY number DESC LIMIT 1", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        let mut claims: Value = serde_json::from_str(&text).unwrap();
        for date in ["iat", "nbf", "exp"] {
            claims[date] = json!(claims[date].as_i64().unwrap() - seconds);
        }
        db.execute("UPDATE licences SET claims = ?1 WHERE number = ?2", (claims.to_string(), number))
            .unwrap();
    }

    fn listed(&self) -> Vec<Value> {
        self.server.json(&["license", "list"])["licences"].as_array().unwrap().clone()
    }
}

/// A licence, held to the key that the agent has pinned and to the agent itself.
fn read(token: &str, agent: &Agent) -> Claims {
    let claims = licence::read(token, &[agent.pinned.as_ref().unwrap()]).unwrap();
    let holder = Holder { instance: &agent.instance, identity: Some(&agent.instance), cluster: None };
    claims.is_for(&holder).unwrap();
    claims
}

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

#[tokio::test]
async fn a_service_token_fetches_the_licences_of_its_contract_and_may_do_nothing_else() {
    let mut world = World::new(&[]).await;
    let mut admin = Admin::first(&world.server).await;
    let made =
        world.server.json(&["service-token", "create", "--contract", &world.contract, "--name", "bastion"]);
    admin.token = made["service_token"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/licences/{}", world.agent.instance);
    let reply = admin.ask(Method::GET, &path, None).await;
    assert_eq!(
        (reply.status.as_u16(), &reply.headers["content-type"]),
        (200, &"application/jwt".parse().unwrap())
    );
    assert_eq!(
        read(&String::from_utf8(reply.body).unwrap(), &world.agent),
        world.held,
        "one that is good is not renewed"
    );
    world.age(7 * DAY);
    let reply = admin.ask(Method::GET, &path, None).await;
    let fresh = read(&String::from_utf8(reply.body).unwrap(), &world.agent);
    assert!(fresh.replaces(&world.held));
    let listed = world.listed();
    let id = world.server.json(&["service-token", "list"])["service_tokens"][0]["id"].clone();
    assert_eq!(listed[0]["issued_by"], format!("service:{}", id.as_str().unwrap()));

    for (method, path) in [
        (Method::GET, "/api/v1/licences"),
        (Method::POST, "/api/v1/licences"),
        (Method::GET, "/api/v1/contracts"),
        (Method::GET, "/api/v1/activations"),
        (Method::POST, "/api/v1/keys/rotate"),
        (Method::GET, "/api/v1/nothing"),
    ] {
        assert_eq!(admin.refused(method, path, None).await, (403, "service_token".to_owned()), "{path}");
    }
    assert_eq!(admin.refused(Method::POST, &path, None).await.0, 405);
    assert_eq!(admin.refused(Method::GET, &format!("/api/v1/licences/{NOBODY}"), None).await.0, 404);
    let other = world.server.contract(&[]);
    let foreign = world.server.json(&["service-token", "create", "--contract", &other]);
    admin.token = foreign["service_token"].as_str().unwrap().to_owned();
    assert_eq!(
        admin.refused(Method::GET, &path, None).await,
        (404, "not_found".to_owned()),
        "another contract's"
    );

    admin.token = made["service_token"].as_str().unwrap().to_owned();
    world.server.json(&["contract", "revoke", &world.contract]);
    assert_eq!(admin.refused(Method::GET, &path, None).await, (409, "contract_revoked".to_owned()));
    world.server.json(&["contract", "restore", &world.contract]);
    assert_eq!(admin.ask(Method::GET, &path, None).await.status, 200);
    world.server.json(&["service-token", "revoke", id.as_str().unwrap()]);
    assert_eq!(admin.refused(Method::GET, &path, None).await, (401, "unauthorized".to_owned()));
    let trail = world.server.json(&["audit", "list", "--subject", id.as_str().unwrap()]);
    let actions: Vec<&str> =
        trail["changes"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["service_token_revoked", "service_token_created"]);
    let kept = rusqlite::Connection::open(world.server.dir.join(FILE_NAME)).unwrap();
    let secrets: Vec<Vec<u8>> = kept
        .prepare("SELECT secret FROM service_tokens")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert!(secrets.iter().all(|secret| secret.len() == 32), "only a SHA-256 is kept");
}

#[tokio::test]
async fn an_operator_issues_licences_for_instances_and_clusters_and_each_is_in_the_trail() {
    let world = World::new(&[]).await;
    let key: PublicKey = world.agent.pinned.clone().unwrap();
    let mut admin = Admin::first(&world.server).await;
    let made = admin.post("/api/v1/licences", Some(&json!({"instance": world.agent.instance}))).await;
    let claims = read(made["token"].as_str().unwrap(), &world.agent);
    assert!(claims.replaces(&world.held), "a new one, whatever the age of the last");
    assert_eq!(
        (&made["licence"]["id"], &made["licence"]["issued_by"]),
        (&json!(claims.id), &json!("admin:first start"))
    );
    let cluster = "7b0c6f4e-0000-4000-8000-00000000abcd";
    let wanted = json!({"cluster": cluster, "contract": world.contract});
    let made = admin.post("/api/v1/licences", Some(&wanted)).await;
    let claims = licence::read(made["token"].as_str().unwrap(), &[&key]).unwrap();
    assert_eq!(claims.subject, Subject::Cluster(cluster.to_owned()));
    assert_eq!((claims.expires_at - claims.issued_at, claims.identity.as_str()), (7 * DAY, cluster));
    let fetched = admin.ask(Method::GET, &format!("/api/v1/licences/{cluster}"), None).await;
    assert_eq!(licence::read(&String::from_utf8(fetched.body).unwrap(), &[&key]).unwrap(), claims);

    let file = world.server.dir.join("licence.jwt");
    let output = world.server.output(&[
        "license",
        "issue",
        "--cluster",
        cluster,
        "--contract",
        &world.contract,
        "-o",
        file.to_str().unwrap(),
    ]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let written = highwater_central::files::read_bounded(&file, 10_000).unwrap();
    let again = licence::read(String::from_utf8(written).unwrap().trim_end(), &[&key]).unwrap();
    assert!(again.replaces(&claims));
    let output = world.server.output(&["license", "issue", "--instance", &world.agent.instance, "-o", "-"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(read(printed.trim_end(), &world.agent).replaces(&world.held));

    let trail = world.server.json(&["audit", "list", "--subject", cluster]);
    let rows = trail["changes"].as_array().unwrap();
    let actions: Vec<&str> = rows.iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["licence_issued", "licence_issued"]);
    assert!(rows[0]["who"].as_str().unwrap().starts_with("cli:") && rows[1]["who"] == "admin:first start");
    assert_eq!((&rows[0]["before"]["jti"], &rows[0]["after"]["jti"]), (&json!(claims.id), &json!(again.id)));
    let page = admin.get(&format!("/api/v1/licences?instance={}&limit=2", world.agent.instance)).await;
    assert_eq!(page["licences"].as_array().unwrap().len(), 2);
    let next = page["next"].as_str().unwrap();
    let page = admin.get(&format!("/api/v1/licences?instance={}&after={next}", world.agent.instance)).await;
    assert_eq!(
        (page["licences"][0]["id"].as_str(), page["next"].is_null()),
        (Some(world.held.id.as_str()), true)
    );
    let shown = world.server.json(&["license", "show", &world.held.id]);
    assert_eq!(read(shown["token"].as_str().unwrap(), &world.agent), world.held);

    for (body, status) in [
        (json!({}), 400),
        (json!({"cluster": cluster}), 400),
        (json!({"instance": world.agent.instance, "contract": world.contract}), 400),
        (json!({"instance": NOBODY}), 404),
        (json!({"cluster": cluster, "contract": NOBODY}), 404),
    ] {
        assert_eq!(admin.refused(Method::POST, "/api/v1/licences", Some(&body)).await.0, status, "{body}");
    }
    world.server.json(&["activation", "disable", &world.agent.instance]);
    let body = json!({"instance": world.agent.instance});
    let told = admin.refused(Method::POST, "/api/v1/licences", Some(&body)).await;
    assert_eq!(told, (409, "activation_not_active".to_owned()));
}

#[tokio::test]
async fn of_two_clones_each_gets_its_own_licence() {
    let mut world = World::new(&[]).await;
    let mut clone = Agent::new(2);
    clone.instance.clone_from(&world.agent.instance);
    let token = world.server.token(&world.contract, &[]);
    let joined = clone.join(&mut world.client, &token).await;
    let claims = licence::read(&joined.grant.licence, &[clone.pinned.as_ref().unwrap()]).unwrap();
    assert_eq!((&claims.subject, &claims.identity), (&world.held.subject, &joined.grant.identity));
    let mut admin = Admin::first(&world.server).await;
    for (id, expect) in [(&world.agent.instance, &world.held.id), (&joined.grant.identity, &claims.id)] {
        let reply = admin.ask(Method::GET, &format!("/api/v1/licences/{id}"), None).await;
        let token = String::from_utf8(reply.body).unwrap();
        assert_eq!(licence::read(&token, &[clone.pinned.as_ref().unwrap()]).unwrap().id, *expect);
    }
}
