//! Responses out: slow readers, the response buffer, the write deadline, files, and responses that fail half-way.

mod server;

use std::io::{ErrorKind, Seek, Write};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use server::{Client, GET, Open, PATIENCE, Server, answer, begin, options, send_many};
use tricorn_engine::http::Status;
use tricorn_engine::{EngineOptions, Exchange, Gone};

/// More than the kernel's buffers of both ends take.
const HUGE: usize = 32 << 20;
const LARGE_GET: &[u8] = b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n";

fn is_large(exchange: &Exchange) -> bool {
    exchange.head().path() == b"/large"
}

/// A response that ended with a reset, so that nobody can take it for complete.
fn expect_reset(client: Client) {
    let error = client.rest().expect_err("no orderly end");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_slow_reader_holds_neither_the_sender_nor_the_runner() {
    let (tell, told) = channel();
    let server = Server::start(options(), 1, move |mut exchange| {
        if !is_large(&exchange) {
            return answer(exchange, b"small");
        }
        begin(&mut exchange, Some(HUGE));
        let sent = exchange.send(&mut Open, &vec![b'x'; HUGE], true);
        tell.send(sent).expect("the test listens");
        exchange.complete(&mut Open).expect("the client is there");
        exchange.release();
    });
    let mut slow = server.client();
    slow.send(LARGE_GET);
    assert_eq!(told.recv_timeout(PATIENCE), Ok(Ok(())));
    assert_eq!(server.client().send(GET).reply().body, b"small");
    // The rest follows without any runner's doing, and the connection is good for another request.
    assert_eq!(slow.reply().body.len(), HUGE);
    assert_eq!(slow.send(GET).reply().body, b"small");
}

#[test]
fn the_engine_drains_while_its_only_runner_is_in_the_application() {
    let (go_on, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let server = Server::start(options(), 1, move |mut exchange| {
        begin(&mut exchange, Some(HUGE));
        exchange.send(&mut Open, &vec![b'x'; HUGE], true).expect("the client is there");
        let told = wait.lock().expect("not poisoned").recv_timeout(PATIENCE);
        assert!(told.is_ok(), "the client got all of it meanwhile");
        exchange.complete(&mut Open).expect("the client is there");
        exchange.release();
    });
    let mut client = server.client();
    assert_eq!(client.send(GET).reply().body.len(), HUGE);
    go_on.send(()).expect("the application waits");
    drop(go_on);
}

#[test]
fn a_sender_beyond_the_response_buffer_waits_and_goes_on() {
    const CHUNK: usize = 64 * 1024;
    let (tell, told) = channel::<usize>();
    let server = Server::start(options(), 1, move |mut exchange| {
        begin(&mut exchange, Some(HUGE));
        for number in 1..=HUGE / CHUNK {
            exchange.send(&mut Open, &vec![b'x'; CHUNK], false).expect("the client is there");
            tell.send(number).expect("the test listens");
        }
        exchange.complete(&mut Open).expect("the client is there");
        exchange.release();
    });
    let mut client = server.client();
    client.send(GET);
    // Silence is the only sign of waiting; the last chunk before it must not be the last of all.
    let mut sent = told.recv_timeout(PATIENCE).expect("the first chunk goes out");
    while let Ok(number) = told.recv_timeout(Duration::from_millis(300)) {
        sent = number;
    }
    assert!(sent < HUGE / CHUNK, "{sent} chunks went out to a client that does not read");
    assert_eq!(client.reply().body.len(), HUGE);
    assert_eq!(told.iter().take(HUGE / CHUNK - sent).last(), Some(HUGE / CHUNK));
}

#[test]
fn without_progress_the_connection_is_cut() {
    let (tell, told) = channel::<Result<(), Gone>>();
    let options = EngineOptions { write_timeout: Some(Duration::from_millis(100)), ..options() };
    let server = Server::start(options, 1, move |mut exchange| {
        begin(&mut exchange, Some(HUGE));
        let sent = if is_large(&exchange) {
            exchange.send(&mut Open, &vec![b'x'; HUGE], true)
        } else {
            send_many(&mut exchange, &vec![b'x'; 64 * 1024], HUGE / 65536)
        };
        tell.send(sent).expect("the test listens");
        exchange.release();
    });
    // The one waits inside the engine after the response, the other inside `send`.
    for (bytes, expected) in [(LARGE_GET, Ok(())), (GET, Err(Gone))] {
        let start = Instant::now();
        let mut client = server.client();
        client.send(bytes);
        assert_eq!(told.recv_timeout(PATIENCE), Ok(expected));
        server::eventually("the connection is gone", || server.engine.connections() == 0);
        assert!(start.elapsed() >= Duration::from_millis(90));
        expect_reset(client);
    }
}

#[test]
fn a_file_is_sent_whole_or_in_part() {
    let content: Vec<u8> = (0..HUGE as u32).map(|at| (at >> 8) as u8).collect();
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(&content).expect("room on the disk");
    file.rewind().expect("a file");
    let server = Server::start(options(), 1, move |mut exchange| {
        let (offset, length) = if is_large(&exchange) { (0, HUGE) } else { (1000, 500) };
        begin(&mut exchange, Some(length));
        let copy = file.try_clone().expect("a descriptor");
        exchange.send_file(&mut Open, copy.into(), offset, length as u64).expect("the client is there");
        exchange.complete(&mut Open).expect("the client is there");
        exchange.release();
    });
    let mut client = server.client();
    assert!(client.send(GET).reply().body == content[1000..1500]);
    assert!(client.send(LARGE_GET).reply().body == content);
    assert!(client.send(GET).reply().body == content[1000..1500]);
}

#[test]
fn a_file_that_is_shorter_than_promised_ends_with_a_reset() {
    let server = Server::start(options(), 1, |mut exchange| {
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(b"short").expect("room on the disk");
        begin(&mut exchange, None);
        assert_eq!(exchange.send_file(&mut Open, file.into(), 0, 50), Err(Gone));
        exchange.release();
    });
    let mut client = server.client();
    client.send(GET);
    expect_reset(client);
}

#[test]
fn failing_before_the_head_gives_a_page_and_after_it_a_reset() {
    let server = Server::start(options(), 1, |mut exchange| {
        if is_large(&exchange) {
            begin(&mut exchange, None);
            exchange.send(&mut Open, b"half", false).expect("the client is there");
        }
        assert_eq!(exchange.fail(Status::InternalServerError, "oh <no>"), !is_large(&exchange));
        assert_eq!(exchange.send(&mut Open, b"more", true), Err(Gone));
        exchange.release();
    });
    let mut client = server.client();
    let reply = client.send(GET).reply();
    assert_eq!((reply.status, reply.closes()), (500, true));
    assert!(String::from_utf8_lossy(&reply.body).contains("oh &lt;no&gt;"));
    client.expect_end();
    let mut client = server.client();
    client.send(LARGE_GET);
    expect_reset(client);
}

#[test]
fn a_dropped_exchange_answers_500_or_resets() {
    let server = Server::start(options(), 1, |mut exchange| {
        if is_large(&exchange) {
            begin(&mut exchange, Some(10));
            exchange.send(&mut Open, b"half", false).expect("the client is there");
        }
        drop(exchange);
    });
    let mut client = server.client();
    let reply = client.send(GET).reply();
    assert_eq!((reply.status, reply.closes()), (500, true));
    client.expect_end();
    let mut client = server.client();
    client.send(LARGE_GET);
    expect_reset(client);
}
