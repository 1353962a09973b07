//! Room for the bodies of requests: whoever opens connections without end gets no more memory than this.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// All bodies that are read or worked on at one time, in KiB.
const BODIES_KIB: usize = 256 * 1024;

/// The same for all bundles, in KiB: room of their own, so that uploads never take that of the reports.
const BUNDLES_KIB: usize = 192 * 1024;

/// Room for bodies.
#[derive(Debug)]
pub struct Bodies(Arc<Semaphore>);

impl Default for Bodies {
    fn default() -> Self {
        Bodies(Arc::new(Semaphore::new(BODIES_KIB)))
    }
}

impl Bodies {
    /// Room for bundles.
    #[must_use]
    pub fn of_bundles() -> Self {
        Bodies(Arc::new(Semaphore::new(BUNDLES_KIB)))
    }

    /// Room for so many bytes, given back when it is dropped; `None` where there is none now.
    #[must_use]
    pub fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let kib = u32::try_from(bytes.div_ceil(1024)).ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(kib).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_that_is_taken_comes_back() {
        let bodies = Bodies::default();
        let most = bodies.take(BODIES_KIB * 1024).unwrap();
        assert!(bodies.take(1).is_none());
        drop(most);
        assert!(bodies.take(1).is_some());
    }
}
