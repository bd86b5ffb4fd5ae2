//! A pump: lends the plaintext of a secure wire to code that wants a socket of its own (`gunicorn.socket`).
//! That code gets one end of a socket pair; a thread moves bytes between the other end and the wire, without Python. One
//! thread per lent connection, which occupies a runner anyway. The exchange that lent it ends the pump before it sends.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType, recv, send, shutdown, socketpair,
};

use crate::clock::{deadline_ms, monotonic_ms};
use crate::wire::{Received, Sent, Wire};

/// Bytes moved at once, and the most that waits in the wire's queue before the lender is made to wait.
const BLOCK_BYTES: usize = 64 * 1024;

/// What poll(2) says of a pair whose other end is closed: nobody reads what the client sends, and nobody writes.
const ABANDONED: PollFlags = PollFlags::HUP.union(PollFlags::ERR);

/// A running pump.
pub(crate) struct Pump {
    thread: JoinHandle<()>,
    stop: Arc<OwnedFd>,
}

impl Pump {
    /// Starts to move bytes; the socket is the other end. `pending` was read from the wire already and comes first. `stall`:
    /// how long a client may not read anything.
    pub fn start(
        wire: Arc<Wire>,
        pending: Vec<u8>,
        stall: Option<Duration>,
    ) -> std::io::Result<(Pump, OwnedFd)> {
        let (theirs, ours) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let work = Work {
            wire,
            ours,
            stop: stop.clone(),
            stall,
            inward: pending,
            is_wire_ended: false,
            is_lender_done: false,
        };
        let thread = thread::Builder::new().name("tricorn-pump".into()).spawn(move || work.run())?;
        Ok((Pump { thread, stop }, theirs))
    }

    /// Takes over what was written into the pair so far, and ends. It waits for nothing but the thread's next turn.
    pub fn finish(self) {
        // EAGAIN means that the counter is full, so the descriptor is readable, which is all that is wanted.
        let _ = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
        // A panic there was reported by the panic hook; the connection ends either way.
        let _ = self.thread.join();
    }
}

struct Work {
    wire: Arc<Wire>,
    ours: OwnedFd,
    stop: Arc<OwnedFd>,
    stall: Option<Duration>,
    /// Plaintext of the client's that the pair has not taken yet.
    inward: Vec<u8>,
    is_wire_ended: bool,
    is_lender_done: bool,
}

impl Work {
    fn run(mut self) {
        let mut block = vec![0; BLOCK_BYTES];
        // What the session holds already is announced by no poller.
        while self.move_inward(&mut block) && self.wait() {
            let _ = self.wire.flush();
            if !self.move_outward(&mut block) {
                break;
            }
        }
        // Asked to stop, or the lender has closed its end: what it wrote before is still the client's.
        while matches!(recv_some(&self.ours, &mut block), Ok(count) if count > 0 && self.send(&block[..count]))
        {
        }
    }

    /// Waits for something to do; false when it is time to end.
    fn wait(&self) -> bool {
        let (socket, queued) = (self.wire.socket(), self.wire.queued_bytes());
        let mut wire_wants = PollFlags::empty();
        wire_wants.set(PollFlags::IN, self.inward.is_empty() && !self.is_wire_ended);
        wire_wants.set(PollFlags::OUT, queued > 0);
        let mut pair_wants = PollFlags::empty();
        pair_wants.set(PollFlags::IN, queued <= BLOCK_BYTES as u64 && !self.is_lender_done);
        pair_wants.set(PollFlags::OUT, !self.inward.is_empty());
        let mut polled = [
            PollFd::new(&*self.stop, PollFlags::IN),
            PollFd::new(&self.ours, pair_wants),
            PollFd::new(&socket, wire_wants),
        ];
        let due_ms = if queued > 0 { deadline_ms(self.wire.progress_ms(), self.stall) } else { 0 };
        let left = (due_ms != 0).then(|| timespec(due_ms.saturating_sub(monotonic_ms())));
        match poll(&mut polled, left.as_ref()) {
            Ok(0) => {
                self.wire.cut();
                false
            }
            Ok(_) => {
                let is_stopped = !polled[0].revents().is_empty();
                !is_stopped && !polled[1].revents().intersects(ABANDONED)
            }
            Err(Errno::INTR) => true,
            Err(_) => false,
        }
    }

    /// The lender has closed its end, as it would close a duplicate of the client's socket: the exchange may answer yet.
    fn is_abandoned(&self) -> bool {
        let mut polled = [PollFd::new(&self.ours, PollFlags::empty())];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut polled, Some(&at_once)).is_ok() && polled[0].revents().intersects(ABANDONED)
    }

    /// From the client to the lender; false when the connection is beyond use.
    fn move_inward(&mut self, block: &mut [u8]) -> bool {
        loop {
            if !self.inward.is_empty() {
                match send(&self.ours, &self.inward, SendFlags::NOSIGNAL) {
                    Ok(count) => drop(self.inward.drain(..count)),
                    Err(Errno::AGAIN) => return true,
                    Err(Errno::INTR) => {}
                    Err(_) => return false,
                }
                continue;
            }
            if self.is_wire_ended {
                return true;
            }
            match self.wire.receive(block) {
                Received::Bytes { count, .. } => self.inward.extend_from_slice(&block[..count]),
                Received::Nothing => return true,
                Received::End => {
                    self.is_wire_ended = true;
                    // The lender reads the end; it may still write.
                    let _ = shutdown(&self.ours, Shutdown::Write);
                }
                Received::Broken | Received::NotTls | Received::Unsafe(_) => return false,
            }
        }
    }

    /// From the lender to the client; false when the connection is beyond use.
    fn move_outward(&mut self, block: &mut [u8]) -> bool {
        while !self.is_lender_done && self.wire.queued_bytes() <= BLOCK_BYTES as u64 {
            match recv_some(&self.ours, block) {
                Ok(0) if self.is_abandoned() => return false,
                // shutdown(SHUT_WR): the lender reads on, and the client is told the end. One that shuts down both ways is
                // as good as closed.
                Ok(0) => {
                    self.is_lender_done = true;
                    self.wire.end_sending();
                }
                Ok(count) if self.send(&block[..count]) => {}
                Err(Errno::AGAIN) => return true,
                Ok(_) | Err(_) => return false,
            }
        }
        true
    }

    fn send(&self, bytes: &[u8]) -> bool {
        self.wire.send(&[bytes]) != Sent::Broken
    }
}

fn recv_some(socket: &OwnedFd, block: &mut [u8]) -> rustix::io::Result<usize> {
    loop {
        match recv(socket, &mut *block, RecvFlags::empty()) {
            Err(Errno::INTR) => {}
            other => return other.map(|(_, count)| count),
        }
    }
}

fn timespec(ms: u64) -> Timespec {
    Timespec { tv_sec: (ms / 1000) as i64, tv_nsec: (ms % 1000 * 1_000_000) as i64 }
}
