//! Licences that someone else fetches or issues, to carry them to an instance.

mod support;

use highwater_central::store::sqlite::FILE_NAME;
use highwater_rules::licence::{self, Subject};
use highwater_rules::sign::PublicKey;
use hyper::Method;
use serde_json::json;
use support::{Admin, Agent, World, read};

const DAY: i64 = 86_400;
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

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
    for (path, mend) in
        [(&*path, "service-token create --contract ID"), ("/api/v1/contracts", "admin-token create")]
    {
        let reply = admin.ask(Method::GET, path, None).await;
        let told = String::from_utf8(reply.body).unwrap();
        assert_eq!(reply.status, 401, "{path}");
        assert!(told.contains("unauthorized") && told.contains(mend), "{path}: {told}");
    }
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

    let kept = world.server.json(&["license", "list"])["licences"].as_array().unwrap().len();
    let nowhere = world.server.dir.join("nowhere/licence.jwt");
    for place in ["/dev/null", nowhere.to_str().unwrap()] {
        let output =
            world.server.output(&["license", "issue", "--instance", &world.agent.instance, "-o", place]);
        assert!(!output.status.success(), "{place}");
    }
    let after = world.server.json(&["license", "list"])["licences"].as_array().unwrap().len();
    assert_eq!(after, kept, "none is issued that has no place");
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
