//! A server with an instance that holds a licence.

use super::{Agent, Client, Server};
use highwater_central::store::sqlite::FILE_NAME;
use highwater_proto::v1::licence_refusal::Reason;
use highwater_rules::licence::{self, Claims, Holder};
use highwater_rules::receipt::Fate;
use highwater_rules::renewal::Outcome;
use serde_json::{Value, json};

/// A server with one instance, which holds its first licence.
pub struct World {
    pub server: Server,
    pub client: Client,
    pub contract: String,
    pub agent: Agent,
    pub held: Claims,
}

impl World {
    pub async fn new(terms: &[&str]) -> Self {
        let server = Server::start();
        let contract = server.contract(terms);
        let token = server.token(&contract, &[]);
        let mut client = server.client().await;
        let mut agent = Agent::new(1);
        let joined = agent.join(&mut client, &token).await;
        let held = read(&joined.grant.licence, &agent);
        World { server, client, contract, agent, held }
    }

    pub async fn ask(&mut self, held: &str) -> Outcome {
        self.agent.ask_for_a_licence(&mut self.client, held).await
    }

    /// What it asks for and gets.
    pub async fn get(&mut self, held: &str) -> Claims {
        match self.ask(held).await {
            Outcome::Licence(token) => read(&token, &self.agent),
            refused @ Outcome::Refused { .. } => panic!("{refused:?}"),
        }
    }

    pub async fn refused(&mut self, held: &str) -> (Reason, Option<i64>) {
        match self.ask(held).await {
            Outcome::Refused { reason, allowed_from, .. } => (reason, allowed_from),
            Outcome::Licence(token) => panic!("{token}"),
        }
    }

    /// Reports a day; gives whether it was taken, and the licences in the answer.
    pub async fn report(&mut self) -> (bool, Vec<Claims>) {
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
    pub fn age(&mut self, seconds: i64) {
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

    pub fn listed(&self) -> Vec<Value> {
        self.server.json(&["license", "list"])["licences"].as_array().unwrap().clone()
    }
}

/// A licence, held to the key that the agent has pinned and to the agent itself.
pub fn read(token: &str, agent: &Agent) -> Claims {
    let claims = licence::read(token, &[agent.pinned.as_ref().unwrap()]).unwrap();
    let holder = Holder { instance: &agent.instance, identity: Some(&agent.instance), cluster: None };
    claims.is_for(&holder).unwrap();
    claims
}
