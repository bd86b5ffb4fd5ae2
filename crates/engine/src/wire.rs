//! A wire: one connected socket and what is still to be written to it. Sending never blocks; what the socket does not
//! take is queued here and drained by whoever notices that the socket is writable: the engine, or the runner that waits
//! for room. It knows nothing of HTTP. A wire begins plain and may be made secure once (`secure`): the same calls then
//! speak through a TLS session; the queue holds plaintext, and no more is sealed than the socket is about to take.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, recv, send, sendmsg, shutdown};

use crate::clock::{deadline_ms, monotonic_ms};
use crate::tls::Session;

/// What became of bytes that were to go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Everything is in the socket.
    All,
    /// Some of it waits in the queue.
    Queued,
    /// The peer is gone; nothing more will be sent.
    Broken,
}

/// What a read gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// This many bytes. `is_more`: there may be more at hand, so reading must go on before the poller tells again.
    Bytes { count: usize, is_more: bool },
    /// Nothing at the moment.
    Nothing,
    /// The peer will send no more (FIN).
    End,
    /// The connection is broken (RST and its like).
    Broken,
    /// The client of a TLS port speaks HTTP. The wire is plain again.
    NotTls,
    /// The TLS session cannot go on, for this reason; the client was told.
    Unsafe(String),
}

enum Piece {
    Bytes { data: Vec<u8>, at: usize },
    File { file: OwnedFd, offset: u64, left: u64 },
}

#[derive(Default)]
struct Outgoing {
    queue: VecDeque<Piece>,
    queued_bytes: u64,
    is_broken: bool,
    /// When the socket last took a byte of the queue; 0 while nothing is queued.
    progress_ms: u64,
    /// Present once the wire is secure.
    session: Option<Box<Session>>,
    /// What is queued is whole and not sent on purpose (`hold`): it does not count until somebody lets go of it.
    is_held: bool,
    /// Draining paused although the socket would have taken more: the poller must be asked to tell again.
    has_yielded: bool,
}

/// A connected socket and its outgoing queue.
pub(crate) struct Wire {
    socket: OwnedFd,
    /// Known without the lock, so that plain wires pay one load for it.
    is_tls: AtomicBool,
    outgoing: Mutex<Outgoing>,
    /// A copy of the queue's own count, written under its lock: every request asks, and mostly it is 0.
    queued_bytes: AtomicU64,
}

/// The largest number of pieces of one send: head, chunk size, chunk, chunk end.
const PARTS_MAX: usize = 4;

impl Wire {
    pub fn new(socket: OwnedFd) -> Wire {
        let (is_tls, queued_bytes) = (AtomicBool::new(false), AtomicU64::new(0));
        Wire { socket, is_tls, outgoing: Mutex::default(), queued_bytes }
    }

    pub fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Reads what is there, at most `into.len()` bytes.
    pub fn receive(&self, into: &mut [u8]) -> Received {
        if self.is_tls() { self.receive_secure(into) } else { self.receive_raw(into) }
    }

    /// Reads what is there past any TLS session: only for what is thrown away.
    pub fn receive_raw(&self, into: &mut [u8]) -> Received {
        loop {
            return match recv(&self.socket, &mut *into, RecvFlags::empty()) {
                Ok((_, 0)) => Received::End,
                // A read that got less than it asked for has emptied the socket (epoll(7), question 9).
                Ok((_, count)) => Received::Bytes { count, is_more: count == into.len() },
                Err(Errno::AGAIN) => Received::Nothing,
                Err(Errno::INTR) => continue,
                Err(_) => Received::Broken,
            };
        }
    }

    /// Sends `parts` in order, in one system call if the socket takes them.
    pub fn send(&self, parts: &[&[u8]]) -> Sent {
        let mut outgoing = self.outgoing();
        if outgoing.is_broken {
            return Sent::Broken;
        }
        if outgoing.is_held && self.drain(&mut outgoing) == Sent::Broken {
            return Sent::Broken;
        }
        if outgoing.session.is_some() {
            return self.send_secure(&mut outgoing, parts);
        }
        let total: usize = parts.iter().map(|part| part.len()).sum();
        let mut taken = 0;
        if outgoing.queue.is_empty() {
            match self.write_parts(parts) {
                Ok(count) => taken = count,
                Err(Errno::AGAIN) => {}
                Err(_) => return outgoing.breaks(),
            }
            if taken == total {
                return Sent::All;
            }
        }
        outgoing.push_rest(parts, taken, total - taken);
        Sent::Queued
    }

    /// Keeps `bytes` until `let_go`, or until something else is sent or ended. What cannot wait, because something is queued
    /// or the peer is gone, is given back.
    pub fn hold(&self, bytes: Vec<u8>) -> Result<(), Vec<u8>> {
        let mut outgoing = self.outgoing();
        if outgoing.is_broken || outgoing.is_held || outgoing.owed_bytes() > 0 {
            return Err(bytes);
        }
        let length = bytes.len() as u64;
        outgoing.enqueue(Piece::Bytes { data: bytes, at: 0 }, length);
        outgoing.is_held = true;
        Ok(())
    }

    /// Sends what is held, if anything is.
    pub fn let_go(&self) -> Sent {
        let mut outgoing = self.outgoing();
        if outgoing.is_held { self.drain(&mut outgoing) } else { Sent::All }
    }

    /// Queues `length` bytes of `file` from `offset` and sends what the socket takes (sendfile(2)).
    pub fn send_file(&self, file: OwnedFd, offset: u64, length: u64) -> Sent {
        let mut outgoing = self.outgoing();
        if outgoing.is_broken {
            return Sent::Broken;
        }
        if length > 0 {
            outgoing.enqueue(Piece::File { file, offset, left: length }, length);
        }
        self.drain(&mut outgoing)
    }

    /// Sends more of the queue.
    pub fn flush(&self) -> Sent {
        let mut outgoing = self.outgoing();
        self.drain(&mut outgoing)
    }

    /// Bytes that wait in the queue.
    pub fn queued_bytes(&self) -> u64 {
        self.queued_bytes.load(Ordering::Acquire)
    }

    /// Did draining pause although the socket would take more? Asked once per pause, by whoever can have the poller look.
    pub fn has_yielded(&self) -> bool {
        self.is_tls() && std::mem::take(&mut self.outgoing().has_yielded)
    }

    /// When the queue last moved, in monotonic milliseconds; 0 while it is empty.
    pub fn progress_ms(&self) -> u64 {
        self.outgoing().progress_ms
    }

    /// Blocks until at most `bytes_max` bytes are queued. Broken, or no progress within `stall`: `Sent::Broken`.
    pub fn wait_for_room(&self, bytes_max: u64, stall: Option<Duration>) -> Sent {
        loop {
            let (sent, queued, progress_ms) = {
                let mut outgoing = self.outgoing();
                let sent = self.drain(&mut outgoing);
                (sent, outgoing.owed_bytes(), outgoing.progress_ms)
            };
            if sent == Sent::Broken || queued <= bytes_max {
                return sent;
            }
            let due_ms = deadline_ms(progress_ms, stall);
            if !self.wait(PollFlags::OUT, due_ms) {
                return self.outgoing().breaks();
            }
        }
    }

    /// Blocks until there is something to read; false when `due_ms` (0 = never) passed first.
    pub fn wait_for_input(&self, due_ms: u64) -> bool {
        self.wait(PollFlags::IN, due_ms)
    }

    /// Tells the peer that nothing follows (FIN), keeping the reading side open.
    pub fn end_sending(&self) {
        // Whether that succeeds, the peer will not tell any more.
        let _ = self.let_go();
        if self.is_tls() {
            self.say_goodbye();
        }
        // ENOTCONN and its like mean that the peer is gone already: the reading side will tell.
        let _ = shutdown(&self.socket, Shutdown::Write);
    }

    /// Gives up: nothing more is sent or read, the peer sees the end at once. A whole response that is held still leaves.
    pub fn cut(&self) {
        let _ = self.let_go();
        let _ = self.outgoing().breaks();
        // A response that was cut short must not look complete (RFC 9112 8): disconnecting a TCP socket sends RST at once,
        // although other threads may still hold the wire; a shutdown would send FIN first. Unix sockets have no RST.
        if rustix::net::connect_unspec(&self.socket).is_err() {
            let _ = shutdown(&self.socket, Shutdown::Both);
        }
    }

    fn outgoing(&self) -> Locked<'_> {
        // A panic while the lock was held leaves a queue that is still a queue.
        let guard = self.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
        Locked { guard, published: &self.queued_bytes }
    }

    fn wait(&self, events: PollFlags, due_ms: u64) -> bool {
        loop {
            let left = if due_ms == 0 {
                None
            } else {
                let left_ms = due_ms.saturating_sub(monotonic_ms());
                if left_ms == 0 {
                    return false;
                }
                Some(Timespec {
                    tv_sec: (left_ms / 1000) as i64,
                    tv_nsec: (left_ms % 1000 * 1_000_000) as i64,
                })
            };
            match poll(&mut [PollFd::new(&self.socket, events)], left.as_ref()) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) | Err(_) => return true,
            }
        }
    }

    fn write_parts(&self, parts: &[&[u8]]) -> rustix::io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); PARTS_MAX];
        for (slice, part) in slices.iter_mut().zip(parts) {
            *slice = IoSlice::new(part);
        }
        let count = parts.len().min(PARTS_MAX);
        loop {
            let sent = match parts {
                [part] => send(&self.socket, part, SendFlags::NOSIGNAL),
                _ => sendmsg(
                    &self.socket,
                    &slices[..count],
                    &mut SendAncillaryBuffer::default(),
                    SendFlags::NOSIGNAL,
                ),
            };
            if !matches!(sent, Err(Errno::INTR)) {
                return sent;
            }
        }
    }

    fn drain(&self, outgoing: &mut Outgoing) -> Sent {
        outgoing.is_held = false;
        if outgoing.is_broken {
            return Sent::Broken;
        }
        if outgoing.session.is_some() {
            return self.drain_secure(outgoing);
        }
        while let Some(piece) = outgoing.queue.front_mut() {
            let (moved, is_done) = match self.advance(piece) {
                Ok(moved) => moved,
                Err(Errno::AGAIN) => return Sent::Queued,
                Err(Errno::INTR) => continue,
                Err(_) => return outgoing.breaks(),
            };
            outgoing.queued_bytes -= moved;
            outgoing.progress_ms = monotonic_ms();
            if is_done {
                outgoing.queue.pop_front();
            }
        }
        outgoing.is_empty_now()
    }

    /// Moves one piece on: how many bytes went out, and whether the piece is through.
    fn advance(&self, piece: &mut Piece) -> rustix::io::Result<(u64, bool)> {
        match piece {
            Piece::Bytes { data, at } => {
                let count = self.write_parts(&[&data[*at..]])?;
                *at += count;
                Ok((count as u64, *at == data.len()))
            }
            Piece::File { file, offset, left } => {
                let want = usize::try_from(*left).unwrap_or(usize::MAX).min(1 << 30);
                let count = rustix::fs::sendfile(&self.socket, &*file, Some(offset), want)? as u64;
                if count == 0 {
                    // The file became shorter than promised: the response cannot be completed.
                    return Err(Errno::IO);
                }
                *left -= count;
                Ok((count, *left == 0))
            }
        }
    }
}

/// The queue under its lock; at the end its count is copied for those who only ask.
struct Locked<'a> {
    guard: MutexGuard<'a, Outgoing>,
    published: &'a AtomicU64,
}

impl Deref for Locked<'_> {
    type Target = Outgoing;
    fn deref(&self) -> &Outgoing {
        &self.guard
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Outgoing {
        &mut self.guard
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.published.store(self.guard.owed_bytes(), Ordering::Release);
    }
}

impl Outgoing {
    fn enqueue(&mut self, piece: Piece, bytes: u64) {
        if self.queue.is_empty() {
            self.progress_ms = monotonic_ms();
        }
        self.queued_bytes += bytes;
        self.queue.push_back(piece);
    }

    fn push_rest(&mut self, parts: &[&[u8]], mut taken: usize, rest: usize) {
        let mut data = Vec::with_capacity(rest);
        for part in parts {
            let skip = taken.min(part.len());
            taken -= skip;
            data.extend_from_slice(&part[skip..]);
        }
        self.enqueue(Piece::Bytes { data, at: 0 }, rest as u64);
    }

    /// Bytes that are still to go out and not held; of records, at least one.
    fn owed_bytes(&self) -> u64 {
        match &self.session {
            _ if self.is_held => 0,
            Some(session) if session.has_staged() && !self.is_broken => self.queued_bytes.max(1),
            _ => self.queued_bytes,
        }
    }

    fn is_empty_now(&mut self) -> Sent {
        self.progress_ms = 0;
        // An idle connection owns no buffer, not even an empty queue's.
        self.queue = VecDeque::new();
        Sent::All
    }

    fn breaks(&mut self) -> Sent {
        self.is_broken = true;
        self.is_held = false;
        self.queue.clear();
        self.queued_bytes = 0;
        Sent::Broken
    }
}

mod secure;

#[cfg(test)]
mod tests;
