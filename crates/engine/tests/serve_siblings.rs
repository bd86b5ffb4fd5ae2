//! Workers that share their work: requests on the connections of a busy one are answered by its sibling.

mod server;

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use server::{Client, GET, PATIENCE, Server, answer, eventually, options};
use tricorn_engine::{Exchange, Siblings};

const SLOW_GET: &[u8] = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";

/// An engine with one runner, and the gates of its application.
struct Worker {
    server: Server,
    entered: Receiver<()>,
    go_on: Sender<()>,
}

/// Two engines in one process, as two workers are: a queue in common, and each its own listener. The busy one learns of its
/// sibling when the test says so: before, a runner that was merely preempted would be taken for busy.
struct Pair {
    busy: Worker,
    sibling: Worker,
    has_sibling: Arc<AtomicBool>,
}

/// An application that answers with `name`, and waits on `/slow` for a word from the test.
fn app(name: &'static [u8], enter: Sender<()>, wait: Receiver<()>) -> impl Fn(Exchange) + Send + Sync {
    let gates = Mutex::new((enter, wait));
    move |exchange| {
        if exchange.head().path() == b"/slow" {
            let gates = gates.lock().expect("not poisoned");
            gates.0.send(()).expect("the test listens");
            let _ = gates.1.recv_timeout(PATIENCE);
        }
        answer(exchange, name);
    }
}

impl Worker {
    fn start(mut server: Server, name: &'static [u8]) -> Worker {
        let ((enter, entered), (go_on, wait)) = (channel(), channel());
        server.watch();
        server.run(1, app(name, enter, wait));
        Worker { server, entered, go_on }
    }

    /// Has it go into its application and stay there; the client that waits for it.
    fn occupy(&self) -> Client {
        let mut client = self.server.client();
        client.send(SLOW_GET);
        self.entered.recv_timeout(PATIENCE).expect("it is in the application");
        client
    }

    fn go_on(&self) {
        self.go_on.send(()).expect("it waits");
    }

    /// Connections that have had an answer from it.
    fn known_clients(&self, count: usize) -> Vec<Client> {
        let mut clients: Vec<Client> = (0..count).map(|_| self.server.client()).collect();
        for client in &mut clients {
            assert_eq!(client.send(GET).reply().body, b"busy");
        }
        clients
    }
}

impl Pair {
    fn start() -> Pair {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (sender, receiver) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).expect("a pair");
        let again = |descriptor: &OwnedFd| descriptor.try_clone().expect("a descriptor");
        let has_sibling = Arc::new(AtomicBool::new(false));
        let told = has_sibling.clone();
        let busy = Server::beside(
            options(),
            Some(Siblings::new(again(&sender), again(&receiver), move || told.load(Ordering::SeqCst))),
        );
        let sibling = Server::beside(options(), Some(Siblings::new(sender, receiver, || false)));
        Pair { busy: Worker::start(busy, b"busy"), sibling: Worker::start(sibling, b"sibling"), has_sibling }
    }

    /// From now on what waits for the busy one goes to the sibling.
    fn introduce_sibling(&self) {
        self.has_sibling.store(true, Ordering::SeqCst);
    }
}

#[test]
fn requests_on_the_connections_of_a_busy_worker_go_to_its_sibling() {
    let pair = Pair::start();
    // More than the queue holds at once.
    let mut clients = pair.busy.known_clients(40);
    let mut slow = pair.busy.occupy();
    pair.introduce_sibling();
    for round in 0..3 {
        for client in &mut clients {
            client.send(GET);
        }
        for client in &mut clients {
            assert_eq!(client.reply().body, b"sibling", "round {round}");
        }
    }
    assert_eq!(pair.sibling.server.engine.connections(), 40);
    assert_eq!(pair.busy.server.engine.connections(), 1);
    pair.busy.go_on();
    assert_eq!(slow.reply().body, b"busy");
}

#[test]
fn what_was_begun_stays_where_it_is() {
    let pair = Pair::start();
    let mut clients = pair.busy.known_clients(2);
    clients[0].send(b"GET /begun HTTP/1.1\r\n");
    clients[1].send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1");
    // The engine has read both: it has nothing left to poll, and sleeps.
    let mut third = pair.busy.known_clients(1).remove(0);
    let _slow = pair.busy.occupy();
    pair.introduce_sibling();
    clients[0].send(b"Host: a\r\n\r\n");
    clients[1].send(b"2");
    assert_eq!(third.send(GET).reply().body, b"sibling");
    pair.busy.go_on();
    for client in &mut clients {
        assert_eq!(client.reply().body, b"busy");
    }
}

#[test]
fn without_a_sibling_they_wait() {
    let pair = Pair::start();
    let mut clients = pair.busy.known_clients(3);
    let mut slow = pair.busy.occupy();
    for client in &mut clients {
        client.send(GET);
    }
    pair.busy.go_on();
    assert_eq!(slow.reply().body, b"busy");
    for client in &mut clients {
        assert_eq!(client.reply().body, b"busy");
    }
}

/// Nobody takes anything out of a full queue: what does not fit must be served by the busy worker when it comes back, also
/// if it was away for longer than the time between two requests.
#[test]
fn what_the_queue_has_no_room_for_is_not_lost() {
    let mut impatient = options();
    impatient.keep_alive = Some(Duration::from_secs(2));
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (sender, receiver) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).expect("a pair");
    let has_sibling = Arc::new(AtomicBool::new(false));
    let told = has_sibling.clone();
    let siblings = Siblings::new(sender, receiver, move || told.load(Ordering::SeqCst));
    let busy = Worker::start(Server::beside(impatient, Some(siblings)), b"busy");
    let mut clients = busy.known_clients(30);
    let idle = clients.pop().expect("there are 30");
    let mut slow = busy.occupy();
    has_sibling.store(true, Ordering::SeqCst);
    let before = busy.server.engine.connections();
    for client in &mut clients {
        client.send(GET);
    }
    eventually("the queue is in use", || busy.server.engine.connections() < before);
    // As old as they are, but without a request: when it is closed, their time is over as well.
    idle.expect_end();
    busy.go_on();
    assert_eq!(slow.reply().body, b"busy");
    for client in &mut clients {
        assert_eq!(client.reply().body, b"busy");
    }
}

/// And what is handed over to it afterwards, because the busy one does not know yet, the busy one takes back.
#[test]
fn a_worker_that_drains_takes_what_was_handed_over() {
    let pair = Pair::start();
    let mut clients = pair.busy.known_clients(5);
    let mut late = clients.split_off(3);
    let mut slow = pair.busy.occupy();
    let mut other = pair.sibling.occupy();
    pair.introduce_sibling();
    for client in &mut clients {
        client.send(GET);
    }
    eventually("they are handed over", || pair.busy.server.engine.connections() == 3);
    pair.sibling.server.drain(false, None);
    pair.sibling.go_on();
    for client in [&mut other].into_iter().chain(&mut clients) {
        assert_eq!(client.reply().body, b"sibling");
    }
    for client in &mut late {
        client.send(GET);
    }
    eventually("they are handed over, too", || pair.busy.server.engine.connections() == 1);
    pair.busy.go_on();
    for client in [&mut slow].into_iter().chain(&mut late) {
        assert_eq!(client.reply().body, b"busy");
    }
}
