//! Who is at the two ends of a connection: the listener that accepted it and the peer that opened it.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::net::{SocketAddrAny, SocketAddrUnix, sockopt};

use crate::http::proxy::ProxyInfo;

/// Where a listener listens, as getsockname(2) tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// A TCP address.
    Inet(SocketAddr),
    /// A unix socket; `None` when it has no path (abstract or unnamed).
    Unix(Option<PathBuf>),
}

/// A listening socket that the engine accepts from. It was bound and made non-blocking by its owner.
pub struct Listener {
    pub(crate) socket: OwnedFd,
    pub(crate) address: Arc<ListenAddress>,
}

impl Listener {
    /// Takes over a listening socket. Errors are those of getsockname(2).
    pub fn new(socket: OwnedFd) -> std::io::Result<Listener> {
        let address = match rustix::net::getsockname(&socket)? {
            any if any.address_family() == rustix::net::AddressFamily::UNIX => {
                ListenAddress::Unix(unix_path(&any))
            }
            any => ListenAddress::Inet(SocketAddr::try_from(any)?),
        };
        rustix::io::ioctl_fionbio(&socket, true)?;
        if matches!(address, ListenAddress::Inet(_)) {
            // Accepted sockets inherit it (tcp(7)), which saves a system call per connection.
            sockopt::set_tcp_nodelay(&socket, true)?;
        }
        Ok(Listener { socket, address: Arc::new(address) })
    }
}

impl Listener {
    pub(crate) fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

fn unix_path(address: &SocketAddrAny) -> Option<PathBuf> {
    let unix = SocketAddrUnix::try_from(address.clone()).ok()?;
    let path = unix.path()?;
    Some(PathBuf::from(std::ffi::OsStr::new(path.to_str().ok()?)))
}

/// The other end of a connection, fixed when it is accepted (or when its PROXY header was read).
#[derive(Clone)]
pub struct Peer {
    /// The socket's own peer; `None` for unix sockets.
    pub address: Option<SocketAddr>,
    /// What the PROXY header said, if there was one.
    pub proxied: Option<Box<ProxyInfo>>,
    /// The listener that accepted the connection.
    pub listener: Arc<ListenAddress>,
    /// May this peer speak for others (scheme and forwarder headers)?
    pub is_trusted: bool,
}

impl Peer {
    /// The IP address of the socket's peer, `None` for unix sockets.
    pub fn ip(&self) -> Option<IpAddr> {
        self.address.map(|address| address.ip())
    }
}

/// Accepts one connection: its socket (non-blocking, close-on-exec) and the peer's address.
pub(crate) fn accept(listener: &impl AsFd) -> rustix::io::Result<(OwnedFd, Option<SocketAddr>)> {
    let flags = rustix::net::SocketFlags::NONBLOCK | rustix::net::SocketFlags::CLOEXEC;
    let (socket, address) = rustix::net::acceptfrom_with(listener, flags)?;
    Ok((socket, address.and_then(|any| SocketAddr::try_from(any).ok())))
}
