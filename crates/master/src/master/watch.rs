//! Watching the workers: their bytes on the lifeline, their heartbeats, and the deadlines they were given.
//!
//! A worker that is stuck is asked for a dump of its stacks, aborted, and killed, with time to act between
//! the steps. All verdicts come from `stuck`; here they are carried out.

use rustix::io::Errno;

use super::Master;
use super::reap::{BOOT_ERROR, departure_of};
use crate::children::{Sentence, State, WorkerHandle};
use crate::clock::monotonic_ms;
use crate::fork::dump_signal;
use crate::host::{Host, Level};
use crate::listener::ListenSocket;
use crate::obituary::{End, timeout_line};
use crate::seat::{HOPELESS, READY, REPLACE};
use crate::signals::Signal;
use crate::stuck::{Limits, Stuck, Times, judge};

/// Time for a dump before the abort: pending signals are delivered lowest number first, so both at once would
/// lose it.
const DUMP_MS: u64 = 100;
/// Time from the verdict to SIGKILL.
const SENTENCE_MS: u64 = 2000;
/// An absence of the master that is longer than a tick by this much is one.
const SLACK_MS: u64 = 1500;
/// Time between the end of a lifeline and the end of its process.
const LIFELINE_GRACE_MS: u64 = 1000;

/// The master's own regularity, in `monotonic_ms`.
#[expect(clippy::struct_field_names, reason = "all are times, and a time carries its unit")]
pub(super) struct Watch {
    ticked_ms: u64,
    /// End of the last absence.
    returned_ms: u64,
    /// When a heartbeat may be overdue.
    next_ms: Option<u64>,
    swept_ms: u64,
}

impl Watch {
    pub fn new(now_ms: u64) -> Watch {
        Watch { ticked_ms: now_ms, returned_ms: 0, next_ms: None, swept_ms: now_ms }
    }

    /// Called after every wait, of a tick at most. Answers how long the master was absent, if it was:
    /// stopped, suspended with the machine, starved, or busy in a hook.
    pub fn tick(&mut self, now_ms: u64) -> Option<u64> {
        let passed_ms = now_ms.saturating_sub(self.ticked_ms);
        self.ticked_ms = now_ms;
        if passed_ms <= super::TICK_MS + SLACK_MS {
            return None;
        }
        self.returned_ms = now_ms;
        Some(passed_ms)
    }
}

/// A worker that was told to stop has nothing left that could end by itself: it is not waited for.
fn shorten(child: &mut WorkerHandle, now_ms: u64) {
    let kill_at_ms = match child.state {
        State::Retiring { kill_at_ms } => kill_at_ms.min(now_ms + SENTENCE_MS),
        State::Kept => now_ms + SENTENCE_MS,
        State::Condemned(_) | State::Killed => return,
    };
    // One that was told to go has its successor, or needs none.
    child.is_replaced |= child.state != State::Kept;
    child.state = State::Condemned(Sentence { abort_at_ms: Some(now_ms), kill_at_ms });
}

impl<H: Host> Master<'_, H> {
    pub(super) fn read_lifelines(&mut self) {
        let now_ms = monotonic_ms();
        let reopened_ms = self.logs_reopened_ms;
        for child in self.children.iter_mut() {
            let mut bytes = [0; 16];
            let Some(lifeline) = &child.lifeline else { continue };
            match rustix::io::read(lifeline, &mut bytes) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                Ok(count) if count > 0 => {
                    for byte in &bytes[..count] {
                        match *byte {
                            READY => {
                                child.ready_ms = child.ready_ms.or(Some(now_ms));
                                // It was loading when USR1 came, and disregarded it: its logs may be files
                                // that were rotated away.
                                if reopened_ms >= Some(child.spawned_ms) {
                                    let _ = child.signal(Signal::Usr1.number());
                                }
                            }
                            REPLACE => child.generation = 0,
                            HOPELESS => shorten(child, now_ms),
                            _ => {}
                        }
                    }
                }
                // The end of file of a worker that dies, or of an application that closes what is not its
                // own.
                Ok(_) | Err(_) => {
                    child.lifeline = None;
                    child.lifeline_lost_ms = Some(now_ms);
                }
            }
        }
    }

    /// Everything that is due by the clock.
    pub(super) fn check_deadlines(&mut self) {
        // Of the last tick: if this process is stopped between there and here, a new look at the clock would find every
        // heartbeat old, and the absence not known yet.
        let now_ms = self.watch.ticked_ms;
        self.judge_all(now_ms);
        self.carry_out(now_ms);
        self.overtake_reload();
        self.notifier.watchdog();
        if now_ms.saturating_sub(self.watch.swept_ms) >= super::TICK_MS {
            self.watch.swept_ms = now_ms;
            self.sweep(now_ms);
        }
    }

    pub(super) fn next_deadline_ms(&self) -> Option<u64> {
        let of_child = |state: State| match state {
            State::Kept | State::Killed => None,
            State::Retiring { kill_at_ms } => Some(kill_at_ms),
            State::Condemned(sentence) => Some(sentence.abort_at_ms.unwrap_or(sentence.kill_at_ms)),
        };
        self.children.iter().filter_map(|child| of_child(child.state)).chain(self.watch.next_ms).min()
    }

    fn judge_all(&mut self, now_ms: u64) {
        let limits = Limits::of(&self.plan);
        let returned_ms = self.watch.returned_ms;
        let mut next_ms: Option<u64> = None;
        let mut stuck_ones: Vec<(u32, Stuck)> = Vec::new();
        for child in self.children.iter().filter(|child| child.state == State::Kept) {
            let times = Times { now_ms, returned_ms, spawned_ms: child.spawned_ms, ready_ms: child.ready_ms };
            match judge(limits, child.slot, times) {
                Ok(time) => next_ms = next_ms.into_iter().chain(time).min(),
                Err(stuck) => stuck_ones.push((child.pid, stuck)),
            }
        }
        self.watch.next_ms = next_ms;
        for (pid, stuck) in stuck_ones {
            self.condemn(pid, stuck, now_ms);
        }
    }

    fn condemn(&mut self, pid: u32, stuck: Stuck, now_ms: u64) {
        let patience_ms = Limits::of(&self.plan).timeout_ms.map_or(SENTENCE_MS, |ms| ms.min(SENTENCE_MS));
        let Some(mut child) = self.children.remove(pid) else { return };
        let abort_at_ms = Some(now_ms + DUMP_MS.min(patience_ms / 2));
        child.state = State::Condemned(Sentence { abort_at_ms, kill_at_ms: now_ms + patience_ms });
        // What it is stuck in must be read before the dump: a signal ends some system calls, and with them the request.
        let line = timeout_line(pid, stuck, child.slot, now_ms);
        // ESRCH here and below: it died meanwhile and is reaped next.
        let _ = child.signal(dump_signal());
        self.log(Level::Critical, &line);
        // It serves nobody any more, and it may take its time to die (state D): its place is filled at once.
        child.is_replaced = true;
        let is_failed_start = stuck == Stuck::Boot && self.is_fatal(&child);
        if is_failed_start {
            self.halt(BOOT_ERROR, "Worker failed to boot.");
        } else if child.generation == self.generation {
            self.succeed(&child, departure_of(&child, End::Unknown), None);
        }
        self.children.add(child);
    }

    /// Next steps for workers that were told to go.
    fn carry_out(&mut self, now_ms: u64) {
        let mut overdue = Vec::new();
        for child in self.children.iter_mut() {
            match &mut child.state {
                State::Condemned(sentence) if sentence.abort_at_ms.is_some_and(|time| time <= now_ms) => {
                    sentence.abort_at_ms = None;
                    let _ = child.signal(Signal::Abrt.number());
                }
                State::Condemned(Sentence { kill_at_ms, .. }) | State::Retiring { kill_at_ms }
                    if *kill_at_ms <= now_ms =>
                {
                    overdue.push(child.pid);
                }
                _ => {}
            }
        }
        for pid in overdue {
            self.kill(pid);
        }
    }

    /// SIGKILL. From here on the worker counts no more: one that cannot die (state D) must not keep a place
    /// empty.
    pub(super) fn kill(&mut self, pid: u32) {
        let Some(mut child) = self.children.remove(pid) else { return };
        let is_late = matches!(child.state, State::Retiring { .. });
        let _ = child.signal(nix::libc::SIGKILL);
        child.state = State::Killed;
        if is_late {
            let line = format!("Worker (pid:{pid}) did not stop within its graceful timeout; killing it");
            self.log(Level::Warning, &line);
        }
        self.children.add(child);
    }

    /// What only needs a look now and then.
    fn sweep(&mut self, now_ms: u64) {
        self.bury_stolen();
        self.retire_cut_off(now_ms);
        if !self.is_path_lost && self.listeners.iter().any(ListenSocket::is_path_lost) {
            self.is_path_lost = true;
            let line =
                "The path of a unix socket was removed while the server runs: new clients cannot find it";
            self.log(Level::Error, line);
        }
    }

    /// Replaces workers whose lifeline has ended although they live.
    fn retire_cut_off(&mut self, now_ms: u64) {
        let generation = self.generation;
        let is_cut_off =
            |lost_ms: Option<u64>| lost_ms.is_some_and(|ms| now_ms.saturating_sub(ms) >= LIFELINE_GRACE_MS);
        let mut cut_off = Vec::new();
        for child in self.children.iter_mut() {
            if child.is_kept() && child.generation == generation && is_cut_off(child.lifeline_lost_ms) {
                child.generation = 0;
                cut_off.push(child.pid);
            }
        }
        for pid in cut_off {
            let why = "the application closed descriptors that are not its own";
            self.log(Level::Error, &format!("Worker (pid:{pid}) has lost its lifeline: {why}; replacing it"));
        }
    }
}
