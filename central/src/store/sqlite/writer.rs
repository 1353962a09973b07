//! The one thread that writes, and what waits for it.
//!
//! Reports that wait together are written in one transaction: the disk is waited for once for all of them, and no one is answered
//! before. A change by an operator is a transaction of its own.

use super::dues::Dues;
use super::fault::Fault;
use super::standing::Standings;
use super::take;
use crate::clock::Clock;
use crate::histogram::Histogram;
use crate::model::{Arrival, Decision};
use crate::store::StoreError;
use rusqlite::{Connection, TransactionBehavior};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

/// How many reports are written in one transaction at the most; more only where a single batch brings more.
const GROUP_REPORTS: usize = 512;

/// A change that waits.
pub(super) type Change = Box<dyn FnOnce(&mut Writer) + Send>;

/// Reports that wait.
pub(super) struct Batch {
    pub(super) arrivals: Vec<Arrival>,
    pub(super) at: i64,
    pub(super) reply: oneshot::Sender<Result<Vec<Decision>, StoreError>>,
    /// Its part of what may wait, given back when it is done.
    pub(super) room: OwnedSemaphorePermit,
}

/// What the writer does next.
pub(super) enum Job {
    Change(Change),
    Reports(Batch),
}

/// The connection that writes, and what it remembers of the rows it wrote.
pub(super) struct Writer {
    db: Connection,
    place: PathBuf,
    standings: Standings,
    commits: Arc<Histogram>,
}

impl Writer {
    pub(super) fn new(db: Connection, place: PathBuf, commits: Arc<Histogram>) -> Self {
        Writer { db, place, standings: Standings::default(), commits }
    }

    /// Does what comes, until no one is left who could ask.
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut next = jobs.blocking_recv();
        while let Some(job) = next.take() {
            match job {
                Job::Change(change) => change(&mut self),
                Job::Reports(first) => {
                    let mut count = first.arrivals.len();
                    let mut group = vec![first];
                    while count < GROUP_REPORTS {
                        match jobs.try_recv() {
                            Ok(Job::Reports(batch)) => {
                                count += batch.arrivals.len();
                                group.push(batch);
                            }
                            Ok(change) => {
                                next = Some(change);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    self.take(group);
                }
            }
            if next.is_none() {
                next = jobs.blocking_recv();
            }
        }
    }

    /// Writes a group; where that fails, each batch by itself, so that one never stands in the way of another.
    fn take(&mut self, group: Vec<Batch>) {
        let batches: Vec<(&[Arrival], i64)> = group.iter().map(|b| (&b.arrivals[..], b.at)).collect();
        if let Ok(decided) = self.reports(&batches) {
            for (batch, decisions) in group.into_iter().zip(decided) {
                answer(batch, Ok(decisions));
            }
            return;
        }
        for batch in group {
            let decided = self.reports(&[(&batch.arrivals, batch.at)]);
            let result =
                decided.map(|all| all.into_iter().flatten().collect()).map_err(|f| f.at(&self.place));
            answer(batch, result);
        }
    }

    fn reports(&mut self, batches: &[(&[Arrival], i64)]) -> Result<Vec<Vec<Decision>>, Fault> {
        let begun = Clock.monotonic();
        let decided = self.transact(false, |db, standings| {
            let mut all = Vec::with_capacity(batches.len());
            for (arrivals, at) in batches {
                all.push(take::decide(db, standings, arrivals, *at)?);
            }
            standings.write_tips(db)?;
            Ok(all)
        })?;
        self.commits.add(Clock.monotonic().saturating_duration_since(begun));
        Ok(decided)
    }

    /// Does a change as one transaction.
    pub(super) fn change<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.transact(true, |db, _| work(db)).map_err(|fault| fault.at(&self.place))
    }

    /// Does as one transaction what changes nothing that is remembered.
    pub(super) fn note<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.transact(false, |db, _| work(db)).map_err(|fault| fault.at(&self.place))
    }

    /// When licences are due.
    pub(super) fn dues(&self) -> Arc<Dues> {
        self.standings.dues()
    }

    /// What is remembered is forgotten where it may not be so any more: after a change, here or by another process, and after a
    /// transaction that came to nothing.
    fn transact<T>(
        &mut self,
        forget: bool,
        work: impl FnOnce(&Connection, &mut Standings) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let standings = &mut self.standings;
        let result = (|| {
            let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let version: i64 =
                transaction.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
            standings.follow(version);
            let result = work(&transaction, standings)?;
            transaction.commit()?;
            Ok(result)
        })();
        if forget || result.is_err() || standings.is_outdated() {
            standings.forget();
        }
        result
    }
}

fn answer(batch: Batch, result: Result<Vec<Decision>, StoreError>) {
    drop(batch.room);
    // The one who asked may have gone away: then it will ask again, and get the same receipts.
    let _ = batch.reply.send(result);
}
