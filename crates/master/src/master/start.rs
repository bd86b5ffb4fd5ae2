//! start: from a plan to a server that listens, or to one clear line and an exit code.
//!
//! The order is Gunicorn's: `nworkers_changed`, pid file, `on_starting`, listeners, "Listening at",
//! `when_ready`. Signals are queued before the first of these, so that TERM at any moment of the start is an
//! orderly stop.

use std::collections::VecDeque;
use std::fmt::Display;
use std::path::PathBuf;

use super::reexec::Parent;
use super::reload::Reload;
use super::spawn::ForkPause;
use super::watch::Watch;
use super::{Master, Phase};
use crate::backoff::Jitter;
use crate::children::Children;
use crate::clock::monotonic_ms;
use crate::daemon::{self, Launcher};
use crate::host::{Hook, Host, Level, MasterView};
use crate::inheritance;
use crate::notify::Notifier;
use crate::pidfile::PidFile;
use crate::plan::Plan;
use crate::ports::Ports;
use crate::scoreboard::Scoreboard;
use crate::siblings::Handover;
use crate::signals::{Signal, SignalQueue};

/// The signals of a master. ABRT stays the kernel's.
const SIGNALS: [Signal; 10] = [
    Signal::Hup,
    Signal::Quit,
    Signal::Int,
    Signal::Term,
    Signal::Ttin,
    Signal::Ttou,
    Signal::Usr1,
    Signal::Usr2,
    Signal::Winch,
    Signal::Chld,
];

/// Why a start ends before the loop.
pub(super) enum StartError {
    /// This line, and this exit code.
    Failed(String, i32),
    /// A stop was asked for meanwhile.
    Stopped,
}

impl StartError {
    pub fn new(reason: impl Display) -> StartError {
        StartError::Failed(reason.to_string(), 1)
    }
}

pub(super) fn run<H: Host>(plan: Plan, host: &mut H, version: &str) -> i32 {
    let mut launcher = None;
    // A new master has its parent's session and streams already.
    if plan.daemon && inheritance::parent().is_none() {
        match daemon::detach(host, plan.keep_stdio) {
            Ok(ours) => launcher = Some(ours),
            Err(error) => return fail(host, None, &format!("Can't become a daemon: {error}"), 1),
        }
    }
    let mut master = match Master::new(plan, host) {
        Ok(master) => master,
        Err((host, error)) => return fail(host, launcher, &format!("Can't start: {error}"), 1),
    };
    match master.start(version) {
        Ok(()) => {
            if let Some(launcher) = launcher {
                launcher.report(0, "");
            }
            master.serve()
        }
        Err(StartError::Stopped) => master.finish(0, None),
        Err(StartError::Failed(reason, code)) => {
            master.clean_up();
            fail(master.host, launcher, &reason, code)
        }
    }
}

fn fail<H: Host>(host: &mut H, launcher: Option<Launcher>, reason: &str, code: i32) -> i32 {
    host.log(Level::Error, reason);
    if let Some(launcher) = launcher {
        launcher.report(code, reason);
    }
    code
}

impl<'h, H: Host> Master<'h, H> {
    /// A master without listeners and workers, with its signals queued.
    fn new(plan: Plan, host: &'h mut H) -> Result<Master<'h, H>, (&'h mut H, std::io::Error)> {
        let taken: Vec<Signal> = SIGNALS.into_iter().filter(|signal| !host.leaves_signal(*signal)).collect();
        let prepared = SignalQueue::new(&taken).and_then(|signals| {
            Ok((signals, Scoreboard::new(plan.workers, plan.runners_per_worker)?, Handover::new()?))
        });
        let (signals, board, handover) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Err((host, error)),
        };
        let pid = std::process::id();
        let workers_at_start = plan.workers.max(1) as u64;
        Ok(Master {
            host,
            wanted: plan.workers.max(1),
            plan,
            pid,
            phase: Phase::FirstBoot,
            signals: Some(signals),
            pending: VecDeque::new(),
            listeners: Vec::new(),
            old_listeners: Vec::new(),
            ports: Ports::default(),
            is_activated: false,
            is_path_lost: false,
            pidfile: None,
            handover: Some(handover),
            board,
            board_serial: 1,
            children: Children::default(),
            vacancies: Vec::new(),
            reported_number: 0,
            generation: 1,
            worker_age: 0,
            workers_at_start,
            reload: Reload::default(),
            stop: None,
            logs_reopened_ms: None,
            watch: Watch::new(monotonic_ms()),
            fork_pause: ForkPause::default(),
            jitter: Jitter::new(monotonic_ms() ^ u64::from(pid) << 32),
            notifier: Notifier::from_environment(),
            parent: Parent::from_environment(),
            successor: None,
        })
    }

    fn start(&mut self, version: &str) -> Result<(), StartError> {
        let view = self.view();
        self.call_hook(Hook::NworkersChanged { view: &view, new: self.wanted, old: None });
        self.log(Level::Info, &format!("Starting tricorn {version}"));
        if self.plan.daemon && self.notifier.is_wanted() {
            let line = "NOTIFY_SOCKET is set: a service manager expects no daemon, but a foreground process";
            self.log(Level::Warning, line);
        }
        if let Some(path) = self.pidfile_path(&self.plan) {
            self.pidfile = Some(PidFile::create(&path, self.pid).map_err(StartError::new)?);
        }
        self.start_hook(|view| Hook::OnStarting(view))?;
        self.open_listeners()?;
        let listeners = self.view().listeners.join(",");
        self.log(Level::Info, &format!("Listening at: {listeners} ({})", self.pid));
        self.log(Level::Info, &format!("Using worker: {}", self.plan.worker_class_name));
        self.start_hook(|view| Hook::WhenReady(view))?;
        self.show_title();
        self.warn_of_threads();
        Ok(())
    }

    /// Where the pid goes: beside the file of a master that still lives, not over it.
    pub(super) fn pidfile_path(&self, plan: &Plan) -> Option<PathBuf> {
        let path = plan.pidfile.clone()?;
        if self.parent.is_none() {
            return Some(path);
        }
        let mut second = path.into_os_string();
        second.push(".2");
        Some(second.into())
    }

    /// A preloaded application that has started threads: they do not exist in the workers, and a lock that
    /// one of them holds at the fork stays locked there for ever.
    fn warn_of_threads(&mut self) {
        let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
        if threads > 1 {
            let line = format!(
                "The master has {threads} threads; those started before the fork are missing in the workers"
            );
            self.log(Level::Warning, &line);
        }
    }

    /// A hook that may refuse the start.
    fn start_hook(&mut self, hook: impl for<'v> Fn(&'v MasterView) -> Hook<'v>) -> Result<(), StartError> {
        let view = self.view();
        let hook = hook(&view);
        let name = hook.name();
        self.host.hook(hook).map_err(|error| match error.exit_code {
            Some(code) => StartError::Failed(error.message, code),
            None => StartError::new(format!("The {name} hook failed: {error}")),
        })
    }
}
