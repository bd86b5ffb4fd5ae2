//! A worker's part of the scoreboard: two cache lines, then its runners.
//!
//! The first line is written by the worker's monitor (beat, ready), the second by its runners (requests), so
//! that counting a request does not pull the line that the monitor beats on.

use std::sync::atomic::{AtomicU64, Ordering};

use super::LINE_WORDS;
use super::runner::{self, RunnerSlot};

/// Words before the first runner.
pub(super) const WORDS: usize = 2 * LINE_WORDS;

const BEAT_MS: usize = 0;
const READY: usize = 1;
const PID: usize = 2;
const AGE: usize = 3;
const STOPPING: usize = 4;
const LEAVING: usize = 5;
const REQUESTS: usize = LINE_WORDS;

/// One worker's slot. Cheap to copy; all writes are relaxed atomics without a system call.
#[derive(Clone, Copy)]
pub struct WorkerSlot {
    words: &'static [AtomicU64],
}

impl WorkerSlot {
    pub(super) fn new(words: &'static [AtomicU64]) -> WorkerSlot {
        WorkerSlot { words }
    }

    /// The monitor says that this process runs. Owed at least once a second and twice per `timeout`.
    pub fn beat(&self, now_ms: u64) {
        self.words[BEAT_MS].store(now_ms, Ordering::Relaxed);
    }

    /// Time of the last beat, 0 before the first.
    pub fn beat_ms(&self) -> u64 {
        self.words[BEAT_MS].load(Ordering::Relaxed)
    }

    /// The application is loaded and the worker accepts. `Seat::report_ready` calls this.
    pub fn set_ready(&self) {
        self.words[READY].store(1, Ordering::Relaxed);
    }

    /// `set_ready` was called.
    pub fn is_ready(&self) -> bool {
        self.words[READY].load(Ordering::Relaxed) != 0
    }

    /// The whole server stops (not only this worker), or a reload gave up this worker's listeners: nobody
    /// else will serve what waits in the accept queue, so the worker drains it before it goes. Set before
    /// SIGTERM is sent.
    pub fn is_server_stopping(&self) -> bool {
        self.words[STOPPING].load(Ordering::Relaxed) != 0
    }

    /// The worker has begun to drain: nothing should be given to it any more.
    pub fn set_leaving(&self) {
        self.words[LEAVING].store(1, Ordering::Relaxed);
    }

    /// Does this worker serve, and will it go on?
    pub fn is_taking_work(&self) -> bool {
        self.is_ready() && !self.is_server_stopping() && self.words[LEAVING].load(Ordering::Relaxed) == 0
    }

    pub(crate) fn set_server_stopping(&self) {
        self.words[STOPPING].store(1, Ordering::Relaxed);
    }

    /// Counts a finished request.
    pub fn add_request(&self) {
        self.words[REQUESTS].fetch_add(1, Ordering::Relaxed);
    }

    /// Requests finished since the fork.
    pub fn requests(&self) -> u64 {
        self.words[REQUESTS].load(Ordering::Relaxed)
    }

    /// Slots for runners.
    pub fn runners_max(&self) -> usize {
        (self.words.len() - WORDS) / runner::WORDS
    }

    /// The slot of runner `index`. Panics if `index` is not below `runners_max()`.
    pub fn runner(&self, index: usize) -> RunnerSlot {
        RunnerSlot::new(&self.words[WORDS + index * runner::WORDS..][..runner::WORDS])
    }

    /// All runner slots, used or not.
    pub fn runners(&self) -> impl Iterator<Item = RunnerSlot> + use<> {
        let slot = *self;
        (0..slot.runners_max()).map(move |index| slot.runner(index))
    }

    /// Pid of the worker, 0 if the slot is free.
    pub fn pid(&self) -> u64 {
        self.words[PID].load(Ordering::Relaxed)
    }

    /// Serial number of the spawn.
    pub fn age(&self) -> u64 {
        self.words[AGE].load(Ordering::Relaxed)
    }

    /// Empties the slot for the next worker. Called by the master while no process uses it.
    pub(crate) fn clear(&self) {
        for word in self.words {
            word.store(0, Ordering::Relaxed);
        }
    }

    /// The master enters whom it has forked.
    pub(crate) fn set_process(&self, pid: u32, age: u64) {
        self.words[PID].store(u64::from(pid), Ordering::Relaxed);
        self.words[AGE].store(age, Ordering::Relaxed);
    }
}
