//! The state that requests share.

use crate::bodies::Bodies;
use crate::clock::Clock;
use crate::intake::{KnownKeys, Tally};
use crate::keys::{KeyError, Keys};
use crate::metrics::Metrics;
use crate::object_store::ObjectStorage;
use crate::store::Store;
use crate::watched::Watched;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What every request handler has: axum's state.
#[derive(Clone)]
pub struct Central {
    /// Where things are kept.
    pub store: Arc<dyn Store>,
    /// What is signed with.
    pub keys: Keys,
    /// The clocks.
    pub clock: Clock,
    /// The keys of those who reported lately.
    pub known: Arc<KnownKeys>,
    /// Room for requests' bodies.
    pub bodies: Arc<Bodies>,
    /// Room for bundles that are taken.
    pub bundle_room: Arc<Bodies>,
    /// What was taken, for the log.
    pub counts: Arc<Counts>,
    /// What is counted, for `/metrics`.
    pub metrics: Arc<Metrics>,
    /// What those who watch this server were told lately.
    pub watched: Arc<Watched>,
    /// Object storage, where there is some.
    pub storage: Option<Arc<ObjectStorage>>,
    /// How agents reach this server: `https://HOST:PORT`.
    pub public_url: Arc<str>,
}

/// Reports and batches since the log last told.
#[derive(Debug, Default)]
pub struct Counts {
    batches: AtomicU64,
    accepted: AtomicU64,
}

impl Counts {
    /// A batch was answered.
    pub fn add(&self, tally: Tally) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.accepted.fetch_add(tally.accepted, Ordering::Relaxed);
    }

    /// How many reports, and in how many batches; from here on it is counted anew.
    pub fn take(&self) -> (u64, u64) {
        (self.accepted.swap(0, Ordering::Relaxed), self.batches.swap(0, Ordering::Relaxed))
    }
}

impl Central {
    /// The state of a server on this store.
    ///
    /// # Errors
    /// When the store fails or holds no signing key.
    pub async fn new(store: Arc<dyn Store>, public_url: &str) -> Result<Self, KeyError> {
        let keys = Keys::load(Arc::clone(&store)).await?;
        Ok(Central {
            store,
            keys,
            clock: Clock,
            known: Arc::default(),
            bodies: Arc::default(),
            bundle_room: Arc::new(Bodies::of_bundles()),
            counts: Arc::default(),
            metrics: Arc::default(),
            watched: Arc::default(),
            storage: None,
            public_url: public_url.into(),
        })
    }
}
