//! reap: collect every child that has ended, say so, and decide what its end means.
//!
//! During the first boot a worker that fails to boot ends the server (exit codes 3 and 4, as in Gunicorn).
//! Later it costs a delay: what serves goes on. Children that are not workers (orphans of PID 1) are
//! collected without a word.

use rustix::io::Errno;
use rustix::process::{WaitOptions, WaitStatus, wait};

use super::{Master, Phase};
use crate::backoff::Departure;
use crate::children::{State, WorkerHandle};
use crate::clock::monotonic_ms;
use crate::host::{Hook, Host, Level};
use crate::obituary::{Death, End, lines};

/// Exit code of a worker that failed to boot.
pub(super) const BOOT_ERROR: i32 = 3;
/// Exit code of a worker whose application failed to load.
const APP_LOAD_ERROR: i32 = 4;

impl<H: Host> Master<'_, H> {
    pub(super) fn reap(&mut self) {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => self.bury(pid.as_raw_nonzero().get() as u32, end_of(status)),
                Err(Errno::INTR) => {}
                // ECHILD: no children at all.
                Ok(None) | Err(_) => break,
            }
        }
    }

    /// Takes those out of the table that user code in the master has reaped before us.
    pub(super) fn bury_stolen(&mut self) {
        let stolen: Vec<u32> =
            self.children.iter().filter(|child| child.is_stolen()).map(|child| child.pid).collect();
        for pid in stolen {
            self.bury(pid, End::Unknown);
        }
    }

    fn bury(&mut self, pid: u32, end: End) {
        let Some(mut child) = self.children.remove(pid) else {
            if self.bury_successor(pid, end) {
                return;
            }
            self.log(Level::Debug, &format!("Reaped unknown child process (pid:{pid}, status:{end:?})"));
            return;
        };
        self.ports.release(pid);
        // The byte "ready" may still be unread when the worker is dead already.
        if child.ready_ms.is_none() && child.slot.is_ready() {
            child.ready_ms = Some(monotonic_ms());
        }
        self.tell(&child, end);
        let view = self.view();
        let hook = Hook::ChildExit {
            view: &view,
            child: &child.view(),
            exit_code: end.exit_code(),
            signal: end.signal(),
        };
        self.call_hook(hook);
        self.replace(&child, end);
        child.slot.clear();
    }

    fn tell(&mut self, child: &WorkerHandle, end: End) {
        let now_ms = monotonic_ms();
        let in_flight: Vec<_> = child.slot.runners().filter_map(|runner| runner.request()).collect();
        let death = Death {
            pid: child.pid,
            end,
            sent: child.sent,
            lived_ms: now_ms.saturating_sub(child.spawned_ms),
            requests: child.slot.requests(),
            in_flight: &in_flight,
            now_ms,
        };
        for (level, line) in lines(&death) {
            self.log(level, &line);
        }
    }

    /// What the end of a worker means for the server.
    fn replace(&mut self, child: &WorkerHandle, end: End) {
        let was_told = matches!(child.state, State::Retiring { .. });
        if self.stop.is_some() || was_told || child.is_replaced {
            return;
        }
        let reason = match end {
            End::Exited(BOOT_ERROR) => Some("Worker failed to boot."),
            End::Exited(APP_LOAD_ERROR) => Some("App failed to load."),
            _ => None,
        };
        if let (Some(reason), Some(code), true) = (reason, end.exit_code(), self.is_fatal(child)) {
            self.halt(code, reason);
            return;
        }
        // An outdated worker has its successors on the way already.
        if child.generation == self.generation {
            self.succeed(child, departure_of(child, end), reason);
        }
    }

    /// A boot that fails ends the server only while it starts: for the workers of the start, and while nobody
    /// serves.
    pub(super) fn is_fatal(&self, child: &WorkerHandle) -> bool {
        let is_of_start = child.age <= self.workers_at_start;
        let is_serving = || self.children.iter().any(|other| other.is_kept() && other.is_ready());
        self.phase == Phase::FirstBoot && !child.is_ready() && (is_of_start || !is_serving())
    }

    /// Opens the place of a lost worker again.
    pub(super) fn succeed(&mut self, child: &WorkerHandle, departure: Departure, reason: Option<&str>) {
        let wait_ms = self.vacate(child.failures, departure);
        let pid = child.pid;
        if departure == Departure::BootFailed {
            if self.reload.is_running() && !std::mem::replace(&mut self.reload.has_failed, true) {
                self.notifier.reload_failed();
            }
            let reason = reason.unwrap_or("Worker failed to boot.");
            let waiting = if self.reload.is_running() {
                " (the reload waits, the old workers keep serving)"
            } else {
                ""
            };
            let line = format!("{reason} (pid:{pid}) Trying again in {wait_ms} ms{waiting}");
            self.log(Level::Error, &line);
        } else if wait_ms > 0 {
            let line = format!(
                "Worker (pid:{pid}) died right after its start, again; its successor waits {wait_ms} ms"
            );
            self.log(Level::Error, &line);
        }
    }
}

pub(super) fn departure_of(child: &WorkerHandle, end: End) -> Departure {
    match child.ready_ms {
        None => Departure::BootFailed,
        Some(ready_ms) => Departure::Served {
            ready_for_ms: monotonic_ms().saturating_sub(ready_ms),
            requests: child.slot.requests(),
            is_clean: end == End::Exited(0),
        },
    }
}

fn end_of(status: WaitStatus) -> End {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => End::Exited(code),
        (None, Some(number)) => End::Signaled(number),
        (None, None) => End::Unknown,
    }
}
