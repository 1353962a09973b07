//! Reports, as they are kept and listed.

use super::fault::Fault;
use super::row;
use crate::model::{Arrival, ReceiptFacts, ReportFilter, ReportRow, StoredReport};
use highwater_proto::v1::Terms;
use highwater_rules::chain::Digest;
use highwater_rules::report::ChainSpan;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// How many of a line's newest reports the chain is held against. Days that are told again are days that the ledger still has:
/// four months of them, usually.
const CHAIN_LOOK_BACK: u32 = 400;

const COLUMNS: &str = "line, instance, sequence, day, time_zone, until, partial, revision, received_at, contract, digest, \
                       length(payload)";

fn read(found: &Row<'_>) -> rusqlite::Result<ReportRow> {
    Ok(ReportRow {
        identity: found.get(0)?,
        instance: found.get(1)?,
        sequence: row::count(found, 2)?,
        day: found.get(3)?,
        time_zone: found.get(4)?,
        until: found.get(5)?,
        partial: found.get(6)?,
        revision: found.get(7)?,
        received_at: found.get(8)?,
        contract: found.get(9)?,
        digest: row::digest(found, 10)?.hex(),
        bytes: row::count(found, 11)?,
    })
}

pub(super) fn insert(db: &Connection, arrival: &Arrival, receipt: &ReceiptFacts) -> Result<(), Fault> {
    let chain = &arrival.chain;
    db.prepare_cached(
        "INSERT INTO reports (line, sequence, key_id, instance, digest, previous, day, time_zone, until, partial, revision,
         first_row, last_row, first_digest, last_digest, received_at, signer, contract, contract_end, grace_s, signature,
         payload)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)",
    )?
    .execute(params![
        receipt.identity,
        row::signed(arrival.sequence),
        arrival.key_id.0,
        arrival.instance,
        arrival.digest.0,
        arrival.previous.map(|d| d.0),
        arrival.day,
        arrival.time_zone,
        arrival.until,
        arrival.partial,
        arrival.revision,
        chain.first_row,
        chain.last_row,
        chain.first_digest.0,
        chain.last_digest.0,
        receipt.received_at,
        receipt.signer.0,
        receipt.terms.contract,
        receipt.terms.contract_end,
        row::signed(receipt.terms.grace_s),
        arrival.signature,
        arrival.payload,
    ])?;
    Ok(())
}

/// The digest of a report, and of the one that it names as the one before.
pub(super) fn digests(
    db: &Connection,
    line: &str,
    sequence: u64,
) -> Result<Option<(Digest, Option<Digest>)>, Fault> {
    let mut select =
        db.prepare_cached("SELECT digest, previous FROM reports WHERE line = ?1 AND sequence = ?2")?;
    let found = select.query_row(params![line, row::signed(sequence)], |found| {
        Ok((row::digest(found, 0)?, row::maybe_digest(found, 1)?))
    });
    Ok(found.optional()?)
}

/// What was receipted for a report.
pub(super) fn receipt(db: &Connection, line: &str, sequence: u64) -> Result<Option<ReceiptFacts>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT instance, sequence, digest, received_at, line, contract, contract_end, grace_s, signer
         FROM reports WHERE line = ?1 AND sequence = ?2",
    )?;
    let found = select.query_row(params![line, row::signed(sequence)], |found| {
        Ok(ReceiptFacts {
            instance: found.get(0)?,
            sequence: row::count(found, 1)?,
            digest: row::digest(found, 2)?,
            received_at: found.get(3)?,
            identity: found.get(4)?,
            terms: Terms {
                contract: found.get(5)?,
                contract_end: found.get(6)?,
                grace_s: row::count(found, 7)?,
            },
            signer: row::key_id(found, 8)?,
        })
    });
    Ok(found.optional()?)
}

/// The stretches of the ledger's chain that a line's newest reports told of.
pub(super) fn spans(db: &Connection, line: &str) -> Result<Vec<ChainSpan>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT first_row, last_row, first_digest, last_digest FROM reports WHERE line = ?1
         ORDER BY sequence DESC LIMIT ?2",
    )?;
    let rows = select.query_map(params![line, CHAIN_LOOK_BACK], |found| {
        Ok(ChainSpan {
            first_row: found.get(0)?,
            last_row: found.get(1)?,
            first_digest: row::digest(found, 2)?,
            last_digest: row::digest(found, 3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Where a list of reports begins: behind this identity and number.
fn behind(after: Option<&str>) -> (&str, i64) {
    let (identity, sequence) = after.and_then(|cursor| cursor.split_once('/')).unwrap_or(("", "0"));
    (identity, sequence.parse().unwrap_or(0))
}

pub(super) fn list(db: &Connection, filter: &ReportFilter) -> Result<Vec<ReportRow>, Fault> {
    let (identity, sequence) = behind(filter.page.after.as_deref());
    // Each narrowing is of its own, so that SQLite walks the index where there is one to walk.
    let by_line = match (&filter.identity, &filter.instance) {
        (Some(_), _) => "line = ?1",
        (None, Some(_)) => {
            "line IN (SELECT l.id FROM lines l JOIN activations a ON a.identity = l.activation WHERE a.instance = ?2)"
        }
        (None, None) => "TRUE",
    };
    let mut select = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM reports WHERE {by_line} AND (?1 IS NULL OR line = ?1) AND (?2 IS NULL OR instance = ?2)
         AND (?3 IS NULL OR contract = ?3) AND (?4 IS NULL OR day >= ?4) AND (?5 IS NULL OR day <= ?5)
         AND (line, sequence) > (?6, ?7) ORDER BY line, sequence LIMIT ?8"
    ))?;
    let rows = select.query_map(
        params![
            filter.identity,
            filter.instance,
            filter.contract,
            filter.from_day,
            filter.to_day,
            identity,
            sequence,
            filter.page.rows()
        ],
        read,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn one(db: &Connection, identity: &str, sequence: u64) -> Result<Option<StoredReport>, Fault> {
    let mut select = db.prepare_cached(&format!(
        "SELECT {COLUMNS}, key_id, payload, signature FROM reports WHERE line = ?1 AND sequence = ?2"
    ))?;
    let found = select.query_row(params![identity, row::signed(sequence)], |found| {
        Ok(StoredReport {
            row: read(found)?,
            key_id: row::key_id(found, 12)?,
            payload: found.get(13)?,
            signature: found.get(14)?,
        })
    });
    Ok(found.optional()?)
}
