//! How often one address may ask: a bucket each, which fills steadily.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// More addresses than this are not told apart for long: those whose buckets are full again are forgotten.
const ADDRESSES_MAX: usize = 50_000;
/// A bucket holds what comes in so many seconds.
const BURST_S: f64 = 2.0;

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    seen: Instant,
}

/// The limit on requests for each address.
#[derive(Debug)]
pub struct Rates {
    per_second: f64,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

impl Rates {
    /// So many requests a second; 0 is without a limit.
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        Rates { per_second: f64::from(per_second), buckets: Mutex::new(HashMap::new()) }
    }

    /// Whether this address may ask now.
    #[must_use]
    pub fn allow(&self, address: IpAddr, now: Instant) -> bool {
        if self.per_second <= 0.0 {
            return true;
        }
        let full = self.per_second * BURST_S;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= ADDRESSES_MAX && !buckets.contains_key(&address) {
            buckets.retain(|_, bucket| now.saturating_duration_since(bucket.seen).as_secs_f64() < BURST_S);
            if buckets.len() >= ADDRESSES_MAX {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(address).or_insert(Bucket { left: full, seen: now });
        let passed = now.saturating_duration_since(bucket.seen).as_secs_f64();
        bucket.left = (bucket.left + passed * self.per_second).min(full);
        bucket.seen = now;
        let allowed = bucket.left >= 1.0;
        if allowed {
            bucket.left -= 1.0;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use std::time::Duration;

    #[test]
    fn an_address_that_asks_too_often_waits_and_others_do_not() {
        let rates = Rates::new(10);
        let now = Clock.monotonic();
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let allowed = (0..100).filter(|_| rates.allow(one, now)).count();
        assert_eq!(allowed, 20);
        assert!(rates.allow(other, now));
        assert!(rates.allow(one, now + Duration::from_millis(150)));
        assert!(!rates.allow(one, now + Duration::from_millis(160)));
        assert!((0..100).all(|_| Rates::new(0).allow(one, now)));
    }
}
