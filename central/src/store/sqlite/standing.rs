//! What the writer remembers of those who report, so that the usual report needs no look into the database.

use super::dues::Dues;
use super::fault::Fault;
use super::{activations, contracts, keys, nodes, row};
use crate::model::{Activation, Contract, Member};
use highwater_rules::chain::Digest;
use highwater_rules::sign::KeyId;
use rusqlite::{Connection, params};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// More instances than this are not remembered: some 100 MB.
const REMEMBERED_MAX: usize = 100_000;

/// The end of a line.
#[derive(Debug, Clone)]
pub(super) struct Tip {
    pub(super) id: String,
    pub(super) sequence: u64,
    pub(super) digest: Option<Digest>,
    /// The highest row of the ledger's chain that its reports told of, and that row's digest.
    pub(super) last: Option<(i64, Digest)>,
    /// When its last report came; `None` where nothing new is to be written.
    pub(super) written_at: Option<i64>,
    /// The node of a cluster that it is of.
    pub(super) member: Option<Member>,
}

/// One who reports.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) activation: Activation,
    pub(super) contract: Arc<Contract>,
    /// Its lines, its own first.
    pub(super) lines: Vec<Tip>,
}

/// Those who reported lately.
#[derive(Debug, Default)]
pub(super) struct Standings {
    known: HashMap<KeyId, Standing>,
    contracts: HashMap<String, Arc<Contract>>,
    dirty: HashSet<KeyId>,
    signer: Option<KeyId>,
    version: i64,
    /// A report changed what is remembered of others.
    outdated: bool,
    dues: Arc<Dues>,
}

impl Standings {
    /// Forgets everything where another process has written.
    pub(super) fn follow(&mut self, version: i64) {
        if self.version != version || self.known.len() > REMEMBERED_MAX {
            self.forget();
            self.version = version;
        }
    }

    pub(super) fn forget(&mut self) {
        self.known.clear();
        self.contracts.clear();
        self.dirty.clear();
        self.signer = None;
        self.outdated = false;
        self.dues.forget();
    }

    /// A report changed what is remembered of others, and whose licence is offered: what was not written yet is, and the rest is read
    /// anew. Once the transaction is done, it is to be forgotten again: who looked meanwhile saw what was before.
    pub(super) fn outdate(&mut self, db: &Connection) -> Result<(), Fault> {
        self.write_tips(db)?;
        self.forget();
        self.outdated = true;
        Ok(())
    }

    /// Whether that happened since all was forgotten last.
    pub(super) fn is_outdated(&self) -> bool {
        self.outdated
    }

    /// When licences are due, which is forgotten with all else.
    pub(super) fn dues(&self) -> Arc<Dues> {
        Arc::clone(&self.dues)
    }

    /// The key that signs receipts.
    pub(super) fn signer(&mut self, db: &Connection) -> Result<KeyId, Fault> {
        if let Some(signer) = self.signer {
            return Ok(signer);
        }
        let signer = keys::newest(db)?;
        self.signer = Some(signer);
        Ok(signer)
    }

    /// One who reports; `None` where no activation has the key.
    pub(super) fn of(&mut self, db: &Connection, key: KeyId) -> Result<Option<&mut Standing>, Fault> {
        if !self.known.contains_key(&key) {
            let Some(activation) = activations::by_key(db, key)? else { return Ok(None) };
            let contract = match self.contracts.get(&activation.contract) {
                Some(contract) => Arc::clone(contract),
                None => Arc::new(contracts::existing(db, &activation.contract)?),
            };
            self.contracts.insert(contract.id.clone(), Arc::clone(&contract));
            let lines = tips(db, &activation.identity)?;
            self.known.insert(key, Standing { activation, contract, lines });
        }
        Ok(self.known.get_mut(&key))
    }

    /// A tip of this one's has moved, and is to be written.
    pub(super) fn touched(&mut self, key: KeyId) {
        self.dirty.insert(key);
    }

    /// Writes the tips that have moved: once in a transaction, however many reports it holds.
    pub(super) fn write_tips(&mut self, db: &Connection) -> Result<(), Fault> {
        let mut update = db.prepare_cached(
            "UPDATE lines SET sequence = ?2, digest = ?3, last_row = ?4, last_digest = ?5, last_report_at = ?6 WHERE id = ?1",
        )?;
        for key in self.dirty.drain() {
            let Some(standing) = self.known.get_mut(&key) else { continue };
            for tip in &mut standing.lines {
                let Some(at) = tip.written_at.take() else { continue };
                update.execute(params![
                    tip.id,
                    row::signed(tip.sequence),
                    tip.digest.map(|d| d.0),
                    tip.last.map(|(row, _)| row),
                    tip.last.map(|(_, digest)| digest.0),
                    at
                ])?;
            }
        }
        Ok(())
    }
}

fn tips(db: &Connection, activation: &str) -> Result<Vec<Tip>, Fault> {
    // An activation's own line has its id.
    let mut select = db.prepare_cached(&format!(
        "SELECT id, sequence, digest, last_row, last_digest, {} FROM lines WHERE activation = ?1
         ORDER BY id <> activation, created_at, id",
        nodes::COLUMNS
    ))?;
    let rows = select.query_map([activation], |found| {
        let last_row: Option<i64> = found.get(3)?;
        Ok(Tip {
            id: found.get(0)?,
            sequence: row::count(found, 1)?,
            digest: row::maybe_digest(found, 2)?,
            last: last_row.zip(row::maybe_digest(found, 4)?),
            written_at: None,
            member: nodes::read(found, 5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
