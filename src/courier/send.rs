//! A file to central, again and again while it is away.

use super::judge::{Judged, Misfit, judge};
use super::look::{Look, Stamp};
use super::told;
use crate::files::open_regular;
use crate::uplink::{Client, UplinkError, random};
use highwater_rules::retry;
use std::path::Path;
use std::time::Duration;

/// The longest wait before the first retry, in seconds: someone waits for it.
const FIRST_WAIT_S: i64 = 2;
/// No longer than this is waited for one retry, in seconds: where central asks for more, the courier ends.
pub const WAIT_MAX_S: i64 = 300;

/// What came of sending a file.
#[derive(Debug)]
pub(super) enum Sent {
    /// Central's answer, and what it says of this file.
    Answer(Vec<u8>, Judged),
    /// An answer to something else than this file.
    Foreign(String),
    /// Central takes nothing of this file.
    Refused(String),
    /// It is not the file any more that was looked at.
    Changed(String),
    /// Central is not there, or something between is in the way of all files.
    Away(UplinkError),
}

/// Why one try came to nothing.
enum Failed {
    File(String),
    Foreign(&'static str),
    Uplink(UplinkError),
}

/// Sends a file, `tries` times at the most. `waits` is told why it waits, and for how many seconds.
pub(super) async fn send(
    client: &Client,
    path: &Path,
    look: &Look,
    tries: u32,
    waits: impl Fn(&UplinkError, i64),
) -> Sent {
    let mut failures = 0;
    loop {
        let error = match once(client, path, look).await {
            Ok((answer, judged)) => return Sent::Answer(answer, judged),
            Err(Failed::File(why)) => return Sent::Changed(why),
            Err(Failed::Foreign(what)) => return Sent::Foreign(foreign(what)),
            Err(Failed::Uplink(error)) => error,
        };
        if let Some(why) = refusal(&error) {
            return Sent::Refused(why);
        }
        failures += 1;
        let is_long = error.retry_after_s().is_some_and(|wait_s| wait_s > WAIT_MAX_S);
        if !error.is_transient() || is_long || failures >= tries {
            return Sent::Away(error);
        }
        // Without random numbers, those who share a central are spread less evenly.
        let random = random::number().unwrap_or_default();
        let wait_s = retry::wait_from_s(FIRST_WAIT_S, failures, random, error.retry_after_s());
        let wait_s = wait_s.min(WAIT_MAX_S);
        waits(&error, wait_s);
        tokio::time::sleep(Duration::from_secs(wait_s.unsigned_abs())).await;
    }
}

async fn once(client: &Client, path: &Path, look: &Look) -> Result<(Vec<u8>, Judged), Failed> {
    let changed = || Failed::File("it changed while it was sent: run the command again".to_owned());
    let stamp = |path: &Path| path.metadata().map(|meta| Stamp::of(&meta)).ok();
    let file = open_regular(path).map_err(|error| Failed::File(format!("it can't be read: {error}")))?;
    if stamp(path) != Some(look.stamp) {
        return Err(changed());
    }
    let answer = client.send_bundle(file, look.stamp.bytes).await;
    if stamp(path) != Some(look.stamp) {
        return Err(changed());
    }
    let answer = answer.map_err(Failed::Uplink)?;
    match judge(&answer, look) {
        Ok(judged) => Ok((answer, judged)),
        Err(Misfit::Broken(why)) => Err(Failed::Uplink(UplinkError::Broken { why })),
        Err(Misfit::NoCentral(what)) => {
            Err(Failed::Uplink(UplinkError::Foreign { content_type: what.to_owned() }))
        }
        Err(Misfit::Foreign(what)) => Err(Failed::Foreign(what)),
    }
}

/// What is said of an answer to something else than this file.
fn foreign(what: &str) -> String {
    format!(
        "central answered for another file, {what}: does something between keep old answers? Nothing of the answer is used; run the \
         command again"
    )
}

/// Why central takes nothing of this one file, where it does take others.
fn refusal(error: &UplinkError) -> Option<String> {
    let UplinkError::Status { status: 400 | 413 | 422, error: said, .. } = error else { return None };
    Some(said.as_ref().map_or_else(|| error.to_string(), |said| told::clean(said)))
}
