//! The packets as a daemon gets them, over UDP and a unix socket, and what becomes of those that nobody takes.

use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::{Statsd, StatsdAddress, StatsdOptions, prefix_of};
use crate::level::Level;

const PATIENCE: Duration = Duration::from_secs(30);

fn options(address: StatsdAddress) -> StatsdOptions {
    StatsdOptions { address, prefix: String::new(), tags: String::new() }
}

fn udp() -> (UdpSocket, StatsdAddress) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a deadline");
    let port = socket.local_addr().expect("an address").port();
    (socket, StatsdAddress::Udp("localhost".to_owned(), port))
}

fn received(socket: &UdpSocket) -> String {
    let mut buffer = [0; 512];
    let count = socket.recv(&mut buffer).expect("a datagram");
    String::from_utf8(buffer[..count].to_vec()).expect("text")
}

#[test]
fn prefixes_get_one_dot() {
    for (text, prefix) in [
        ("", ""),
        ("a", "a"),
        ("a.", "a."),
        ("ab", "ab."),
        ("ab...", "ab."),
        (".a", ".a."),
        ("..", ".."),
        ("x.y", "x.y."),
    ] {
        assert_eq!(prefix_of(text), prefix, "{text:?}");
    }
}

#[test]
fn each_kind_on_the_wire() {
    let (daemon, address) = udp();
    let (statsd, complaint) = Statsd::open(&StatsdOptions {
        prefix: "shop".into(),
        tags: "env:test,az:b".into(),
        ..options(address)
    });
    assert_eq!(complaint, None);
    statsd.gauge("gunicorn.workers", 3);
    statsd.increment("gunicorn.requests");
    statsd.histogram("gunicorn.backlog", 0);
    statsd.timer("gunicorn.request.duration", Duration::from_millis(12));
    statsd.timer("gunicorn.request.duration", Duration::from_micros(1_234_567));
    for expected in [
        "shop.gunicorn.workers:3|g|#env:test,az:b",
        "shop.gunicorn.requests:1|c|@1.0|#env:test,az:b",
        "shop.gunicorn.backlog:0|h|#env:test,az:b",
        "shop.gunicorn.request.duration:12.0|ms|#env:test,az:b",
        "shop.gunicorn.request.duration:1234.567|ms|#env:test,az:b",
    ] {
        assert_eq!(received(&daemon), expected);
    }
}

#[test]
fn a_finished_request_is_three_metrics_and_waits_for_the_flush() {
    let (daemon, address) = udp();
    let (statsd, _) = Statsd::open(&options(address));
    statsd.finished(404, Duration::from_micros(500));
    statsd.increment("first");
    statsd.flush();
    statsd.flush();
    statsd.increment("last");
    let expected = [
        "first:1|c|@1.0",
        "gunicorn.request.duration:0.5|ms",
        "gunicorn.requests:1|c|@1.0",
        "gunicorn.request.status.404:1|c|@1.0",
        "last:1|c|@1.0",
    ];
    for expected in expected {
        assert_eq!(received(&daemon), expected);
    }
}

#[test]
fn lines_are_counted_by_level_and_tracebacks_apart() {
    let (daemon, address) = udp();
    let (statsd, _) = Statsd::open(&options(address));
    statsd.logged(Level::Info, "no metric");
    statsd.logged(Level::Debug, "no metric");
    statsd.logged(Level::Warning, "w");
    statsd.logged(Level::Error, "e");
    statsd.logged(Level::Error, "e\nTraceback (most recent call last):\n");
    statsd.logged(Level::Critical, "c");
    for level in ["warning", "error", "exception", "critical"] {
        assert_eq!(received(&daemon), format!("gunicorn.log.{level}:1|c|@1.0"));
    }
}

#[test]
fn a_unix_socket_that_comes_back_is_found_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("statsd");
    let (statsd, complaint) = Statsd::open(&options(StatsdAddress::Unix(path.clone())));
    assert_eq!(complaint, None);
    assert_eq!(statsd.take_notice(), None);
    let daemon = UnixDatagram::bind(&path).expect("a socket");
    statsd.increment("one");
    drop(daemon);
    std::fs::remove_file(&path).expect("the socket's file");
    let daemon = UnixDatagram::bind(&path).expect("a socket");
    daemon.set_read_timeout(Some(PATIENCE)).expect("a deadline");
    statsd.increment("two");
    let mut buffer = [0; 64];
    let count = daemon.recv(&mut buffer).expect("a datagram");
    assert_eq!(&buffer[..count], b"two:1|c|@1.0");
}

#[test]
fn losses_are_said_once_and_nothing_waits() {
    let folder = tempfile::tempdir().expect("a folder");
    let (statsd, _) = Statsd::open(&options(StatsdAddress::Unix(folder.path().join("nobody"))));
    statsd.increment("lost");
    statsd.increment("lost");
    assert!(statsd.take_notice().is_some_and(|notice| notice.contains("nobody")));
    statsd.increment("lost");
    assert_eq!(statsd.take_notice(), None);
}

#[test]
fn a_host_without_an_address_is_said_at_start() {
    let (statsd, complaint) =
        Statsd::open(&options(StatsdAddress::Udp("no.such.host.invalid".to_owned(), 8125)));
    assert!(complaint.is_some_and(|text| text.contains("statsd_host: no.such.host.invalid")));
    statsd.increment("nothing");
    assert_eq!(statsd.take_notice(), None);
}
