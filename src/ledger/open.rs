//! Opening a ledger: making it, bringing it up to date, moving a damaged one aside.

use super::kept::{last_report, write_state};
use super::mirror::Mirror;
use super::recover::{Identity, identity_of, move_aside, salvage};
use super::ring::{Ring, Rings};
use super::{FILE_NAME, Head, Ledger, LedgerError, Lock, Plan, schema};
use crate::clock;
use crate::files::create_new;
use highwater_rules::chain::{Digest, genesis};
use highwater_rules::node::Node;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior};
use std::collections::BTreeMap;
use std::fs::{DirBuilder, File};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a write waits for another process's lock: readers never hold one for long.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// The page cache, in KiB: the few pages that a slot touches.
const CACHE_KIB: u32 = 96;
/// Pages in the write-ahead log at which it is copied into the file and begun again: once in some eighty slots.
const WAL_PAGES: u32 = 256;
/// What the log takes then: a header, and a header a page (SQLite's file format, section 4.1); some pages more, since a slot is
/// written whole before the log is looked at.
const WAL_BYTES: u64 = 32 + (WAL_PAGES as u64 + 16) * (24 + PAGE_BYTES as u64);
/// A slot of a few series fits in a page several times; a larger one would only write more around it.
const PAGE_BYTES: u32 = 1024;

/// A ledger opened for writing.
#[derive(Debug)]
pub struct Opened {
    /// The ledger.
    pub ledger: Ledger,
    /// Where a damaged one was moved to, and what was wrong with it.
    pub moved_aside: Option<(PathBuf, String)>,
}

impl Ledger {
    /// Opens the ledger of a state directory for writing, and makes it where there is none. Takes the directory's lock.
    ///
    /// A damaged ledger is moved aside, never deleted, and a new one begun.
    ///
    /// # Errors
    /// When another agent holds it, a newer one wrote it, or the directory or the file can't be used.
    pub fn open(state_dir: &Path, plan: Plan) -> Result<Opened, LedgerError> {
        Self::open_as(state_dir, plan, None)
    }

    pub(super) fn open_as(
        state_dir: &Path,
        plan: Plan,
        identity: Option<&Identity>,
    ) -> Result<Opened, LedgerError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(state_dir)
            .map_err(|source| LedgerError::io(state_dir, source))?;
        let lock = Lock::take(state_dir)?;
        let path = state_dir.join(FILE_NAME);
        match Self::open_writer(&path, plan.clone(), identity) {
            Ok(mut ledger) => {
                ledger.lock = Some(lock);
                Ok(Opened { ledger, moved_aside: None })
            }
            Err(damage) if damage.is_damage() => {
                let identity = match salvage(&path) {
                    None => Mirror::load(&path)?.map(Identity::from),
                    salvaged => salvaged,
                };
                let aside = move_aside(&path)?;
                let mut ledger = Self::open_writer(&path, plan, identity.as_ref())?;
                ledger.remember_damage(&aside)?;
                ledger.lock = Some(lock);
                Ok(Opened { ledger, moved_aside: Some((aside, damage.to_string())) })
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn open_writer(
        path: &Path,
        plan: Plan,
        identity: Option<&Identity>,
    ) -> Result<Self, LedgerError> {
        let failed = |source| LedgerError::sqlite(path, source);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mirror = Mirror::load(path)?;
        make(path)?;
        let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        connection.set_prepared_statement_cache_capacity(12);
        let (version, is_ledger) = schema::version(&connection).map_err(failed)?;
        check_version(path, version, is_ledger)?;
        connection
            .execute_batch(&format!(
                "PRAGMA page_size = {PAGE_BYTES}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -{CACHE_KIB}; \
                 PRAGMA wal_autocheckpoint = {WAL_PAGES}; PRAGMA temp_store = MEMORY;"
            ))
            .map_err(failed)?;
        // A ledger that is gone leaves behind who the instance was: a new file is neither a new instance nor a new grace period.
        let beside = mirror.clone().map(Identity::from);
        let gone = version == 0 && identity.is_none() && beside.is_some();
        let identity = if gone { beside.as_ref() } else { identity };
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        if version < schema::VERSION {
            schema::migrate(&transaction, version).map_err(failed)?;
        }
        initialise(&transaction, identity).map_err(failed)?;
        carry_on(&transaction, mirror).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        let mut ledger = Self::load(path, connection, plan)?;
        ledger.turn_to_ring()?;
        if gone {
            ledger.remember_damage(Path::new("removed while no agent ran"))?;
        }
        ledger.report_unreported_days()?;
        ledger.mirror_if_possible(None);
        // It only spares the device some work: where it can't be done, the log grows by itself.
        let log = sibling(path, "-wal");
        let _ = grow(&log, WAL_BYTES);
        // Who the instance is must not lie in the log alone.
        ledger.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).map_err(failed)?;
        ledger.opened = [identity_of(path), identity_of(&log)];
        Ok(ledger)
    }

    /// Opens the ledger of a state directory for reading, beside an agent that may be writing it.
    ///
    /// # Errors
    /// When there is none, or it can't be read.
    pub fn open_reader(state_dir: &Path, plan: Plan) -> Result<Self, LedgerError> {
        let path = state_dir.join(FILE_NAME);
        let failed = |source| LedgerError::sqlite(&path, source);
        match path.metadata() {
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => return Err(LedgerError::Missing { path }),
            Err(source) => return Err(LedgerError::io(&path, source)),
        }
        let connection = reader(&path).map_err(failed)?;
        // All that a reader asks is of one moment: else a row written meanwhile would look like one out of order.
        connection.execute_batch("BEGIN").map_err(failed)?;
        let (version, is_ledger) = schema::version(&connection).map_err(failed)?;
        check_version(&path, version, is_ledger)?;
        if version == 0 {
            return Err(LedgerError::nonsense(
                &path,
                "it is there, but empty: no agent has written it yet, or its files were mixed up",
            ));
        }
        Self::load(&path, connection, plan)
    }

    /// Whether an agent is writing the ledger of a state directory now, and which.
    #[must_use]
    pub fn writer(state_dir: &Path) -> Option<String> {
        Lock::holder(state_dir)
    }

    fn load(path: &Path, connection: Connection, plan: Plan) -> Result<Self, LedgerError> {
        let failed = |source| LedgerError::sqlite(path, source);
        let state = |key: &str| {
            connection.query_row("SELECT value FROM state WHERE key = ?1", [key], |row| row.get(0)).optional()
        };
        let instance: String = state("instance")
            .map_err(failed)?
            .ok_or_else(|| LedgerError::nonsense(path, "the instance's id is gone from table state"))?;
        let first_start = connection
            .query_row("SELECT value FROM state WHERE key = 'first_start'", [], |row| row.get(0))
            .optional()
            .map_err(failed)?
            .ok_or_else(|| LedgerError::nonsense(path, "the first start is gone from table state"))?;
        let salt = connection
            .query_row("SELECT value FROM state WHERE key = 'salt'", [], |row| row.get(0))
            .optional()
            .map_err(failed)?
            .unwrap_or_default();
        let (version, _) = schema::version(&connection).map_err(failed)?;
        let rings = load_rings(&connection).map_err(failed)?;
        let head = load_head(&connection, &rings, genesis(&instance, first_start)).map_err(failed)?;
        Ok(Ledger {
            path: path.to_owned(),
            connection,
            instance,
            first_start,
            salt,
            has_outbox: version >= 2,
            plan,
            rings,
            head,
            series: BTreeMap::new(),
            boot: None,
            open_day: None,
            lock: None,
            opened: [None; 2],
        })
    }

    /// Follows a changed configuration.
    ///
    /// # Errors
    /// When the new ring can't be written down; the old plan then stays.
    pub fn follow(&mut self, plan: Plan) -> Result<(), LedgerError> {
        let before = std::mem::replace(&mut self.plan, plan);
        self.open_day = None;
        let turned = self.turn_to_ring();
        if turned.is_err() {
            self.plan = before;
        }
        turned
    }

    /// Tells another node from the next report on.
    pub fn follow_node(&mut self, node: Option<Node>) {
        self.plan.node = node;
    }

    /// Begins a new ring where the configured capacity is another than the one last used.
    fn turn_to_ring(&mut self) -> Result<(), LedgerError> {
        let capacity = self.plan.capacity();
        let current = self.rings.current();
        if current.is_some_and(|ring| ring.capacity == capacity) {
            return Ok(());
        }
        let base = current.map_or(0, |ring| ring.base.saturating_add(ring.capacity));
        let ring = Ring { base, capacity, first_seq: self.head.seq + 1 };
        let transaction = self.connection.unchecked_transaction().map_err(|e| self.failed(e))?;
        // A ring that was never written gives way.
        let written = transaction
            .execute("DELETE FROM rings WHERE first_seq = ?1", [ring.first_seq])
            .and_then(|_| {
                transaction.execute(
                    "INSERT INTO rings (base, capacity, first_seq) VALUES (?1, ?2, ?3)",
                    [ring.base, ring.capacity, ring.first_seq],
                )
            })
            .and_then(|_| transaction.commit());
        written.map_err(|e| self.failed(e))?;
        self.rings = load_rings(&self.connection).map_err(|e| self.failed(e))?;
        Ok(())
    }
}

/// Makes the file where there is none: an empty one is a ledger that has not begun. SQLite gives the files beside it to the same owner.
fn make(path: &Path) -> Result<(), LedgerError> {
    match create_new(path, 0o644) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(LedgerError::io(path, source)),
    }
}

fn check_version(path: &Path, version: i64, is_ledger: bool) -> Result<(), LedgerError> {
    if !is_ledger {
        return Err(LedgerError::Foreign { path: path.to_owned() });
    }
    if version < 0 {
        return Err(LedgerError::nonsense(
            path,
            format!("its user_version is {version}: someone changed it"),
        ));
    }
    if version > schema::VERSION {
        return Err(LedgerError::Newer { path: path.to_owned(), found: version, known: schema::VERSION });
    }
    Ok(())
}

/// The end of the chain: what was written down of it, and the rows that follow.
fn load_head(connection: &Connection, rings: &Rings, genesis: Digest) -> rusqlite::Result<Head> {
    let mut head = connection
        .query_row("SELECT seq, digest FROM head", [], |row| {
            Ok(Head { seq: row.get(0)?, digest: Digest(row.get(1)?) })
        })
        .optional()?
        .unwrap_or(Head { seq: 0, digest: genesis });
    let mut row = connection.prepare("SELECT digest FROM ring WHERE id = ?1 AND seq = ?2")?;
    while let Some(position) = rings.position(head.seq + 1) {
        let next =
            row.query_row([position << schema::SERIES_BITS, head.seq + 1], |row| row.get(0)).optional()?;
        let Some(digest) = next else { break };
        head = Head { seq: head.seq + 1, digest: Digest(digest) };
    }
    Ok(head)
}

fn load_rings(connection: &Connection) -> rusqlite::Result<Rings> {
    let mut statement =
        connection.prepare("SELECT base, capacity, first_seq FROM rings ORDER BY first_seq")?;
    let rings = statement.query_map([], |row| {
        Ok(Ring { base: row.get(0)?, capacity: row.get::<_, i64>(1)?.max(1), first_seq: row.get(2)? })
    })?;
    rings.collect::<rusqlite::Result<_>>().map(Rings)
}

/// Writes down what a new ledger begins with. Harmless on one that has begun.
fn initialise(connection: &Connection, identity: Option<&Identity>) -> rusqlite::Result<()> {
    let random = || connection.query_row("SELECT randomblob(16)", [], |row| row.get::<_, [u8; 16]>(0));
    let (instance, first_start) = match identity {
        Some(identity) => (identity.instance.clone(), identity.first_start),
        None => (uuid_v4(random()?), clock::unix_s()),
    };
    let salt = identity.and_then(|identity| identity.salt).map_or_else(random, Ok)?;
    connection.execute("INSERT OR IGNORE INTO state (key, value) VALUES ('salt', ?1)", [salt])?;
    connection.execute("INSERT OR IGNORE INTO state (key, value) VALUES ('instance', ?1)", [instance])?;
    connection
        .execute("INSERT OR IGNORE INTO state (key, value) VALUES ('first_start', ?1)", [first_start])?;
    Ok(())
}

/// Goes on numbering reports where the file beside the ledger says that they had come to: the ledger may be a new one, or one put
/// back to an older state.
fn carry_on(connection: &Connection, mirror: Option<Mirror>) -> rusqlite::Result<()> {
    let instance: String =
        connection.query_row("SELECT value FROM state WHERE key = 'instance'", [], |row| row.get(0))?;
    let (sequence, _) = last_report(connection)?;
    match mirror {
        Some(Mirror { instance: same, sequence: further, report_digest: Some(digest), .. })
            if same == instance && further > sequence =>
        {
            write_state(connection, "sequence", &further)?;
            write_state(connection, "report_digest", &digest.0)
        }
        _ => Ok(()),
    }
}

/// A version 4 UUID (RFC 9562, section 5.4) of sixteen random bytes.
fn uuid_v4(random: [u8; 16]) -> String {
    let bits = u128::from_be_bytes(random);
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    match schema::version(&connection) {
        // A reader without the right to write in the directory can't make the shared memory that a write-ahead log needs. Where
        // no log is left, nobody is writing, and the file can be read as it stands.
        Err(_) if !sibling(path, "-wal").exists() => {
            let uri = format!("file:{}?immutable=1", escaped(path));
            let connection = Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?;
            schema::version(&connection)?;
            Ok(connection)
        }
        Err(error) => Err(error),
        Ok(_) => Ok(connection),
    }
}

/// Grows the write-ahead log to the size that it will keep, in one go.
///
/// A file that grows by a page with each slot makes the file system journal its new size and blocks each time; one that is
/// written in place does not. SQLite reads a log up to the first frame whose checksum fails, as it does with what an earlier
/// round left behind, so that zeros at its end are nothing to it.
fn grow(log: &Path, size: u64) -> std::io::Result<()> {
    let mut file = File::options().append(true).open(log)?;
    let missing = size.saturating_sub(file.metadata()?.len());
    std::io::copy(&mut std::io::repeat(0).take(missing), &mut file)?;
    file.sync_all()
}

fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

pub(super) fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
