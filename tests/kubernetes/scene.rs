//! A cluster of a test: an API server, a central that is a script, and agents that run on nodes.

use crate::agent::Agent;
use crate::central::{candidate, key, receipts, token};
use crate::server::{Act, Request, Server, answer, good};
use crate::stub::{LEASE, Stub};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use highwater_proto::v1::{
    Activation, ActivationResponse, Envelope, Grant, Kind, LicenceAnswer, LicenceRequest, LicenceResponse,
    Terms, licence_answer,
};
use highwater_rules::licence::{Claims, Limits, Mode, Status, Subject, sign};
use highwater_rules::retry::{START_SPLAY_S, splay};
use prost::Message as _;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// The recorded cluster.
pub(crate) const CLUSTER: &str = "7ec24c76-5c50-460a-b1f4-b7574046ec93";
const DAY_S: i64 = 86_400;

#[expect(clippy::disallowed_methods, reason = "a test's own clock")]
pub(crate) fn now_s() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// The cluster's licence, with so many seconds to go.
pub(crate) fn claims(name: &str, issued_ago_s: i64, term_s: i64) -> Claims {
    let issued_at = now_s() - issued_ago_s;
    Claims {
        id: name.to_owned(),
        issued_at,
        not_before: issued_at,
        expires_at: issued_at + term_s,
        subject: Subject::Cluster(CLUSTER.to_owned()),
        identity: CLUSTER.to_owned(),
        contract: "c-1".to_owned(),
        product: "Balancer".to_owned(),
        customer: "Example".to_owned(),
        email: None,
        mode: Mode::Online,
        status: Status::Active,
        features: vec![],
        limits: Limits::default(),
        grace_s: 7_776_000,
        slot_s: None,
        contract_end: Some(1_893_456_000),
    }
}

pub(crate) fn signed(claims: &Claims) -> String {
    sign(claims, &key(1))
}

type Licences = Box<dyn Fn(&Request) -> Act + Send>;

/// What central does.
struct Script {
    licences: Licences,
    /// The licence that a grant brings.
    granted: String,
    grace_days: i64,
    activations: Vec<Activation>,
}

pub(crate) struct Scene {
    pub(crate) stub: Stub,
    central: Server,
    script: Arc<Mutex<Script>>,
}

impl Scene {
    /// A cluster whose central gives licences of a week.
    pub(crate) fn new() -> Self {
        let script = Script {
            licences: Box::new(giving(7 * DAY_S)),
            granted: String::new(),
            grace_days: 90,
            activations: vec![],
        };
        let script = Arc::new(Mutex::new(script));
        let served = Arc::clone(&script);
        let central = Server::start(move |request| {
            let mut script = served.lock().unwrap();
            match request.head.split(' ').nth(1) {
                Some("/v1/activations") => {
                    let candidate = candidate(&request.body);
                    script.activations.push(candidate.clone());
                    Act::Say(good(&grant(candidate, script.grace_days, &script.granted)))
                }
                Some("/v1/reports") => Act::Say(good(&receipts(&request.body, 1, vec![], |answer| {
                    answer.answered_at = now_s();
                }))),
                Some("/v1/licences") => (script.licences)(request),
                _ => Act::Say(answer("404 Not Found", "", b"")),
            }
        });
        let stub = Stub::start();
        // In the recorded world somebody holds it.
        stub.edit(LEASE, |lease| drop(lease["spec"].as_object_mut().unwrap().remove("holderIdentity")));
        Scene { stub, central, script }
    }

    pub(crate) fn licences(&self, licences: impl Fn(&Request) -> Act + Send + 'static) {
        self.script.lock().unwrap().licences = Box::new(licences);
    }

    /// Those who join from now on have so many of the 90 days of grace left.
    pub(crate) fn grace_days(&self, days: i64) {
        self.script.lock().unwrap().grace_days = days;
    }

    /// Those who join from now on get this licence with it.
    pub(crate) fn granted(&self, licence: &str) {
        self.script.lock().unwrap().granted = licence.to_owned();
    }

    pub(crate) fn activations(&self) -> Vec<Activation> {
        self.script.lock().unwrap().activations.clone()
    }

    /// How often central was asked for a licence.
    pub(crate) fn asked(&self) -> usize {
        let requests = self.central.requests.lock().unwrap();
        requests.iter().filter(|request| request.head.starts_with("post /v1/licences ")).count()
    }

    /// What the Secret holds.
    pub(crate) fn kept(&self, secret: &str) -> String {
        let data = self.stub.object(secret).unwrap()["data"]["license"].as_str().unwrap().to_owned();
        String::from_utf8(STANDARD.decode(data).unwrap()).unwrap()
    }

    /// An agent on a node of the cluster, which joins by itself.
    pub(crate) fn member(&self, node: &str) -> Member<'_> {
        Member::new(self, node)
    }
}

/// Gives a licence of so long a term, and a new one each time.
pub(crate) fn giving(term_s: i64) -> impl Fn(&Request) -> Act + Send {
    let count = Mutex::new(0);
    move |request| {
        let mut count = count.lock().unwrap();
        *count += 1;
        let token = signed(&claims(&format!("l-{count}"), 0, term_s));
        let sealed = Envelope::decode(&request.body[..]).unwrap();
        let asked = LicenceRequest::decode(&sealed.payload[..]).unwrap();
        let result = Some(licence_answer::Result::Licence(token));
        let answer = LicenceAnswer { nonce: asked.nonce, answered_at: now_s(), result };
        let answer = Some(key(1).seal(Kind::LicenceAnswer, answer.encode_to_vec()));
        Act::Say(good(&LicenceResponse { answer, successions: vec![] }.encode_to_vec()))
    }
}

fn grant(candidate: Activation, grace_days: i64, licence: &str) -> Vec<u8> {
    let grant = Grant {
        nonce: candidate.nonce,
        identity: candidate.instance.clone(),
        instance: candidate.instance,
        public_key: candidate.public_key,
        activated_at: now_s() - (90 - grace_days) * DAY_S,
        answered_at: now_s(),
        terms: Some(Terms { contract: "c-1".to_owned(), contract_end: 1_893_456_000, grace_s: 7_776_000 }),
        product: "Balancer".to_owned(),
        customer: "Example GmbH".to_owned(),
        licence: licence.to_owned(),
        ..Grant::default()
    };
    let grant = key(1).seal(Kind::Grant, grant.encode_to_vec());
    let first_key = key(1).public().bytes().to_vec();
    ActivationResponse { grant: Some(grant), first_key, successions: vec![] }.encode_to_vec()
}

/// An agent on a node: its directory and its environment.
pub(crate) struct Member<'a> {
    scene: &'a Scene,
    dir: TempDir,
    pub(crate) pod: String,
    env: Vec<(&'static str, String)>,
}

impl<'a> Member<'a> {
    fn new(scene: &'a Scene, node: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("state")).unwrap();
        // An instance whose turns come within the second, among which each node has its own.
        let salt = node.bytes().map(u64::from).sum::<u64>() << 20;
        let ids = (salt..).map(|n| format!("{n:08x}-2222-4222-8222-222222222222"));
        let is_early = |id: &String| splay(id, START_SPLAY_S) == 0 && splay(id, 5) == 0;
        let id = ids.into_iter().find(is_early).unwrap();
        let beside = json!({
            "instance": id, "first_start": now_s(), "salt": "00".repeat(16), "sequence": 0,
            "report_digest": null, "timeline": null, "seal": null,
        });
        std::fs::write(dir.path().join("state/instance.json"), beside.to_string()).unwrap();
        std::fs::write(dir.path().join("token"), token(1)).unwrap();
        std::fs::write(dir.path().join("ca.pem"), &scene.central.ca_pem).unwrap();
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let pod = format!("highwater-{node}");
        let mut env = scene.stub.env(node);
        env.extend([
            ("HIGHWATER_STATE_DIR", path("state")),
            ("HIGHWATER_SAMPLING__INTERVAL", "1s".to_owned()),
            ("HIGHWATER_UPLINK__URL", scene.central.url()),
            ("HIGHWATER_UPLINK__CA_FILE", path("ca.pem")),
            ("HIGHWATER_UPLINK__ENROLMENT_TOKEN_FILE", path("token")),
            ("HIGHWATER_KUBERNETES__POD", pod.clone()),
        ]);
        Member { scene, dir, pod, env }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.env.retain(|(known, _)| *known != name);
        self.env.push((name, value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.env.retain(|(known, _)| *known != name);
        self
    }

    /// With the licence kept in the Secret.
    pub(crate) fn with_secret(self) -> Self {
        self.with("HIGHWATER_KUBERNETES__LICENCE_SECRET", "highwater-licence")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
        command.env_clear().envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn run(&self) -> Agent {
        assert!(self.scene.central.port > 0);
        Agent::spawn(self.command().arg("run"))
    }

    /// The JSON of a command.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.command().args(arguments).arg("--json").output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {output:?}"))
    }
}
