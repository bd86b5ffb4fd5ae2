//! The secure half of a wire: the same sends and reads, through a TLS session. One lock holds the session and the queue,
//! because both directions of TLS share their state. What waits in the queue is plaintext; it is sealed piece by piece as
//! the socket takes it, and at most [`TURN_BYTES`] per turn, so that a client that reads as fast as we can encrypt does
//! not keep the thread that drives all the others.

use std::cell::RefCell;
use std::io::{self, IoSlice, Write};
use std::sync::atomic::Ordering;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, sendmsg};

use super::{Outgoing, Piece, Received, Sent, Wire};
use crate::clock::monotonic_ms;
use crate::tls::{Fault, Session, TlsFacts};

/// Ciphertext read at once; with less room than this behind it, no plaintext has to be kept.
const READ_BYTES: usize = 32 * 1024;

/// Plaintext sealed before the records are offered to the socket: four records of the largest size.
const SEAL_BYTES: usize = 64 * 1024;

/// Plaintext sealed in one turn: with AES in hardware, less than a millisecond.
const TURN_BYTES: usize = 1024 * 1024;

thread_local! {
    static CIPHERTEXT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static FILE_BLOCK: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The socket, as rustls wants to write to it.
struct Socket<'a>(&'a Wire);

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        loop {
            let sent =
                sendmsg(&self.0.socket, slices, &mut SendAncillaryBuffer::default(), SendFlags::NOSIGNAL);
            if !matches!(sent, Err(Errno::INTR)) {
                return Ok(sent?);
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Wire {
    /// Does it speak TLS?
    pub fn is_tls(&self) -> bool {
        self.is_tls.load(Ordering::Relaxed)
    }

    /// From now on it speaks TLS; `received` was read already and is the session's.
    pub fn secure(&self, mut session: Box<Session>, received: &[u8]) {
        session.keep(received);
        self.outgoing().session = Some(session);
        self.is_tls.store(true, Ordering::Relaxed);
    }

    /// What was negotiated; `None` on a plain wire.
    pub fn tls_facts(&self) -> Option<TlsFacts> {
        self.outgoing().session.as_ref()?.facts()
    }

    pub(super) fn receive_secure(&self, into: &mut [u8]) -> Received {
        let mut guard = self.outgoing();
        let outgoing = &mut *guard;
        let Some(session) = outgoing.session.as_mut().filter(|_| !outgoing.is_broken) else {
            return Received::Broken;
        };
        let opened = self.open(session, into);
        if session.has_staged() && transmit(self, session).is_err() {
            // Nobody reads what the handshake has to say; the reading side tells the same at its next turn.
            let _ = outgoing.breaks();
        }
        match opened {
            Ok(received) => received,
            Err(Fault::PlainHttp) => {
                outgoing.session = None;
                self.is_tls.store(false, Ordering::Relaxed);
                Received::NotTls
            }
            Err(Fault::Broken(why)) => Received::Unsafe(why),
        }
    }

    /// Reads and decrypts until there is plaintext and the socket is empty, or `into` is full.
    fn open(&self, session: &mut Session, into: &mut [u8]) -> Result<Received, Fault> {
        let mut count = session.open(&[], into)?;
        let mut is_emptied = false;
        while count < into.len() && !is_emptied && !session.has_more() {
            match self.read_and_open(session, &mut into[count..], &mut is_emptied) {
                Ok(Received::Bytes { count: more, .. }) => count += more,
                Ok(Received::Nothing) => is_emptied = true,
                // An end, a reset or a fault shows again when it is asked for again.
                Ok(end) if count == 0 => return Ok(end),
                Err(fault) if count == 0 => return Err(fault),
                Ok(_) | Err(_) => break,
            }
            if session.has_staged() && session.staged_bytes == 0 {
                // The handshake's answer goes out at once: the client waits for it before it sends more. A socket that is
                // broken shows when it is read.
                let _ = transmit(self, session);
            }
        }
        match count {
            0 if session.is_ended() => Ok(Received::End),
            0 => Ok(Received::Nothing),
            _ => Ok(Received::Bytes { count, is_more: !is_emptied }),
        }
    }

    /// One read, decrypted. `is_emptied`: the socket gave less than was asked for and there is nothing else to come.
    fn read_and_open(
        &self,
        session: &mut Session,
        into: &mut [u8],
        is_emptied: &mut bool,
    ) -> Result<Received, Fault> {
        CIPHERTEXT.with_borrow_mut(|buffer| {
            buffer.resize(READ_BYTES, 0);
            let read = loop {
                match recv(&self.socket, &mut buffer[..], RecvFlags::empty()) {
                    Ok((_, 0)) => return Ok(Received::End),
                    Ok((_, read)) => break read,
                    Err(Errno::AGAIN) => return Ok(Received::Nothing),
                    Err(Errno::INTR) => {}
                    Err(_) => return Ok(Received::Broken),
                }
            };
            let count = session.open(&buffer[..read], into)?;
            *is_emptied = read < READ_BYTES && !session.has_more();
            Ok(Received::Bytes { count, is_more: !*is_emptied })
        })
    }

    pub(super) fn send_secure(&self, outgoing: &mut Outgoing, parts: &[&[u8]]) -> Sent {
        let total: usize = parts.iter().map(|part| part.len()).sum();
        let mut taken = 0;
        if outgoing.queue.is_empty() && outgoing.owed_bytes() == 0 {
            outgoing.progress_ms = monotonic_ms();
        }
        let mut is_full = false;
        while outgoing.queue.is_empty() && !is_full && taken < total && taken < TURN_BYTES {
            match self.push_records(outgoing) {
                Ok(()) => match outgoing.seal(&after(parts, taken)) {
                    // It took the goodbye before, or has used up its keys: nothing can follow.
                    0 => return outgoing.breaks(),
                    sealed => taken += sealed,
                },
                Err(Errno::AGAIN) => is_full = true,
                Err(_) => return outgoing.breaks(),
            }
        }
        if !is_full && let Err(error) = self.push_records(outgoing) {
            if error != Errno::AGAIN {
                return outgoing.breaks();
            }
            is_full = true;
        }
        if taken < total {
            outgoing.has_yielded |= !is_full;
            outgoing.push_rest(parts, taken, total - taken);
        }
        if outgoing.owed_bytes() == 0 { outgoing.is_empty_now() } else { Sent::Queued }
    }

    pub(super) fn drain_secure(&self, outgoing: &mut Outgoing) -> Sent {
        let mut turn = 0;
        loop {
            match self.push_records(outgoing) {
                Ok(()) => {}
                Err(Errno::AGAIN) => return Sent::Queued,
                Err(_) => return outgoing.breaks(),
            }
            let Outgoing { queue, session: Some(session), .. } = outgoing else { return Sent::Broken };
            let Some(piece) = queue.front_mut() else { return outgoing.is_empty_now() };
            if turn >= TURN_BYTES {
                outgoing.has_yielded = true;
                return Sent::Queued;
            }
            match seal_piece(session, piece) {
                Err(Errno::INTR) => continue,
                Ok(0) | Err(_) => return outgoing.breaks(),
                Ok(sealed) => turn += sealed,
            }
            if piece.is_through() {
                queue.pop_front();
            }
        }
    }

    /// Offers the records to the socket; `Ok` when it has all of them.
    fn push_records(&self, outgoing: &mut Outgoing) -> Result<(), Errno> {
        let Some(session) = &mut outgoing.session else { return Err(Errno::PIPE) };
        let (moved, is_through) = transmit(self, session)?;
        if moved > 0 {
            outgoing.progress_ms = monotonic_ms();
        }
        if !is_through {
            return Err(Errno::AGAIN);
        }
        outgoing.queued_bytes -= std::mem::take(&mut session.staged_bytes);
        Ok(())
    }

    /// The last record (RFC 8446 6.1): without it the client cannot tell an end from an attack.
    pub(super) fn say_goodbye(&self) {
        let mut outgoing = self.outgoing();
        if let Outgoing { session: Some(session), is_broken: false, .. } = &mut *outgoing {
            session.close();
            // A client that does not take it has lost nothing that it asked for.
            let _ = transmit(self, session);
        }
    }
}

/// Writes records until there are none or the socket is full: ciphertext bytes moved, and whether none are left.
fn transmit(wire: &Wire, session: &mut Session) -> Result<(usize, bool), Errno> {
    let mut moved = 0;
    while session.has_staged() {
        match session.transmit(&mut Socket(wire)) {
            Ok(count) => moved += count,
            Err(error) => match Errno::from_io_error(&error) {
                Some(Errno::AGAIN) => return Ok((moved, false)),
                errno => return Err(errno.unwrap_or(Errno::IO)),
            },
        }
    }
    Ok((moved, true))
}

fn seal_piece(session: &mut Session, piece: &mut Piece) -> Result<usize, Errno> {
    match piece {
        Piece::Bytes { data, at } => {
            let sealed = session.seal(&[&data[*at..]], SEAL_BYTES);
            *at += sealed;
            Ok(sealed)
        }
        Piece::File { file, offset, left } => FILE_BLOCK.with_borrow_mut(|block| {
            let want = usize::try_from(*left).unwrap_or(usize::MAX).min(SEAL_BYTES);
            block.resize(SEAL_BYTES, 0);
            let count = rustix::io::pread(&*file, &mut block[..want], *offset)?;
            if count == 0 {
                // The file became shorter than promised: the response cannot be completed.
                return Err(Errno::IO);
            }
            let sealed = session.seal(&[&block[..count]], SEAL_BYTES);
            *offset += sealed as u64;
            *left -= sealed as u64;
            Ok(sealed)
        }),
    }
}

impl Outgoing {
    /// Seals some of `parts`: bytes of plaintext that are in records now.
    fn seal(&mut self, parts: &[&[u8]]) -> usize {
        let Some(session) = &mut self.session else { return 0 };
        let sealed = session.seal(parts, SEAL_BYTES);
        self.queued_bytes += sealed as u64;
        sealed
    }
}

impl Piece {
    fn is_through(&self) -> bool {
        match self {
            Piece::Bytes { data, at } => *at == data.len(),
            Piece::File { left, .. } => *left == 0,
        }
    }
}

/// What is left of `parts` behind their first `taken` bytes.
fn after<'a>(parts: &[&'a [u8]], mut taken: usize) -> [&'a [u8]; super::PARTS_MAX] {
    let mut rest: [&[u8]; super::PARTS_MAX] = [&[]; super::PARTS_MAX];
    for (slot, part) in rest.iter_mut().zip(parts) {
        let skip = taken.min(part.len());
        taken -= skip;
        *slot = &part[skip..];
    }
    rest
}
