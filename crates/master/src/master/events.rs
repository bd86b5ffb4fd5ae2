//! What each signal to the master means: the table of Gunicorn's manual, one arm per signal.
//!
//! Acts on one signal at a time, in the order of arrival. Whatever takes time (a reload, a stop) is only
//! begun here.

use super::Master;
use crate::clock::monotonic_ms;
use crate::host::{Host, Level};
use crate::signals::Signal;

impl<H: Host> Master<'_, H> {
    pub(super) fn handle(&mut self, signal: Signal) {
        let level = if signal == Signal::Chld { Level::Debug } else { Level::Info };
        self.log(level, &format!("Handling signal: {}", signal.name()));
        if !self.host.hears_signal(signal) {
            return;
        }
        match signal {
            Signal::Term => self.stop_gracefully(),
            Signal::Int | Signal::Quit => self.stop_quickly(),
            Signal::Usr1 => self.reopen_logs(),
            // The loop reaps after the signals; ABRT is not queued by a master.
            Signal::Chld | Signal::Abrt => {}
            // A server that stops neither grows nor reloads.
            _ if self.stop.is_some() => {}
            Signal::Hup => self.hang_up(),
            Signal::Ttin => self.add_worker(),
            Signal::Ttou => self.drop_worker(),
            Signal::Winch => self.stop_workers(),
            Signal::Usr2 => self.reexec(),
        }
    }

    fn reopen_logs(&mut self) {
        self.logs_reopened_ms = Some(monotonic_ms());
        self.host.reopen_logs();
        for child in self.children.iter_mut() {
            // ESRCH: it has just died and is about to be reaped.
            let _ = child.signal(Signal::Usr1.number());
        }
    }

    /// One more worker, as long as the scoreboard has room for it and for its successor.
    fn add_worker(&mut self) {
        let workers_max = self.board.workers_max() / 2;
        if self.wanted >= workers_max {
            self.log(
                Level::Warning,
                &format!("SIGTTIN ignored: {workers_max} workers are the most this server can keep"),
            );
            return;
        }
        self.set_wanted(self.wanted + 1);
    }

    fn drop_worker(&mut self) {
        if self.wanted > 1 {
            self.set_wanted(self.wanted - 1);
        }
    }

    /// WINCH: a daemon without workers, until HUP or TTIN.
    fn stop_workers(&mut self) {
        if !self.plan.daemon {
            // Every resize of a terminal sends it.
            self.log(Level::Debug, "SIGWINCH ignored. Not daemonized");
            return;
        }
        self.log(Level::Info, "graceful stop of workers");
        self.set_wanted(0);
    }

    /// User code may have assigned to `num_workers`.
    pub(super) fn heed_wishes(&mut self) {
        if let Some(wanted) = self.host.asked_workers()
            && self.stop.is_none()
        {
            self.set_wanted(wanted.clamp(1, self.board.workers_max() / 2));
        }
    }

    /// The time passed: was the master itself absent?
    pub(super) fn tick(&mut self) {
        let now_ms = monotonic_ms();
        if let Some(absent_ms) = self.watch.tick(now_ms) {
            let seconds = absent_ms / 1000;
            let line = format!("The master was away for {seconds} s; no worker is blamed for that time");
            self.log(Level::Info, &line);
        }
        self.host.measure(&self.listeners);
    }
}
