//! The schema, as an append-only list of migrations on `user_version`.

use rusqlite::{Connection, Transaction};

/// Marks the file as a ledger: "HWLG".
pub(crate) const APPLICATION_ID: i64 = 0x4857_4c47;

/// **Never change or reorder these: append.** A ledger's `user_version` counts those that it has been through.
const MIGRATIONS: &[&str] = &[V1, V2];

/// How many bits of a row's id are the series'.
pub(crate) const SERIES_BITS: u32 = 16;
/// The highest number that a series can have.
pub(crate) const SERIES_MAX: i64 = (1 << SERIES_BITS) - 1;

/// The ids of the rows at a run of positions, both ends included.
pub(crate) const fn ids(low: i64, high: i64) -> [i64; 2] {
    [low << SERIES_BITS, high << SERIES_BITS | SERIES_MAX]
}

/// The newest version.
pub(crate) const VERSION: i64 = MIGRATIONS.len() as i64;

/// A slot and its samples lie side by side in one table, so that writing them touches one page of the file and of the log: the
/// slot's own row has the id `position << 16`, a sample's row adds the number of its series.
/// Columns without a type keep a figure as the eight bytes it is; `room` fills each row up to one size, so that a row of a later
/// round fits where the earlier one was and the file does not grow.
const V1: &str = "
CREATE TABLE state (
  key TEXT PRIMARY KEY,
  value
) WITHOUT ROWID;

CREATE TABLE head (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  seq INTEGER NOT NULL,
  digest BLOB NOT NULL
);

CREATE TABLE rings (
  base INTEGER PRIMARY KEY,
  capacity INTEGER NOT NULL,
  first_seq INTEGER NOT NULL
);

CREATE TABLE boots (
  id INTEGER PRIMARY KEY,
  boot_id TEXT NOT NULL UNIQUE
);

CREATE TABLE series (
  id INTEGER PRIMARY KEY,
  meter TEXT NOT NULL,
  subject TEXT NOT NULL,
  UNIQUE (meter, subject)
);

CREATE TABLE ring (
  id INTEGER PRIMARY KEY,
  value,
  rx,
  tx,
  rule TEXT,
  gap TEXT,
  counter INTEGER,
  counter_tx INTEGER,
  incarnation INTEGER,
  seq INTEGER,
  slot INTEGER,
  slot_s INTEGER,
  at INTEGER,
  taken_ms INTEGER,
  mono_ms INTEGER,
  boot_ms INTEGER,
  boot INTEGER,
  clock_step_ms INTEGER,
  previous BLOB,
  digest BLOB,
  room BLOB
);

CREATE VIEW slots AS
  SELECT id >> 16 AS position, seq, slot, slot_s, at, taken_ms, mono_ms, boot_ms, boot, clock_step_ms, previous, digest
  FROM ring WHERE seq IS NOT NULL;

CREATE VIEW samples AS
  SELECT id >> 16 AS position, id & 65535 AS series, value, rx, tx, rule, gap, counter, counter_tx, incarnation
  FROM ring WHERE seq IS NULL;

CREATE TABLE missed (
  position INTEGER NOT NULL,
  first_slot INTEGER NOT NULL,
  last_slot INTEGER NOT NULL,
  from_at INTEGER NOT NULL,
  to_at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (position, first_slot)
) WITHOUT ROWID;
CREATE INDEX missed_to ON missed (to_at);

CREATE TABLE days (
  day TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  starts INTEGER NOT NULL,
  ends INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  first_digest BLOB NOT NULL,
  last_seq INTEGER,
  last_digest BLOB,
  until INTEGER,
  closed_at INTEGER,
  closed_seq INTEGER,
  slot_s INTEGER,
  revision INTEGER NOT NULL DEFAULT 0,
  expected INTEGER,
  read INTEGER,
  clock_jump INTEGER,
  host_down INTEGER,
  agent_down INTEGER,
  counter_reset INTEGER,
  source_failed INTEGER,
  present_slots INTEGER,
  PRIMARY KEY (day, time_zone)
) WITHOUT ROWID;
CREATE INDEX days_open ON days (starts) WHERE closed_at IS NULL;

CREATE TABLE peaks (
  day TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  meter TEXT NOT NULL,
  subject TEXT NOT NULL,
  definition INTEGER NOT NULL,
  value REAL,
  rx REAL,
  tx REAL,
  at INTEGER,
  runner_up REAL,
  runner_up_at INTEGER,
  p95 REAL,
  expected INTEGER NOT NULL,
  read INTEGER NOT NULL,
  clock_jump INTEGER NOT NULL,
  host_down INTEGER NOT NULL,
  agent_down INTEGER NOT NULL,
  counter_reset INTEGER NOT NULL,
  source_failed INTEGER NOT NULL,
  PRIMARY KEY (day, time_zone, meter, subject)
) WITHOUT ROWID;

CREATE VIEW readings AS
  SELECT slot.at AS at, series.meter AS meter, series.subject AS subject,
    CASE WHEN sample.value = CAST(sample.value AS INTEGER) THEN CAST(sample.value AS INTEGER) ELSE sample.value END AS value
  FROM ring AS sample
  JOIN ring AS slot ON slot.id = sample.id & ~65535
  JOIN series ON series.id = sample.id & 65535
  WHERE sample.seq IS NULL AND sample.gap IS NULL;

CREATE VIEW gaps AS
  SELECT slot.at AS at, series.meter AS meter, series.subject AS subject, sample.gap AS reason
  FROM ring AS sample
  JOIN ring AS slot ON slot.id = sample.id & ~65535
  JOIN series ON series.id = sample.id & 65535
  WHERE sample.gap IS NOT NULL;
";

/// Reports: each from the transaction that closes its day.
const V2: &str = "
CREATE TABLE outbox (
  sequence INTEGER PRIMARY KEY,
  day TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  until INTEGER NOT NULL,
  partial INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  made_at INTEGER NOT NULL,
  payload BLOB NOT NULL,
  digest BLOB NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'receipted', 'parked')),
  receipt BLOB,
  received_at INTEGER,
  why TEXT
);
CREATE INDEX outbox_waiting ON outbox (state, sequence) WHERE state <> 'receipted';
";

/// The version of a database, and whether it is a ledger at all (an empty one may become one).
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<(i64, bool)> {
    let number = |pragma| connection.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let version = number("PRAGMA user_version")?;
    let application = number("PRAGMA application_id")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let begun = application == APPLICATION_ID;
    // A ledger that has begun has a version; one that was set to 0 must not be begun again.
    let version = if begun && version == 0 && tables > 0 { -1 } else { version };
    Ok((version, begun || (application == 0 && tables == 0)))
}

/// Brings a ledger of `version` up to [`VERSION`], within a transaction of the caller's.
pub(crate) fn migrate(transaction: &Transaction<'_>, version: i64) -> rusqlite::Result<()> {
    let done = usize::try_from(version).unwrap_or(0);
    for migration in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(migration)?;
    }
    transaction
        .execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"))
}
