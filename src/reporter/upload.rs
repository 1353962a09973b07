//! Sends what waits through object storage: asks central for a place where it has none, puts a bundle there, and fetches the receipts
//! that central lays beside it. They are taken in as those are that someone carries here.

use super::failure::Failure;
use super::{CHANGED, Ended, Reporter};
use crate::bundle::{self, ExportError, Exporter};
use crate::config;
use crate::events;
use crate::joined::Joined;
use crate::keeper::Keeper;
use crate::ledger::{Fate, Ledger, LedgerError};
use crate::licence;
use crate::uplink::object_store::SignedPlace;
use crate::uplink::upload::{self, Asked, Given, Kept, Uploaded};
use crate::uplink::{Client, Environment, Identity, ObjectStoreError, PushError, Settings};
use highwater_proto::v1::Kind;
use highwater_rules::bundle::{BundleError, Record, Writer};
use highwater_rules::licence::Holder;
use highwater_rules::receipt::report_digest;
use highwater_rules::record::Mark;
use highwater_rules::retry;
use highwater_rules::sign::{PublicKey, hex, sha256};
use prost::Message as _;
use std::sync::Arc;
use std::time::Duration;

/// The most reports in one bundle: nearly three years of days. Those behind them follow when their receipts are here.
const REPORTS_MAX: usize = 1000;
/// The longest bundle that is made, in bytes: it is in memory while it is sent.
const BUNDLE_MAX_BYTES: usize = 16 << 20;
/// When the receipts are looked for first, in seconds after the upload. The wait doubles each time.
const FETCH_FIRST_S: i64 = 20;
/// The longest wait from one look to the next, in seconds.
const FETCH_MAX_S: i64 = 3600;
/// A bundle whose receipts have not come within so many seconds is put there again: it may have been cleared away.
const AGAIN_S: i64 = 86_400;
/// The same where someone pushes by hand.
const AGAIN_BY_HAND_S: i64 = 300;
/// How long someone who pushes by hand waits for the receipts: central looks through the store once a minute.
const PATIENCE: Duration = Duration::from_secs(75);
/// How often they are looked for meanwhile.
const LOOK: Duration = Duration::from_secs(2);

/// A bundle that is to be put there.
struct Bundle {
    bytes: Vec<u8>,
    uploaded: Uploaded,
    reports: usize,
}

/// What a run has to do, and with what: a task's own copy.
struct Job {
    config: config::Uplink,
    settings: Option<Settings>,
    identity: Arc<Identity>,
    pinned: PublicKey,
    instance: String,
    now_s: i64,
    given: Option<Given>,
    /// The place was given in this run and has not worked yet: another one would be no better.
    is_fresh: bool,
    bundle: Option<Bundle>,
    /// The nonce of the export whose receipts are waited for, in hexadecimal.
    awaited: Option<String>,
    read: Option<String>,
    patience: Duration,
}

/// What a run came to.
#[derive(Default)]
pub(crate) struct Done {
    asked: Option<Asked>,
    given: Option<Given>,
    uploaded: Option<Uploaded>,
    receipts: Option<Vec<u8>>,
    error: Option<Failure>,
}

impl Job {
    async fn run(mut self) -> Done {
        let mut done = Done::default();
        done.error = self.go(&mut done).await.err();
        done
    }

    async fn go(&mut self, done: &mut Done) -> Result<(), Failure> {
        if self.given.as_ref().is_none_or(|given| given.wants_renewal(self.now_s)) {
            self.ask(done).await?;
        }
        if let Some(bundle) = self.bundle.take() {
            let max = self.given.as_ref().map_or(0, Given::max_bytes);
            if bundle.bytes.len() as u64 > max {
                return Err(Failure::too_long(max));
            }
            self.put(&bundle, done).await?;
            events::bundle_uploaded(bundle.reports, bundle.bytes.len());
            self.awaited = Some(bundle.uploaded.nonce.clone());
            done.uploaded = Some(bundle.uploaded);
            if self.patience.is_zero() {
                // Central has not looked yet.
                return Ok(());
            }
        }
        let by_contact = done.asked.as_ref().map(|asked| &asked.answered.receipts);
        if by_contact.is_some_and(|receipts| self.is_answer(receipts)) {
            return Ok(());
        }
        self.fetch(done).await
    }

    /// Asks central for a place.
    async fn ask(&mut self, done: &mut Done) -> Result<(), Failure> {
        // An activation always names a central.
        let settings = self.settings.as_ref().ok_or_else(Failure::no_central)?;
        let client = Client::new(settings).map_err(|error| Failure::from(&PushError::from(error)))?;
        let asked = upload::ask(&client, &self.identity, &self.pinned, &self.instance, self.now_s).await;
        let asked = asked.map_err(|error| Failure::from(&error))?;
        let outcome = asked.answered.outcome.clone();
        // What came with a refusal counts all the same.
        done.asked = Some(asked);
        let given =
            outcome.map(|place| Given::now(place, self.now_s)).map_err(|why| Failure::no_place(&why))?;
        done.given = Some(given.clone());
        self.given = Some(given);
        self.is_fresh = true;
        Ok(())
    }

    async fn put(&mut self, bundle: &Bundle, done: &mut Done) -> Result<(), Failure> {
        loop {
            let given = self.given.as_ref().ok_or_else(Failure::no_central)?;
            let (url, headers) = given.put();
            let put = async {
                SignedPlace::new(url, &self.config, Environment::read())?
                    .put(headers, bundle.bytes.clone())
                    .await
            };
            match put.await {
                Ok(()) => {
                    self.is_fresh = false;
                    return Ok(());
                }
                Err(error) if error.is_refused() && !self.is_fresh => self.ask(done).await?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn get(&mut self, done: &mut Done) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            let given = self.given.as_ref().ok_or_else(Failure::no_central)?;
            let url = given.receipts_url();
            let got = async { SignedPlace::new(url, &self.config, Environment::read())?.get().await };
            match got.await {
                Ok(got) => {
                    self.is_fresh = false;
                    return Ok(got);
                }
                Err(error) if error.is_refused() && !self.is_fresh => self.ask(done).await?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Looks for the receipts, once or for as long as someone waits.
    async fn fetch(&mut self, done: &mut Done) -> Result<(), Failure> {
        let mut waited = Duration::ZERO;
        loop {
            if let Some(receipts) = self.get(done).await?
                && self.read.as_deref() != Some(&hex(&sha256(&receipts).0))
            {
                let is_answer = self.is_answer(&receipts);
                done.receipts = Some(receipts);
                if is_answer {
                    return Ok(());
                }
            }
            if waited >= self.patience {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
            waited += LOOK;
        }
    }

    /// Whether a bundle answers the export that is waited for. Nothing of it is believed here.
    fn is_answer(&self, receipts: &[u8]) -> bool {
        let Some(awaited) = &self.awaited else { return false };
        let incoming = bundle::read_bytes(receipts, &self.instance);
        incoming.replies.iter().any(|reply| hex(&reply.nonce) == *awaited)
    }
}

impl Reporter {
    /// Begins a run through object storage, where there is something to do.
    ///
    /// # Errors
    /// When the ledger can't be read or written.
    pub(super) fn begin_upload(
        &mut self,
        ledger: &mut Ledger,
        keeper: &mut Keeper,
        now: &Mark,
    ) -> Result<(), LedgerError> {
        let Some(joined) = self.joined.clone() else {
            self.run.error = Some(Failure::no_central());
            self.finish(ledger);
            return Ok(());
        };
        self.park_changed(ledger)?;
        let kept = upload::load(&self.state_dir, &joined.identity.key().id().hex());
        let now_s = now.wall_ms.div_euclid(1000);
        let waiting = ledger.waiting()?;
        let Some(last) = waiting.last() else {
            // Nothing waits: whatever was uploaded has its receipts, by this way or by another.
            self.finish(ledger);
            return Ok(());
        };
        let is_there = kept.uploaded.as_ref().is_some_and(|uploaded| {
            let age_s = now_s.saturating_sub(uploaded.at);
            let again_s = if self.wanted { AGAIN_BY_HAND_S } else { AGAIN_S };
            uploaded.last_sequence >= last.sequence && (0..again_s).contains(&age_s)
        });
        let bundle = if is_there {
            None
        } else {
            match self.bundle(ledger, keeper, &joined, now) {
                Ok(bundle) => Some(bundle),
                Err(ExportError::Ledger(error)) => return Err(error),
                Err(error) => return self.failed(Failure::export(&error), ledger, now),
            }
        };
        let job = Job {
            config: self.config.clone(),
            settings: Settings::of(&self.config, Some(&joined.enrolment), Environment::read()),
            identity: joined.identity.clone(),
            pinned: joined.enrolment.pinned().clone(),
            instance: self.instance.clone(),
            now_s,
            given: kept.given,
            is_fresh: false,
            bundle,
            awaited: kept.uploaded.map(|uploaded| uploaded.nonce),
            read: kept.read,
            patience: if self.wanted { PATIENCE } else { Duration::ZERO },
        };
        self.running = Some(tokio::spawn(async move { Ended::Uploaded(Box::new(job.run().await)) }));
        Ok(())
    }

    /// A report that is not what the agent made any more must not be signed.
    fn park_changed(&mut self, ledger: &mut Ledger) -> Result<(), LedgerError> {
        let mut fates = Vec::new();
        for entry in ledger.waiting()?.into_iter().take(REPORTS_MAX) {
            let report = ledger.report(entry.sequence)?;
            if report.is_some_and(|report| report_digest(&report.payload) != entry.digest) {
                self.run.parked += 1;
                events::report_parked(entry.sequence, &entry.day, &entry.time_zone, CHANGED);
                fates.push((entry.sequence, Fate::Parked { why: CHANGED.to_owned() }));
            }
        }
        if fates.is_empty() { Ok(()) } else { ledger.settle(&fates, None) }
    }

    /// What waits, as a bundle.
    fn bundle(
        &self,
        ledger: &Ledger,
        keeper: &mut Keeper,
        joined: &Joined,
        now: &Mark,
    ) -> Result<Bundle, ExportError> {
        let now_s = now.wall_ms.div_euclid(1000);
        let keys: Vec<&PublicKey> = joined.enrolment.keys().collect();
        let identity = keeper.standing().identity.clone();
        let holder =
            Holder { instance: &self.instance, identity: identity.as_deref(), cluster: ledger.cluster() };
        let held = licence::load(&self.state_dir, None, &keys, &holder);
        let exporter = Exporter {
            ledger,
            identity: &joined.identity,
            counted_ms: keeper.counted_ms(now),
            now_s,
            pinned: joined.enrolment.pinned().id(),
            held: held.claims().map(|claims| claims.id.clone()),
            with_parked: false,
        };
        let (_, mut sequences) = exporter.plan()?;
        sequences.truncate(REPORTS_MAX);
        let key = joined.identity.key();
        let head = exporter.head(sequences.len() as u64)?;
        let last_sequence = sequences.last().copied().unwrap_or_default();
        let uploaded = Uploaded { nonce: hex(&head.nonce), at: now_s, last_sequence };
        let (mut writer, mut bytes) = (Writer::new(), Vec::new());
        writer.put(Record::Export(key.seal(Kind::Export, head.encode_to_vec())))?;
        for sequence in &sequences {
            let Some(report) = exporter.report(*sequence)? else { continue };
            writer.put(Record::Report(key.seal(Kind::Report, report.payload)))?;
            bytes.append(&mut writer.take());
            if bytes.len() > BUNDLE_MAX_BYTES {
                let records = writer.records();
                let max = BUNDLE_MAX_BYTES as u64;
                return Err(BundleError::TooLong { records, max, unit: "bytes" }.into());
            }
        }
        bytes.append(&mut writer.finish());
        Ok(Bundle { bytes, uploaded, reports: sequences.len() })
    }

    /// Writes down what a run came to, and plans the next.
    ///
    /// # Errors
    /// When the ledger can't be read or written. The receipts are then fetched again.
    pub(super) fn uploaded(
        &mut self,
        done: Done,
        ledger: &mut Ledger,
        keeper: &mut Keeper,
        now: &Mark,
    ) -> Result<(), LedgerError> {
        let Some(joined) = self.joined.clone() else {
            self.finish(ledger);
            return Ok(());
        };
        let mut kept = upload::load(&self.state_dir, &joined.identity.key().id().hex());
        let Done { asked, given, uploaded, receipts, error } = done;
        kept.given = given.or(kept.given);
        if uploaded.is_some() {
            self.looks = 0;
            kept.uploaded = uploaded;
        }
        let mut failure = None;
        let before = self.run.accepted + self.run.parked;
        let by_contact = asked.map(|asked| {
            self.pin(&asked.answered.key, &asked.successions);
            asked.answered.receipts
        });
        for (receipts, is_contact) in [(by_contact, true), (receipts, false)] {
            if let Some(receipts) = receipts.filter(|receipts| !receipts.is_empty()) {
                failure = self.take_in(&receipts, is_contact, &mut kept, ledger, keeper, now)?.or(failure);
            }
        }
        if let Err(error) = upload::store(&self.state_dir, &kept) {
            // Without the file the place is asked for again each time: it works, and costs a request.
            failure = failure.or(Some(Failure::unkept(&error)));
        }
        if let Some(failure) = error.or(failure) {
            return self.failed(failure, ledger, now);
        }
        self.recovered(ledger)?;
        if kept.uploaded.is_none() && self.run.accepted + self.run.parked > before {
            // More may wait by now.
            return self.begin_upload(ledger, keeper, now);
        }
        if self.wanted {
            self.run.error = Some(Failure::receipts_awaited());
        }
        let wait_s = FETCH_FIRST_S.saturating_mul(1 << self.looks.min(10)).min(FETCH_MAX_S);
        self.looks = self.looks.saturating_add(1);
        self.finish(ledger);
        self.plan(wait_s.saturating_add(retry::splay(&self.instance, wait_s / 4)), now);
        Ok(())
    }

    /// Takes in a bundle of receipts, unless it was read already. Gives why what is in it is no end of the matter.
    fn take_in(
        &mut self,
        receipts: &[u8],
        is_contact: bool,
        kept: &mut Kept,
        ledger: &mut Ledger,
        keeper: &mut Keeper,
        now: &Mark,
    ) -> Result<Option<Failure>, LedgerError> {
        let digest = hex(&sha256(receipts).0);
        if kept.read.as_ref() == Some(&digest) {
            return Ok(None);
        }
        events::receipts_fetched(receipts.len(), is_contact);
        let incoming = bundle::read_bytes(receipts, &self.instance);
        let imported = self.import(&incoming, ledger, keeper, now)?;
        self.run.accepted += imported.accepted;
        self.run.parked += imported.parked.len() as u64;
        kept.read = Some(digest);
        let nonce = kept.uploaded.as_ref().map(|uploaded| &uploaded.nonce);
        let is_answer = incoming.replies.iter().any(|reply| Some(&hex(&reply.nonce)) == nonce);
        let problem = imported.problems.first().cloned();
        let problem = problem.or_else(|| incoming.error.as_ref().map(ToString::to_string));
        if is_answer {
            // Nothing more comes of it: what still waits is uploaded anew.
            kept.uploaded = None;
        }
        Ok(match (imported.refused.first(), problem) {
            (Some((_, why)), _) if is_answer => Some(Failure::refused(why)),
            (_, Some(problem)) => Some(Failure::receipts(&problem)),
            _ => None,
        })
    }
}

impl From<ObjectStoreError> for Failure {
    fn from(error: ObjectStoreError) -> Self {
        Failure { error: error.to_string(), mend: error.mend().to_owned(), retry_after_s: None }
    }
}
