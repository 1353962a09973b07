//! Reading all sources at once, each under a timeout, so that one that hangs costs the others nothing.
//!
//! What the kernel tells of itself is read at once. Sources that may block are read one after the other by a thread that lives only
//! as long as the sample; when one does not answer in time it keeps that thread, and another goes on with the rest. The source
//! that hangs is not asked again until it has come back, so that it holds one thread at most.

#[cfg(feature = "kubernetes")]
use crate::sources::pods::Shared;
use crate::sources::{Missing, NOTE_MAX_BYTES, Readout, Source};
use highwater_rules::figure::Observation;
use highwater_rules::meter::Series;
use highwater_rules::record::Entry;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// What one source gave.
#[derive(Debug)]
pub struct Report {
    /// The source's name.
    pub source: String,
    /// What it saw, or why it did not.
    pub outcome: Result<Readout, String>,
    /// Interfaces that were left out because others carry their bytes.
    pub duplicates: Vec<String>,
}

/// What all sources gave.
#[derive(Debug, Default)]
pub struct Sample {
    /// What was seen.
    pub seen: Vec<Observation>,
    /// The series that should have been seen and were not.
    pub missing: Vec<Series>,
    /// Each source's report, in order.
    pub reports: Vec<Report>,
    /// The notes that sources left, by their names.
    pub notes: Vec<(String, String)>,
    /// What the slot's sub-windows came to, where there are any.
    pub bursts: Vec<Entry>,
}

/// A source's place: it is empty while its thread has it.
struct Place {
    name: String,
    expected: Vec<Series>,
    known: Vec<Series>,
    source: Option<Source>,
    has_rates: bool,
    /// Whether a series that is no longer told of has ended without a gap.
    ends_series: bool,
    timeout: Duration,
}

struct Answer {
    index: usize,
    source: Source,
    outcome: Result<Readout, String>,
    duplicates: Vec<String>,
}

type Queue = Arc<Mutex<VecDeque<(usize, Source)>>>;

/// All sources.
pub struct Sampler {
    places: Vec<Place>,
    answers: UnboundedReceiver<Answer>,
    answer: UnboundedSender<Answer>,
    /// What sources ask early in a slot.
    #[cfg(feature = "kubernetes")]
    early: Option<Arc<Shared>>,
}

impl Sampler {
    /// A sampler of these sources, for slots of `slot_s` seconds: all of them together get at most half a slot.
    #[must_use]
    pub fn new(sources: Vec<Source>, slot_s: i64) -> Self {
        let share = u32::try_from(sources.len().max(1)).unwrap_or(u32::MAX);
        let half_slot = Duration::from_millis(slot_s.unsigned_abs().saturating_mul(500));
        #[cfg(feature = "kubernetes")]
        let early = sources.iter().find_map(Source::asks_early).cloned();
        let places = sources
            .into_iter()
            .map(|source| Place {
                name: source.name(),
                expected: source.expected(),
                known: Vec::new(),
                has_rates: source.has_rates(),
                ends_series: source.ends_series(),
                timeout: source.timeout().min(half_slot / share),
                source: Some(source),
            })
            .collect();
        let (answer, answers) = unbounded_channel();
        Sampler {
            places,
            answers,
            answer,
            #[cfg(feature = "kubernetes")]
            early,
        }
    }

    /// When there is something to ask early for the slot that ends at `end_s`, both in unix seconds.
    #[must_use]
    pub fn prepare_at(&self, end_s: i64) -> Option<i64> {
        #[cfg(feature = "kubernetes")]
        return self.early.as_ref().and_then(|early| early.early_at(end_s));
        #[cfg(not(feature = "kubernetes"))]
        {
            let _nothing_is_asked_early = end_s;
            None
        }
    }

    /// Asks what is due to be asked early. Nothing waits for it.
    pub fn prepare(&self, now_s: i64, end_s: i64) {
        #[cfg(feature = "kubernetes")]
        if let Some(early) = self.early.as_ref().filter(|e| e.early_at(end_s).is_some_and(|at| at <= now_s)) {
            early.ask_early(end_s);
        }
        #[cfg(not(feature = "kubernetes"))]
        let _nothing_is_asked_early = (now_s, end_s);
    }

    /// The names of the sources.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.places.iter().map(|p| p.name.as_str()).collect()
    }

    /// Reads all sources, at a slot's end.
    pub async fn read(&mut self) -> Sample {
        self.read_those(|_| true, true).await
    }

    /// Reads the sources that have rates, at the end of a sub-window. A series that is no longer there is left for the slot's end to
    /// tell.
    pub async fn read_rates(&mut self) -> Sample {
        self.read_those(|place| place.has_rates, false).await
    }

    async fn read_those(&mut self, wanted: impl Fn(&Place) -> bool, ends_slot: bool) -> Sample {
        // What came after its time was of another moment: only the source itself is taken back.
        while let Ok(late) = self.answers.try_recv() {
            self.take_back(late.index, late.source);
        }
        let mut outcomes: Vec<Option<Answer>> = (0..self.places.len()).map(|_| None).collect();
        let queue: Queue = Arc::default();
        for (index, place) in self.places.iter_mut().enumerate().filter(|(_, place)| wanted(place)) {
            match place.source.take() {
                Some(source) if source.may_block() => lock(&queue).push_back((index, source)),
                Some(source) => {
                    if let Some(outcome) = outcomes.get_mut(index) {
                        *outcome = Some(ask(index, source));
                    }
                }
                None => {}
            }
        }
        // Those that may take long come last: the others do not wait for them.
        lock(&queue).make_contiguous().sort_by_key(|(index, _)| self.timeout_of(*index));
        let asked: Vec<usize> = lock(&queue).iter().map(|(index, _)| *index).collect();
        self.collect(&queue, asked, &mut outcomes).await;
        let mut sample = Sample::default();
        for (index, outcome) in outcomes.into_iter().enumerate() {
            let outcome = outcome.map(|answer| {
                self.take_back(answer.index, answer.source);
                (answer.outcome, answer.duplicates)
            });
            if let Some(place) = self.places.get_mut(index).filter(|place| wanted(place)) {
                place.add_to(&mut sample, outcome, ends_slot);
            }
        }
        sample
    }

    async fn collect(&mut self, queue: &Queue, mut asked: Vec<usize>, outcomes: &mut [Option<Answer>]) {
        let mut worker = !asked.is_empty() && spawn(queue, &self.answer);
        while let (true, Some(next)) = (worker, asked.first()) {
            match timeout(self.timeout_of(*next), self.answers.recv()).await {
                Ok(Some(answer)) if asked.contains(&answer.index) => {
                    asked.retain(|index| *index != answer.index);
                    if let Some(place) = outcomes.get_mut(answer.index) {
                        *place = Some(answer);
                    }
                }
                Ok(Some(late)) => self.take_back(late.index, late.source),
                Ok(None) => break,
                Err(_) => {
                    // The first of those asked keeps its thread; the others still wait in the queue.
                    asked.remove(0);
                    worker = !lock(queue).is_empty() && spawn(queue, &self.answer);
                }
            }
        }
        // A thread that could not be made leaves its sources in the queue.
        for (index, source) in lock(queue).drain(..) {
            self.take_back(index, source);
        }
    }

    fn timeout_of(&self, index: usize) -> Duration {
        self.places.get(index).map_or(Duration::ZERO, |place| place.timeout)
    }

    fn take_back(&mut self, index: usize, source: Source) {
        if let Some(place) = self.places.get_mut(index) {
            place.source = Some(source);
        }
    }
}

impl Place {
    fn add_to(
        &mut self,
        sample: &mut Sample,
        answer: Option<(Result<Readout, String>, Vec<String>)>,
        ends_slot: bool,
    ) {
        let (outcome, duplicates) = answer.unwrap_or_else(|| {
            let why = format!(
                "no answer within {} ms: it is asked again once it has come back",
                self.timeout.as_millis()
            );
            (Err(why), Vec::new())
        });
        let outcome = outcome.map(|mut readout| {
            if ends_slot {
                self.mark_vanished(&mut readout);
            }
            readout
        });
        match &outcome {
            Ok(readout) => {
                sample.seen.extend(readout.observations.iter().cloned());
                sample.missing.extend(readout.missing.iter().map(|m| m.series.clone()));
                let note = readout.note.iter().filter(|note| note.len() <= NOTE_MAX_BYTES);
                sample.notes.extend(note.map(|note| (self.name.clone(), note.clone())));
            }
            Err(_) if self.known.is_empty() => sample.missing.extend(self.expected.iter().cloned()),
            Err(_) => sample.missing.extend(self.known.iter().cloned()),
        }
        sample.reports.push(Report { source: self.name.clone(), outcome, duplicates });
    }

    /// A series seen last time and not told of now is missed once; then it has ended.
    fn mark_vanished(&mut self, readout: &mut Readout) {
        let now: Vec<Series> = readout.observations.iter().map(|o| o.series.clone()).collect();
        let known = std::mem::take(&mut self.known);
        for series in known.into_iter().filter(|_| !self.ends_series) {
            if !now.contains(&series) && !readout.missing.iter().any(|m| m.series == series) {
                readout.missing.push(Missing { series, why: "it is no longer there".to_owned() });
            }
        }
        self.known = now;
        if self.ends_series {
            // What it could not tell now, it owes where it can't tell anything next.
            self.known.extend(readout.missing.iter().map(|missing| missing.series.clone()));
        }
    }
}

fn lock(queue: &Queue) -> std::sync::MutexGuard<'_, VecDeque<(usize, Source)>> {
    // Nothing that holds the lock can panic; and a queue of sources is whole at any moment.
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ask(index: usize, mut source: Source) -> Answer {
    let outcome = source.read().map_err(|e| e.to_string());
    let duplicates = source.duplicates().to_vec();
    Answer { index, source, outcome, duplicates }
}

/// Starts a thread that reads what the queue holds; `false` where the host refuses one.
fn spawn(queue: &Queue, answer: &UnboundedSender<Answer>) -> bool {
    let stack_bytes = lock(queue).iter().map(|(_, source)| source.stack_bytes()).max().unwrap_or_default();
    let (queue, answer) = (Arc::clone(queue), answer.clone());
    let read_all = move || {
        loop {
            let next = lock(&queue).pop_front();
            let Some((index, source)) = next else { return };
            // Nobody listens any more where the configuration was reloaded meanwhile.
            if answer.send(ask(index, source)).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().stack_size(stack_bytes).spawn(read_all).is_ok()
}
