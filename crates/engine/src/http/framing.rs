//! What the fields of a request mean for the connection: framing, persistence, expectation, host, scheme.
//!
//! Fed by the head parser, one field at a time, then asked once at the end of the head. Names are recognised by length
//! and case-insensitive comparison, about ten of them; every other field is only passed on.

use super::error::{Excerpt, ParseError};
use super::grammar::{is_token, list_members, parse_length};
use super::head::{Framing, RequestHead, Version};
use super::host::Authority;
use super::request_line::RequestLine;
use super::rules::{HeaderMap, Rules};

/// What the fields seen so far say; a field is remembered by its index in the head.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gathered {
    host: Option<usize>,
    content_type: Option<usize>,
    authorization: Option<usize>,
    content_length: Option<(usize, u64)>,
    has_transfer_encoding: bool,
    has_expect: bool,
    has_upgrade: bool,
    says_close: bool,
    says_keep_alive: bool,
    says_upgrade: bool,
    is_https: Option<bool>,
}

impl Gathered {
    /// Takes note of the field that the head will keep at this index.
    pub(super) fn note(&mut self, index: usize, name: &[u8], value: &[u8]) -> Result<(), ParseError> {
        match name.len() {
            4 if is_name(name, b"host") => set_once(&mut self.host, index, name),
            6 if is_name(name, b"expect") => {
                self.has_expect = true;
                Ok(())
            }
            7 if is_name(name, b"upgrade") => {
                self.has_upgrade = true;
                Ok(())
            }
            10 if is_name(name, b"connection") => {
                self.note_connection(value);
                Ok(())
            }
            12 if is_name(name, b"content-type") => set_once(&mut self.content_type, index, name),
            13 if is_name(name, b"authorization") => set_once(&mut self.authorization, index, name),
            14 if is_name(name, b"content-length") => {
                let length =
                    parse_length(value).ok_or_else(|| ParseError::ContentLength(Excerpt::of(value)))?;
                set_once(&mut self.content_length, (index, length), name)
            }
            17 if is_name(name, b"transfer-encoding") => {
                self.has_transfer_encoding = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Connection is a list over all its lines (RFC 9110 section 7.6.1), so `close, TE` closes.
    fn note_connection(&mut self, value: &[u8]) {
        if value.eq_ignore_ascii_case(b"keep-alive") {
            self.says_keep_alive = true;
            return;
        }
        for member in list_members(value) {
            match member.len() {
                5 if member.eq_ignore_ascii_case(b"close") => self.says_close = true,
                7 if member.eq_ignore_ascii_case(b"upgrade") => self.says_upgrade = true,
                10 if member.eq_ignore_ascii_case(b"keep-alive") => self.says_keep_alive = true,
                _ => {}
            }
        }
    }

    /// Takes note of a scheme field of a trusted peer; any other value than the configured one means http.
    pub(super) fn note_scheme(&mut self, name: &[u8], value: &[u8], rules: &Rules) -> Result<(), ParseError> {
        for (known, https) in &rules.secure_scheme_headers {
            if name.eq_ignore_ascii_case(known) {
                let is_https = value == https.as_slice();
                if self.is_https.is_some_and(|before| before != is_https) {
                    return Err(ParseError::SchemeHeaders);
                }
                self.is_https = Some(is_https);
            }
        }
        Ok(())
    }

    /// Draws the conclusions; `head` has its bytes and fields already.
    pub(super) fn settle(
        &self,
        line: &RequestLine,
        rules: &Rules,
        head: &mut RequestHead,
    ) -> Result<(), ParseError> {
        let framing = self.framing(line.version, head)?;
        self.check_host(line, rules, head)?;
        let is_http11 = line.version == Version::Http11;
        if is_http11 && self.has_expect {
            check_expectations(head)?;
        }
        if let Framing::Length(length) = framing
            && rules.is_body_too_large(length)
        {
            return Err(ParseError::BodyTooLarge(rules.body_bytes_max));
        }
        let value_of = |index: usize| head.fields[index].value;
        let host = self.host.map(value_of);
        let content_type = self.content_type.map(value_of);
        let content_length = self.content_length.map(|(index, _)| value_of(index));
        let facts = &mut head.facts;
        facts.method = line.method;
        facts.target = line.target;
        facts.path = line.path;
        facts.query = line.query;
        facts.version_text = line.version_text;
        facts.version = line.version;
        facts.framing = framing;
        facts.expects_continue = is_http11 && self.has_expect && framing != Framing::None;
        facts.wants_upgrade = is_http11 && self.says_upgrade && self.has_upgrade;
        facts.is_https = self.is_https;
        facts.host = host;
        facts.content_type = content_type;
        facts.content_length = content_length;
        let is_connect = head.is_connect();
        head.facts.is_keep_alive = !is_connect && !self.says_close && (is_http11 || self.says_keep_alive);
        Ok(())
    }

    fn framing(&self, version: Version, head: &RequestHead) -> Result<Framing, ParseError> {
        if self.has_transfer_encoding {
            check_codings(head)?;
            // RFC 9112 section 6.1: TE beside CL, or in HTTP/1.0, is how requests are smuggled.
            if version == Version::Http10 || self.content_length.is_some() {
                return Err(ParseError::TransferEncoding(codings_excerpt(head)));
            }
            return Ok(Framing::Chunked);
        }
        Ok(match self.content_length {
            None | Some((_, 0)) => Framing::None,
            Some((_, length)) => Framing::Length(length),
        })
    }

    fn check_host(&self, line: &RequestLine, rules: &Rules, head: &RequestHead) -> Result<(), ParseError> {
        let Some(index) = self.host else {
            let may_miss = rules.permit_missing_host || line.version == Version::Http10;
            return may_miss.then_some(()).ok_or(ParseError::MissingHost);
        };
        let value = head.fields[index].value.of(&head.bytes);
        let host = Authority::parse(value);
        // An empty Host is what RFC 9112 section 3.2 wants for a target without authority.
        if host.is_none() && !value.is_empty() {
            return Err(ParseError::InvalidHost(Excerpt::of(value)));
        }
        let Some((authority, default_port)) = line.authority else { return Ok(()) };
        let authority = Authority::parse(authority.of(&head.bytes));
        let is_same = authority.zip(host).is_some_and(|(left, right)| left.is_same(&right, default_port));
        is_same.then_some(()).ok_or_else(|| ParseError::HostMismatch(Excerpt::of(value)))
    }
}

/// Compares a token with a known name of the same length, in lower case. In a token only letters differ in the bit
/// that is set here; with the length known at compile time this is a few instructions.
fn is_name<const LENGTH: usize>(name: &[u8], known: &[u8; LENGTH]) -> bool {
    let Some(name) = name.first_chunk::<LENGTH>() else { return false };
    name.iter().zip(known).fold(0, |difference, (byte, known)| difference | ((byte | 0x20) ^ known)) == 0
}

fn set_once<T>(slot: &mut Option<T>, value: T, name: &[u8]) -> Result<(), ParseError> {
    match slot.replace(value) {
        Some(_) => Err(ParseError::DuplicateHeader(Excerpt::of(name))),
        None => Ok(()),
    }
}

/// Whether a field whose name has an underscore stays: `X_Y` and `X-Y` would become the same variable.
pub(super) fn is_underscore_kept(
    name: &[u8],
    rules: &Rules,
    is_trusted_peer: bool,
) -> Result<bool, ParseError> {
    if is_trusted_peer && rules.is_forwarder_header(name) {
        return Ok(true);
    }
    match rules.header_map {
        HeaderMap::Drop => Ok(false),
        HeaderMap::Dangerous => Ok(true),
        HeaderMap::Refuse => Err(ParseError::HeaderName(Excerpt::of(name))),
    }
}

fn values<'a>(head: &'a RequestHead, name: &'static [u8]) -> impl Iterator<Item = &'a [u8]> {
    head.fields().filter(move |(candidate, _)| candidate.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn codings_excerpt(head: &RequestHead) -> Excerpt {
    Excerpt::of(values(head, b"transfer-encoding").next().unwrap_or_default())
}

/// Only `chunked`, once, is implemented. Lists that end otherwise are malformed (400), lists with other codings before
/// it, or with a coding nobody knows, are not implemented (501).
fn check_codings(head: &RequestHead) -> Result<(), ParseError> {
    let malformed = || ParseError::TransferEncoding(codings_excerpt(head));
    let mut unknown = None;
    let mut other = None;
    let mut is_chunked = false;
    for coding in values(head, b"transfer-encoding").flat_map(list_members) {
        if !is_token(coding) || is_chunked {
            return Err(malformed());
        }
        is_chunked = coding.eq_ignore_ascii_case(b"chunked");
        if !is_chunked {
            other.get_or_insert(coding);
            if !is_registered_coding(coding) {
                unknown.get_or_insert(coding);
            }
        }
    }
    match (unknown, is_chunked, other) {
        (Some(coding), _, _) | (None, true, Some(coding)) => {
            Err(ParseError::TransferCoding(Excerpt::of(coding)))
        }
        (None, false, _) => Err(malformed()),
        (None, true, None) => Ok(()),
    }
}

fn is_registered_coding(coding: &[u8]) -> bool {
    let known: [&[u8]; 6] = [b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress", b"identity"];
    known.iter().any(|known| coding.eq_ignore_ascii_case(known))
}

fn check_expectations(head: &RequestHead) -> Result<(), ParseError> {
    for value in values(head, b"expect") {
        let is_met = |member: &[u8]| member.is_empty() || member.eq_ignore_ascii_case(b"100-continue");
        if !list_members(value).all(is_met) {
            return Err(ParseError::Expectation(Excerpt::of(value)));
        }
    }
    Ok(())
}
