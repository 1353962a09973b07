//! A real server, as a process of its own.

use super::Client;
use highwater_central::store::sqlite::SqliteStore;
use highwater_rules::token::EnrolmentToken;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

/// A server on a free port; ends with the test.
pub struct Server {
    pub child: Child,
    pub dir: PathBuf,
    pub url: String,
    pub ca_file: PathBuf,
    /// What it printed when it had started.
    pub told: Value,
    _home: Option<Arc<tempfile::TempDir>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program, without what this shell's environment would tell it.
pub fn program(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_highwater-central"));
    command.args(arguments).arg("--data-dir").arg(dir);
    command
}

impl Server {
    pub fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("data");
        let mut server = Self::start_in(&dir, &[]);
        server._home = Some(Arc::new(home));
        server
    }

    pub fn start_in(dir: &Path, more: &[&str]) -> Self {
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--json"];
        arguments.extend(more);
        if !more.contains(&"--rate-limit") {
            arguments.extend(["--rate-limit", "0"]);
        }
        // SIGXFSZ is ignored, so that a test can make the disk look full: a shell hands that down.
        let program = program(dir, &arguments);
        let mut child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(program.get_program())
            .args(program.get_args())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        Server {
            child,
            dir: dir.to_owned(),
            url: told["url"].as_str().unwrap().to_owned(),
            ca_file: told["ca_file"].as_str().unwrap().into(),
            told,
            _home: None,
        }
    }

    pub async fn client(&self) -> Client {
        Client::connect(&self.url, &self.ca_file).await
    }

    /// A connection on which a test says every byte itself.
    pub async fn stream(&self) -> tokio_rustls::client::TlsStream<tokio::net::TcpStream> {
        super::client::stream(&self.url, &self.ca_file).await.unwrap()
    }

    /// Another process's look into the same database.
    pub fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.dir.join("central.db")).unwrap()
    }

    /// Types a command beside the running server.
    pub fn output(&self, arguments: &[&str]) -> Output {
        program(&self.dir, arguments).output().unwrap()
    }

    /// The same, for one that prints JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.output(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub fn contract(&self, more: &[&str]) -> String {
        let told = self.json(&[&["contract", "create", "--product", "P", "--customer", "C"], more].concat());
        told["contract"].as_str().unwrap().to_owned()
    }

    pub fn token(&self, contract: &str, more: &[&str]) -> EnrolmentToken {
        let told = self.json(&[&["token", "create", "--contract", contract], more].concat());
        EnrolmentToken::parse(told["token"].as_str().unwrap()).unwrap()
    }
}
