//! Writes what waits in the outbox into a bundle.

use super::error::ExportError;
use super::output::Output;
use crate::ledger::{EntryState, Ledger, OutboxReport};
use crate::uplink::{Identity, random};
use highwater_proto::v1::{self, Kind};
use highwater_rules::bundle::{Record, Writer};
use highwater_rules::carried::{RANDOM_BYTES, nonce};
use highwater_rules::receipt::report_digest;
use highwater_rules::sign::KeyId;
use prost::Message as _;

/// What an export is made of, beside what waits.
#[derive(Debug)]
pub(crate) struct Exporter<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) identity: &'a Identity,
    /// All the time that was ever counted of the instance's, in unix milliseconds.
    pub(crate) counted_ms: i64,
    /// Now, in unix seconds.
    pub(crate) now_s: i64,
    /// The key of central's that is pinned.
    pub(crate) pinned: KeyId,
    /// The id of the licence that is held.
    pub(crate) held: Option<String>,
    /// Reports that central refused for good wait, too.
    pub(crate) with_parked: bool,
}

/// What an export holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Exported {
    /// How many reports.
    pub(crate) reports: u64,
    /// The first and the last of their days.
    pub(crate) days: Option<(String, String)>,
    /// The numbers of reports that were changed by hand, and are not in it.
    pub(crate) changed: Vec<u64>,
}

impl Exporter<'_> {
    /// What is in it, and the numbers of the reports. A report that is not what the agent made any more must not be signed.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub(crate) fn plan(&self) -> Result<(Exported, Vec<u64>), ExportError> {
        let (mut exported, mut sequences) = (Exported::default(), Vec::new());
        let entries = if self.with_parked { self.ledger.entries()? } else { self.ledger.waiting()? };
        for entry in entries.into_iter().filter(|entry| entry.state != EntryState::Receipted) {
            let Some(report) = self.report(entry.sequence)? else { continue };
            if report_digest(&report.payload) != entry.digest {
                exported.changed.push(entry.sequence);
                continue;
            }
            exported.reports += 1;
            sequences.push(entry.sequence);
            exported.days = Some(match exported.days.take() {
                Some((first, last)) => (first.min(entry.day.clone()), last.max(entry.day)),
                None => (entry.day.clone(), entry.day),
            });
        }
        Ok((exported, sequences))
    }

    /// One report, if it is still there and whole.
    pub(crate) fn report(&self, sequence: u64) -> Result<Option<OutboxReport>, ExportError> {
        Ok(self.ledger.report(sequence)?)
    }

    /// What stands before the reports.
    ///
    /// # Errors
    /// When there are no random bytes.
    pub(crate) fn head(&self, reports: u64) -> Result<v1::Export, ExportError> {
        let mut bytes = [0; RANDOM_BYTES];
        random::fill(&mut bytes)?;
        let instance = self.ledger.instance();
        Ok(v1::Export {
            instance: instance.to_owned(),
            nonce: nonce(self.counted_ms, bytes, instance, self.identity.key()).to_vec(),
            exported_at: self.now_s,
            pinned_key: self.pinned.0.to_vec(),
            reports: u32::try_from(reports).unwrap_or(u32::MAX),
            held: self.held.clone().unwrap_or_default(),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }

    /// Writes it. Never more than one report is in memory.
    ///
    /// # Errors
    /// When the ledger can't be read, the file not be written, or what waits does not go into one.
    pub(crate) fn write(&self, output: &mut Output) -> Result<Exported, ExportError> {
        let (exported, sequences) = self.plan()?;
        let mut writer = Writer::new();
        let head = self.head(exported.reports)?;
        writer.put(Record::Export(self.identity.key().seal(Kind::Export, head.encode_to_vec())))?;
        for sequence in sequences {
            // One that came to its receipt this very moment may have been pruned: central passes over it.
            let Some(report) = self.report(sequence)?.filter(|r| report_digest(&r.payload) == r.digest)
            else {
                continue;
            };
            writer.put(Record::Report(self.identity.key().seal(Kind::Report, report.payload)))?;
            output.write(&writer.take())?;
        }
        output.write(&writer.finish())?;
        Ok(exported)
    }
}
