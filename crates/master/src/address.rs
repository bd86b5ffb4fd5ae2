//! Addresses that the `bind` setting may name, and how they are written.
//!
//! Gunicorn's forms (27.0.1, `util.parse_address)`: `host`, `host:port`, `:port`, the empty string, `[v6]`,
//! `[v6]:port`, `tcp://...`, `unix:PATH`, `unix://PATH`, `fd://N`. Parsing only: nothing is resolved or
//! opened here.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// Port of an address that names none.
pub const DEFAULT_PORT: u16 = 8000;

/// One place to listen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BindAddress {
    /// A name or an IP address (IPv6 without brackets), lower case, and a port; port 0 lets the kernel
    /// choose.
    Tcp {
        /// Host name or address.
        host: String,
        /// 0 to 65535.
        port: u16,
    },
    /// A path in the file system, or with a leading NUL a name in Linux' abstract space (unix(7)).
    Unix {
        /// Path, relative to the working directory if it has no leading slash.
        path: String,
    },
    /// A socket that was inherited under this descriptor.
    Fd {
        /// 0 or more.
        fd: i32,
    },
}

/// Why a text is not an address. The display text names the address and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressError {
    text: String,
    reason: String,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid bind address '{}': {}", self.text.escape_debug(), self.reason)
    }
}

impl std::error::Error for AddressError {}

impl FromStr for BindAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<BindAddress, AddressError> {
        let text = text.trim_matches([' ', '\t', '\n', '\r']);
        parse(text).map_err(|reason| AddressError { text: text.to_owned(), reason })
    }
}

fn parse(text: &str) -> Result<BindAddress, String> {
    if let Some(rest) = text.strip_prefix("unix:") {
        return parse_unix(rest.strip_prefix("//").unwrap_or(rest));
    }
    if let Some(number) = text.strip_prefix("fd://") {
        return parse_fd(number);
    }
    let rest = text.strip_prefix("tcp://").unwrap_or(text);
    if rest.contains("://") {
        return Err("unknown scheme; use HOST:PORT, tcp://HOST:PORT, unix:PATH or fd://N".to_owned());
    }
    parse_tcp(rest)
}

/// `sun_path` holds 108 bytes, one of which ends the path (unix(7)).
const UNIX_PATH_BYTES_MAX: usize = 107;

fn parse_unix(path: &str) -> Result<BindAddress, String> {
    if path.is_empty() || path == "\0" {
        return Err("a unix socket needs a path, as in unix:/run/app.sock".to_owned());
    }
    if path.len() > UNIX_PATH_BYTES_MAX {
        return Err(format!("the path has {} bytes, a unix socket allows {UNIX_PATH_BYTES_MAX}", path.len()));
    }
    if path.chars().skip(1).any(|c| c == '\0') {
        return Err("a unix socket path holds no NUL".to_owned());
    }
    Ok(BindAddress::Unix { path: path.to_owned() })
}

fn parse_fd(number: &str) -> Result<BindAddress, String> {
    match number.parse::<i32>() {
        Ok(fd) if fd >= 0 => Ok(BindAddress::Fd { fd }),
        _ => Err(format!("'{}' is not a valid file descriptor", number.escape_debug())),
    }
}

fn parse_tcp(rest: &str) -> Result<BindAddress, String> {
    if let Some(bracketed) = rest.strip_prefix('[') {
        let Some((host, after)) = bracketed.split_once(']') else {
            return Err("the bracket of an IPv6 address is not closed".to_owned());
        };
        if host.parse::<Ipv6Addr>().is_err() && !is_scoped_v6(host) {
            return Err(format!("'{host}' is not an IPv6 address"));
        }
        let port = match after.strip_prefix(':') {
            Some(port) => parse_port(port)?,
            None if after.is_empty() => DEFAULT_PORT,
            None => return Err("after an IPv6 address in brackets comes :PORT or nothing".to_owned()),
        };
        return Ok(BindAddress::Tcp { host: host.to_lowercase(), port });
    }
    if rest.parse::<Ipv6Addr>().is_ok() {
        return Err(format!("an IPv6 address needs brackets, as in [{rest}]:{DEFAULT_PORT}"));
    }
    let (host, port) = match rest.split_once(':') {
        Some((host, port)) => (host, parse_port(port)?),
        None => (rest, DEFAULT_PORT),
    };
    if host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/') {
        return Err("a host name holds no spaces or slashes; a unix socket is written unix:PATH".to_owned());
    }
    let host = if host.is_empty() { "0.0.0.0".to_owned() } else { host.to_lowercase() };
    Ok(BindAddress::Tcp { host, port })
}

/// `fe80::1%eth0`: the address of one interface (RFC 4007 section 11).
fn is_scoped_v6(host: &str) -> bool {
    matches!(host.split_once('%'), Some((addr, zone)) if addr.parse::<Ipv6Addr>().is_ok() && !zone.is_empty())
}

fn parse_port(text: &str) -> Result<u16, String> {
    let digits_only = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(port) if digits_only => Ok(port),
        _ => Err(format!("'{}' is not a valid port number (0 to 65535)", text.escape_debug())),
    }
}

impl fmt::Display for BindAddress {
    /// The form that `FromStr` reads back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindAddress::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            BindAddress::Tcp { host, port } => write!(f, "{host}:{port}"),
            BindAddress::Unix { path } => write!(f, "unix:{path}"),
            BindAddress::Fd { fd } => write!(f, "fd://{fd}"),
        }
    }
}

impl BindAddress {
    /// The form of Gunicorn's log lines ("Connection in use: ('127.0.0.1', 8000)"), which tools grep for.
    pub fn as_logged(&self) -> String {
        match self {
            BindAddress::Tcp { host, port } => format!("('{host}', {port})"),
            BindAddress::Unix { path } => path.replace('\0', "@"),
            BindAddress::Fd { fd } => fd.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> BindAddress {
        BindAddress::Tcp { host: host.to_owned(), port }
    }

    fn unix(path: &str) -> BindAddress {
        BindAddress::Unix { path: path.to_owned() }
    }

    #[test]
    fn forms() {
        let rows = [
            ("127.0.0.1:80", Some(tcp("127.0.0.1", 80))),
            ("Example.ORG", Some(tcp("example.org", 8000))),
            ("example.org:1", Some(tcp("example.org", 1))),
            (":9000", Some(tcp("0.0.0.0", 9000))),
            ("", Some(tcp("0.0.0.0", 8000))),
            ("[::1]", Some(tcp("::1", 8000))),
            ("[::1]:80", Some(tcp("::1", 80))),
            ("[FE80::1%eth0]:80", Some(tcp("fe80::1%eth0", 80))),
            ("tcp://h:0", Some(tcp("h", 0))),
            ("tcp://[::]:65535", Some(tcp("::", 65535))),
            ("unix:/p", Some(unix("/p"))),
            ("unix:///p", Some(unix("/p"))),
            ("unix://p", Some(unix("p"))),
            ("unix:p:q", Some(unix("p:q"))),
            ("unix:é", Some(unix("é"))),
            ("unix:\0name", Some(unix("\0name"))),
            ("fd://3", Some(BindAddress::Fd { fd: 3 })),
            ("::1", None),
            ("http://h:80", None),
            ("https://h", None),
            ("h:", None),
            ("h:+1", None),
            ("h:65536", None),
            ("h:80:90", None),
            ("h:x", None),
            ("[::1", None),
            ("[::1]80", None),
            ("[h]:80", None),
            ("/run/app.sock", None),
            ("a b:80", None),
            ("unix:", None),
            ("unix:a\0b", None),
            ("fd://", None),
            ("fd://-1", None),
            ("fd://x", None),
        ];
        for (text, expected) in rows {
            let parsed = text.parse::<BindAddress>();
            assert_eq!(parsed.clone().ok(), expected, "{text:?}: {parsed:?}");
            if let Ok(address) = parsed {
                assert_eq!(address.to_string().parse(), Ok(address), "{text:?} reads back");
            }
        }
        assert!(format!("unix:/{}", "x".repeat(107)).parse::<BindAddress>().is_err());
    }

    #[test]
    fn errors_name_the_text_and_the_cure() {
        let error = "::1".parse::<BindAddress>().expect_err("needs brackets").to_string();
        assert_eq!(error, "invalid bind address '::1': an IPv6 address needs brackets, as in [::1]:8000");
    }
}
