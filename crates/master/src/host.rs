//! The master's only view of the world above it: the `Host` trait.
//!
//! Implemented by the bridge (interpreter, application, hooks, log sink) and by the tests (plain processes).
//! The master calls it from its single thread; nothing here knows what an application is.

use std::fmt;
use std::os::fd::RawFd;
use std::process::Command;

use crate::listener::ListenSocket;
use crate::plan::Plan;
use crate::seat::Seat;
use crate::signals::Signal;

/// Severity of a log line, in Gunicorn's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Of interest while looking for a fault.
    Debug,
    /// The normal course of things.
    Info,
    /// Unexpected, and the server goes on.
    Warning,
    /// Something failed.
    Error,
    /// A worker had to be killed, or the server cannot run.
    Critical,
}

/// A worker as hooks see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildView {
    /// Process id.
    pub pid: u32,
    /// Serial number of the spawn: 1 for the first worker of this master.
    pub age: u64,
    /// It has reported that it is ready.
    pub booted: bool,
    /// It was told to stop, or killed for making no progress.
    pub aborted: bool,
}

/// A snapshot of the master for hooks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MasterView {
    /// The master's process id.
    pub pid: u32,
    /// Workers wanted.
    pub num_workers: usize,
    /// Serial number of the youngest worker so far.
    pub worker_age: u64,
    /// Workers that live, oldest first.
    pub children: Vec<ChildView>,
    /// Text of each listener, as in "Listening at".
    pub listeners: Vec<String>,
    /// Their descriptors, in the same order. Workers inherit them under the same numbers.
    pub listener_fds: Vec<RawFd>,
    /// The master that executed this one and still lives, 0 if none.
    pub master_pid: u32,
    /// The new master that this one has executed, 0 if none.
    pub reexec_pid: u32,
    /// The listeners came from a service manager.
    pub is_activated: bool,
}

/// An event that user code may want to hear of; each is Gunicorn's server hook of the same name.
#[derive(Clone, Debug)]
pub enum Hook<'a> {
    /// Before the sockets are bound. A failure ends the start (exit 1).
    OnStarting(&'a MasterView),
    /// Sockets are bound, no worker is forked yet. A failure ends the start (exit 1).
    WhenReady(&'a MasterView),
    /// Before each fork.
    PreFork {
        /// The master now.
        view: &'a MasterView,
        /// Serial number the new worker will have.
        age: u64,
    },
    /// A worker was reaped.
    ChildExit {
        /// The master after the worker left the table.
        view: &'a MasterView,
        /// The worker as it was.
        child: &'a ChildView,
        /// Its exit code, if it exited.
        exit_code: Option<i32>,
        /// The signal that ended it, if one did.
        signal: Option<i32>,
    },
    /// The number of workers wanted was assigned (also when it stays the same, on HUP).
    NworkersChanged {
        /// The master now.
        view: &'a MasterView,
        /// The new number.
        new: usize,
        /// The number before, `None` at the start.
        old: Option<usize>,
    },
    /// HUP: the new plan is in force, no new worker is forked yet.
    OnReload(&'a MasterView),
    /// USR2, in the child that is about to execute the new master. A failure ends this child alone.
    PreExec(&'a MasterView),
    /// Workers are gone, the pid file is removed, the master is about to return.
    OnExit(&'a MasterView),
}

impl Hook<'_> {
    /// Gunicorn's name of the hook.
    pub fn name(&self) -> &'static str {
        match self {
            Hook::OnStarting(_) => "on_starting",
            Hook::WhenReady(_) => "when_ready",
            Hook::PreFork { .. } => "pre_fork",
            Hook::ChildExit { .. } => "child_exit",
            Hook::NworkersChanged { .. } => "nworkers_changed",
            Hook::OnReload(_) => "on_reload",
            Hook::PreExec(_) => "pre_exec",
            Hook::OnExit(_) => "on_exit",
        }
    }
}

/// User code in a hook failed. The text is logged; only the two hooks of the start end the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookError {
    /// What went wrong, with a traceback if there is one.
    pub message: String,
    /// `Some(code)`: the hook asked the server to end with this exit code (Python's `SystemExit`). Honoured
    /// by `OnStarting` and `WhenReady`; elsewhere it is a failure like any other.
    pub exit_code: Option<i32>,
}

impl HookError {
    /// A failure that asks for nothing.
    pub fn new(message: impl Into<String>) -> HookError {
        HookError { message: message.into(), exit_code: None }
    }
}

impl fmt::Display for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for HookError {}

/// Everything the master does not know. All methods run on the master's thread; only `after_fork_child`,
/// `run_worker`, and `successor` with its hook (and the `log` calls around them) run in a child.
pub trait Host {
    /// Right before fork(2), for each worker and for the forks of `daemon`.
    fn before_fork(&mut self);
    /// Right after fork(2), in the parent, also if fork failed.
    fn after_fork_parent(&mut self);
    /// Right after fork(2), in the child. Signals have the meaning of a worker by then (see `SignalQueue`).
    fn after_fork_child(&mut self);
    /// Runs `wait`, which blocks, without holding the interpreter.
    fn detached<R>(&mut self, wait: impl FnOnce() -> R) -> R;
    /// Tells user code of an event.
    fn hook(&mut self, hook: Hook<'_>) -> Result<(), HookError>;
    /// The worker's whole life, in the child: load the application, serve, return the exit code. The process
    /// ends with `_exit` right after it, so whatever must be flushed is flushed by then. 3 means "failed to
    /// boot", 4 "the application failed to load"; both only count before `Seat::report_ready`.
    fn run_worker(&mut self, seat: Seat) -> i32;
    /// HUP: the new plan, or why the old one stays in force. All or nothing.
    fn reload(&mut self) -> Result<Plan, String>;
    /// The plan that `reload` gave could not be put in force (an address in use, ...): go back to the one
    /// before.
    fn reload_undone(&mut self) {}
    /// USR2, in the child, after `Hook::PreExec`: the command that starts this server anew, with the arguments,
    /// the directory and the environment of its own start. The master adds what it passes on.
    fn successor(&mut self) -> Result<Command, String>;
    /// One line for the error log. Must not block for ever.
    fn log(&mut self, level: Level, message: &str);
    /// The number of workers that are kept has changed.
    fn workers_counted(&mut self, count: usize) {
        self.log(Level::Debug, &format!("{count} workers"));
    }
    /// Called on every turn of the loop, about once a second when nothing happens: for what is measured regularly.
    fn measure(&mut self, listeners: &[ListenSocket]) {
        let _ = listeners;
    }
    /// USR1: open the log files again.
    fn reopen_logs(&mut self);
    /// The master's process title, e.g. `master [NAME]`.
    fn set_title(&mut self, title: &str);
    /// These environment variables were consumed and must not be seen by workers and their children. The C
    /// environment is already clean; a host with a copy of its own (Python's `os.environ`) forgets them here.
    fn forget_environment(&mut self, names: &[&str]) {
        let _ = names;
    }
    /// Whether a signal is not the master's: it keeps the disposition it had before the server.
    fn leaves_signal(&mut self, signal: Signal) -> bool {
        let _ = signal;
        false
    }
    /// A signal has come. False: user code has taken it, the master does nothing about it.
    fn hears_signal(&mut self, signal: Signal) -> bool {
        let _ = signal;
        true
    }
    /// The number of workers that user code has asked for since the last time.
    fn asked_workers(&mut self) -> Option<usize> {
        None
    }
}
