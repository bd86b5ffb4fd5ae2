//! The engine behind TLS: requests, large bodies under backpressure, handshakes cut into pieces, bad ones, and shared
//! sockets. The client is rustls, too; other implementations are met in the black-box tests.

#[path = "server/mod.rs"]
mod server;
#[path = "tls/mod.rs"]
mod tls;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use server::{GET, Open, Server, answer, begin, echo, eventually, options, send_many};
use tls::{Pki, ask, connect, reply, session};
use tricorn_engine::http::proxy::ProxyMode;
use tricorn_engine::{ClientCertificates, EngineOptions, Refreshed, TicketKeys, TlsKeeper};

fn secure(pki: &Pki) -> EngineOptions {
    EngineOptions { tls: Some(pki.keeper()), ..options() }
}

/// Every handshake, cut after each number of bytes.
#[test]
fn handshakes_in_pieces() {
    let pki = Pki::new();
    let server = Server::start(secure(&pki), 1, echo);
    for size in [1, 2, 3, 5, 7, 64, 300] {
        let mut client = session(&pki.client_config());
        let mut socket = std::net::TcpStream::connect(server.address).expect("it listens");
        socket.set_nodelay(true).expect("a TCP socket");
        socket.set_read_timeout(Some(server::PATIENCE)).expect("a valid timeout");
        client
            .writer()
            .write_all(b"GET /pieces HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            .expect("room");
        let mut plain = Vec::new();
        loop {
            while client.wants_write() {
                let mut records = Vec::new();
                client.write_tls(&mut records).expect("a vector takes everything");
                for piece in records.chunks(size) {
                    socket.write_all(piece).expect("the server reads");
                }
            }
            match client.reader().read_to_end(&mut plain) {
                Ok(_) => break,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => panic!("{size}: {error}"),
            }
            client.read_tls(&mut socket).expect("records in time");
            client.process_new_packets().expect("good records");
        }
        assert!(plain.ends_with(b"/pieces"), "{size}: {}", String::from_utf8_lossy(&plain));
    }
}

#[test]
fn keep_alive_pipelining_and_bodies() {
    let pki = Pki::new();
    let server = Server::start(secure(&pki), 2, echo);
    let mut stream = connect(server.address, &pki.client_config());
    for number in 0..5 {
        let request = format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(ask(&mut stream, request.as_bytes()).1, format!("/{number}").as_bytes());
    }
    let many: Vec<_> = (0..50).map(|number| format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
    stream.write_all(many.concat().as_bytes()).expect("the server reads");
    for number in 0..50 {
        assert_eq!(reply(&mut stream).1, format!("/{number}").as_bytes());
    }
    let body: Vec<u8> = (0..400_000_u32).map(|at| (at >> 5) as u8).collect();
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len());
    assert!(ask(&mut stream, &[head.as_bytes(), &body].concat()).1 == body);
}

/// The application produces more than the buffers hold, and the client is slow to begin: nothing is lost or reordered.
#[test]
fn backpressure_keeps_order() {
    let pki = Pki::new();
    let chunk: Vec<u8> = (0..50_000_u32).map(|at| (at % 251) as u8).collect();
    let expected: Vec<u8> = chunk.iter().copied().cycle().take(chunk.len() * 200).collect();
    let length = expected.len();
    let server = Server::start(secure(&pki), 1, move |mut exchange| {
        begin(&mut exchange, Some(length));
        send_many(&mut exchange, &chunk, 200).expect("the client reads");
        exchange.release();
    });
    let mut stream = connect(server.address, &pki.client_config());
    stream.write_all(GET).expect("the server reads");
    assert!(reply(&mut stream).1 == expected);
}

/// One send that is larger than a turn, and files: the engine goes on where the runner stopped.
#[test]
fn responses_larger_than_a_turn() {
    let pki = Pki::new();
    let large: Vec<u8> = (0..6_000_000_u32).map(|at| (at >> 9) as u8).collect();
    std::fs::write(pki.path("file"), &large).expect("a file");
    let (sent, file) = (large.clone(), pki.path("file"));
    let server = Server::start(secure(&pki), 1, move |mut exchange| {
        if exchange.head().target() == b"/file" {
            begin(&mut exchange, Some(sent.len() - 10));
            let file = std::fs::File::open(&file).expect("it exists");
            exchange.send_file(&mut Open, file.into(), 10, sent.len() as u64 - 10).expect("a client");
            exchange.complete(&mut Open).expect("a client");
            exchange.release();
        } else {
            answer(exchange, &sent);
        }
    });
    let mut stream = connect(server.address, &pki.client_config());
    for _ in 0..2 {
        assert!(ask(&mut stream, GET).1 == large);
        assert!(ask(&mut stream, b"GET /file HTTP/1.1\r\nHost: a\r\n\r\n").1 == large[10..]);
    }
}

#[test]
fn a_client_that_does_not_read_is_cut() {
    let pki = Pki::new();
    let write_timeout = Some(Duration::from_millis(100));
    let server = Server::start(EngineOptions { write_timeout, ..secure(&pki) }, 1, |exchange| {
        answer(exchange, &vec![0; 20_000_000]);
    });
    let mut stream = connect(server.address, &pki.client_config());
    stream.write_all(GET).expect("the server reads");
    eventually("the connection is given up", || server.engine.connections() == 0);
    assert!(stream.read_to_end(&mut Vec::new()).is_err(), "a cut response must not look complete");
}

#[test]
fn plain_http_is_told_and_stalled_handshakes_end() {
    let pki = Pki::new();
    let header_timeout = Some(Duration::from_secs(2));
    let server = Server::start(EngineOptions { header_timeout, ..secure(&pki) }, 1, echo);
    let (mut plain, mut stalled, silent) = (server.client(), server.client(), server.client());
    stalled.send(b"\x16\x03\x01\x01\x00\x01");
    let refused = plain.send(GET).reply();
    assert_eq!((refused.status, refused.closes()), (400, true));
    plain.expect_end();
    stalled.expect_end();
    silent.expect_end();
    assert_eq!(*server.notes.refused.lock().expect("no panic"), [400]);
}

#[test]
fn garbage_gets_an_alert_at_most() {
    let pki = Pki::new();
    let server = Server::start(secure(&pki), 1, echo);
    for garbage in
        [&b"\0\0\0\0\0\0"[..], b"\x16\x03\x01\xff\xff\xff", b"\x17\x03\x03\x00\x01x", &[0xff; 5000]]
    {
        let mut client = server.client();
        client.send(garbage);
        client.stream.shutdown(std::net::Shutdown::Write).expect("it is open");
        let rest = client.rest().expect("an orderly end");
        assert!(rest.is_empty() || (rest[0] == 0x15 && rest.len() == 7), "{garbage:?}: {rest:?}");
    }
    let mut stream = connect(server.address, &pki.client_config());
    assert_eq!(ask(&mut stream, GET).1, b"/");
}

const HEADER: &[u8] = b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 443\r\n";

#[test]
fn a_proxy_header_before_the_handshake() {
    let pki = Pki::new();
    let options =
        EngineOptions { proxy: Some(ProxyMode::Auto), may_proxy: Box::new(|_| true), ..secure(&pki) };
    let server = Server::start(options, 1, |exchange| {
        let source = exchange.peer().proxied.as_ref().and_then(|info| info.addresses);
        let text = source.map_or_else(|| "none".to_owned(), |addresses| addresses.source.to_string());
        answer(exchange, text.as_bytes());
    });
    for pieces in [1, 10, HEADER.len()] {
        let mut stream = connect(server.address, &pki.client_config());
        for piece in HEADER.chunks(pieces) {
            stream.sock.write_all(piece).expect("the server reads");
        }
        assert_eq!(ask(&mut stream, GET).1, b"192.0.2.1:1000");
        assert_eq!(ask(&mut stream, GET).1, b"192.0.2.1:1000");
    }
    let mut inside = connect(server.address, &pki.client_config());
    assert_eq!(ask(&mut inside, &[HEADER, GET].concat()).1, b"192.0.2.1:1000");
    let mut none = connect(server.address, &pki.client_config());
    assert_eq!(ask(&mut none, GET).1, b"none");
}

/// The application talks over the pair, closes it, and the exchange answers behind it: in this order.
#[test]
fn a_shared_socket_carries_plaintext() {
    let pki = Pki::new();
    let server = Server::start(secure(&pki), 1, |mut exchange| {
        let (socket, pending) = exchange.share_socket().expect("a socket pair");
        assert!(pending.is_empty());
        let mut socket = UnixStream::from(socket);
        let mut line = vec![0; 200_000];
        socket.read_exact(&mut line).expect("what the client sends");
        socket.write_all(&line).expect("the client reads");
        drop(socket);
        answer(exchange, b"after");
    });
    let mut stream = connect(server.address, &pki.client_config());
    let talk: Vec<u8> = (0..200_000_u32).map(|at| (at >> 3) as u8).collect();
    stream.write_all(&[GET, &talk[..1000]].concat()).expect("the server reads");
    stream.write_all(&talk[1000..]).expect("the server reads");
    let mut echoed = vec![0; talk.len()];
    stream.read_exact(&mut echoed).expect("in time");
    assert!(echoed == talk);
    let (head, body) = reply(&mut stream);
    assert!(head.contains("onnection: close") && body == b"after", "{head}");
    assert_eq!(stream.read_to_end(&mut Vec::new()).expect("a goodbye"), 0);
}

#[test]
fn client_certificates_and_facts() {
    let pki = Pki::new();
    pki.issue("client.pem", "client-key.pem");
    let policy = tricorn_engine::TlsPolicy {
        authorities: Some(pki.path("authority.pem")),
        clients: ClientCertificates::Required,
        ..pki.policy()
    };
    let keeper = TlsKeeper::load(policy, TicketKeys::new().expect("randomness")).expect("good files");
    let server = Server::start(EngineOptions { tls: Some(keeper), ..options() }, 1, |exchange| {
        let facts = exchange.tls_facts().expect("a secure connection");
        let text = format!("{} {} {}", facts.version, facts.cipher, facts.client_chain.len());
        answer(exchange, text.as_bytes());
    });
    let config = pki.identified_client("client.pem", "client-key.pem");
    let mut stream = connect(server.address, &config);
    assert_eq!(ask(&mut stream, GET).1, b"TLSv1.3 TLS_AES_256_GCM_SHA384 1");
    let mut stranger = connect(server.address, &pki.client_config());
    let refused = stranger.write_all(GET).and_then(|()| stranger.read_to_end(&mut Vec::new()).map(drop));
    let error = refused.expect_err("no certificate was sent");
    assert!(error.to_string().contains("CertificateRequired"), "{error}");
}

#[test]
fn files_that_change_are_loaded_once() {
    let pki = Pki::new();
    let keeper = pki.keeper();
    assert_eq!(keeper.refresh_now(), Refreshed::No);
    pki.issue("cert.pem", "key.pem");
    assert_eq!(keeper.refresh(), Refreshed::No, "it is not time to look");
    assert_eq!((keeper.refresh_now(), keeper.refresh_now()), (Refreshed::Yes, Refreshed::No));
    std::fs::write(pki.path("cert.pem"), "no certificate").expect("a file");
    assert!(matches!(keeper.refresh_now(), Refreshed::Failed(_)));
    assert_eq!(keeper.refresh_now(), Refreshed::No, "said once");
    let server = Server::start(EngineOptions { tls: Some(keeper), ..options() }, 1, echo);
    let mut stream = connect(server.address, &pki.client_config());
    assert_eq!(ask(&mut stream, GET).1, b"/", "the certificate before it serves");
}

/// Draining: idle connections get their goodbye, requests on their way an answer.
#[test]
fn a_drain_says_goodbye() {
    let pki = Pki::new();
    let mut server = Server::start(secure(&pki), 1, echo);
    let mut stream = connect(server.address, &pki.client_config());
    assert_eq!(ask(&mut stream, GET).1, b"/");
    server.drain(false, Some(server::PATIENCE));
    assert_eq!(stream.read_to_end(&mut Vec::new()).expect("a goodbye, not a reset"), 0);
    server.await_stopped();
}
