//! The options of `highwater-central serve` for uploads through object storage.

use super::dates::length;
use super::{Failure, exit};
use crate::central::Central;
use crate::object_store::{ObjectStorage, Place};
use crate::pick_up::{Pace, PickUp};
use clap::Args;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// The longest that any of the stores lets a signed URL hold: seven days.
const VALID_MAX_S: u64 = 7 * 86_400;

#[derive(Debug, Args)]
pub(super) struct UploadOptions {
    /// Where agents upload that may reach nothing else: s3://BUCKET/PREFIX, az://CONTAINER/PREFIX or gs://BUCKET/PREFIX; the
    /// credentials are the environment's
    #[arg(long, value_name = "PLACE")]
    object_store: Option<Place>,
    /// How often it is looked through, such as 60s
    #[arg(long, value_name = "LENGTH", default_value = "60s", value_parser = length)]
    pick_up_every: u64,
    /// How long the URLs hold that agents are given; 7d at the most
    #[arg(long, value_name = "LENGTH", default_value = "7d", value_parser = valid)]
    upload_url_valid: u64,
    /// How long nobody must have touched what was picked up before it is removed
    #[arg(long, value_name = "LENGTH", default_value = "10m", value_parser = length)]
    upload_untouched: u64,
}

fn valid(text: &str) -> Result<u64, String> {
    let seconds = length(text)?;
    if seconds > VALID_MAX_S {
        return Err("no object store lets a signed URL hold for longer than 7d".to_owned());
    }
    Ok(seconds)
}

/// Gives central its object storage, and begins to pick up what comes. `None` where there is none.
pub(super) fn begin(
    options: &UploadOptions,
    central: &mut Central,
) -> Result<Option<JoinHandle<()>>, Failure> {
    let Some(place) = &options.object_store else { return Ok(None) };
    let valid = Duration::from_secs(options.upload_url_valid);
    let storage = ObjectStorage::connect(place.clone(), valid)
        .map_err(|error| Failure::new(exit::CONFIG, error.to_string()))?;
    let storage = Arc::new(storage);
    central.storage = Some(Arc::clone(&storage));
    let pick_up = PickUp::new(Pace {
        every: Duration::from_secs(options.pick_up_every),
        untouched_s: i64::try_from(options.upload_untouched).unwrap_or(i64::MAX),
    });
    let central = central.clone();
    Ok(Some(tokio::spawn(async move { pick_up.run(&central, &storage).await })))
}
