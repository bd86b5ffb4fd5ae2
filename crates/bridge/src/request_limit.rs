//! `request_timeout`: a request that the application does not begin to answer in time makes its worker unfit.
//!
//! Looked after by the worker's monitor, which runs whatever the application does. It says which request it is, has all
//! stacks dumped, and has the worker replaced as `max_requests` does: the worker serves on with the threads it has left
//! until its successor is ready and the master sends TERM. When it drains and nothing but such requests is left, it asks the
//! master to end it; `graceful_timeout` is behind all of this. A thread cannot be stopped from outside, only a process.

use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use tricorn_engine::monotonic_ms;
use tricorn_logs::Level;
use tricorn_master::RequestSeen;

use crate::worker_state::WorkerState;

/// How often the requests are looked at: a limit counts whole seconds.
pub const LOOKS_EVERY: Duration = Duration::from_millis(250);

/// Two looks further apart than this: the process was stopped meanwhile, and the requests could not go on.
const ABSENCE_MS: u64 = 1500;

/// The limit of one worker.
pub struct RequestLimit {
    limit_ms: u64,
    /// For each runner, when the request began that was reported last.
    reported_ms: Vec<u64>,
    looked_ms: u64,
    /// End of the last absence, 0 if there was none.
    returned_ms: u64,
    has_given_up: bool,
}

impl RequestLimit {
    /// For a worker of so many runners. `now_ms` is `monotonic_ms()`.
    pub fn new(limit: Duration, runners: usize, now_ms: u64) -> RequestLimit {
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        RequestLimit {
            limit_ms,
            reported_ms: vec![0; runners],
            looked_ms: now_ms,
            returned_ms: 0,
            has_given_up: false,
        }
    }

    /// Looks at all runners and does what is due. Never waits for the interpreter.
    pub fn look(&mut self, state: &WorkerState) {
        let now_ms = monotonic_ms();
        self.note_absence(now_ms);
        let mut overdue = 0;
        for index in 0..self.reported_ms.len() {
            let runner = state.slot().runner(index);
            let Some(unanswered) = runner.unanswered().filter(|it| self.is_overdue(it.since_ms, now_ms))
            else {
                continue;
            };
            overdue += 1;
            if self.reported_ms[index] != unanswered.entered_ms {
                self.reported_ms[index] = unanswered.entered_ms;
                let request = runner.request().filter(|seen| seen.entered_ms == unanswered.entered_ms);
                report(state, request, now_ms);
            }
        }
        if overdue > 0 && !self.has_given_up && is_all_that_is_left(state, overdue, self.reported_ms.len()) {
            self.has_given_up = true;
            // The same end as after WORKER TIMEOUT: ABRT with its hook, then KILL.
            if state.seat.give_up().is_err() {
                // The master is dead, and nobody is left to be told.
                let _ = kill_process(getpid(), Signal::KILL);
            }
        }
    }

    fn note_absence(&mut self, now_ms: u64) {
        if now_ms.saturating_sub(self.looked_ms) > ABSENCE_MS {
            self.returned_ms = now_ms;
        }
        self.looked_ms = now_ms;
    }

    fn is_overdue(&self, since_ms: u64, now_ms: u64) -> bool {
        now_ms.saturating_sub(since_ms.max(self.returned_ms)) >= self.limit_ms
    }
}

fn report(state: &WorkerState, request: Option<RequestSeen>, now_ms: u64) {
    // It has ended after all, in this moment.
    let Some(request) = request else { return };
    let line = format!("REQUEST TIMEOUT (pid:{}) {}", state.pid, request.with_age(now_ms));
    state.log(Level::Critical, &line);
    // Without a descriptor to spare there is no dump; the line says the most important.
    let _ = state.seat.dump_stacks();
    state.retire("A request takes too long: this worker will be replaced");
}

/// Is the worker on its way out, with nothing to finish but the requests that are overdue? A worker without a free runner
/// does not get to closing its listeners, and leaves what waits there to others.
fn is_all_that_is_left(state: &WorkerState, overdue: usize, runners: usize) -> bool {
    let takes_more = state.engine.is_listening() && overdue < runners;
    state.engine.is_draining() && !takes_more && state.engine.connections() <= overdue
}
