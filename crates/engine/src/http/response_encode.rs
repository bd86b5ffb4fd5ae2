//! Response heads, informational responses and chunk framing as bytes (RFC 9112 sections 4, 6 and 7.1).
//!
//! Called by the engine when a response begins and for every chunk. The order of lines is Gunicorn's: status line,
//! Server, Date, Connection, Transfer-Encoding, then the application's fields. It writes into the caller's buffer and
//! sends nothing.

use super::grammar::{is_field_value, is_token, trim_ows};
use super::head::Version;
use super::response::{ResponseError, ResponseHead};
use crate::http::error::Excerpt;

/// The interim response that asks for the body.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// What follows the data of a chunk.
pub const CHUNK_END: &[u8] = b"\r\n";
/// The last chunk and an empty trailer section.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// What the head depends on besides the application.
#[derive(Clone, Copy, Debug)]
pub struct ResponseContext<'a> {
    /// The version of the request.
    pub request_version: Version,
    /// Whether the request was HEAD.
    pub is_head: bool,
    /// Whether the server and the client would both let another request follow.
    pub keep_alive: bool,
    /// The value of Date (an IMF-fixdate).
    pub date: &'a [u8],
    /// The value of Server.
    pub server: &'a [u8],
}

/// How the body of a response is delimited (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFraming {
    /// Exactly this many bytes.
    Length(u64),
    /// Chunks, then `LAST_CHUNK`.
    Chunked,
    /// Everything until the connection is closed; the head said `Connection: close`.
    UntilClose,
    /// No body bytes, whatever the application yields.
    None,
}

impl ResponseHead {
    /// Appends the head to `out` and returns how the body must be framed.
    pub fn encode(&self, context: &ResponseContext<'_>, out: &mut Vec<u8>) -> BodyFraming {
        let framing = self.framing(context);
        out.reserve(128 + self.status.len() + context.server.len() + self.lines.len());
        out.extend_from_slice(match context.request_version {
            Version::Http10 => b"HTTP/1.0 ",
            Version::Http11 => b"HTTP/1.1 ",
        });
        out.extend_from_slice(&self.status);
        if self.status.len() == 3 {
            // The space before an empty reason is not optional (RFC 9112 section 4).
            out.push(b' ');
        }
        out.extend_from_slice(b"\r\nServer: ");
        out.extend_from_slice(context.server);
        out.extend_from_slice(b"\r\nDate: ");
        out.extend_from_slice(context.date);
        out.extend_from_slice(
            match (self.is_upgrade, context.keep_alive && framing != BodyFraming::UntilClose) {
                (true, _) => b"\r\nConnection: upgrade\r\n".as_slice(),
                (false, true) => b"\r\nConnection: keep-alive\r\n",
                (false, false) => b"\r\nConnection: close\r\n",
            },
        );
        if framing == BodyFraming::Chunked {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        }
        self.push_fields(out);
        out.extend_from_slice(b"\r\n");
        framing
    }

    fn framing(&self, context: &ResponseContext<'_>) -> BodyFraming {
        match (self.content_length, context.request_version) {
            _ if context.is_head || self.is_bodiless() => BodyFraming::None,
            (Some(length), _) => BodyFraming::Length(length),
            (None, Version::Http11) => BodyFraming::Chunked,
            (None, Version::Http10) => BodyFraming::UntilClose,
        }
    }

    fn push_fields(&self, out: &mut Vec<u8>) {
        let line = self.content_length_line;
        if self.is_lengthless() && line.start != line.end {
            out.extend_from_slice(&self.lines[..line.start as usize]);
            out.extend_from_slice(&self.lines[line.end as usize..]);
        } else {
            out.extend_from_slice(&self.lines);
        }
    }
}

/// Appends the size line of a chunk; data and `CHUNK_END` follow. A length of 0 would end the body: never pass it.
pub fn encode_chunk_prefix(length: usize, out: &mut Vec<u8>) {
    debug_assert!(length != 0, "an empty chunk ends the body");
    let digits = (usize::BITS - length.leading_zeros()).div_ceil(4).max(1);
    for place in (0..digits).rev() {
        out.push(b"0123456789ABCDEF"[length >> (4 * place) & 15]);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends an informational response such as 103 Early Hints; nothing is written if a field is invalid.
///
/// Never for an HTTP/1.0 client (RFC 9110 section 15.2).
pub fn encode_informational<'a>(
    status: &[u8],
    fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    out: &mut Vec<u8>,
) -> Result<(), ResponseError> {
    let start = out.len();
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status);
    out.extend_from_slice(b"\r\n");
    for (name, value) in fields {
        if let Err(error) = push_checked(name, value, out) {
            out.truncate(start);
            return Err(error);
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

fn push_checked(name: &[u8], value: &[u8], out: &mut Vec<u8>) -> Result<(), ResponseError> {
    if !is_token(name) {
        return Err(ResponseError::FieldName(Excerpt::of(name)));
    }
    let value = trim_ows(value);
    if !is_field_value(value) {
        return Err(ResponseError::FieldValue(Excerpt::of(name)));
    }
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
    Ok(())
}
