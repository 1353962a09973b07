//! Asking central where to upload to, and keeping what it answered: `upload.json`.

use super::client::Client;
use super::identity::Identity;
use super::private_file;
use super::push::{NONCE_BYTES, PushError};
use super::random;
use highwater_proto::v1::{Envelope, Kind, UploadRequest, UploadResponse};
use highwater_rules::receipt::AnswerError;
use highwater_rules::sign::PublicKey;
use highwater_rules::upload::{Answered, Place, believe};
use prost::Message as _;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// The file's name in the state directory.
pub const FILE_NAME: &str = "upload.json";
/// The longest such file, in bytes.
const FILE_MAX_BYTES: usize = 64 * 1024;
/// Where a request goes.
const PATH: &str = "/v1/uploads";
/// A place is asked for anew when it holds no longer than this, in seconds: a day.
const MARGIN_S: i64 = 86_400;

/// What central answered.
#[derive(Debug)]
pub struct Asked {
    /// Its answer, which is believed.
    pub answered: Answered,
    /// The successions that came with it ([`super::Enrolment::with_pinned`]).
    pub successions: Vec<Envelope>,
}

/// Asks central where to upload to, and believes the answer or not. `pinned` is central's key.
///
/// # Errors
/// When central can't be reached or does not take the request, or its answer is not believed.
pub async fn ask(
    client: &Client,
    identity: &Identity,
    pinned: &PublicKey,
    instance: &str,
    now_s: i64,
) -> Result<Asked, PushError> {
    let mut nonce = [0; NONCE_BYTES];
    random::fill(&mut nonce)?;
    let request = UploadRequest {
        instance: instance.to_owned(),
        nonce: nonce.to_vec(),
        sent_at: now_s,
        pinned_key: pinned.id().0.to_vec(),
    };
    let sealed = identity.key().seal(Kind::UploadRequest, request.encode_to_vec());
    let answer = client.post(PATH, sealed.encode_to_vec()).await?;
    let answered = believe(&answer, pinned, &nonce)?;
    let response = UploadResponse::decode(&answer[..]).map_err(|e| AnswerError::Malformed(e.to_string()))?;
    Ok(Asked { answered, successions: response.successions })
}

/// A place that central gave, and when.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    put_url: String,
    headers: Vec<(String, String)>,
    receipts_url: String,
    /// When it was given, by the instance's clock, in unix seconds.
    given_at: i64,
    /// For how long it holds, in seconds.
    valid_s: i64,
    max_bytes: u64,
}

/// Who has the URLs may use them: they are not to be seen in a log.
impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Given(at {}, for {} s)", self.given_at, self.valid_s)
    }
}

impl Given {
    /// What was given now.
    #[must_use]
    pub fn now(place: Place, now_s: i64) -> Self {
        let Place { put_url, headers, receipts_url, valid_s, max_bytes } = place;
        Given { put_url, headers, receipts_url, given_at: now_s, valid_s, max_bytes }
    }

    /// Whether it is to be asked for anew: it holds no longer than a day, or a seventh of its time where that is less; or the clock
    /// was set back since.
    #[must_use]
    pub fn wants_renewal(&self, now_s: i64) -> bool {
        let age_s = now_s.saturating_sub(self.given_at);
        age_s < 0 || age_s >= self.valid_s.saturating_sub(MARGIN_S.min(self.valid_s / 7))
    }

    /// Where a bundle is put, and what the `PUT` must say.
    #[must_use]
    pub fn put(&self) -> (&str, &[(String, String)]) {
        (&self.put_url, &self.headers)
    }

    /// Where the receipts will lie.
    #[must_use]
    pub fn receipts_url(&self) -> &str {
        &self.receipts_url
    }

    /// The longest bundle that is picked up, in bytes.
    #[must_use]
    pub fn max_bytes(&self) -> u64 {
        self.max_bytes
    }
}

/// A bundle that was put there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uploaded {
    /// The nonce of its export, in hexadecimal: the receipts repeat it.
    pub nonce: String,
    /// When, by the instance's clock, in unix seconds.
    pub at: i64,
    /// The number of the last report in it.
    pub last_sequence: u64,
}

/// What an agent that uploads keeps.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Kept {
    /// The identity key's id, in hexadecimal: another key has another place.
    pub key_id: String,
    /// The place.
    pub given: Option<Given>,
    /// The bundle that waits for its receipts.
    pub uploaded: Option<Uploaded>,
    /// The SHA-256 of the bundle of receipts that was read last, in hexadecimal.
    pub read: Option<String>,
}

/// Why the file can't be kept.
#[derive(Debug, thiserror::Error)]
#[error("{} can't be written: {source}", path.display())]
pub struct KeepError {
    path: PathBuf,
    source: io::Error,
}

/// What was kept in a state directory for this key. A file that can't be read is as good as none: all in it can be had again.
#[must_use]
pub fn load(state_dir: &Path, key_id: &str) -> Kept {
    let text = private_file::read(&state_dir.join(FILE_NAME), FILE_MAX_BYTES).ok().flatten();
    let kept = text.and_then(|text| serde_json::from_str::<Kept>(&text).ok());
    let none = Kept { key_id: key_id.to_owned(), ..Kept::default() };
    kept.filter(|kept| kept.key_id == key_id).unwrap_or(none)
}

/// Keeps it, for the owner's eyes only.
///
/// # Errors
/// When the file can't be written.
pub fn store(state_dir: &Path, kept: &Kept) -> Result<(), KeepError> {
    let path = state_dir.join(FILE_NAME);
    let written = serde_json::to_string_pretty(kept)
        .map_err(io::Error::other)
        .and_then(|text| private_file::replace(&path, format!("{text}\n").as_bytes()));
    written.map_err(|source| KeepError { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn given(given_at: i64, valid_s: i64) -> Given {
        let place = Place {
            put_url: "https://store/in?sig=geheim".to_owned(),
            headers: vec![("x-ms-blob-type".to_owned(), "BlockBlob".to_owned())],
            receipts_url: "https://store/out?sig=geheim".to_owned(),
            valid_s,
            max_bytes: 64,
        };
        Given::now(place, given_at)
    }

    #[test]
    fn a_place_is_asked_for_anew_within_a_day_of_its_end() {
        const WEEK_S: i64 = 7 * 86_400;
        for (valid_s, now_s, expect) in [
            (WEEK_S, 1000, false),
            (WEEK_S, 1000 + 6 * 86_400 - 1, false),
            (WEEK_S, 1000 + 6 * 86_400, true),
            (WEEK_S, 999, true),
            (70, 1059, false),
            (70, 1060, true),
            (0, 1000, true),
        ] {
            assert_eq!(given(1000, valid_s).wants_renewal(now_s), expect, "{valid_s} {now_s}");
        }
    }

    #[test]
    fn what_is_kept_is_read_again_by_the_same_key_and_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let uploaded = Uploaded { nonce: "00".to_owned(), at: 5, last_sequence: 3 };
        let kept = Kept {
            key_id: "k".to_owned(),
            given: Some(given(1, 2)),
            uploaded: Some(uploaded),
            read: Some("ff".to_owned()),
        };
        assert!(!format!("{kept:?}").contains("geheim"));
        store(dir.path(), &kept).unwrap();
        assert_eq!(load(dir.path(), "k"), kept);
        assert_eq!(load(dir.path(), "l"), Kept { key_id: "l".to_owned(), ..Kept::default() });
        let path = dir.path().join(FILE_NAME);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "{").unwrap();
        assert_eq!(load(dir.path(), "k").given, None);
    }
}
