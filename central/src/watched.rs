//! What those who watch central ask for again and again: found out every few seconds, however often they ask.

use crate::clock::Clock;
use crate::model::Figures;
use crate::store::{Store, StoreError};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long what was found out is told again: anyone may ask, and the disk is not to notice.
const FRESH: Duration = Duration::from_secs(5);

/// Something that costs to find out, and when it was. Those who ask meanwhile wait for the one who does.
type Known<T> = Mutex<Option<(Instant, T)>>;

/// What was found out lately.
#[derive(Debug, Default)]
pub struct Watched {
    writable: Known<bool>,
    figures: Known<Figures>,
}

impl Watched {
    /// Whether reports could be taken now, or could a few seconds ago.
    pub async fn writable(&self, store: &dyn Store) -> bool {
        let mut known = self.writable.lock().await;
        if let Some(writable) = fresh(&known) {
            return writable;
        }
        let writable = match store.probe().await {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(error = %error, "store_failed");
                false
            }
        };
        *known = Some((Clock.monotonic(), writable));
        writable
    }

    /// How much there is of what, or was a few seconds ago.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn figures(&self, store: &dyn Store) -> Result<Figures, StoreError> {
        let mut known = self.figures.lock().await;
        if let Some(figures) = fresh(&known) {
            return Ok(figures);
        }
        let figures = store.figures().await?;
        *known = Some((Clock.monotonic(), figures.clone()));
        Ok(figures)
    }
}

fn fresh<T: Clone>(known: &Option<(Instant, T)>) -> Option<T> {
    let (at, value) = known.as_ref()?;
    (Clock.monotonic().saturating_duration_since(*at) < FRESH).then(|| value.clone())
}
