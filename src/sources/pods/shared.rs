//! One list of pods for all sources that want some, and one moment of the slot at which it is asked for: the node's own, so that a
//! cluster's nodes do not ask all at once.

use super::list::{Want, allocatable, list};
use super::millis;
use super::object::Pod;
use crate::clock;
use crate::kubernetes::api::blocking;
use crate::kubernetes::{Api, ApiError};
use crate::sources::{SourceError, fetch};
use highwater_rules::pods::Memory;
use highwater_rules::retry;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// How old a list may be that a source uses at the slot's end, in milliseconds.
const AGE_MAX_MS: i64 = 45_000;
/// How long before the slot's end the early list may be asked for, in seconds.
const EARLY_MAX_S: i64 = 30;
/// Shorter slots have no early list.
const EARLY_SLOT_MIN_S: i64 = 60;
/// What is left between the early list and the slot's end, in seconds.
const EARLY_LEAST_S: i64 = 2;
/// How long the early list may take.
const EARLY: Duration = Duration::from_secs(10);
/// How long what the node has for pods is known, in milliseconds.
const ALLOCATABLE_MAX_MS: i64 = 3_600_000;
/// For how long a failure counts for those who would ask the same, in milliseconds.
const FAILED_MS: i64 = 3_000;

/// What was listed.
#[derive(Debug)]
pub struct Taken {
    pods: Vec<Pod>,
    at_ms: i64,
    number: u64,
}

impl Taken {
    /// The pods that the `n`-th user wants.
    pub fn of(&self, n: u32) -> impl Iterator<Item = &Pod> {
        self.pods.iter().filter(move |pod| pod.wanted.checked_shr(n).unwrap_or(0) & 1 == 1)
    }
}

/// What all users share.
#[derive(Debug)]
pub struct Shared {
    api: Api,
    wants: Vec<Want>,
    /// The user that has to know what the node has for pods, where there is one.
    ram: Option<u32>,
    slot_s: i64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    taken: Option<Arc<Taken>>,
    lists: u64,
    is_asking: bool,
    /// The server asked to be left alone until then.
    not_before_ms: i64,
    allocatable: Option<(u64, i64)>,
    /// What came of the last list that a source asked for, where it failed; its number, and when.
    failed: Option<(Arc<ApiError>, u64, i64)>,
    failures: u64,
    /// The slot's end that the last early list was for, in unix seconds.
    early_for_s: i64,
}

/// One that wants some of the pods.
#[derive(Debug)]
pub struct User {
    shared: Arc<Shared>,
    n: u32,
    used: u64,
    /// The number of the failure that it was told last: it is told each once.
    told: u64,
}

impl Shared {
    /// Asks by `api` for the pods that `wants` want; the `ram`-th of them has to know what the node has for pods. Slots are `slot_s`
    /// long.
    #[must_use]
    pub fn new(api: Api, wants: Vec<Want>, ram: Option<u32>, slot_s: i64) -> Arc<Self> {
        Arc::new(Shared { api, wants, ram, slot_s, state: Mutex::default(), changed: Condvar::new() })
    }

    /// The `n`-th user.
    #[must_use]
    pub fn user(self: &Arc<Self>, n: u32) -> User {
        User { shared: Arc::clone(self), n, used: 0, told: 0 }
    }

    /// Where the API server is.
    #[must_use]
    pub fn place(&self) -> String {
        self.api.place()
    }

    /// When to ask early for the slot that ends at `end_s`, in unix seconds; `None` where that was done, or is not to be.
    #[must_use]
    pub fn early_at(&self, end_s: i64) -> Option<i64> {
        if self.slot_s < EARLY_SLOT_MIN_S || self.state().early_for_s == end_s {
            return None;
        }
        let window_s = EARLY_MAX_S.min(self.slot_s / 10);
        let splay_s = retry::splay(&self.api.config().node, window_s - EARLY_LEAST_S);
        Some(end_s - window_s + splay_s)
    }

    /// Asks early for the slot that ends at `end_s`, in a thread of its own. What goes wrong is tried again at the slot's end.
    pub fn ask_early(self: &Arc<Self>, end_s: i64) {
        let mut state = self.state();
        state.early_for_s = end_s;
        if state.is_asking || clock::boot_ms() < state.not_before_ms {
            return;
        }
        state.is_asking = true;
        drop(state);
        let shared = Arc::clone(self);
        let thread = std::thread::Builder::new().stack_size(fetch::STACK_BYTES);
        let ask = move || {
            let end_ms = clock::boot_ms().saturating_add(millis(EARLY));
            let asked = shared.ask(EARLY);
            let taken = shared.settle(asked, false);
            let Some(ram) = shared.ram else { return };
            let is_unlimited = |taken: Arc<Taken>| taken.of(ram).any(|pod| pod.memory == Memory::Unlimited);
            if taken.is_ok_and(is_unlimited) {
                let left = end_ms.saturating_sub(clock::boot_ms()).max(0).unsigned_abs();
                // Where it fails, the slot's end asks again.
                let _asked_again_then = shared.allocatable(Duration::from_millis(left));
            }
        };
        if thread.spawn(ask).is_err() {
            self.state().is_asking = false;
            self.changed.notify_all();
        }
    }

    /// What the node has for pods, in bytes: asked for at most once an hour. Of an older figure nothing is told.
    pub(super) fn allocatable(&self, within: Duration) -> Result<u64, SourceError> {
        let now_ms = clock::boot_ms();
        let state = self.state();
        if let Some((bytes, at_ms)) = state.allocatable
            && now_ms.saturating_sub(at_ms) < ALLOCATABLE_MAX_MS
        {
            return Ok(bytes);
        }
        let not_before_ms = state.not_before_ms;
        drop(state);
        if now_ms < not_before_ms {
            return Err(asked_to_wait(not_before_ms - now_ms));
        }
        let asked = blocking(&self.api, async {
            let asked = timeout(within, allocatable(&self.api, &self.api.config().node)).await;
            asked.unwrap_or_else(|_| Err(self.late(within)))
        });
        let mut state = self.state();
        match asked {
            Ok(bytes) => {
                state.allocatable = Some((bytes, now_ms));
                Ok(bytes)
            }
            Err(error) => {
                state.wait(&error);
                Err(SourceError::Api(Arc::new(error)))
            }
        }
    }

    fn ask(&self, within: Duration) -> Result<Vec<Pod>, ApiError> {
        blocking(&self.api, async {
            let asked = timeout(within, list(&self.api, &self.api.config().node, &self.wants)).await;
            asked.unwrap_or_else(|_| Err(self.late(within)))
        })
    }

    fn late(&self, limit: Duration) -> ApiError {
        ApiError::Late { place: self.api.place(), limit }
    }

    /// Takes up what came of asking. `is_last` tells that nobody asks again for this slot.
    fn settle(&self, asked: Result<Vec<Pod>, ApiError>, is_last: bool) -> Result<Arc<Taken>, SourceError> {
        let mut state = self.state();
        state.is_asking = false;
        self.changed.notify_all();
        match asked {
            Ok(pods) => {
                state.lists += 1;
                let taken = Arc::new(Taken { pods, at_ms: clock::boot_ms(), number: state.lists });
                state.taken = Some(Arc::clone(&taken));
                state.failed = None;
                Ok(taken)
            }
            Err(error) => {
                state.wait(&error);
                let error = Arc::new(error);
                if is_last {
                    state.failures += 1;
                    state.failed = Some((Arc::clone(&error), state.failures, clock::boot_ms()));
                }
                Err(SourceError::Api(error))
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wait(&mut self, error: &ApiError) {
        if let Some(after_s) = error.retry_after_s() {
            let after_ms = i64::try_from(after_s).unwrap_or(i64::MAX).saturating_mul(1000);
            self.not_before_ms = clock::boot_ms().saturating_add(after_ms);
        }
    }
}

fn asked_to_wait(left_ms: i64) -> SourceError {
    SourceError::AskedToWait { left_s: left_ms.max(0).div_euclid(1000) + 1 }
}

impl User {
    /// What is shared.
    #[must_use]
    pub const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Which user it is.
    #[must_use]
    pub const fn index(&self) -> u32 {
        self.n
    }

    /// A list that is fit for a slot's end: at most 45 s old, and not used before. Where there is none, one is asked for.
    ///
    /// # Errors
    /// When none can be had within that time.
    pub fn take_new(&mut self, within: Duration) -> Result<Arc<Taken>, SourceError> {
        self.take(AGE_MAX_MS, true, within)
    }

    /// A list that may have been used before: of this slot, or the one before it. Where there is none, one is asked for.
    ///
    /// # Errors
    /// When none can be had within that time.
    pub fn take_any(&mut self, within: Duration) -> Result<Arc<Taken>, SourceError> {
        self.take(AGE_MAX_MS.max(self.shared.slot_s.saturating_mul(1000)), false, within)
    }

    fn take(&mut self, age_max_ms: i64, is_new: bool, within: Duration) -> Result<Arc<Taken>, SourceError> {
        let end_ms = clock::boot_ms().saturating_add(millis(within));
        let mut state = self.shared.state();
        loop {
            let now_ms = clock::boot_ms();
            let age_ms = |at_ms: i64| now_ms.saturating_sub(at_ms);
            if let Some(taken) = &state.taken
                && age_ms(taken.at_ms) <= age_max_ms
                && (!is_new || taken.number != self.used)
            {
                self.used = taken.number;
                return Ok(Arc::clone(taken));
            }
            if let Some((error, number, at_ms)) = &state.failed
                && age_ms(*at_ms) <= FAILED_MS
                && *number != self.told
            {
                self.told = *number;
                return Err(SourceError::Api(Arc::clone(error)));
            }
            let left_ms = end_ms - now_ms;
            if left_ms <= 0 {
                return Err(SourceError::Api(Arc::new(self.shared.late(within))));
            }
            if now_ms < state.not_before_ms {
                return Err(asked_to_wait(state.not_before_ms - now_ms));
            }
            let left = Duration::from_millis(left_ms.unsigned_abs());
            if !state.is_asking {
                state.is_asking = true;
                drop(state);
                let asked = self.shared.ask(left);
                let settled = self.shared.settle(asked, true);
                match &settled {
                    Ok(taken) => self.used = taken.number,
                    Err(_) => self.told = self.shared.state().failures,
                }
                return settled;
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
