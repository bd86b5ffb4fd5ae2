//! The threads of a worker with several: one runner each. They are made before the worker says that it serves, and wait:
//! where the machine has no room for all of them (a limit of the container), the boot has failed, and those who serve go on.
//! Used by `worker`, whose main thread watches the signals meanwhile.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use pyo3::prelude::*;
use tricorn_logs::Level;

use crate::python;
use crate::runner::End;
use crate::runner_parts::PartsMaker;
use crate::signal_watch::STOP;
use crate::worker_state::WorkerState;

/// Stack of a thread that runs Python: `CPython`'s recursion limit assumes the size of a main thread's.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// Threads that wait for `begin`. Without it they end when this does.
pub struct Crew {
    may_begin: Arc<OnceLock<bool>>,
}

impl Crew {
    /// Makes `count` threads. When the last one has served, `STOP` is written to `wakeup`. Fails as `pthread_create(3)` does.
    pub fn muster(
        state: &Arc<WorkerState>,
        parts: &Arc<PartsMaker>,
        wakeup: &Arc<OwnedFd>,
        count: usize,
    ) -> io::Result<Crew> {
        let crew = Crew { may_begin: Arc::new(OnceLock::new()) };
        let left = Arc::new(AtomicUsize::new(count));
        for index in 0..count {
            let (state, parts, may_begin) = (state.clone(), parts.clone(), crew.may_begin.clone());
            let place = Place { left: left.clone(), wakeup: wakeup.clone() };
            let run = move || {
                let _place = place;
                if *may_begin.wait() {
                    run_thread(&state, &parts, index);
                }
            };
            thread::Builder::new()
                .name(format!("tricorn-runner-{index}"))
                .stack_size(STACK_BYTES)
                .spawn(run)?;
        }
        Ok(crew)
    }

    /// Lets them serve.
    pub fn begin(&self) {
        // It is set by nobody else before the end of `self`.
        let _ = self.may_begin.set(true);
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        // Those who have begun do not ask again.
        let _ = self.may_begin.set(false);
    }
}

/// The place of one thread. It is given up however the thread ends, by a panic too: the worker must not wait for it.
struct Place {
    left: Arc<AtomicUsize>,
    wakeup: Arc<OwnedFd>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            // Fails only if the pipe is full, and then the watch wakes up as well.
            let _ = rustix::io::write(&self.wakeup, &[STOP]);
        }
    }
}

fn run_thread(state: &Arc<WorkerState>, parts: &PartsMaker, index: usize) {
    // Attached once and for good: one thread state for the runner's life. The gate lets go of it round every wait.
    Python::attach(|py| match parts.runner(py, state, index, false) {
        Ok(mut runner) => {
            let _: End = runner.run();
        }
        Err(error) => state.log(Level::Critical, &python::traceback(py, &error)),
    });
}
