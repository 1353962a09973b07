//! What sources leave to find again after a restart of the agent, such as how far a log was read: rows `source/NAME` of table `state`,
//! written together with the slot whose counters they belong to.

use super::{Ledger, LedgerError};
use rusqlite::{Connection, params};

const PREFIX: &str = "source/";

impl Ledger {
    /// The notes of all sources, by their names.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn notes(&self) -> Result<Vec<(String, String)>, LedgerError> {
        let read = || -> rusqlite::Result<Vec<(String, String)>> {
            let mut statement = self.connection.prepare(
                "SELECT substr(key, length(?1) + 1), value FROM state \
                 WHERE substr(key, 1, length(?1)) = ?1 AND typeof(value) = 'text' ORDER BY key",
            )?;
            let rows = statement.query_map([PREFIX], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        };
        read().map_err(|e| self.failed(e))
    }

    /// Drops the notes of all sources but these: a source that is configured again one day begins anew.
    ///
    /// # Errors
    /// When it can't be made durable.
    pub fn drop_notes_but(&self, sources: &[&str]) -> Result<(), LedgerError> {
        for (source, _) in self.notes()?.iter().filter(|(source, _)| !sources.contains(&source.as_str())) {
            self.connection
                .execute("DELETE FROM state WHERE key = ?1", [format!("{PREFIX}{source}")])
                .map_err(|e| self.failed(e))?;
        }
        Ok(())
    }
}

/// Writes notes down; one that has not changed costs no page.
pub(super) fn write_notes(connection: &Connection, notes: &[(String, String)]) -> rusqlite::Result<()> {
    for (source, note) in notes {
        connection
            .prepare_cached(
                "INSERT INTO state (key, value) VALUES (?1, ?2) \
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value IS NOT excluded.value",
            )?
            .execute(params![format!("{PREFIX}{source}"), note])?;
    }
    Ok(())
}
