//! Listening sockets as one process sees them: addresses, unix paths, inherited descriptors.
//!
//! What happens when two servers want one address, and what a service manager passes on, is covered by
//! `tests/supervision/sockets.rs`, with servers that really run.

use std::fs;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

use super::*;

fn open(address: &BindAddress) -> Result<ListenSocket, ListenError> {
    ListenSocket::open(address, &Plan { umask: 0o117, ..Plan::default() })
}

fn unix_address(path: &std::path::Path) -> BindAddress {
    BindAddress::Unix { path: path.to_str().expect("UTF-8 in a test").to_owned() }
}

#[test]
fn tcp_sockets_know_their_port_and_are_not_inherited_by_programs() {
    for (bind, start) in [("127.0.0.1:0", "http://127.0.0.1:"), ("[::1]:0", "http://[::1]:")] {
        let socket = open(&bind.parse().expect("an address")).expect("a free port");
        let url = socket.url(false);
        assert!(url.starts_with(start) && !url.ends_with(":0"), "{url}");
        assert!(socket.url(true).starts_with("https://"));
        let flags = rustix::io::fcntl_getfd(&socket).expect("open");
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        assert!(rustix::net::accept(&socket).is_err_and(|error| error == rustix::io::Errno::AGAIN));
        assert!(sockopt::tcp_nodelay(&socket).expect("a TCP socket"));
        assert!(matches!(open(socket.address()), Err(ListenError::InUse(_))));
    }
}

#[test]
fn addresses_that_no_interface_has_and_names_that_do_not_exist() {
    assert!(matches!(open(&"192.0.2.1:0".parse().expect("valid")), Err(ListenError::NotAvailable(_))));
    assert!(matches!(open(&"no-such-host.invalid:0".parse().expect("valid")), Err(ListenError::Failed(_))));
    let error = ListenError::from(rustix::io::Errno::ADDRINUSE);
    assert_eq!(error.to_string(), "[Errno 98] Address already in use");
}

#[test]
fn a_unix_path_is_replaced_only_if_nobody_answers() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("s");
    let address = unix_address(&path);

    drop(UnixListener::bind(&path).expect("a stale socket"));
    let first = open(&address).expect("a stale socket is replaced");
    let mode = fs::metadata(&path).expect("bound").permissions().mode();
    assert_eq!(mode & 0o777, 0o660, "umask 117");
    assert!(matches!(open(&address), Err(ListenError::InUse(_))), "a live one is not");
    UnixStream::connect(&path).expect("and still answers");

    first.remove_path();
    assert!(!path.exists() && first.is_path_lost());
    fs::write(&path, "").expect("a plain file");
    let refused = open(&address).err().expect("not a socket").to_string();
    assert!(refused.ends_with("is not a socket"), "{refused}");
    first.remove_path();
    assert!(path.exists(), "only what we made is removed");

    fs::remove_file(&path).expect("there");
    let _datagrams = UnixDatagram::bind(&path).expect("free");
    assert!(matches!(open(&address), Err(ListenError::Refused(_))));
    assert!(matches!(open(&unix_address(&dir.path().join("no/s"))), Err(ListenError::Failed(_))));
}

#[test]
fn abstract_names_have_no_file() {
    let name = format!("\0tricorn-test-{}", std::process::id());
    let socket = open(&BindAddress::Unix { path: name.clone() }).expect("free");
    assert_eq!(socket.url(false), format!("unix:{}", name.replace('\0', "@")));
    assert!(!socket.is_path_lost());
}

#[test]
fn inherited_sockets_must_be_bound_stream_sockets() {
    let plan = Plan::default();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("free");
    let bound_to = listener.local_addr().expect("bound").to_string();
    let inherited = ListenSocket::inherit(listener.into_raw_fd(), &plan).expect("a listener");
    assert_eq!(inherited.address().to_string(), bound_to);

    let (datagram, _other) = UnixDatagram::pair().expect("a pair");
    let (connected, _peer) = UnixStream::pair().expect("a pair");
    let unbound = new_socket(AddressFamily::INET).expect("a socket");
    let file = tempfile::tempfile().expect("a file");
    let rows = [
        (file.as_raw_fd(), "is not a socket"),
        (datagram.as_raw_fd(), "is not a stream socket"),
        (connected.as_raw_fd(), "is a connection, not a listening socket"),
        (unbound.as_raw_fd(), "is not bound to an address"),
        (1_000_000, "is not open"),
    ];
    for (raw, reason) in rows {
        let error = ListenSocket::inherit(raw, &plan).err().expect(reason).to_string();
        assert!(error.ends_with(reason), "{error}");
    }
}
