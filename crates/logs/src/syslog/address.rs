//! The forms of `syslog_addr` and the resolution of its host, once, at start.
//!
//! `unix://PATH[#dgram|#stream]`, `udp://HOST[:PORT]`, `tcp://HOST[:PORT]`; no host means localhost, no port means 514, an
//! IPv6 address stands in brackets. It opens no socket.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use super::SyslogError;

/// Where the daemon listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyslogAddress {
    /// A unix socket; without a kind, a datagram socket is tried first and a stream second, as Python does.
    Unix(PathBuf, Option<UnixKind>),
    /// The host's addresses in the resolver's order; datagrams go to the first.
    Udp(Vec<SocketAddr>),
    /// The host's addresses in the resolver's order; a connection tries one after the other.
    Tcp(Vec<SocketAddr>),
}

/// `#dgram` or `#stream`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnixKind {
    /// `SOCK_DGRAM`
    Datagram,
    /// `SOCK_STREAM`
    Stream,
}

const SYSLOG_PORT: u16 = 514;

impl SyslogAddress {
    /// Parses the text and resolves its host.
    pub fn resolve(text: &str) -> Result<SyslogAddress, SyslogError> {
        let wrong = |what| SyslogError::Address(text.to_owned(), what);
        if let Some(rest) = text.strip_prefix("unix://") {
            let (path, kind) = match rest.split_once('#') {
                None => (rest, None),
                Some((path, "dgram")) => (path, Some(UnixKind::Datagram)),
                Some((path, "stream")) => (path, Some(UnixKind::Stream)),
                Some(_) => return Err(wrong("after '#' stands neither dgram nor stream")),
            };
            if path.is_empty() {
                return Err(wrong("the path is missing"));
            }
            return Ok(SyslogAddress::Unix(PathBuf::from(path), kind));
        }
        let (authority, is_udp) = match (text.strip_prefix("udp://"), text.strip_prefix("tcp://")) {
            (Some(rest), _) => (rest, true),
            (_, Some(rest)) => (rest, false),
            _ => return Err(wrong("it begins with none of unix://, udp://, tcp://")),
        };
        let (host, port) = split_authority(authority).map_err(wrong)?;
        let resolved =
            (host, port).to_socket_addrs().map_err(|e| SyslogError::Resolve(text.to_owned(), e))?;
        let addrs: Vec<SocketAddr> = resolved.collect();
        match (addrs.is_empty(), is_udp) {
            (true, _) => Err(wrong("the host has no address")),
            (false, true) => Ok(SyslogAddress::Udp(addrs)),
            (false, false) => Ok(SyslogAddress::Tcp(addrs)),
        }
    }
}

/// `host`, `host:port`, `[::1]:port`, or nothing at all.
fn split_authority(authority: &str) -> Result<(&str, u16), &'static str> {
    let (host, rest) = if let Some(inner) = authority.strip_prefix('[') {
        inner.split_once(']').ok_or("the bracket is never closed")?
    } else {
        authority.split_at(authority.find(':').unwrap_or(authority.len()))
    };
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => SYSLOG_PORT,
        None => return Err("something stands between the host and the port"),
        Some(digits) => digits.parse().map_err(|_| "the port is not a number from 0 to 65535")?,
    };
    Ok((if host.is_empty() { "localhost" } else { host }, port))
}

#[cfg(test)]
mod tests {
    use super::{SyslogAddress, UnixKind};
    use std::path::PathBuf;

    #[test]
    fn every_form_of_the_setting_is_understood() {
        let unix = |path: &str, kind| SyslogAddress::Unix(PathBuf::from(path), kind);
        let udp = |addr: &str| SyslogAddress::Udp(vec![addr.parse().expect("the table holds addresses")]);
        let tcp = |addr: &str| SyslogAddress::Tcp(vec![addr.parse().expect("the table holds addresses")]);
        for (text, expected) in [
            ("unix:///dev/log", unix("/dev/log", None)),
            ("unix:///dev/log#dgram", unix("/dev/log", Some(UnixKind::Datagram))),
            ("unix:///dev/log#stream", unix("/dev/log", Some(UnixKind::Stream))),
            ("udp://127.0.0.1", udp("127.0.0.1:514")),
            ("udp://127.0.0.1:5514", udp("127.0.0.1:5514")),
            ("tcp://[::1]", tcp("[::1]:514")),
            ("tcp://[::1]:601", tcp("[::1]:601")),
        ] {
            assert_eq!(SyslogAddress::resolve(text).expect(text), expected, "{text}");
        }
    }

    #[test]
    fn no_host_means_localhost() {
        let SyslogAddress::Udp(addrs) = SyslogAddress::resolve("udp://").expect("localhost resolves") else {
            panic!("udp:// is not a UDP address");
        };
        assert!(addrs[0].ip().is_loopback() && addrs[0].port() == 514, "{addrs:?}");
    }

    #[test]
    fn a_wrong_address_is_named_with_its_fault() {
        for (text, fault) in [
            ("localhost:514", "begins with none of"),
            ("http://localhost", "begins with none of"),
            ("", "begins with none of"),
            ("udp://h:", "not a number"),
            ("udp://h:99999", "not a number"),
            ("tcp://h:syslog", "not a number"),
            ("tcp://[::1", "never closed"),
            ("tcp://[::1]x", "between the host and the port"),
            ("unix://", "path is missing"),
            ("unix:///dev/log#seqpacket", "neither dgram nor stream"),
        ] {
            let error = SyslogAddress::resolve(text).expect_err(text);
            assert!(error.setting() == "syslog_addr" && error.to_string().contains(fault), "{text}: {error}");
        }
    }
}
