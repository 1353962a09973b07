//! The state that requests share.

use crate::clock::Clock;
use crate::keys::Keys;
use crate::store::Store;
use std::sync::Arc;

/// What every request handler has: axum's state.
#[derive(Clone)]
pub struct Central {
    /// Where things are kept.
    pub store: Arc<dyn Store>,
    /// What is signed with.
    pub keys: Keys,
    /// The clocks.
    pub clock: Clock,
    /// How agents reach this server: `https://HOST:PORT`.
    pub public_url: Arc<str>,
}
