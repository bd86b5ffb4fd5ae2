//! A parsed request head, as spans into one buffer that is reused from request to request.
//!
//! Filled by `HeadParser`, read by the engine (framing, keep-alive) and by whoever builds the environ. It holds what
//! was received and decides nothing: every decision is taken while parsing and stored here as a fact.

use super::grammar::percent_decode;

/// Above this capacity the buffers are given back when the head is cleared, in bytes.
const KEPT_BYTES_MAX: usize = 32 * 1024;
/// The same for the list of fields, in fields.
pub(super) const KEPT_FIELDS_MAX: usize = 1024;

/// A range of bytes of `RequestHead`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

impl Span {
    /// A span of these offsets, which the section limit of `fields` keeps far below 4 GiB.
    pub(super) fn new(start: usize, end: usize) -> Self {
        Span { start: start as u32, end: end as u32 }
    }

    /// The bytes of the span.
    #[inline]
    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..self.end as usize]
    }
}

/// One field line: name as received, value without the whitespace round it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name.
    pub name: Span,
    /// The value.
    pub value: Span,
}

/// The protocol version that the request is treated as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1, and 1.2 to 1.9, which a 1.1 server answers as 1.1 (RFC 9110 section 2.5).
    #[default]
    Http11,
}

/// How the body of a request is delimited (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    #[default]
    None,
    /// This many bytes, at least one.
    Length(u64),
    /// The chunked coding.
    Chunked,
}

/// What parsing decided about a request, apart from its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub method: Span,
    pub target: Span,
    pub path: Span,
    pub query: Span,
    pub version_text: Span,
    pub version: Version,
    pub framing: Framing,
    pub is_keep_alive: bool,
    pub expects_continue: bool,
    pub wants_upgrade: bool,
    pub is_https: Option<bool>,
    pub host: Option<Span>,
    pub content_type: Option<Span>,
    pub content_length: Option<Span>,
}

/// A request head. Empty until `HeadParser::parse` has returned `Ok(Some(_))`.
#[derive(Clone, Debug, Default)]
pub struct RequestHead {
    pub(super) bytes: Vec<u8>,
    pub(super) fields: Vec<Field>,
    pub(super) facts: Facts,
}

impl RequestHead {
    /// An empty head.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the request and keeps the buffers, unless an unusually large head has blown them up.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES_MAX);
        self.fields.clear();
        self.fields.shrink_to(KEPT_FIELDS_MAX);
        self.facts = Facts::default();
    }

    /// The method, as received (in upper case with `casefold_http_method`).
    pub fn method(&self) -> &[u8] {
        self.bytes_of(self.facts.method)
    }

    /// The request target exactly as received (`RAW_URI`).
    pub fn target(&self) -> &[u8] {
        self.bytes_of(self.facts.target)
    }

    /// The path of the target, not decoded. As Gunicorn's: of an absolute target only its path, which may be empty;
    /// `*` stays `*`; `CONNECT name:443` gives `443`.
    pub fn path(&self) -> &[u8] {
        self.bytes_of(self.facts.path)
    }

    /// The query of the target without `?`, not decoded; empty when there is none.
    pub fn query(&self) -> &[u8] {
        self.bytes_of(self.facts.query)
    }

    /// The version the request is treated as.
    pub fn version(&self) -> Version {
        self.facts.version
    }

    /// The version as received, like `HTTP/1.1` (`SERVER_PROTOCOL`).
    pub fn version_text(&self) -> &[u8] {
        self.bytes_of(self.facts.version_text)
    }

    /// The fields in wire order, names as received.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| (self.bytes_of(field.name), self.bytes_of(field.value)))
    }

    /// The value of the first field of this name, in any case.
    pub fn field(&self, name: &[u8]) -> Option<&[u8]> {
        self.fields().find(|(candidate, _)| candidate.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// How the body is delimited.
    pub fn framing(&self) -> Framing {
        self.facts.framing
    }

    /// Whether the client lets another request follow on the connection (RFC 9112 section 9.3); never after CONNECT.
    pub fn is_keep_alive(&self) -> bool {
        self.facts.is_keep_alive
    }

    /// Whether the client waits for `100 Continue` before it sends the body. False without a body and in HTTP/1.0.
    pub fn expects_continue(&self) -> bool {
        self.facts.expects_continue
    }

    /// Whether the response must have no body because the method is HEAD.
    pub fn is_head(&self) -> bool {
        self.method() == b"HEAD"
    }

    /// Whether the method is CONNECT.
    pub fn is_connect(&self) -> bool {
        self.method() == b"CONNECT"
    }

    /// Whether the client offers another protocol: `Connection: upgrade` and an Upgrade field, in HTTP/1.1.
    pub fn wants_upgrade(&self) -> bool {
        self.facts.wants_upgrade
    }

    /// What a trusted peer said about the client's scheme: https, http, or nothing.
    pub fn scheme_is_https(&self) -> Option<bool> {
        self.facts.is_https
    }

    /// The Host value.
    pub fn host(&self) -> Option<&[u8]> {
        self.facts.host.map(|span| self.bytes_of(span))
    }

    /// The Content-Type value.
    pub fn content_type(&self) -> Option<&[u8]> {
        self.facts.content_type.map(|span| self.bytes_of(span))
    }

    /// The Content-Length value as received; `framing` has the number.
    pub fn content_length(&self) -> Option<&[u8]> {
        self.facts.content_length.map(|span| self.bytes_of(span))
    }

    /// Appends the percent-decoded path to `out` (`PATH_INFO` without a `SCRIPT_NAME`).
    pub fn decode_path(&self, out: &mut Vec<u8>) {
        percent_decode(self.path(), out);
    }

    fn bytes_of(&self, span: Span) -> &[u8] {
        span.of(&self.bytes)
    }
}
