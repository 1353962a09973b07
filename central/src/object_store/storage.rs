//! What central does with an object store: it signs URLs for agents, and reads and writes objects itself.
//!
//! ```text
//!   PREFIX/in/IDENTITY/RANDOM.hwb    what an agent has put there
//!   PREFIX/out/IDENTITY/RANDOM.hwb   the receipts for it
//! ```

use super::connect::{self, ConnectError};
use super::place::Place;
use axum::body::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use highwater_rules::bundle::EXTENSION;
use highwater_rules::report::is_uuid;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt as _};
use reqwest::Method;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Letters of the random part of a key: 128 bits in hexadecimal.
const RANDOM_CHARS: usize = 32;
/// How much of what a store says is shown.
const WORDS_MAX_CHARS: usize = 300;

/// Why something could not be done with an object. No text of it holds a secret or a signed URL.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// There is no such object, or it is another by now.
    #[error("{key} is not there any more, or was changed meanwhile")]
    Gone {
        /// The object's key.
        key: String,
    },
    /// The store does not do it.
    #[error("{key}: {why}")]
    Failed {
        /// The object's key, or the prefix that was asked for.
        key: String,
        /// What the store says.
        why: String,
    },
}

/// Two signed URLs.
#[derive(Clone, PartialEq, Eq)]
pub struct UrlPair {
    /// Where a bundle is put.
    pub put: String,
    /// Where its receipts will lie.
    pub get: String,
}

/// Who has them may use them: they are not to be seen in a log.
impl std::fmt::Debug for UrlPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UrlPair(..)")
    }
}

/// An object that an agent has put there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its key.
    pub key: String,
    /// Its length, in bytes.
    pub bytes: u64,
    /// When it was put there, in unix seconds of the store's clock.
    pub modified_at: i64,
    /// What tells it from another one of the same key.
    pub mark: String,
    /// Whose place it is, and the place's random part, where central could have granted it.
    pub place: Option<(String, String)>,
    etag: Option<String>,
}

/// An object's bytes, as they come.
pub struct Download {
    bytes: Pin<Box<dyn Stream<Item = object_store::Result<Bytes>> + Send>>,
    left: u64,
}

impl Download {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// In the store's words, when they break off, or are more than the object was said to have.
    pub async fn next(&mut self) -> Option<Result<Bytes, String>> {
        let piece = match self.bytes.next().await? {
            Ok(piece) => piece,
            Err(error) => return Some(Err(words(&error))),
        };
        match self.left.checked_sub(piece.len() as u64) {
            Some(left) => self.left = left,
            None => return Some(Err("the object is longer than it was said to be".to_owned())),
        }
        Some(Ok(piece))
    }
}

/// An object store, as central uses it.
#[derive(Debug)]
pub struct ObjectStorage {
    place: Place,
    objects: Arc<dyn ObjectStore>,
    signer: Arc<dyn Signer>,
    valid: Duration,
}

impl ObjectStorage {
    /// The store of a place, with the credentials of the environment, whose signed URLs hold for so long. It is not asked for
    /// anything yet.
    ///
    /// # Errors
    /// When the environment does not say what is needed.
    pub fn connect(place: Place, valid: Duration) -> Result<Self, ConnectError> {
        let (objects, signer) = connect::connect(&place)?;
        Ok(ObjectStorage { place, objects, signer, valid })
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    fn path(&self, way: &str, identity: &str, random: &str) -> Path {
        Path::from(self.place.key(&format!("{way}/{identity}/{random}.{EXTENSION}")))
    }

    /// How long signed URLs hold.
    #[must_use]
    pub fn valid(&self) -> Duration {
        self.valid
    }

    /// Signs URLs of an identity's place.
    ///
    /// # Errors
    /// When there are no credentials to sign with.
    pub async fn sign(&self, identity: &str, random: &str) -> Result<UrlPair, StorageError> {
        let one = async |method: Method, path: Path| {
            let signed = self.signer.signed_url(method, &path, self.valid).await;
            signed.map(String::from).map_err(|error| failed(path.as_ref(), &error))
        };
        let put = one(Method::PUT, self.path("in", identity, random)).await?;
        let get = one(Method::GET, self.path("out", identity, random)).await?;
        Ok(UrlPair { put, get })
    }

    /// What was put there, as the store lists it.
    pub fn arrived(&self) -> impl Stream<Item = Result<Found, StorageError>> + Send + '_ {
        let prefix = self.place.key("in");
        let listed = self.objects.list(Some(&Path::from(prefix.clone())));
        listed.map_ok(move |meta| self.found(meta)).map_err(move |error| failed(&prefix, &error))
    }

    fn found(&self, meta: ObjectMeta) -> Found {
        let key = meta.location.as_ref().to_owned();
        let place = self.granted(&key);
        let modified_at = meta.last_modified.timestamp();
        // A store without ETags tells a new object by its time and length.
        let mark = format!("{} {} {modified_at}", meta.e_tag.as_deref().unwrap_or("-"), meta.size);
        Found { key, bytes: meta.size, modified_at, mark, place, etag: meta.e_tag }
    }

    /// The identity and the random part of a key that central could have granted.
    fn granted(&self, key: &str) -> Option<(String, String)> {
        let rest = key.strip_prefix(&self.place.key("in/"))?;
        let (identity, name) = rest.split_once('/')?;
        let random = name.strip_suffix(EXTENSION)?.strip_suffix('.')?;
        let is_random = random.len() == RANDOM_CHARS && random.bytes().all(|b| b.is_ascii_hexdigit());
        (is_uuid(identity) && is_random).then(|| (identity.to_owned(), random.to_owned()))
    }

    /// Begins to read an object.
    ///
    /// # Errors
    /// When it is not there any more, is another by now, or the store fails.
    pub async fn read(&self, found: &Found) -> Result<Download, StorageError> {
        let options = GetOptions { if_match: found.etag.clone(), ..GetOptions::default() };
        let path = Path::from(found.key.as_str());
        let got = self.objects.get_opts(&path, options).await.map_err(|error| failed(&found.key, &error))?;
        Ok(Download { bytes: got.into_stream(), left: found.bytes })
    }

    /// Writes the receipts of a place.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn write_receipts(
        &self,
        identity: &str,
        random: &str,
        bundle: Vec<u8>,
    ) -> Result<(), StorageError> {
        let path = self.path("out", identity, random);
        let put = self.objects.put(&path, bundle.into()).await;
        put.map(|_| ()).map_err(|error| failed(path.as_ref(), &error))
    }

    /// Removes an object, unless it is another by now.
    ///
    /// # Errors
    /// When it is, or the store fails.
    pub async fn remove(&self, found: &Found) -> Result<(), StorageError> {
        let path = Path::from(found.key.as_str());
        let now = self.objects.head(&path).await.map_err(|error| failed(&found.key, &error))?;
        if self.found(now).mark != found.mark {
            return Err(StorageError::Gone { key: found.key.clone() });
        }
        self.objects.delete(&path).await.map_err(|error| failed(&found.key, &error))
    }
}

fn failed(key: &str, error: &object_store::Error) -> StorageError {
    match error {
        object_store::Error::NotFound { .. } | object_store::Error::Precondition { .. } => {
            StorageError::Gone { key: key.to_owned() }
        }
        other => StorageError::Failed { key: key.to_owned(), why: words(other) },
    }
}

/// What a client of an object store says: on one line, of bounded length, and without a query, which may hold a signature.
pub(super) fn words(error: &object_store::Error) -> String {
    let told = error.to_string();
    let words = told.split_whitespace().map(|word| word.split_once('?').map_or(word, |(before, _)| before));
    words.collect::<Vec<_>>().join(" ").chars().take(WORDS_MAX_CHARS).collect()
}
