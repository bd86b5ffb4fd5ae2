//! What an engine is told when it is made: rules, limits, deadlines, and who hears what it did by itself.
//! Everything here comes from a setting; the engine has no limit of its own that a user could not have set.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::http::{Excerpt, Rules};
use crate::peer::Peer;
use crate::refusal::Refusal;
use crate::tls::TlsKeeper;

/// Limits, deadlines and rules of one engine. `None` switches a deadline off.
pub struct EngineOptions {
    /// How strictly requests are read, and their size limits.
    pub rules: Rules,
    /// From the first byte of a head (or the accept) to its end; then 408. It covers the TLS handshake.
    pub header_timeout: Option<Duration>,
    /// Between two pieces of a request body; then 408.
    pub body_timeout: Option<Duration>,
    /// Without any progress towards the client; then the connection is cut.
    pub write_timeout: Option<Duration>,
    /// How long an idle connection is kept; `None` closes after each response.
    pub keep_alive: Option<Duration>,
    /// Bytes of a request body kept in memory before `spool` takes over.
    pub body_buffer_bytes: usize,
    /// What happens to a body that is larger than `body_buffer_bytes`.
    pub spool: Spool,
    /// Bytes of a response that may wait for a slow client before the application is held.
    pub response_buffer_bytes: usize,
    /// Finished responses that may leave together while further requests wait, 1 or more; 1: each leaves at once.
    pub response_batch: usize,
    /// Connections of this engine; at the limit the longest idle one makes room for a new one.
    pub connections_max: usize,
    /// What every connection is secured with; `None` is plain.
    pub tls: Option<Arc<TlsKeeper>>,
    /// PROXY protocol of the first bytes of a connection, or `None`.
    pub proxy: Option<crate::http::proxy::ProxyMode>,
    /// May this peer send a PROXY header? `None` is a unix-socket peer.
    pub may_proxy: Box<dyn Fn(Option<IpAddr>) -> bool + Send + Sync>,
    /// Is this peer trusted with scheme and forwarder headers? `None` is a unix-socket peer.
    pub is_trusted: Box<dyn Fn(Option<IpAddr>) -> bool + Send + Sync>,
    /// The value of the `Server` header.
    pub server: &'static str,
}

/// Where a request body goes that does not fit into memory.
pub enum Spool {
    /// An unlinked temporary file in this directory.
    File(PathBuf),
    /// The application is called early and reads the rest from the socket.
    Stream,
}

/// A request the engine answered (or dropped) by itself.
pub struct Rejection<'a> {
    /// Who sent it.
    pub peer: &'a Peer,
    /// What was wrong.
    pub refusal: &'a Refusal,
}

/// A field of a request that the application will not see, because its name has an underscore.
pub struct LeftOut<'a> {
    /// Who sent it.
    pub peer: &'a Peer,
    /// The field's name as received, cut to a printable length.
    pub name: Excerpt,
    /// Would a peer that is trusted have been allowed to send it?
    pub is_forwarder: bool,
}

/// Something that went wrong below any request.
pub enum Trouble {
    /// `accept` failed; accepting pauses for a moment.
    Accept(std::io::Error),
    /// A body could not be spooled to a file.
    Spool(std::io::Error),
    /// Polling failed.
    Poll(std::io::Error),
    /// A panic while a connection was driven; it was closed.
    Panic,
}

/// Hears what the engine did by itself. Called without any lock of the engine held, from whatever thread drives it, so it
/// must neither block nor attach to an interpreter.
pub trait Observer: Send + Sync {
    /// A request was refused before any application saw it.
    fn rejected(&self, rejection: &Rejection<'_>);
    /// A field was left out of a request that goes to the application. As often as clients send such fields: whoever
    /// writes that down has to see that it does not fill a disk.
    fn left_out(&self, left_out: &LeftOut<'_>);
    /// Something failed below any request.
    fn troubled(&self, trouble: &Trouble);
}
