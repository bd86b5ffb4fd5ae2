//! What the Python objects of one request share: the exchange, and whether `start_response` was called. The objects can
//! outlive the request (an application may keep them) and can be used from other threads, so the exchange is behind a
//! lock that is only ever tried: a second user gets an exception, never a wait that could hold the interpreter.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use tricorn_engine::{Exchange, monotonic_ms};
use tricorn_master::RunnerSlot;

use super::error::{Builtin, raise};
use super::object::{Obj, Raised};

/// The state of one request that its Python objects share.
pub struct Transaction {
    desk: Mutex<Desk>,
    slot: RunnerSlot,
}

/// What lies on the desk while a request is served.
#[derive(Default)]
struct Desk {
    /// Present between `begin` and `end`.
    exchange: Option<Exchange>,
    /// Was `start_response` called?
    has_head: bool,
    /// What `gunicorn.socket` became, if somebody looked at it.
    raw_socket: Option<Obj>,
}

// SAFETY: the only thing in it that is not Send is a Python object, and rule 1 holds wherever it is touched: the desk is
// reached through Python calls or by the runner that serves the request, both attached to the object's interpreter.
unsafe impl Send for Desk {}

/// What a request leaves behind.
pub struct Left {
    /// The exchange, unless it was taken before.
    pub exchange: Option<Exchange>,
    /// The raw socket, if the application asked for it.
    pub raw_socket: Option<Obj>,
}

/// Ends the wait for a client, also if a panic does.
struct Resumed(RunnerSlot);

impl Drop for Resumed {
    fn drop(&mut self) {
        self.0.resume(monotonic_ms());
    }
}

impl Transaction {
    /// For the requests of the runner that `slot` shows on the scoreboard.
    pub fn new(slot: RunnerSlot) -> Transaction {
        Transaction { desk: Mutex::default(), slot }
    }

    /// Puts a new exchange on the desk.
    pub fn begin(&self, exchange: Exchange) {
        *self.own() = Desk { exchange: Some(exchange), has_head: false, raw_socket: None };
    }

    /// Clears the desk: from now on the objects of this request are inert.
    pub fn end(&self) -> Left {
        let mut desk = self.own();
        Left { exchange: desk.exchange.take(), raw_socket: desk.raw_socket.take() }
    }

    /// Works with the exchange and the note whether `start_response` was called. Raises when the request is over or another
    /// thread is at it.
    pub fn with<R>(
        &self,
        work: impl FnOnce(&mut Exchange, &mut bool) -> Result<R, Raised>,
    ) -> Result<R, Raised> {
        let mut desk = match self.desk.try_lock() {
            Ok(desk) => desk,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(raise(Builtin::Runtime, "this request is in use by another thread"));
            }
        };
        let Desk { exchange, has_head, .. } = &mut *desk;
        match exchange {
            Some(exchange) => work(exchange, has_head),
            None => Err(raise(Builtin::Runtime, "this request is over")),
        }
    }

    /// As `with`, for whoever answers: `request_timeout` ends here.
    pub fn answering<R>(
        &self,
        work: impl FnOnce(&mut Exchange, &mut bool) -> Result<R, Raised>,
    ) -> Result<R, Raised> {
        self.with(|exchange, has_head| {
            self.slot.begin_answer();
            work(exchange, has_head)
        })
    }

    /// As `with`, for whoever reads the body: what a streamed one is waited for is the client's time, not the application's.
    pub fn reading<R>(&self, work: impl FnOnce(&mut Exchange) -> Result<R, Raised>) -> Result<R, Raised> {
        self.with(|exchange, _| {
            if exchange.is_body_received() {
                return work(exchange);
            }
            self.slot.await_client();
            let _resumed = Resumed(self.slot);
            work(exchange)
        })
    }

    /// The raw socket that was kept.
    pub fn raw_socket(&self) -> Option<Obj> {
        self.own().raw_socket.clone()
    }

    /// Keeps the raw socket until the end of the request.
    pub fn keep_raw_socket(&self, socket: Obj) {
        self.own().raw_socket = Some(socket);
    }

    /// Between requests and between calls nobody else is at the desk for longer than a moment.
    fn own(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
