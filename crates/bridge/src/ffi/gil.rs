//! Letting go of the interpreter while a thread waits. A runner has one `PyThreadState` for its whole life; around a wait
//! it is saved and restored, which is all that releasing and taking the GIL is.

use pyo3_ffi as ffi;
use tricorn_engine::{Gate, monotonic_ms};
use tricorn_master::RunnerSlot;

/// The engine's gate: `detached` runs without the GIL. The scoreboard learns when the thread wants it back, so that the
/// master can see a runner that never gets it.
pub struct Detachable {
    slot: Option<RunnerSlot>,
}

impl Detachable {
    /// A gate of the calling thread, which is attached, for as long as it stays so outside of `detached`.
    pub fn new(slot: Option<RunnerSlot>) -> Detachable {
        Detachable { slot }
    }
}

impl Gate for Detachable {
    fn detached<R>(&mut self, wait: impl FnOnce() -> R) -> R {
        // SAFETY: rule 1: this thread is attached.
        let restore = Restore { thread_state: unsafe { ffi::PyEval_SaveThread() }, slot: self.slot };
        let result = wait();
        drop(restore);
        result
    }
}

/// Attaches again when it is dropped, also while a panic unwinds: code above must find the thread attached.
struct Restore {
    thread_state: *mut ffi::PyThreadState,
    slot: Option<RunnerSlot>,
}

impl Drop for Restore {
    fn drop(&mut self) {
        if let Some(slot) = &self.slot {
            slot.begin_attach(monotonic_ms());
        }
        // SAFETY: the state was saved by this thread a moment ago and is restored exactly once.
        unsafe { ffi::PyEval_RestoreThread(self.thread_state) };
        if let Some(slot) = &self.slot {
            slot.end_attach();
        }
    }
}
