//! Bundles: files that carry reports out of a site, taken as they come in, and the bundle that goes back.
//!
//! A bundle is never in memory as a whole. Its reports go through [`crate::intake`] in batches, as those that agents push do; what
//! is receipted in the bundle that goes back is durable.

mod answers;
mod limits;
mod session;
mod told;

pub use told::Told;

use crate::central::Central;
use crate::intake::IntakeError;
use crate::keys::KeyError;
use crate::store::StoreError;
use axum::body::Bytes;
use highwater_rules::bundle::{BUNDLE_MAX_BYTES, BundleError, Writer};
use session::Session;
use std::future::Future;
use tokio::sync::OwnedSemaphorePermit;

/// Room for one bundle that is taken, in bytes: the pieces of it that wait, a batch of reports, and its answer.
const WORKING_BYTES: usize = 12 * 1024 * 1024;

/// Where a bundle's bytes come from.
pub trait Chunks: Send {
    /// The next piece; `None` at the end, and why where no more comes although it has not ended.
    fn next(&mut self) -> impl Future<Output = Option<Result<Bytes, String>>> + Send;
}

/// Bytes that are there already.
impl Chunks for Option<Bytes> {
    async fn next(&mut self) -> Option<Result<Bytes, String>> {
        self.take().map(Ok)
    }
}

/// Why a bundle has no answer. What was read of it until then may be stored: sent again, it is answered.
#[derive(Debug, thiserror::Error)]
pub enum BundleFault {
    /// Nothing of it could be read.
    #[error("not a bundle: {0}")]
    None(String),
    /// It goes the other way.
    #[error("this is a bundle of receipts, which central has made: import it on the host that it is for")]
    Inward,
    /// It is too long.
    #[error("the bundle is longer than {BUNDLE_MAX_BYTES} bytes: carry it in several")]
    TooLong,
    /// Its bytes did not come whole.
    #[error("the bundle did not come whole: {0}")]
    Broken(String),
    /// What goes back does not fit into one bundle.
    #[error("the answer does not fit into one bundle ({0}): carry fewer reports at once")]
    Answer(BundleError),
    /// The store failed, or has no room now.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys can't be read.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The server is ending.
    #[error("central is ending: try again later")]
    Ending,
}

impl From<IntakeError> for BundleFault {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Malformed(why) => BundleFault::None(why),
            IntakeError::Store(error) => error.into(),
            IntakeError::Keys(error) => error.into(),
            IntakeError::Ending => BundleFault::Ending,
        }
    }
}

/// What became of a bundle.
#[derive(Debug)]
pub struct Taken {
    /// Each export and activation in it, in their order.
    pub told: Vec<Told>,
    /// Why it could not be read to its end; what came before counts.
    pub cut: Option<String>,
    /// The room that its answer takes, given back when this is dropped.
    pub room: OwnedSemaphorePermit,
}

impl Taken {
    /// Whether it was read to its end, and all in it was taken.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.cut.is_none() && self.told.iter().all(Told::is_whole)
    }
}

/// Takes a bundle, and gives the one that goes back.
///
/// # Errors
/// When nothing of it can be read, it is too long or breaks off on the way, or the store fails.
pub async fn take(central: &Central, chunks: &mut impl Chunks) -> Result<(Taken, Vec<u8>), BundleFault> {
    let mut writer = Writer::new();
    let (taken, mut back) = take_into(central, chunks, &mut writer).await?;
    back.extend(writer.finish());
    Ok((taken, back))
}

/// Takes a bundle, and adds what goes back to a bundle that may hold the answers to others. Gives that bundle's next bytes.
///
/// # Errors
/// As [`take`] does.
pub async fn take_into(
    central: &Central,
    chunks: &mut impl Chunks,
    writer: &mut Writer,
) -> Result<(Taken, Vec<u8>), BundleFault> {
    let outcome = taken(central, chunks, writer).await;
    central.metrics.add_bundle(outcome.as_ref().ok().map(|(taken, _)| taken.is_whole()));
    match &outcome {
        Ok((taken, _)) => tell(taken),
        Err(error) => tracing::warn!(error = %error, "bundle_refused"),
    }
    outcome
}

async fn taken(
    central: &Central,
    chunks: &mut impl Chunks,
    writer: &mut Writer,
) -> Result<(Taken, Vec<u8>), BundleFault> {
    let _working = central.bundle_room.take(WORKING_BYTES).ok_or(StoreError::Busy)?;
    // An operator's `key rotate` is another process's. What is carried may hold no report that would show it, and must bring the key.
    central.keys.refresh().await?;
    let mut session = Session::new(central, writer, central.bundle_room.take(0).ok_or(StoreError::Busy)?);
    let mut length = 0_u64;
    while let Some(chunk) = chunks.next().await {
        match chunk {
            Ok(chunk) => {
                length += chunk.len() as u64;
                if length > BUNDLE_MAX_BYTES {
                    return Err(BundleFault::TooLong);
                }
                session.feed(&chunk).await?;
            }
            Err(why) => {
                session.finish().await?;
                return Err(BundleFault::Broken(why));
            }
        }
    }
    session.finish().await
}

fn tell(taken: &Taken) {
    let sum = |of: fn(&Told) -> u32| taken.told.iter().map(|told| u64::from(of(told))).sum::<u64>();
    let (read, accepted) = (sum(|told| told.read), sum(|told| told.accepted));
    let instances = taken.told.len();
    match &taken.cut {
        None => tracing::info!(instances, read, accepted, "bundle_taken"),
        Some(cut) => tracing::warn!(instances, read, accepted, cut, "bundle_taken"),
    }
}
