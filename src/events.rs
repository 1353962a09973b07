//! The log's events, in one place. Their names and keys are the contract of `docs/log-events.md`, which a test holds them to.

mod cluster;
mod licence;
mod reports;
mod samples;

pub(crate) use cluster::*;
pub(crate) use licence::*;
pub(crate) use reports::*;
pub(crate) use samples::*;

use crate::config::{Loaded, Warning};
use crate::gate::{GateError, HookEnd, State};
use crate::host::HostFacts;
use crate::ledger::{Ledger, LedgerError};
use crate::listen::ListenError;
use crate::log::{at, stamp};
use crate::recorder::Recorded;
use crate::sampler::Report;
use crate::uplink::Enrolment;
use highwater_rules::grace::Stage;
use highwater_rules::record::Mark;
use highwater_rules::sign::KeyId;
use highwater_rules::timeline::Passed;
use std::collections::BTreeMap;
use std::path::Path;
use tracing::{debug, error, info, warn};

pub(crate) fn started(loaded: &Loaded, ledger: &Ledger) {
    let config = &loaded.config;
    let names: Vec<String> =
        crate::sources::Source::all(config).iter().map(crate::sources::Source::name).collect();
    info!(
        version = env!("CARGO_PKG_VERSION"),
        instance = ledger.instance(),
        pid = std::process::id(),
        state_dir = %config.state_dir.display(),
        config = %loaded.file.as_deref().unwrap_or(Path::new("none")).display(),
        root = %config.sampling.root.display(),
        interval_s = config.sampling.interval.seconds(),
        time_zone = config.sampling.calendar.name(),
        retention_s = config.retention_s,
        sources = names.join(","),
        "started"
    );
}

pub(crate) fn host(facts: &HostFacts) {
    info!(
        name = facts.name.as_deref(),
        os = facts.os.as_deref(),
        kernel = facts.kernel.as_deref(),
        cores = facts.cores.map(u64::from),
        virtualization = facts.virtualization.as_deref(),
        "host"
    );
}

pub(crate) fn config_warnings(warnings: &[Warning]) {
    for warning in warnings {
        warn!(place = %warning.place, message_text = %warning.message, mend = %warning.mend, "config_warning");
    }
}

pub(crate) fn reload_failed(mistakes: &str) {
    error!(error = mistakes.trim_end(), "reload_failed");
}

pub(crate) fn reloaded(loaded: &Loaded) {
    let config = loaded.file.as_deref().unwrap_or(Path::new("none")).display().to_string();
    info!(config, interval_s = loaded.config.sampling.interval.seconds(), "reloaded");
}

pub(crate) fn stopped(signal: &str) {
    info!(signal, "stopped");
}

/// The agent can't begin, or go on: the last that is told.
pub(crate) fn agent_failed(error: &str, exit_code: u8) {
    error!(error, exit_code, "agent_failed");
}

/// The service manager can't be told.
pub(crate) fn notify_failed(error: &std::io::Error) {
    warn!(%error, "notify_failed");
}

pub(crate) fn nothing_due(now: &Mark) {
    debug!(now = stamp(now.wall_ms), "nothing_due");
}

pub(crate) fn clock(passed: &Passed) {
    if passed.step_ms != 0 {
        warn!(step_ms = passed.step_ms, "clock_set");
    }
    if passed.suspended_ms > 0 {
        warn!(suspended_ms = passed.suspended_ms, "host_suspended");
    }
}

pub(crate) fn ledger_moved_aside(aside: &Path, why: &str) {
    error!(moved_to = %aside.display(), error = why, "ledger_moved_aside");
}

/// What was told last of things that last: told again only when they change.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    failing: BTreeMap<String, String>,
    left_out: BTreeMap<String, Vec<String>>,
    summed: BTreeMap<String, Vec<String>>,
    ledger: Option<String>,
    instance_file: Option<String>,
}

impl Changes {
    /// Tells of sources that began to fail, fail in another way, or recovered.
    pub(crate) fn sources(&mut self, reports: &[Report]) {
        let mut failing = BTreeMap::new();
        for report in reports {
            match &report.outcome {
                Err(why) => {
                    failing.insert(report.source.clone(), why.clone());
                }
                Ok(readout) => {
                    for missing in &readout.missing {
                        failing.insert(format!("{}: {}", report.source, missing.series), missing.why.clone());
                    }
                    self.summed(&report.source, &readout.summed);
                    for loss in &readout.losses {
                        warn!(source = report.source, loss, "source_lost");
                    }
                }
            }
            if self.left_out.get(&report.source) != Some(&report.duplicates) {
                self.left_out.insert(report.source.clone(), report.duplicates.clone());
                if !report.duplicates.is_empty() {
                    warn!(
                        source = report.source,
                        interfaces = report.duplicates.join(","),
                        "interfaces_left_out"
                    );
                }
            }
        }
        for (source, error) in &failing {
            if self.failing.get(source) != Some(error) {
                warn!(source, error, "source_failed");
            }
        }
        for source in self.failing.keys().filter(|source| !failing.contains_key(*source)) {
            info!(source, "source_recovered");
        }
        self.failing = failing;
    }

    /// Tells of virtual services that are not told of one by one.
    fn summed(&mut self, source: &str, services: &[String]) {
        let known = self.summed.get(source).map_or(&[][..], Vec::as_slice);
        if known == services {
            return;
        }
        self.summed.insert(source.to_owned(), services.to_vec());
        if !services.is_empty() {
            let names = services.join(",");
            warn!(source, count = services.len(), services = names, "services_summed");
        }
    }

    /// Tells of a ledger that can't be written, or can again.
    pub(crate) fn recorded(&mut self, recorded: &Recorded) {
        if let Some(aside) = &recorded.moved_aside {
            ledger_moved_aside(aside, "found damaged while writing");
        }
        if recorded.opened_again && recorded.failure.is_none() {
            error!("ledger_opened_again");
        }
        if recorded.dropped > 0 {
            error!(slots = recorded.dropped, pending = recorded.pending, "slots_dropped");
        }
        match &recorded.failure {
            Some(failure) => self.ledger_failed(failure),
            None if self.ledger.take().is_some() => info!("ledger_recovered"),
            None => {}
        }
    }

    /// Tells of the file beside the ledger that can't be written, or can again.
    pub(crate) fn instance_file(&mut self, failure: Option<&LedgerError>) {
        let failure = failure.map(ToString::to_string);
        if failure == self.instance_file {
            return;
        }
        match &failure {
            Some(error) => warn!(error, "instance_file_failed"),
            None => info!("instance_file_recovered"),
        }
        self.instance_file = failure;
    }

    /// Tells of a ledger that failed.
    pub(crate) fn ledger_failed(&mut self, failure: &LedgerError) {
        let failure = failure.to_string();
        if self.ledger.as_ref() != Some(&failure) {
            error!(error = failure, "ledger_failed");
            self.ledger = Some(failure);
        }
    }
}

pub(crate) fn activated(enrolment: &Enrolment) {
    let grant = enrolment.grant();
    let terms = grant.terms.clone().unwrap_or_default();
    info!(
        central = enrolment.url().map(ToString::to_string),
        identity = grant.identity.as_str(),
        contract = terms.contract.as_str(),
        contract_end = (terms.contract_end != 0).then(|| at(terms.contract_end)),
        grace_s = terms.grace_s,
        activated_at = at(grant.activated_at),
        key = enrolment.pinned().id().hex(),
        "activated"
    );
}

pub(crate) fn activation_unusable(error: &dyn std::error::Error) {
    error!(%error, "activation_unusable");
}

pub(crate) fn grace_doubted() {
    warn!("grace_doubted");
}

pub(crate) fn key_changed(before: KeyId, now: KeyId) {
    warn!(before = before.hex(), now = now.hex(), "central_key_changed");
}

/// Central counts the instance for another than before: two instances reported under one identity.
pub(crate) fn identity(before: Option<&str>, now: Option<&str>) {
    if let (Some(before), Some(now)) = (before, now)
        && before != now
    {
        error!(before, now, "identity_split");
    }
}

pub(crate) fn listen_failed(error: &ListenError) {
    error!(%error, "listen_failed");
}

/// The gate's stage is another; `previous` is the one told before, where it is known.
pub(crate) fn gate_changed(previous: Option<Stage>, now: &State) {
    let (state, previous, days_left) = (now.stage.word(), previous.map(Stage::word), now.days_left);
    let (since, since_at) = (now.since.word(), at(now.since_at));
    let (next_report_due, grace_end) = (now.next_report_due.map(at), at(now.grace_end));
    let contract_end = now.contract_end.map(at);
    let (because, licence) = (now.because.word(), now.licence.state.word());
    let licence_expires_at = now.licence.expires_at.map(at);
    match now.stage {
        Stage::Open => info!(
            state,
            previous,
            because,
            days_left,
            next_report_due,
            grace_end,
            contract_end,
            licence,
            licence_expires_at,
            since,
            since_at,
            "gate_changed"
        ),
        Stage::Warning | Stage::Critical => warn!(
            state,
            previous,
            because,
            days_left,
            next_report_due,
            grace_end,
            contract_end,
            licence,
            licence_expires_at,
            since,
            since_at,
            "gate_changed"
        ),
        Stage::Closed => error!(
            state,
            previous,
            because,
            days_left,
            next_report_due,
            grace_end,
            contract_end,
            licence,
            licence_expires_at,
            since,
            since_at,
            "gate_changed"
        ),
    }
}

/// A hook has ended, well or not.
pub(crate) fn hook_ended(end: &HookEnd) {
    let (command, state, took_ms) = (end.command.as_str(), end.stage.word(), end.took_ms);
    let output = (!end.output.is_empty()).then_some(end.output.as_str());
    if end.outcome.is_done() {
        info!(command, state, took_ms, output, "hook_ended");
    } else {
        warn!(command, state, took_ms, error = %end.outcome, output, "hook_failed");
    }
}

/// A way of the gate's can't tell. The gate says so once for each reason.
pub(crate) fn gate_failed(error: &GateError) {
    error!(%error, "gate_failed");
}

/// The status file can be written again.
pub(crate) fn gate_recovered() {
    info!("gate_recovered");
}
