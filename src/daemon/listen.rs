//! What the loop counts for the listener, and publishes to it.

use super::Daemon;
use crate::gate::State;
use crate::listen::{Figures, ReportFigures};
use crate::recorder::Recorded;
use crate::sampler::Report;

impl Daemon {
    /// Counts what became of a sample.
    pub(super) fn count(&mut self, recorded: &Recorded, took_ms: i64) {
        let figures = &mut self.figures;
        figures.samples = figures.samples.saturating_add(1);
        figures.took_ms = took_ms;
        for run in &recorded.record.missed {
            let slots = (run.last.0 - run.first.0).saturating_add(1).unsigned_abs();
            let count = figures.missed.entry(run.reason.word()).or_default();
            *count = count.saturating_add(slots);
        }
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        figures.day_closes = figures.day_closes.saturating_add(count(recorded.closed.len()));
        let ledger = &mut figures.ledger;
        ledger.is_failing = recorded.failure.is_some();
        ledger.waiting = recorded.pending;
        ledger.dropped = ledger.dropped.saturating_add(count(recorded.dropped));
    }

    /// Keeps which sources gave all of their series; only where somebody can ask.
    pub(super) fn count_sources(&mut self, reports: &[Report]) {
        if self.listener.is_on() {
            let is_up =
                |report: &Report| report.outcome.as_ref().is_ok_and(|readout| readout.missing.is_empty());
            self.figures.sources =
                reports.iter().map(|report| (report.source.clone(), is_up(report))).collect();
        }
    }

    /// Publishes what there is to tell; only where somebody can ask.
    pub(super) fn publish(&mut self, state: State, now_s: i64) {
        if !self.listener.is_on() {
            return;
        }
        // A figure from before the start is no figure of this moment.
        let last = self.recorder.previous().filter(|_| self.figures.samples > 0).cloned();
        // Where the ledger can't be asked, another part of the loop tells so.
        let reports = self.recorder.ledger().outbox_counts().ok();
        let figures = Figures {
            slot_s: self.config.sampling.interval.seconds(),
            last,
            gate: Some(state),
            reports: reports.map(|counts| ReportFigures { waiting: counts.pending, parked: counts.parked }),
            logged: self.log.logged(),
            ..self.figures.clone()
        };
        self.listener.publish(figures, self.next_wake().saturating_sub(now_s));
    }
}
