//! Verifying the outbox: each report's bytes against the digest that they were written with.

use super::verify::Bad;
use super::{Ledger, LedgerError};
use highwater_rules::chain::Digest;
use highwater_rules::sign::sha256;

impl Ledger {
    /// The first report whose bytes are not those that its digest was made from.
    pub(super) fn changed_report(&self) -> Result<Option<Bad>, LedgerError> {
        if !self.has_outbox {
            return Ok(None);
        }
        let find = || -> rusqlite::Result<Option<Bad>> {
            let mut reports = self
                .connection
                // Of a report that central has, the bytes may have been pruned.
                .prepare(
                    "SELECT sequence, day, payload, digest FROM outbox \
                     WHERE NOT (state = 'receipted' AND length(payload) = 0) ORDER BY sequence",
                )?;
            let mut rows = reports.query([])?;
            while let Some(row) = rows.next()? {
                let sequence: i64 = row.get(0)?;
                // Bytes that are none, as an editor leaves them, do not fit either.
                let told: Option<(Vec<u8>, [u8; 32])> = row.get(2).ok().zip(row.get(3).ok());
                if told.is_none_or(|(payload, digest)| sha256(&payload) != Digest(digest)) {
                    let why = format!("report {sequence} has another digest than its bytes: it was changed");
                    return Ok(Some(Bad { day: Some(row.get(1)?), why, ..Bad::default() }));
                }
            }
            Ok(None)
        };
        find().map_err(|e| self.failed(e))
    }
}
