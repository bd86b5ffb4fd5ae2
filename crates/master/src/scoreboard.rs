//! The only state that master and workers share: one anonymous mapping made before the first fork.
//!
//! Owns the layout and hands out views of it; the views are plain words of atomics, so nothing beyond this
//! file needs `unsafe`. Writers are one worker and its runners, each on cache lines of its own; readers are
//! the master and whoever shows the state. It works when every worker is stuck, and needs no file system
//! (unlike Gunicorn's heartbeat file).

mod runner;
#[cfg(test)]
mod tests;
mod worker;

use std::io;
use std::ptr;
use std::sync::atomic::AtomicU64;

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

pub use runner::{RequestSeen, RunnerSlot, Unanswered};
pub use worker::WorkerSlot;

/// One cache line of 64 bytes.
const LINE_WORDS: usize = 8;

/// The table of workers. The memory is never unmapped: slots are handed to threads without a lifetime, and a
/// server makes a second table only when a reload raises the number of runners beyond all earlier ones.
#[derive(Clone, Copy)]
pub struct Scoreboard {
    workers: &'static [AtomicU64],
    workers_max: usize,
    runners_max: usize,
}

impl Scoreboard {
    /// Maps a table for `workers` workers (with room for TTIN and for both generations of a reload) and
    /// `runners_per_worker` runners each. Fails as mmap(2) does.
    pub fn new(workers: usize, runners_per_worker: usize) -> io::Result<Scoreboard> {
        let workers_max = (2 * workers + 16).max(64);
        let runners_max = runners_per_worker.max(1);
        let workers = map_words(workers_max * worker_words(runners_max))?;
        Ok(Scoreboard { workers, workers_max, runners_max })
    }

    /// Slots for workers.
    pub fn workers_max(&self) -> usize {
        self.workers_max
    }

    /// Slots for runners of each worker.
    pub fn runners_max(&self) -> usize {
        self.runners_max
    }

    /// The slot of one worker. Panics if `index` is not below `workers_max()`.
    pub fn worker(&self, index: usize) -> WorkerSlot {
        let words = worker_words(self.runners_max);
        WorkerSlot::new(&self.workers[index * words..][..words])
    }
}

fn worker_words(runners_max: usize) -> usize {
    worker::WORDS + runners_max * runner::WORDS
}

/// Shared, zeroed, page-aligned words that live as long as the process and are seen by all children.
fn map_words(count: usize) -> io::Result<&'static [AtomicU64]> {
    let bytes = count
        .checked_mul(size_of::<AtomicU64>())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the scoreboard would be too large"))?;
    let prot = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a null hint lets the kernel choose the place, so no mapping of ours is replaced.
    let start = unsafe { mmap_anonymous(ptr::null_mut(), bytes, prot, MapFlags::SHARED) }?;
    // SAFETY: the mapping is `bytes` long, zeroed (a valid AtomicU64), page-aligned, never unmapped, and only
    // ever accessed through atomics, in this process and in its children.
    Ok(unsafe { std::slice::from_raw_parts(start.cast::<AtomicU64>(), count) })
}
