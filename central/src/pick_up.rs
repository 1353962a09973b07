//! Picks up what agents put into the object store: through the same intake as every bundle, and the receipts go back the same way.
//!
//! What fails is tried again with the next round, and stops nothing else. An object is removed only when its receipts lie in the
//! store, nobody has touched it for a while, and it is still the same.

use crate::bundles::{self, BundleFault, Chunks};
use crate::central::Central;
use crate::object_store::{Download, Found, ObjectStorage, StorageError};
use crate::store::StoreError;
use crate::uploads::RECEIPTS_MAX_BYTES;
use axum::body::Bytes;
use futures_util::StreamExt as _;
use highwater_rules::bundle::BUNDLE_MAX_BYTES;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How many objects are worked on at once: some of the room for bundles is left for those that come by HTTP.
const AT_ONCE: usize = 4;
/// How many strangers' objects are remembered as told.
const STRANGERS_MAX: usize = 10_000;

/// When things are picked up and removed.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long from one round to the next.
    pub every: Duration,
    /// How long nobody must have touched an object before it is removed, in seconds.
    pub untouched_s: i64,
}

/// What is picked up, round after round.
#[derive(Debug)]
pub struct PickUp {
    pace: Pace,
    /// Objects that no grant of central's names, as far as they were told.
    strangers: Mutex<HashSet<String>>,
}

/// Why an object was not picked up; the next round tries again.
#[derive(Debug, thiserror::Error)]
enum PickUpError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{key}: {fault}")]
    Bundle { key: String, fault: BundleFault },
}

impl Chunks for Download {
    async fn next(&mut self) -> Option<Result<Bytes, String>> {
        Download::next(self).await
    }
}

impl PickUp {
    /// One that goes at this pace.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        PickUp { pace, strangers: Mutex::default() }
    }

    /// Goes round after round, without an end.
    pub async fn run(&self, central: &Central, storage: &ObjectStorage) {
        loop {
            self.round(central, storage).await;
            tokio::time::sleep(self.pace.every).await;
        }
    }

    /// Picks up what is new.
    pub async fn round(&self, central: &Central, storage: &ObjectStorage) {
        let arrived = storage.arrived();
        let counts = &central.metrics.pick_ups;
        arrived
            .for_each_concurrent(AT_ONCE, |found| async {
                let done = match found {
                    Ok(found) => self.one(central, storage, &found).await,
                    Err(error) => Err(error.into()),
                };
                match done {
                    Ok(()) => {}
                    // An agent has put another one there meanwhile, or someone has cleared away: the next round sees.
                    Err(PickUpError::Storage(StorageError::Gone { key })) => {
                        tracing::debug!(key, "upload_gone");
                    }
                    Err(error) => {
                        counts.add_failed();
                        tracing::error!(error = %error, "pick_up_failed");
                    }
                }
            })
            .await;
        counts.add_round(central.clock.now_s());
    }

    async fn one(
        &self,
        central: &Central,
        storage: &ObjectStorage,
        found: &Found,
    ) -> Result<(), PickUpError> {
        let Some((identity, random)) = &found.place else {
            self.stranger(&found.key);
            return Ok(());
        };
        let known = central.store.upload(identity.clone()).await?.filter(|upload| upload.random == *random);
        let Some(upload) = known else {
            self.stranger(&found.key);
            return Ok(());
        };
        if upload.taken.as_ref() == Some(&found.mark) {
            return self.clear(central, storage, found).await;
        }
        if found.bytes > BUNDLE_MAX_BYTES {
            let why = format!("it is longer than {BUNDLE_MAX_BYTES} bytes");
            return refused(central, identity, found, &why).await;
        }
        let mut download = storage.read(found).await?;
        let (taken, back) = match bundles::take(central, &mut download).await {
            Ok(done) => done,
            Err(
                fault @ (BundleFault::None(_)
                | BundleFault::Inward
                | BundleFault::TooLong
                | BundleFault::Answer(_)),
            ) => return refused(central, identity, found, &fault.to_string()).await,
            Err(fault) => return Err(PickUpError::Bundle { key: found.key.clone(), fault }),
        };
        let short = (back.len() <= RECEIPTS_MAX_BYTES).then(|| back.clone());
        storage.write_receipts(identity, random, back).await?;
        let now_s = central.clock.now_s();
        // Of those before, none is told any more.
        let receipts = Some(short.unwrap_or_default());
        central.store.keep_upload(identity.clone(), found.mark.clone(), receipts, now_s).await?;
        central.metrics.pick_ups.add_taken();
        let (read, accepted) = taken.told.iter().fold((0_u64, 0_u64), |(read, accepted), told| {
            (read + u64::from(told.read), accepted + u64::from(told.accepted))
        });
        tracing::info!(identity, bytes = found.bytes, read, accepted, "upload_taken");
        Ok(())
    }

    /// Removes what was picked up, once nobody has touched it for a while: one who is about to put another there is not hindered.
    async fn clear(
        &self,
        central: &Central,
        storage: &ObjectStorage,
        found: &Found,
    ) -> Result<(), PickUpError> {
        let untouched_s = central.clock.now_s().saturating_sub(found.modified_at);
        if untouched_s < self.pace.untouched_s {
            return Ok(());
        }
        storage.remove(found).await?;
        tracing::debug!(key = found.key, "upload_removed");
        Ok(())
    }

    /// Tells once of an object that is none of central's. It is left where it is.
    fn stranger(&self, key: &str) {
        let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        if strangers.len() < STRANGERS_MAX && strangers.insert(key.to_owned()) {
            tracing::warn!(key, "upload_foreign");
        }
    }
}

/// Tells of an object that is no bundle, once: it is remembered as picked up. The receipts before it stay.
async fn refused(central: &Central, identity: &str, found: &Found, why: &str) -> Result<(), PickUpError> {
    let now_s = central.clock.now_s();
    central.store.keep_upload(identity.to_owned(), found.mark.clone(), None, now_s).await?;
    central.metrics.pick_ups.add_refused();
    tracing::warn!(key = found.key, bytes = found.bytes, why, "upload_refused");
    Ok(())
}
