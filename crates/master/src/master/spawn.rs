//! maintain and spawn: keep the number of workers, fork one.
//!
//! A place that is empty is a `Vacancy` with a time before which it is not filled. Which places to open or
//! give up, and whom to retire, is decided by `roster`; here it is done. The child's side of the fork ends in
//! `become_worker`.

use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{Pid, Signal as KillSignal, kill_process};

use super::{Master, Phase};
use crate::backoff::{Departure, delay_ms, failures_after, successor_delay_ms};
use crate::children::{Birth, WorkerHandle};
use crate::clock::monotonic_ms;
use crate::fork::{Side, exit_now, fork_blocked};
use crate::host::{Hook, Host, Level};
use crate::notify::Notifier;
use crate::privileges::Privileges;
use crate::roster::{Decision, Tally, decide};
use crate::seat::Seat;
use crate::signals::reset_in_child;

/// An empty place.
#[derive(Clone, Copy)]
pub(super) struct Vacancy {
    /// Failures in a row in this place.
    pub failures: u32,
    pub not_before_ms: u64,
}

/// fork(2) fails (EAGAIN, ENOMEM): all places wait together.
#[derive(Default)]
pub(super) struct ForkPause {
    failures: u32,
    not_before_ms: u64,
}

/// Forks between two looks at the signals; the rest follow without a wait.
const FORKS_PER_PASS: usize = 8;

/// Longest pause between two attempts while no worker serves at all.
const LONELY_MS_MAX: u64 = 1000;

/// Time until a full scoreboard is looked at again.
const NO_SLOT_PAUSE_MS: u64 = 200;

/// Exit code of a worker whose Rust code panicked outside a connection.
const PANIC_CODE: i32 = 255;

impl<H: Host> Master<'_, H> {
    /// Brings the workers to the number wanted, as far as that can be done now.
    pub(super) fn maintain(&mut self) {
        if self.stop.is_some() {
            return;
        }
        let decision = decide(self.tally());
        let now_ms = monotonic_ms();
        let fresh = Vacancy { failures: 0, not_before_ms: now_ms };
        self.vacancies.extend(std::iter::repeat_n(fresh, decision.open));
        // Those that would wait longest are given up first.
        self.vacancies.sort_by_key(|vacancy| vacancy.not_before_ms);
        self.vacancies.truncate(self.vacancies.len() - decision.close);
        self.retire_current(decision.retire_current);
        self.retire_outdated(decision.retire_outdated);
        self.fill_vacancies(now_ms);
        let is_worker_due = self.next_spawn_ms().is_some_and(|ms| ms <= now_ms + LONELY_MS_MAX);
        self.ports.trim(self.wanted, is_worker_due);
        self.report_number();
        self.complete_boot_and_reload();
    }

    /// Gunicorn's debug line, when the number has changed.
    fn report_number(&mut self) {
        let number = self.children.iter().filter(|child| child.is_kept()).count();
        if number != self.reported_number {
            self.reported_number = number;
            self.host.workers_counted(number);
        }
    }

    pub(super) fn tally(&self) -> Tally {
        let mut tally = Tally { wanted: self.wanted, vacancies: self.vacancies.len(), ..Tally::default() };
        for child in self.children.iter().filter(|child| child.is_kept()) {
            if child.generation != self.generation {
                tally.outdated += 1;
            } else if child.is_ready() {
                tally.current_ready += 1;
            } else {
                tally.current_booting += 1;
            }
        }
        tally
    }

    /// The next `maintain` has something to do already: a reload has begun in the last one.
    pub(super) fn is_unsettled(&self) -> bool {
        self.stop.is_none() && decide(self.tally()) != Decision::default()
    }

    fn complete_boot_and_reload(&mut self) {
        let tally = self.tally();
        let is_complete = tally.current_ready >= tally.wanted && tally.outdated == 0;
        if is_complete && self.phase == Phase::FirstBoot && tally.wanted > 0 {
            self.phase = Phase::Running;
            self.log(Level::Info, &format!("Start complete: {} workers serve", tally.wanted));
            self.notifier.ready();
        }
        if is_complete {
            self.complete_reload();
        }
    }

    /// When the next vacancy may be filled.
    pub(super) fn next_spawn_ms(&self) -> Option<u64> {
        let first = self.vacancies.iter().map(|vacancy| vacancy.not_before_ms).min()?;
        Some(first.max(self.fork_pause.not_before_ms))
    }

    fn fill_vacancies(&mut self, now_ms: u64) {
        for _ in 0..FORKS_PER_PASS {
            if self.fork_pause.not_before_ms > now_ms {
                return;
            }
            let Some(index) = self.vacancies.iter().position(|vacancy| vacancy.not_before_ms <= now_ms)
            else {
                return;
            };
            let Some(slot) = self.children.free_slot(self.board_serial, self.board.workers_max()) else {
                self.vacancies[index].not_before_ms = now_ms + NO_SLOT_PAUSE_MS;
                continue;
            };
            match self.spawn(slot, self.vacancies[index].failures) {
                Ok(()) => {
                    self.vacancies.remove(index);
                    self.fork_pause = ForkPause::default();
                }
                Err(error) => self.pause_forking(&error),
            }
        }
    }

    fn pause_forking(&mut self, error: &io::Error) {
        self.fork_pause.failures = self.fork_pause.failures.saturating_add(1);
        let wait_ms = delay_ms(self.fork_pause.failures, self.jitter.next());
        self.fork_pause.not_before_ms = monotonic_ms() + wait_ms;
        self.log(Level::Error, &format!("Can't fork a worker: {error}; trying again in {wait_ms} ms"));
    }

    /// Forks one worker into scoreboard slot `index`. In the child it does not return.
    fn spawn(&mut self, index: usize, failures: u32) -> io::Result<()> {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        let reserved: Vec<_> = self.listeners.iter().filter(|listener| listener.is_reserved()).collect();
        let generation = self.generation;
        let stay = self.children.iter().filter(|child| child.is_kept() && child.generation == generation);
        let staying: Vec<u32> = stay.map(|child| child.pid).collect();
        let stays = |pid| staying.contains(&pid);
        let set = self.ports.choose(&reserved, self.wanted, &self.plan, stays);
        let set = set.map_err(|error| io::Error::other(error.to_string()))?;
        let age = self.worker_age + 1;
        let view = self.view();
        self.call_hook(Hook::PreFork { view: &view, age });
        let slot = self.board.worker(index);
        slot.clear();
        let spawned_ms = monotonic_ms();
        self.host.before_fork();
        let forked = fork_blocked(reset_in_child);
        let pid = match forked {
            Ok(Side::Child) => {
                self.host.after_fork_child();
                drop(ours);
                self.become_worker(index, age, theirs, set);
            }
            Ok(Side::Parent(pid)) => {
                self.host.after_fork_parent();
                pid
            }
            Err(error) => {
                self.host.after_fork_parent();
                return Err(error);
            }
        };
        drop(theirs);
        slot.set_process(pid, age);
        self.worker_age = age;
        let (generation, place) = (self.generation, (self.board_serial, index));
        let birth = Birth { pid, age, generation, slot, place, lifeline: ours, spawned_ms, failures };
        match WorkerHandle::new(birth) {
            Ok(handle) => {
                self.children.add(handle);
                if let Some(set) = set {
                    self.ports.hold(set, pid);
                }
            }
            Err(error) => {
                // Without a pidfd (EMFILE) the child is not taken on. It is not reaped yet, so the pid is its
                // own.
                let pid = Pid::from_raw(pid as i32).expect("fork gives a positive pid");
                let _ = kill_process(pid, KillSignal::KILL);
                return Err(error);
            }
        }
        Ok(())
    }

    /// The child's life. Nothing that is the master's remains: not its ends of the lifelines, not its signal
    /// queue.
    fn become_worker(&mut self, index: usize, age: u64, lifeline: OwnedFd, port_set: Option<usize>) -> ! {
        self.children.forget();
        self.signals = None;
        self.old_listeners.clear();
        self.notifier = Notifier::default();
        let mut listeners = std::mem::take(&mut self.listeners);
        listeners.retain(|listener| !listener.is_reserved());
        listeners.extend(port_set.map(|index| self.ports.take(index)).unwrap_or_default());
        let seat = Seat {
            listeners,
            slot: self.board.worker(index),
            siblings: self.handover.take().map(|handover| handover.into_siblings(self.board, index)),
            lifeline,
            age,
            ppid: self.pid,
            runners: self.plan.runners_per_worker,
            privileges: Privileges {
                user: self.plan.user,
                group: self.plan.group,
                initgroups: self.plan.initgroups,
            },
        };
        let pid = std::process::id();
        // A panic must not unwind into the master's loop: this process would go on as a second master.
        let result = catch_unwind(AssertUnwindSafe(|| {
            self.log(Level::Info, &format!("Booting worker with pid: {pid}"));
            let code = self.host.run_worker(seat);
            self.log(Level::Info, &format!("Worker exiting (pid: {pid})"));
            code
        }));
        exit_now(result.unwrap_or(PANIC_CODE));
    }

    /// A worker of the newest generation is lost: when its place may be filled again. Returns the wait.
    pub(super) fn vacate(&mut self, failures_before: u32, departure: Departure) -> u64 {
        let failures = failures_after(failures_before, departure);
        let mut wait_ms = successor_delay_ms(failures, departure, self.jitter.next());
        let now_ms = monotonic_ms();
        if !self.children.iter().any(|other| other.is_kept() && other.is_ready()) {
            // Nobody serves: whatever the places have behind them, the server is tried for once a second.
            wait_ms = wait_ms.min(LONELY_MS_MAX);
            for vacancy in &mut self.vacancies {
                vacancy.not_before_ms = vacancy.not_before_ms.min(now_ms + LONELY_MS_MAX);
            }
        }
        self.vacancies.push(Vacancy { failures, not_before_ms: now_ms + wait_ms });
        wait_ms
    }
}
