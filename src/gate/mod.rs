//! The gate: it tells the metered software whether it may go on running, in four ways that always agree.
//!
//! ```text
//!   State -> Document -> status_file      a file, read by whom it may concern, and by `highwater gate`
//!                    \-> socket -> connection -> stream, http
//!   a change of stage -> hooks -> hook    commands, one after the other
//! ```
//!
//! Nothing here decides anything: the stage comes from the rules. docs/gate.md is the contract.

pub mod client;
mod connection;
mod document;
mod error;
mod hook;
mod hooks;
pub(crate) mod http;
pub(crate) mod seats;
pub(crate) mod socket;
mod status_file;
pub(crate) mod stream;

pub use document::{Document, LicenceNote, Start};
pub use error::GateError;
pub use hook::{HOOK_LIMIT, HookEnd, HookOutcome, OUTPUT_MAX_BYTES};
pub use http::{BODY_MAX_BYTES, CONTROL_LIMIT, REQUEST_LIMIT};
pub use socket::{CONNECTIONS_MAX, RESERVED_MAX};
pub use status_file::{StatusFileError, read};

use crate::config;
use highwater_rules::dead_man::Term;
use highwater_rules::grace::{Since, Stage};
use highwater_rules::licence::{Because, LicenceState};
use hooks::{Call, Hooks};
use socket::Server;
use status_file::StatusFile;
use std::path::PathBuf;
use tokio::sync::{mpsc, oneshot, watch};

/// How many orders may wait for the loop.
const CONTROLS_MAX: usize = 4;

/// What the gate tells. Moments are unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The stage.
    pub stage: Stage,
    /// What it comes from.
    pub because: Because,
    /// Days of grace left, rounded up.
    pub days_left: i64,
    /// Seconds of grace left.
    pub left_s: i64,
    /// When grace ends, by the clock.
    pub grace_end: i64,
    /// How much more of it is used up than the clock shows, in seconds: it ends so much earlier than by the calendar.
    pub ahead_s: i64,
    /// When the stage will be another if nothing comes between, on the wall clock; `None` where that is not known, or never.
    pub changes_at: Option<i64>,
    /// When the next report is due; `None` before there is one.
    pub next_report_due: Option<i64>,
    /// When the contract ends; `None` where there is none.
    pub contract_end: Option<i64>,
    /// What the licence is worth.
    pub licence: Licence,
    /// What grace is counted from.
    pub since: Since,
    /// When that was.
    pub since_at: i64,
    /// The instance's id.
    pub instance: String,
    /// Whom central counts the instance for; `None` before activation.
    pub identity: Option<String>,
}

/// The licence, as the gate tells of it. Moments are unix seconds; all are `None` where there is no licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence {
    /// What it is worth.
    pub state: LicenceState,
    /// Its id.
    pub id: Option<String>,
    /// The first second after it.
    pub expires_at: Option<i64>,
    /// From when on the agent asks for the next one; `None` also where it does not by itself.
    pub renew_from: Option<i64>,
}

/// What became of telling.
#[derive(Debug, Default)]
pub struct Shown {
    /// The stage told before, where it is known, and the one told now; `None` where they are the same.
    pub changed: Option<(Option<Stage>, Stage)>,
    /// Why the status file can't be written: once, and again when the reason changes.
    pub error: Option<GateError>,
    /// Whether it could be written again after such an error.
    pub recovered: bool,
}

/// What came of the gate by itself.
#[derive(Debug)]
pub enum GateEvent {
    /// Somebody who may asks for something.
    Control(Control),
    /// A hook has ended.
    HookEnded(HookEnd),
}

/// What the agent's own user and root may ask for. The answer is sent back as it is; without one within [`CONTROL_LIMIT`] the
/// asker is told so.
#[derive(Debug)]
pub enum Control {
    /// Push what waits.
    Push {
        /// The open day too, up to now.
        open_day: bool,
        /// Those too that central had refused for good.
        retry_parked: bool,
        /// Where the answer goes.
        reply: oneshot::Sender<serde_json::Value>,
    },
    /// Make what is to be exported ready.
    Report {
        /// Make a report of the open day, up to now.
        open_day: bool,
        /// Let those wait again that central had refused for good.
        retry_parked: bool,
        /// Where the answer goes.
        reply: oneshot::Sender<serde_json::Value>,
    },
    /// Take in what central answered to an export.
    Import {
        /// A bundle.
        bundle: Vec<u8>,
        /// Where the answer goes.
        reply: oneshot::Sender<serde_json::Value>,
    },
    /// Drop the bytes of reports that central has.
    Prune {
        /// But for those of this many days past.
        keep_days: u32,
        /// Only say what would be dropped.
        dry_run: bool,
        /// Where the answer goes.
        reply: oneshot::Sender<serde_json::Value>,
    },
    /// Look at once whether anything is due.
    Wake {
        /// Where the answer goes.
        reply: oneshot::Sender<serde_json::Value>,
    },
}

/// What the socket serves: the stage and until when it holds, and the text of the file.
type Published = Option<(Stage, Term, String)>;

/// The gate.
pub struct Gate {
    file: StatusFile,
    socket: Option<PathBuf>,
    server: Option<Server>,
    hooks: Hooks,
    /// What was told last.
    stage: Option<Stage>,
    changes_at: Option<i64>,
    document: Option<Document>,
    is_written: bool,
    failing: Option<String>,
    published: watch::Sender<Published>,
    controls: mpsc::Receiver<Control>,
    controls_sender: mpsc::Sender<Control>,
}

impl Gate {
    /// Binds the socket, and reads what was told last. To be called within a tokio runtime.
    ///
    /// What fails is told, and never fatal: the gate tells in the ways that are left.
    #[must_use]
    pub fn open(config: &config::Gate) -> (Gate, Vec<GateError>) {
        let mut errors = Vec::new();
        let file = StatusFile::new(config.status_file.clone());
        let last = match read(&config.status_file) {
            Ok(document) => Some(document),
            Err(StatusFileError::Missing { .. }) => None,
            Err(error) => {
                errors.push(GateError::Last(error));
                None
            }
        };
        let (controls_sender, controls) = mpsc::channel(CONTROLS_MAX);
        let mut gate = Gate {
            hooks: Hooks::new(config, last.as_ref().and_then(|document| document.hooks_told)),
            file,
            socket: None,
            server: None,
            stage: last.map(|document| document.state),
            changes_at: None,
            document: None,
            is_written: false,
            failing: None,
            published: watch::Sender::new(None),
            controls,
            controls_sender,
        };
        errors.extend(gate.listen(config.socket.clone()));
        (gate, errors)
    }

    /// Follows a changed configuration; like [`Gate::open`] otherwise. What was told is told again at the next
    /// [`show`](Gate::show). A status file that is no longer written expires.
    #[must_use]
    pub fn follow(&mut self, config: &config::Gate) -> Vec<GateError> {
        if *self.file.path() != config.status_file {
            self.file = StatusFile::new(config.status_file.clone());
            self.is_written = false;
        }
        self.hooks.follow_config(config);
        let is_as_before = self.socket == config.socket && self.server.is_some() == config.socket.is_some();
        if is_as_before { Vec::new() } else { self.listen(config.socket.clone()).into_iter().collect() }
    }

    fn listen(&mut self, socket: Option<PathBuf>) -> Option<GateError> {
        // The old one goes first: its path may be the new one's.
        self.server = None;
        self.socket.clone_from(&socket);
        let started = Server::start(&socket?, self.published.subscribe(), self.controls_sender.clone());
        match started {
            Ok(server) => {
                self.server = Some(server);
                None
            }
            Err(error) => Some(error),
        }
    }

    /// Tells the state, to be called at each turn of the loop: on the socket; in the file where anything changed, half of what
    /// was told last is used up, or it could not be written; and to the hooks where the stage is another.
    pub fn show(&mut self, state: &State, now_s: i64) -> Shown {
        let mut shown = Shown {
            changed: (self.stage != Some(state.stage)).then_some((self.stage, state.stage)),
            ..Shown::default()
        };
        self.stage = Some(state.stage);
        self.changes_at = state.changes_at;
        let hooks_told = self.hooks.told(state.stage);
        let is_current =
            self.document.as_ref().is_some_and(|told| told.still_tells(state, hooks_told, now_s));
        let document = match self.document.take() {
            Some(document) if is_current => document,
            _ => self.publish(Document::new(state, hooks_told, now_s)),
        };
        if !self.is_written {
            match self.file.write(&document.text()) {
                Ok(()) => {
                    self.is_written = true;
                    shown.recovered = self.failing.take().is_some();
                }
                Err(error) => {
                    let text = error.to_string();
                    let is_news = self.failing.as_ref() != Some(&text);
                    shown.error = is_news.then_some(error);
                    self.failing = Some(text);
                }
            }
        }
        self.document = Some(document);
        // Last, so that a hook that looks finds the new state.
        self.hooks.show(Call { stage: state.stage, days_left: state.days_left });
        shown
    }

    fn publish(&mut self, document: Document) -> Document {
        self.published.send_replace(Some((document.state, document.term(), document.text())));
        self.is_written = false;
        document
    }

    /// When [`show`](Gate::show) must be called again at the latest, in unix seconds: what was told would expire, or the stage be
    /// another. `None` before anything was told. A loop that turns at least twice an hour needs a wake-up of its own only for a
    /// change of stage.
    #[must_use]
    pub fn due_at(&self) -> Option<i64> {
        let due_at = self.document.as_ref()?.term().due_at();
        Some(self.changes_at.map_or(due_at, |changes_at| changes_at.min(due_at)))
    }

    /// The next event. Safe to be dropped before there is one.
    pub async fn next(&mut self) -> GateEvent {
        tokio::select! {
            biased;
            end = self.hooks.next() => GateEvent::HookEnded(end),
            // The gate holds a sender of its own: the channel never closes.
            Some(control) = self.controls.recv() => GateEvent::Control(control),
        }
    }

    /// Removes the socket, at a clean stop. The status file stays, and expires. A hook that runs goes on.
    pub fn close(&mut self) {
        self.server = None;
    }
}
