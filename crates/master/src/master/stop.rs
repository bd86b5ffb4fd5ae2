//! stop: of one worker (retire) and of the server, gracefully, quickly, or because it cannot boot.
//!
//! Nothing waits here: a worker that is told to stop gets a deadline, and the loop goes on until the table is
//! empty. INT or QUIT make a graceful stop quick; once more makes it immediate.

use super::Master;
use crate::children::{Sentence, State};
use crate::clock::monotonic_ms;
use crate::host::{Hook, Host, Level};
use crate::signals::Signal;

/// Time for running requests in a quick stop.
const QUICK_MS: u64 = 2000;
/// Time for workers that are ready when the first boot of others fails.
const HALT_MS: u64 = 500;
/// Time for SIGKILL to take effect before the master leaves without the dead.
const UNKILLABLE_MS: u64 = 1000;

/// How a worker is told to stop.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Finish what runs: SIGTERM.
    Graceful,
    /// Let it be: SIGQUIT.
    Quick,
    /// As `Quick`, with less time.
    Halt,
}

/// A server that stops.
pub(super) struct Stop {
    is_quick: bool,
    code: i32,
    reason: Option<&'static str>,
    /// When the master leaves although a worker cannot be killed.
    pub give_up_ms: u64,
}

impl<H: Host> Master<'_, H> {
    pub(super) fn stop_gracefully(&mut self) {
        if self.stop.is_none() {
            self.begin_stop(Way::Graceful, 0, None);
        }
    }

    pub(super) fn stop_quickly(&mut self) {
        match &mut self.stop {
            None => self.begin_stop(Way::Quick, 0, None),
            Some(stop) if !stop.is_quick => {
                stop.is_quick = true;
                self.log(Level::Info, "Quick shutdown requested");
                self.retire_all(Way::Quick);
            }
            Some(_) => {
                let pids: Vec<u32> = self.children.iter().map(|child| child.pid).collect();
                for pid in pids {
                    self.kill(pid);
                }
            }
        }
    }

    /// The first workers cannot boot.
    pub(super) fn halt(&mut self, code: i32, reason: &'static str) {
        self.begin_stop(Way::Halt, code, Some(reason));
    }

    fn begin_stop(&mut self, way: Way, code: i32, reason: Option<&'static str>) {
        self.stop = Some(Stop { is_quick: way != Way::Graceful, code, reason, give_up_ms: u64::MAX });
        match &self.successor {
            Some(successor) => self.notifier.handing_over(successor.pid),
            None => self.notifier.stopping(),
        }
        self.vacancies.clear();
        self.close_listeners();
        self.retire_all(way);
    }

    /// Our copies only: the workers have theirs, and drain what waits in the accept queue.
    fn close_listeners(&mut self) {
        self.ports.clear();
        let owns_paths = self.owns_paths();
        for listener in self.listeners.drain(..).chain(self.old_listeners.drain(..)) {
            if owns_paths {
                listener.remove_path();
            }
        }
    }

    fn retire_all(&mut self, way: Way) {
        let pids: Vec<u32> = self.children.iter().map(|child| child.pid).collect();
        for pid in pids {
            self.retire(pid, way);
        }
        let end_ms = monotonic_ms() + self.patience_ms(way) + UNKILLABLE_MS;
        if let Some(stop) = &mut self.stop {
            stop.give_up_ms = end_ms;
        }
    }

    fn patience_ms(&self, way: Way) -> u64 {
        let graceful_ms = self.plan.graceful_timeout.as_millis() as u64;
        match way {
            Way::Graceful => graceful_ms,
            Way::Quick => graceful_ms.min(QUICK_MS),
            Way::Halt => graceful_ms.min(HALT_MS),
        }
    }

    /// Tells one worker to stop. A worker that is not ready gets SIGTERM in any case: it still has the
    /// kernel's default for signals, which for SIGQUIT would be a core dump.
    pub(super) fn retire(&mut self, pid: u32, way: Way) {
        let patience_ms = self.patience_ms(way);
        // Whoever still waits in the accept queue is the new master's, if there is one.
        let is_last_chance = (self.owns_paths() || self.plan.reuse_port)
            && (self.stop.is_some() || !self.old_listeners.is_empty())
            || self.ports.is_given_up_by(pid, self.wanted);
        let Some(child) = self.children.iter_mut().find(|child| child.pid == pid) else { return };
        if child.state == State::Killed {
            return;
        }
        let mut kill_at_ms = monotonic_ms() + patience_ms;
        // Nobody gains time by being told twice.
        match child.state {
            State::Condemned(Sentence { kill_at_ms: before_ms, .. })
            | State::Retiring { kill_at_ms: before_ms } => {
                kill_at_ms = kill_at_ms.min(before_ms);
            }
            State::Kept | State::Killed => {}
        }
        if is_last_chance {
            child.slot.set_server_stopping();
        }
        child.state = State::Retiring { kill_at_ms };
        let signal = if way == Way::Graceful || !child.slot.is_ready() { Signal::Term } else { Signal::Quit };
        // ESRCH: it has just died and is reaped next.
        let _ = child.signal(signal.number());
    }

    /// Stops `count` workers of the newest generation: those that still load first, then the oldest.
    pub(super) fn retire_current(&mut self, count: usize) {
        let generation = self.generation;
        self.retire_some(count, |of| of == generation);
    }

    /// Stops `count` outdated workers, oldest first.
    pub(super) fn retire_outdated(&mut self, count: usize) {
        let generation = self.generation;
        self.retire_some(count, |of| of != generation);
    }

    fn retire_some(&mut self, count: usize, is_meant: impl Fn(u64) -> bool) {
        let kept = self.children.iter().filter(|child| child.is_kept() && is_meant(child.generation));
        let mut order: Vec<(bool, u64, u32)> =
            kept.map(|child| (child.is_ready(), child.age, child.pid)).collect();
        order.sort_unstable();
        for (_, _, pid) in order.into_iter().take(count) {
            self.retire(pid, Way::Graceful);
        }
    }

    /// The exit code, once there is nobody left to wait for.
    pub(super) fn finished(&mut self) -> Option<i32> {
        let stop = self.stop.as_ref()?;
        let is_over = monotonic_ms() >= stop.give_up_ms;
        if !self.children.is_empty() && !is_over {
            return None;
        }
        let (code, reason) = (stop.code, stop.reason);
        let left: Vec<String> = self.children.iter().map(|child| child.pid.to_string()).collect();
        if !left.is_empty() {
            self.log(
                Level::Error,
                &format!("Workers that cannot be killed are left behind: {}", left.join(", ")),
            );
        }
        Some(self.finish(code, reason))
    }

    /// The last words and the last hook.
    pub(super) fn finish(&mut self, code: i32, reason: Option<&str>) -> i32 {
        let level = if code == 0 { Level::Info } else { Level::Error };
        self.log(level, &format!("Shutting down: {}", self.name()));
        if let Some(reason) = reason {
            self.log(level, &format!("Reason: {reason}"));
        }
        self.clean_up();
        let view = self.view();
        self.call_hook(Hook::OnExit(&view));
        code
    }

    /// Leaves nothing behind in the file system.
    pub(super) fn clean_up(&mut self) {
        self.close_listeners();
        if let Some(pidfile) = self.pidfile.take() {
            pidfile.remove();
        }
    }
}
