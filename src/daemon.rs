//! The one loop: sleep to the end of the slot or a signal, do what is due.

use crate::clock::{self, Clock};
use crate::config::{Config, Loaded};
use crate::files::Root;
use crate::ledger::{Ledger, LedgerError, Plan};
use crate::recorder::{Due, Recorder};
use crate::sampler::Sampler;
use crate::sources::Source;
use crate::wake::{Wake, Wakes};
use crate::{events, host, log};
use highwater_rules::record::Mark;
use highwater_rules::timeline;

/// How the agent loads its configuration again.
pub(crate) type Reload = Box<dyn Fn() -> Result<Loaded, crate::config::Mistakes>>;

/// What can end the agent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DaemonError {
    /// The ledger can't be opened.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The operating system refuses what the loop waits by.
    #[error("cannot wait for signals and the clock: {0}")]
    Wait(#[from] std::io::Error),
}

/// The agent.
pub(crate) struct Daemon {
    config: Config,
    clock: Clock,
    sampler: Sampler,
    recorder: Recorder,
    log: log::Handle,
    state: events::Changes,
    last_mark: Mark,
}

fn plan(config: &Config) -> Plan {
    Plan {
        length: config.sampling.interval,
        retention_s: config.retention_s,
        calendar: config.sampling.calendar.clone(),
        hash_names: false,
    }
}

fn sampler(config: &Config) -> Sampler {
    Sampler::new(Source::all(config), config.sampling.interval.seconds())
}

/// Runs the agent until it is told to stop.
///
/// # Errors
/// When it can't begin: the ledger can't be opened, or signals can't be waited for.
pub(crate) async fn run(loaded: Loaded, reload: Reload, log: log::Handle) -> Result<(), DaemonError> {
    let config = loaded.config.clone();
    let mut wakes = Wakes::new()?;
    let opened = Ledger::open(&config.state_dir, plan(&config))?;
    let clock = Clock::new(&config.sampling.root);
    events::started(&loaded, &opened.ledger);
    events::host(&host::HostFacts::read(&Root::new(&config.sampling.root)));
    events::config_warnings(&loaded.warnings);
    if let Some((aside, why)) = &opened.moved_aside {
        events::ledger_moved_aside(aside, why);
    }
    let recorder = Recorder::new(opened.ledger, plan(&config))?;
    let last_mark = clock.now();
    let sampler = sampler(&config);
    let mut daemon =
        Daemon { config, clock, sampler, recorder, log, state: events::Changes::default(), last_mark };
    // An agent restarted over a slot's end is still in time for it.
    daemon.turn(true).await;
    loop {
        match wakes.next(daemon.next_slot_end()).await? {
            Wake::SlotEnded | Wake::ClockSet => daemon.turn(false).await,
            Wake::Reload => daemon.reload(&reload),
            Wake::SampleNow => daemon.sample_extra().await,
            Wake::Stop(signal) => {
                daemon.stop(signal);
                return Ok(());
            }
        }
    }
}

impl Daemon {
    /// When the slot that is now will end, in unix seconds.
    fn next_slot_end(&self) -> i64 {
        let length = self.config.sampling.interval;
        length.slot_at(clock::unix_s()).end(length)
    }

    /// Samples the slot that has ended, if it has not been already.
    async fn turn(&mut self, starting: bool) {
        let now = self.clock.now();
        self.watch_clock(&now);
        match self.recorder.due(&now, starting) {
            Ok(Some(due)) => self.sample(due, now).await,
            Ok(None) => events::nothing_due(&now),
            Err(error) => self.state.ledger_failed(&error),
        }
    }

    /// Tells of a wall clock that was set, and of a host that was suspended.
    fn watch_clock(&mut self, now: &Mark) {
        if let Some(passed) = timeline::passed(&self.last_mark, now, self.config.sampling.interval) {
            events::clock(&passed);
        }
        self.last_mark = now.clone();
    }

    async fn sample(&mut self, due: Due, now: Mark) {
        let sample = self.sampler.read().await;
        self.state.sources(&sample.reports);
        let took_ms = clock::mono_ms().saturating_sub(now.mono_ms);
        let recorded = self.recorder.record(due, now, sample);
        events::sampled(&recorded.record, took_ms);
        events::missed(&recorded.record);
        self.state.recorded(&recorded);
        for closed in &recorded.closed {
            events::day_closed(closed);
        }
    }

    /// Samples between two slots, for the log only: the ring has one row a slot, and it is taken at the slot's end.
    async fn sample_extra(&mut self) {
        let now = self.clock.now();
        let sample = self.sampler.read().await;
        self.state.sources(&sample.reports);
        let took_ms = clock::mono_ms().saturating_sub(now.mono_ms);
        events::sampled_extra(self.recorder.previous(), now, sample, self.config.sampling.interval, took_ms);
    }

    /// Loads the configuration again; with any mistake in it, the old one stays.
    fn reload(&mut self, reload: &Reload) {
        let loaded = match reload() {
            Ok(loaded) => loaded,
            Err(mistakes) => return events::reload_failed(&mistakes.to_string()),
        };
        let config = loaded.config.clone();
        if config.state_dir != self.config.state_dir {
            return events::reload_failed("state_dir can't change while the agent runs: restart it");
        }
        if let Err(error) = self.recorder.follow(plan(&config)) {
            return events::reload_failed(&error.to_string());
        }
        self.log.follow(config.log);
        self.clock = Clock::new(&config.sampling.root);
        self.sampler = sampler(&config);
        self.config = config;
        events::reloaded(&loaded);
        events::config_warnings(&loaded.warnings);
    }

    fn stop(&mut self, signal: &str) {
        if let Err(error) = self.recorder.seal() {
            self.state.ledger_failed(&error);
        }
        events::stopped(signal);
    }
}
