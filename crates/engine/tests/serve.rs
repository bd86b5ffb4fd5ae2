//! Requests in: keep-alive, pipelining, pieces, bodies in memory, in a file and streamed, the deadlines of heads and
//! bodies, idle connections, and the limit of connections. What happens to responses is in `serve_responses`, the end of an
//! engine and its threads in `serve_runners`.

mod server;

use std::net::Shutdown;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use server::{Client, GET, Open, PATIENCE, Server, answer, echo, options, read_body};
use tricorn_engine::http::Rules;
use tricorn_engine::{BodyError, EngineOptions, Spool};

const SHORT: Duration = Duration::from_millis(100);
/// A deadline that a client keeps on a loaded machine, between two of its calls.
const LONG: Duration = Duration::from_secs(2);

fn get(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes()
}

fn post(body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// `size` bytes that differ, so that a lost or doubled piece shows.
fn pattern(size: usize) -> Vec<u8> {
    (0..size as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[test]
fn a_connection_carries_one_request_after_another() {
    let server = Server::start(options(), 1, |exchange| {
        let number = exchange.number();
        answer(exchange, number.to_string().as_bytes());
    });
    let mut client = server.client();
    for number in 1..=5 {
        let reply = client.send(GET).reply();
        assert_eq!((reply.status, reply.body), (200, number.to_string().into_bytes()));
        assert!(!reply.head.to_ascii_lowercase().contains("connection: close"));
    }
}

#[test]
fn pipelined_requests_are_answered_in_order_by_many_runners() {
    let server = Server::start(options(), 4, echo);
    let mut client = server.client();
    let targets: Vec<String> = (0..200).map(|number| format!("/{number}")).collect();
    client.send(&targets.iter().flat_map(|target| get(target)).collect::<Vec<u8>>());
    for target in targets {
        assert_eq!(String::from_utf8_lossy(&client.reply().body), target);
    }
}

#[test]
fn a_pipelined_body_does_not_run_into_the_next_request() {
    let server = Server::start(options(), 2, echo);
    let mut client = server.client();
    let large = pattern(100_000);
    client.send(&[post(b"small"), get("/1"), post(&large), get("/2")].concat());
    for expected in [b"small".as_slice(), b"/1", &large, b"/2"] {
        assert!(client.reply().body == expected);
    }
}

#[test]
fn a_request_may_come_in_pieces_of_one_byte() {
    let server = Server::start(options(), 1, echo);
    let mut client = server.client();
    for byte in post(b"hello") {
        client.send(&[byte]);
    }
    assert_eq!(client.reply().body, b"hello");
    for byte in
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    {
        client.send(&[*byte]);
    }
    assert_eq!(client.reply().body, b"abcde");
}

#[test]
fn bodies_arrive_whole_from_memory_from_a_file_and_from_the_wire() {
    for is_streamed in [false, true] {
        let spool = if is_streamed { Spool::Stream } else { options().spool };
        let server = Server::start(EngineOptions { spool, ..options() }, 1, echo);
        let mut client = server.client();
        for size in [1, 1023, 1024, 1025, 65_536, 1_000_000] {
            let body = pattern(size);
            client.send(&post(&body));
            assert!(client.reply().body == body, "{size} bytes, streamed: {is_streamed}");
        }
    }
}

#[test]
fn a_streamed_body_reaches_the_application_before_its_end() {
    let (tell, told) = channel();
    let server =
        Server::start(EngineOptions { spool: Spool::Stream, ..options() }, 1, move |mut exchange| {
            let first = exchange.fill_body(&mut Open).expect("what is buffered").len();
            tell.send(first).expect("the test listens");
            let body = read_body(&mut exchange).expect("the rest");
            answer(exchange, body.len().to_string().as_bytes());
        });
    let mut client = server.client();
    let bytes = post(&pattern(5000));
    let (early, late) = bytes.split_at(bytes.len() - 1000);
    client.send(early);
    assert!((1024..=4000).contains(&told.recv_timeout(PATIENCE).expect("called early")));
    assert_eq!(client.send(late).reply().body, b"5000");
    // The connection goes on where the body ended.
    client.send(&post(&pattern(2000)));
    assert!(told.recv_timeout(PATIENCE).is_ok());
    assert_eq!(client.reply().body, b"2000");
}

#[test]
fn a_streamed_body_that_breaks_off_is_told_to_the_application() {
    let (tell, told) = channel();
    let serve = |body_timeout| {
        let tell = tell.clone();
        let options = EngineOptions { spool: Spool::Stream, body_timeout, ..options() };
        Server::start(options, 1, move |mut exchange| {
            tell.send(read_body(&mut exchange)).expect("the test listens");
        })
    };
    // Only the client that stalls has little time.
    let (patient, impatient) = (serve(Some(PATIENCE)), serve(Some(SHORT)));
    let bytes = post(&pattern(5000));
    let mut client = patient.client();
    client.send(&bytes[..3000]);
    client.stream.shutdown(Shutdown::Write).expect("it is open");
    assert!(matches!(told.recv_timeout(PATIENCE), Ok(Err(BodyError::Incomplete))));
    let start = Instant::now();
    let mut client = impatient.client();
    client.send(&bytes[..3000]);
    assert!(matches!(told.recv_timeout(PATIENCE), Ok(Err(BodyError::Timeout))));
    assert!(start.elapsed() < PATIENCE / 2);
    let mut client = patient.client();
    let chunk = [b"800\r\n".as_slice(), &pattern(0x800), b"\r\nnot a size\r\n"].concat();
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").send(&chunk);
    assert!(matches!(told.recv_timeout(PATIENCE), Ok(Err(BodyError::Malformed(_)))));
}

#[test]
fn a_body_beyond_the_limit_is_refused() {
    let rules = Rules { body_bytes_max: 2000, ..Rules::default() };
    let server = Server::start(EngineOptions { rules, ..options() }, 1, echo);
    let declared = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2001\r\n\r\n".to_vec();
    let chunked = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7d1\r\n".to_vec();
    for bytes in [declared, [chunked, pattern(2001)].concat()] {
        let mut client = server.client();
        let reply = client.send(&bytes).reply();
        assert_eq!((reply.status, reply.closes()), (413, true));
        client.expect_end();
    }
    assert_eq!(*server.notes.refused.lock().expect("not poisoned"), [413, 413]);
    assert!(server.client().send(&post(&pattern(2000))).reply().body == pattern(2000));
}

#[test]
fn a_request_that_stalls_is_answered_408() {
    let options = EngineOptions { header_timeout: Some(LONG), body_timeout: Some(LONG), ..options() };
    let server = Server::start(options, 1, echo);
    let check = |start: Instant, mut client: Client, before: &[u8], bytes: &[u8]| {
        if !before.is_empty() {
            assert_eq!(client.send(before).reply().status, 200);
        }
        let reply = client.send(bytes).reply();
        assert_eq!((reply.status, reply.closes()), (408, true));
        assert!(start.elapsed() >= LONG / 2 && start.elapsed() < PATIENCE / 2, "{:?}", start.elapsed());
        client.expect_end();
    };
    std::thread::scope(|scope| {
        for before in [b"".as_slice(), GET] {
            for bytes in
                [b"GET / HT".as_slice(), b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"]
            {
                let (start, client) = (Instant::now(), server.client());
                scope.spawn(move || check(start, client, before, bytes));
            }
        }
    });
}

#[test]
fn silent_connections_are_closed_without_a_word() {
    let options = EngineOptions { header_timeout: Some(LONG), keep_alive: Some(SHORT), ..options() };
    let server = Server::start(options, 1, echo);
    let start = Instant::now();
    let (silent, mut client) = (server.client(), server.client());
    assert_eq!(client.send(GET).reply().status, 200);
    client.expect_end();
    assert!(start.elapsed() >= SHORT / 2 && start.elapsed() < PATIENCE / 2, "{:?}", start.elapsed());
    silent.expect_end();
    assert!(start.elapsed() >= LONG / 2 && start.elapsed() < PATIENCE / 2, "{:?}", start.elapsed());
    assert!(server.notes.refused.lock().expect("not poisoned").is_empty());
}

#[test]
fn at_the_limit_the_longest_idle_connection_makes_room() {
    let server = Server::start(EngineOptions { connections_max: 3, ..options() }, 1, echo);
    let mut clients: Vec<_> = (0..3).map(|_| server.client()).collect();
    // The first was used last, so the second is the one to go.
    for at in [1, 2, 0] {
        assert_eq!(clients[at].send(GET).reply().status, 200);
        // Deadlines have a resolution of a millisecond: the next one must be idle for less long.
        let now_ms = tricorn_engine::monotonic_ms();
        server::eventually("the clock moves", || tricorn_engine::monotonic_ms() > now_ms + 1);
    }
    let mut fourth = server.client();
    assert_eq!(fourth.send(GET).reply().status, 200);
    clients.remove(1).expect_end();
    for client in &mut clients {
        assert_eq!(client.send(GET).reply().status, 200);
    }
    assert_eq!(server.engine.connections(), 3);
}

/// A balancer sends a request into a connection that is about to be closed, and tells its client 502. Whether the time is
/// over or the place is wanted, the socket is looked at once more before it is closed.
#[test]
fn an_idle_connection_whose_request_has_arrived_is_served_not_closed() {
    // Long enough for a loaded machine to send a request meanwhile.
    const KEPT: Duration = Duration::from_secs(1);
    for (keep_alive, connections_max) in [(KEPT, 1000), (PATIENCE, 2)] {
        let (begun, (go, gate)) = (channel(), channel::<()>());
        let gate = std::sync::Mutex::new(gate);
        // No monitor: while the only runner is away, nobody looks at a socket.
        let mut server =
            Server::idle(EngineOptions { keep_alive: Some(keep_alive), connections_max, ..options() });
        server.run(1, move |exchange| {
            if exchange.head().target() == b"/held" {
                begun.0.send(()).expect("the test listens");
                gate.lock().expect("not poisoned").recv_timeout(PATIENCE).expect("the test goes on");
            }
            echo(exchange);
        });
        let (mut idle, mut held) = (server.client(), server.client());
        assert_eq!(idle.send(GET).reply().status, 200);
        held.send(&get("/held"));
        begun.1.recv_timeout(PATIENCE).expect("the runner is away");
        let mut newcomer = server.client();
        newcomer.send(GET);
        idle.send(&get("/in-the-last-moment"));
        let over_ms = tricorn_engine::monotonic_ms() + 2 * KEPT.as_millis() as u64;
        server::eventually("its time is over", || tricorn_engine::monotonic_ms() > over_ms);
        go.send(()).expect("the runner waits");
        assert_eq!(idle.reply().body, b"/in-the-last-moment", "{keep_alive:?}");
        assert_eq!((held.reply().status, newcomer.reply().status), (200, 200));
    }
}

#[test]
fn fields_that_are_left_out_are_reported_the_first_few_of_each_request() {
    let server = Server::start(options(), 1, echo);
    let mut client = server.client();
    let named = |names: &[&str]| {
        let fields = names.join(": x\r\n");
        format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}: x\r\n\r\n").into_bytes()
    };
    assert_eq!(client.send(&named(&["A_B", "C-D", "Script_Name"])).reply().status, 200);
    assert_eq!(client.send(&named(&["C-D"])).reply().status, 200);
    assert_eq!(client.send(&named(&["E_F"; 50])).reply().status, 200);
    let seen = server.notes.left_out.lock().expect("not poisoned").clone();
    let expected = [("'A_B'", false), ("'Script_Name'", true)].into_iter().chain([("'E_F'", false); 8]);
    assert_eq!(seen, expected.map(|(name, is)| (name.to_owned(), is)).collect::<Vec<_>>());
}

#[test]
fn close_after_responses_closes_and_goes_on_accepting() {
    let server = Server::start(options(), 1, echo);
    let mut client = server.client();
    assert!(!client.send(GET).reply().closes());
    server.engine.close_after_responses();
    assert!(client.send(GET).reply().closes());
    client.expect_end();
    assert!(server.client().send(GET).reply().closes());
}
