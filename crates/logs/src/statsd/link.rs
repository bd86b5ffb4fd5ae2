//! The datagram socket to a statsd daemon: made when the first metric goes out, made anew when the daemon went away.
//!
//! Owned by [`Statsd`](super::Statsd) behind its mutex; every call is non-blocking, so the mutex is held for microseconds. A
//! forked child shares its parent's socket: datagrams do not mix.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType};

/// Between two attempts to reach a daemon that is not there.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Where datagrams go.
#[derive(Debug)]
pub(super) enum Target {
    Nowhere,
    Udp(SocketAddr),
    Unix(PathBuf),
}

#[derive(Debug)]
pub(super) struct Link {
    target: Target,
    socket: Option<OwnedFd>,
    /// No attempt to connect before this moment.
    retry_at: Option<Instant>,
}

impl Link {
    pub(super) fn new(target: Target) -> Link {
        Link { target, socket: None, retry_at: None }
    }

    /// Sends one datagram; false if it was lost.
    pub(super) fn send(&mut self, datagram: &[u8]) -> bool {
        if matches!(self.target, Target::Nowhere) {
            return true; // said at start
        }
        // The second attempt is for a daemon that was restarted since the last one.
        self.try_send(datagram) || (self.socket.is_none() && self.try_send(datagram))
    }

    /// The target for a notice.
    pub(super) fn target_text(&self) -> String {
        match &self.target {
            Target::Nowhere => "nowhere".to_owned(),
            Target::Udp(addr) => addr.to_string(),
            Target::Unix(path) => path.display().to_string(),
        }
    }

    fn try_send(&mut self, datagram: &[u8]) -> bool {
        if self.socket.is_none() && !self.connect() {
            return false;
        }
        let Some(socket) = &self.socket else { return false };
        let send = || rustix::net::send(socket, datagram, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
        let outcome = match send() {
            // A connected UDP socket reports the previous datagram's fate here, and sends nothing.
            Err(Errno::CONNREFUSED) if matches!(self.target, Target::Udp(_)) => send(),
            outcome => outcome,
        };
        match outcome {
            Ok(_) => true,
            Err(Errno::AGAIN | Errno::NOBUFS | Errno::MSGSIZE) => false,
            Err(_) => {
                self.socket = None;
                false
            }
        }
    }

    fn connect(&mut self) -> bool {
        let now = Instant::now();
        if self.retry_at.is_some_and(|moment| now < moment) {
            return false;
        }
        self.socket = self.connected().ok();
        self.retry_at = if self.socket.is_none() { Some(now + RETRY_AFTER) } else { None };
        self.socket.is_some()
    }

    fn connected(&self) -> rustix::io::Result<OwnedFd> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = |family| rustix::net::socket_with(family, SocketType::DGRAM, flags, None);
        match &self.target {
            Target::Nowhere => Err(Errno::DESTADDRREQ),
            Target::Udp(addr) => {
                let family = if addr.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
                let fd = socket(family)?;
                rustix::net::connect(&fd, addr)?;
                Ok(fd)
            }
            Target::Unix(path) => {
                let fd = socket(AddressFamily::UNIX)?;
                rustix::net::connect(&fd, &SocketAddrUnix::new(path.as_path())?)?;
                Ok(fd)
            }
        }
    }
}
