//! `uri-host [":" port]`: the Host field and the authority of a target (RFC 9110 section 7.2, RFC 3986 section 3.2).
//!
//! Called once per request by the head parser. The server validates it because frameworks build URLs from it, and a
//! Host like `a/x?` has bypassed their path checks. It resolves nothing and knows no configured names.

use std::net::Ipv6Addr;

use super::grammar::{is_hex_digit, is_reg_name_byte, parse_length};

/// A host with its port, if it names one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Authority<'a> {
    /// Name or address as written, an IPv6 address without its brackets.
    pub host: &'a [u8],
    /// The port; an empty one (`name:`) is none.
    pub port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Parses a non-empty host and an optional port.
    pub(super) fn parse(value: &'a [u8]) -> Option<Self> {
        let (host, rest) = if let Some(literal) = value.strip_prefix(b"[") {
            let end = literal.iter().position(|&byte| byte == b']')?;
            let (address, rest) = literal.split_at(end);
            is_ipv6(address).then_some((address, &rest[1..]))?
        } else {
            let end = reg_name_length(value)?;
            value.split_at(end)
        };
        if host.is_empty() {
            return None;
        }
        let port = match rest {
            [] | [b':'] => None,
            [b':', digits @ ..] => Some(u16::try_from(parse_length(digits)?).ok()?),
            _ => return None,
        };
        Some(Authority { host, port })
    }

    /// Whether both name the same host and, with this default, the same port.
    pub(super) fn is_same(&self, other: &Authority<'_>, default_port: u16) -> bool {
        self.host.eq_ignore_ascii_case(other.host)
            && self.port.unwrap_or(default_port) == other.port.unwrap_or(default_port)
    }
}

fn is_ipv6(address: &[u8]) -> bool {
    str::from_utf8(address).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

/// The length of the host name at the beginning, or nothing if its percent-encoding is broken.
fn reg_name_length(value: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(&byte) = value.get(at) {
        if is_reg_name_byte(byte) {
            at += 1;
        } else if byte == b'%' {
            let digits = value.get(at + 1..at + 3)?;
            digits.iter().all(|&digit| is_hex_digit(digit)).then_some(())?;
            at += 3;
        } else {
            break;
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::Authority;

    #[test]
    fn authorities_are_taken_apart() {
        for (value, expected) in [
            ("a.test", Some(("a.test", None))),
            ("a.test:8000", Some(("a.test", Some(8000)))),
            ("a.test:", Some(("a.test", None))),
            ("a.test:00080", Some(("a.test", Some(80)))),
            ("my_service", Some(("my_service", None))),
            ("127.0.0.1:1", Some(("127.0.0.1", Some(1)))),
            ("[::1]", Some(("::1", None))),
            ("[::ffff:1.2.3.4]:443", Some(("::ffff:1.2.3.4", Some(443)))),
            ("a%2dtest", Some(("a%2dtest", None))),
            ("", None),
            (":80", None),
            ("a.test:65536", None),
            ("a.test:+80", None),
            ("a.test:80:80", None),
            ("a.test:8a", None),
            ("a%2", None),
            ("a%zz.test", None),
            ("[::1", None),
            ("[]", None),
            ("[::1]x", None),
            ("[::1%25lo]", None),
            ("[v1.x]", None),
            ("::1", None),
            ("u@a.test", None),
            ("a.test/x", None),
            ("a b", None),
            ("a,b", None),
            ("\u{e9}.test", None),
        ] {
            let found = Authority::parse(value.as_bytes());
            let found =
                found.map(|authority| (str::from_utf8(authority.host).expect("ASCII"), authority.port));
            assert_eq!(found, expected, "{value:?}");
        }
    }

    #[test]
    fn a_default_port_may_be_written_or_not() {
        for (left, right, default_port, expected) in [
            ("a.test", "A.TEST:80", 80, true),
            ("a.test", "a.test:80", 443, false),
            ("a.test:8000", "a.test", 80, false),
            ("a.test", "b.test", 80, false),
        ] {
            let parse = |text: &'static str| Authority::parse(text.as_bytes()).expect("a valid authority");
            assert_eq!(parse(left).is_same(&parse(right), default_port), expected, "{left} {right}");
        }
    }
}
