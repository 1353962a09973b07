//! What is counted, in the text format of Prometheus (version 0.0.4). It is written by hand: these few lines are less than a crate.

use crate::intake::{REASONS, Tally};
use crate::model::{COMMIT_BOUNDS_S, Durations, Figures};
use highwater_proto::v1::refusal::Reason;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is counted since the server started.
#[derive(Debug, Default)]
pub struct Metrics {
    accepted: AtomicU64,
    refused: [AtomicU64; REASONS],
    bundles_whole: AtomicU64,
    bundles_partly: AtomicU64,
    bundles_refused: AtomicU64,
    /// What came through the object store.
    pub pick_ups: PickUps,
}

/// What was picked up from the object store.
#[derive(Debug, Default)]
pub struct PickUps {
    taken: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    round_at: AtomicU64,
}

impl PickUps {
    /// An object was picked up, and its receipts lie beside it.
    pub fn add_taken(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// An object was no bundle.
    pub fn add_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// An object could not be picked up this time, or the store not be asked.
    pub fn add_failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// A round has come to its end, in unix seconds.
    pub fn add_round(&self, at: i64) {
        self.round_at.store(u64::try_from(at).unwrap_or(0), Ordering::Relaxed);
    }

    fn write(&self, page: &mut Page) {
        let [taken, refused, failed] =
            [&self.taken, &self.refused, &self.failed].map(|total| total.load(Ordering::Relaxed));
        page.head("uploads_total", "counter", "Objects in the object store, by what became of them.");
        page.value("uploads_total", "{pick_up=\"taken\"}", taken);
        page.value("uploads_total", "{pick_up=\"refused\"}", refused);
        page.value("uploads_total", "{pick_up=\"failed\"}", failed);
        let help = "When the object store was looked through last, in unix seconds; 0 is never.";
        page.head("pick_up_round_timestamp_seconds", "gauge", help);
        page.value("pick_up_round_timestamp_seconds", "", self.round_at.load(Ordering::Relaxed));
    }
}

impl Metrics {
    /// A batch was answered.
    pub fn add(&self, tally: &Tally) {
        self.accepted.fetch_add(tally.accepted, Ordering::Relaxed);
        for (total, more) in self.refused.iter().zip(tally.reasons) {
            total.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// Reports that were receipted since the start, repeated ones with them.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// A bundle was taken, as a whole or in part; `None` where it was refused.
    pub fn add_bundle(&self, whole: Option<bool>) {
        let total = match whole {
            Some(true) => &self.bundles_whole,
            Some(false) => &self.bundles_partly,
            None => &self.bundles_refused,
        };
        total.fetch_add(1, Ordering::Relaxed);
    }

    /// All of it as text, with what the store counts.
    #[must_use]
    pub fn text(&self, figures: &Figures) -> String {
        let mut page = Page::default();
        page.head(
            "reports_accepted_total",
            "counter",
            "Reports that were receipted, repeated ones with them.",
        );
        page.value("reports_accepted_total", "", self.accepted());
        page.head("reports_refused_total", "counter", "Reports that were not taken, by reason.");
        for (number, total) in self.refused.iter().enumerate().skip(1) {
            let reason = i32::try_from(number).ok().and_then(|number| Reason::try_from(number).ok());
            if let Some(reason) = reason {
                let word = reason.as_str_name().trim_start_matches("REASON_").to_ascii_lowercase();
                let labels = format!("{{reason=\"{word}\"}}");
                page.value("reports_refused_total", &labels, total.load(Ordering::Relaxed));
            }
        }
        page.head("bundles_total", "counter", "Bundles that were carried here, by what became of them.");
        for (word, total) in [
            ("whole", &self.bundles_whole),
            ("partly", &self.bundles_partly),
            ("refused", &self.bundles_refused),
        ] {
            page.value("bundles_total", &format!("{{taken=\"{word}\"}}"), total.load(Ordering::Relaxed));
        }
        self.pick_ups.write(&mut page);
        page.head("intake_queue_length", "gauge", "Batches and changes that wait to be written.");
        page.value("intake_queue_length", "", figures.waiting);
        page.head(
            "commit_seconds",
            "histogram",
            "How long it took to write reports and make them durable, a transaction each.",
        );
        page.histogram("commit_seconds", &figures.commits);
        page.head("activations", "gauge", "Activations, by state.");
        for (state, count) in &figures.activations {
            page.value(
                "activations",
                &format!("{{state=\"{}\"}}", state.word().to_ascii_lowercase()),
                *count,
            );
        }
        page.head("alarms_unacknowledged", "gauge", "Alarms that nobody has taken note of.");
        page.value("alarms_unacknowledged", "", figures.alarms_open);
        page.head("build_info", "gauge", "1, with the version as its label.");
        page.value("build_info", concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1);
        page.0
    }
}

/// Writing to a string can't fail: what `write!` gives is passed over.
#[derive(Default)]
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(
            self.0,
            "# HELP highwater_central_{name} {help}\n# TYPE highwater_central_{name} {kind}"
        );
    }

    fn value(&mut self, name: &str, labels: &str, value: u64) {
        let _ = writeln!(self.0, "highwater_central_{name}{labels} {value}");
    }

    fn histogram(&mut self, name: &str, durations: &Durations) {
        let mut below = 0;
        for (bound, count) in COMMIT_BOUNDS_S.iter().zip(durations.within) {
            below += count;
            self.value(&format!("{name}_bucket"), &format!("{{le=\"{bound}\"}}"), below);
        }
        self.value(&format!("{name}_bucket"), "{le=\"+Inf\"}", durations.count);
        let _ = writeln!(self.0, "highwater_central_{name}_sum {}", durations.sum_s);
        self.value(&format!("{name}_count"), "", durations.count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram::Histogram;
    use crate::model::ActivationState;
    use std::time::Duration;

    #[test]
    fn buckets_are_cumulative_and_end_with_the_count() {
        let histogram = Histogram::default();
        for ms in [1, 2, 2, 20, 60_000] {
            histogram.add(Duration::from_millis(ms));
        }
        let metrics = Metrics::default();
        let tally = Tally { accepted: 5, refused: 1, reasons: [0, 0, 1, 0, 0, 0, 0] };
        metrics.add(&tally);
        metrics.add(&tally);
        metrics.add_bundle(Some(true));
        metrics.add_bundle(Some(false));
        metrics.add_bundle(Some(false));
        metrics.pick_ups.add_taken();
        let text = metrics.text(&Figures {
            activations: vec![(ActivationState::Active, 3)],
            alarms_open: 1,
            waiting: 0,
            commits: histogram.read(),
        });
        for line in [
            "highwater_central_reports_accepted_total 10",
            "highwater_central_reports_refused_total{reason=\"unknown_key\"} 2",
            "highwater_central_reports_refused_total{reason=\"out_of_turn\"} 0",
            "highwater_central_bundles_total{taken=\"whole\"} 1",
            "highwater_central_bundles_total{taken=\"partly\"} 2",
            "highwater_central_bundles_total{taken=\"refused\"} 0",
            "highwater_central_uploads_total{pick_up=\"taken\"} 1",
            "highwater_central_uploads_total{pick_up=\"failed\"} 0",
            "highwater_central_commit_seconds_bucket{le=\"0.001\"} 1",
            "highwater_central_commit_seconds_bucket{le=\"0.0025\"} 3",
            "highwater_central_commit_seconds_bucket{le=\"2.5\"} 4",
            "highwater_central_commit_seconds_bucket{le=\"+Inf\"} 5",
            "highwater_central_commit_seconds_sum 60.025",
            "highwater_central_commit_seconds_count 5",
            "highwater_central_activations{state=\"active\"} 3",
            "highwater_central_alarms_unacknowledged 1",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn every_reason_of_the_wire_format_is_told_apart() {
        let last = i32::try_from(REASONS).unwrap();
        assert!(Reason::try_from(last - 1).is_ok() && Reason::try_from(last).is_err());
    }
}
