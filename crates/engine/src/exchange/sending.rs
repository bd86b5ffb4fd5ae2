//! The response's way out: its head is encoded once, head and first chunk leave in one system call, and what the client
//! does not take yet is the engine's to drain.

use std::os::fd::OwnedFd;

use super::{Exchange, Gone, Response};
use crate::clock::with_date;
use crate::connection::Ending;
use crate::departures::Departure;
use crate::engine::Gate;
use crate::http::{self, BodyFraming, ResponseContext, Status};
use crate::wire::Sent;

/// What follows the data of the last chunk.
const CHUNK_END_AND_LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

/// A chunk up to this size is copied behind the head: send(2) of one buffer is cheaper than sendmsg(2) of several.
const CONTIGUOUS_BYTES_MAX: usize = 4096;

/// A chunk up to this size is encrypted without letting go of what the gate holds: that takes a few microseconds, about as
/// long as letting go and coming back. (Plain bytes are copied by the kernel, which is ten times as fast.)
const SEAL_ATTACHED_BYTES: usize = 8 * 1024;

impl Exchange {
    /// Sends an interim response (RFC 9110 15.2); `encoded` is its whole head. Not to HTTP/1.0, nor after `send`.
    pub fn send_interim(&mut self, encoded: &[u8]) -> Result<(), Gone> {
        if self.state != Response::Unsent || self.head().version() == http::Version::Http10 {
            return Ok(());
        }
        self.transmit(&[encoded])
    }

    /// Sends a chunk of the body, with the head before the first. `is_last`: nothing follows, so that the end of the body
    /// leaves in the same system call. Waits (detached) only while more than the response buffer is still queued.
    pub fn send<G: Gate>(&mut self, gate: &mut G, chunk: &[u8], is_last: bool) -> Result<(), Gone> {
        if self.state == Response::Failed {
            return Err(Gone);
        }
        self.wait_for_room(gate)?;
        self.begin(chunk.len() as u64);
        let chunk = self.within_length(chunk);
        let mut out = std::mem::take(&mut self.kit_mut().out);
        let tail: &[u8] = match (self.framing, chunk.is_empty(), is_last) {
            (BodyFraming::Chunked, true, true) => http::LAST_CHUNK,
            (BodyFraming::Chunked, false, _) => {
                http::encode_chunk_prefix(chunk.len(), &mut out);
                if is_last { CHUNK_END_AND_LAST_CHUNK } else { http::CHUNK_END }
            }
            _ => b"",
        };
        let result = if chunk.len() <= CONTIGUOUS_BYTES_MAX {
            out.extend_from_slice(chunk);
            out.extend_from_slice(tail);
            if out.is_empty() {
                Ok(())
            } else if (is_last || self.is_whole()) && self.may_wait() {
                self.hold(&mut out)
            } else {
                self.transmit(&[&out])
            }
        } else if chunk.len() > SEAL_ATTACHED_BYTES && self.is_tls() {
            gate.detached(|| self.transmit(&[&out, chunk, tail]))
        } else {
            self.transmit(&[&out, chunk, tail])
        };
        out.clear();
        self.kit_mut().out = out;
        if is_last && matches!(self.framing, BodyFraming::Chunked) {
            self.framing = BodyFraming::None; // The end is out: `complete` has nothing to add.
        }
        result
    }

    /// Sends `length` bytes of `file` from `offset` as the body's next part, by sendfile(2). The engine drains it.
    pub fn send_file<G: Gate>(
        &mut self,
        gate: &mut G,
        file: OwnedFd,
        offset: u64,
        length: u64,
    ) -> Result<(), Gone> {
        let is_chunked_now = {
            self.wait_for_room(gate)?;
            self.begin(length);
            matches!(self.framing, BodyFraming::Chunked)
        };
        let length = match self.framing {
            BodyFraming::None => 0,
            BodyFraming::Length(_) => length.min(self.left_bytes),
            BodyFraming::Chunked | BodyFraming::UntilClose => length,
        };
        let mut out = std::mem::take(&mut self.kit_mut().out);
        if is_chunked_now && length > 0 {
            http::encode_chunk_prefix(length as usize, &mut out);
        }
        let mut result = if out.is_empty() { Ok(()) } else { self.transmit(&[&out]) };
        out.clear();
        self.kit_mut().out = out;
        if result.is_ok() && length > 0 {
            let wire = self.connection().wire.clone();
            // Reading the file can block on the disk: not while anything is held.
            let sent = gate.detached(|| wire.send_file(file, offset, length));
            result = self.note(sent);
            self.count(length);
            if result.is_ok() && is_chunked_now {
                result = self.transmit(&[http::CHUNK_END]);
            }
        }
        result
    }

    /// Ends the response: sends the head if nothing was sent yet, and the end of a chunked body.
    pub fn complete<G: Gate>(&mut self, gate: &mut G) -> Result<(), Gone> {
        match self.state {
            Response::Unsent => self.send(gate, b"", true)?,
            Response::Begun if matches!(self.framing, BodyFraming::Chunked) => self.send(gate, b"", true)?,
            Response::Begun => {}
            Response::Failed => return Err(Gone),
        }
        if self.left_bytes > 0 || self.is_overlong {
            self.ending = Ending::Close;
        }
        if !self.body.is_received() {
            self.ending = Ending::Close;
        }
        Ok(())
    }

    /// Answers with an error page if nothing was sent yet; otherwise cuts the connection, so that what the client has
    /// cannot be taken for a complete response. True if the page went out.
    pub fn fail(&mut self, status: Status, message: &str) -> bool {
        let was_unsent = self.state == Response::Unsent;
        self.state = Response::Failed;
        self.ending = Ending::Close;
        if was_unsent {
            let mut page = Vec::with_capacity(512);
            let is_head = self.head().is_head();
            http::error_page(status, status.reason(), message, is_head, &mut page);
            self.sent_bytes = message.len() as u64;
            let _ = self.transmit(&[&page]);
        } else if !self.is_whole() {
            self.is_cut = true;
        }
        was_unsent
    }

    /// Is everything out that the client was promised? Then a failure afterwards is none of its business.
    fn is_whole(&self) -> bool {
        match self.framing {
            BodyFraming::Length(_) => self.left_bytes == 0,
            BodyFraming::None => true,
            BodyFraming::Chunked | BodyFraming::UntilClose => false,
        }
    }

    /// Closes without a word (what Gunicorn does when the application raises `StopIteration`).
    pub fn hang_up(&mut self) {
        self.state = Response::Failed;
        self.ending = Ending::Close;
    }

    /// May a response that is complete now wait for others?
    fn may_wait(&self) -> bool {
        let engine = &self.engine;
        self.ending == Ending::Keep
            && !self.is_shared
            && !self.is_queued
            && self.connection().is_registered // What the socket does not take must be told of.
            && engine.at_hand_count() > 0
            && !engine.alarm.is_raised()
            && engine.departures.admit(self.entered_us)
    }

    /// Leaves what is to be sent in the wire, for the engine to send it in a moment.
    fn hold(&mut self, out: &mut Vec<u8>) -> Result<(), Gone> {
        let connection = self.connection();
        match connection.wire.hold(std::mem::take(out)) {
            Ok(()) => {
                let (wire, token) = (connection.wire.clone(), connection.token);
                self.engine.departures.add(Departure { wire, token });
                if !self.engine.departures.are_watched() {
                    // The monitor has looked away meanwhile, perhaps for good.
                    self.engine.send_held();
                }
                Ok(())
            }
            Err(refused) => {
                *out = refused;
                self.transmit(&[out])
            }
        }
    }

    fn begin(&mut self, first_bytes: u64) {
        if self.state != Response::Unsent {
            return;
        }
        self.state = Response::Begun;
        let engine = &self.engine;
        let is_received = self.body.is_received();
        let must_close = self.is_shared || self.must_close;
        let kit = self.kit.as_mut().expect("an exchange has its kit until it is released");
        let wants_keep = kit.head.is_keep_alive();
        let overruns = kit.response.content_length().is_some_and(|length| first_bytes > length);
        let can_keep = engine.keeps_connections()
            && is_received
            && !must_close
            && !overruns
            && !kit.response.is_upgrade();
        self.framing = with_date(|date| {
            let context = ResponseContext {
                request_version: kit.head.version(),
                is_head: kit.head.is_head(),
                keep_alive: wants_keep && can_keep,
                date,
                server: engine.options.server.as_bytes(),
            };
            kit.response.encode(&context, &mut kit.out)
        });
        self.left_bytes = if let BodyFraming::Length(length) = self.framing { length } else { 0 };
        self.ending = match (wants_keep, can_keep, self.framing) {
            (_, _, BodyFraming::UntilClose) | (true, false, _) => Ending::Close,
            (true, true, _) => Ending::Keep,
            (false, _, _) => Ending::CloseAsAsked,
        };
    }

    fn within_length<'a>(&mut self, chunk: &'a [u8]) -> &'a [u8] {
        let chunk = match self.framing {
            BodyFraming::None => b"",
            BodyFraming::Length(_) if chunk.len() as u64 > self.left_bytes => {
                self.is_overlong = true;
                &chunk[..self.left_bytes as usize]
            }
            _ => chunk,
        };
        self.count(chunk.len() as u64);
        chunk
    }

    fn count(&mut self, bytes: u64) {
        self.sent_bytes += bytes;
        if matches!(self.framing, BodyFraming::Length(_)) {
            self.left_bytes -= bytes.min(self.left_bytes);
        }
    }

    fn wait_for_room<G: Gate>(&mut self, gate: &mut G) -> Result<(), Gone> {
        if !self.is_queued {
            return Ok(());
        }
        let wire = self.connection().wire.clone();
        let room = self.engine.options.response_buffer_bytes as u64;
        let stall = self.engine.options.write_timeout;
        let mut sent = wire.flush();
        if sent == Sent::Queued && wire.queued_bytes() > room {
            sent = gate.detached(|| wire.wait_for_room(room, stall));
        }
        self.is_queued = sent == Sent::Queued;
        self.note(sent)
    }

    pub(super) fn transmit(&mut self, parts: &[&[u8]]) -> Result<(), Gone> {
        if let Some(connection) = self.connection.take_if(|_| self.is_shared) {
            self.reclaim(&connection);
            self.connection = Some(connection);
        }
        let sent = self.connection().wire.send(parts);
        self.note(sent)
    }

    /// Remembers what became of a send, and has the poller watch for room from the first queued byte on.
    fn note(&mut self, sent: Sent) -> Result<(), Gone> {
        match sent {
            Sent::All => Ok(()),
            Sent::Queued => {
                // A secure wire pauses although the socket would take more: then the poller must look again.
                if !self.is_queued || self.is_tls() {
                    self.is_queued = true;
                    let connection = self
                        .connection
                        .as_mut()
                        .expect("an exchange has its connection until it is released");
                    self.engine.watch(connection);
                }
                Ok(())
            }
            Sent::Broken => {
                self.state = Response::Failed;
                self.is_cut = true;
                Err(Gone)
            }
        }
    }
}
