//! A central that a test runs, and what it tells on its command line.

use crate::files::Tree;
use crate::programs::{self, CENTRAL};
use crate::support::Server;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A central with a database of its own. It is killed with the test.
pub(crate) struct Central {
    tree: Tree,
    child: Option<Child>,
    pub(crate) port: u16,
    pub(crate) ca_file: PathBuf,
    more: Vec<String>,
    env: Vec<(String, String)>,
}

impl Drop for Central {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Central {
    /// One that listens at a port that was free.
    pub(crate) fn start() -> Self {
        Self::start_with(&[], &[])
    }

    /// The same, with further arguments and an environment.
    pub(crate) fn start_with(more: &[&str], env: &[(&str, String)]) -> Self {
        let mut central = Central {
            tree: Tree::new(&[]),
            child: None,
            port: 0,
            ca_file: PathBuf::new(),
            more: more.iter().map(|argument| (*argument).to_owned()).collect(),
            env: env.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        };
        central.serve();
        central
    }

    fn serve(&mut self) {
        let mut command = programs::command(CENTRAL);
        let log = File::options().create(true).append(true).open(self.tree.at("central.log")).unwrap();
        command.arg("serve").arg("--data-dir").arg(self.tree.at("data")).arg("--json");
        command.args(["--listen", &format!("127.0.0.1:{}", self.port)]);
        command.args(&self.more).envs(self.env.iter().cloned());
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        self.child = Some(child);
        let told: Value =
            serde_json::from_str(&first).unwrap_or_else(|e| panic!("{e}: {first:?}: {}", self.log()));
        self.ca_file = told["ca_file"].as_str().unwrap().into();
        self.port = told["url"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
    }

    /// Another server on a copy of its data, with these options.
    pub(crate) fn again(&self, more: &[&str]) -> Server {
        let copied =
            Command::new("cp").arg("-a").arg(self.tree.at("data")).arg(self.tree.at("again")).status();
        assert!(copied.unwrap().success());
        Server::start_in(&self.tree.at("again"), more)
    }

    /// Its data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.tree.at("data")
    }

    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// Ends it as a power cut does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again, where it was.
    pub(crate) fn come_back(&mut self) {
        assert!(self.child.is_none());
        self.serve();
    }

    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.tree.at("central.log")).unwrap()
    }

    /// The JSON of a command.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let mut command = programs::command(CENTRAL);
        let output = command
            .args(arguments)
            .arg("--json")
            .arg("--data-dir")
            .arg(self.tree.at("data"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// An enrolment token of a new contract, with so long a grace period.
    pub(crate) fn token(&self, grace: &str) -> String {
        let names = ["contract", "create", "--product", "Balancer", "--customer", "Example"];
        let create = [&names[..], &["--grace", grace]].concat();
        let contract = self.json(&create)["contract"].as_str().unwrap().to_owned();
        self.json(&["token", "create", "--contract", &contract])["token"].as_str().unwrap().to_owned()
    }

    /// The reports that it has, as its list shows them.
    pub(crate) fn reports(&self) -> Vec<Value> {
        self.json(&["report", "list"])["reports"].as_array().unwrap().clone()
    }

    /// The sequence numbers of one identity's reports.
    pub(crate) fn sequences(&self, identity: &str) -> Vec<u64> {
        let listed = self.json(&["report", "list", "--identity", identity]);
        listed["reports"].as_array().unwrap().iter().map(|r| r["sequence"].as_u64().unwrap()).collect()
    }

    /// The kinds of its alarms, oldest first, and whose they are.
    pub(crate) fn alarms(&self) -> Vec<(String, String)> {
        let database = self.database();
        let mut statement = database.prepare("SELECT kind, identity FROM alarms ORDER BY id").unwrap();
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    }

    /// The database, as a reader sees it.
    pub(crate) fn database(&self) -> Connection {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = Connection::open_with_flags(self.tree.at("data/central.db"), flags).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        connection
    }
}
