//! Where connections come from: the listeners that all workers share, and what siblings hand over. Owns the pause after a
//! failed accept and the end of accepting; does not know what becomes of a connection.

use std::net::SocketAddr;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::io::Errno;

use crate::clock::{deadline_ms, monotonic_ms};
use crate::handover::{Passport, Siblings};
use crate::peer::{self, ListenAddress, Listener};
use crate::poller::Interest;
use crate::slots::lock;

/// After a failed accept (out of descriptors, out of memory) accepting pauses this long, as nginx does, instead of
/// spinning on a listener that stays readable.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// A connection that was accepted.
pub(crate) struct Accepted {
    pub socket: OwnedFd,
    pub address: Option<SocketAddr>,
    pub listener: Arc<ListenAddress>,
}

/// Listeners and siblings of one engine.
pub(crate) struct Acceptor {
    listeners: Mutex<Vec<Listener>>,
    siblings: Option<Siblings>,
    is_watching: AtomicBool,
    /// When a pause ends, 0 while there is none.
    again_ms: AtomicU64,
    /// Did the last look into the siblings' queue find something?
    may_hold_more: AtomicBool,
}

impl Acceptor {
    /// Watches `listeners` and the siblings' queue from now on. Fails as `epoll_ctl(2)` does.
    pub fn new(
        listeners: Vec<Listener>,
        siblings: Option<Siblings>,
        interest: &Interest,
    ) -> rustix::io::Result<Acceptor> {
        let acceptor = Acceptor {
            listeners: Mutex::new(listeners),
            siblings,
            is_watching: AtomicBool::new(false),
            again_ms: AtomicU64::new(0),
            may_hold_more: AtomicBool::new(false),
        };
        acceptor.watch(interest)?;
        Ok(acceptor)
    }

    fn watch(&self, interest: &Interest) -> rustix::io::Result<()> {
        self.again_ms.store(0, Ordering::Relaxed);
        if self.is_watching.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        if let Some(siblings) = &self.siblings {
            interest.watch_siblings(&siblings.receiver())?;
        }
        for (index, listener) in lock(&self.listeners).iter().enumerate() {
            interest.watch_listener(&listener.socket, index)?;
        }
        Ok(())
    }

    /// Is told of no more arrivals.
    pub fn unwatch(&self, interest: &Interest) {
        if !self.is_watching.swap(false, Ordering::Relaxed) {
            return;
        }
        if let Some(siblings) = &self.siblings {
            interest.unwatch(&siblings.receiver());
        }
        for listener in lock(&self.listeners).iter() {
            interest.unwatch(&listener.socket);
        }
    }

    /// Looks away for `ACCEPT_PAUSE`.
    pub fn pause(&self, interest: &Interest) {
        self.unwatch(interest);
        self.again_ms.store(deadline_ms(monotonic_ms(), Some(ACCEPT_PAUSE)), Ordering::Relaxed);
    }

    /// Ends a pause that is over.
    pub fn resume(&self, interest: &Interest, now_ms: u64) -> rustix::io::Result<()> {
        let again_ms = self.again_ms();
        if again_ms == 0 || again_ms > now_ms { Ok(()) } else { self.watch(interest) }
    }

    /// When a pause ends, 0 while there is none.
    pub fn again_ms(&self) -> u64 {
        self.again_ms.load(Ordering::Relaxed)
    }

    /// Gives up the listeners and the siblings' queue, for good.
    pub fn close(&self, interest: &Interest) {
        self.unwatch(interest);
        self.again_ms.store(0, Ordering::Relaxed);
        lock(&self.listeners).clear();
    }

    /// Listeners that are open.
    pub fn listeners(&self) -> usize {
        lock(&self.listeners).len()
    }

    /// Accepts one connection from listener `index`; EAGAIN if there is none.
    pub fn accept(&self, index: usize) -> rustix::io::Result<Accepted> {
        let listeners = lock(&self.listeners);
        let listener = listeners.get(index).ok_or(Errno::AGAIN)?;
        let (socket, address) = peer::accept(&listener.socket)?;
        Ok(Accepted { socket, address, listener: listener.address.clone() })
    }

    /// Takes one connection that a sibling handed over; EAGAIN if there is none.
    pub fn take_over(&self) -> rustix::io::Result<(Accepted, Passport)> {
        let taken = self.siblings.as_ref().map_or(Err(Errno::AGAIN), Siblings::receive);
        self.may_hold_more.store(!matches!(taken, Err(Errno::AGAIN)), Ordering::Relaxed);
        let (socket, passport) = taken?;
        let listeners = lock(&self.listeners);
        let known = listeners.iter().map(|listener| &listener.address);
        // A sibling of before a reload may have had listeners that are gone.
        let listener = known.into_iter().find(|address| ***address == passport.listener).cloned();
        let listener = listener.unwrap_or_else(|| Arc::new(passport.listener.clone()));
        Ok((Accepted { socket, address: passport.address, listener }, passport))
    }

    /// Is the siblings' queue worth a look without an event? The poller tells of it once per batch only.
    pub fn may_hold_more(&self) -> bool {
        self.may_hold_more.load(Ordering::Relaxed)
    }

    /// The siblings, if there is one that serves.
    pub fn helpful_siblings(&self) -> Option<&Siblings> {
        self.siblings.as_ref().filter(|siblings| siblings.is_any())
    }

    /// What a forked process must not keep.
    pub fn descriptors(&self) -> Vec<RawFd> {
        let siblings = self.siblings.iter().flat_map(Siblings::descriptors);
        lock(&self.listeners).iter().map(Listener::descriptor).chain(siblings).collect()
    }
}
