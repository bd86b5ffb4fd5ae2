//! What the monitor does for an engine whose runners are all away: it wakes a parked one, or hands waiting requests over to
//! a sibling, or at least moves bytes and keeps deadlines.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::io::Errno;

use super::{Engine, try_lock};
use crate::exchange::Exchange;
use crate::handover::{Passport, Siblings};
use crate::poller::Happened;
use crate::slots::{Found, Seen, Token};
use crate::wire::Sent;

impl Engine {
    /// How often the lead was taken so far, and whether somebody sleeps at the poller now.
    pub(crate) fn lead_state(&self) -> (u64, bool) {
        (self.turns.load(Ordering::Relaxed), self.asleep_until_ms.load(Ordering::SeqCst) != 0)
    }

    /// Wakes one parked runner; false if none is parked.
    pub(crate) fn unpark_one(&self) -> bool {
        self.parking.unpark_one()
    }

    /// Is there anybody who could help a runner that is away: other runners, or other workers?
    pub(crate) fn has_help(&self) -> bool {
        self.parking.is_used() || self.acceptor.helpful_siblings().is_some()
    }

    /// For the monitor, when no runner can lead: moves bytes and keeps deadlines without waiting and without accepting, and
    /// hands requests that nobody has begun to read over to a sibling. True if anything moved.
    pub(crate) fn turn(self: &Arc<Self>) -> bool {
        let Some(mut batch) = try_lock(&self.batch) else { return false };
        if batch.has_room() && batch.poll_more(&self.interest).is_err() {
            return false;
        }
        let had_events = !batch.is_empty();
        self.sweep();
        let siblings = self.acceptor.helpful_siblings().filter(|_| !self.is_draining());
        let mut kept = Vec::new();
        while let Some(happened) = batch.take(&self.interest) {
            let Happened::Moved(token, seen) = happened else { continue };
            match siblings {
                Some(siblings) if seen.is_request() => {
                    if let Some(exchange) = self.offer(siblings, token, seen, &mut kept) {
                        self.push_ready(exchange);
                    }
                }
                _ => {
                    if let Some(exchange) = self.moved(token, seen) {
                        self.push_ready(exchange);
                    }
                }
            }
        }
        batch.put_back(&kept);
        self.left_events.store(batch.len(), Ordering::Relaxed);
        drop(batch);
        // A runner that came back while the batch was held found it taken and parked, thinking that somebody leads.
        self.unpark_one();
        had_events
    }

    /// Hands a connection over whose next request waits; what the siblings' queue has no room for stays in `kept`.
    fn offer(
        self: &Arc<Self>,
        siblings: &Siblings,
        token: Token,
        seen: Seen,
        kept: &mut Vec<(Token, Seen)>,
    ) -> Option<Exchange> {
        let mut connection = match self.connections.take(token, seen) {
            Found::Connection(connection) => connection,
            Found::Away(_) | Found::Nobody => return None,
        };
        if !connection.is_untouched() || connection.wire.flush() != Sent::All {
            return self.drive(connection, seen.is_hangup);
        }
        let passport = Passport::of(&connection.peer, connection.served);
        match siblings.send(connection.wire.socket().as_fd(), &passport) {
            Ok(()) => {
                // The sibling holds the socket now, so closing ours would not unregister it (epoll(7)).
                self.interest.unwatch(&connection.wire.socket());
                self.connections.dismiss(connection.token);
                None
            }
            Err(Errno::AGAIN) => {
                // Somebody will read it; it is not idle any more.
                connection.postpone();
                kept.push((token, seen));
                self.rest(connection)
            }
            Err(_) => self.drive(connection, seen.is_hangup),
        }
    }
}
