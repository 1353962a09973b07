//! How much there is of what, and whether more can be written.

use super::fault::Fault;
use super::row;
use crate::model::{ActivationState, Durations, Figures};
use rusqlite::Connection;

pub(super) fn count(db: &Connection, waiting: usize, commits: Durations) -> Result<Figures, Fault> {
    let mut select = db.prepare_cached("SELECT count(*) FROM activations WHERE state = ?1")?;
    let mut activations = Vec::with_capacity(ActivationState::ALL.len());
    for state in ActivationState::ALL {
        activations.push((*state, select.query_row([state.word()], |found| row::count(found, 0))?));
    }
    let mut open = db.prepare_cached("SELECT count(*) FROM alarms WHERE acknowledged_at IS NULL")?;
    Ok(Figures {
        activations,
        alarms_open: open.query_row([], |found| row::count(found, 0))?,
        waiting: waiting as u64,
        commits,
    })
}

/// Writes the file's version anew, as it is: a page goes to the disk, as with any other change.
pub(super) fn probe(db: &Connection) -> Result<(), Fault> {
    let version: i64 = db.pragma_query_value(None, "user_version", |found| found.get(0))?;
    Ok(db.pragma_update(None, "user_version", version)?)
}

#[cfg(test)]
mod tests {
    use super::super::{FILE_NAME, SqliteStore};
    use crate::store::Store as _;

    #[tokio::test]
    async fn a_probe_reaches_the_disk_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE_NAME);
        let store = SqliteStore::open(&file).unwrap();
        let log = dir.path().join(format!("{FILE_NAME}-wal"));
        let before = std::fs::metadata(&log).unwrap().len();
        let trail = store.audit(crate::model::AuditFilter::default()).await.unwrap();
        store.probe().await.unwrap();
        assert!(std::fs::metadata(&log).unwrap().len() > before, "nothing was written");
        assert_eq!(store.audit(crate::model::AuditFilter::default()).await.unwrap(), trail);
        drop(store);
        SqliteStore::open(&file).unwrap();
    }
}
