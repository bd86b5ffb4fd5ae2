//! The PROXY protocol, versions 1 and 2: who the client is behind a load balancer (`HAProxy`'s `proxy-protocol.txt`).
//!
//! Called by the connection before its first request, never later, and only when the setting says so. A connection
//! without the header is served as it is. Whether this peer may send one at all is the caller's decision, once a
//! header was found, as is the deadline for one that never ends.

mod v1;
mod v2;

use std::net::SocketAddr;

use super::error::ParseError;

/// The signature of version 1, with the space that follows it.
const SIGNATURE_V1: &[u8] = b"PROXY ";
/// The signature of version 2.
const SIGNATURE_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Which versions are looked for (`--proxy-protocol`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyMode {
    /// None: the header is a malformed request.
    #[default]
    Off,
    /// Version 1, the text line.
    V1,
    /// Version 2, binary.
    V2,
    /// Whichever comes.
    Auto,
}

/// Whether the connection begins with a PROXY header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyOutcome {
    /// It does not; all bytes belong to the first request.
    Absent,
    /// It does.
    Present {
        /// Bytes of the header; the first request follows.
        consumed: usize,
        /// What the header says.
        info: ProxyInfo,
    },
}

/// The content of a PROXY header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyInfo {
    /// `TCP4`, `TCP6`, `UNKNOWN` (version 1), `LOCAL` or `UNSPEC` (version 2): the variable `PROXY_PROTOCOL`.
    pub protocol: &'static str,
    /// The client's and the balancer's own address; none means: use the addresses of the connection.
    pub addresses: Option<ProxyAddresses>,
}

/// The two ends of the connection that the balancer accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyAddresses {
    /// The client.
    pub source: SocketAddr,
    /// Where the client connected to.
    pub destination: SocketAddr,
}

/// Parses the header at the start of a connection.
#[derive(Clone, Copy, Debug)]
pub struct ProxyParser {
    mode: ProxyMode,
}

impl ProxyParser {
    /// A parser for these versions.
    pub fn new(mode: ProxyMode) -> Self {
        ProxyParser { mode }
    }

    /// Parses `bytes`, everything received on the connection so far. `Ok(None)`: more bytes are needed.
    ///
    /// A version 1 line has at most 107 bytes; a version 2 header at most 65,551, whatever it announces.
    pub fn parse(&self, bytes: &[u8]) -> Result<Option<ProxyOutcome>, ParseError> {
        let wants_v1 = matches!(self.mode, ProxyMode::V1 | ProxyMode::Auto);
        let wants_v2 = matches!(self.mode, ProxyMode::V2 | ProxyMode::Auto);
        if wants_v1 && bytes.starts_with(SIGNATURE_V1) {
            return v1::parse(bytes);
        }
        if wants_v2 && bytes.starts_with(SIGNATURE_V2) {
            return v2::parse(bytes);
        }
        let may_follow =
            (wants_v1 && SIGNATURE_V1.starts_with(bytes)) || (wants_v2 && SIGNATURE_V2.starts_with(bytes));
        Ok(if may_follow { None } else { Some(ProxyOutcome::Absent) })
    }
}

#[cfg(test)]
mod tests;
