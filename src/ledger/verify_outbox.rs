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
                .prepare("SELECT sequence, day, payload, digest FROM outbox ORDER BY sequence")?;
            let mut rows = reports.query([])?;
            while let Some(row) = rows.next()? {
                let (sequence, digest): (i64, [u8; 32]) = (row.get(0)?, row.get(3)?);
                let payload: Vec<u8> = row.get(2)?;
                if sha256(&payload) != Digest(digest) {
                    let why = format!("report {sequence} has another digest than its bytes: it was changed");
                    return Ok(Some(Bad { day: Some(row.get(1)?), why, ..Bad::default() }));
                }
            }
            Ok(None)
        };
        find().map_err(|e| self.failed(e))
    }
}
