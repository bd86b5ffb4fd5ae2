//! What a worker does about signals and about its master's death. TERM and USR1 are handled here, in Rust; INT, QUIT and
//! ABRT have Python handlers (they call hooks and raise in the running code), for which this thread only wakes whoever can
//! run them. The watch never attaches to the interpreter.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use tricorn_engine::Drain;
use tricorn_logs::Level;
use tricorn_master::{Signal, SignalQueue};

use crate::worker_state::WorkerState;

/// The descriptors a worker watches beside its engine's.
pub struct SignalWatch {
    state: Arc<WorkerState>,
    queue: SignalQueue,
    /// Becomes readable when Python has caught a signal (`signal.set_wakeup_fd`) or `stop` wants the watch to end.
    python: OwnedFd,
    graceful_timeout: Duration,
}

/// What the watch found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// A Python signal handler waits to be run.
    Handler,
    /// The watch is to end.
    Stop,
}

/// Written to the wake-up descriptor to end the watch; no signal has this number.
pub const STOP: u8 = 0xff;

impl SignalWatch {
    /// Takes over TERM and USR1; `python` is the reading end of the wake-up descriptor.
    pub fn new(
        state: Arc<WorkerState>,
        python: OwnedFd,
        graceful_timeout: Duration,
    ) -> std::io::Result<SignalWatch> {
        let queue = SignalQueue::new(&[Signal::Term, Signal::Usr1])?;
        Ok(SignalWatch { state, queue, python, graceful_timeout })
    }

    /// Blocks until there is something for the interpreter's side; sees to everything else by itself.
    pub fn next(&mut self) -> Watched {
        let mut is_orphan = false;
        loop {
            let lifeline = self.state.seat.lifeline();
            let mut sources = [
                PollFd::new(&self.python, PollFlags::IN),
                PollFd::from_borrowed_fd(self.queue.descriptor(), PollFlags::IN),
                PollFd::from_borrowed_fd(lifeline, PollFlags::IN),
            ];
            // The lifeline stays readable for ever once the master is dead: it is looked at once.
            let watched = if is_orphan { &mut sources[..2] } else { &mut sources[..] };
            if poll(watched, None).is_err() {
                continue; // EINTR: the handler has written to one of the descriptors.
            }
            let has_python_signal = !sources[0].revents().is_empty();
            if !is_orphan && !sources[2].revents().is_empty() {
                is_orphan = true;
                self.state.log(Level::Info, "Parent changed, shutting down");
                self.terminate();
            }
            for signal in self.queue.drain() {
                match signal {
                    Signal::Term => self.terminate(),
                    Signal::Usr1 => self.state.reopen_logs(),
                    _ => {}
                }
            }
            if has_python_signal {
                return self.python_signal();
            }
        }
    }

    /// What TERM means, and the death of the master: finish what runs, and what waits to be accepted. The kernel may have
    /// told this worker alone of a connection (`EPOLLEXCLUSIVE`), and those of a new master (USR2) sleep.
    pub fn terminate(&self) {
        self.state.slot().set_leaving();
        let limit = Some(self.graceful_timeout);
        self.state.engine.drain(Drain { takes_backlog: true, spares_idle: true, limit });
    }

    fn python_signal(&self) -> Watched {
        let mut bytes = [0_u8; 64];
        let count = rustix::io::read(self.python.as_fd(), &mut bytes).unwrap_or(0);
        if bytes[..count].contains(&STOP) { Watched::Stop } else { Watched::Handler }
    }
}
