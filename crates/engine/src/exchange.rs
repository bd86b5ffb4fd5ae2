//! An exchange: one parsed request and the handle to answer it. It owns its connection while the application runs, so
//! nothing here needs the engine's locks until the connection goes back. Its two directions are `reading` (the body) and
//! `sending` (the response).

mod reading;
mod sending;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use crate::body::Body;
use crate::connection::{Connection, Ending};
use crate::engine::Engine;
use crate::http::{BodyFraming, RequestHead, ResponseHead, Status};
use crate::kit::Kit;
use crate::peer::Peer;
use crate::pump::Pump;
use crate::tls::TlsFacts;

/// The client went away (or took too long to read): nothing more can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// Where the response stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// Nothing was sent; status and fields can still change.
    Unsent,
    /// The head is on its way and the body follows.
    Begun,
    /// It was cut off, or replaced by an error page.
    Failed,
}

/// A parsed request and the handle to answer it.
pub struct Exchange {
    connection: Option<Box<Connection>>,
    engine: Arc<Engine>,
    kit: Option<Box<Kit>>,
    body: Body,
    state: Response,
    framing: BodyFraming,
    /// Bytes of a declared length that have not been sent.
    left_bytes: u64,
    sent_bytes: u64,
    ending: Ending,
    is_queued: bool,
    is_overlong: bool,
    is_entrusted: bool,
    /// When it went into the application, if its response may wait for others; otherwise 0.
    entered_us: u64,
    is_shared: bool,
    /// Somebody on our side wants the connection closed after the response.
    must_close: bool,
    /// The connection is beyond use: it ends with a reset when it goes back.
    is_cut: bool,
    /// Moves the plaintext of a secure connection that is shared.
    pump: Option<Pump>,
}

impl Exchange {
    pub(crate) fn new(mut connection: Box<Connection>, engine: Arc<Engine>) -> Exchange {
        let (kit, body) = connection.take_request();
        Exchange {
            connection: Some(connection),
            engine,
            kit: Some(kit),
            body,
            state: Response::Unsent,
            framing: BodyFraming::None,
            left_bytes: 0,
            sent_bytes: 0,
            ending: Ending::Close,
            is_queued: false,
            is_overlong: false,
            is_entrusted: false,
            entered_us: 0,
            is_shared: false,
            must_close: false,
            is_cut: false,
            pump: None,
        }
    }

    /// From now on a runner is busy with it, which the monitor watches.
    pub(crate) fn entrust(&mut self) {
        self.is_entrusted = true;
        self.entered_us = self.engine.departures.clock_in(self.engine.at_hand_count());
        self.engine.alarm.enter();
    }

    /// The request's head.
    pub fn head(&self) -> &RequestHead {
        &self.kit().head
    }

    /// A small number that names the connection among the open ones of this engine.
    pub fn place(&self) -> usize {
        self.connection().token.index()
    }

    /// Who sent the request.
    pub fn peer(&self) -> &Peer {
        &self.connection().peer
    }

    /// The how manyeth request of its connection this is, from 1.
    pub fn number(&self) -> u64 {
        self.connection().served
    }

    /// The response's head. It counts until the first `send`.
    pub fn response_head(&self) -> &ResponseHead {
        &self.kit().response
    }

    /// The response's head, to fill in before the first `send`.
    pub fn response_head_mut(&mut self) -> &mut ResponseHead {
        &mut self.kit_mut().response
    }

    /// Where the response stands.
    pub fn state(&self) -> Response {
        self.state
    }

    /// Body bytes handed to the wire so far, without framing.
    pub fn sent_bytes(&self) -> u64 {
        self.sent_bytes
    }

    /// Is the body sent in chunks? Known once the response has begun.
    pub fn is_chunked(&self) -> bool {
        self.state == Response::Begun && matches!(self.framing, BodyFraming::Chunked)
    }

    /// Bytes that the application declared and did not send, after `complete`.
    pub fn missing_bytes(&self) -> u64 {
        self.left_bytes
    }

    /// How many body bytes can still be sent within the declared length; `None` if none was declared.
    pub fn room_bytes(&self) -> Option<u64> {
        match self.state {
            Response::Unsent => self.response_head().content_length(),
            _ => matches!(self.framing, BodyFraming::Length(_)).then_some(self.left_bytes),
        }
    }

    /// Did the application send more than it declared? The surplus was dropped.
    pub fn is_overlong(&self) -> bool {
        self.is_overlong
    }

    /// Will the connection be closed after this response?
    pub fn is_closing(&self) -> bool {
        self.ending != Ending::Keep
    }

    /// Does the connection speak TLS?
    pub fn is_tls(&self) -> bool {
        self.connection().wire.is_tls()
    }

    /// What TLS has negotiated; `None` on a plain connection.
    pub fn tls_facts(&self) -> Option<TlsFacts> {
        self.connection().wire.tls_facts()
    }

    /// A duplicate of the socket for code that wants to speak for itself (`gunicorn.socket`), and the bytes that were read
    /// from it but belong to no request yet. The connection closes after this exchange. Under TLS it is one end of a socket
    /// pair that carries the plaintext.
    pub fn share_socket(&mut self) -> std::io::Result<(OwnedFd, Vec<u8>)> {
        let stall = self.engine.options.write_timeout;
        let connection = held(&mut self.connection);
        // What is written into the duplicate must not overtake it. A client that is gone shows in the socket.
        let _ = connection.wire.let_go();
        let duplicate = if connection.wire.is_tls() {
            let (pump, theirs) = Pump::start(connection.wire.clone(), connection.take_pending(), stall)?;
            self.pump = Some(pump);
            theirs
        } else {
            rustix::io::fcntl_dupfd_cloexec(connection.wire.socket(), 3)?
        };
        if connection.is_registered {
            // The duplicate keeps the open file description alive, so closing ours would not unregister it (epoll(7)).
            self.engine.interest.unwatch(&connection.wire.socket());
            connection.is_registered = false;
        }
        self.is_shared = true;
        Ok((duplicate, connection.take_pending()))
    }

    /// The connection ends with this response, if its head is not sent yet.
    pub fn close_after_response(&mut self) {
        self.must_close = true;
    }

    /// A duplicate of the client's socket, for its addresses and options.
    pub fn duplicate_socket(&self) -> std::io::Result<OwnedFd> {
        Ok(rustix::io::fcntl_dupfd_cloexec(self.connection().wire.socket(), 3)?)
    }

    /// Gives the connection back to the engine.
    pub fn release(mut self) {
        self.hand_back();
    }

    fn hand_back(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if let Some(kit) = self.kit.take() {
            kit.give_back();
        }
        if self.is_shared {
            self.reclaim(&connection);
            self.ending = Ending::Close;
        }
        if self.is_cut {
            connection.wire.cut();
            self.engine.dismiss(&connection);
            return;
        }
        let ending = self.ending;
        let step = self
            .engine
            .guarded(&mut connection, |connection, context| connection.settle_response(ending, context));
        if let Some(exchange) = self.engine.follow(connection, step) {
            self.engine.push_ready(exchange);
        }
    }

    /// Takes a shared connection back, as far as that goes.
    fn reclaim(&mut self, connection: &Connection) {
        match self.pump.take() {
            // What was written into it comes before what follows.
            Some(pump) => pump.finish(),
            // Whoever shares the socket may have made it blocking; the flag belongs to both descriptors.
            None => drop(rustix::io::ioctl_fionbio(connection.wire.socket(), true)),
        }
    }

    fn kit(&self) -> &Kit {
        self.kit.as_ref().expect("an exchange has its kit until it is released")
    }

    fn kit_mut(&mut self) -> &mut Kit {
        self.kit.as_mut().expect("an exchange has its kit until it is released")
    }

    fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("an exchange has its connection until it is released")
    }

    /// The connection's socket, for looking only (its number, its options).
    pub fn socket(&self) -> impl AsFd + '_ {
        self.connection().wire.socket()
    }
}

/// The connection of an exchange that was not released yet (a field borrow, so that the other fields stay usable).
fn held(connection: &mut Option<Box<Connection>>) -> &mut Connection {
    connection.as_mut().expect("an exchange has its connection until it is released")
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.is_entrusted {
            self.engine.alarm.leave();
        }
        if self.connection.is_some() {
            // Not released: a panic on the way. The client must not wait for an answer that will not come.
            if self.state == Response::Unsent {
                self.fail(Status::InternalServerError, "");
            } else {
                self.is_cut = true;
            }
            self.hand_back();
        }
    }
}
