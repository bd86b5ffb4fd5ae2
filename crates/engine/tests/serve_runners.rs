//! Who does the work and how it ends: leader and followers, the monitor, interruptions, and draining.

mod server;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use server::{GET, Open, PATIENCE, Server, answer, echo, eventually, options};
use tricorn_engine::{Drain, Engine, LeftOut, Listener, Next, Observer, Rejection, Trouble};

const SLOW_GET: &[u8] = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn others_are_served_while_one_runner_is_in_the_application() {
    let (entered, is_in) = channel();
    let (go_on, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let server = Server::start(options(), 4, move |exchange| {
        if exchange.head().path() == b"/slow" {
            entered.send(()).expect("the test listens");
            let _ = wait.lock().expect("not poisoned").recv_timeout(PATIENCE);
        }
        echo(exchange);
    });
    for _ in 0..10 {
        let mut slow = server.client();
        slow.send(SLOW_GET);
        is_in.recv_timeout(PATIENCE).expect("it is called");
        let start = Instant::now();
        // A connection that is open already would be served by the same path: new ones need the accept too.
        for _ in 0..5 {
            assert_eq!(server.client().send(GET).reply().status, 200);
        }
        assert!(start.elapsed() < Duration::from_secs(2), "five answers took {:?}", start.elapsed());
        go_on.send(()).expect("the application waits");
        assert_eq!(slow.reply().body, b"/slow");
    }
}

#[test]
fn an_interruption_ends_one_wait() {
    let server = Server::idle(options());
    server.engine.interrupt();
    server.engine.interrupt();
    assert!(matches!(server.engine.next(&mut Open), Next::Interrupted));
    assert!(matches!(server.engine.next(&mut Open), Next::Interrupted));
    let mut client = server.client();
    client.send(GET);
    let Next::Exchange(exchange) = server.engine.next(&mut Open) else { panic!("only two were asked for") };
    answer(exchange, b"");
    assert_eq!(client.reply().status, 200);
}

#[test]
fn draining_finishes_what_runs_and_stops_every_runner() {
    let (entered, is_in) = channel();
    let (go_on, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let mut server = Server::start(options(), 4, move |exchange| {
        entered.send(()).expect("the test listens");
        let _ = wait.lock().expect("not poisoned").recv_timeout(PATIENCE);
        echo(exchange);
    });
    let mut client = server.client();
    client.send(SLOW_GET);
    is_in.recv_timeout(PATIENCE).expect("it is called");
    server.drain(false, None);
    assert!(server.engine.is_draining());
    eventually("the listener is closed", || std::net::TcpStream::connect(server.address).is_err());
    go_on.send(()).expect("the application waits");
    let reply = client.reply();
    assert_eq!((reply.body.as_slice(), reply.closes()), (b"/slow".as_slice(), true));
    client.expect_end();
    server.await_stopped();
    assert_eq!(server.engine.connections(), 0);
}

#[test]
fn a_drain_with_a_limit_does_not_wait_for_connections() {
    let mut server = Server::start(options(), 3, echo);
    let mut client = server.client();
    client.send(b"GET / HT");
    eventually("it is accepted", || server.engine.connections() == 1);
    let start = Instant::now();
    server.drain(false, Some(Duration::from_millis(100)));
    server.await_stopped();
    assert!(start.elapsed() >= Duration::from_millis(90) && start.elapsed() < PATIENCE / 2);
}

#[test]
fn the_backlog_is_served_when_it_is_ours() {
    let mut server = Server::idle(options());
    // Nobody accepts yet: the kernel's queue has them all.
    let mut clients: Vec<_> = (0..20).map(|_| server.client()).collect();
    for client in &mut clients {
        client.send(GET);
    }
    server.drain(true, None);
    server.run(2, echo);
    for client in &mut clients {
        let reply = client.reply();
        assert_eq!((reply.status, reply.closes()), (200, true));
    }
    drop(clients);
    server.await_stopped();
}

/// A runner that found the lead taken and was about to park when the leader learnt of the end (or the monitor let go of
/// the lead) missed its wake-up and slept for ever, because from then on nobody led. The window is a few instructions wide,
/// so this takes many rounds.
#[test]
fn no_runner_misses_the_end() {
    for _ in 0..300 {
        let mut server = Server::idle(options());
        server.run(4, echo);
        server.drain(false, None);
        server.await_stopped();
    }
}

/// Panics at every refusal, and counts what it hears of it.
#[derive(Default)]
struct Fragile {
    panics: AtomicUsize,
}

impl Observer for Fragile {
    fn rejected(&self, _: &Rejection<'_>) {
        panic!("a refusal that the observer does not survive");
    }

    fn left_out(&self, _: &LeftOut<'_>) {}

    fn troubled(&self, trouble: &Trouble) {
        if matches!(trouble, Trouble::Panic) {
            self.panics.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// A panic below the engine (here: of the observer) happens while the lead is held. The poisoned lock then looked like a
/// lead that somebody else had, so every runner parked and the worker was deaf; and the connection's slot was never free
/// again, so that a drain without a limit had no end.
#[test]
fn a_panic_while_leading_costs_one_connection_only() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
    let address = listener.local_addr().expect("it is bound");
    let listeners = vec![Listener::new(listener.into()).expect("a listening socket")];
    let observer = Arc::new(Fragile::default());
    let engine = Engine::new(options(), listeners, None, observer.clone()).expect("an epoll");
    let connect = || server::Client::new(std::net::TcpStream::connect(address).expect("it listens"));
    let (tell, told) = channel();
    let runner = engine.clone();
    std::thread::spawn(move || {
        while let Next::Exchange(exchange) = runner.next(&mut Open) {
            answer(exchange, b"alive");
        }
        let _ = tell.send(());
    });
    let mut bad = connect();
    bad.send(b"bad\r\n\r\n");
    eventually("the panic", || observer.panics.load(Ordering::SeqCst) == 1);
    let mut client = connect();
    assert_eq!(client.send(GET).reply().body, b"alive");
    drop((bad, client));
    eventually("both connections are forgotten", || engine.connections() == 0);
    engine.drain(Drain { takes_backlog: false, spares_idle: false, limit: None });
    told.recv_timeout(PATIENCE).expect("the drain ends");
}
