//! HTTP/1.1 without sockets and without time (RFC 9110, RFC 9112): bytes in, heads and body pieces out, and back.
//!
//! The connection code of this crate calls it with the bytes it has; the same bytes always give the same outcome,
//! however they were cut. It reads strictly: what two parsers could understand in two ways is refused, because a
//! front-end that understands it the other way is how requests are smuggled. It deliberately knows no deadlines, no
//! sockets and no environ: a missing byte is `Ok(None)`, never an error.

pub mod grammar;
mod rules;

mod error;
mod status;

mod fields;
mod framing;
mod head;
mod head_parser;
mod host;
mod request_line;

mod chunked;

pub mod proxy;

mod error_page;
mod response;
mod response_encode;

pub use chunked::{ChunkStep, ChunkedDecoder};
pub use error::{Excerpt, ParseError};
pub use error_page::error_page;
pub use grammar::percent_decode;
pub use head::{Field, Framing, RequestHead, Span, Version};
pub use head_parser::HeadParser;
pub use response::{ResponseError, ResponseHead};
pub use response_encode::{
    BodyFraming, CHUNK_END, CONTINUE, LAST_CHUNK, ResponseContext, encode_chunk_prefix, encode_informational,
};
pub use rules::{HeaderMap, Rules};
pub use status::Status;
