//! A gate of a test's own, and what it is shown.

use crate::files::Tree;
use highwater::clock;
use highwater::config;
use highwater::files::read_bounded;
use highwater::gate::{Document, Gate, GateError, Licence, State};
use highwater_rules::grace::{Since, Stage};
use highwater_rules::licence::{Because, LicenceState};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

/// What is awaited comes within this, on a machine however busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
const DAY_S: i64 = 86_400;

/// Where a gate lives.
pub(crate) struct Bench {
    pub(crate) tree: Tree,
    pub(crate) config: config::Gate,
}

impl Bench {
    /// With file and socket, without hooks. Everybody may look into it.
    pub(crate) fn new() -> Self {
        let tree = Tree::new(&[]);
        std::fs::set_permissions(tree.dir(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let config = config::Gate {
            status_file: tree.at("run/gate.json"),
            socket: Some(tree.at("run/gate.sock")),
            hooks: Vec::new(),
        };
        Bench { tree, config }
    }

    pub(crate) fn hooked(hooks: &[&str]) -> Self {
        let mut bench = Bench::new();
        bench.config.hooks = hooks.iter().map(|hook| (*hook).to_owned()).collect();
        bench
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.config.status_file.clone()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.config.socket.clone().unwrap()
    }

    /// A gate without anything to complain of.
    pub(crate) fn open(&self) -> Gate {
        let (gate, errors) = Gate::open(&self.config);
        assert!(errors.is_empty(), "{errors:?}");
        gate
    }

    /// What there is to complain of.
    pub(crate) fn complaint(&self) -> (Gate, GateError) {
        let (gate, mut errors) = Gate::open(&self.config);
        assert_eq!(errors.len(), 1, "{errors:?}");
        (gate, errors.remove(0))
    }

    pub(crate) fn text(&self) -> String {
        read_bounded(&self.file(), 1 << 16).unwrap()
    }

    pub(crate) fn document(&self) -> Document {
        Document::parse(&self.text()).unwrap()
    }

    /// What a hook left in a file; empty before it did.
    pub(crate) fn left(&self, name: &str) -> String {
        read_bounded(&self.tree.at(name), 1 << 16).unwrap_or_default()
    }
}

/// A stage, as of now.
pub(crate) fn state(stage: Stage) -> State {
    let now = clock::unix_s();
    let (days_left, next_days) = match stage {
        Stage::Open => (71, Some(41)),
        Stage::Warning => (20, Some(13)),
        Stage::Critical => (1, Some(1)),
        Stage::Closed => (0, None),
    };
    State {
        stage,
        because: Because::Grace,
        days_left,
        left_s: days_left * DAY_S,
        grace_end: now + days_left * DAY_S,
        ahead_s: 0,
        changes_at: next_days.map(|days| now + days * DAY_S),
        next_report_due: Some(now + 3600),
        contract_end: None,
        licence: Licence { state: LicenceState::Missing, id: None, expires_at: None, renew_from: None },
        since: Since::Receipt,
        since_at: now + days_left * DAY_S - 90 * DAY_S,
        instance: "96cd165a-7e9d-4e74-b859-692395d8f383".to_owned(),
        identity: Some("0123456789abcdef".to_owned()),
    }
}

/// Asks until it is so, for as long as is sensible. The gate's own tasks go on meanwhile.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what} never came"));
}
