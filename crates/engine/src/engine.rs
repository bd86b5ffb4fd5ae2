//! The engine: one epoll, its listeners, its connections. It has no thread of its own: runners call [`Engine::next`], and
//! whichever of them holds the batch of events leads; the others are parked until the leader is away for long (see
//! `monitor`). The table of connections is locked for moments only, never across a system call that can wait.

mod arrivals;
mod lead;
mod relief;

use std::collections::VecDeque;
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::acceptor::Acceptor;
use crate::clock::{deadline_ms, monotonic_ms};
use crate::connection::{Connection, Context, Step};
use crate::departures::{Departure, Departures};
use crate::drain::Drain;
use crate::exchange::Exchange;
use crate::handover::Siblings;
use crate::monitor::Alarm;
use crate::options::{EngineOptions, Observer, Trouble};
use crate::parking::Parking;
use crate::peer::Listener;
use crate::poller::{Batch, Interest};
use crate::slots::{Connections, Found, Rested, Seen, Token, lock};
use crate::wire::Sent;

/// Releases whatever must not be held while a thread waits (an interpreter lock), and takes it back.
pub trait Gate {
    /// Runs `wait` with it released.
    fn detached<R>(&mut self, wait: impl FnOnce() -> R) -> R;
}

/// What a runner is to do next.
pub enum Next {
    /// Answer this.
    Exchange(Exchange),
    /// A signal arrived, or `interrupt` was called: see to it, then ask again.
    Interrupted,
    /// The engine has drained: nothing will come any more.
    Stopped,
}

/// One epoll, its listeners and its connections.
pub struct Engine {
    pub(crate) options: EngineOptions,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) interest: Interest,
    pub(crate) alarm: Alarm,
    pub(crate) departures: Departures,
    batch: Mutex<Batch>,
    /// How many events the last leader has left in the batch.
    left_events: AtomicUsize,
    connections: Connections,
    ready: Mutex<VecDeque<Exchange>>,
    ready_count: AtomicUsize,
    acceptor: Acceptor,
    /// Until when the current leader sleeps (monotonic ms); 0 while nobody sleeps.
    asleep_until_ms: AtomicU64,
    /// How often the lead was taken: tells the monitor whether anybody leads at all.
    turns: AtomicU64,
    parking: Parking,
    drain: Mutex<Option<Drain>>,
    is_draining: AtomicBool,
    closes_after_responses: AtomicBool,
    drained_by_ms: AtomicU64,
    interrupts: AtomicU32,
    prefers_ready: AtomicBool,
}

impl Engine {
    /// An engine that accepts from `listeners` and shares its work with `siblings`, if there can be any. Must be made after
    /// fork: an epoll is shared with the child otherwise. Fails as the system calls of epoll(7) do.
    pub fn new(
        options: EngineOptions,
        listeners: Vec<Listener>,
        siblings: Option<Siblings>,
        observer: Arc<dyn Observer>,
    ) -> std::io::Result<Arc<Engine>> {
        let interest = Interest::new()?;
        let acceptor = Acceptor::new(listeners, siblings, &interest)?;
        let departures = Departures::new(options.response_batch);
        Ok(Arc::new(Engine {
            options,
            observer,
            interest,
            alarm: Alarm::default(),
            departures,
            batch: Mutex::new(Batch::new()),
            left_events: AtomicUsize::new(0),
            connections: Connections::default(),
            ready: Mutex::default(),
            ready_count: AtomicUsize::new(0),
            acceptor,
            asleep_until_ms: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            parking: Parking::default(),
            drain: Mutex::new(None),
            is_draining: AtomicBool::new(false),
            closes_after_responses: AtomicBool::new(false),
            drained_by_ms: AtomicU64::new(0),
            interrupts: AtomicU32::new(0),
            prefers_ready: AtomicBool::new(false),
        }))
    }

    /// The next exchange for the calling runner; waits for it inside `gate.detached`.
    pub fn next<G: Gate>(self: &Arc<Self>, gate: &mut G) -> Next {
        let mut next = if self.options.tls.is_some() {
            // Handshakes and decryption are work: none of it while the caller holds what its gate lets go.
            gate.detached(|| self.at_hand().map_or_else(|| self.wait_for_next(), Next::Exchange))
        } else {
            match self.at_hand() {
                Some(exchange) => Next::Exchange(exchange),
                None => gate.detached(|| self.wait_for_next()),
            }
        };
        if let Next::Exchange(exchange) = &mut next {
            exchange.entrust();
        }
        next
    }

    /// Accepts nothing more and lets what runs finish; `next` returns `Stopped` when that is done. Any thread may call it.
    pub fn drain(&self, drain: Drain) {
        let mut slot = lock(&self.drain);
        if slot.is_none() {
            *slot = Some(drain);
            self.drained_by_ms.store(deadline_ms(monotonic_ms(), drain.limit), Ordering::Relaxed);
            self.is_draining.store(true, Ordering::SeqCst);
        } else if let Some(limit) = drain.limit {
            // A second, more urgent word: the earlier deadline counts.
            let due_ms = deadline_ms(monotonic_ms(), Some(limit));
            let before_ms = self.drained_by_ms.load(Ordering::Relaxed);
            if before_ms == 0 || due_ms < before_ms {
                self.drained_by_ms.store(due_ms, Ordering::Relaxed);
            }
        }
        drop(slot);
        self.interest.wake();
        self.parking.unpark_all();
    }

    /// Was `drain` called?
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// From now on every response closes its connection; accepting goes on.
    pub fn close_after_responses(&self) {
        self.closes_after_responses.store(true, Ordering::Relaxed);
    }

    /// May a connection carry another request after the response that begins now?
    pub(crate) fn keeps_connections(&self) -> bool {
        self.options.keep_alive.is_some()
            && !self.is_draining()
            && !self.closes_after_responses.load(Ordering::Relaxed)
    }

    /// Makes one waiting `next` return `Interrupted`.
    pub fn interrupt(&self) {
        self.interrupts.fetch_add(1, Ordering::SeqCst);
        self.interest.wake();
    }

    /// The descriptors that a process forked from this one must not keep: listeners, epoll, wake-up.
    pub fn descriptors(&self) -> Vec<RawFd> {
        self.interest.descriptors().into_iter().chain(self.acceptor.descriptors()).collect()
    }

    /// Does it still listen? A draining engine stops when it has taken what it was to take.
    pub fn is_listening(&self) -> bool {
        self.acceptor.listeners() > 0
    }

    /// Open connections.
    pub fn connections(&self) -> usize {
        self.connections.open()
    }

    pub(crate) fn context(&self) -> Context<'_> {
        Context { options: &self.options, observer: &*self.observer, now_ms: monotonic_ms() }
    }

    fn moved(self: &Arc<Self>, token: Token, seen: Seen) -> Option<Exchange> {
        match self.connections.take(token, seen) {
            Found::Connection(connection) => self.drive(connection, seen.is_hangup),
            Found::Away(wire) => {
                if seen.is_writable {
                    // Its runner is inside the application: what it has queued so far goes out meanwhile.
                    let _ = wire.flush();
                    if wire.has_yielded() {
                        // A wire that is gone meanwhile needs no watching.
                        let _ = self.interest.watch_writing(&wire.socket(), token);
                    }
                }
                None
            }
            Found::Nobody => None,
        }
    }

    /// Drives a connection until it rests, ends, or has a request.
    fn drive(self: &Arc<Self>, mut connection: Box<Connection>, is_hangup: bool) -> Option<Exchange> {
        let step =
            self.guarded(&mut connection, |connection, context| connection.advance(context, is_hangup));
        self.follow(connection, step)
    }

    /// Works on a connection. A panic costs this connection, not the thread that happened to drive it.
    pub(crate) fn guarded(
        &self,
        connection: &mut Connection,
        work: impl FnOnce(&mut Connection, &Context<'_>) -> Step,
    ) -> Step {
        let context = self.context();
        catch_unwind(AssertUnwindSafe(|| work(connection, &context))).unwrap_or_else(|_| {
            self.observer.troubled(&Trouble::Panic);
            Step::Closed
        })
    }

    /// Does what `step` asks for.
    pub(crate) fn follow(self: &Arc<Self>, connection: Box<Connection>, step: Step) -> Option<Exchange> {
        match step {
            Step::Ready => Some(Exchange::new(connection, self.clone())),
            Step::Waiting => self.rest(connection),
            Step::Closed => {
                self.dismiss(&connection);
                None
            }
        }
    }

    fn rest(self: &Arc<Self>, mut connection: Box<Connection>) -> Option<Exchange> {
        if self.is_draining() && connection.is_idle() {
            let linger = Drain::idle_linger(*lock(&self.drain), connection.served);
            connection.deadline_ms = deadline_ms(monotonic_ms(), Some(linger));
        }
        if !self.watch(&mut connection) {
            self.dismiss(&connection);
            return None;
        }
        let due_ms = connection.deadline_ms;
        match self.connections.rest(connection) {
            Rested::Yes => {
                if due_ms != 0 && due_ms < self.asleep_until_ms.load(Ordering::Relaxed) {
                    self.interest.wake();
                }
                None
            }
            Rested::Again(connection, seen) => self.drive(connection, seen.is_hangup),
        }
    }

    /// Makes sure that the poller knows the connection, and its writability once something waits for it.
    pub(crate) fn watch(&self, connection: &mut Connection) -> bool {
        let wants_writing = connection.is_write_watched || connection.wire.queued_bytes() > 0;
        let (socket, token) = (connection.wire.socket(), connection.token);
        let watched = if !connection.is_registered {
            self.interest.watch(&socket, token, wants_writing)
        } else if connection.wire.has_yielded() || (wants_writing && !connection.is_write_watched) {
            self.interest.watch_writing(&socket, token)
        } else {
            Ok(())
        };
        connection.is_registered = true;
        connection.is_write_watched = wants_writing;
        watched.is_ok()
    }

    pub(crate) fn dismiss(&self, connection: &Connection) {
        // A process that the application forked may hold the socket open: closing ours would not end the connection.
        connection.wire.end_sending();
        self.connections.dismiss(connection.token);
        if self.is_draining() {
            // The last one out ends the wait of whoever sleeps.
            self.interest.wake();
        }
    }

    /// Sends the responses that wait for each other. Any thread may call it.
    pub(crate) fn send_held(&self) {
        for Departure { wire, token } in self.departures.take() {
            match catch_unwind(AssertUnwindSafe(|| wire.let_go())) {
                // A wire that is gone meanwhile needs no watching, and one that is broken shows when it is read.
                Ok(Sent::Queued) => drop(self.interest.watch_writing(&wire.socket(), token)),
                Ok(Sent::All | Sent::Broken) => {}
                Err(_) => self.observer.troubled(&Trouble::Panic),
            }
        }
    }

    /// How much is at hand for those who ask next.
    pub(crate) fn at_hand_count(&self) -> usize {
        self.left_events.load(Ordering::Relaxed) + self.ready_count.load(Ordering::Relaxed)
    }

    /// Puts an exchange where the next runner that asks finds it.
    pub(crate) fn push_ready(&self, exchange: Exchange) {
        lock(&self.ready).push_back(exchange);
        self.ready_count.fetch_add(1, Ordering::Relaxed);
    }

    fn take_ready(&self) -> Option<Exchange> {
        if self.ready_count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let exchange = lock(&self.ready).pop_front()?;
        self.ready_count.fetch_sub(1, Ordering::Relaxed);
        Some(exchange)
    }

    /// Ends what has passed its deadline.
    fn sweep(self: &Arc<Self>) {
        let due_ms = self.next_due_ms();
        if due_ms == 0 {
            return;
        }
        let now_ms = monotonic_ms();
        if now_ms < due_ms {
            return;
        }
        if let Err(error) = self.acceptor.resume(&self.interest, now_ms) {
            self.observer.troubled(&Trouble::Accept(error.into()));
        }
        for mut connection in self.connections.sweep(now_ms) {
            let step = self.guarded(&mut connection, Connection::expire);
            if let Some(exchange) = self.follow(connection, step) {
                self.push_ready(exchange);
            }
        }
    }

    fn next_due_ms(&self) -> u64 {
        let again_ms = self.acceptor.again_ms();
        let due_ms = self.connections.next_due_ms();
        if again_ms != 0 && (due_ms == 0 || again_ms < due_ms) { again_ms } else { due_ms }
    }

    fn has_drained(&self) -> bool {
        let by_ms = self.drained_by_ms.load(Ordering::Relaxed);
        if by_ms != 0 && monotonic_ms() >= by_ms {
            return true;
        }
        self.acceptor.listeners() == 0 && self.connections() == 0
    }
}

/// As `lock`, but `None` when somebody else holds it. A poisoned lock is free, not taken: nobody would lead any more.
fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    mutex.clear_poison();
    mutex.try_lock().ok()
}
