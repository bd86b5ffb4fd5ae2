//! One TLS session, sans I/O: ciphertext in, plaintext out, and back. It never reads or writes a socket and holds no
//! plaintext that was to go out: the wire seals only what it can send soon.

use std::io::{self, IoSlice, Read, Write};
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection};

use super::facts::TlsFacts;

/// Why a session cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The client speaks HTTP, not TLS. Nothing was sent to it.
    PlainHttp,
    /// Anything else, in words; an alert for the client waits to be sent.
    Broken(String),
}

/// The server's side of one session.
pub(crate) struct Session {
    connection: ServerConnection,
    /// Ciphertext that was received while plaintext still waited to be taken.
    unfed: Vec<u8>,
    /// Plaintext in records that the socket has not taken yet.
    pub staged_bytes: u64,
    /// Plaintext that waits to be taken.
    waiting_bytes: usize,
    fault: Option<Fault>,
    has_begun: bool,
    is_ended: bool,
    has_closed: bool,
    asks_clients: bool,
}

impl Session {
    /// A session that waits for its first byte. `asks_clients`: the configuration asks for client certificates.
    pub fn new(config: Arc<ServerConfig>, asks_clients: bool) -> Result<Session, rustls::Error> {
        let mut connection = ServerConnection::new(config)?;
        // The wire decides how much is sealed at once.
        connection.set_buffer_limit(None);
        Ok(Session {
            connection,
            unfed: Vec::new(),
            staged_bytes: 0,
            waiting_bytes: 0,
            fault: None,
            has_begun: false,
            is_ended: false,
            has_closed: false,
            asks_clients,
        })
    }

    /// Ciphertext that came before anybody could feed it.
    pub fn keep(&mut self, ciphertext: &[u8]) {
        self.unfed.extend_from_slice(ciphertext);
    }

    /// Would `open` give something without any more ciphertext: plaintext, an end or a fault?
    pub fn has_more(&self) -> bool {
        self.waiting_bytes > 0 || !self.unfed.is_empty() || self.fault.is_some() || self.is_ended
    }

    /// Takes ciphertext and decrypts what fits into `into`; the rest is kept. Bytes of plaintext, or why it cannot go on.
    pub fn open(&mut self, ciphertext: &[u8], into: &mut [u8]) -> Result<usize, Fault> {
        let mut taken = self.take(into);
        if self.unfed.is_empty() {
            let (more, rest) = self.feed(ciphertext, &mut into[taken..])?;
            self.unfed.extend_from_slice(rest);
            return Ok(taken + more);
        }
        let mut unfed = std::mem::take(&mut self.unfed);
        unfed.extend_from_slice(ciphertext);
        let (more, rest) = self.feed(&unfed, &mut into[taken..])?;
        taken += more;
        self.unfed.extend_from_slice(rest);
        Ok(taken)
    }

    /// Feeds rustls as long as it holds no plaintext: it refuses input while it holds more than a record. What was not fed
    /// is given back.
    fn feed<'c>(&mut self, mut rest: &'c [u8], into: &mut [u8]) -> Result<(usize, &'c [u8]), Fault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        self.begin(rest)?;
        let mut taken = 0;
        while !rest.is_empty() && !self.is_ended && self.waiting_bytes == 0 {
            let fed = self.connection.read_tls(&mut rest).map_err(|error| error.to_string());
            match fed.and_then(|_| self.connection.process_new_packets().map_err(|error| error.to_string())) {
                Ok(state) => {
                    self.waiting_bytes = state.plaintext_bytes_to_read();
                    self.is_ended = state.peer_has_closed();
                    taken += self.take(&mut into[taken..]);
                }
                Err(why) => {
                    let fault = Fault::Broken(why);
                    self.fault = Some(fault.clone());
                    // What came before it was good, and the fault will keep.
                    return if taken > 0 { Ok((taken, &[])) } else { Err(fault) };
                }
            }
        }
        if self.is_ended {
            rest = &[]; // RFC 8446 6.1: what follows a closure alert is ignored.
        }
        Ok((taken, rest))
    }

    /// The first byte tells TLS from HTTP: a handshake record begins with 22, a method with a letter.
    fn begin(&mut self, ciphertext: &[u8]) -> Result<(), Fault> {
        let Some(first) = ciphertext.first().filter(|_| !self.has_begun) else { return Ok(()) };
        self.has_begun = true;
        if first.is_ascii_alphabetic() {
            self.fault = Some(Fault::PlainHttp);
            return Err(Fault::PlainHttp);
        }
        Ok(())
    }

    fn take(&mut self, into: &mut [u8]) -> usize {
        if self.waiting_bytes == 0 || into.is_empty() {
            return 0;
        }
        // It fails only when nothing waits.
        let taken = self.connection.reader().read(into).unwrap_or(0);
        self.waiting_bytes -= taken;
        taken
    }

    /// Did the client say that it sends no more (`close_notify`), and is everything before it taken?
    pub fn is_ended(&self) -> bool {
        self.is_ended && self.waiting_bytes == 0
    }

    /// Seals as much of `parts` as `bytes_max` allows: bytes of plaintext that are in records now.
    pub fn seal(&mut self, parts: &[&[u8]], bytes_max: usize) -> usize {
        const PARTS_MAX: usize = 4;
        let mut slices = [IoSlice::new(&[]); PARTS_MAX];
        let mut room = bytes_max;
        for (slice, part) in slices.iter_mut().zip(parts) {
            let part = &part[..part.len().min(room)];
            room -= part.len();
            *slice = IoSlice::new(part);
        }
        // Without a limit it takes everything; it fails never.
        let sealed = self.connection.writer().write_vectored(&slices).unwrap_or(0);
        self.staged_bytes += sealed as u64;
        sealed
    }

    /// Are there records that the socket has not taken?
    pub fn has_staged(&self) -> bool {
        self.connection.wants_write()
    }

    /// Writes records to `sink`: ciphertext bytes that it took.
    pub fn transmit(&mut self, sink: &mut dyn Write) -> io::Result<usize> {
        self.connection.write_tls(sink)
    }

    /// Says goodbye (`close_notify`), once, if there is somebody to say it to.
    pub fn close(&mut self) {
        if !self.has_closed && self.fault.is_none() && !self.connection.is_handshaking() {
            self.has_closed = true;
            self.connection.send_close_notify();
        }
    }

    /// What was negotiated; `None` before the handshake is complete.
    pub fn facts(&self) -> Option<TlsFacts> {
        TlsFacts::of(&self.connection, self.asks_clients)
    }
}

#[cfg(test)]
mod tests;
