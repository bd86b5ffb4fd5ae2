//! The listening sockets of a start: inherited ones if there are any, else one per bind, with patience.
//!
//! Gunicorn's rules: an address in use is tried five times, a second apart, in these words; sockets of the
//! service manager or of `fd://N` make all other binds void. The wait is a wait for signals, so a stop is
//! obeyed at once.

use super::Master;
use super::start::StartError;
use crate::address::BindAddress;
use crate::clock::monotonic_ms;
use crate::host::{Host, Level};
use crate::inheritance::{Heirlooms, take_heirlooms};
use crate::listener::{ListenError, ListenSocket};
use crate::plan::Plan;
use crate::signals::Signal;

/// Attempts for one address.
const ATTEMPTS: u32 = 5;
/// Time between two attempts.
const PAUSE_MS: u64 = 1000;

impl<H: Host> Master<'_, H> {
    pub(super) fn open_listeners(&mut self) -> Result<(), StartError> {
        match take_heirlooms(self.host).map_err(StartError::new)? {
            Heirlooms::Activated(fds) => {
                self.is_activated = true;
                for fd in fds {
                    let listener = ListenSocket::inherit(fd, &self.plan).map_err(StartError::new)?;
                    self.listeners.push(listener);
                }
                Ok(())
            }
            Heirlooms::Handed(fds) => self.take_over(&fds),
            Heirlooms::Nothing => self.open_all(binds_of(&self.plan)),
        }
    }

    /// The sockets of the master before this one, whatever the settings say now: a reload makes them follow
    /// the settings.
    fn take_over(&mut self, fds: &[i32]) -> Result<(), StartError> {
        let mut binds = binds_of(&self.plan);
        for fd in fds {
            let listener = ListenSocket::take_over(*fd, &self.plan, &mut binds).map_err(StartError::new)?;
            self.listeners.push(listener);
        }
        // Not handed over are addresses that are shared by `reuse_port`.
        if self.plan.reuse_port || fds.is_empty() { self.open_all(binds) } else { Ok(()) }
    }

    fn open_all(&mut self, binds: Vec<BindAddress>) -> Result<(), StartError> {
        for bind in binds {
            let listener = self.open_patiently(&bind)?;
            self.listeners.push(listener);
        }
        Ok(())
    }

    fn open_patiently(&mut self, bind: &BindAddress) -> Result<ListenSocket, StartError> {
        let shown = bind.as_logged();
        for attempt in 1..=ATTEMPTS {
            let error = match ListenSocket::open(bind, &self.plan) {
                Ok(listener) => return Ok(listener),
                Err(ListenError::Refused(reason)) => return Err(StartError::new(reason)),
                Err(error) => error,
            };
            for line in error_lines(&shown, &error) {
                self.log(Level::Error, &line);
            }
            if attempt < ATTEMPTS {
                self.log(Level::Debug, "Retrying in 1 second.");
                self.pause()?;
            }
        }
        Err(StartError::new(format!("Can't connect to {shown}")))
    }

    /// Waits for the next attempt; other signals than a stop stay queued for the loop.
    fn pause(&mut self) -> Result<(), StartError> {
        let end_ms = monotonic_ms() + PAUSE_MS;
        loop {
            let is_stop = |signal: &Signal| matches!(signal, Signal::Term | Signal::Int | Signal::Quit);
            if let Some(signal) = self.pending.iter().copied().find(is_stop) {
                self.log(Level::Info, &format!("Handling signal: {}", signal.name()));
                return Err(StartError::Stopped);
            }
            let left_ms = end_ms.saturating_sub(monotonic_ms());
            if left_ms == 0 {
                return Ok(());
            }
            self.wait_at_most(left_ms);
        }
    }
}

/// Gunicorn's lines for a failed attempt.
pub(super) fn error_lines(shown: &str, error: &ListenError) -> Vec<String> {
    let first = match error {
        ListenError::InUse(_) => Some(format!("Connection in use: {shown}")),
        ListenError::NotAvailable(_) => Some(format!("Invalid address: {shown}")),
        ListenError::Failed(_) | ListenError::Refused(_) => None,
    };
    first.into_iter().chain([format!("connection to {shown} failed: {error}")]).collect()
}

/// The binds that count: each once, and only `fd://N` if there is one.
pub(super) fn binds_of(plan: &Plan) -> Vec<BindAddress> {
    let has_fd = plan.binds.iter().any(|bind| matches!(bind, BindAddress::Fd { .. }));
    let mut binds: Vec<BindAddress> = Vec::new();
    for bind in &plan.binds {
        let counts = !has_fd || matches!(bind, BindAddress::Fd { .. });
        if counts && !binds.contains(bind) {
            binds.push(bind.clone());
        }
    }
    binds
}
