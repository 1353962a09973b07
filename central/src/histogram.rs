//! Lengths of time, counted.

use crate::model::{COMMIT_BOUNDS_S, Durations};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Lengths of time, counted by many at once.
#[derive(Debug, Default)]
pub struct Histogram {
    within: [AtomicU64; COMMIT_BOUNDS_S.len()],
    longer: AtomicU64,
    sum_us: AtomicU64,
}

impl Histogram {
    /// One more.
    pub fn add(&self, length: Duration) {
        let seconds = length.as_secs_f64();
        let bounds = COMMIT_BOUNDS_S.iter().zip(&self.within);
        let bucket = bounds.filter(|(bound, _)| seconds <= **bound).map(|(_, bucket)| bucket).next();
        bucket.unwrap_or(&self.longer).fetch_add(1, Ordering::Relaxed);
        let us = u64::try_from(length.as_micros()).unwrap_or(u64::MAX);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// What was counted. The count is of the very buckets that are told, so that they never disagree.
    #[must_use]
    pub fn read(&self) -> Durations {
        let mut read = Durations::default();
        for (to, from) in read.within.iter_mut().zip(&self.within) {
            *to = from.load(Ordering::Relaxed);
        }
        read.count = read.within.iter().sum::<u64>() + self.longer.load(Ordering::Relaxed);
        read.sum_s = Duration::from_micros(self.sum_us.load(Ordering::Relaxed)).as_secs_f64();
        read
    }
}
