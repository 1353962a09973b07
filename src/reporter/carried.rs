//! Takes in what central answered to exports, carried here by hand: like the answer to a push, but for its age.

use super::{Reporter, Sent, tell};
use crate::bundle::{Incoming, Reply};
use crate::events;
use crate::joined::Joined;
use crate::keeper::Keeper;
use crate::ledger::{EntryState, Fate, Ledger, LedgerError, OutboxEntry};
use crate::licence::{self, InstallError, Installed};
use highwater_rules::carried::{self, Carried, Own};
use highwater_rules::chain::Digest;
use highwater_rules::licence::{Holder, LicenceError};
use highwater_rules::receipt::{self, AnswerError};
use highwater_rules::record::Mark;
use highwater_rules::sign::PublicKey;
use serde_json::{Value, json};
use std::collections::HashMap;

/// How many texts of one kind are told.
const TOLD_MAX: usize = 20;
/// How many problems are.
const PROBLEMS_MAX: usize = 5;

/// What an import came to, for whoever asked for it.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    /// Reports that have their receipt now, and had none.
    pub(super) accepted: u64,
    /// That had it before.
    already: u64,
    /// That central refused for good.
    pub(super) parked: Vec<(u64, String)>,
    /// That central does not take for now: they wait on.
    pub(super) refused: Vec<(u64, String)>,
    /// That this instance does not know.
    unknown: u64,
    /// The grace period began anew.
    renewed: bool,
    /// A licence took the place of an older one.
    licence: Option<String>,
    /// Central signs with another key now.
    key_changed: bool,
    /// What could not be used, and why.
    pub(super) problems: Vec<String>,
}

impl Imported {
    /// The first problems, and how many more there are.
    fn told_problems(&self) -> Vec<String> {
        let mut told: Vec<String> = self.problems.iter().take(PROBLEMS_MAX).cloned().collect();
        if self.problems.len() > told.len() {
            told.push(format!("and {} more", self.problems.len() - told.len()));
        }
        told
    }

    pub(crate) fn json(&self, pending: i64) -> Value {
        let told = |reports: &[(u64, String)]| -> Vec<Value> {
            let told = reports.iter().take(TOLD_MAX);
            told.map(|(sequence, why)| json!({"sequence": sequence, "why": why})).collect()
        };
        let changed = self.accepted > 0 || !self.parked.is_empty() || self.licence.is_some();
        json!({
            "accepted": self.accepted,
            "already": self.already,
            "parked": told(&self.parked),
            "refused": told(&self.refused),
            "unknown": self.unknown,
            "grace_renewed": self.renewed,
            "licence": self.licence,
            "key_changed": self.key_changed,
            "changed": changed || self.renewed || self.key_changed,
            "pending": pending,
            "problems": self.told_problems(),
        })
    }
}

impl Reporter {
    /// Takes in what a bundle holds for this instance. What is not believed changes nothing, and is told in the result.
    ///
    /// # Errors
    /// When the ledger can't be read or written. Importing the bundle again then does it all.
    pub(crate) fn import(
        &mut self,
        incoming: &Incoming,
        ledger: &mut Ledger,
        keeper: &mut Keeper,
        now: &Mark,
    ) -> Result<Imported, LedgerError> {
        let mut imported = Imported::default();
        for reply in &incoming.replies {
            let Some(joined) = self.joined().cloned() else {
                imported
                    .problems
                    .push("not activated: what central answered is held against no key".to_owned());
                break;
            };
            let entries = ledger.entries()?;
            match believe(reply, &joined, ledger.instance(), &entries) {
                Ok(carried) => {
                    self.pin(&carried.key, &reply.successions);
                    imported.key_changed |= carried.key != *joined.enrolment.pinned();
                    let settled = self.settle_carried(&carried, &entries, &mut imported, ledger, keeper, now);
                    if settled.is_err() {
                        keeper.forget_kept();
                    }
                    settled?;
                    self.install(&carried, ledger, keeper, &mut imported);
                    if !reply.cut.is_empty() {
                        imported
                            .problems
                            .push(format!("central could not read all of the export: {}", reply.cut));
                    }
                }
                Err(error) => imported.problems.push(refusal(&error)),
            }
        }
        events::imported(
            imported.accepted,
            imported.already,
            imported.parked.len(),
            imported.renewed,
            imported.problems.first().map(String::as_str),
        );
        Ok(imported)
    }

    /// Receipts and the grace period that follows from them, in one transaction.
    fn settle_carried(
        &mut self,
        carried: &Carried,
        entries: &[OutboxEntry],
        imported: &mut Imported,
        ledger: &mut Ledger,
        keeper: &mut Keeper,
        now: &Mark,
    ) -> Result<(), LedgerError> {
        let mut fates: Vec<(&OutboxEntry, Fate)> = Vec::new();
        for entry in entries {
            match (carried.fates.get(&entry.sequence), entry.state) {
                (None, _) => {}
                (Some(receipt::Fate::Receipted { .. }), EntryState::Receipted) => imported.already += 1,
                (Some(receipt::Fate::Receipted { receipt, envelope }), _) => {
                    let (receipt, received_at) = (envelope.clone(), receipt.received_at);
                    fates.push((entry, Fate::Receipted { receipt, received_at }));
                    imported.accepted += 1;
                }
                // What central took it does not give back.
                (Some(receipt::Fate::Refused { .. }), EntryState::Receipted) => imported.already += 1,
                (Some(receipt::Fate::Refused { message, for_good: true, .. }), state) => {
                    if state == EntryState::Pending {
                        fates.push((entry, Fate::Parked { why: message.clone() }));
                        imported.parked.push((entry.sequence, message.clone()));
                    }
                }
                (Some(receipt::Fate::Refused { message, .. }), _) => {
                    imported.refused.push((entry.sequence, message.clone()));
                }
            }
        }
        imported.unknown += carried.unknown;
        let identity_before = keeper.standing().identity.clone();
        imported.renewed |= keeper.accept_carried(carried, now);
        let identity = self.joined.as_ref().map(|joined| joined.identity.clone());
        let kept = keeper.kept(ledger, identity.as_ref().map(|identity| identity.key()));
        let told: Vec<(u64, Fate)> = fates.iter().map(|(e, fate)| (e.sequence, fate.clone())).collect();
        ledger.settle(&told, Some(&kept))?;
        for (entry, fate) in fates {
            tell(&Sent::of(entry), &fate);
        }
        events::identity(identity_before.as_deref(), keeper.standing().identity.as_deref());
        Ok(())
    }

    /// Puts the licence that came along into the place of an older one.
    fn install(&self, carried: &Carried, ledger: &Ledger, keeper: &Keeper, imported: &mut Imported) {
        let Some(joined) = &self.joined else { return };
        let keys: Vec<&PublicKey> = joined.enrolment.keys().collect();
        let revoked_at = keeper.standing().revoked_at;
        let identity = keeper.standing().identity.as_deref();
        let holder = Holder { instance: ledger.instance(), identity, cluster: ledger.cluster() };
        for token in &carried.licences {
            match licence::install(&self.state_dir, token, &keys, &holder, revoked_at) {
                Ok(Installed::Newer(claims)) => imported.licence = Some(claims.id),
                Ok(Installed::Same(_) | Installed::Older(_)) => {}
                // One for another of those whose files were carried together.
                Err(InstallError::Licence(LicenceError::Foreign { .. })) => {}
                Err(error) => imported.problems.push(format!("the licence: {error}")),
            }
        }
    }
}

impl Sent {
    fn of(entry: &OutboxEntry) -> Self {
        Sent {
            sequence: entry.sequence,
            day: entry.day.clone(),
            time_zone: entry.time_zone.clone(),
            partial: entry.partial,
            digest: entry.digest,
        }
    }
}

fn believe(
    reply: &Reply,
    joined: &Joined,
    instance: &str,
    entries: &[OutboxEntry],
) -> Result<Carried, AnswerError> {
    let sequences: HashMap<Digest, u64> = entries.iter().map(|e| (e.digest, e.sequence)).collect();
    let keys: Vec<&PublicKey> = joined.enrolment.keys().collect();
    let own = Own { instance, identity: joined.identity.key(), keys: &keys };
    carried::believe(&reply.answers, &reply.successions, &reply.nonce, own, |digest| {
        sequences.get(digest).copied()
    })
}

fn refusal(error: &AnswerError) -> String {
    match error {
        AnswerError::Nonce => {
            "it answers no export of this instance's key: made before `activate --again`? export again"
                .to_owned()
        }
        AnswerError::Signature(_) => {
            format!("{error}; of a central that changed its key since, export again and carry that")
        }
        _ => error.to_string(),
    }
}
