//! One listening socket: made or inherited once by the master, shared by all workers through fork.
//!
//! No retries and no log lines here (see `master/sockets.rs`), no accept (that is the engine's). The
//! descriptor is close-on-exec, since workers are forked and never executed, and non-blocking, since several
//! processes wait on it.

mod unix;

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, SocketAddrAny, SocketAddrUnix, SocketFlags, SocketType, bind, getpeername, getsockname,
    ipproto, listen, socket_with, sockopt,
};

use crate::address::BindAddress;
use crate::plan::Plan;
use unix::OwnedPath;

/// A socket that listens.
pub struct ListenSocket {
    fd: OwnedFd,
    address: BindAddress,
    wanted: Option<BindAddress>,
    path: Option<OwnedPath>,
    /// With `reuse_port`: bound, but not listening; see `listening_twin`.
    is_reserved: bool,
}

/// Why a socket could not be had. The display text is Gunicorn's `str(OSError)`.
#[derive(Debug)]
pub enum ListenError {
    /// EADDRINUSE, or a unix socket that somebody answers.
    InUse(io::Error),
    /// EADDRNOTAVAIL: no interface has this address.
    NotAvailable(io::Error),
    /// What a later attempt may mend as well.
    Failed(io::Error),
    /// What no attempt will mend.
    Refused(String),
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenError::InUse(error) | ListenError::NotAvailable(error) | ListenError::Failed(error) => {
                f.write_str(&errno_text(error))
            }
            ListenError::Refused(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for ListenError {}

impl From<io::Error> for ListenError {
    fn from(error: io::Error) -> ListenError {
        match error.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse(error),
            io::ErrorKind::AddrNotAvailable => ListenError::NotAvailable(error),
            _ => ListenError::Failed(error),
        }
    }
}

impl From<rustix::io::Errno> for ListenError {
    fn from(errno: rustix::io::Errno) -> ListenError {
        io::Error::from(errno).into()
    }
}

/// `[Errno 98] Address already in use`: the form of Python's `OSError`.
pub(crate) fn errno_text(error: &io::Error) -> String {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(code) => {
            let words = text.strip_suffix(&format!(" (os error {code})")).unwrap_or(&text);
            format!("[Errno {code}] {words}")
        }
        None => text,
    }
}

impl ListenSocket {
    /// Makes, binds and starts one socket. Does not block, except for the resolution of a host name.
    pub fn open(address: &BindAddress, plan: &Plan) -> Result<ListenSocket, ListenError> {
        match address {
            BindAddress::Tcp { host, port } => open_tcp(address, &resolve(host, *port)?, plan),
            BindAddress::Unix { path } => open_unix(address, path, plan),
            BindAddress::Fd { fd } => ListenSocket::inherit(*fd, plan),
        }
    }

    /// Takes over a socket that the process was started with. Its path, if it has one, is never removed by
    /// us.
    pub fn inherit(raw: i32, plan: &Plan) -> Result<ListenSocket, ListenError> {
        if raw < 0 {
            return Err(ListenError::Refused(format!("{raw} is not a file descriptor")));
        }
        let (fd, address) = crate::fork::adopt_descriptor(raw, |fd| inherited_address(fd, raw))?;
        if matches!(address, BindAddress::Tcp { .. }) {
            sockopt::set_tcp_nodelay(&fd, true)?;
        }
        rustix::io::ioctl_fionbio(&fd, true)?;
        // listen(2) on a socket that listens already may be forbidden (SELinux), and would change its owner's
        // backlog.
        if !sockopt::socket_acceptconn(&fd)? {
            listen(&fd, backlog(plan))?;
        }
        let wanted = Some(BindAddress::Fd { fd: raw });
        Ok(ListenSocket { fd, address, wanted, path: None, is_reserved: false })
    }

    /// Takes over a socket of the master before this one. It is for the first of `binds` that means its
    /// address, which is taken out of them. A path that we made for it is ours again.
    pub(crate) fn take_over(
        raw: i32,
        plan: &Plan,
        binds: &mut Vec<BindAddress>,
    ) -> Result<ListenSocket, ListenError> {
        let mut listener = ListenSocket::inherit(raw, plan)?;
        let is_foreign = plan.binds.iter().any(|bind| matches!(bind, BindAddress::Fd { .. }));
        if let (BindAddress::Unix { path }, false) = (&listener.address, is_foreign) {
            listener.path = OwnedPath::of(path).ok();
        }
        let index = binds.iter().position(|bind| listener.is_meant_by(bind));
        listener.wanted = index.map(|index| binds.remove(index));
        Ok(listener)
    }

    fn is_meant_by(&self, bind: &BindAddress) -> bool {
        match (bind, &self.address) {
            (BindAddress::Fd { .. }, _) => true,
            (BindAddress::Tcp { host, port }, BindAddress::Tcp { host: here, port: bound }) => {
                let is_port = port == bound || *port == 0;
                is_port && resolve(host, *port).is_ok_and(|addr| addr.ip().to_string() == *here)
            }
            (wanted, address) => wanted == address,
        }
    }

    /// It keeps an address for the sockets of the workers, and gets no connection itself.
    pub(crate) fn is_reserved(&self) -> bool {
        self.is_reserved
    }

    /// Another socket at the same address, which listens.
    pub(crate) fn listening_twin(&self, plan: &Plan) -> Result<ListenSocket, ListenError> {
        let twin = ListenSocket::open(&self.address, &Plan { reuse_port: true, ..plan.clone() })?;
        listen(&twin, backlog(plan))?;
        Ok(ListenSocket { is_reserved: false, ..twin })
    }

    /// The descriptor's number in this process.
    pub(crate) fn number(&self) -> i32 {
        self.fd.as_raw_fd()
    }

    /// The address that the kernel gave; the port is never 0.
    pub fn address(&self) -> &BindAddress {
        &self.address
    }

    /// Text of "Listening at": `http://HOST:PORT`, `https://...`, `unix:PATH`.
    pub fn url(&self, is_tls: bool) -> String {
        match &self.address {
            BindAddress::Tcp { .. } if is_tls => format!("https://{}", self.address),
            BindAddress::Tcp { .. } => format!("http://{}", self.address),
            other => other.to_string().replace('\0', "@"),
        }
    }

    /// The socket itself, for the engine.
    pub fn into_fd(self) -> OwnedFd {
        self.fd
    }

    /// It was made for this bind.
    pub(crate) fn is_for(&self, bind: &BindAddress) -> bool {
        self.wanted.as_ref() == Some(bind)
    }

    /// Its path does not lead to it any more, so that new clients cannot find it.
    pub(crate) fn is_path_lost(&self) -> bool {
        self.path.as_ref().is_some_and(|path| !path.is_ours())
    }

    /// Removes the path of a unix socket that we made, if it is still ours.
    pub(crate) fn remove_path(&self) {
        if let Some(path) = &self.path {
            path.remove();
        }
    }
}

impl AsFd for ListenSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// What makes a descriptor a socket that we can listen on. Pipes, files and connected sockets, which this
/// process may have opened itself, are refused.
fn inherited_address(fd: BorrowedFd<'_>, raw: i32) -> Result<BindAddress, ListenError> {
    let refused = |reason: &str| ListenError::Refused(format!("file descriptor {raw} {reason}"));
    rustix::io::fcntl_getfd(fd).map_err(|_| refused("is not open"))?;
    let kind = sockopt::socket_type(fd).map_err(|_| refused("is not a socket"))?;
    if kind != SocketType::STREAM {
        return Err(refused("is not a stream socket"));
    }
    if getpeername(fd).is_ok() {
        return Err(refused("is a connection, not a listening socket"));
    }
    bound_address(fd)?.ok_or_else(|| refused("is not bound to an address"))
}

fn backlog(plan: &Plan) -> i32 {
    i32::try_from(plan.backlog).unwrap_or(i32::MAX)
}

fn new_socket(family: AddressFamily) -> Result<OwnedFd, ListenError> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(family, SocketType::STREAM, flags, None)?)
}

/// Gunicorn binds names to IPv4 and only bracketed addresses to IPv6; a name that has no IPv4 address gets
/// what it has.
fn resolve(host: &str, port: u16) -> Result<SocketAddr, ListenError> {
    let failed = |text: String| ListenError::Failed(io::Error::other(text));
    let found: Vec<SocketAddr> =
        (host, port).to_socket_addrs().map_err(|error| failed(errno_text(&error)))?.collect();
    let first = found.iter().find(|addr| addr.is_ipv4()).or(found.first());
    first.copied().ok_or_else(|| failed("the name has no address".to_owned()))
}

fn open_tcp(wanted: &BindAddress, addr: &SocketAddr, plan: &Plan) -> Result<ListenSocket, ListenError> {
    let family = if addr.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let fd = socket_with(
        family,
        SocketType::STREAM,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        Some(ipproto::TCP),
    )?;
    // Accepted sockets inherit it (Linux), so that no connection costs a system call for it.
    sockopt::set_tcp_nodelay(&fd, true)?;
    sockopt::set_socket_reuseaddr(&fd, true)?;
    if plan.reuse_port {
        sockopt::set_socket_reuseport(&fd, true)?;
    }
    bind(&fd, addr)?;
    if !plan.reuse_port {
        listen(&fd, backlog(plan))?;
    }
    let address = bound_address(fd.as_fd())?.unwrap_or_else(|| wanted.clone());
    Ok(ListenSocket { fd, address, wanted: Some(wanted.clone()), path: None, is_reserved: plan.reuse_port })
}

fn open_unix(wanted: &BindAddress, path: &str, plan: &Plan) -> Result<ListenSocket, ListenError> {
    let fd = new_socket(AddressFamily::UNIX)?;
    let owned = if let Some(name) = path.strip_prefix('\0') {
        bind(&fd, &SocketAddrUnix::new_abstract_name(name.as_bytes())?)?;
        None
    } else {
        unix::make_way(path)?;
        Some(unix::bind_path(&fd, path, plan)?)
    };
    let socket = ListenSocket {
        fd,
        address: wanted.clone(),
        wanted: Some(wanted.clone()),
        path: owned,
        is_reserved: false,
    };
    if let Err(error) = listen(&socket, backlog(plan)) {
        socket.remove_path();
        return Err(error.into());
    }
    Ok(socket)
}

/// `None` for a socket that has no address, or one of a family that we do not serve.
fn bound_address(fd: BorrowedFd<'_>) -> Result<Option<BindAddress>, ListenError> {
    let any: SocketAddrAny = getsockname(fd)?;
    if let Ok(addr) = SocketAddr::try_from(any.clone()) {
        let host = addr.ip().to_string();
        return Ok((addr.port() != 0).then_some(BindAddress::Tcp { host, port: addr.port() }));
    }
    let Ok(addr) = SocketAddrUnix::try_from(any) else { return Ok(None) };
    let path = match (addr.path_bytes(), addr.abstract_name()) {
        (Some(path), _) => String::from_utf8_lossy(path).into_owned(),
        (None, Some(name)) => format!("\0{}", String::from_utf8_lossy(name)),
        (None, None) => return Ok(None),
    };
    Ok(Some(BindAddress::Unix { path }))
}

#[cfg(test)]
mod tests;
