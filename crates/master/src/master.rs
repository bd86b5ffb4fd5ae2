//! The supervising process (Gunicorn's arbiter): one thread, one loop, one event at a time.
//!
//! Owns everything the parts in `master/` work on; each part is one verb of the master. The loop waits for a
//! signal, for a byte from a worker or for the next timer, and is never blocked by anything else: reload and
//! stop are states, not waits.

mod events;
mod reap;
mod reexec;
mod reload;
mod sockets;
mod spawn;
mod start;
mod stop;
mod watch;

use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::backoff::Jitter;
use crate::children::Children;
use crate::clock::monotonic_ms;
use crate::host::{ChildView, Hook, Host, Level, MasterView};
use crate::listener::ListenSocket;
use crate::notify::Notifier;
use crate::pidfile::PidFile;
use crate::plan::Plan;
use crate::ports::Ports;
use crate::scoreboard::Scoreboard;
use crate::siblings::Handover;
use crate::signals::{Signal, SignalQueue};
use reexec::{Parent, Successor};
use reload::Reload;
use spawn::{ForkPause, Vacancy};
use stop::Stop;
use watch::Watch;

/// Runs a server until it is told to stop. Returns its exit code: 0 after a stop that was asked for, 1 if it
/// could not start, 3 if the first workers failed to boot, 4 if their application failed to load. `version`
/// is what "Starting tricorn" says.
///
/// Call it on the only thread of the process. Signal dispositions are the kernel's defaults when it returns.
pub fn run<H: Host>(plan: Plan, host: &mut H, version: &str) -> i32 {
    start::run(plan, host, version)
}

/// Longest wait: missed signals of the kernel (a SIGCHLD merged with another) are made good at this pace.
const TICK_MS: u64 = 1000;

/// How far the server has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Not all workers of the start have been ready yet: a worker that fails to boot ends the server.
    FirstBoot,
    /// A worker that fails to boot is tried again, and what serves goes on.
    Running,
}

struct Master<'h, H> {
    host: &'h mut H,
    plan: Plan,
    pid: u32,
    phase: Phase,
    signals: Option<SignalQueue>,
    pending: VecDeque<Signal>,
    listeners: Vec<ListenSocket>,
    /// Given up by a reload that is not complete yet.
    old_listeners: Vec<ListenSocket>,
    /// With `reuse_port`, what the workers listen on.
    ports: Ports,
    /// The listeners came with the process; `bind` is ignored.
    is_activated: bool,
    is_path_lost: bool,
    pidfile: Option<PidFile>,
    /// The workers' own queue; `None` in a worker.
    handover: Option<Handover>,
    board: Scoreboard,
    /// Serial number of the scoreboard.
    board_serial: u64,
    children: Children,
    vacancies: Vec<Vacancy>,
    /// Workers in the last "N workers" line.
    reported_number: usize,
    /// Workers wanted.
    wanted: usize,
    /// Workers of an older generation are outdated. 0 is older than all.
    generation: u64,
    worker_age: u64,
    workers_at_start: u64,
    reload: Reload,
    stop: Option<Stop>,
    /// When the logs were reopened last (USR1).
    logs_reopened_ms: Option<u64>,
    watch: Watch,
    fork_pause: ForkPause,
    jitter: Jitter,
    notifier: Notifier,
    parent: Option<Parent>,
    successor: Option<Successor>,
}

impl<H: Host> Master<'_, H> {
    /// The life of a server after its start.
    fn serve(&mut self) -> i32 {
        loop {
            self.promote();
            self.maintain();
            if let Some(code) = self.finished() {
                return code;
            }
            self.wait();
            self.tick();
            while let Some(signal) = self.pending.pop_front() {
                self.handle(signal);
            }
            self.heed_wishes();
            self.read_lifelines();
            self.reap();
            self.check_deadlines();
        }
    }

    /// Waits for a signal, a byte from a worker, or the next timer.
    fn wait(&mut self) {
        let timeout = self.next_timer_ms().saturating_sub(monotonic_ms());
        self.wait_at_most(timeout);
    }

    fn wait_at_most(&mut self, timeout_ms: u64) {
        let Some(signals) = &self.signals else { return };
        let timeout =
            Timespec::try_from(Duration::from_millis(timeout_ms)).expect("a tick is a small number");
        let signal_fd = signals.descriptor();
        let mut fds = vec![PollFd::from_borrowed_fd(signal_fd, PollFlags::IN)];
        let lifelines = self.children.iter().filter_map(|child| child.lifeline.as_ref());
        fds.extend(lifelines.map(|fd| PollFd::new(fd, PollFlags::IN)));
        let parent = self.parent.as_ref().and_then(|parent| parent.pidfd.as_ref());
        fds.extend(parent.map(|fd| PollFd::new(fd, PollFlags::IN)));
        // An error (EINTR: the handler has written; ENOMEM) is as good as a wake-up: everything is looked at
        // anyway.
        let result = self.host.detached(|| poll(&mut fds, Some(&timeout)));
        self.pending.extend(signals.drain());
        if result.is_err_and(|errno| errno != rustix::io::Errno::INTR) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// When something is due, at the latest a tick from now.
    fn next_timer_ms(&self) -> u64 {
        let now_ms = monotonic_ms();
        if self.is_unsettled() {
            return now_ms;
        }
        let due = [
            Some(now_ms + TICK_MS),
            self.next_spawn_ms(),
            self.next_deadline_ms(),
            self.notifier.next_ms(),
            self.stop.as_ref().map(|stop| stop.give_up_ms),
        ];
        due.into_iter().flatten().min().unwrap_or(now_ms)
    }

    fn log(&mut self, level: Level, message: &str) {
        self.host.log(level, message);
    }

    /// A snapshot for hooks.
    fn view(&self) -> MasterView {
        MasterView {
            pid: self.pid,
            num_workers: self.wanted,
            worker_age: self.worker_age,
            children: self
                .children
                .iter()
                .map(super::children::WorkerHandle::view)
                .collect::<Vec<ChildView>>(),
            listeners: self.listeners.iter().map(|listener| listener.url(self.plan.is_tls)).collect(),
            listener_fds: self.listeners.iter().map(|listener| listener.as_fd().as_raw_fd()).collect(),
            master_pid: self.parent.as_ref().map_or(0, |parent| parent.pid),
            reexec_pid: self.successor.as_ref().map_or(0, |successor| successor.pid),
            is_activated: self.is_activated,
        }
    }

    /// A hook whose failure is only logged: user code never takes a running server down.
    fn call_hook(&mut self, hook: Hook<'_>) {
        let name = hook.name();
        if let Err(error) = self.host.hook(hook) {
            self.log(Level::Error, &format!("Exception in the {name} hook: {error}"));
        }
    }

    fn set_wanted(&mut self, new: usize) {
        let old = Some(std::mem::replace(&mut self.wanted, new));
        let view = self.view();
        self.call_hook(Hook::NworkersChanged { view: &view, new, old });
    }
}
