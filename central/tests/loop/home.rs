//! A state directory of a test's own, and the agent run with it.

use crate::agent::{Agent, eventually};
use crate::central::Central;
use crate::files::Tree;
use crate::programs;
use rusqlite::Connection;
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Where one agent lives: its directory and its environment.
pub(crate) struct Home {
    pub(crate) tree: Tree,
    env: Vec<(OsString, OsString)>,
}

impl Home {
    /// With slots of a second.
    pub(crate) fn new() -> Self {
        Home { tree: Tree::new(&[]), env: Vec::new() }.with("HIGHWATER_SAMPLING__INTERVAL", "1s")
    }

    pub(crate) fn with(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// With a wall clock that a test sets, on clocks since boot that run true. `None` where there is no libfaketime.
    pub(crate) fn with_clock(self) -> Option<Self> {
        let library = crate::faked::library()?;
        let file = self.tree.at("time");
        let home = self
            .with("LD_PRELOAD", library)
            .with("FAKETIME_NO_CACHE", "1")
            .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .with("FAKETIME_TIMESTAMP_FILE", file)
            .with("TZ", "UTC");
        home.set_clock(0);
        Some(home)
    }

    /// Sets the clock to so many seconds off the true one.
    pub(crate) fn set_clock(&self, off_s: i64) {
        self.tree.write("time.new", format!("{off_s:+}\n"));
        std::fs::rename(self.tree.at("time.new"), self.tree.at("time")).unwrap();
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.tree.at("state")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.state_dir().join(name)
    }

    /// The program, in this environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = programs::command(programs::agent());
        command.env("HIGHWATER_STATE_DIR", self.state_dir()).envs(self.env.iter().cloned());
        command.current_dir(self.tree.dir());
        command
    }

    pub(crate) fn run(&self) -> Agent {
        Agent::spawn(self.command().arg("run"))
    }

    /// What a command says, and how it ends.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// A command's JSON and exit code.
    pub(crate) fn json_and_code(&self, arguments: &[&str]) -> (Value, i32) {
        let output = self.command().args(arguments).arg("--json").output().unwrap();
        let value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{arguments:?}: {e}: {output:?}"));
        (value, output.status.code().unwrap())
    }

    /// The JSON of a command that succeeds.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let (value, code) = self.json_and_code(arguments);
        assert_eq!(code, 0, "{arguments:?}: {value}");
        value
    }

    pub(crate) fn status(&self) -> Value {
        self.json(&["status"])
    }

    /// The exit code of a command.
    pub(crate) fn code(&self, arguments: &[&str]) -> i32 {
        self.ask(arguments).status.code().unwrap()
    }

    /// Joins a central.
    pub(crate) fn join(&self, central: &Central, grace: &str) -> Value {
        self.join_by(&central.url(), &central.ca_file, &central.token(grace))
    }

    pub(crate) fn join_by(&self, url: &str, ca_file: &Path, token: &str) -> Value {
        let ca_file = ca_file.to_str().unwrap();
        self.json(&["activate", "--central", url, "--ca-file", ca_file, "--token", token])
    }

    /// Pushes the open day, which must succeed.
    pub(crate) fn push_open_day(&self) -> Value {
        self.json(&["push", "--open-day"])
    }

    /// Waits until the outbox holds so many reports that wait, and that have their receipts.
    pub(crate) fn await_outbox(&self, pending: i64, receipted: i64) -> Value {
        eventually(&format!("an outbox of {pending} and {receipted}"), || {
            let status = self.status();
            let outbox = &status["outbox"];
            (outbox["pending"] == pending && outbox["receipted"] == receipted).then(|| status.clone())
        })
    }

    /// Another home, with a copy of this one's state as it stands.
    pub(crate) fn copied(&self) -> Self {
        let copy = Home { tree: Tree::new(&[]), env: self.env.clone() };
        copy.restore(&self.state_dir());
        if self.env.iter().any(|(name, _)| name == "FAKETIME_TIMESTAMP_FILE") {
            let file = copy.tree.at("time");
            let copy = copy.with("FAKETIME_TIMESTAMP_FILE", file);
            copy.set_clock(0);
            return copy;
        }
        copy
    }

    /// Puts back the state that another directory holds.
    pub(crate) fn restore(&self, from: &Path) {
        let _ = std::fs::remove_dir_all(self.state_dir());
        let copied = Command::new("cp").arg("-a").arg(from).arg(self.state_dir()).status().unwrap();
        assert!(copied.success());
    }

    /// The ledger, as someone who meddles with it opens it.
    pub(crate) fn meddle(&self, sql: &str) {
        let connection = Connection::open(self.file("ledger.db")).unwrap();
        connection.execute_batch(sql).unwrap_or_else(|e| panic!("{e} in {sql}"));
        assert!(connection.total_changes() > 0, "nothing was changed by {sql}");
    }
}
