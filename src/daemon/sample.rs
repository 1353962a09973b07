//! What the loop does at the end of a slot, of a sub-window, and when it is asked between them.

use super::Daemon;
use crate::recorder::Due;
use crate::{clock, events};
use highwater_rules::record::Mark;
use highwater_rules::retry;

impl Daemon {
    /// Samples the slot that is due.
    pub(super) async fn sample(&mut self, due: Due, now: Mark) {
        let mut sample = self.manager.beat_during(self.sampler.read()).await;
        self.state.sources(&sample.reports);
        if let Some(bursts) = &mut self.bursts {
            bursts.add(&now, &sample.seen, &sample.missing);
            sample.bursts = bursts.take();
        }
        let took_ms = clock::mono_ms().saturating_sub(now.mono_ms);
        self.count_sources(&sample.reports);
        let recorded = self.recorder.record(due, now, sample);
        self.count(&recorded, took_ms);
        events::sampled(&recorded.record, took_ms);
        events::missed(&recorded.record);
        self.state.recorded(&recorded);
        for closed in &recorded.closed {
            events::day_closed(closed);
        }
        if !recorded.closed.is_empty() {
            let wait_s = retry::splay(self.recorder.ledger().instance(), retry::SPLAY_S);
            self.reporter.plan(wait_s, &self.clock.now());
        }
        if recorded.moved_aside.is_some() || recorded.opened_again {
            self.keep();
        }
    }

    /// Reads the rates of a sub-window that has ended within a slot.
    pub(super) async fn sub_window(&mut self, now: &Mark) {
        let Some(bursts) = self.bursts.as_mut().filter(|bursts| bursts.is_due(now)) else { return };
        let sample = self.manager.beat_during(self.sampler.read_rates()).await;
        bursts.add(now, &sample.seen, &sample.missing);
        self.state.sources(&sample.reports);
    }

    /// Samples between two slots, for the log only (the ring has one row a slot, and it is taken at the slot's end), and pushes what
    /// waits.
    pub(super) async fn sample_extra(&mut self) {
        let now = self.clock.now();
        let sample = self.manager.beat_during(self.sampler.read()).await;
        self.state.sources(&sample.reports);
        let took_ms = clock::mono_ms().saturating_sub(now.mono_ms);
        events::sampled_extra(
            self.recorder.previous(),
            now.clone(),
            sample,
            self.config.sampling.interval,
            took_ms,
        );
        self.reporter.push_now(None, &now);
        self.settle();
    }
}
