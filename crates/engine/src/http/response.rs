//! What the application gives to `start_response`: checked once, kept as bytes that can be sent as they are.
//!
//! Called by whoever runs the application; `response_encode` puts the server's own lines in front. Fields that belong
//! to the connection are dropped silently, as Gunicorn does (PEP 3333 would have the server raise). It does not see
//! bodies and does not decide what is sent when.

use std::fmt;

use super::error::Excerpt;
use super::grammar::{is_field_value, is_token, parse_length, trim_ows};
use super::head::{Field, Span};

/// Fields of the connection or of the server: never the application's. `trailers` stands there as in PEP 3333's and
/// Gunicorn's lists.
const DROPPED: [&[u8]; 10] = [
    b"connection",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"te",
    b"trailers",
    b"transfer-encoding",
    b"upgrade",
    b"server",
    b"date",
];

/// Why the application's status or field was refused; it gets this as an exception.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseError {
    /// Not `ddd` or `ddd SP reason`, or below 100, or a control byte in the reason.
    Status(Excerpt),
    /// The field name is not a token (RFC 9110 section 5.1).
    FieldName(Excerpt),
    /// The value of this field has a control byte (RFC 9110 section 5.5).
    FieldValue(Excerpt),
    /// Content-Length is not a decimal number up to 2^63 - 1.
    ContentLength(Excerpt),
    /// A second Content-Length that differs from the first.
    ContentLengthTwice(Excerpt),
}

/// The words of the exception.
impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ResponseError::Status(status) => write!(f, "Invalid response status: {status}"),
            ResponseError::FieldName(name) => write!(f, "Invalid response header name: {name}"),
            ResponseError::FieldValue(name) => write!(f, "Invalid response header value of {name}"),
            ResponseError::ContentLength(value) => write!(f, "Invalid Content-Length: {value}"),
            ResponseError::ContentLengthTwice(value) => {
                write!(f, "Content-Length: {value} contradicts the one before it")
            }
        }
    }
}

impl std::error::Error for ResponseError {}

/// Status and fields of a response, validated.
#[derive(Clone, Debug, Default)]
pub struct ResponseHead {
    pub(super) status: Vec<u8>,
    pub(super) code: u16,
    /// `Name: value CRLF` lines, ready to be sent.
    pub(super) lines: Vec<u8>,
    pub(super) fields: Vec<Field>,
    pub(super) content_length: Option<u64>,
    /// The line of Content-Length inside `lines`.
    pub(super) content_length_line: Span,
    pub(super) is_upgrade: bool,
}

impl ResponseHead {
    /// A response with this status, `ddd` or `ddd SP reason`, and no fields.
    pub fn new(status: &[u8]) -> Result<Self, ResponseError> {
        let mut head = ResponseHead::default();
        head.restart(status)?;
        Ok(head)
    }

    /// Begins another response in the same buffers.
    pub fn restart(&mut self, status: &[u8]) -> Result<(), ResponseError> {
        self.clear();
        let code = parse_status(status).ok_or_else(|| ResponseError::Status(Excerpt::of(status)))?;
        self.status.extend_from_slice(status);
        self.code = code;
        Ok(())
    }

    /// Forgets everything and keeps the buffers; `restart` makes it usable again.
    pub fn clear(&mut self) {
        self.status.clear();
        self.code = 0;
        self.lines.clear();
        self.fields.clear();
        self.content_length = None;
        self.content_length_line = Span::default();
        self.is_upgrade = false;
    }

    /// Adds a field in its order. Whitespace round the value is stripped; fields of the connection, Server and Date
    /// are dropped, but `Upgrade: websocket` stays and `Connection: upgrade` is remembered.
    pub fn add(&mut self, name: &[u8], value: &[u8]) -> Result<(), ResponseError> {
        if !is_token(name) {
            return Err(ResponseError::FieldName(Excerpt::of(name)));
        }
        let value = trim_ows(value);
        if !is_field_value(value) {
            return Err(ResponseError::FieldValue(Excerpt::of(name)));
        }
        if name.len() == 14 && name.eq_ignore_ascii_case(b"content-length") {
            return self.add_content_length(name, value);
        }
        if DROPPED.iter().any(|dropped| name.eq_ignore_ascii_case(dropped)) {
            let is_upgrade =
                name.eq_ignore_ascii_case(b"upgrade") && value.eq_ignore_ascii_case(b"websocket");
            self.is_upgrade |=
                name.eq_ignore_ascii_case(b"connection") && value.eq_ignore_ascii_case(b"upgrade");
            if !is_upgrade {
                return Ok(());
            }
        }
        self.push_line(name, value);
        Ok(())
    }

    /// The code of the status.
    pub fn status_code(&self) -> u16 {
        self.code
    }

    /// The status as the application gave it, like `200 OK`.
    pub fn status_line(&self) -> &[u8] {
        &self.status
    }

    /// The length that the application declared.
    pub fn content_length(&self) -> Option<u64> {
        self.content_length
    }

    /// Whether the application said `Connection: upgrade`.
    pub fn is_upgrade(&self) -> bool {
        self.is_upgrade
    }

    /// Whether a response with this status never has a body (RFC 9110 section 6.4.1).
    pub fn is_bodiless(&self) -> bool {
        self.is_lengthless() || self.code == 304
    }

    /// Whether a response with this status must not even state a length (RFC 9110 section 8.6, RFC 9112 section 6.1).
    pub(super) fn is_lengthless(&self) -> bool {
        self.code < 200 || self.code == 204
    }

    /// The fields that will be sent, in order, names as given.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| (field.name.of(&self.lines), field.value.of(&self.lines)))
    }

    /// The value of the first field of this name, in any case.
    pub fn field(&self, name: &[u8]) -> Option<&[u8]> {
        self.fields().find(|(candidate, _)| candidate.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn add_content_length(&mut self, name: &[u8], value: &[u8]) -> Result<(), ResponseError> {
        let length = parse_length(value).ok_or_else(|| ResponseError::ContentLength(Excerpt::of(value)))?;
        match self.content_length {
            None => {
                let start = self.lines.len();
                self.push_line(name, value);
                self.content_length = Some(length);
                self.content_length_line = Span::new(start, self.lines.len());
                Ok(())
            }
            Some(before) if before == length => Ok(()),
            Some(_) => Err(ResponseError::ContentLengthTwice(Excerpt::of(value))),
        }
    }

    fn push_line(&mut self, name: &[u8], value: &[u8]) {
        let start = self.lines.len();
        self.lines.extend_from_slice(name);
        self.lines.extend_from_slice(b": ");
        let value_start = self.lines.len();
        self.lines.extend_from_slice(value);
        self.fields.push(Field {
            name: Span::new(start, start + name.len()),
            value: Span::new(value_start, self.lines.len()),
        });
        self.lines.extend_from_slice(b"\r\n");
    }
}

fn parse_status(status: &[u8]) -> Option<u16> {
    let (code, rest) = status.split_first_chunk::<3>()?;
    let is_formed = match rest {
        [] => true,
        [b' ', reason @ ..] => is_field_value(reason),
        _ => false,
    };
    let code = parse_length(code).filter(|&code| code >= 100 && is_formed)?;
    u16::try_from(code).ok()
}

#[cfg(test)]
mod tests;
