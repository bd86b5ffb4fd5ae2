//! A whole server around an engine, for the tests of its I/O half: a listener on a free loopback port, runners that call
//! `Engine::next` and answer, a monitor, and a client that speaks plain bytes. Everything that waits does so under
//! [`PATIENCE`], so that a hang is a failure. It tests nothing by itself.
#![allow(dead_code, reason = "each test binary uses its part of it")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tricorn_engine::http::Rules;
use tricorn_engine::monitor::Monitor;
use tricorn_engine::{
    BodyError, Drain, Engine, EngineOptions, Exchange, Gate, Gone, LeftOut, Listener, Next, Observer,
    Rejection, Siblings, Spool, Trouble,
};

/// How long anything may take that is expected to happen.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A request without a body.
pub const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A gate with nothing to release.
pub struct Open;

impl Gate for Open {
    fn detached<R>(&mut self, wait: impl FnOnce() -> R) -> R {
        wait()
    }
}

/// Remembers what the engine did by itself.
#[derive(Default)]
pub struct Notes {
    pub refused: Mutex<Vec<u16>>,
    /// Names of fields that were left out, and whether a trusted peer may send them.
    pub left_out: Mutex<Vec<(String, bool)>>,
}

impl Observer for Notes {
    fn rejected(&self, rejection: &Rejection<'_>) {
        self.refused.lock().expect("no test panics in here").push(rejection.refusal.status().code());
    }

    fn left_out(&self, left_out: &LeftOut<'_>) {
        let seen = (left_out.name.to_string(), left_out.is_forwarder);
        self.left_out.lock().expect("no test panics in here").push(seen);
    }

    fn troubled(&self, _: &Trouble) {}
}

/// Long deadlines, small buffers.
pub fn options() -> EngineOptions {
    EngineOptions {
        rules: Rules::default(),
        header_timeout: Some(PATIENCE),
        body_timeout: Some(PATIENCE),
        write_timeout: Some(PATIENCE),
        keep_alive: Some(PATIENCE),
        body_buffer_bytes: 1024,
        spool: Spool::File(std::env::temp_dir()),
        response_buffer_bytes: 64 * 1024,
        response_batch: 16,
        connections_max: 1000,
        tls: None,
        proxy: None,
        may_proxy: Box::new(|_| false),
        is_trusted: Box::new(|_| false),
        server: "tricorn",
    }
}

/// An engine with its runners; stops when it is dropped.
pub struct Server {
    pub engine: Arc<Engine>,
    pub address: SocketAddr,
    pub notes: Arc<Notes>,
    runners: usize,
    stopped: Receiver<()>,
    monitor: Option<Monitor>,
}

impl Server {
    /// Serves with `runners` threads, each of which gives its exchanges to `app`; with a monitor.
    pub fn start(
        options: EngineOptions,
        runners: usize,
        app: impl Fn(Exchange) + Send + Sync + 'static,
    ) -> Server {
        let mut server = Server::idle(options);
        server.watch();
        server.run(runners, app);
        server
    }

    /// An engine without runners and monitor.
    pub fn idle(options: EngineOptions) -> Server {
        Server::beside(options, None)
    }

    /// The same, with siblings.
    pub fn beside(options: EngineOptions, siblings: Option<Siblings>) -> Server {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        let address = socket.local_addr().expect("it is bound");
        let notes = Arc::new(Notes::default());
        let listener = Listener::new(socket.into()).expect("a listening socket");
        let engine = Engine::new(options, vec![listener], siblings, notes.clone()).expect("an epoll");
        Server { engine, address, notes, runners: 0, stopped: channel().1, monitor: None }
    }

    pub fn watch(&mut self) {
        self.watch_with(PATIENCE, || ());
    }

    /// A monitor that calls `duty` every `duty_every`.
    pub fn watch_with(&mut self, duty_every: Duration, duty: impl FnMut() + Send + 'static) {
        self.monitor = Some(Monitor::start(&self.engine, duty_every, duty).expect("a thread"));
    }

    /// Ends the monitor, and waits until it has.
    pub fn unwatch(&mut self) {
        if let Some(monitor) = self.monitor.take() {
            monitor.stop();
        }
    }

    pub fn run(&mut self, runners: usize, app: impl Fn(Exchange) + Send + Sync + 'static) {
        let (tell, stopped) = channel();
        let app = Arc::new(app);
        for _ in 0..runners {
            let (engine, app, tell) = (self.engine.clone(), app.clone(), tell.clone());
            thread::spawn(move || serve(&engine, &*app, &tell));
        }
        (self.runners, self.stopped) = (runners, stopped);
    }

    pub fn client(&self) -> Client {
        Client::new(TcpStream::connect(self.address).expect("the server listens"))
    }

    pub fn drain(&self, takes_backlog: bool, limit: Option<Duration>) {
        self.engine.drain(Drain { takes_backlog, spares_idle: true, limit });
    }

    /// Waits until every runner was told `Stopped`.
    pub fn await_stopped(&mut self) {
        while self.runners > 0 {
            self.stopped.recv_timeout(PATIENCE).expect("every runner is told to stop");
            self.runners -= 1;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.drain(false, Some(Duration::ZERO));
        if !thread::panicking() {
            self.await_stopped();
        }
        self.unwatch();
    }
}

fn serve(engine: &Arc<Engine>, app: &dyn Fn(Exchange), tell: &Sender<()>) {
    loop {
        match engine.next(&mut Open) {
            Next::Exchange(exchange) => app(exchange),
            Next::Interrupted => {}
            Next::Stopped => break,
        }
    }
    // Nobody listens any more when a test has failed.
    let _ = tell.send(());
}

/// Answers 200 with `body`, its length declared.
pub fn answer(mut exchange: Exchange, body: &[u8]) {
    begin(&mut exchange, Some(body.len()));
    let _ = exchange.send(&mut Open, body, true).and_then(|()| exchange.complete(&mut Open));
    exchange.release();
}

/// Sets the head of a 200 with this length, or without one.
pub fn begin(exchange: &mut Exchange, length: Option<usize>) {
    let head = exchange.response_head_mut();
    head.restart(b"200 OK").expect("a valid status");
    if let Some(length) = length {
        head.add(b"Content-Length", length.to_string().as_bytes()).expect("a valid field");
    }
}

/// Sends `count` chunks of `chunk`, unless the client goes away.
pub fn send_many(exchange: &mut Exchange, chunk: &[u8], count: usize) -> Result<(), Gone> {
    (0..count).try_for_each(|_| exchange.send(&mut Open, chunk, false))?;
    exchange.complete(&mut Open)
}

/// Reads the whole body.
pub fn read_body(exchange: &mut Exchange) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    loop {
        let piece = exchange.fill_body(&mut Open)?;
        if piece.is_empty() {
            return Ok(body);
        }
        body.extend_from_slice(piece);
        let count = piece.len();
        exchange.consume_body(count);
    }
}

/// Answers with the target, or with the body if there is one.
pub fn echo(mut exchange: Exchange) {
    let body = read_body(&mut exchange).expect("the tests that use it send whole bodies");
    let body = if body.is_empty() { exchange.head().target().to_vec() } else { body };
    answer(exchange, &body);
}

/// One response as the client saw it.
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn closes(&self) -> bool {
        self.head.to_ascii_lowercase().contains("\r\nconnection: close")
    }
}

/// One client connection.
pub struct Client {
    pub stream: TcpStream,
    unread: Vec<u8>,
}

impl Client {
    pub fn new(stream: TcpStream) -> Client {
        stream.set_read_timeout(Some(PATIENCE)).expect("a valid timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a valid timeout");
        stream.set_nodelay(true).expect("a TCP socket");
        Client { stream, unread: Vec::new() }
    }

    pub fn send(&mut self, bytes: &[u8]) -> &mut Client {
        self.stream.write_all(bytes).expect("the server reads");
        self
    }

    /// The next response with a declared length.
    pub fn reply(&mut self) -> Reply {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.read_more();
        };
        let head = String::from_utf8_lossy(&self.unread[..end]).into_owned();
        self.unread.drain(..end);
        let length = field(&head, "content-length").map_or(0, |value| value.parse().expect("a number"));
        while self.unread.len() < length {
            self.read_more();
        }
        let body = self.unread.drain(..length).collect();
        let status = head.get(9..12).and_then(|code| code.parse().ok()).expect("a status line");
        Reply { status, head, body }
    }

    /// Everything up to the end of the connection; an error if it ended with a reset.
    pub fn rest(mut self) -> std::io::Result<Vec<u8>> {
        self.stream.read_to_end(&mut self.unread)?;
        Ok(self.unread)
    }

    /// Asserts that the connection ends now, without another byte.
    pub fn expect_end(self) {
        let rest = self.rest().expect("an orderly end");
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }

    fn read_more(&mut self) {
        let mut buffer = [0; 16 * 1024];
        let count = self.stream.read(&mut buffer).expect("a response in time");
        assert!(count > 0, "the connection ended after {:?}", String::from_utf8_lossy(&self.unread));
        self.unread.extend_from_slice(&buffer[..count]);
    }
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// Waits until `is_so`, under the deadline.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        thread::yield_now();
    }
}
