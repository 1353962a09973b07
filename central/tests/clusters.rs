//! Clusters: which identities are one node, whose licence counts, and what a cluster used.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that can't go on fails")]

mod support;

use highwater_central::store::sqlite::FILE_NAME;
use highwater_rules::licence::{self, Claims, Holder, Status, Subject};
use highwater_rules::node::{Node, hardware};
use highwater_rules::receipt::Fate;
use highwater_rules::renewal::Outcome;
use highwater_rules::token::EnrolmentToken;
use hyper::Method;
use serde_json::{Value, json};
use support::{Admin, Agent, Client, Server};

const CLUSTER: &str = "7b0c6f4e-0000-4000-8000-00000000abcd";
const DAY: i64 = 86_400;

/// A server, with a token that lets any number of nodes join.
struct Site {
    server: Server,
    client: Client,
    contract: String,
    token: EnrolmentToken,
}

impl Site {
    async fn new() -> Self {
        let server = Server::start();
        let contract = server.contract(&[]);
        let token = server.token(&contract, &[]);
        let client = server.client().await;
        Site { server, client, contract, token }
    }

    /// An instance on a node, which joins. Gives the licence that came with the grant.
    async fn join(&mut self, n: u32, name: &str, machine: u32) -> (Agent, Claims) {
        let mut agent = Agent::new(n);
        agent.node = Some(node(name, machine));
        let held = self.join_again(&mut agent).await;
        (agent, held)
    }

    async fn join_again(&mut self, agent: &mut Agent) -> Claims {
        let joined = agent.join(&mut self.client, &self.token).await;
        read(&joined.grant.licence, agent)
    }

    /// Reports the next day. Gives the licences in the answer.
    async fn report(&mut self, agent: &mut Agent) -> Vec<Claims> {
        let made = agent.report();
        let told = agent.told(&mut self.client, std::slice::from_ref(&made)).await;
        assert!(matches!(told.fates[0], Fate::Receipted { .. }), "{:?}", told.fates);
        told.licences.iter().map(|token| read(token, agent)).collect()
    }

    /// The nodes, each as the instances that it has had: the one that counts first.
    fn nodes(&self) -> Vec<Vec<String>> {
        let told = self.server.json(&["cluster", "show", CLUSTER]);
        let names = |node: &Value| {
            node.as_array().unwrap().iter().map(|one| one["identity"].as_str().unwrap().to_owned()).collect()
        };
        told["nodes"].as_array().unwrap().iter().map(names).collect()
    }

    fn days(&self) -> Vec<Value> {
        self.server.json(&["cluster", "days", CLUSTER])["days"].as_array().unwrap().clone()
    }

    fn alarms(&self) -> Vec<Value> {
        self.server.json(&["alarm", "list"])["alarms"].as_array().unwrap().clone()
    }

    /// The actions in the audit trail of a subject, the oldest first.
    fn trail(&self, subject: &str) -> Vec<String> {
        let told = self.server.json(&["audit", "list", "--subject", subject]);
        let rows = told["changes"].as_array().unwrap();
        rows.iter().rev().map(|row| row["action"].as_str().unwrap().to_owned()).collect()
    }

    /// Lets what was superseded have been so many seconds earlier: what time would do.
    fn age(&self, seconds: i64) {
        let db = rusqlite::Connection::open(self.server.dir.join(FILE_NAME)).unwrap();
        db.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
        db.execute("UPDATE lines SET superseded_at = superseded_at - ?1", [seconds]).unwrap();
    }
}

fn node(name: &str, machine: u32) -> Node {
    let id = if machine == 0 { String::new() } else { hardware(CLUSTER, &format!("machine {machine}")) };
    Node::new(CLUSTER, name, &id).unwrap()
}

/// A licence, held to the key that the agent has pinned, to the agent itself and to its cluster.
fn read(token: &str, agent: &Agent) -> Claims {
    let claims = licence::read(token, &[agent.pinned.as_ref().unwrap()]).unwrap();
    let cluster = agent.node.as_ref().map(|node| node.cluster.as_str());
    claims.is_for(&Holder { instance: &agent.instance, identity: Some(&agent.instance), cluster }).unwrap();
    claims
}

fn figure<'a>(day: &'a Value, meter: &str) -> &'a Value {
    day["meters"].as_array().unwrap().iter().find(|one| one["meter"] == meter).unwrap()
}

#[tokio::test]
async fn two_nodes_of_a_cluster_join_with_one_token_have_one_licence_and_each_is_counted_once() {
    let mut site = Site::new().await;
    let (mut one, held) = site.join(1, "node-a", 1).await;
    assert_eq!(held.subject, Subject::Cluster(CLUSTER.to_owned()));
    assert_eq!((held.identity.as_str(), held.expires_at - held.issued_at), (CLUSTER, 7 * DAY));
    let (mut other, same) = site.join(2, "node-b", 2).await;
    assert_eq!(same, held, "the cluster's, for both");
    assert_eq!(site.report(&mut one).await, []);
    assert_eq!(site.report(&mut other).await, []);
    assert_eq!(site.report(&mut one).await, []);
    assert_eq!(site.server.json(&["license", "list"])["licences"].as_array().unwrap().len(), 1);
    let outcome = other.ask_for_a_licence(&mut site.client, "").await;
    let Outcome::Licence(token) = outcome else { unreachable!("{outcome:?}") };
    assert_eq!(read(&token, &other), held, "who lost it gets the very same");
    let early = one.ask_for_a_licence(&mut site.client, &held.id).await;
    assert!(matches!(early, Outcome::Refused { allowed_from: Some(_), .. }), "{early:?}");

    assert_eq!(site.nodes(), [[one.instance.clone()], [other.instance.clone()]]);
    let days = site.days();
    assert_eq!(days.len(), 2);
    assert_eq!((&days[0]["nodes_known"], &days[0]["nodes_reported"]), (&json!(2), &json!(2)), "{}", days[0]);
    assert_eq!((&days[1]["nodes_known"], &days[1]["nodes_reported"]), (&json!(2), &json!(1)), "{}", days[1]);
    let ram = figure(&days[0], "ram_capacity");
    assert_eq!(
        (&ram["value"], &ram["nodes"], &ram["unit"]),
        (&json!(2.0 * 6.7e10), &json!(2), &json!("bytes"))
    );
    assert_eq!(figure(&days[1], "ram_capacity")["value"], json!(6.7e10));
    let listed = site.server.json(&["cluster", "list"]);
    assert_eq!(listed["clusters"][0]["id"], CLUSTER);
    assert_eq!(listed["clusters"][0]["nodes"], 2);
    assert_eq!(site.trail(CLUSTER), ["cluster_seen"]);
    assert_eq!(site.alarms(), Vec::<Value>::new());
}

#[tokio::test]
async fn a_node_whose_disk_was_made_anew_stays_one_and_its_day_counts_once() {
    let mut site = Site::new().await;
    let (mut before, _) = site.join(1, "node-a", 1).await;
    site.report(&mut before).await;
    let (mut since, _) = site.join(2, "node-a", 1).await;
    // The rest of the same day, under the new identity.
    site.report(&mut since).await;
    assert_eq!(site.nodes(), [[since.instance.clone(), before.instance.clone()]]);
    let day = &site.days()[0];
    assert_eq!((&day["nodes_known"], &day["nodes_reported"]), (&json!(1), &json!(1)));
    assert_eq!(figure(day, "ram_capacity")["value"], json!(6.7e10));
    assert_eq!(site.trail(&before.instance), ["activated", "node_told", "node_superseded"]);
    let told = site.server.json(&["activation", "show", &before.instance]);
    assert_eq!(told["activation"]["superseded_by"], since.instance.as_str());
    assert_eq!(told["activation"]["node"]["name"], "node-a");
    // What the old one had not sent yet is of days before, and is no sign of life.
    site.age(-99 * 366 * DAY);
    site.report(&mut before).await;
    assert_eq!(site.nodes().len(), 1);
    assert_eq!(site.alarms(), Vec::<Value>::new());
}

#[tokio::test]
async fn a_node_that_comes_back_under_another_name_is_the_same_node() {
    let mut site = Site::new().await;
    let (mut agent, _) = site.join(1, "node-a", 1).await;
    site.report(&mut agent).await;
    agent.node = Some(node("node-z", 1));
    site.report(&mut agent).await;
    assert_eq!(site.nodes(), [[agent.instance.clone()]], "the same identity");
    let shown = site.server.json(&["cluster", "show", CLUSTER]);
    assert_eq!(shown["nodes"][0][0]["node"]["name"], "node-z");
    assert_eq!(site.trail(&agent.instance), ["activated", "node_told", "node_renamed"]);
    let report = site.server.json(&["report", "show", &agent.instance, "1"]);
    assert_eq!(report["node"]["name"], "node-a", "what was signed stays");

    // Another identity, another name, the same machine.
    let (anew, _) = site.join(2, "node-y", 1).await;
    assert_eq!(site.nodes(), [[anew.instance.clone(), agent.instance.clone()]]);
    // Without a hardware id nothing tells that it is the same one.
    let (third, _) = site.join(3, "node-x", 0).await;
    let (fourth, _) = site.join(4, "node-w", 0).await;
    assert_eq!(site.nodes().len(), 3, "{} {}", third.instance, fourth.instance);
    assert_eq!(site.alarms(), Vec::<Value>::new());
}

#[tokio::test]
async fn two_living_nodes_with_one_hardware_id_are_told_apart_with_an_alarm_and_both_count() {
    let mut site = Site::new().await;
    let (mut one, _) = site.join(1, "node-a", 7).await;
    let (mut other, _) = site.join(2, "node-b", 7).await;
    assert_eq!(site.nodes().len(), 1, "so it seems");
    // Its reports are of days that began since: one was superseded longer ago than that.
    site.age(99 * 366 * DAY);
    site.report(&mut one).await;
    site.report(&mut other).await;
    assert_eq!(site.nodes(), [[one.instance.clone()], [other.instance.clone()]]);
    let alarms = site.alarms();
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    assert_eq!((&alarms[0]["kind"], &alarms[0]["identity"]), (&json!("node_twice"), &json!(one.instance)));
    assert!(alarms[0]["detail"].as_str().unwrap().contains(&other.instance), "{alarms:?}");
    let day = &site.days()[0];
    assert_eq!((&day["nodes_known"], &day["nodes_reported"]), (&json!(2), &json!(2)));
    assert_eq!(figure(day, "ram_capacity")["value"], json!(2.0 * 6.7e10));
    assert_eq!(site.trail(&one.instance).last().unwrap(), "node_came_back");

    // From now on the hardware id tells nothing of either, whatever they are called.
    one.node = Some(node("node-c", 7));
    site.report(&mut one).await;
    let (third, _) = site.join(3, "node-b", 7).await;
    assert_eq!(
        site.nodes(),
        [vec![third.instance.clone(), other.instance.clone()], vec![one.instance.clone()]]
    );
    assert_eq!(site.alarms().len(), 1, "once is enough");
}

#[tokio::test]
async fn a_superseded_one_that_joins_again_is_the_one_that_counts() {
    let mut site = Site::new().await;
    let (mut first, _) = site.join(1, "node-a", 1).await;
    let (second, _) = site.join(2, "node-a", 1).await;
    assert_eq!(site.nodes(), [[second.instance.clone(), first.instance.clone()]]);
    site.join_again(&mut first).await;
    assert_eq!(site.nodes(), [[first.instance.clone(), second.instance.clone()]]);
    assert_eq!(site.alarms(), Vec::<Value>::new());
}

#[tokio::test]
async fn a_machine_that_was_cloned_after_it_joined_is_a_node_for_each_of_its_nodes() {
    let mut site = Site::new().await;
    let (mut one, _) = site.join(1, "node-a", 1).await;
    site.report(&mut one).await;
    // The same key and ledger on another node.
    let mut clone = one.cloned(1);
    clone.node = Some(node("node-b", 2));
    clone.interfaces = 1;
    site.report(&mut one).await;
    site.report(&mut clone).await;
    let nodes = site.nodes();
    assert_eq!(nodes.len(), 2, "{nodes:?}");
    assert_eq!(nodes[0], [one.instance.clone()]);
    let day = &site.days()[1];
    assert_eq!(day["nodes_reported"], 2);
    assert_eq!(figure(day, "ram_capacity")["value"], json!(2.0 * 6.7e10));
    assert_eq!(site.alarms()[0]["kind"], "fork");
}

#[tokio::test]
async fn an_instance_that_learns_of_its_cluster_later_gets_the_clusters_licence_with_its_next_report() {
    let mut site = Site::new().await;
    let mut agent = Agent::new(1);
    let held = site.join_again(&mut agent).await;
    assert_eq!(held.subject, Subject::Instance(agent.instance.clone()));
    assert_eq!(site.report(&mut agent).await, []);
    agent.node = Some(node("node-a", 1));
    let offered = site.report(&mut agent).await;
    assert_eq!(offered.len(), 1);
    assert_eq!(offered[0].subject, Subject::Cluster(CLUSTER.to_owned()));
    assert!(offered[0].replaces(&held));
    assert_eq!(site.report(&mut agent).await, [], "once is enough");
    assert_eq!(site.nodes(), [[agent.instance.clone()]]);
    assert_eq!(site.days().len(), 3, "the days before were its, too");
}

#[tokio::test]
async fn deleting_one_activation_takes_nothing_from_the_cluster() {
    let mut site = Site::new().await;
    let (mut one, held) = site.join(1, "node-a", 1).await;
    let (mut other, _) = site.join(2, "node-b", 2).await;
    site.server.json(&["activation", "delete", &one.instance]);
    let Outcome::Licence(token) = one.ask_for_a_licence(&mut site.client, &held.id).await else {
        unreachable!("its own right is taken away")
    };
    let word = read(&token, &one);
    assert_eq!((word.status, &word.subject), (Status::Revoked, &Subject::Instance(one.instance.clone())));
    let Outcome::Licence(token) = other.ask_for_a_licence(&mut site.client, "").await else {
        unreachable!("the other one has its licence still")
    };
    assert_eq!(read(&token, &other), held);
    // Joined again, it gets one that is newer than the word that took the right away.
    let back = site.join_again(&mut one).await;
    assert_eq!((back.status, &back.subject), (Status::Active, &Subject::Cluster(CLUSTER.to_owned())));
    assert!(back.replaces(&word) && back.replaces(&held));
    assert_eq!(site.report(&mut one).await, []);
    let newer = site.report(&mut other).await;
    assert!(newer.is_empty() || newer == [back.clone()], "{newer:?}");

    site.server.json(&["contract", "revoke", &site.contract]);
    let Outcome::Licence(token) = other.ask_for_a_licence(&mut site.client, "").await else {
        unreachable!("a revocation is told")
    };
    let word = read(&token, &other);
    assert_eq!((word.status, &word.subject), (Status::Revoked, &Subject::Cluster(CLUSTER.to_owned())));
}

#[tokio::test]
async fn a_request_to_join_that_names_no_node_that_can_be_is_refused() {
    let mut site = Site::new().await;
    let mut agent = Agent::new(1);
    agent.node = Some(Node { cluster: "../etc".to_owned(), name: "a".to_owned(), hardware: String::new() });
    let reply = agent.ask_to_join(&mut site.client, &site.token).await;
    assert_eq!(reply.status, 400, "{}", String::from_utf8_lossy(&reply.body));
    agent.node = Some(node("node-a", 1));
    agent.join(&mut site.client, &site.token).await;
}

#[tokio::test]
async fn clusters_are_listed_named_and_told_over_rest_as_on_the_command_line() {
    let mut site = Site::new().await;
    for n in 1..=3 {
        let (mut agent, _) = site.join(n, &format!("node-{n}"), n).await;
        for _ in 0..3 {
            site.report(&mut agent).await;
        }
    }
    let mut admin = Admin::first(&site.server).await;
    let path = format!("/api/v1/clusters/{CLUSTER}");
    let named = admin.ask(Method::PATCH, &path, Some(&json!({"name": "Frankfurt"}))).await;
    assert_eq!(named.status, 200, "{}", String::from_utf8_lossy(&named.body));
    let listed = admin.get("/api/v1/clusters").await;
    assert_eq!(listed["clusters"], site.server.json(&["cluster", "list"])["clusters"]);
    assert_eq!(listed["clusters"][0]["name"], "Frankfurt");
    assert_eq!(admin.get(&path).await, site.server.json(&["cluster", "show", CLUSTER]));
    let all = site.days();
    assert_eq!(all.len(), 3);
    let mut days = Vec::new();
    let mut after = String::new();
    loop {
        let page = admin.get(&format!("{path}/days?limit=1{after}")).await;
        days.extend(page["days"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(days, all);
    let second = all[1]["day"].as_str().unwrap();
    let only = admin.get(&format!("{path}/days?from={second}&to={second}")).await;
    assert_eq!(only["days"], json!([all[1]]));
    let unnamed = site.server.json(&["cluster", "rename", CLUSTER]);
    assert_eq!(unnamed["name"], Value::Null);
    assert_eq!(site.trail(CLUSTER), ["cluster_seen", "cluster_renamed", "cluster_renamed"]);

    for (method, path, body, status) in [
        (Method::GET, "/api/v1/clusters/UPPER".to_owned(), None, 400),
        (Method::GET, "/api/v1/clusters/nobody".to_owned(), None, 404),
        (Method::GET, "/api/v1/clusters/nobody/days".to_owned(), None, 404),
        (Method::GET, format!("{path}/days?from=2026-02-30"), None, 400),
        (Method::PATCH, "/api/v1/clusters/nobody".to_owned(), Some(json!({"name": "x"})), 404),
        (Method::PATCH, path.clone(), Some(json!({"name": "a\u{1b}[2J"})), 400),
        (Method::PATCH, path.clone(), Some(json!({"name": ""})), 400),
        (Method::PATCH, path.clone(), Some(json!({"title": "x"})), 400),
    ] {
        assert_eq!(admin.refused(method, &path, body.as_ref()).await.0, status, "{path}");
    }
}
