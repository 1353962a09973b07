//! The database's tables, as steps from one version to the next.
//!
//! **A step that was released is never changed, moved or removed: add a new one at the end.** A file's `user_version` is the number
//! of steps that were done.

use super::fault::Fault;
use crate::store::StoreError;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// Tells the file from other programs' (`HWCT`).
const APPLICATION_ID: i64 = 0x4857_4354;

/// Rows of `reports` are appended: only their unique index on (line, sequence) is kept in another order. The payload is their last
/// column, so that lists don't read it. What a list needs beside it is in columns of its own.
const STEPS: &[&str] = &["
CREATE TABLE contracts (
    id TEXT PRIMARY KEY, product TEXT NOT NULL, customer TEXT NOT NULL, status TEXT NOT NULL, mode TEXT NOT NULL,
    not_before INTEGER, not_after INTEGER, grace_s INTEGER NOT NULL, block_unconfirmed_s INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE tokens (
    id TEXT PRIMARY KEY, secret BLOB NOT NULL UNIQUE, key_id BLOB NOT NULL, contract TEXT NOT NULL, uses_left INTEGER,
    expires_at INTEGER, confirm TEXT NOT NULL, revoked INTEGER NOT NULL, created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE activations (
    identity TEXT PRIMARY KEY, instance TEXT NOT NULL, key_id BLOB NOT NULL UNIQUE, public_key BLOB NOT NULL,
    contract TEXT NOT NULL, token TEXT NOT NULL, state TEXT NOT NULL, confirm TEXT NOT NULL,
    activated_at INTEGER NOT NULL, confirmed_at INTEGER, first_start INTEGER NOT NULL, agent_version TEXT NOT NULL,
    host TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX activations_of_instance ON activations (instance);
CREATE INDEX activations_of_contract ON activations (contract);
CREATE TABLE lines (
    id TEXT PRIMARY KEY, activation TEXT NOT NULL, split_from TEXT, sequence INTEGER NOT NULL, digest BLOB,
    last_row INTEGER, last_digest BLOB, created_at INTEGER NOT NULL, last_report_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX lines_of_activation ON lines (activation);
CREATE TABLE reports (
    line TEXT NOT NULL, sequence INTEGER NOT NULL, key_id BLOB NOT NULL, instance TEXT NOT NULL, digest BLOB NOT NULL,
    previous BLOB, day TEXT NOT NULL, time_zone TEXT NOT NULL, until INTEGER NOT NULL, partial INTEGER NOT NULL,
    revision INTEGER NOT NULL, first_row INTEGER NOT NULL, last_row INTEGER NOT NULL, first_digest BLOB NOT NULL,
    last_digest BLOB NOT NULL, received_at INTEGER NOT NULL, signer BLOB NOT NULL, contract TEXT NOT NULL,
    contract_end INTEGER NOT NULL, grace_s INTEGER NOT NULL, signature BLOB NOT NULL, payload BLOB NOT NULL,
    UNIQUE (line, sequence)
) STRICT;
CREATE TABLE alarms (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, identity TEXT NOT NULL, detail TEXT NOT NULL, at INTEGER NOT NULL,
    acknowledged_at INTEGER
) STRICT;
CREATE INDEX alarms_of_identity ON alarms (identity);
CREATE TABLE signing_keys (
    number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, seed BLOB NOT NULL, made_at INTEGER NOT NULL, succession BLOB
) STRICT;
CREATE TABLE admin_tokens (
    id TEXT PRIMARY KEY, secret BLOB NOT NULL UNIQUE, name TEXT NOT NULL, created_at INTEGER NOT NULL,
    revoked INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL,
    before TEXT NOT NULL, after TEXT NOT NULL
) STRICT;
CREATE INDEX audit_of_subject ON audit (subject);
", "
ALTER TABLE contracts ADD COLUMN email TEXT;
ALTER TABLE contracts ADD COLUMN features TEXT NOT NULL DEFAULT '[]';
ALTER TABLE contracts ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';
ALTER TABLE contracts ADD COLUMN licence_term_s INTEGER;
ALTER TABLE contracts ADD COLUMN slot_s INTEGER;
CREATE TABLE licences (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, holder TEXT NOT NULL, instance TEXT, cluster TEXT,
    contract TEXT NOT NULL, signer BLOB NOT NULL, issued_by TEXT NOT NULL, claims TEXT NOT NULL
) STRICT;
CREATE INDEX licences_of_holder ON licences (holder, contract);
CREATE INDEX licences_of_contract ON licences (contract);
CREATE TABLE service_tokens (
    id TEXT PRIMARY KEY, secret BLOB NOT NULL UNIQUE, contract TEXT NOT NULL, name TEXT NOT NULL,
    created_at INTEGER NOT NULL, revoked INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
", "
CREATE TABLE uploads (
    identity TEXT PRIMARY KEY, random TEXT NOT NULL, taken TEXT, taken_at INTEGER, receipts BLOB NOT NULL
) STRICT;
", "
ALTER TABLE alarms ADD COLUMN hole_after INTEGER;
", "
ALTER TABLE lines ADD COLUMN cluster TEXT;
ALTER TABLE lines ADD COLUMN node TEXT;
ALTER TABLE lines ADD COLUMN node_hashed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lines ADD COLUMN hardware TEXT NOT NULL DEFAULT '';
ALTER TABLE lines ADD COLUMN superseded_by TEXT;
ALTER TABLE lines ADD COLUMN superseded_at INTEGER;
ALTER TABLE lines ADD COLUMN twice INTEGER NOT NULL DEFAULT 0;
CREATE INDEX lines_of_cluster ON lines (cluster, node) WHERE cluster IS NOT NULL;
CREATE TABLE clusters (
    id TEXT PRIMARY KEY, name TEXT, first_seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"];

/// Brings a database to the newest version.
pub(super) fn migrate(db: &mut Connection, place: &Path) -> Result<(), Fault> {
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i64 = transaction.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION_ID && (tables > 0 || version != 0) {
        return Err(StoreError::Foreign { place: place.to_owned() }.into());
    }
    if version > known {
        return Err(StoreError::Newer { place: place.to_owned(), found: version, known }.into());
    }
    if version < known {
        for step in STEPS.iter().skip(usize::try_from(version).unwrap_or(usize::MAX)) {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", known)?;
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{FILE_NAME, SqliteStore};
    use super::*;
    use crate::model::{By, NodeFacts, Page};
    use crate::store::Store as _;
    use highwater_rules::licence::Limits;

    #[tokio::test]
    async fn a_database_of_the_first_step_opens_and_keeps_what_it_holds() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE_NAME);
        let old = Connection::open(&file).unwrap();
        old.execute_batch(STEPS[0]).unwrap();
        old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        old.execute_batch(
            "INSERT INTO contracts VALUES ('c', 'P', 'C', 'active', 'offline', NULL, 9, 60, 3600, 1)",
        )
        .unwrap();
        drop(old);
        let store = SqliteStore::open(&file).unwrap();
        let kept = store.contract("c".to_owned()).await.unwrap().unwrap();
        assert_eq!((kept.not_after, kept.grace_s, kept.email.as_deref()), (Some(9), 60, None));
        assert_eq!((kept.features, kept.limits, kept.slot_s), (Vec::new(), Limits::default(), None));
        drop(store);
        let version: i64 = Connection::open(&file)
            .unwrap()
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap();
        assert_eq!(version, i64::try_from(STEPS.len()).unwrap());
    }

    #[tokio::test]
    async fn instances_of_a_database_from_before_there_were_clusters_are_in_none_and_join_one_later() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE_NAME);
        let old = Connection::open(&file).unwrap();
        old.execute_batch(&STEPS[..4].concat()).unwrap();
        old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        old.pragma_update(None, "user_version", 4).unwrap();
        old.execute_batch(
            "INSERT INTO activations VALUES ('a', 'a', zeroblob(16), zeroblob(32), 'c', 't', 'ACTIVE', 'auto', 1, 1, 1, '0.1.0',
             '{\"name\":\"h\",\"name_hashed\":false,\"os\":\"\",\"os_version\":\"\",\"kernel\":\"\",\"cores\":1,
             \"virtualization\":\"\",\"memory_bytes\":1}');
             INSERT INTO lines (id, activation, sequence, created_at) VALUES ('a', 'a', 0, 1)",
        )
        .unwrap();
        drop(old);
        let store = SqliteStore::open(&file).unwrap();
        let kept = store.activation("a".to_owned()).await.unwrap().unwrap();
        assert_eq!((kept.host.name.as_str(), kept.node, kept.superseded_by), ("h", None, None));
        assert_eq!(store.lines("a".to_owned()).await.unwrap()[0].member, None);
        assert_eq!(store.clusters(Page::default()).await.unwrap(), []);
        drop(store);
        let db = Connection::open(&file).unwrap();
        let node = NodeFacts {
            cluster: "k".to_owned(),
            name: "node-a".to_owned(),
            name_hashed: false,
            hardware: String::new(),
        };
        super::super::nodes::joined(&db, "a", Some(&node), &By::central(2)).unwrap();
        drop(db);
        let store = SqliteStore::open(&file).unwrap();
        let cluster = store.cluster("k".to_owned()).await.unwrap().unwrap();
        assert_eq!((cluster.first_seen_at, cluster.nodes, cluster.name), (2, 1, None));
        assert_eq!(store.activation("a".to_owned()).await.unwrap().unwrap().node, Some(node));
    }
}
