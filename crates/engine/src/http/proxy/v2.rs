//! Version 2: a binary header of signature, command, family, length, addresses and TLVs (section 2.2).
//!
//! Called with bytes that begin with the signature. TLVs are skipped with the announced length, which 16 bits bound.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{ProxyAddresses, ProxyInfo, ProxyOutcome, SIGNATURE_V2};
use crate::http::error::ParseError;

/// Signature, command, family and length.
const FIXED_BYTES: usize = SIGNATURE_V2.len() + 4;

pub(super) fn parse(bytes: &[u8]) -> Result<Option<ProxyOutcome>, ParseError> {
    let after_signature = &bytes[SIGNATURE_V2.len()..];
    let Some(&command) = after_signature.first() else { return Ok(None) };
    let is_local = match command {
        0x20 => true,
        0x21 => false,
        _ => return Err(ParseError::ProxyHeader("unsupported version or command")),
    };
    let Some(&family) = after_signature.get(1) else { return Ok(None) };
    let address_bytes = address_bytes(family, is_local)?;
    let Some(&[high, low]) = after_signature.get(2..4).and_then(|length| length.first_chunk::<2>()) else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length < address_bytes {
        return Err(ParseError::ProxyHeader("too short for its addresses"));
    }
    let Some(block) = bytes.get(FIXED_BYTES..FIXED_BYTES + length) else { return Ok(None) };
    let info =
        if is_local { ProxyInfo { protocol: "LOCAL", addresses: None } } else { parse_block(family, block) };
    Ok(Some(ProxyOutcome::Present { consumed: FIXED_BYTES + length, info }))
}

/// How long the address block of a family is. LOCAL (a health check of the balancer) ignores family and block.
fn address_bytes(family: u8, is_local: bool) -> Result<usize, ParseError> {
    match family {
        _ if is_local => Ok(0),
        // "UNSPEC": the receiver must use the real addresses of the connection.
        0x00 => Ok(0),
        0x11 => Ok(12),
        0x21 => Ok(36),
        _ => Err(ParseError::ProxyHeader("unsupported address family or transport")),
    }
}

fn parse_block(family: u8, block: &[u8]) -> ProxyInfo {
    let (protocol, addresses) = match family {
        0x11 => ("TCP4", parse_v4(block)),
        0x21 => ("TCP6", parse_v6(block)),
        _ => ("UNSPEC", None),
    };
    ProxyInfo { protocol, addresses }
}

fn parse_v4(block: &[u8]) -> Option<ProxyAddresses> {
    let (source, rest) = block.split_first_chunk::<4>()?;
    let (destination, rest) = rest.split_first_chunk::<4>()?;
    let (source_port, rest) = rest.split_first_chunk::<2>()?;
    let destination_port = rest.first_chunk::<2>()?;
    Some(ProxyAddresses {
        source: SocketAddr::from((Ipv4Addr::from(*source), u16::from_be_bytes(*source_port))),
        destination: SocketAddr::from((Ipv4Addr::from(*destination), u16::from_be_bytes(*destination_port))),
    })
}

fn parse_v6(block: &[u8]) -> Option<ProxyAddresses> {
    let (source, rest) = block.split_first_chunk::<16>()?;
    let (destination, rest) = rest.split_first_chunk::<16>()?;
    let (source_port, rest) = rest.split_first_chunk::<2>()?;
    let destination_port = rest.first_chunk::<2>()?;
    Some(ProxyAddresses {
        source: SocketAddr::from((Ipv6Addr::from(*source), u16::from_be_bytes(*source_port))),
        destination: SocketAddr::from((Ipv6Addr::from(*destination), u16::from_be_bytes(*destination_port))),
    })
}
