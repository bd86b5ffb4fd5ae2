//! The socket to the syslog daemon: made when the first message goes out, made anew when the daemon went away.
//!
//! Owned by [`Syslog`](super::Syslog) behind its mutex; every call is non-blocking, so the mutex is held for microseconds.
//! It does not word messages.
//!
//! A datagram is sent or lost. A stream may take half a message, so the rest is queued, and with it (up to a bound) the
//! messages that come while it is connecting or slow. A stream belongs to the process that opened it: a forked child
//! that wrote into its parent's would mix its bytes into half a message, so it opens its own.

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType};

use super::address::{SyslogAddress, UnixKind};

/// Bytes queued for a stream before messages are dropped.
const QUEUE_BYTES_MAX: usize = 64 * 1024;
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

pub(super) struct Link {
    address: SyslogAddress,
    socket: Option<Socket>,
    /// The process that opened `socket`.
    pid: u32,
    /// What a stream has not taken yet.
    queue: Vec<u8>,
    /// No attempt to connect before this moment.
    retry_at: Option<Instant>,
    backoff: Duration,
    /// The TCP address to try next.
    next: usize,
    /// The stream took bytes: when it breaks, the daemon was restarted and one attempt may follow at once.
    has_worked: bool,
    /// Messages lost during the current `send`, other than its own.
    lost: u64,
}

enum Socket {
    Datagram(OwnedFd),
    Stream(OwnedFd),
}

impl Link {
    pub(super) fn new(address: SyslogAddress) -> Link {
        Link {
            address,
            socket: None,
            pid: 0,
            queue: Vec::new(),
            retry_at: None,
            backoff: BACKOFF_FIRST,
            next: 0,
            has_worked: false,
            lost: 0,
        }
    }

    /// Sends or queues one message; how many messages were lost by that, this one or queued ones.
    pub(super) fn send(&mut self, frame: &[u8], pid: u32) -> u64 {
        if self.pid != pid {
            self.pid = pid;
            self.queue.clear(); // the parent has it too
            self.socket = None;
            self.retry_at = None;
        }
        self.lost = 0;
        // The second attempt is for a daemon that was restarted since the last message.
        let is_sent = self.try_send(frame) || (self.socket.is_none() && self.try_send(frame));
        self.lost + u64::from(!is_sent)
    }

    fn try_send(&mut self, frame: &[u8]) -> bool {
        if self.socket.is_none() && !self.connect() {
            return false;
        }
        match &self.socket {
            Some(Socket::Datagram(_)) => self.send_datagram(frame),
            Some(Socket::Stream(_)) => self.send_by_stream(frame),
            None => false,
        }
    }

    fn send_datagram(&mut self, frame: &[u8]) -> bool {
        let Some(Socket::Datagram(fd)) = &self.socket else { return false };
        let outcome = match send(fd, frame) {
            // A connected UDP socket reports the previous datagram's fate here, and sends nothing.
            Err(Errno::CONNREFUSED) if matches!(self.address, SyslogAddress::Udp(_)) => send(fd, frame),
            outcome => outcome,
        };
        match outcome {
            Ok(_) => self.backoff = BACKOFF_FIRST,
            Err(Errno::AGAIN | Errno::NOBUFS | Errno::MSGSIZE) => {}
            Err(_) => self.socket = None,
        }
        outcome.is_ok()
    }

    fn send_by_stream(&mut self, frame: &[u8]) -> bool {
        let is_full = |queue: &Vec<u8>| !queue.is_empty() && queue.len() + frame.len() > QUEUE_BYTES_MAX;
        if is_full(&self.queue)
            && let Err(lost) = self.pump()
        {
            self.lost += lost;
            return false;
        }
        if is_full(&self.queue) {
            return false;
        }
        self.queue.extend_from_slice(frame);
        self.pump().map_err(|lost| self.lost += lost - 1).is_ok() // less the one that `send` tries again or counts
    }

    /// Sends what a stream takes of the queue. When the connection is gone, so is the queue: the error is the number of
    /// messages in it (each ends with the only NUL it has), for half a message is worthless on the next connection.
    fn pump(&mut self) -> Result<(), u64> {
        let Some(Socket::Stream(fd)) = &self.socket else { return Ok(()) };
        let mut sent = 0;
        let errno = loop {
            if sent == self.queue.len() {
                break None;
            }
            match send(fd, &self.queue[sent..]) {
                Ok(count) => {
                    sent += count;
                    self.has_worked = true;
                    self.backoff = BACKOFF_FIRST;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN | Errno::ALREADY | Errno::INPROGRESS) => break None,
                Err(errno) => break Some(errno),
            }
        };
        self.queue.drain(..sent);
        if errno.is_none() {
            return Ok(());
        }
        self.socket = None;
        let lost = memchr::memchr_iter(0, &self.queue).count() as u64;
        self.queue.clear();
        if !std::mem::take(&mut self.has_worked) {
            self.wait_before_retry();
        }
        Err(lost)
    }

    /// Waits at most `patience` for a stream to take the queue; how many messages it lost.
    pub(super) fn flush(&mut self, patience: Duration) -> u64 {
        let deadline = Instant::now() + patience;
        loop {
            if let Err(lost) = self.pump() {
                return lost;
            }
            let wait = deadline.saturating_duration_since(Instant::now());
            let Some(Socket::Stream(fd)) = &self.socket else { return 0 };
            if self.queue.is_empty() || wait.is_zero() || !can_send_within(fd, wait) {
                return 0;
            }
        }
    }

    pub(super) fn descriptor(&self) -> Option<RawFd> {
        let (Socket::Datagram(fd) | Socket::Stream(fd)) = self.socket.as_ref()?;
        Some(fd.as_raw_fd())
    }

    #[cfg(test)]
    pub(super) fn queue_bytes(&self) -> usize {
        self.queue.len()
    }

    fn connect(&mut self) -> bool {
        if self.retry_at.is_some_and(|at| Instant::now() < at) {
            return false;
        }
        let socket = match &self.address {
            SyslogAddress::Unix(path, kind) => connect_unix(path, *kind),
            SyslogAddress::Udp(addrs) => connect_inet(addrs[0], SocketType::DGRAM).map(Socket::Datagram),
            SyslogAddress::Tcp(addrs) => {
                let addr = addrs[self.next % addrs.len()];
                self.next += 1;
                connect_inet(addr, SocketType::STREAM).map(Socket::Stream)
            }
        };
        self.socket = socket.ok();
        match &self.socket {
            Some(_) => self.retry_at = None,
            None => self.wait_before_retry(),
        }
        self.socket.is_some()
    }

    fn wait_before_retry(&mut self) {
        self.retry_at = Some(Instant::now() + self.backoff);
        self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
    }
}

fn send(fd: &OwnedFd, bytes: &[u8]) -> rustix::io::Result<usize> {
    rustix::net::send(fd, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)
}

fn can_send_within(fd: &OwnedFd, wait: Duration) -> bool {
    let timeout = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
    let mut fds = [PollFd::new(fd, PollFlags::OUT)];
    matches!(rustix::event::poll(&mut fds, Some(&timeout)), Ok(count) if count > 0)
}

fn open(family: AddressFamily, kind: SocketType) -> rustix::io::Result<OwnedFd> {
    rustix::net::socket_with(family, kind, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)
}

fn connect_unix(path: &Path, kind: Option<UnixKind>) -> rustix::io::Result<Socket> {
    let addr = SocketAddrUnix::new(path)?;
    let connected = |kind| -> rustix::io::Result<OwnedFd> {
        let fd = open(AddressFamily::UNIX, kind)?;
        rustix::net::connect(&fd, &addr)?;
        Ok(fd)
    };
    let datagram = || connected(SocketType::DGRAM).map(Socket::Datagram);
    let stream = || connected(SocketType::STREAM).map(Socket::Stream);
    match kind {
        Some(UnixKind::Datagram) => datagram(),
        Some(UnixKind::Stream) => stream(),
        None => datagram().or_else(|_| stream()),
    }
}

fn connect_inet(addr: SocketAddr, kind: SocketType) -> rustix::io::Result<OwnedFd> {
    let family = if addr.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let fd = open(family, kind)?;
    match rustix::net::connect(&fd, &addr) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(fd),
        Err(errno) => Err(errno),
    }
}
