//! Finished responses that wait for each other: which do, what ends their wait, and that none is lost or sent twice.
//! Whether an application was quick is a matter of microseconds, and the machine may be busy: what needs a response that
//! waits is tried until there is one.

mod server;

use std::io::{ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use server::{Client, GET, Open, PATIENCE, Server, answer, begin, echo, eventually, options};
use tricorn_engine::{Engine, EngineOptions, Exchange, Next};

/// A response waits if three more are expected.
const CLIENTS: usize = 4;

/// What a quick application takes.
const QUICK: Duration = Duration::from_micros(50);

/// What an application takes that is not quick.
const SLOW: Duration = Duration::from_millis(2);

/// What a quick application does.
fn dawdle() {
    let start = Instant::now();
    while start.elapsed() < QUICK {}
}

/// A quick application.
fn quick(exchange: Exchange) {
    dawdle();
    echo(exchange);
}

fn in_batches_of(response_batch: usize) -> EngineOptions {
    EngineOptions { response_batch, ..options() }
}

/// A server whose runner is the test.
fn watched(options: EngineOptions) -> Server {
    let mut server = Server::idle(options);
    server.watch();
    server
}

fn next(engine: &Arc<Engine>) -> Exchange {
    match engine.next(&mut Open) {
        Next::Exchange(exchange) => exchange,
        Next::Interrupted | Next::Stopped => panic!("a request is at hand"),
    }
}

/// Has the runner look at the engine once more, with nothing to do there.
fn come_back(engine: &Arc<Engine>) {
    engine.interrupt();
    assert!(matches!(engine.next(&mut Open), Next::Interrupted));
}

/// As many clients as a response needs for company, with idle connections.
fn idle_clients(server: &Server) -> Vec<Client> {
    let clients = (0..CLIENTS).map(|_| {
        let mut client = server.client();
        client.send(GET);
        answer(next(&server.engine), b"");
        assert_eq!(client.reply().status, 200);
        client
    });
    clients.collect()
}

/// All of them ask at once, for their own number; the first exchange of that batch of events.
fn ask_at_once(server: &Server, clients: &mut [Client]) -> Exchange {
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
    }
    next(&server.engine)
}

/// Which client has sent it.
fn number(exchange: &Exchange) -> usize {
    String::from_utf8_lossy(&exchange.head().target()[1..]).parse().expect("the clients send their numbers")
}

/// Has anything arrived yet?
fn has_news(client: &Client) -> bool {
    client.stream.set_nonblocking(true).expect("a socket");
    let peeked = client.stream.peek(&mut [0]);
    client.stream.set_nonblocking(false).expect("a socket");
    match peeked {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            false
        }
    }
}

/// Clients that have asked at once, the first of whom has a finished response that waits. Gives its number.
fn one_that_waits(server: &Server, clients: &mut [Client]) -> usize {
    let respond = |exchange| {
        quick(exchange);
        None
    };
    first_that_waits(server, clients, respond).0
}

/// The same, with what `respond` has kept of the exchange.
fn first_that_waits(
    server: &Server,
    clients: &mut [Client],
    respond: impl Fn(Exchange) -> Option<Exchange>,
) -> (usize, Option<Exchange>) {
    let start = Instant::now();
    loop {
        let exchange = ask_at_once(server, clients);
        let first = number(&exchange);
        let kept = respond(exchange);
        if !has_news(&clients[first]) {
            return (first, kept);
        }
        assert!(start.elapsed() < PATIENCE, "no response ever waits");
        if let Some(exchange) = kept {
            exchange.release();
        }
        answer_others(server);
        come_back(&server.engine);
        for client in &mut *clients {
            client.reply();
        }
    }
}

/// Asserts that the first response leaves before the next request is begun, although it is quick and others are at hand.
fn none_waits(server: &Server) {
    let mut clients = idle_clients(server);
    for _ in 0..100 {
        let exchange = ask_at_once(server, &mut clients);
        let first = number(&exchange);
        quick(exchange);
        assert!(has_news(&clients[first]));
        answer_others(server);
        for client in &mut clients {
            client.reply();
        }
    }
}

/// A response of a quick application, whose exchange is not given back yet.
fn respond(mut exchange: Exchange, body: &[u8]) -> Exchange {
    begin(&mut exchange, Some(body.len()));
    dawdle();
    exchange.send(&mut Open, body, true).expect("the client is there");
    exchange
}

/// Answers what is left of the batch after the first.
fn answer_others(server: &Server) {
    for _ in 1..CLIENTS {
        echo(next(&server.engine));
    }
}

#[test]
fn quick_responses_leave_together() {
    let server = watched(in_batches_of(16));
    let mut clients = idle_clients(&server);
    let first = one_that_waits(&server, &mut clients);
    for _ in 1..CLIENTS - 1 {
        quick(next(&server.engine));
    }
    let last = next(&server.engine);
    let last_one = number(&last);
    // Nothing waits behind it, so it has nothing to wait for.
    echo(last);
    assert_eq!(clients[last_one].reply().body, format!("/{last_one}").as_bytes());
    come_back(&server.engine);
    for (number, client) in clients.iter_mut().enumerate() {
        if number != last_one {
            assert_eq!(client.reply().body, format!("/{number}").as_bytes());
        }
    }
    assert_ne!(first, last_one);
}

#[test]
fn an_application_that_is_not_quick_sends_at_once() {
    let server = watched(in_batches_of(16));
    let mut clients = idle_clients(&server);
    let exchange = ask_at_once(&server, &mut clients);
    let first = number(&exchange);
    thread::sleep(SLOW);
    echo(exchange);
    assert!(has_news(&clients[first]));
}

#[test]
fn batches_of_one_are_none() {
    none_waits(&watched(in_batches_of(1)));
}

#[test]
fn a_full_batch_leaves_before_the_next_request() {
    let server = watched(in_batches_of(2));
    let mut clients = idle_clients(&server);
    let first = one_that_waits(&server, &mut clients);
    let exchange = next(&server.engine);
    let second = number(&exchange);
    quick(exchange);
    let _third = next(&server.engine);
    for number in [first, second] {
        assert_eq!(clients[number].reply().body, format!("/{number}").as_bytes());
    }
}

#[test]
fn what_waits_leaves_in_time_although_more_is_at_hand() {
    let server = watched(in_batches_of(64));
    let mut clients = idle_clients(&server);
    let first = one_that_waits(&server, &mut clients);
    let second = next(&server.engine);
    thread::sleep(SLOW);
    echo(second);
    let _third = next(&server.engine);
    assert_eq!(clients[first].reply().body, format!("/{first}").as_bytes());
}

#[test]
fn the_monitor_sends_what_waits_behind_a_stuck_application() {
    let server = watched(in_batches_of(16));
    let mut clients = idle_clients(&server);
    let first = one_that_waits(&server, &mut clients);
    let _stuck = next(&server.engine);
    assert_eq!(clients[first].reply().body, format!("/{first}").as_bytes());
}

/// What an application does after its response (`close()`, the rest of a generator) is no business of its client's.
#[test]
fn the_monitor_sends_what_waits_for_its_own_application() {
    let server = watched(in_batches_of(16));
    let mut clients = idle_clients(&server);
    let (first, kept) = first_that_waits(&server, &mut clients, |exchange| Some(respond(exchange, b"done")));
    assert_eq!(clients[first].reply().body, b"done");
    kept.expect("it was not given back").release();
}

/// Responses wait only while somebody looks after them.
#[test]
fn without_a_monitor_none_waits() {
    none_waits(&Server::idle(in_batches_of(16)));
}

/// A monitor that has failed is as good as none.
#[test]
fn after_a_monitor_none_waits() {
    let is_to_fail = Arc::new(AtomicBool::new(false));
    let mut server = Server::idle(in_batches_of(16));
    let (told, has_failed) = (is_to_fail.clone(), Arc::new(AtomicBool::new(false)));
    let fails = has_failed.clone();
    server.watch_with(Duration::from_millis(5), move || {
        if told.load(Ordering::SeqCst) {
            fails.store(true, Ordering::SeqCst);
            panic!("the monitor's duty (a test's)");
        }
    });
    let mut clients = idle_clients(&server);
    let first = one_that_waits(&server, &mut clients);
    is_to_fail.store(true, Ordering::SeqCst);
    assert_eq!(clients[first].reply().body, format!("/{first}").as_bytes());
    eventually("the monitor fails", || has_failed.load(Ordering::SeqCst));
    server.unwatch();
    answer_others(&server);
    none_waits(&server);
}

#[test]
fn what_a_panic_leaves_behind_was_complete() {
    let server = watched(in_batches_of(16));
    let mut clients = idle_clients(&server);
    let exchange = ask_at_once(&server, &mut clients);
    let first = number(&exchange);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _exchange = respond(exchange, b"done");
        panic!("after the response (a test's)");
    }));
    assert!(panicked.is_err());
    assert_eq!(clients[first].reply().body, b"done");
}

#[test]
fn a_surplus_chunk_does_not_send_the_response_twice() {
    let server = watched(in_batches_of(16));
    let mut clients = idle_clients(&server);
    let mut exchange = ask_at_once(&server, &mut clients);
    let first = number(&exchange);
    begin(&mut exchange, Some(4));
    dawdle();
    exchange.send(&mut Open, b"once", false).expect("the client is there");
    exchange.send(&mut Open, b"more", false).expect("the client is there");
    exchange.complete(&mut Open).expect("the client is there");
    exchange.release();
    answer_others(&server);
    come_back(&server.engine);
    let mut client = clients.swap_remove(first);
    assert_eq!(client.reply().body, b"once");
    // An overlong response ends its connection.
    client.expect_end();
}

#[test]
fn a_socket_that_is_taken_over_gets_the_response_first() {
    let server = watched(in_batches_of(16));
    let mut clients = idle_clients(&server);
    let exchange = ask_at_once(&server, &mut clients);
    let first = number(&exchange);
    let mut exchange = respond(exchange, b"done");
    let (socket, _) = exchange.share_socket().expect("a descriptor is free");
    std::net::TcpStream::from(socket).write_all(b"and more").expect("the client is there");
    exchange.release();
    let received = clients.swap_remove(first).rest().expect("an orderly end");
    assert!(received.ends_with(b"\r\n\r\ndoneand more"), "{}", String::from_utf8_lossy(&received));
}

/// With several clients that pipeline, all of it at once: every response in its order, with one runner and with several.
#[test]
fn pipelined_responses_keep_their_order() {
    const PIPELINES: usize = 8;
    const REQUESTS: usize = 200;
    for runners in [1, 3] {
        let server = Server::start(in_batches_of(4), runners, quick);
        let clients: Vec<_> = (0..PIPELINES).map(|_| server.client()).collect();
        let clients = clients.into_iter().map(|mut client| {
            thread::spawn(move || {
                for number in 0..REQUESTS {
                    client.send(format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
                }
                for number in 0..REQUESTS {
                    assert_eq!(client.reply().body, format!("/{number}").as_bytes());
                }
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.join().expect("every response in its order");
        }
    }
}

/// Clients that ask for more than the sockets hold, say that they are done, and only then begin to read: what a socket does
/// not take of a response that was held is neither lost nor overtaken, also when the end of the requests comes before it.
#[test]
fn clients_that_read_late_get_everything() {
    const REQUESTS: usize = 3000;
    const BODY_BYTES: usize = 3000;
    let body = |number: &str| format!("{number:>BODY_BYTES$}");
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let server = Server::start(in_batches_of(16), 1, move |exchange| {
        let number = number(&exchange).to_string();
        counted.fetch_add(1, Ordering::Relaxed);
        dawdle();
        answer(exchange, body(&number).as_bytes());
    });
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.client()).collect();
    let requests = (0..REQUESTS).map(|number| format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n"));
    let requests = requests.collect::<Vec<_>>().concat();
    for client in &mut clients {
        client.send(requests.as_bytes());
        client.stream.shutdown(std::net::Shutdown::Write).expect("it is open");
    }
    let mut before = 0;
    while calls.load(Ordering::Relaxed) != before {
        before = calls.load(Ordering::Relaxed);
        thread::sleep(Duration::from_millis(100));
    }
    assert!(before < CLIENTS * REQUESTS, "the sockets hold everything: nothing is tested");
    let readers = clients.into_iter().map(|mut client| {
        thread::spawn(move || {
            for number in 0..REQUESTS {
                assert_eq!(client.reply().body, body(&number.to_string()).as_bytes());
            }
            client.expect_end();
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader.join().expect("every response, whole and in its order");
    }
}
