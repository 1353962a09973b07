//! The hooks: run one after the other on each change of stage, one run at a time, the newest stage last.

use super::hook::{self, HookEnd, Told};
use crate::config;
use highwater_rules::grace::Stage;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;

/// What the hooks are to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) stage: Stage,
    pub(super) days_left: i64,
}

/// What a run reports.
enum Report {
    /// One of its hooks ended.
    Ended(HookEnd),
    /// All of them did.
    Over,
}

/// The hooks, and what they were told.
pub(super) struct Hooks {
    commands: Arc<[String]>,
    status_file: PathBuf,
    /// What a whole run told last. It is in the status file too: a run that the agent's end cut off is made again.
    told: Option<Stage>,
    running: Option<Stage>,
    /// What came while a run was on.
    wanted: Option<Call>,
    // A run sends at most a report for each hook and one more, and the next begins when those were received.
    reports: mpsc::UnboundedReceiver<Report>,
    sender: mpsc::UnboundedSender<Report>,
}

impl Hooks {
    pub(super) fn new(config: &config::Gate, told: Option<Stage>) -> Self {
        let (sender, reports) = mpsc::unbounded_channel();
        Hooks {
            commands: config.hooks.clone().into(),
            status_file: config.status_file.clone(),
            told,
            running: None,
            wanted: None,
            reports,
            sender,
        }
    }

    /// From the next run on, these commands are run. Commands that are there for the first time are not run for a stage that
    /// began before.
    pub(super) fn follow_config(&mut self, config: &config::Gate) {
        self.commands = config.hooks.clone().into();
        self.status_file.clone_from(&config.status_file);
    }

    /// The stage that all hooks were told last, where `now` is the stage: with no hooks, that one.
    pub(super) fn told(&self, now: Stage) -> Option<Stage> {
        if self.commands.is_empty() && self.running.is_none() { Some(now) } else { self.told }
    }

    /// Tells them of a stage, unless they know.
    pub(super) fn show(&mut self, call: Call) {
        match self.running {
            Some(stage) => self.wanted = (stage != call.stage).then_some(call),
            None if self.commands.is_empty() => self.told = Some(call.stage),
            None if self.told != Some(call.stage) => self.start(call),
            None => {}
        }
    }

    fn start(&mut self, call: Call) {
        self.running = Some(call.stage);
        let commands = Arc::clone(&self.commands);
        let (previous, status_file, sender) = (self.told, self.status_file.clone(), self.sender.clone());
        tokio::spawn(async move {
            let Call { stage, days_left } = call;
            for command in commands.iter() {
                let told = Told { stage, previous, days_left, status_file: &status_file };
                // Nobody hears of it where the gate is gone; the others are run all the same.
                let _ = sender.send(Report::Ended(hook::run(command, told).await));
            }
            let _ = sender.send(Report::Over);
        });
    }

    /// The next hook that ended. Safe to be dropped before there is one.
    pub(super) async fn next(&mut self) -> HookEnd {
        loop {
            match self.reports.recv().await {
                Some(Report::Ended(end)) => return end,
                Some(Report::Over) => self.over(),
                // It holds a sender of its own: the channel never closes.
                None => std::future::pending().await,
            }
        }
    }

    fn over(&mut self) {
        self.told = self.running.take().or(self.told);
        if let Some(call) = self.wanted.take() {
            self.show(call);
        }
    }
}
