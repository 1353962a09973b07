//! An API server of a test: HTTPS by an authority of its own, the objects of the recorded world, the rights of the agent's roles,
//! and the faults that a test invents. It answers what a real one was recorded to answer (`recorded.rs` holds it to that).

mod answer;
mod objects;
mod pods;
mod rights;
mod serve;

pub(crate) use answer::Answer;
use objects::World;

use crate::authority::Authority;
use highwater::config::{Kubernetes, LicenceSecret};
use serde_json::Value;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use tempfile::TempDir;

/// The namespace of the agent's things.
pub(crate) const NAMESPACE: &str = "highwater";
/// The Secret of the licence.
pub(crate) const SECRET: &str = "/api/v1/namespaces/highwater/secrets/highwater-licence";
/// A Secret that can't be changed.
pub(crate) const FROZEN: &str = "/api/v1/namespaces/highwater/secrets/frozen";
/// The Lease.
pub(crate) const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/highwater/leases/highwater";
/// The ConfigMap that tells how the cluster stands.
pub(crate) const STATUS: &str = "/api/v1/namespaces/highwater/configmaps/highwater-status";
/// The Events of the namespace.
pub(crate) const EVENTS: &str = "/api/v1/namespaces/highwater/events";

/// What was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Without the query.
    pub(crate) path: String,
    /// Names and values, decoded, in the order in which they came.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) content_type: Option<String>,
    /// What followed `Bearer `.
    pub(crate) token: Option<String>,
    pub(crate) body: Vec<u8>,
    /// The status that it was answered with; 0 where it was not.
    pub(crate) status: u16,
}

impl Asked {
    /// A parameter of the query.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// What comes instead of the right answer.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// This status, with these lines of the head (each ended by CR LF) and this body.
    Status(u16, String, String),
    /// Nothing, until the client goes.
    Hang,
    /// The connection is closed without a word.
    Drop,
    /// The first half of the right answer, and then nothing until the client goes.
    Half,
    /// A body without an end.
    Endless,
}

/// A fault, for which calls, and how often.
struct Planned {
    method: &'static str,
    path: String,
    fault: Fault,
    left: usize,
}

/// What the server and its test share.
struct State {
    world: World,
    asked: Vec<Asked>,
    tokens: Vec<String>,
    faults: Vec<Planned>,
    /// Run once before the next call of this method and path: somebody else's doing.
    before: Vec<(&'static str, String, Box<dyn FnOnce(&mut World) + Send>)>,
    denied: Vec<(String, String)>,
}

/// The server. It goes on until the test's process ends.
pub(crate) struct Stub {
    port: u16,
    credentials: TempDir,
    state: Arc<Mutex<State>>,
}

impl Stub {
    /// A server with the recorded world, and the credentials of the agent's service account.
    pub(crate) fn start() -> Self {
        let authority = Authority::new();
        let tls = authority.server(&["localhost", "127.0.0.1"]).tls(None);
        let credentials = tempfile::tempdir().unwrap();
        std::fs::write(credentials.path().join("ca.crt"), &authority.pem).unwrap();
        std::fs::write(credentials.path().join("namespace"), NAMESPACE).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State {
            world: World::recorded(),
            asked: Vec::new(),
            tokens: Vec::new(),
            faults: Vec::new(),
            before: Vec::new(),
            denied: Vec::new(),
        };
        let stub = Stub { port, credentials, state: Arc::new(Mutex::new(state)) };
        stub.rotate("token-1");
        serve::serve(listener, tls, Arc::clone(&stub.state));
        stub
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The directory of token, ca.crt and namespace.
    pub(crate) fn credentials(&self) -> &Path {
        self.credentials.path()
    }

    /// The configuration of an agent on `node-a`, with everything on.
    pub(crate) fn config(&self) -> Kubernetes {
        Kubernetes {
            node: "node-a".to_owned(),
            namespace: None,
            pod: Some("highwater-abcde".to_owned()),
            api: Some(self.url().parse().unwrap()),
            credentials: self.credentials().to_owned(),
            licence: Some(LicenceSecret {
                secret: "highwater-licence".to_owned(),
                key: "license".to_owned(),
            }),
            lease: "highwater".to_owned(),
            status: Some("highwater-status".to_owned()),
        }
    }

    /// The same for an agent's process: without Secret and ConfigMap, which a test adds where it is about them.
    pub(crate) fn env(&self, node: &str) -> Vec<(&'static str, String)> {
        vec![
            ("HIGHWATER_KUBERNETES__NODE", node.to_owned()),
            ("HIGHWATER_KUBERNETES__API", self.url()),
            ("HIGHWATER_KUBERNETES__CREDENTIALS", self.credentials().to_str().unwrap().to_owned()),
        ]
    }

    /// What was asked so far, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// What was asked so far of one method and path.
    pub(crate) fn asked_for(&self, method: &str, path: &str) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.method == method && asked.path == path).collect()
    }

    /// Forgets what was asked.
    pub(crate) fn forget(&self) {
        self.state().asked.clear();
    }

    /// Answers the next `times` calls of this method whose path begins so with a fault.
    pub(crate) fn fail(&self, method: &'static str, path: &str, times: usize, fault: Fault) {
        self.state().faults.push(Planned { method, path: path.to_owned(), fault, left: times });
    }

    /// No call fails any more.
    pub(crate) fn mend(&self) {
        self.state().faults.clear();
    }

    /// Takes a right away from the agent, such as `("list", "pods")`.
    pub(crate) fn deny(&self, verb: &str, resource: &str) {
        self.state().denied.push((verb.to_owned(), resource.to_owned()));
    }

    /// Gives all rights back that were taken.
    pub(crate) fn allow(&self) {
        self.state().denied.clear();
    }

    /// Another token: the old one counts no more, and the credentials have the new one.
    pub(crate) fn rotate(&self, token: &str) {
        self.state().tokens = vec![token.to_owned()];
        self.write_token(token);
    }

    /// Another token for the server alone, as where the kubelet has not renewed the file yet.
    pub(crate) fn expect_token(&self, token: &str) {
        self.state().tokens = vec![token.to_owned()];
    }

    /// Another token in the credentials alone, put there as a kubelet does: at once.
    pub(crate) fn write_token(&self, token: &str) {
        let new = self.credentials.path().join("token.new");
        std::fs::write(&new, token).unwrap();
        std::fs::rename(new, self.token_file()).unwrap();
    }

    /// The token's file.
    pub(crate) fn token_file(&self) -> PathBuf {
        self.credentials.path().join("token")
    }

    /// An object, by its path.
    pub(crate) fn object(&self, path: &str) -> Option<Value> {
        self.state().world.objects.get(path).cloned()
    }

    /// Somebody else changes an object: it gets a new resourceVersion.
    pub(crate) fn edit(&self, path: &str, change: impl FnOnce(&mut Value)) {
        self.state().world.edit(path, change);
    }

    /// Another node beside `node-a`, like it.
    pub(crate) fn add_node(&self, name: &str) {
        let mut state = self.state();
        let mut node = state.world.objects["/api/v1/nodes/node-a"].clone();
        node["metadata"]["name"] = name.into();
        node["status"]["nodeInfo"]["systemUUID"] =
            format!("11111111-2222-3333-4444-{:012x}", name.len()).into();
        state.world.objects.insert(format!("/api/v1/nodes/{name}"), node);
    }

    /// Removes an object.
    pub(crate) fn remove(&self, path: &str) {
        self.state().world.objects.remove(path);
    }

    /// Somebody else changes an object just before the next call of this method and path is answered.
    pub(crate) fn edit_before(
        &self,
        method: &'static str,
        path: &str,
        change: impl FnOnce(&mut Value) + Send + 'static,
    ) {
        let of = path.to_owned();
        let doing = Box::new(move |world: &mut World| world.edit(&of, change));
        self.state().before.push((method, path.to_owned(), doing));
    }

    /// All pods of the cluster, to be changed.
    pub(crate) fn pods(&self, change: impl FnOnce(&mut Vec<Value>)) {
        let mut state = self.state();
        change(&mut state.world.pods);
        state.world.version += 1;
    }

    /// The Events that there are.
    pub(crate) fn events(&self) -> Vec<Value> {
        let state = self.state();
        let events = state.world.objects.iter().filter(|(path, _)| path.starts_with(EVENTS));
        events.map(|(_, event)| event.clone()).collect()
    }
}
