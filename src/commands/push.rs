//! `highwater push`: sends what waits, now. A running agent does it itself, when it is asked on its socket; where none runs, this
//! command does.

use super::run::runtime;
use super::{Failure, Outcome, exit, plan, print_json};
use crate::clock::Clock;
use crate::config::Loaded;
use crate::gate::client;
use crate::joined;
use crate::keeper::Keeper;
use crate::ledger::Ledger;
use crate::log::print;
use crate::renewer::{self, Who};
use crate::reporter::Reporter;
use clap::Args;
use serde_json::Value;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::time::Duration;
use tokio::sync::oneshot;

/// How often the progress of a long catch-up is looked at.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Report the open day, too, up to its last slot; the day's own report supersedes it later
    #[arg(long)]
    open_day: bool,
    /// Send again what central refused for good
    #[arg(long)]
    retry_parked: bool,
    /// Print JSON (docs/json.md)
    #[arg(long)]
    json: bool,
}

pub(super) fn push(loaded: &Loaded, options: &Options) -> Outcome {
    let outcome = if Ledger::writer(&loaded.config.state_dir).is_some() {
        ask_the_agent(loaded, options)?
    } else {
        push_here(loaded, options)?
    };
    if options.json {
        print_json(&outcome)?;
    } else {
        print(&told(&outcome, options.open_day))?;
    }
    let text = |key: &str| outcome.get("error").and_then(|e| e.get(key)).and_then(Value::as_str);
    match text("error") {
        Some(error) => {
            let mend = text("mend").map(|mend| format!("\n    {mend}")).unwrap_or_default();
            Err(Failure::new(exit::UNAVAILABLE, format!("{error}{mend}")))
        }
        None if number(&outcome, "parked") > 0 => {
            Err(Failure::new(exit::DATA, "central refused a report for good: `highwater report` says why"))
        }
        None => Ok(0),
    }
}

fn number(outcome: &Value, key: &str) -> i64 {
    outcome.get(key).and_then(Value::as_i64).unwrap_or(0)
}

fn told(outcome: &Value, with_open_day: bool) -> String {
    let reports = |n: i64| if n == 1 { "1 report".to_owned() } else { format!("{n} reports") };
    let [accepted, parked, pending] = ["accepted", "parked", "pending"].map(|key| number(outcome, key));
    let mut text = match accepted {
        0 if pending == 0 && parked == 0 && with_open_day => {
            "nothing waits to be sent: the open day has no slot yet, or none since it was reported\n"
                .to_owned()
        }
        0 if pending == 0 && parked == 0 => "nothing waits to be sent\n".to_owned(),
        0 => String::new(),
        n => format!("central took {}\n", reports(n)),
    };
    if parked > 0 {
        text.push_str(&format!("{} refused for good\n", reports(parked)));
    }
    if pending > 0 {
        text.push_str(&format!("{} still to be sent\n", reports(pending)));
    }
    text
}

/// A running agent holds the ledger: it pushes, and this command shows how far it is.
fn ask_the_agent(loaded: &Loaded, options: &Options) -> Result<Value, Failure> {
    let Some(socket) = loaded.config.gate.socket.clone() else {
        return Err(Failure::new(
            exit::UNAVAILABLE,
            "an agent is running, but it has no socket to be asked on (gate.socket = \"none\")\n    \
             send it SIGUSR1: it then samples and pushes at once",
        ));
    };
    let flag = |set: bool| u8::from(set);
    let target =
        format!("/v1/push?open_day={}&retry_parked={}", flag(options.open_day), flag(options.retry_parked));
    let runtime = runtime()?;
    runtime.block_on(async {
        let asked = client::request(&socket, "POST", &target);
        tokio::pin!(asked);
        let mut progress = Progress::new(options);
        loop {
            tokio::select! {
                biased;
                answer = &mut asked => {
                    progress.end();
                    let (status, value) =
                        answer.map_err(|e| Failure::new(exit::UNAVAILABLE, e.to_string()))?;
                    return match status {
                        200 => Ok(value),
                        403 => Err(Failure::new(exit::PERMISSION, "only the agent's own user and root may ask it to push")),
                        _ => Err(Failure::new(exit::UNAVAILABLE, format!("the agent answered {status}: {value}"))),
                    };
                }
                () = tokio::time::sleep(PROGRESS_EVERY) => {
                    // A progress that can't be read is not shown.
                    if let Ok(counts) = super::open_reader(loaded).and_then(|ledger| ledger.outbox_counts()) {
                        progress.show(counts.pending);
                    }
                }
            }
        }
    })
}

/// No agent runs: the ledger is this command's for as long as it takes.
fn push_here(loaded: &Loaded, options: &Options) -> Result<Value, Failure> {
    let state_dir = &loaded.config.state_dir;
    if !state_dir.join(crate::ledger::FILE_NAME).exists() {
        // Opening it for writing would make one.
        Ledger::open_reader(state_dir, plan(loaded))?;
    }
    let mut ledger = Ledger::open(state_dir, plan(loaded))?.ledger;
    let clock = Clock::new(&loaded.config.sampling.root);
    let mut reporter = Reporter::new(state_dir, ledger.instance(), loaded.config.uplink.clone());
    reporter.look().map_err(|e| {
        Failure::new(if e.is_permission() { exit::PERMISSION } else { exit::DATA }, e.to_string())
    })?;
    let mut keeper =
        joined::load_keeper(&ledger, state_dir, reporter.joined().map(|joined| &**joined), &clock.now())?;
    if options.retry_parked {
        ledger.unpark()?;
    }
    if options.open_day {
        ledger.report_open_day()?;
    }
    let runtime = runtime()?;
    runtime.block_on(async {
        let (reply, mut answer) = oneshot::channel();
        reporter.push_now(Some(reply), &clock.now());
        reporter.begin_if_due(&mut ledger, &mut keeper, &clock.now())?;
        let mut progress = Progress::new(options);
        while reporter.runs() {
            let ended = reporter.ended().await;
            reporter.settle(ended, &mut ledger, &mut keeper, &clock.now())?;
            install_offered(&mut reporter, &ledger, state_dir, &keeper);
            progress.show(ledger.outbox_counts()?.pending);
        }
        progress.end();
        answer
            .try_recv()
            .map_err(|_| Failure::new(exit::UNAVAILABLE, "the push ended without a word: try again"))
    })
}

/// Licences that came with the answer. What of them can't be used is told by the next `license show`; it hinders no push.
fn install_offered(reporter: &mut Reporter, ledger: &Ledger, state_dir: &Path, keeper: &Keeper) {
    let offered = reporter.take_offered();
    let Some(joined) = reporter.joined() else { return };
    let who = Who::of(keeper.standing(), ledger.cluster());
    for token in &offered {
        let _ = renewer::take_up(state_dir, ledger.instance(), token, joined, &who);
    }
}

/// A line on standard error that is written over, where someone looks at it.
struct Progress {
    wanted: bool,
    shown: bool,
    most: i64,
}

impl Progress {
    fn new(options: &Options) -> Self {
        Progress { wanted: !options.json && std::io::stderr().is_terminal(), shown: false, most: 0 }
    }

    fn show(&mut self, pending: i64) {
        self.most = self.most.max(pending);
        if self.wanted && self.most > 1 {
            self.shown = true;
            // A terminal that is gone shows nothing.
            let _ = write!(
                std::io::stderr(),
                "\rpushing: {} of {} reports sent ",
                self.most - pending,
                self.most
            );
        }
    }

    fn end(&self) {
        if self.shown {
            let _ = writeln!(std::io::stderr());
        }
    }
}
