//! The table of connections: events while a connection is away, stale tokens, deadlines, and who is idle.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use super::{Connections, Found, Rested, Seen, Token};
use crate::connection::{Connection, Context};
use crate::http::Rules;
use crate::options::{EngineOptions, LeftOut, Observer, Rejection, Spool, Trouble};
use crate::peer::{ListenAddress, Peer};
use crate::wire::Wire;

const READABLE: Seen = Seen { is_readable: true, is_hangup: false, is_writable: false };
const WRITABLE: Seen = Seen { is_readable: false, is_hangup: false, is_writable: true };

struct Deaf;

impl Observer for Deaf {
    fn rejected(&self, _: &Rejection<'_>) {}
    fn left_out(&self, _: &LeftOut<'_>) {}
    fn troubled(&self, _: &Trouble) {}
}

fn options() -> EngineOptions {
    EngineOptions {
        rules: Rules::default(),
        header_timeout: Some(Duration::from_secs(10)),
        body_timeout: None,
        write_timeout: None,
        keep_alive: None,
        body_buffer_bytes: 0,
        spool: Spool::Stream,
        response_buffer_bytes: 0,
        response_batch: 1,
        connections_max: 10,
        proxy: None,
        tls: None,
        may_proxy: Box::new(|_| false),
        is_trusted: Box::new(|_| false),
        server: "tricorn",
    }
}

/// A connection in the table, away with the caller, and its other end.
fn admitted(connections: &Connections) -> (Box<Connection>, UnixStream) {
    let (near, far) = UnixStream::pair().expect("a pair");
    near.set_nonblocking(true).expect("a socket");
    let listener = Arc::new(ListenAddress::Unix(None));
    let peer = Peer { address: None, proxied: None, listener, is_trusted: false };
    let context = Context { options: &options(), observer: &Deaf, now_ms: 1000 };
    let mut connection = Box::new(Connection::new(Arc::new(Wire::new(near.into())), peer, &context));
    connections.admit(&mut connection);
    (connection, far)
}

fn rest(connections: &Connections, connection: Box<Connection>) {
    assert!(matches!(connections.rest(connection), Rested::Yes));
}

fn taken(connections: &Connections, token: Token) -> Box<Connection> {
    match connections.take(token, READABLE) {
        Found::Connection(connection) => connection,
        Found::Away(_) | Found::Nobody => panic!("{token:?} rests"),
    }
}

#[test]
fn an_event_for_one_that_is_away_is_found_when_it_comes_back() {
    let connections = Connections::default();
    let (connection, _far) = admitted(&connections);
    let token = connection.token;
    for event in [WRITABLE, READABLE] {
        assert!(matches!(connections.take(token, event), Found::Away(_)));
    }
    let Rested::Again(connection, seen) = connections.rest(connection) else { panic!("two events came") };
    assert_eq!(seen, Seen { is_readable: true, is_hangup: false, is_writable: true });
    rest(&connections, connection);
    let connection = taken(&connections, token);
    rest(&connections, connection);
    assert_eq!(connections.open(), 1);
}

#[test]
fn a_token_of_the_past_finds_nobody() {
    let connections = Connections::default();
    let (first, _far) = admitted(&connections);
    let old = first.token;
    connections.dismiss(old);
    connections.dismiss(old);
    assert_eq!(connections.open(), 0);
    let (second, _far) = admitted(&connections);
    assert_eq!((second.token.index(), second.token == old), (old.index(), false));
    assert!(matches!(connections.take(old, READABLE), Found::Nobody));
    connections.dismiss(old);
    assert_eq!(connections.open(), 1, "an old token does not dismiss the new connection");
    assert!(matches!(connections.take(Token::from_u64(u64::MAX), READABLE), Found::Nobody));
    assert_eq!(Token::from_u64(second.token.to_u64()), second.token);
}

#[test]
fn a_sweep_takes_what_is_due_and_tells_when_to_come_again() {
    let connections = Connections::default();
    let mut tokens = Vec::new();
    let mut far_ends = Vec::new();
    for deadline_ms in [5000, 0, 3000, 4000] {
        let (mut connection, far) = admitted(&connections);
        connection.deadline_ms = deadline_ms;
        tokens.push(connection.token);
        far_ends.push(far);
        rest(&connections, connection);
    }
    assert_eq!(connections.next_due_ms(), 3000);
    assert!(connections.sweep(2999).is_empty());
    let due: Vec<Token> = connections.sweep(4000).iter().map(|connection| connection.token).collect();
    assert_eq!(due, [tokens[2], tokens[3]]);
    assert_eq!(connections.next_due_ms(), 5000);
    // Those that were taken are away: neither a sweep nor a new due time comes of them.
    assert!(connections.sweep(4999).is_empty());
    let away = taken(&connections, tokens[0]);
    assert!(connections.sweep(6000).is_empty());
    assert_eq!((connections.next_due_ms(), connections.open()), (0, 4));
    rest(&connections, away);
    assert_eq!(connections.next_due_ms(), 5000);
}

#[test]
fn sweeps_keep_a_distance() {
    let connections = Connections::default();
    let mut far_ends = Vec::new();
    for deadline_ms in [1000, 1001] {
        let (mut connection, far) = admitted(&connections);
        connection.deadline_ms = deadline_ms;
        far_ends.push(far);
        rest(&connections, connection);
    }
    assert_eq!(connections.sweep(1000).len(), 1);
    assert_eq!(connections.next_due_ms(), 1100);
}

#[test]
fn room_is_made_by_the_longest_idle() {
    let connections = Connections::default();
    assert!(connections.take_longest_idle().is_none());
    let mut far_ends = Vec::new();
    let mut tokens = Vec::new();
    // The one that waits for its first request has the earliest deadline, and came last.
    for (idle_since_ms, deadline_ms) in [(3, 300), (1, 200), (4, 100), (2, 400)] {
        let (mut connection, far) = admitted(&connections);
        connection.deadline_ms = deadline_ms;
        connection.idle_since_ms = idle_since_ms;
        tokens.push(connection.token);
        far_ends.push(far);
        rest(&connections, connection);
    }
    let longest = connections.take_longest_idle().expect("four are idle");
    assert_eq!(longest.token, tokens[1]);
    let others: Vec<Token> = connections.take_idle().iter().map(|connection| connection.token).collect();
    assert_eq!(others, [tokens[0], tokens[2], tokens[3]], "the one that is away is not idle");
}
