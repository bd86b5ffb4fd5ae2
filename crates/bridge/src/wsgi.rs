//! One request through a WSGI application (PEP 3333): call it, send what it returns, end the response, close what it
//! returned. Reads like the PEP; knows nothing of sockets (the exchange does) nor of threads (the runner does).

use std::sync::Arc;

use tricorn_engine::{Exchange, Gone};
use tricorn_master::RunnerSlot;

use crate::ffi::environ::{EnvironError, EnvironMaker, RequestObjects};
use crate::ffi::error::{Builtin, Caught, Class, raise};
use crate::ffi::file;
use crate::ffi::gil::Detachable;
use crate::ffi::object::{Obj, Raised};
use crate::ffi::start_response::Callables;
use crate::ffi::transaction::{Left, Transaction};
use crate::ffi::types::Types;
use crate::ffi::{input, socket};
use crate::worker_state::leave_if_forked;

/// The Python objects of one request. They are used again for the next one if the application kept none of them.
pub struct Desk {
    transaction: Arc<Transaction>,
    callables: Callables,
    input: Obj,
    socket: Obj,
}

impl Desk {
    /// A new set, for the runner that `slot` shows on the scoreboard.
    pub fn new(types: &Types, slot: RunnerSlot) -> Result<Desk, Raised> {
        let transaction = Arc::new(Transaction::new(slot));
        Ok(Desk {
            callables: Callables::new(types, &transaction)?,
            input: input::make(&types.input, &transaction)?,
            socket: socket::make(&types.socket, &transaction)?,
            transaction,
        })
    }

    /// Can it serve another request, because nobody else knows its objects?
    pub fn is_unshared(&self, types: &Types) -> bool {
        self.input.is_unshared() && self.socket.is_unshared() && self.callables.are_unshared(types)
    }

    /// Lays the exchange on the desk.
    pub fn begin(&self, exchange: Exchange) {
        self.transaction.begin(exchange);
    }

    /// Takes it back; the request's objects are inert from now on.
    pub fn end(&self) -> Left {
        self.transaction.end()
    }

    /// The connection ends with this response.
    pub fn close_after_response(&self) {
        // It fails only while the exchange is in use or away, and it lies on the desk.
        let _ = self.transaction.with(|exchange, _| {
            exchange.close_after_response();
            Ok(())
        });
    }

    /// The environ of an exchange that is about to be laid on the desk.
    pub fn environ(&self, exchange: &Exchange, maker: &mut EnvironMaker) -> Result<Obj, EnvironError> {
        let objects = RequestObjects {
            input: &self.input,
            early_hints: &self.callables.early_hints,
            socket: &self.socket,
        };
        maker.make(exchange, &objects)
    }
}

/// How a request ended, as far as the application is concerned.
pub enum Outcome {
    /// The response is complete (or as complete as the application made it).
    Answered,
    /// The client went away while it was answered.
    ClientGone,
    /// The application raised.
    Raised(Caught),
    /// A hook raised; this is its traceback.
    Failed(String),
    /// The path is not below `SCRIPT_NAME`.
    Misconfigured,
    /// The application raised `StopIteration` instead of answering: it took the socket over, or wants silence.
    Silent,
}

/// What the interpreter must have at hand to serve requests; one per runner.
pub struct Server {
    /// The application.
    pub app: Obj,
    /// `wsgi.file_wrapper`.
    pub file_wrapper: Obj,
    /// Are files sent by sendfile(2)?
    pub uses_sendfile: bool,
    /// The attribute names `close` and `filelike`.
    pub names: Names,
}

/// Interned attribute names.
pub struct Names {
    close: Obj,
    filelike: Obj,
}

impl Names {
    /// Interns them.
    pub fn new() -> Result<Names, Raised> {
        Ok(Names { close: Obj::interned(c"close")?, filelike: Obj::interned(c"filelike")? })
    }
}

enum Trouble {
    Raised(Raised),
    Gone,
}

impl From<Raised> for Trouble {
    fn from(raised: Raised) -> Trouble {
        Trouble::Raised(raised)
    }
}

impl From<Gone> for Trouble {
    fn from(_: Gone) -> Trouble {
        Trouble::Gone
    }
}

impl Server {
    /// Calls the application for the exchange on `desk`. Gives what it returned, whose `close` is still owed.
    pub fn answer(&self, desk: &Desk, environ: &Obj, gate: &mut Detachable) -> (Outcome, Option<Obj>) {
        let called = self.app.call2(environ, &desk.callables.start_response);
        leave_if_forked();
        let result = match called {
            Ok(result) => result,
            Err(raised) => {
                let caught = Caught::take(raised);
                let outcome =
                    if caught.is(Class::StopIteration) { Outcome::Silent } else { Outcome::Raised(caught) };
                return (outcome, None);
            }
        };
        let outcome = match self.transmit(desk, &result, gate) {
            Ok(()) => Outcome::Answered,
            Err(Trouble::Gone) => Outcome::ClientGone,
            Err(Trouble::Raised(raised)) => Outcome::Raised(Caught::take(raised)),
        };
        (outcome, Some(result))
    }

    /// Calls `close()` of what the application returned, if it has one.
    pub fn close(&self, result: &Obj) -> Result<(), Raised> {
        if result.is_sequence() {
            return Ok(());
        }
        match result.optional_attr(&self.names.close)? {
            Some(close) => {
                let closed = close.call0().map(drop);
                leave_if_forked();
                closed
            }
            None => Ok(()),
        }
    }

    fn transmit(&self, desk: &Desk, result: &Obj, gate: &mut Detachable) -> Result<(), Trouble> {
        if result.is_exactly(&self.file_wrapper) {
            if !(self.uses_sendfile && self.transmit_file(desk, result, gate)?) {
                transmit_blocks(desk, result, gate)?;
            }
        } else if result.is_sequence() {
            let mut at = 0;
            while let Some((item, is_last)) = result.sequence_item(at) {
                if send(desk, &item, is_last, gate)? && is_last {
                    return Ok(());
                }
                at += 1;
            }
        } else {
            let iterator = result.iterate()?;
            loop {
                let item = iterator.next();
                leave_if_forked();
                match item? {
                    Some(item) => send(desk, &item, false, gate).map(drop)?,
                    None => break,
                }
            }
        }
        complete(desk, gate)
    }

    /// Hands a file over to be sent by the kernel; false if it is no plain file.
    fn transmit_file(&self, desk: &Desk, wrapper: &Obj, gate: &mut Detachable) -> Result<bool, Trouble> {
        let file = wrapper.attr(&self.names.filelike)?;
        let Some(descriptor) = file::duplicate_descriptor(&file) else { return Ok(false) };
        let Some(offset) = file::position(&file) else { return Ok(false) };
        let Ok(stat) = rustix::fs::fstat(&descriptor) else { return Ok(false) };
        if !rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file() {
            return Ok(false);
        }
        let there = u64::try_from(stat.st_size).unwrap_or(0).saturating_sub(offset);
        let sent = desk.transaction.answering(|exchange, has_head| {
            require_head(*has_head)?;
            let length = exchange.response_head().content_length().map_or(there, |length| length.min(there));
            Ok(exchange.send_file(gate, descriptor, offset, length))
        })?;
        sent?;
        Ok(true)
    }
}

/// A file wrapper whose file the kernel cannot send: its blocks, up to the declared length. A file that is longer than its
/// Content-Length is no mistake: the application serves a part of it.
fn transmit_blocks(desk: &Desk, wrapper: &Obj, gate: &mut Detachable) -> Result<(), Trouble> {
    let iterator = wrapper.iterate()?;
    loop {
        let room = desk.transaction.with(|exchange, _| Ok(exchange.room_bytes()))?;
        if room == Some(0) {
            return Ok(());
        }
        let Some(block) = iterator.next()? else { return Ok(()) };
        let within = block.as_bytes().zip(room).filter(|(bytes, room)| bytes.len() as u64 > *room);
        let block = match within {
            Some((bytes, room)) => Obj::bytes(&bytes[..room as usize])?,
            None => block,
        };
        send(desk, &block, false, gate).map(drop)?;
    }
}

/// Sends what the application gave; with the last of it the response is complete. False if there was nothing to send.
fn send(desk: &Desk, item: &Obj, is_last: bool, gate: &mut Detachable) -> Result<bool, Trouble> {
    let Some(bytes) = item.as_bytes() else {
        let message = format!("the application must give bytes, not {}", item.repr());
        return Err(raise(Builtin::Type, &message).into());
    };
    if bytes.is_empty() {
        return Ok(false);
    }
    let sent = desk.transaction.answering(|exchange, has_head| {
        require_head(*has_head)?;
        let sent = exchange.send(gate, bytes, is_last);
        Ok(if is_last { sent.and_then(|()| exchange.complete(gate)) } else { sent })
    })?;
    sent?;
    Ok(true)
}

fn complete(desk: &Desk, gate: &mut Detachable) -> Result<(), Trouble> {
    let completed = desk.transaction.with(|exchange, has_head| {
        require_head(*has_head)?;
        Ok(exchange.complete(gate))
    })?;
    Ok(completed?)
}

fn require_head(has_head: bool) -> Result<(), Raised> {
    if has_head {
        return Ok(());
    }
    Err(raise(Builtin::Assertion, "the application did not call start_response()"))
}
