//! The keys that central signs with: the newest one signs, and the older ones are kept for what they signed.

use crate::model::{By, SigningKey};
use crate::store::{Store, StoreError};
use highwater_proto::v1::{Envelope, Kind, Succession};
use highwater_rules::sign::{Identity, KeyId};
use prost::Message as _;
use std::sync::{Arc, RwLock};

/// Why there is no ring of keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no key yet.
    #[error("central has no signing key yet: start it once with `highwater-central serve`")]
    None,
    /// A key that is kept can't be read.
    #[error("signing key {0} can't be read: restore the database from a backup")]
    Damaged(String),
}

/// Central's keys at one moment.
#[derive(Debug)]
pub struct Ring {
    keys: Vec<Identity>,
    successions: Vec<Envelope>,
}

impl Ring {
    fn of(kept: &[SigningKey]) -> Result<Self, KeyError> {
        let mut successions = Vec::new();
        for key in kept {
            if let Some(bytes) = &key.succession {
                let envelope = Envelope::decode(&bytes[..]);
                successions.push(envelope.map_err(|_| KeyError::Damaged(key.id.hex()))?);
            }
        }
        let keys: Vec<Identity> = kept.iter().map(|key| Identity::from_seed(&key.seed)).collect();
        if keys.is_empty() { Err(KeyError::None) } else { Ok(Ring { keys, successions }) }
    }

    /// The key that signs.
    #[must_use]
    pub fn current(&self) -> Option<&Identity> {
        self.keys.last()
    }

    /// A key by its id.
    #[must_use]
    pub fn key(&self, id: &KeyId) -> Option<&Identity> {
        self.keys.iter().find(|key| key.id() == *id)
    }

    /// How many keys came before this one.
    #[must_use]
    pub fn age(&self, id: &KeyId) -> Option<usize> {
        self.keys.iter().position(|key| key.id() == *id)
    }

    /// How a sender that has pinned `pinned` comes to the current key: from that key on, or from the first where it is not known.
    #[must_use]
    pub fn successions_from(&self, pinned: Option<KeyId>) -> Vec<Envelope> {
        let seen = pinned.and_then(|id| self.age(&id)).unwrap_or(0);
        self.successions.iter().skip(seen).cloned().collect()
    }
}

/// The ring of keys, which follows what the command line changes beside the server.
#[derive(Clone)]
pub struct Keys {
    store: Arc<dyn Store>,
    ring: Arc<RwLock<Arc<Ring>>>,
}

impl Keys {
    /// Loads the keys.
    ///
    /// # Errors
    /// When the store fails or has none.
    pub async fn load(store: Arc<dyn Store>) -> Result<Self, KeyError> {
        let ring = Ring::of(&store.signing_keys().await?)?;
        Ok(Keys { store, ring: Arc::new(RwLock::new(Arc::new(ring))) })
    }

    /// The keys as they were last loaded.
    #[must_use]
    pub fn ring(&self) -> Arc<Ring> {
        let guard = self.ring.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(&guard)
    }

    /// Loads the keys again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn refresh(&self) -> Result<Arc<Ring>, KeyError> {
        let ring = Arc::new(Ring::of(&self.store.signing_keys().await?)?);
        *self.ring.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::clone(&ring);
        Ok(ring)
    }
}

/// Makes the first key, where there is none. Gives whether it did.
///
/// # Errors
/// When the store fails.
pub async fn ensure(store: &dyn Store, by: By) -> Result<bool, KeyError> {
    if !store.signing_keys().await?.is_empty() {
        return Ok(false);
    }
    let seed = crate::secrets::seed()?;
    let id = Identity::from_seed(&seed).id();
    let key = SigningKey { id, seed, made_at: by.at, succession: None };
    store.add_signing_key(key, None, by).await?;
    Ok(true)
}

/// Makes a new key that signs from now on; the one before it signs the succession. Gives the new key's id.
///
/// # Errors
/// When the store fails, has no key, or another rotation came between.
pub async fn rotate(store: &dyn Store, by: By) -> Result<KeyId, KeyError> {
    let kept = store.signing_keys().await?;
    let newest = kept.last().ok_or(KeyError::None)?;
    let seed = crate::secrets::seed()?;
    let next = Identity::from_seed(&seed);
    let succession = Succession { next_key: next.public().bytes().to_vec(), made_at: by.at };
    let envelope = Identity::from_seed(&newest.seed).seal(Kind::Succession, succession.encode_to_vec());
    let key = SigningKey { id: next.id(), seed, made_at: by.at, succession: Some(envelope.encode_to_vec()) };
    store.add_signing_key(key, Some(newest.id), by).await?;
    Ok(next.id())
}
