//! Finished responses that wait for each other. While further requests are at hand, a short response of a quick
//! application stays in its wire for a moment, so that some leave together: their client, mostly one process (a proxy), is
//! woken once for all of them, and the application does not lose its caches to the kernel after each. The bench's
//! `flask_hello` shows what that saves.
//!
//! A response waits behind work of its own worker, never for work to come, and for a millisecond ([`HOLD_US`]), or 5 behind an
//! application that turns out to be slow: whoever asks the engine for the next exchange sees to it, and the monitor, which
//! ticks every 4 ms or more often, when nobody does. From the moment it waits it is theirs to send; neither the runner that made
//! it nor the rest of its application is needed for that.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::clock::monotonic_us;
use crate::slots::{Token, lock};
use crate::wire::Wire;

/// From then on what waits leaves at the next opportunity: before another request is begun, or at a tick of the monitor.
const HOLD_US: u64 = 1000;

/// How long applications take whose responses wait. Those that take longer would have others wait and save little; those
/// that take less answer faster than a client falls asleep, and the client would only begin later.
pub(crate) const QUICK_US: RangeInclusive<u64> = 20..=250;

/// A response waits if so many more are expected or waiting already: for one or two it is not worth the time in which the
/// client could have begun.
const WORTHWHILE: usize = 3;

/// A connection whose response waits in its wire.
pub(crate) struct Departure {
    pub wire: Arc<Wire>,
    pub token: Token,
}

/// The connections whose responses wait.
pub(crate) struct Departures {
    most: usize,
    waiting: Mutex<Vec<Departure>>,
    /// A copy of the number that waits, written under the lock: every request asks, and mostly it is 0.
    count: AtomicUsize,
    /// Since when the first of them waits.
    since_us: AtomicU64,
    is_watched: AtomicBool,
    were_wanted: AtomicBool,
}

impl Departures {
    /// At most `most` leave together; 1: each at once.
    pub fn new(most: usize) -> Departures {
        Departures {
            most,
            waiting: Mutex::default(),
            count: AtomicUsize::new(0),
            since_us: AtomicU64::new(0),
            is_watched: AtomicBool::new(false),
            were_wanted: AtomicBool::new(false),
        }
    }

    /// The time at which a request goes into the application, if its response may wait for the `expected` others that are
    /// at hand; otherwise 0.
    pub fn clock_in(&self, expected: usize) -> u64 {
        let is_worthwhile = expected > 0 && expected + self.len() >= WORTHWHILE;
        if self.most > 1 && is_worthwhile { monotonic_us() } else { 0 }
    }

    /// May the response wait whose request went in at `since_us` (of `clock_in`)? Only while the monitor watches.
    pub fn admit(&self, since_us: u64) -> bool {
        let is_wanted = since_us != 0 && QUICK_US.contains(&monotonic_us().saturating_sub(since_us));
        if is_wanted {
            self.were_wanted.store(true, Ordering::Relaxed);
        }
        is_wanted && self.are_watched()
    }

    /// Does the monitor look after those that wait?
    pub fn are_watched(&self) -> bool {
        self.is_watched.load(Ordering::SeqCst)
    }

    /// Takes note of a wire that holds a response.
    pub fn add(&self, departure: Departure) {
        let mut waiting = lock(&self.waiting);
        if waiting.is_empty() {
            self.since_us.store(monotonic_us(), Ordering::Relaxed);
        }
        waiting.push(departure);
        self.count.store(waiting.len(), Ordering::SeqCst);
    }

    /// All of them, for whoever sends them.
    pub fn take(&self) -> Vec<Departure> {
        if self.len() == 0 {
            return Vec::new();
        }
        let mut waiting = lock(&self.waiting);
        self.count.store(0, Ordering::SeqCst);
        std::mem::take(&mut waiting)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// Should they leave before the next request is begun, of which so many are `expected`?
    pub fn are_due(&self, expected: usize) -> bool {
        let count = self.len();
        count > 0 && (expected == 0 || count >= self.most || self.are_overdue())
    }

    /// Have they waited for long enough?
    pub fn are_overdue(&self) -> bool {
        self.len() > 0 && monotonic_us().saturating_sub(self.since_us.load(Ordering::Relaxed)) >= HOLD_US
    }

    /// The monitor's word: does it look often enough for responses to wait?
    pub fn watch(&self, is_watched: bool) {
        self.is_watched.store(is_watched, Ordering::SeqCst);
    }

    /// Was there a response that could wait, since this was last asked?
    pub fn were_wanted(&self) -> bool {
        self.were_wanted.swap(false, Ordering::Relaxed)
    }
}
