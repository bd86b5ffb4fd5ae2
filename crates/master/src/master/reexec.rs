//! reexec (USR2): a new master beside this one, from the same command line, on the same sockets.
//!
//! Both serve until the operator ends one of them: TERM to the old one completes the upgrade (the new one is
//! promoted when its parent is gone), TERM to the new one takes it back. What may fail happens in a forked
//! child or in the new master itself: this one learns of it when it reaps that process, and goes on.

use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{fs, io};

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, getppid, pidfd_open};

use super::{Master, Phase};
use crate::fork::descriptors::{keep_across_exec, keep_from_three};
use crate::fork::{Side, exit_now, fork_blocked};
use crate::host::{Hook, Host, Level};
use crate::inheritance::{self, PARENT_VARIABLE, bequeath};
use crate::listener::ListenSocket;
use crate::notify::Notifier;
use crate::obituary::End;
use crate::signals::reset_in_child;

/// The master that executed this one, and that still lives.
pub(super) struct Parent {
    pub pid: u32,
    /// Readable at its end, so that the promotion does not wait for the next tick.
    pub pidfd: Option<OwnedFd>,
}

impl Parent {
    /// The parent that the environment names, whether it still lives or not.
    pub fn from_environment() -> Option<Parent> {
        let pid = inheritance::parent()?;
        let pidfd = Pid::from_raw(pid as i32).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        Some(Parent { pid, pidfd })
    }

    fn is_gone(&self) -> bool {
        getppid().is_none_or(|pid| pid.as_raw_nonzero().get() as u32 != self.pid)
    }
}

/// The new master that this one has executed.
pub(super) struct Successor {
    pub pid: u32,
    /// Why it could not be executed; empty if it was.
    report: OwnedFd,
}

/// Longest report that is read.
const REPORT_BYTES_MAX: u64 = 32 * 1024;
/// The report lies behind the descriptors of all listeners, which may be moved to 3 and up.
const REPORT_FD_MIN: i32 = 3;

impl<H: Host> Master<'_, H> {
    /// Starts the new master, unless there are two already.
    pub(super) fn reexec(&mut self) {
        // One that has just ended, which the loop would notice after this signal, is no reason to refuse.
        self.reap();
        self.promote();
        if self.successor.is_some() {
            self.log(Level::Warning, "USR2 signal ignored. Child exists.");
            return;
        }
        if self.parent.is_some() {
            self.log(Level::Warning, "USR2 signal ignored. Parent exists.");
            return;
        }
        match self.fork_successor() {
            Ok(successor) => {
                self.log(Level::Info, &format!("Starting a new master with pid: {}", successor.pid));
                self.successor = Some(successor);
            }
            Err(error) => {
                let line = format!("Can't fork a new master: {error}; this one goes on");
                self.log(Level::Error, &line);
            }
        }
    }

    fn fork_successor(&mut self) -> io::Result<Successor> {
        let (report, theirs) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let behind = REPORT_FD_MIN + self.listeners.len() as i32;
        let theirs = rustix::io::fcntl_dupfd_cloexec(&theirs, behind)?;
        self.host.before_fork();
        let forked = fork_blocked(reset_in_child);
        match forked {
            Ok(Side::Child) => {
                self.host.after_fork_child();
                self.become_master(&theirs);
            }
            Ok(Side::Parent(pid)) => {
                self.host.after_fork_parent();
                Ok(Successor { pid, report })
            }
            Err(error) => {
                self.host.after_fork_parent();
                Err(error)
            }
        }
    }

    /// The child's side. It ends in exec or at once: nothing of this process may touch what is its parent's.
    fn become_master(&mut self, report: &OwnedFd) -> ! {
        self.notifier = Notifier::default();
        let result = catch_unwind(AssertUnwindSafe(|| self.execute()));
        let reason = result.unwrap_or_else(|_| "a panic".to_owned());
        // What is longer than a pipe holds is cut.
        let _ = rustix::io::write(report, reason.as_bytes());
        exit_now(1);
    }

    /// Returns only if it fails, with the reason.
    fn execute(&mut self) -> String {
        let view = self.view();
        if let Err(error) = self.host.hook(Hook::PreExec(&view)) {
            return format!("The pre_exec hook failed: {error}");
        }
        let mut command = match self.host.successor() {
            Ok(command) => command,
            Err(reason) => return reason,
        };
        // An address that is shared by `reuse_port` needs no descriptor: the new master shares it too.
        let passed = || self.listeners.iter().filter(|listener| !listener.is_reserved());
        let kept: Vec<_> = passed().map(AsFd::as_fd).collect();
        let numbers: Vec<i32> = passed().map(ListenSocket::number).collect();
        bequeath(&mut command, self.pid, &numbers, self.is_activated);
        let placed = if self.is_activated { keep_from_three(&kept) } else { keep_across_exec(&kept) };
        match placed {
            Ok(()) => command.exec().to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// The end of a child that was no worker: whether it was the new master.
    pub(super) fn bury_successor(&mut self, pid: u32, end: End) -> bool {
        let Some(successor) = self.successor.take_if(|successor| successor.pid == pid) else { return false };
        let mut reason = Vec::new();
        let _ = fs::File::from(successor.report).take(REPORT_BYTES_MAX).read_to_end(&mut reason);
        let line = if reason.is_empty() {
            format!("The new master (pid:{pid}) has ended ({end}); this one goes on")
        } else {
            let reason = String::from_utf8_lossy(&reason);
            format!("The new master (pid:{pid}) could not be started; this one goes on: {reason}")
        };
        let level = if end == End::Exited(0) { Level::Info } else { Level::Error };
        self.log(level, &line);
        if self.wanted == 0 && self.stop.is_none() {
            // WINCH had sent the workers away in favour of the new ones: now nobody serves.
            self.log(Level::Warning, "Nobody serves: the workers of this master come back");
            self.set_wanted(self.plan.workers.max(1));
        }
        true
    }

    /// The old master is gone: this one takes its name and its place.
    pub(super) fn promote(&mut self) {
        if self.parent.take_if(|parent| parent.is_gone()).is_none() {
            return;
        }
        self.log(Level::Info, "Master has been promoted.");
        inheritance::forget(self.host, &[PARENT_VARIABLE]);
        if let (Some(path), Some(file)) = (self.plan.pidfile.clone(), self.pidfile.take()) {
            match file.move_to(&path) {
                Ok(moved) => self.pidfile = Some(moved),
                Err((file, error)) => {
                    self.pidfile = Some(file);
                    self.log(Level::Error, &error.to_string());
                }
            }
        }
        self.show_title();
        self.notifier.promoted(self.pid, self.phase == Phase::Running);
    }

    /// `Master`, or `Master.2` beside the one that executed it.
    pub(super) fn name(&self) -> &'static str {
        if self.parent.is_some() { "Master.2" } else { "Master" }
    }

    pub(super) fn show_title(&mut self) {
        let suffix = if self.parent.is_some() { ".2" } else { "" };
        self.host.set_title(&format!("master [{}{suffix}]", self.plan.proc_name));
    }

    /// No other master needs the paths of our unix sockets.
    pub(super) fn owns_paths(&self) -> bool {
        self.parent.is_none() && self.successor.is_none()
    }
}
