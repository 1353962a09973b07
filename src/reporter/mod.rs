//! Sends what waits in the outbox: decides when, and makes of central's answer what the ledger and the grace period need to know.
//!
//! The push itself runs as a task of its own, so that a slow central never delays a sample. Only one runs at a time; it has its own
//! copy of what it sends, and what came of it is written down by the loop.

mod carried;
mod failure;
#[cfg(test)]
mod tests;
mod upload;

use crate::config::{self, Transport};
use crate::events;
use crate::joined::{FileMark, JoinError, Joined, file_mark, is_air_gapped, joined};
use crate::keeper::Keeper;
use crate::ledger::{Fate, Ledger, LedgerError, OutboxReport};
use crate::log::at;
use crate::uplink::push::{self, BATCH_MAX_BYTES, BATCH_MAX_REPORTS};
use crate::uplink::{Client, Environment, Outgoing, PushError, Pushed, Settings, random};
use failure::{Failure, Summary};
use highwater_proto::v1::Envelope;
use highwater_rules::chain::Digest;
use highwater_rules::receipt;
use highwater_rules::record::Mark;
use highwater_rules::retry;
use highwater_rules::sign::PublicKey;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Why a report is parked that was changed in the outbox.
const CHANGED: &str =
    "its bytes are not those that were made: the ledger was changed by hand; `highwater verify` tells where";

/// What a run came to.
pub(crate) enum Ended {
    /// A batch was pushed to central, or could not be.
    Pushed(Box<Batch>),
    /// A run through object storage.
    Uploaded(Box<upload::Done>),
}

/// What a push of one batch came to.
pub(crate) struct Batch {
    /// Kept for the next batch of the same run; `None` where it could not even be made.
    client: Option<Arc<Client>>,
    sent: Vec<Sent>,
    result: Result<Pushed, Failure>,
}

struct Sent {
    sequence: u64,
    day: String,
    time_zone: String,
    partial: bool,
    digest: Digest,
}

/// Sends reports.
pub(crate) struct Reporter {
    state_dir: PathBuf,
    instance: String,
    config: config::Uplink,
    joined: Option<Rc<Joined>>,
    /// The files that activation leaves, as they were looked at last.
    seen: FileMark,
    /// When to push next, in milliseconds of the clock since boot: no wall clock that is set moves it.
    due_ms: Option<i64>,
    failures: u32,
    running: Option<JoinHandle<Ended>>,
    run: Summary,
    replies: Vec<oneshot::Sender<Value>>,
    /// Someone waits for a push that could not begin yet.
    wanted: bool,
    /// How often receipts were looked for since the last upload.
    looks: u32,
    /// Licences that central offered in its answers.
    offered: Vec<String>,
}

impl Reporter {
    pub(crate) fn new(state_dir: &Path, instance: &str, config: config::Uplink) -> Self {
        Reporter {
            state_dir: state_dir.to_owned(),
            instance: instance.to_owned(),
            config,
            joined: None,
            seen: [None; 2],
            due_ms: None,
            failures: 0,
            running: None,
            run: Summary::default(),
            replies: Vec::new(),
            wanted: false,
            looks: 0,
            offered: Vec::new(),
        }
    }

    /// Follows a changed configuration.
    pub(crate) fn follow(&mut self, config: config::Uplink) {
        self.config = config;
    }

    pub(crate) fn joined(&self) -> Option<&Rc<Joined>> {
        self.joined.as_ref()
    }

    /// Whether reports are carried by hand: then nothing is ever sent.
    pub(crate) fn is_air_gapped(&self) -> bool {
        is_air_gapped(&self.config, self.joined.as_ref().map(|joined| &joined.enrolment))
    }

    /// Looks whether the instance was activated since it was looked last. Gives what is wrong with the files that activation left,
    /// once for each time that they change.
    pub(crate) fn look(&mut self) -> Result<bool, JoinError> {
        let mark = file_mark(&self.state_dir);
        if mark == self.seen {
            return Ok(false);
        }
        self.seen = mark;
        self.joined = None;
        self.joined = joined(&self.state_dir, &self.instance)?.map(Rc::new);
        Ok(self.joined.is_some())
    }

    /// Pushes within so many seconds, or sooner where that is planned already.
    pub(crate) fn plan(&mut self, in_s: i64, now: &Mark) {
        let due = now.boot_ms.saturating_add(in_s.saturating_mul(1000));
        self.due_ms = Some(self.due_ms.map_or(due, |planned| planned.min(due)));
    }

    /// Pushes now, and answers with what came of it.
    pub(crate) fn push_now(&mut self, reply: Option<oneshot::Sender<Value>>, now: &Mark) {
        self.replies.extend(reply);
        self.due_ms = Some(now.boot_ms);
        self.wanted = true;
    }

    /// When the next push is due, in unix seconds of the wall clock as it stands.
    pub(crate) fn wake_at(&self, now: &Mark) -> Option<i64> {
        let may_begin = self.wanted || (self.joined.is_some() && !self.is_air_gapped());
        let due_ms = self.due_ms.filter(|_| self.running.is_none() && may_begin)?;
        let left_ms = due_ms.saturating_sub(now.boot_ms).max(0);
        Some(now.wall_ms.saturating_add(left_ms).saturating_add(999).div_euclid(1000))
    }

    /// Begins a push where one is due.
    ///
    /// # Errors
    /// When the ledger can't be read or written.
    pub(crate) fn begin_if_due(
        &mut self,
        ledger: &mut Ledger,
        keeper: &mut Keeper,
        now: &Mark,
    ) -> Result<(), LedgerError> {
        let due = self.due_ms.is_some_and(|due| due <= now.boot_ms);
        // Once it is no more, what waits is due as it was.
        let may_begin = self.wanted || !self.is_air_gapped();
        if due && may_begin && self.running.is_none() {
            self.due_ms = None;
            let begun = if self.config.transport == Transport::ObjectStore && !self.is_air_gapped() {
                self.begin_upload(ledger, keeper, now)
            } else {
                self.begin(ledger, None)
            };
            return self.or_later(begun, ledger, now);
        }
        Ok(())
    }

    /// A ledger that can't be used now ends the run, and is tried again soon: what waits must not wait for the next day's end.
    fn or_later(
        &mut self,
        done: Result<(), LedgerError>,
        ledger: &Ledger,
        now: &Mark,
    ) -> Result<(), LedgerError> {
        if let Err(error) = &done {
            self.run.error = Some(Failure::ledger(error));
            self.finish(ledger);
            self.plan(retry::BACKOFF_FIRST_S, now);
        }
        done
    }

    fn begin(&mut self, ledger: &mut Ledger, client: Option<Arc<Client>>) -> Result<(), LedgerError> {
        if self.is_air_gapped() {
            self.run.error = self.wanted.then(Failure::air_gap);
            self.finish(ledger);
            return Ok(());
        }
        let Some(joined) = self.joined.clone() else {
            self.run.error = Some(Failure::no_central());
            self.finish(ledger);
            return Ok(());
        };
        let batch = self.unchanged(ledger)?;
        if batch.is_empty() {
            self.finish(ledger);
            return Ok(());
        }
        let mut sent = Vec::with_capacity(batch.len());
        let mut outgoing = Vec::with_capacity(batch.len());
        for report in batch {
            outgoing.push(Outgoing {
                instance: ledger.instance().to_owned(),
                sequence: report.sequence,
                payload: report.payload,
            });
            sent.push(Sent {
                sequence: report.sequence,
                day: report.day,
                time_zone: report.time_zone,
                partial: report.partial,
                digest: report.digest,
            });
        }
        let settings = Settings::of(&self.config, Some(&joined.enrolment), Environment::read());
        let identity = joined.identity.clone();
        let pinned = joined.enrolment.pinned().clone();
        self.running = Some(tokio::spawn(async move {
            let made = match (client, settings) {
                (Some(client), _) => Ok(client),
                (None, Some(settings)) => Client::new(&settings).map(Arc::new),
                // An activation always names a central.
                (None, None) => {
                    let result = Err(Failure::no_central());
                    return Ended::Pushed(Box::new(Batch { client: None, sent, result }));
                }
            };
            let (client, result) = match made {
                Ok(client) => {
                    let result = push::push(&client, &identity, &pinned, &outgoing).await;
                    (Some(client), result.map_err(|e| Failure::from(&e)))
                }
                Err(error) => (None, Err(Failure::from(&PushError::from(error)))),
            };
            Ended::Pushed(Box::new(Batch { client, sent, result }))
        }));
        Ok(())
    }

    /// What to send next. A report that is not what the agent made any more must not be signed: it is parked.
    fn unchanged(&mut self, ledger: &mut Ledger) -> Result<Vec<OutboxReport>, LedgerError> {
        loop {
            let batch = ledger.pending(BATCH_MAX_REPORTS, BATCH_MAX_BYTES)?;
            let (whole, changed): (Vec<_>, Vec<_>) =
                batch.into_iter().partition(|r| receipt::report_digest(&r.payload) == r.digest);
            if changed.is_empty() {
                return Ok(whole);
            }
            let parked = || Fate::Parked { why: CHANGED.to_owned() };
            let fates: Vec<(u64, Fate)> = changed.iter().map(|r| (r.sequence, parked())).collect();
            ledger.settle(&fates, None)?;
            for report in &changed {
                self.run.parked += 1;
                events::report_parked(report.sequence, &report.day, &report.time_zone, CHANGED);
            }
        }
    }

    /// Waits for the push that runs; for ever where none does. Can be dropped and asked again.
    pub(crate) async fn ended(&mut self) -> Ended {
        let Some(running) = &mut self.running else { return std::future::pending().await };
        let ended = running.await;
        self.running = None;
        // A task ends by itself: it is never aborted while someone waits for it, and a panic aborts the process.
        match ended {
            Ok(ended) => ended,
            Err(_) => std::future::pending().await,
        }
    }

    /// Writes down what a push came to, and goes on with the next batch, or plans the next try.
    ///
    /// # Errors
    /// When the ledger can't be read or written. What central has then is sent again, and receipted again.
    pub(crate) fn settle(
        &mut self,
        ended: Ended,
        ledger: &mut Ledger,
        keeper: &mut Keeper,
        now: &Mark,
    ) -> Result<(), LedgerError> {
        let settled = match ended {
            Ended::Pushed(batch) => self.write_down(*batch, ledger, keeper, now),
            Ended::Uploaded(done) => self.uploaded(*done, ledger, keeper, now),
        };
        if settled.is_err() {
            keeper.forget_kept();
        }
        self.or_later(settled, ledger, now)
    }

    fn write_down(
        &mut self,
        ended: Batch,
        ledger: &mut Ledger,
        keeper: &mut Keeper,
        now: &Mark,
    ) -> Result<(), LedgerError> {
        let Batch { client, sent, result } = ended;
        let mut pushed = match result {
            Ok(pushed) => pushed,
            Err(failure) => return self.failed(failure, ledger, now),
        };
        self.pin(&pushed.believed.key, &pushed.successions);
        self.offered.append(&mut pushed.believed.licences);
        let mut fates = Vec::with_capacity(sent.len());
        let mut refused = None;
        let mut best: Option<highwater_proto::v1::Receipt> = None;
        for (sent, fate) in sent.iter().zip(pushed.believed.fates) {
            match fate {
                receipt::Fate::Receipted { receipt, envelope } => {
                    let fate = Fate::Receipted { receipt: envelope, received_at: receipt.received_at };
                    fates.push((sent.sequence, fate));
                    if best.as_ref().is_none_or(|b| b.received_at <= receipt.received_at) {
                        best = Some(receipt);
                    }
                }
                receipt::Fate::Refused { message, for_good: true, .. } => {
                    fates.push((sent.sequence, Fate::Parked { why: message }));
                }
                // Those behind it are refused with it, as they would be out of turn.
                receipt::Fate::Refused { message, .. } => {
                    refused.get_or_insert(message);
                }
            }
        }
        let identity_before = keeper.standing().identity.clone();
        let accepted = best.as_ref().is_some_and(|r| keeper.accept(r, pushed.believed.answered_at, now));
        let identity = self.joined.as_ref().map(|joined| joined.identity.clone());
        let kept = accepted.then(|| keeper.kept(ledger, identity.as_ref().map(|identity| identity.key())));
        ledger.settle(&fates, kept.as_ref())?;
        for (sequence, fate) in &fates {
            let Some(sent) = sent.iter().find(|s| s.sequence == *sequence) else { continue };
            self.told(sent, fate);
        }
        events::identity(identity_before.as_deref(), keeper.standing().identity.as_deref());
        if let Some(message) = refused {
            return self.failed(Failure::refused(&message), ledger, now);
        }
        self.recovered(ledger)?;
        self.begin(ledger, client)
    }

    fn told(&mut self, sent: &Sent, fate: &Fate) {
        match fate {
            Fate::Receipted { .. } => self.run.accepted += 1,
            Fate::Parked { .. } => self.run.parked += 1,
            Fate::Pending => {}
        }
        tell(sent, fate);
    }

    /// The licences that central offered since it was asked last.
    pub(crate) fn take_offered(&mut self) -> Vec<String> {
        std::mem::take(&mut self.offered)
    }

    /// Pins the key that central signs with now, where it is another. `successions` came with its answer.
    pub(crate) fn pin(&mut self, key: &PublicKey, successions: &[Envelope]) {
        let Some(joined) = &self.joined else { return };
        let before = joined.enrolment.pinned().id();
        match joined.pinned(key, successions, &self.state_dir) {
            Ok(Some(joined)) => {
                events::key_changed(before, key.id());
                self.seen = file_mark(&self.state_dir);
                self.joined = Some(Rc::new(joined));
            }
            Ok(None) => {}
            // The old key stays pinned: the next answer brings the line of successions again.
            Err(error) => events::activation_unusable(&error),
        }
    }

    fn failed(&mut self, failure: Failure, ledger: &Ledger, now: &Mark) -> Result<(), LedgerError> {
        self.failures = self.failures.saturating_add(1);
        let now_s = now.wall_ms.div_euclid(1000);
        // Without random bytes, the whole of the time that a retry may wait.
        let random = random::number().unwrap_or(u64::MAX);
        let wait_s = retry::wait_s(self.failures, random, failure.retry_after_s);
        self.plan(wait_s, now);
        events::push_failed(&failure.error, &failure.mend, self.failures, wait_s);
        let note = json!({
            "at": at(now_s),
            "error": failure.error,
            "mend": failure.mend,
            "failures": self.failures,
            "next_try_at": at(now_s.saturating_add(wait_s)),
        });
        self.run.error = Some(failure);
        let noted = ledger.note_push(Some(&note.to_string()));
        self.finish(ledger);
        noted
    }

    fn recovered(&mut self, ledger: &Ledger) -> Result<(), LedgerError> {
        if self.failures > 0 || ledger.push_note()?.is_some() {
            events::push_recovered(self.failures);
            self.failures = 0;
            ledger.note_push(None)?;
        }
        Ok(())
    }

    /// The run is over: whoever waits is told what came of it.
    fn finish(&mut self, ledger: &Ledger) {
        let run = std::mem::take(&mut self.run);
        self.wanted = false;
        let pending = ledger.outbox_counts().map_or(-1, |counts| counts.pending);
        for reply in self.replies.drain(..) {
            // Whoever asked may have gone.
            let _ = reply.send(run.json(pending));
        }
    }

    /// Whether a push runs.
    pub(crate) fn runs(&self) -> bool {
        self.running.is_some()
    }
}

/// Tells the log what became of a report.
fn tell(sent: &Sent, fate: &Fate) {
    let Sent { sequence, day, time_zone, partial, digest } = sent;
    match fate {
        Fate::Receipted { received_at, .. } => {
            events::report_accepted(*sequence, day, time_zone, *partial, *received_at, digest);
        }
        Fate::Parked { why } => events::report_parked(*sequence, day, time_zone, why),
        Fate::Pending => {}
    }
}
