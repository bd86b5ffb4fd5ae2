//! Frames against those of Python's handler under a real Gunicorn (testdata/syslog.jsonl), over real sockets; daemons that
//! are missing, restart, or stop reading.

use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::{Facility, Syslog, SyslogOptions};
use crate::level::Level;

const GOLDEN: &str = include_str!("../../testdata/syslog.jsonl");
const DEADLINE: Duration = Duration::from_secs(20);

fn sender(addr: &str) -> Syslog {
    Syslog::new(&SyslogOptions::from_settings(addr, "user", None, "app").expect("a sound address"), "error")
}

fn unix(path: &Path, kind: &str) -> String {
    format!("unix://{}{kind}", path.display())
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn receive(receive: impl Fn(&mut [u8]) -> std::io::Result<usize>) -> String {
    let mut frame = [0; 8192];
    let count = receive(&mut frame).expect("a message comes before the deadline");
    String::from_utf8(frame[..count].to_vec()).expect("a message is UTF-8")
}

/// Reads a stream up to and with the NUL of the `count`th message.
fn read_messages(mut stream: impl Read, count: usize) -> String {
    let mut text = String::new();
    let mut byte = [0];
    while text.matches('\0').count() < count {
        stream.read_exact(&mut byte).expect("a message comes before the deadline");
        text.push(char::from(byte[0]));
    }
    text
}

#[test]
fn every_frame_is_what_python_sends_for_gunicorn() {
    #[derive(Deserialize)]
    struct Row {
        facility: String,
        prefix: Option<String>,
        proc_name: String,
        kind: String,
        level: String,
        message: String,
        frame: String,
    }
    let folder = folder();
    let path = folder.path().join("log");
    let daemon = UnixDatagram::bind(&path).expect("a socket can be bound");
    daemon.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
    for row in GOLDEN.lines() {
        let row: Row = serde_json::from_str(row).expect("the file holds rows");
        let options = SyslogOptions::from_settings(
            &unix(&path, "#dgram"),
            &row.facility,
            row.prefix.as_deref(),
            &row.proc_name,
        );
        let syslog = Syslog::new(&options.expect("sound settings"), &row.kind);
        assert_eq!(syslog.send(Level::from_setting(&row.level), 4242, row.message.as_bytes()), 0);
        let expected = row.frame.replacen("gunicorn.", "tricorn.", 1);
        assert_eq!(receive(|frame| daemon.recv(frame)), expected);
    }
}

#[test]
fn an_unknown_facility_is_named_with_the_known_ones() {
    for name in ["", "ntp", "local8", "LOCAL0 "] {
        let error = Facility::from_setting(name).expect_err(name);
        assert_eq!(error.setting(), "syslog_facility");
        let error = error.to_string();
        assert!(error.starts_with(&format!("unknown facility name '{name}'; known are auth ")), "{error}");
    }
    assert_eq!(Facility::from_setting("Local7").ok(), Some(Facility(23)));
}

#[test]
fn udp_goes_to_loopback_and_a_missing_daemon_is_nobodys_error() {
    let daemon = UdpSocket::bind("127.0.0.1:0").expect("a socket can be bound");
    daemon.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
    let addr = daemon.local_addr().expect("a bound socket has an address");
    let syslog = sender(&format!("udp://{addr}"));
    syslog.send(Level::Warning, 7, "grüße".as_bytes());
    assert_eq!(receive(|frame| daemon.recv(frame)), "<12>tricorn.app.error: [7] grüße\0");

    drop(daemon);
    for _ in 0..10 {
        syslog.send(Level::Info, 7, b"to nobody");
    }
    let daemon = UdpSocket::bind(addr).expect("the port is free again");
    daemon.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
    // The first send may be eaten by the refusal of the one before; it is repeated within `send`.
    assert_eq!(syslog.send(Level::Info, 7, b"back"), 0);
    assert_eq!(receive(|frame| daemon.recv(frame)), "<14>tricorn.app.error: [7] back\0");
}

#[test]
fn a_missing_unix_daemon_costs_messages_until_it_comes_and_a_restart_costs_none() {
    let folder = folder();
    let path = folder.path().join("log");
    let syslog = sender(&unix(&path, ""));
    assert_eq!(syslog.send(Level::Info, 7, b"nobody there"), 1);

    let daemon = UnixDatagram::bind(&path).expect("a socket can be bound");
    let begin = Instant::now();
    while syslog.send(Level::Info, 7, b"hello") > 0 {
        assert!(begin.elapsed() < DEADLINE, "the daemon is not found");
        std::thread::yield_now();
    }
    assert_eq!(receive(|frame| daemon.recv(frame)), "<14>tricorn.app.error: [7] hello\0");

    drop(daemon);
    std::fs::remove_file(&path).expect("the socket file is there");
    let daemon = UnixDatagram::bind(&path).expect("a socket can be bound");
    assert_eq!(syslog.send(Level::Info, 7, b"again"), 0);
    assert_eq!(receive(|frame| daemon.recv(frame)), "<14>tricorn.app.error: [7] again\0");
}

#[test]
fn a_datagram_reader_that_stops_costs_messages_but_no_time() {
    let folder = folder();
    let path = folder.path().join("log");
    let daemon = UnixDatagram::bind(&path).expect("a socket can be bound");
    let syslog = sender(&unix(&path, "#dgram"));
    let begin = Instant::now();
    let lost: u64 = (0..20_000).map(|_| syslog.send(Level::Info, 7, b"x")).sum();
    assert!(lost > 0, "a socket that nobody reads took 20,000 messages");
    assert!(begin.elapsed() < DEADLINE, "{:?}", begin.elapsed());
    drop(daemon);
}

#[test]
fn a_unix_stream_is_found_without_being_asked_for() {
    let folder = folder();
    let path = folder.path().join("log");
    let daemon = UnixListener::bind(&path).expect("a socket can be bound");
    for kind in ["", "#stream"] {
        let syslog = sender(&unix(&path, kind));
        assert_eq!(syslog.send(Level::Error, 7, b"one") + syslog.send(Level::Error, 7, b"two"), 0);
        let (stream, _) = daemon.accept().expect("the sender connected");
        let expected = "<11>tricorn.app.error: [7] one\0<11>tricorn.app.error: [7] two\0";
        assert_eq!(read_messages(stream, 2), expected);
    }
    assert_eq!(sender(&unix(&path, "#dgram")).send(Level::Error, 7, b"not a datagram socket"), 1);
}

#[test]
fn a_tcp_stream_is_made_anew_after_a_restart_and_in_each_process() {
    let daemon = TcpListener::bind("127.0.0.1:0").expect("a socket can be bound");
    let addr = daemon.local_addr().expect("a bound socket has an address");
    let syslog = sender(&format!("tcp://{addr}"));
    let message = |syslog: &Syslog, pid: u32| {
        assert_eq!(syslog.send(Level::Info, pid, b"m"), 0);
        assert_eq!(syslog.flush(DEADLINE), 0);
        let (stream, _) = daemon.accept().expect("the sender connected");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
        assert_eq!(read_messages(&stream, 1), format!("<14>tricorn.app.error: [{pid}] m\0"));
        stream
    };
    let first = message(&syslog, 7);
    let second = message(&syslog, 8); // as after a fork: not by the parent's connection
    drop((first, second));

    // What is sent before the close is noticed goes nowhere; soon a new connection carries the messages.
    let begin = Instant::now();
    daemon.set_nonblocking(true).expect("a listener can be made non-blocking");
    while daemon.accept().is_err() {
        syslog.send(Level::Info, 8, b"m");
        assert!(begin.elapsed() < DEADLINE, "the sender does not connect again");
        std::thread::yield_now();
    }
}

#[test]
fn a_tcp_reader_that_stops_costs_messages_but_no_time_and_splits_none() {
    let daemon = TcpListener::bind("127.0.0.1:0").expect("a socket can be bound");
    let addr = daemon.local_addr().expect("a bound socket has an address");
    let syslog = sender(&format!("tcp://{addr}"));
    let text = vec![b'x'; 4000];
    let begin = Instant::now();
    let (mut total, mut lost) = (0, 0);
    while lost < 1000 {
        lost += syslog.send(Level::Info, 7, &text);
        total += 1;
        assert!(begin.elapsed() < DEADLINE, "{total} messages in {:?}", begin.elapsed());
    }
    let (mut stream, _) = daemon.accept().expect("the sender connected");
    let reading = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).map(|_| bytes)
    });
    while syslog.link.lock().expect("no panic").queue_bytes() > 0 {
        syslog.flush(DEADLINE);
        assert!(begin.elapsed() < 2 * DEADLINE, "the queue is never taken");
    }
    drop(syslog);
    let bytes = reading.join().expect("the reader does not panic").expect("a stream can be read");
    let messages: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == 0).collect();
    assert_eq!(messages.len() as u64, total - lost);
    let expected = [b"<14>tricorn.app.error: [7] ", &text[..], b"\0"].concat();
    assert!(messages.iter().all(|message| *message == expected), "a message was split");
}

#[test]
fn nobody_at_the_tcp_port_costs_messages_but_no_time() {
    let addr = {
        let nobody = TcpListener::bind("127.0.0.1:0").expect("a socket can be bound");
        nobody.local_addr().expect("a bound socket has an address")
    };
    let syslog = sender(&format!("tcp://{addr}"));
    let begin = Instant::now();
    let lost: u64 = (0..10_000).map(|_| syslog.send(Level::Info, 7, b"x")).sum();
    assert!(lost > 9_000, "only {lost} messages were lost");
    assert!(begin.elapsed() < DEADLINE, "{:?}", begin.elapsed());
}
