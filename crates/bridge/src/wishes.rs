//! What Python code in the master asks of it, until the master's loop looks: the number of workers (`num_workers` of
//! `tricorn.arbiter.Arbiter`). Everything else is asked by signals. Also whether this process has a master at all.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// One more than the number that was asked for; 0 is none.
static WORKERS: AtomicUsize = AtomicUsize::new(0);

static IS_SERVING: AtomicBool = AtomicBool::new(false);

/// So many workers are wanted.
pub fn ask_workers(number: usize) {
    WORKERS.store(number.saturating_add(1), Ordering::SeqCst);
}

/// The number that was asked for since the last call.
pub fn take_workers() -> Option<usize> {
    WORKERS.swap(0, Ordering::SeqCst).checked_sub(1)
}

/// The claim of a server to its process: signals, the error log and the fork handlers exist once. A worker inherits it.
pub struct Serving(());

impl Serving {
    /// Claims the process; `None` if it serves already.
    pub fn begin() -> Option<Serving> {
        (!IS_SERVING.swap(true, Ordering::SeqCst)).then_some(Serving(()))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        IS_SERVING.store(false, Ordering::SeqCst);
    }
}
