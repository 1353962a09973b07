//! Who is served at a socket: a bounded number of connections. Where there is no room, the one that has said nothing for the
//! longest gives way to a new one, so that nobody keeps others out by holding connections.

use crate::clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::task::AbortHandle;

/// What stands for "not idle": its request is here, and is being answered.
const BUSY: i64 = i64::MAX;

/// A connection's seat: since when it has been waiting for its peer, on the monotonic clock in milliseconds.
#[derive(Debug, Clone)]
pub(crate) struct Seat(Arc<AtomicI64>);

impl Seat {
    fn new() -> Self {
        Seat(Arc::new(AtomicI64::new(clock::mono_ms())))
    }

    /// It waits for a request from now on.
    pub(super) fn waits(&self) {
        self.0.store(clock::mono_ms(), Ordering::Relaxed);
    }

    /// A request is here.
    pub(crate) fn is_busy(&self) {
        self.0.store(BUSY, Ordering::Relaxed);
    }

    fn idle_since(&self) -> Option<i64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|since| *since != BUSY)
    }
}

/// The seats that are taken.
#[derive(Debug, Default)]
pub(crate) struct Seats(Vec<(Seat, AbortHandle)>);

impl Seats {
    /// Makes room for one more among `max`; `false` where all of them are being answered.
    pub(crate) fn make_room(&mut self, max: usize) -> bool {
        self.0.retain(|(_, task)| !task.is_finished());
        if self.0.len() < max {
            return true;
        }
        let idle = self.0.iter().enumerate().filter_map(|(at, (seat, _))| Some((seat.idle_since()?, at)));
        // Of two that came in the same millisecond, the one that came first.
        let Some((_, at)) = idle.min() else { return false };
        let (_, task) = self.0.remove(at);
        task.abort();
        true
    }

    /// Gives a seat to the connection that `serve` begins to serve.
    pub(crate) fn seat(&mut self, serve: impl FnOnce(Seat) -> AbortHandle) {
        let seat = Seat::new();
        self.0.push((seat.clone(), serve(seat)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    #[tokio::test]
    async fn the_one_that_waited_longest_gives_way_and_one_that_is_answered_never() {
        let mut seats = Seats::default();
        let mut taken = Vec::new();
        for _ in 0..3 {
            assert!(seats.make_room(3));
            seats.seat(|seat| {
                taken.push(seat);
                tokio::spawn(pending::<()>()).abort_handle()
            });
        }
        for (seat, since) in taken.iter().zip([7, 5, 6]) {
            seat.0.store(since, Ordering::Relaxed);
        }
        assert!(seats.make_room(3));
        let left =
            |seats: &Seats| seats.0.iter().filter_map(|(seat, _)| seat.idle_since()).collect::<Vec<_>>();
        assert_eq!(left(&seats), [7, 6]);
        taken[0].is_busy();
        assert!(seats.make_room(2));
        assert_eq!((left(&seats), seats.0.len()), (vec![], 1));
        assert!(!seats.make_room(1), "it is being answered");
        taken[0].waits();
        assert!(seats.make_room(1));
        assert!(seats.0.is_empty());
    }
}
