//! Connections that arrive: from the listeners, or handed over by a sibling; room for them, and the end of taking them.

use std::sync::Arc;

use rustix::io::Errno;

use super::Engine;
use crate::acceptor::Accepted;
use crate::connection::{Connection, Step};
use crate::exchange::Exchange;
use crate::options::Trouble;
use crate::peer::Peer;
use crate::slots::lock;
use crate::wire::Wire;

impl Engine {
    pub(super) fn accept(self: &Arc<Self>, index: usize) -> Option<Exchange> {
        if !self.has_room() {
            return None;
        }
        match self.acceptor.accept(index) {
            Ok(accepted) => {
                let is_trusted = (self.options.is_trusted)(accepted.address.map(|address| address.ip()));
                let Accepted { socket, address, listener } = accepted;
                let peer = Peer { address, proxied: None, listener, is_trusted };
                let connection = Connection::new(Arc::new(Wire::new(socket)), peer, &self.context());
                self.admit(connection)
            }
            Err(error) => {
                self.accept_failed(error);
                None
            }
        }
    }

    /// Takes a connection that a sibling has handed over.
    pub(super) fn take_over(self: &Arc<Self>) -> Option<Exchange> {
        if !self.has_room() {
            return None;
        }
        match self.acceptor.take_over() {
            Ok((accepted, passport)) => {
                let is_trusted = (self.options.is_trusted)(accepted.address.map(|address| address.ip()));
                let peer = passport.peer(accepted.listener, is_trusted);
                let wire = Arc::new(Wire::new(accepted.socket));
                self.admit(Connection::handed_over(wire, peer, passport.served, &self.context()))
            }
            Err(error) => {
                self.accept_failed(error);
                None
            }
        }
    }

    fn admit(self: &Arc<Self>, connection: Connection) -> Option<Exchange> {
        let mut connection = Box::new(connection);
        self.connections.admit(&mut connection);
        // The request is often there already: reading first saves a round through the poller.
        self.drive(connection, false)
    }

    /// Is there room for one more connection, or could it be made?
    fn has_room(self: &Arc<Self>) -> bool {
        let has_room = self.connections() < self.options.connections_max || self.make_room();
        if !has_room {
            self.acceptor.pause(&self.interest);
        }
        has_room
    }

    fn accept_failed(self: &Arc<Self>, error: Errno) {
        match error {
            // Another worker was faster, or the client was gone before we came (accept(2)).
            Errno::AGAIN | Errno::INTR | Errno::CONNABORTED | Errno::PROTO | Errno::PERM => {}
            _ => {
                if matches!(error, Errno::MFILE | Errno::NFILE) {
                    self.make_room();
                }
                self.observer.troubled(&Trouble::Accept(error.into()));
                self.acceptor.pause(&self.interest);
            }
        }
    }

    /// Closes the longest idle connection; false if none is idle. One whose next request is there already is not: it is
    /// served.
    fn make_room(self: &Arc<Self>) -> bool {
        while let Some(mut connection) = self.connections.take_longest_idle() {
            let step = self.guarded(&mut connection, Connection::give_up_idle);
            let is_closed = step == Step::Closed;
            if let Some(exchange) = self.follow(connection, step) {
                self.push_ready(exchange);
            }
            if is_closed {
                return true;
            }
        }
        false
    }

    /// First steps of draining, taken by whoever leads: the backlog if it is ours to serve, then the listeners go.
    pub(super) fn stop_listening(self: &Arc<Self>) {
        let Some(drain) = *lock(&self.drain) else { return };
        let count = self.acceptor.listeners();
        if count == 0 {
            return;
        }
        // First out of the poller, then a last look: it wakes one worker alone for a connection, and that may have been us.
        self.acceptor.unwatch(&self.interest);
        if drain.takes_backlog {
            for index in 0..count {
                self.take_all(|| self.accept(index));
            }
        }
        // The same for what a sibling handed over.
        self.take_all(|| self.take_over());
        self.acceptor.close(&self.interest);
        for connection in self.connections.take_idle() {
            // `rest` gives it the drain's deadline.
            if let Some(exchange) = self.rest(connection) {
                self.push_ready(exchange);
            }
        }
    }

    /// Takes connections from one source until it has no more.
    fn take_all(&self, take: impl Fn() -> Option<Exchange>) {
        loop {
            let before = self.connections();
            if let Some(exchange) = take() {
                self.push_ready(exchange);
            } else if self.connections() <= before {
                return;
            }
        }
    }
}
