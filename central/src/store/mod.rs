//! Where central keeps what it knows, whatever the database.
//!
//! Each change and its row of the audit trail are one transaction. All methods may be called from any number of tasks at once.

mod error;
pub mod sqlite;

pub use error::StoreError;

use crate::model::{
    Activation, ActivationChange, ActivationFilter, AdminToken, Alarm, AlarmFilter, Arrival, AuditFilter,
    AuditRow, By, Cluster, ClusterDay, ClusterDaysFilter, Contract, ContractChange, Decision, Denied,
    Figures, Granted, Joining, Licence, LicenceFilter, LicenceOf, Line, NewContract, NewServiceToken,
    NewToken, NodeIdentity, Page, ReportFilter, ReportRow, ServiceToken, SigningKey, StoredReport, Token,
    Unlicensed, Upload,
};
use highwater_rules::chain::Digest;
use highwater_rules::sign::KeyId;
use std::future::Future;
use std::pin::Pin;

/// What the store will answer.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A place where central keeps what it knows.
///
/// Every method fails with [`StoreError`] where the database does; only further errors are told below. A change of what is not
/// there is [`StoreError::Absent`].
pub trait Store: Send + Sync + 'static {
    /// Makes a contract.
    fn create_contract(&self, new: NewContract, by: By) -> Answer<'_, Contract>;
    /// A contract by its id.
    fn contract(&self, id: String) -> Answer<'_, Option<Contract>>;
    /// Contracts in the order of their ids, which are the cursor.
    fn contracts(&self, page: Page) -> Answer<'_, Vec<Contract>>;
    /// Changes a contract, and gives what it is since.
    fn change_contract(&self, id: String, change: ContractChange, by: By) -> Answer<'_, Contract>;

    /// Keeps a token.
    fn create_token(&self, new: NewToken, by: By) -> Answer<'_, Token>;
    /// Tokens in the order of their ids, which are the cursor; of one contract or of all.
    fn tokens(&self, contract: Option<String>, page: Page) -> Answer<'_, Vec<Token>>;
    /// Takes a token back, and gives what it is since.
    fn revoke_token(&self, id: String, by: By) -> Answer<'_, Token>;

    /// Lets an instance join, or says why not.
    fn activate(&self, joining: Joining, at: i64) -> Answer<'_, Result<Granted, Denied>>;
    /// The public key of an activation: 32 bytes.
    fn public_key(&self, id: KeyId) -> Answer<'_, Option<[u8; 32]>>;
    /// An activation by its identity.
    fn activation(&self, identity: String) -> Answer<'_, Option<Activation>>;
    /// Activations.
    fn activations(&self, filter: ActivationFilter) -> Answer<'_, Vec<Activation>>;
    /// Changes an activation, and gives what it is since.
    fn change_activation(&self, identity: String, change: ActivationChange, by: By)
    -> Answer<'_, Activation>;
    /// The lines of an activation, its own first.
    fn lines(&self, activation: String) -> Answer<'_, Vec<Line>>;

    /// Stores reports, in this order, and decides on each. When it answers, what was taken is durable.
    ///
    /// A refused report refuses those of the same key behind it.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when too many wait already; then, as with every error, nothing of it is stored.
    fn take_reports(&self, arrivals: Vec<Arrival>, at: i64) -> Answer<'_, Vec<Decision>>;
    /// Reports, as lists show them.
    fn reports(&self, filter: ReportFilter) -> Answer<'_, Vec<ReportRow>>;
    /// A report with what was signed.
    fn report(&self, identity: String, sequence: u64) -> Answer<'_, Option<StoredReport>>;

    /// Alarms.
    fn alarms(&self, filter: AlarmFilter) -> Answer<'_, Vec<Alarm>>;
    /// Takes note of an alarm, and gives what it is since.
    fn acknowledge_alarm(&self, id: i64, by: By) -> Answer<'_, Alarm>;
    /// The audit trail.
    fn audit(&self, filter: AuditFilter) -> Answer<'_, Vec<AuditRow>>;

    /// All keys that central ever signed with, oldest first: the last one signs.
    fn signing_keys(&self) -> Answer<'_, Vec<SigningKey>>;
    /// Adds the key that signs from now on.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when `after` is not the newest key (`None`: when there is a key already).
    fn add_signing_key(&self, key: SigningKey, after: Option<KeyId>, by: By) -> Answer<'_, ()>;

    /// Keeps a token of the administration.
    fn create_admin_token(&self, name: String, secret: Digest, by: By) -> Answer<'_, AdminToken>;
    /// The token of a secret's SHA-256, unless it was taken back.
    fn admin_token(&self, secret: Digest) -> Answer<'_, Option<AdminToken>>;
    /// All tokens of the administration.
    fn admin_tokens(&self) -> Answer<'_, Vec<AdminToken>>;
    /// Takes a token of the administration back.
    fn revoke_admin_token(&self, id: String, by: By) -> Answer<'_, AdminToken>;

    /// Licences for those who have these keys: for each whose last one is missing, near its end, otherwise than its contract, or
    /// was taken back. Where there is nothing to offer, which is usual, it asks no database.
    fn offer_licences(&self, keys: Vec<KeyId>, at: i64) -> Answer<'_, Vec<Licence>>;
    /// The licence of an instance that asks by its key, and holds the one with this id (empty: none): a new one where two thirds of
    /// the term of the newest have passed, or the newest where it holds another.
    fn renew_licence(
        &self,
        key: KeyId,
        instance: String,
        held: String,
        at: i64,
    ) -> Answer<'_, Result<Licence, Unlicensed>>;
    /// The licence that someone fetches: the newest one where it is good, else a new one. With a `scope`, only under that contract.
    ///
    /// # Errors
    /// [`StoreError::Absent`] where nobody has this id, or nobody within the scope.
    fn fetch_licence(
        &self,
        of: LicenceOf,
        scope: Option<String>,
        by: By,
    ) -> Answer<'_, Result<Licence, Unlicensed>>;
    /// Issues a new licence, whatever the age of the last one.
    fn issue_licence(&self, of: LicenceOf, by: By) -> Answer<'_, Result<Licence, Unlicensed>>;
    /// A licence by its id.
    fn licence(&self, id: String) -> Answer<'_, Option<Licence>>;
    /// Licences that were issued.
    fn licences(&self, filter: LicenceFilter) -> Answer<'_, Vec<Licence>>;

    /// Keeps a service token.
    fn create_service_token(&self, new: NewServiceToken, by: By) -> Answer<'_, ServiceToken>;
    /// The service token of a secret's SHA-256, unless it was taken back.
    fn service_token(&self, secret: Digest) -> Answer<'_, Option<ServiceToken>>;
    /// Service tokens in the order of their ids, which are the cursor; of one contract or of all.
    fn service_tokens(&self, contract: Option<String>, page: Page) -> Answer<'_, Vec<ServiceToken>>;
    /// Takes a service token back, and gives what it is since.
    fn revoke_service_token(&self, id: String, by: By) -> Answer<'_, ServiceToken>;

    /// The activation that has this key.
    fn uploader(&self, key: KeyId) -> Answer<'_, Option<Activation>>;
    /// The place of an activation in the object store; it is made with this random part where there is none.
    fn upload_place(&self, identity: String, random: String) -> Answer<'_, Upload>;
    /// The same, where there is one.
    fn upload(&self, identity: String) -> Answer<'_, Option<Upload>>;
    /// What lay there was picked up: the object with this mark. Without `receipts`, those before it stay.
    fn keep_upload(
        &self,
        identity: String,
        mark: String,
        receipts: Option<Vec<u8>>,
        at: i64,
    ) -> Answer<'_, ()>;

    /// A cluster by its id.
    fn cluster(&self, id: String) -> Answer<'_, Option<Cluster>>;
    /// Clusters in the order of their ids, which are the cursor.
    fn clusters(&self, page: Page) -> Answer<'_, Vec<Cluster>>;
    /// Gives a cluster a name, or takes it away, and gives what it is since.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it can't be a name.
    fn rename_cluster(&self, id: String, name: Option<String>, by: By) -> Answer<'_, Cluster>;
    /// The nodes of a cluster, each with its identities, the one that counts now first.
    fn cluster_nodes(&self, id: String) -> Answer<'_, Vec<Vec<NodeIdentity>>>;
    /// What a cluster used, by day; `at` is now.
    fn cluster_days(&self, id: String, filter: ClusterDaysFilter, at: i64) -> Answer<'_, Vec<ClusterDay>>;

    /// How much there is of what, and what waits.
    fn figures(&self) -> Answer<'_, Figures>;
    /// Writes something that changes nothing, and makes it durable: whether reports could be taken now.
    fn probe(&self) -> Answer<'_, ()>;
}
