//! Texts that name networks and addresses.
//!
//! Trust lists are strict, as `ipaddress.ip_network` is: a network with host bits set is a mistake, not a network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, ipv4_mask_to_prefix};

use crate::kind::{Base, python_int};
use crate::value::Value;

/// The network of one entry of a trust list: an address, or a network as prefix (`10.0.0.0/8`), netmask or hostmask.
pub(crate) fn trust_network(entry: &str) -> Result<IpNet, String> {
    let (addr, mask) = entry.split_once('/').map_or((entry, None), |(addr, mask)| (addr, Some(mask)));
    let wants = || format!("'{entry}' is no IP address, network (10.0.0.0/8) or *");
    let addr: IpAddr = addr.parse().map_err(|_| wants())?;
    let bits = if addr.is_ipv4() { 32 } else { 128 };
    let prefix = match mask {
        None => bits,
        Some(mask) => prefix_of(mask, addr).ok_or_else(wants)?,
    };
    let net = IpNet::new(addr, prefix).map_err(|_| wants())?;
    if net.network() != addr {
        return Err(format!("'{entry}' has bits beyond its prefix; the network is {}", net.trunc()));
    }
    Ok(net)
}

fn prefix_of(mask: &str, addr: IpAddr) -> Option<u8> {
    if !mask.is_empty() && mask.bytes().all(|byte| byte.is_ascii_digit()) {
        return mask.parse().ok();
    }
    if addr.is_ipv6() {
        return None;
    }
    let mask: Ipv4Addr = mask.parse().ok()?;
    ipv4_mask_to_prefix(mask).or_else(|_| ipv4_mask_to_prefix(Ipv4Addr::from_bits(!mask.to_bits()))).ok()
}

/// The check of `Kind::StatsdAddress`: only the syntax, nothing is resolved.
pub(super) fn check_statsd(value: Value) -> Result<Value, String> {
    let text = match value {
        Value::None => return Ok(Value::None),
        Value::Str(text) => text.trim().to_owned(),
        other => return Err(format!("must be a text, not {}", other.type_name())),
    };
    statsd_address(&text)
        .map(|_| Value::Str(text))
        .ok_or_else(|| "must be HOST:PORT, [v6]:PORT or unix://PATH".to_owned())
}

/// Where metrics go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StatsdAddress {
    /// Host and UDP port, 8125 if the text has none.
    Udp(String, i64),
    /// Path of a unix socket.
    Unix(String),
    /// An inherited descriptor; Gunicorn's parser accepts it here too.
    Fd(i64),
}

/// `unix:NNN` is a host named unix, for the sake of old configurations (Gunicorn, `validate_statsd_address`).
pub(crate) fn statsd_address(text: &str) -> Option<StatsdAddress> {
    const DEFAULT_PORT: i64 = 8125;
    if let Some(rest) = text.strip_prefix("unix:") {
        if !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(StatsdAddress::Udp("unix".to_owned(), rest.parse().ok()?));
        }
        return Some(StatsdAddress::Unix(rest.strip_prefix("//").unwrap_or(rest).to_owned()));
    }
    if let Some(fd) = text.strip_prefix("fd://") {
        return python_int(fd, Base::Decimal).map(StatsdAddress::Fd);
    }
    let text = text.strip_prefix("tcp://").unwrap_or(text);
    if let Some((host, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        host.parse::<Ipv6Addr>().ok()?;
        let port =
            rest.strip_prefix(':').map_or(Some(DEFAULT_PORT), |port| python_int(port, Base::Decimal))?;
        return Some(StatsdAddress::Udp(host.to_lowercase(), port));
    }
    if text.is_empty() {
        return Some(StatsdAddress::Udp("0.0.0.0".to_owned(), DEFAULT_PORT));
    }
    let mut parts = text.split(':');
    let host = parts.next()?;
    let port = parts.next().map_or(Some(DEFAULT_PORT), |port| python_int(port, Base::Decimal))?;
    Some(StatsdAddress::Udp(host.to_lowercase(), port))
}
