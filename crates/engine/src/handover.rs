//! Connections that change the worker. With keep-alive a connection stays with the worker that accepted it, and its next
//! request would wait while that worker is inside a slow application, although a sibling is idle. So the siblings of one
//! server share a second queue beside the accept queue: a pair of unix sockets, made before the first fork. What a busy
//! worker's monitor sends into it (the descriptor, `SCM_RIGHTS` of unix(7), and a passport) any sibling takes out of it.
//!
//! Only connections that wait for a request are handed over, before a byte of it is read: nothing of a parser's state
//! needs to travel. TLS sessions stay where they are.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::net::{AddrParseError, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

use crate::http::proxy::{ProxyAddresses, ProxyInfo};
use crate::peer::{ListenAddress, Peer};

/// Longest passport: a unix path has at most 108 bytes (unix(7)), three addresses at most 60 each.
const PASSPORT_BYTES_MAX: usize = 512;

/// The words that `PROXY_PROTOCOL` can be.
const PROXY_PROTOCOLS: [&str; 5] = ["TCP4", "TCP6", "UNKNOWN", "LOCAL", "UNSPEC"];

/// The queue that siblings share, and whether it is of use.
pub struct Siblings {
    sender: OwnedFd,
    receiver: OwnedFd,
    is_any: Box<dyn Fn() -> bool + Send + Sync>,
}

impl Siblings {
    /// `sender` and `receiver` are the two ends of one socket pair of type `SOCK_SEQPACKET`, non-blocking, that all workers
    /// have inherited. `is_any`: does another worker serve that takes what is handed over? It is asked from the monitor.
    pub fn new(
        sender: OwnedFd,
        receiver: OwnedFd,
        is_any: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Siblings {
        Siblings { sender, receiver, is_any: Box::new(is_any) }
    }

    pub(crate) fn is_any(&self) -> bool {
        (self.is_any)()
    }

    pub(crate) fn descriptors(&self) -> [RawFd; 2] {
        [self.sender.as_raw_fd(), self.receiver.as_raw_fd()]
    }

    /// The end that becomes readable when a sibling has handed something over.
    pub(crate) fn receiver(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }

    /// Puts a connection into the queue. EAGAIN: it is full (`net.unix.max_dgram_qlen`), try again later.
    pub(crate) fn send(&self, socket: BorrowedFd<'_>, passport: &Passport) -> rustix::io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = [socket];
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
        sendmsg(&self.sender, &[IoSlice::new(&passport.encode())], &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Takes a connection out of the queue. EAGAIN: it is empty. Others: a message that carried no connection.
    pub(crate) fn receive(&self) -> rustix::io::Result<(OwnedFd, Passport)> {
        let mut bytes = [0; PASSPORT_BYTES_MAX];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [std::io::IoSliceMut::new(&mut bytes)];
        let received = recvmsg(&self.receiver, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)?;
        let socket = control
            .drain()
            .find_map(|message| match message {
                RecvAncillaryMessage::ScmRights(mut sockets) => sockets.next(),
                _ => None,
            })
            // The kernel drops descriptors that the process has no room for (unix(7), MSG_CTRUNC).
            .ok_or(Errno::MFILE)?;
        let passport = Passport::decode(&bytes[..received.bytes]).ok_or(Errno::BADMSG)?;
        Ok((socket, passport))
    }
}

/// What the next worker must know of a connection and cannot ask its socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Passport {
    pub listener: ListenAddress,
    /// The socket's peer when it was accepted.
    pub address: Option<SocketAddr>,
    pub proxied: Option<ProxyInfo>,
    /// Requests served on it so far.
    pub served: u64,
}

impl Passport {
    pub fn of(peer: &Peer, served: u64) -> Passport {
        Passport {
            listener: (*peer.listener).clone(),
            address: peer.address,
            proxied: peer.proxied.as_deref().copied(),
            served,
        }
    }

    /// The peer, `listener` being the worker's own name for where it was accepted.
    pub fn peer(&self, listener: Arc<ListenAddress>, is_trusted: bool) -> Peer {
        Peer { address: self.address, proxied: self.proxied.map(Box::new), listener, is_trusted }
    }

    /// Words, separated by spaces; the path of a unix socket comes last, because it may contain some.
    fn encode(&self) -> Vec<u8> {
        let proxied = match &self.proxied {
            None => "-".to_owned(),
            Some(ProxyInfo { protocol, addresses }) => {
                let source = word(addresses.map(|addresses| addresses.source));
                let destination = word(addresses.map(|addresses| addresses.destination));
                format!("{protocol},{source},{destination}")
            }
        };
        let mut bytes = format!("{} {} {proxied} ", self.served, word(self.address)).into_bytes();
        match &self.listener {
            ListenAddress::Inet(address) => bytes.extend_from_slice(format!("inet {address}").as_bytes()),
            ListenAddress::Unix(None) => bytes.extend_from_slice(b"unnamed "),
            ListenAddress::Unix(Some(path)) => {
                bytes.extend_from_slice(b"unix ");
                bytes.extend_from_slice(path.as_os_str().as_bytes());
            }
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Passport> {
        let mut words = bytes.splitn(5, |byte| *byte == b' ');
        let mut text = || std::str::from_utf8(words.next()?).ok();
        let served = text()?.parse().ok()?;
        let address = address_of(text()?).ok()?;
        let proxied = match text()? {
            "-" => None,
            word => Some(proxy_info(word)?),
        };
        let kind = text()?;
        let place = words.next()?;
        let listener = match kind {
            "inet" => ListenAddress::Inet(std::str::from_utf8(place).ok()?.parse().ok()?),
            "unix" => ListenAddress::Unix(Some(PathBuf::from(std::ffi::OsStr::from_bytes(place)))),
            "unnamed" => ListenAddress::Unix(None),
            _ => return None,
        };
        Some(Passport { listener, address, proxied, served })
    }
}

fn word(address: Option<SocketAddr>) -> String {
    address.map_or_else(|| "-".to_owned(), |address| address.to_string())
}

fn address_of(word: &str) -> Result<Option<SocketAddr>, AddrParseError> {
    if word == "-" { Ok(None) } else { word.parse().map(Some) }
}

fn proxy_info(word: &str) -> Option<ProxyInfo> {
    let mut parts = word.split(',');
    let name = parts.next()?;
    let protocol = PROXY_PROTOCOLS.into_iter().find(|known| *known == name)?;
    let source = address_of(parts.next()?).ok()?;
    let destination = address_of(parts.next()?).ok()?;
    let addresses =
        source.zip(destination).map(|(source, destination)| ProxyAddresses { source, destination });
    Some(ProxyInfo { protocol, addresses })
}

#[cfg(test)]
mod tests {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;

    fn passports() -> Vec<Passport> {
        let v4: SocketAddr = "127.0.0.1:80".parse().expect("an address");
        let v6: SocketAddr = "[2001:db8::1]:65535".parse().expect("an address");
        let proxied = |protocol, addresses| Some(ProxyInfo { protocol, addresses });
        let both = Some(ProxyAddresses { source: v6, destination: v4 });
        let unix = |path: &str| ListenAddress::Unix(Some(PathBuf::from(path)));
        let inet = ListenAddress::Inet(v4);
        vec![
            Passport { listener: inet.clone(), address: Some(v6), proxied: None, served: 0 },
            Passport { listener: inet.clone(), address: Some(v4), proxied: proxied("TCP6", both), served: 7 },
            Passport { listener: inet, address: Some(v4), proxied: proxied("LOCAL", None), served: u64::MAX },
            Passport { listener: unix("/a b/c"), address: None, proxied: None, served: 1 },
            Passport { listener: ListenAddress::Unix(None), address: None, proxied: None, served: 1 },
        ]
    }

    #[test]
    fn passports_survive_the_journey() {
        for passport in passports() {
            assert_eq!(Passport::decode(&passport.encode()).as_ref(), Some(&passport), "{passport:?}");
        }
        for broken in
            ["", "1", "1 - -", "1 - - inet x", "x - - unnamed ", "1 - TCP9,-,- unnamed ", "1 - - odd "]
        {
            assert_eq!(Passport::decode(broken.as_bytes()), None, "{broken:?}");
        }
    }

    #[test]
    fn a_descriptor_goes_through_and_the_queue_is_bounded() {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (sender, receiver) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).expect("a pair");
        let siblings = Siblings::new(sender, receiver, || true);
        assert_eq!(siblings.receive().err(), Some(Errno::AGAIN));
        let (near, far) = std::os::unix::net::UnixStream::pair().expect("a pair");
        let passport = passports().remove(0);
        let mut sent = 0;
        while siblings.send(near.as_fd(), &passport).is_ok() {
            sent += 1;
            assert!(sent < 100_000, "a queue without a limit");
        }
        drop(near);
        let (socket, taken) = siblings.receive().expect("a message");
        assert_eq!(taken, passport);
        rustix::io::write(&socket, b"x").expect("the same socket");
        let mut byte = [0];
        std::io::Read::read_exact(&mut &far, &mut byte).expect("the byte");
        assert_eq!(&byte, b"x");
    }
}
