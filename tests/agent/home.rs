//! A state directory of a test's own, and the program run with it.

use crate::agent::Agent;
use crate::files::Tree;
use nix::unistd::Uid;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// The program.
pub(crate) const HIGHWATER: &str = env!("CARGO_BIN_EXE_highwater");

/// Where one agent lives: its directory and its environment.
pub(crate) struct Home {
    pub(crate) tree: Tree,
    state_dir: PathBuf,
    env: Vec<(OsString, OsString)>,
}

impl Home {
    /// With nothing set but the state directory.
    pub(crate) fn bare() -> Self {
        let tree = Tree::new(&[]);
        let state_dir = tree.at("state");
        Home { tree, state_dir, env: Vec::new() }
    }

    /// With slots of a second.
    pub(crate) fn new() -> Self {
        Self::bare().with("HIGHWATER_SAMPLING__INTERVAL", "1s")
    }

    pub(crate) fn with(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    pub(crate) fn at_root(self, root: &Path) -> Self {
        self.with("HIGHWATER_SAMPLING__ROOT", root)
    }

    /// With a configuration file, which can be written again.
    pub(crate) fn configured(self, text: &str) -> Self {
        self.write_config(text);
        let path = self.tree.at("highwater.toml");
        self.with("HIGHWATER_CONFIG", path)
    }

    pub(crate) fn write_config(&self, text: &str) {
        self.tree.write("highwater.toml", text);
    }

    /// With its state elsewhere.
    pub(crate) fn keeping_state_in(mut self, dir: &Path) -> Self {
        dir.clone_into(&mut self.state_dir);
        self
    }

    pub(crate) fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.state_dir.join("ledger.db")
    }

    /// Any program, in this environment.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("HIGHWATER_")) {
            command.env_remove(name);
        }
        command.env("HIGHWATER_STATE_DIR", &self.state_dir).envs(self.env.iter().cloned());
        command.current_dir(self.tree.dir()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self) -> Agent {
        Agent::spawn(self.command(HIGHWATER).arg("run"))
    }

    /// What a command says, and how it ends.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Output {
        self.command(HIGHWATER).args(arguments).output().unwrap()
    }

    /// A command's JSON and exit code.
    pub(crate) fn json_and_code(&self, arguments: &[&str]) -> (Value, i32) {
        let output = self.command(HIGHWATER).args(arguments).arg("--json").output().unwrap();
        let value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
        (value, output.status.code().unwrap())
    }

    /// The JSON of a command that succeeds.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let (value, code) = self.json_and_code(arguments);
        assert_eq!(code, 0, "{arguments:?}: {value}");
        value
    }

    pub(crate) fn assert_verified(&self) {
        let (verdict, code) = self.json_and_code(&["verify"]);
        assert!(verdict["ok"] == true && code == 0, "{verdict}");
    }

    /// The ledger, as a reader sees it.
    pub(crate) fn ledger(&self) -> Connection {
        let connection = Connection::open_with_flags(self.file(), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        connection
    }

    /// The ledger, as someone who meddles with it opens it.
    pub(crate) fn meddle(&self, sql: &str) {
        let connection = Connection::open(self.file()).unwrap();
        connection.execute_batch(VIEWS_AS_TABLES).unwrap();
        connection.execute_batch(sql).unwrap_or_else(|e| panic!("{e} in {sql}"));
        assert!(connection.total_changes() > 0, "nothing was changed by {sql}");
    }
}

/// Lets an editor change the views `slots` and `samples` as if they were tables: what he writes goes to `ring`.
const VIEWS_AS_TABLES: &str = "
CREATE TEMP TRIGGER s_update INSTEAD OF UPDATE ON main.samples BEGIN
  UPDATE ring SET id = NEW.position << 16 | NEW.series, value = NEW.value, rx = NEW.rx, tx = NEW.tx, rule = NEW.rule,
    gap = NEW.gap, counter = NEW.counter, counter_tx = NEW.counter_tx, incarnation = NEW.incarnation
    WHERE id = OLD.position << 16 | OLD.series; END;
CREATE TEMP TRIGGER s_delete INSTEAD OF DELETE ON main.samples BEGIN
  DELETE FROM ring WHERE id = OLD.position << 16 | OLD.series; END;
CREATE TEMP TRIGGER s_insert INSTEAD OF INSERT ON main.samples BEGIN
  INSERT INTO ring (id, value, rx, tx, rule, gap, counter, counter_tx, incarnation) VALUES (NEW.position << 16 | NEW.series,
    NEW.value, NEW.rx, NEW.tx, NEW.rule, NEW.gap, NEW.counter, NEW.counter_tx, NEW.incarnation); END;
CREATE TEMP TRIGGER l_update INSTEAD OF UPDATE ON main.slots BEGIN
  UPDATE ring SET seq = NEW.seq, slot = NEW.slot, slot_s = NEW.slot_s, at = NEW.at, taken_ms = NEW.taken_ms,
    mono_ms = NEW.mono_ms, boot_ms = NEW.boot_ms, boot = NEW.boot, clock_step_ms = NEW.clock_step_ms,
    previous = NEW.previous, digest = NEW.digest WHERE id = OLD.position << 16; END;
CREATE TEMP TRIGGER l_delete INSTEAD OF DELETE ON main.slots BEGIN
  DELETE FROM ring WHERE id = OLD.position << 16; END;
CREATE TEMP TRIGGER l_insert INSTEAD OF INSERT ON main.slots BEGIN
  INSERT INTO ring (id, seq, slot, slot_s, at, taken_ms, mono_ms, boot_ms, boot, clock_step_ms, previous, digest)
    VALUES (NEW.position << 16, NEW.seq, NEW.slot, NEW.slot_s, NEW.at, NEW.taken_ms, NEW.mono_ms, NEW.boot_ms, NEW.boot,
    NEW.clock_step_ms, NEW.previous, NEW.digest); END;
";

/// Whether the test has root's rights; where it has not, it is skipped.
pub(crate) fn without_root() -> bool {
    !Uid::effective().is_root() && crate::tools::skipped("it needs root")
}
