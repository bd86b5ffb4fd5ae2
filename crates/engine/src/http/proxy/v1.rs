//! Version 1: `PROXY TCP4 source destination source-port destination-port CRLF` (section 2.1).
//!
//! Called with bytes that begin with the signature. The line is bounded by the specification's 107 bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{ProxyAddresses, ProxyInfo, ProxyOutcome};
use crate::http::error::{Excerpt, ParseError};

/// The longest line with its CRLF, in bytes.
const LINE_BYTES_MAX: usize = 107;

pub(super) fn parse(bytes: &[u8]) -> Result<Option<ProxyOutcome>, ParseError> {
    let window = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
    let Some(end) = memchr::memmem::find(window, b"\r\n") else {
        return match window.len() {
            LINE_BYTES_MAX => Err(ParseError::ProxyLine(Excerpt::of(window))),
            _ => Ok(None),
        };
    };
    let line = &window[..end];
    let info = parse_line(line).ok_or_else(|| ParseError::ProxyLine(Excerpt::of(line)))?;
    Ok(Some(ProxyOutcome::Present { consumed: end + 2, info }))
}

fn parse_line(line: &[u8]) -> Option<ProxyInfo> {
    let mut parts = str::from_utf8(line).ok()?.split(' ').skip(1);
    let protocol = match parts.next()? {
        // The rest is to be ignored, and the real peer is the client.
        "UNKNOWN" => return Some(ProxyInfo { protocol: "UNKNOWN", addresses: None }),
        "TCP4" => "TCP4",
        "TCP6" => "TCP6",
        _ => return None,
    };
    let parse_ip = |text: &str| match protocol {
        "TCP4" => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        _ => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
    };
    let source = parse_ip(parts.next()?)?;
    let destination = parse_ip(parts.next()?)?;
    let source = SocketAddr::new(source, parse_port(parts.next()?)?);
    let destination = SocketAddr::new(destination, parse_port(parts.next()?)?);
    let addresses = Some(ProxyAddresses { source, destination });
    parts.next().is_none().then_some(ProxyInfo { protocol, addresses })
}

/// Digits only, no leading zero (the specification fears octal readers).
fn parse_port(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    is_plain.then(|| text.parse().ok())?
}
