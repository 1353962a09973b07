//! The one loop: sleep to the end of the slot or a signal, do what is due.

mod cluster;
mod failed;
mod licence;
mod listen;
mod orders;
mod sample;
mod told;

pub(crate) use failed::tell_failure;

use crate::clock::{self, Clock};
use crate::config::{Config, Loaded};
use crate::enroller::{self, Enroller};
use crate::files::Root;
use crate::gate::{Gate, GateEvent};
use crate::joined;
use crate::keeper::Keeper;
use crate::ledger::{Ledger, LedgerError, Opened, Plan};
use crate::listen::{Figures, Listener};
use crate::node;
use crate::notify::{Asked, Manager};
use crate::recorder::Recorder;
use crate::renewer::{self, Renewer};
use crate::reporter::{Ended, Reporter};
use crate::sampler::Sampler;
use crate::sources::Source;
use crate::steward::{self, Steward};
use crate::wake::{Wake, Wakes};
use crate::{events, host, log};
use highwater_rules::burst::Bursts;
use highwater_rules::record::Mark;
use highwater_rules::{retry, timeline};
use std::time::Duration;

/// How often the ledger is looked for at the start while someone else holds it: for two seconds.
const LOCK_LOOKS: u32 = 20;
const LOCK_LOOK_EVERY: Duration = Duration::from_millis(100);

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
    bursts: Option<Bursts>,
    recorder: Recorder,
    log: log::Handle,
    state: events::Changes,
    last_mark: Mark,
    keeper: Keeper,
    reporter: Reporter,
    renewer: Renewer,
    enroller: Enroller,
    steward: Steward,
    gate: Gate,
    listener: Listener,
    figures: Figures,
    manager: Manager,
}

/// What the loop has to do.
enum Turn {
    Beat,
    Woken(Wake),
    Pushed(Box<Ended>),
    Renewed(Box<renewer::Ended>),
    Enrolled(Box<enroller::Ended>),
    Served(steward::Ended),
    Asked(GateEvent),
}

fn plan(config: &Config) -> Plan {
    Plan {
        length: config.sampling.interval,
        retention_s: config.retention_s,
        calendar: config.sampling.calendar.clone(),
        hash_names: config.uplink.hash_names,
        node: node::known(&config.state_dir),
    }
}

/// The sources of a configuration, each with the note that it left last. The notes of those that are no longer there are dropped.
fn sampler(config: &Config, recorder: &Recorder) -> Result<Sampler, LedgerError> {
    let mut sources = Source::all(config);
    let names: Vec<String> = sources.iter().map(Source::name).collect();
    let notes = recorder.notes()?;
    for (source, name) in sources.iter_mut().zip(&names) {
        if let Some((_, note)) = notes.iter().find(|(of, _)| of == name) {
            source.resume(note);
        }
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    recorder.ledger().drop_notes_but(&names)?;
    Ok(Sampler::new(sources, config.sampling.interval.seconds()))
}

/// Opens the ledger. A command that makes it, or writes to it, holds it for a moment only: that is waited for.
async fn open(config: &Config) -> Result<Opened, LedgerError> {
    for _ in 0..LOCK_LOOKS {
        match Ledger::open(&config.state_dir, plan(config)) {
            Err(LedgerError::Locked { .. }) => tokio::time::sleep(LOCK_LOOK_EVERY).await,
            opened => return opened,
        }
    }
    Ledger::open(&config.state_dir, plan(config))
}

/// Runs the agent until it is told to stop.
///
/// # Errors
/// When it can't begin: the ledger can't be opened, or signals can't be waited for.
pub(crate) async fn run(loaded: Loaded, reload: Reload, log: log::Handle) -> Result<(), DaemonError> {
    let config = loaded.config.clone();
    let mut wakes = Wakes::new()?;
    let opened = open(&config).await?;
    let clock = Clock::new(&config.sampling.root);
    events::started(&loaded, &opened.ledger);
    events::host(&host::HostFacts::read(&Root::new(&config.sampling.root)));
    events::config_warnings(&loaded.warnings);
    if let Some((aside, why)) = &opened.moved_aside {
        events::ledger_moved_aside(aside, why);
    }
    let last_mark = clock.now();
    let mut reporter = Reporter::new(&config.state_dir, opened.ledger.instance(), config.uplink.clone());
    look(&mut reporter);
    let joined = reporter.joined().cloned();
    let keeper = joined::load_keeper(&opened.ledger, &config.state_dir, joined.as_deref(), &last_mark)?;
    if keeper.doubted() {
        events::grace_doubted();
    }
    let renewer = Renewer::new(&config.state_dir, opened.ledger.instance(), &config, &last_mark);
    let who = enroller::Who {
        instance: opened.ledger.instance().to_owned(),
        first_start: opened.ledger.first_start(),
        names: opened.ledger.names(),
    };
    let enroller = Enroller::new(who, &last_mark);
    let steward = Steward::new(&config, opened.ledger.instance(), &last_mark);
    let (gate, errors) = Gate::open(&config.gate);
    errors.iter().for_each(events::gate_failed);
    let (listener, error) = Listener::open(&config.listen);
    error.iter().for_each(events::listen_failed);
    let recorder = Recorder::new(opened.ledger, plan(&config))?;
    let sampler = sampler(&config, &recorder)?;
    let bursts = config.sampling.burst.map(Bursts::new);
    let figures = Figures { started_at: last_mark.wall_ms.div_euclid(1000), ..Figures::default() };
    let mut daemon = Daemon {
        config,
        clock,
        sampler,
        bursts,
        recorder,
        log,
        state: events::Changes::default(),
        last_mark,
        keeper,
        reporter,
        renewer,
        enroller,
        steward,
        gate,
        listener,
        figures,
        manager: Manager::new(&Asked::read()),
    };
    daemon.plan_first_push();
    // An agent restarted over a slot's end is still in time for it.
    daemon.turn(true).await;
    daemon.manager.ready();
    loop {
        let wake_at = daemon.next_wake();
        let turn = tokio::select! {
            biased;
            () = daemon.manager.beat_due() => Turn::Beat,
            woken = wakes.next(wake_at) => Turn::Woken(woken?),
            ended = daemon.reporter.ended() => Turn::Pushed(Box::new(ended)),
            ended = daemon.renewer.ended() => Turn::Renewed(Box::new(ended)),
            ended = daemon.enroller.ended() => Turn::Enrolled(Box::new(ended)),
            ended = daemon.steward.ended() => Turn::Served(ended),
            asked = daemon.gate.next() => Turn::Asked(asked),
        };
        match turn {
            Turn::Beat => daemon.manager.beat(),
            Turn::Woken(Wake::AtTime | Wake::ClockSet) => daemon.turn(false).await,
            Turn::Woken(Wake::Reload) => daemon.reload(&reload),
            Turn::Woken(Wake::SampleNow) => daemon.sample_extra().await,
            Turn::Woken(Wake::Stop(signal)) => {
                daemon.stop(signal);
                return Ok(());
            }
            Turn::Pushed(ended) => daemon.pushed(*ended),
            Turn::Renewed(ended) => daemon.renewed(*ended),
            Turn::Enrolled(ended) => daemon.enrolled(*ended),
            Turn::Served(ended) => daemon.served(ended),
            Turn::Asked(asked) => daemon.asked(asked),
        }
    }
}

/// Looks whether the instance is activated, and says so. Whether it has just become so is the result.
fn look(reporter: &mut Reporter) -> bool {
    match reporter.look() {
        Ok(joined) => {
            if let (true, Some(joined)) = (joined, reporter.joined()) {
                events::activated(&joined.enrolment);
            }
            joined
        }
        Err(error) => {
            events::activation_unusable(&error);
            false
        }
    }
}

impl Daemon {
    /// When to wake next, in unix seconds: at the end of the slot that is now, for a push, or when the gate's stage changes.
    fn next_wake(&self) -> i64 {
        let length = self.config.sampling.interval;
        let now_s = clock::unix_s();
        let slot_end = length.slot_at(now_s).end(length);
        let push_at = self.reporter.wake_at(&self.last_mark);
        let ask_at = self.renewer.wake_at(&self.last_mark);
        let enrol_at = self.enroller.wake_at(&self.last_mark);
        let serve_at = self.steward.wake_at(&self.last_mark);
        // What is due at once is due at the next second: a deadline that has passed would not be waited for.
        let window_end = self.bursts.as_ref().map(|b| b.window().slot_at(now_s).end(b.window()));
        let prepare_at = self.sampler.prepare_at(slot_end);
        let others = [push_at, ask_at, enrol_at, serve_at, self.gate.due_at(), window_end, prepare_at];
        others.into_iter().flatten().map(|at| at.max(now_s)).fold(slot_end, i64::min)
    }

    /// Samples the slot that has ended, if it has not been already, and does what else is due.
    async fn turn(&mut self, starting: bool) {
        self.manager.beat_early();
        let now = self.clock.now();
        self.watch_clock(&now);
        match self.recorder.due(&now, starting) {
            Ok(Some(due)) => self.sample(due, now).await,
            Ok(None) => {
                events::nothing_due(&now);
                self.sub_window(&now).await;
            }
            Err(error) => self.state.ledger_failed(&error),
        }
        let (length, now_s) = (self.config.sampling.interval, clock::unix_s());
        self.sampler.prepare(now_s, length.slot_at(now_s).end(length));
        if look(&mut self.reporter) {
            self.joined();
        }
        self.settle();
    }

    /// Takes up an activation.
    fn joined(&mut self) {
        let Some(joined) = self.reporter.joined().cloned() else { return };
        let now = self.clock.now();
        self.keeper.follow_grant(joined.enrolment.grant(), &now);
        self.keep();
        self.renewer.ask_soon();
        self.reporter.plan(0, &now);
    }

    /// What waits since before the start is pushed soon, but not by a whole fleet at once.
    fn plan_first_push(&mut self) {
        let wait_s = retry::splay(self.recorder.ledger().instance(), retry::START_SPLAY_S);
        self.reporter.plan(wait_s, &self.last_mark);
    }

    /// Begins a push that is due, and brings the gate up to date.
    fn settle(&mut self) {
        let now = self.clock.now();
        self.watch_clock(&now);
        if let Err(error) = self.reporter.begin_if_due(self.recorder.ledger_mut(), &mut self.keeper, &now) {
            self.state.ledger_failed(&error);
        }
        self.keeper.turn(&now);
        self.look_after_the_licence(&now);
        let ruling = self.keeper.rule(&now);
        if self.keeper.wants_keeping() {
            self.keep();
        }
        self.tell(&ruling, &now);
    }

    /// Keeps how far the grace period has gone.
    fn keep(&mut self) {
        let identity = self.reporter.joined().map(|joined| joined.identity.clone());
        if !self.keeper.may_be_kept(identity.is_some()) {
            return;
        }
        let kept = self.keeper.kept(self.recorder.ledger(), identity.as_ref().map(|identity| identity.key()));
        match self.recorder.ledger().keep(&kept) {
            Ok(beside) => self.state.instance_file(beside.err().as_ref()),
            Err(error) => self.state.ledger_failed(&error),
        }
    }

    /// Takes up what a push came to.
    fn pushed(&mut self, ended: Ended) {
        let now = self.clock.now();
        let settled = self.reporter.settle(ended, self.recorder.ledger_mut(), &mut self.keeper, &now);
        if let Err(error) = settled {
            self.state.ledger_failed(&error);
        }
        self.settle();
    }

    /// Tells of a wall clock that was set, and of a host that was suspended.
    fn watch_clock(&mut self, now: &Mark) {
        if let Some(passed) = timeline::passed(&self.last_mark, now, self.config.sampling.interval) {
            events::clock(&passed);
        }
        self.last_mark = now.clone();
    }

    /// Loads the configuration again, and tells the service manager when that is over.
    fn reload(&mut self, reload: &Reload) {
        self.manager.reloading();
        self.load_again(reload);
        self.manager.ready();
    }

    /// With any mistake in the configuration, the old one stays.
    fn load_again(&mut self, reload: &Reload) {
        let loaded = match reload() {
            Ok(loaded) => loaded,
            Err(mistakes) => return events::reload_failed(&mistakes.to_string()),
        };
        let config = loaded.config.clone();
        if config.state_dir != self.config.state_dir {
            return events::reload_failed("state_dir can't change while the agent runs: restart it");
        }
        let followed = sampler(&config, &self.recorder)
            .and_then(|sampler| self.recorder.follow(plan(&config)).map(|()| sampler));
        let sampler = match followed {
            Ok(sampler) => sampler,
            Err(error) => return events::reload_failed(&error.to_string()),
        };
        self.log.follow(config.log);
        self.clock = Clock::new(&config.sampling.root);
        self.sampler = sampler;
        self.bursts = config.sampling.burst.map(Bursts::new);
        self.reporter.follow(config.uplink.clone());
        self.renewer.follow(&config);
        self.steward.follow(&config, &self.last_mark);
        self.gate.follow(&config.gate).iter().for_each(events::gate_failed);
        self.listener.follow(&config.listen).iter().for_each(events::listen_failed);
        self.config = config;
        self.settle();
        events::reloaded(&loaded);
        events::config_warnings(&loaded.warnings);
    }

    fn stop(&mut self, signal: &str) {
        self.manager.stopping();
        self.keeper.turn(&self.clock.now());
        self.keep();
        self.gate.close();
        self.listener.close();
        if let Err(error) = self.recorder.seal() {
            self.state.ledger_failed(&error);
        }
        events::stopped(signal);
    }
}
