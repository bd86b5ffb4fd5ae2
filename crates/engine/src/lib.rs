//! Bytes: sockets, HTTP/1.1, buffers, deadlines. Has never heard of Python or of processes.
//!
//! A request's way through this crate, in the order of the modules below: a [`Listener`] gives a connection, its [`wire`]
//! reads bytes, [`http`] parses them, a [`Body`] collects what follows, the [`Engine`] hands the [`Exchange`] to the
//! runner that asked, and the exchange encodes the answer back into the wire. The [`monitor`] keeps all of it moving
//! while every runner is busy.
#![forbid(unsafe_code)]

mod acceptor;
mod body;
mod clock;
mod connection;
mod departures;
mod drain;
mod engine;
mod exchange;
mod handover;
pub mod http;
mod kit;
pub mod monitor;
mod options;
mod parking;
mod peer;
mod poller;
mod pump;
mod receiver;
mod refusal;
mod slots;
mod tls;
mod wire;

pub use body::BodyError;
pub use clock::monotonic_ms;
pub use drain::Drain;
pub use engine::{Engine, Gate, Next};
pub use exchange::{Exchange, Gone, Response};
pub use handover::Siblings;
pub use options::{EngineOptions, LeftOut, Observer, Rejection, Spool, Trouble};
pub use peer::{ListenAddress, Listener, Peer};
pub use refusal::Refusal;
pub use tls::{
    ClientCertificates, Refreshed, TicketKeys, TlsError, TlsFacts, TlsKeeper, TlsPart, TlsPolicy,
    TlsVersions, absent_ciphers,
};
