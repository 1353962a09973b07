//! The store in one SQLite file.
//!
//! ```text
//!   row, fault, open, schema      the file
//!   contracts … reports           the tables, one file each
//!   standing, take, join, dues    what becomes of a report, and of who wants to join; when licences are due
//!   writer, readers               who does it: one thread that writes, a few that read
//! ```

mod activations;
mod alarms;
mod audit;
mod clusters;
mod contracts;
mod dues;
mod fault;
mod figures;
mod join;
mod keys;
mod licences;
mod nodes;
mod open;
mod readers;
mod reports;
mod row;
mod schema;
mod service_tokens;
mod standing;
mod take;
mod tokens;
mod uploads;
mod writer;

use super::{Answer, Store, StoreError};
use crate::histogram::Histogram;
use crate::model::{
    Activation, ActivationChange, ActivationFilter, AdminToken, Alarm, AlarmFilter, Arrival, AuditFilter,
    AuditRow, By, Cluster, ClusterDay, ClusterDaysFilter, Contract, ContractChange, Decision, Denied,
    Figures, Granted, Joining, Licence, LicenceFilter, LicenceOf, Line, NewContract, NewServiceToken,
    NewToken, NodeIdentity, Page, ReportFilter, ReportRow, ServiceToken, SigningKey, StoredReport, Token,
    Unlicensed, Upload,
};
use dues::Dues;
use fault::Fault;
use highwater_rules::chain::Digest;
use highwater_rules::sign::KeyId;
use readers::Readers;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::{Semaphore, mpsc, oneshot};
use writer::{Batch, Job, Writer};

/// The file's name in the data directory.
pub const FILE_NAME: &str = "central.db";
/// How many batches and changes may wait for the writer.
const QUEUE_JOBS: usize = 1024;
/// How much payload may wait for the writer, in KiB.
const QUEUE_KIB: usize = 64 * 1024;

/// The store in one SQLite file. It ends the writer when it is dropped, after what waits is written.
#[derive(Debug)]
pub struct SqliteStore {
    place: PathBuf,
    jobs: Option<mpsc::Sender<Job>>,
    room: Arc<Semaphore>,
    writer: Option<JoinHandle<()>>,
    readers: Arc<Readers>,
    commits: Arc<Histogram>,
    dues: Arc<Dues>,
}

impl SqliteStore {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// When it can't be opened, is another program's, or is of a newer version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let at = |fault: Fault| fault.at(path);
        let mut db = open::writer(path).map_err(at)?;
        schema::migrate(&mut db, path).map_err(at)?;
        let (jobs, waiting) = mpsc::channel(QUEUE_JOBS);
        let commits = Arc::new(Histogram::default());
        let writer = Writer::new(db, path.to_owned(), Arc::clone(&commits));
        let dues = writer.dues();
        let thread = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || writer.run(waiting))
            .map_err(|e| StoreError::Unavailable { place: path.to_owned(), why: e.to_string() })?;
        Ok(SqliteStore {
            place: path.to_owned(),
            jobs: Some(jobs),
            room: Arc::new(Semaphore::new(QUEUE_KIB)),
            writer: Some(thread),
            readers: Arc::new(Readers::new(path)),
            commits,
            dues,
        })
    }

    fn gone(&self) -> StoreError {
        StoreError::Unavailable { place: self.place.clone(), why: "the writer has ended".to_owned() }
    }

    fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Answer<'_, T> {
        self.write(move |writer| writer.change(work))
    }

    /// A change of what the writer does not remember.
    fn note<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Answer<'_, T> {
        self.write(move |writer| writer.note(work))
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writer) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<'_, T> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            let change: writer::Change = Box::new(move |writer| {
                // The one who asked may have gone away; the change is made all the same.
                let _ = reply.send(work(writer));
            });
            let jobs = self.jobs.as_ref().ok_or_else(|| self.gone())?;
            jobs.send(Job::Change(change)).await.map_err(|_| self.gone())?;
            answer.await.map_err(|_| self.gone())?
        })
    }

    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Answer<'_, T> {
        Box::pin(async move {
            let readers = Arc::clone(&self.readers);
            let turn = self.readers.turns().acquire().await.map_err(|_| self.gone())?;
            let done = tokio::task::spawn_blocking(move || readers.read(work)).await;
            drop(turn);
            done.map_err(|_| self.gone())?.map_err(|fault| fault.at(&self.place))
        })
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(writer) = self.writer.take() {
            // Only a thread that panicked fails to join: there is nothing left to save then.
            let _ = writer.join();
        }
    }
}

impl Store for SqliteStore {
    fn create_contract(&self, new: NewContract, by: By) -> Answer<'_, Contract> {
        self.change(move |db| contracts::create(db, new, &by))
    }
    fn contract(&self, id: String) -> Answer<'_, Option<Contract>> {
        self.read(move |db| contracts::one(db, &id))
    }
    fn contracts(&self, page: Page) -> Answer<'_, Vec<Contract>> {
        self.read(move |db| contracts::list(db, &page))
    }
    fn change_contract(&self, id: String, change: ContractChange, by: By) -> Answer<'_, Contract> {
        self.change(move |db| contracts::change(db, &id, change, &by))
    }

    fn create_token(&self, new: NewToken, by: By) -> Answer<'_, Token> {
        self.change(move |db| tokens::create(db, new, &by))
    }
    fn tokens(&self, contract: Option<String>, page: Page) -> Answer<'_, Vec<Token>> {
        self.read(move |db| tokens::list(db, contract.as_deref(), &page))
    }
    fn revoke_token(&self, id: String, by: By) -> Answer<'_, Token> {
        self.change(move |db| tokens::revoke(db, &id, &by))
    }

    fn activate(&self, joining: Joining, at: i64) -> Answer<'_, Result<Granted, Denied>> {
        self.change(move |db| join::join(db, joining, at))
    }
    fn public_key(&self, id: KeyId) -> Answer<'_, Option<[u8; 32]>> {
        self.read(move |db| activations::public_key(db, id))
    }
    fn activation(&self, identity: String) -> Answer<'_, Option<Activation>> {
        self.read(move |db| activations::one(db, &identity))
    }
    fn activations(&self, filter: ActivationFilter) -> Answer<'_, Vec<Activation>> {
        self.read(move |db| activations::list(db, &filter))
    }
    fn change_activation(
        &self,
        identity: String,
        change: ActivationChange,
        by: By,
    ) -> Answer<'_, Activation> {
        self.change(move |db| activations::change(db, &identity, change, &by))
    }
    fn lines(&self, activation: String) -> Answer<'_, Vec<Line>> {
        self.read(move |db| activations::lines(db, &activation))
    }

    fn take_reports(&self, arrivals: Vec<Arrival>, at: i64) -> Answer<'_, Vec<Decision>> {
        Box::pin(async move {
            let bytes: usize = arrivals.iter().map(|a| a.payload.len()).sum();
            let kib = u32::try_from(bytes.div_ceil(1024).clamp(1, QUEUE_KIB)).unwrap_or(u32::MAX);
            let room = Arc::clone(&self.room).try_acquire_many_owned(kib).map_err(|_| StoreError::Busy)?;
            let (reply, answer) = oneshot::channel();
            let jobs = self.jobs.as_ref().ok_or_else(|| self.gone())?;
            jobs.try_send(Job::Reports(Batch { arrivals, at, reply, room })).map_err(
                |error| match error {
                    mpsc::error::TrySendError::Full(_) => StoreError::Busy,
                    mpsc::error::TrySendError::Closed(_) => self.gone(),
                },
            )?;
            answer.await.map_err(|_| self.gone())?
        })
    }
    fn reports(&self, filter: ReportFilter) -> Answer<'_, Vec<ReportRow>> {
        self.read(move |db| reports::list(db, &filter))
    }
    fn report(&self, identity: String, sequence: u64) -> Answer<'_, Option<StoredReport>> {
        self.read(move |db| reports::one(db, &identity, sequence))
    }

    fn alarms(&self, filter: AlarmFilter) -> Answer<'_, Vec<Alarm>> {
        self.read(move |db| alarms::list(db, &filter))
    }
    fn acknowledge_alarm(&self, id: i64, by: By) -> Answer<'_, Alarm> {
        self.change(move |db| alarms::acknowledge(db, id, &by))
    }
    fn audit(&self, filter: AuditFilter) -> Answer<'_, Vec<AuditRow>> {
        self.read(move |db| audit::list(db, &filter))
    }

    fn signing_keys(&self) -> Answer<'_, Vec<SigningKey>> {
        self.read(keys::all)
    }
    fn add_signing_key(&self, key: SigningKey, after: Option<KeyId>, by: By) -> Answer<'_, ()> {
        self.change(move |db| keys::add(db, &key, after, &by))
    }

    fn create_admin_token(&self, name: String, secret: Digest, by: By) -> Answer<'_, AdminToken> {
        self.change(move |db| keys::create_admin(db, name, &secret, &by))
    }
    fn admin_token(&self, secret: Digest) -> Answer<'_, Option<AdminToken>> {
        self.read(move |db| keys::admin(db, &secret))
    }
    fn admin_tokens(&self) -> Answer<'_, Vec<AdminToken>> {
        self.read(keys::admins)
    }
    fn revoke_admin_token(&self, id: String, by: By) -> Answer<'_, AdminToken> {
        self.change(move |db| keys::revoke_admin(db, &id, &by))
    }

    fn offer_licences(&self, keys: Vec<KeyId>, at: i64) -> Answer<'_, Vec<Licence>> {
        Box::pin(async move {
            let (due, seen) = self.dues.due(&keys, at);
            if due.is_empty() {
                return Ok(Vec::new());
            }
            let dues = Arc::clone(&self.dues);
            let (mut found, to_issue) =
                self.read(move |db| licences::look(db, &dues, &due, seen, at)).await?;
            if !to_issue.is_empty() {
                found.extend(self.note(move |db| licences::offer(db, &to_issue, at)).await?);
            }
            Ok(found)
        })
    }
    fn renew_licence(
        &self,
        key: KeyId,
        instance: String,
        held: String,
        at: i64,
    ) -> Answer<'_, Result<Licence, Unlicensed>> {
        self.note(move |db| licences::renew(db, key, &instance, &held, at))
    }
    fn fetch_licence(
        &self,
        of: LicenceOf,
        scope: Option<String>,
        by: By,
    ) -> Answer<'_, Result<Licence, Unlicensed>> {
        self.note(move |db| licences::fetch(db, &of, scope.as_deref(), &by))
    }
    fn issue_licence(&self, of: LicenceOf, by: By) -> Answer<'_, Result<Licence, Unlicensed>> {
        self.change(move |db| licences::issue(db, &of, &by))
    }
    fn licence(&self, id: String) -> Answer<'_, Option<Licence>> {
        self.read(move |db| licences::one(db, &id))
    }
    fn licences(&self, filter: LicenceFilter) -> Answer<'_, Vec<Licence>> {
        self.read(move |db| licences::list(db, &filter))
    }

    fn create_service_token(&self, new: NewServiceToken, by: By) -> Answer<'_, ServiceToken> {
        self.change(move |db| service_tokens::create(db, new, &by))
    }
    fn service_token(&self, secret: Digest) -> Answer<'_, Option<ServiceToken>> {
        self.read(move |db| service_tokens::by_secret(db, &secret))
    }
    fn service_tokens(&self, contract: Option<String>, page: Page) -> Answer<'_, Vec<ServiceToken>> {
        self.read(move |db| service_tokens::list(db, contract.as_deref(), &page))
    }
    fn revoke_service_token(&self, id: String, by: By) -> Answer<'_, ServiceToken> {
        self.change(move |db| service_tokens::revoke(db, &id, &by))
    }

    fn uploader(&self, key: KeyId) -> Answer<'_, Option<Activation>> {
        self.read(move |db| activations::by_key(db, key))
    }
    fn upload_place(&self, identity: String, random: String) -> Answer<'_, Upload> {
        Box::pin(async move {
            // The usual one has its place: no transaction is needed to read it.
            match self.upload(identity.clone()).await? {
                Some(upload) => Ok(upload),
                None => self.change(move |db| uploads::place(db, &identity, &random)).await,
            }
        })
    }
    fn upload(&self, identity: String) -> Answer<'_, Option<Upload>> {
        self.read(move |db| uploads::one(db, &identity))
    }
    fn keep_upload(
        &self,
        identity: String,
        mark: String,
        receipts: Option<Vec<u8>>,
        at: i64,
    ) -> Answer<'_, ()> {
        self.change(move |db| uploads::taken(db, &identity, &mark, receipts.as_deref(), at))
    }

    fn cluster(&self, id: String) -> Answer<'_, Option<Cluster>> {
        self.read(move |db| clusters::one(db, &id))
    }
    fn clusters(&self, page: Page) -> Answer<'_, Vec<Cluster>> {
        self.read(move |db| clusters::list(db, &page))
    }
    fn rename_cluster(&self, id: String, name: Option<String>, by: By) -> Answer<'_, Cluster> {
        self.change(move |db| clusters::rename(db, &id, name, &by))
    }
    fn cluster_nodes(&self, id: String) -> Answer<'_, Vec<Vec<NodeIdentity>>> {
        self.read(move |db| clusters::nodes_of(db, &id))
    }
    fn cluster_days(&self, id: String, filter: ClusterDaysFilter, at: i64) -> Answer<'_, Vec<ClusterDay>> {
        self.read(move |db| clusters::days(db, &id, &filter, at))
    }

    fn figures(&self) -> Answer<'_, Figures> {
        let waiting = self.jobs.as_ref().map_or(0, |jobs| jobs.max_capacity() - jobs.capacity());
        let commits = self.commits.read();
        self.read(move |db| figures::count(db, waiting, commits))
    }
    fn probe(&self) -> Answer<'_, ()> {
        self.change(figures::probe)
    }
}
