//! The request line: method, target and version (RFC 9112 section 3).
//!
//! Called by the head parser with a complete line that has only spaces and visible ASCII. It checks the form of the
//! target and finds its path and query; it decodes and normalises nothing, so `//a/../b` reaches the application as it
//! was sent.

use super::error::{Excerpt, ParseError};
use super::grammar::{has_lowercase_or_hash, is_token};
use super::head::{Span, Version};
use super::host::Authority;
use super::rules::Rules;

/// A parsed request line; the spans are offsets into the bytes that hold the line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RequestLine {
    pub method: Span,
    pub target: Span,
    pub path: Span,
    pub query: Span,
    pub version_text: Span,
    pub version: Version,
    /// The authority of an absolute target and the default port of its scheme.
    pub authority: Option<(Span, u16)>,
}

impl RequestLine {
    /// Parses the line at these offsets of `bytes`.
    pub(super) fn parse(bytes: &[u8], start: usize, end: usize, rules: &Rules) -> Result<Self, ParseError> {
        let line = &bytes[start..end];
        let invalid = || ParseError::RequestLine(Excerpt::of(line));
        let method_end = start + line.iter().position(|&byte| byte == b' ').ok_or_else(invalid)?;
        let target_start = method_end + 1;
        let target_length = memchr::memchr(b' ', &bytes[target_start..end]).ok_or_else(invalid)?;
        let target_end = target_start + target_length;
        let version_text = Span::new(target_end + 1, end);
        // The version comes first: the rest of a line of another protocol (HTTP/2's `PRI *`) follows other rules.
        let version = parse_version(version_text.of(bytes), rules)?;
        let method = &bytes[start..method_end];
        check_method(method, rules)?;
        let target = &bytes[target_start..target_end];
        let parts =
            Target::parse(target, &|name| is_method(method, name, rules)).ok_or_else(|| match target {
                [] => invalid(),
                _ => ParseError::Target(Excerpt::of(target)),
            })?;
        let moved =
            |span: Span| Span::new(target_start + span.start as usize, target_start + span.end as usize);
        Ok(RequestLine {
            method: Span::new(start, method_end),
            target: Span::new(target_start, target_end),
            path: moved(parts.path),
            query: moved(parts.query),
            version_text,
            version,
            authority: parts.authority.map(|(span, port)| (moved(span), port)),
        })
    }
}

fn parse_version(text: &[u8], rules: &Rules) -> Result<Version, ParseError> {
    match text {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', major @ b'0'..=b'9', b'.', b'0'..=b'9'] => match major {
            b'1' => Ok(Version::Http11),
            b'0' if rules.permit_unconventional_http_version => Ok(Version::Http10),
            _ if rules.permit_unconventional_http_version => Ok(Version::Http11),
            b'0' => Err(ParseError::Version(Excerpt::of(text))),
            _ => Err(ParseError::MajorVersion(Excerpt::of(text))),
        },
        _ => Err(ParseError::Version(Excerpt::of(text))),
    }
}

fn check_method(method: &[u8], rules: &Rules) -> Result<(), ParseError> {
    let is_conventional = (3..=20).contains(&method.len()) && !has_lowercase_or_hash(method);
    if is_token(method) && (is_conventional || rules.permit_unconventional_http_method) {
        return Ok(());
    }
    Err(ParseError::Method(Excerpt::of(method)))
}

fn is_method(method: &[u8], name: &[u8], rules: &Rules) -> bool {
    method == name || (rules.casefold_http_method && method.eq_ignore_ascii_case(name))
}

/// The parts of a target, as offsets into it.
struct Target {
    path: Span,
    query: Span,
    authority: Option<(Span, u16)>,
}

impl Target {
    /// Parses the four forms of RFC 9112 section 3.2, each only with the methods it belongs to.
    fn parse(target: &[u8], is_method: &dyn Fn(&[u8]) -> bool) -> Option<Target> {
        if target.contains(&b'#') {
            return None;
        }
        if is_method(b"CONNECT") {
            return Self::authority_form(target);
        }
        match target {
            [b'/', ..] => Some(Self::path_and_query(target, 0, None)),
            b"*" if is_method(b"OPTIONS") => Some(Self::path_and_query(target, 0, None)),
            _ => Self::absolute_form(target),
        }
    }

    fn path_and_query(target: &[u8], start: usize, authority: Option<(Span, u16)>) -> Target {
        let end = target.len();
        match memchr::memchr(b'?', &target[start..]) {
            Some(at) => Target {
                path: Span::new(start, start + at),
                query: Span::new(start + at + 1, end),
                authority,
            },
            None => Target { path: Span::new(start, end), query: Span::new(end, end), authority },
        }
    }

    /// `http://authority/path?query`; no other scheme, and no user information (RFC 9110 section 4.2.4).
    fn absolute_form(target: &[u8]) -> Option<Target> {
        let has_prefix = |prefix: &[u8]| {
            target.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        let (start, default_port) = match () {
            () if has_prefix(b"http://") => (7, 80),
            () if has_prefix(b"https://") => (8, 443),
            () => return None,
        };
        let length = target[start..].iter().position(|byte| matches!(byte, b'/' | b'?'));
        let end = length.map_or(target.len(), |length| start + length);
        Authority::parse(&target[start..end])?;
        Some(Self::path_and_query(target, end, Some((Span::new(start, end), default_port))))
    }

    /// `host:port`. The path is what Python's `urlsplit` makes of it, because Gunicorn's applications see that: the
    /// port alone when the host looks like a URL scheme, else everything.
    fn authority_form(target: &[u8]) -> Option<Target> {
        Authority::parse(target)?.port?;
        let colon = memchr::memchr(b':', target)?;
        let is_scheme = target[0].is_ascii_alphabetic()
            && target[..colon].iter().all(|&byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        let start = if is_scheme { colon + 1 } else { 0 };
        Some(Target {
            path: Span::new(start, target.len()),
            query: Span::new(target.len(), target.len()),
            authority: None,
        })
    }
}
