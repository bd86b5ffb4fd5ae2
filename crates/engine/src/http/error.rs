//! Why a request was refused: the one table from error to status code and words.
//!
//! Returned by every parser of this module; the engine sends the page, writes the log line and closes the connection,
//! after every one of them, because behind a refused message nobody knows where the next one begins (RFC 9112
//! section 9.3). Running out of bytes is not an error and has no entry here.

use std::fmt;

use super::grammar::is_token;
use super::status::Status;

/// How many bytes of a refused message are kept for the log line and the page.
const EXCERPT_BYTES_MAX: usize = 200;

/// The offending bytes, cut to a length that is fit to print.
#[derive(Clone, PartialEq, Eq)]
pub struct Excerpt(Box<[u8]>);

impl Excerpt {
    /// Keeps the beginning of the bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Excerpt(bytes[..bytes.len().min(EXCERPT_BYTES_MAX)].into())
    }

    /// The bytes as they were received.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Python's `repr` of a latin-1 str, or of bytes: quoted, with nothing in it that could forge a log line.
    fn write_repr(&self, f: &mut fmt::Formatter<'_>, is_str: bool) -> fmt::Result {
        let quote = if self.0.contains(&b'\'') && !self.0.contains(&b'"') { '"' } else { '\'' };
        write!(f, "{}{quote}", if is_str { "" } else { "b" })?;
        for &byte in &self.0 {
            match byte {
                b'\n' => f.write_str("\\n")?,
                b'\r' => f.write_str("\\r")?,
                b'\t' => f.write_str("\\t")?,
                b'\\' => f.write_str("\\\\")?,
                _ if char::from(byte) == quote => write!(f, "\\{quote}")?,
                0x20..=0x7e => write!(f, "{}", char::from(byte))?,
                0xa1..=0xac | 0xae.. if is_str => write!(f, "{}", char::from(byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        write!(f, "{quote}")
    }
}

/// Prints as Python prints the str.
impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_repr(f, true)
    }
}

/// Prints as Python prints the bytes.
impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_repr(f, false)
    }
}

/// Why a request, its body or its PROXY header was refused. The connection ends after every one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// The request line does not have three parts, or has a byte that is not visible ASCII (RFC 9112 section 3).
    RequestLine(Excerpt),
    /// The target has none of the four forms, or not the one its method needs (RFC 9112 section 3.2).
    Target(Excerpt),
    /// The method is not a token, or has an unconventional length or letter.
    Method(Excerpt),
    /// The version is not `HTTP/1.x` (RFC 9112 section 2.3).
    Version(Excerpt),
    /// A well-formed version with a major number above 1 (RFC 9110 section 15.6.6); the HTTP/2 preface is one.
    MajorVersion(Excerpt),
    /// The first byte is that of a TLS record: somebody speaks HTTPS to a plain port.
    TlsHandshake,
    /// The request line is longer than this many bytes.
    RequestLineTooLong(usize),
    /// A line of the head ends in LF alone, or has CR inside (RFC 9112 section 2.2).
    LineEnd(Excerpt),
    /// A field line without colon, or with a control byte in its value (RFC 9110 section 5.5); or a bad trailer.
    Header(Excerpt),
    /// A field name that is not a token, or has whitespace before its colon (RFC 9112 section 5.1), or an underscore
    /// although `header_map` is `refuse`.
    HeaderName(Excerpt),
    /// A folded line (RFC 9112 section 5.2).
    ObsoleteFolding(Excerpt),
    /// A field that may occur once occurs twice (RFC 9110 section 5.3).
    DuplicateHeader(Excerpt),
    /// More field lines than `fields_max`.
    TooManyFields,
    /// A field longer than `field_bytes_max`.
    FieldTooLarge,
    /// HTTP/1.1 without Host (RFC 9112 section 3.2).
    MissingHost,
    /// Host is not `uri-host [":" port]` (RFC 9112 section 3.2).
    InvalidHost(Excerpt),
    /// Host differs from the authority of an absolute target.
    HostMismatch(Excerpt),
    /// Content-Length is not one decimal number up to 2^63 - 1 (RFC 9112 section 6.3).
    ContentLength(Excerpt),
    /// Transfer-Encoding beside Content-Length or in HTTP/1.0, or a list that is malformed or does not end with
    /// `chunked` (RFC 9112 sections 6.1 and 6.3).
    TransferEncoding(Excerpt),
    /// A transfer coding that is not implemented (RFC 9112 section 6.1).
    TransferCoding(Excerpt),
    /// An expectation other than `100-continue` (RFC 9110 section 10.1.1).
    Expectation(Excerpt),
    /// The body is, or says that it will be, longer than this many bytes.
    BodyTooLarge(u64),
    /// Two scheme headers of a trusted peer contradict each other.
    SchemeHeaders,
    /// A chunk size that is not hexadecimal or above 2^63 - 1, or a malformed chunk extension (RFC 9112 section 7.1).
    ChunkSize(Excerpt),
    /// Chunk data is not followed by CRLF.
    ChunkTerminator(Excerpt),
    /// More chunk extension bytes than any client needs.
    ChunkOverhead,
    /// The client ended its side after the last chunk but before the final CRLF.
    ChunksTruncated,
    /// A trailer field that would change framing, routing or identity (RFC 9110 section 6.5.1).
    ForbiddenTrailer(Excerpt),
    /// A malformed PROXY protocol line (version 1).
    ProxyLine(Excerpt),
    /// A malformed binary PROXY protocol header (version 2).
    ProxyHeader(&'static str),
    /// A PROXY header from this peer, which may not send one.
    ProxyForbidden(Excerpt),
}

impl ParseError {
    /// The status code of the answer.
    pub fn status(&self) -> Status {
        match self {
            ParseError::MajorVersion(_) => Status::VersionNotSupported,
            ParseError::RequestLineTooLong(_) => Status::UriTooLong,
            ParseError::TooManyFields | ParseError::FieldTooLarge => Status::FieldsTooLarge,
            ParseError::TransferCoding(_) => Status::NotImplemented,
            ParseError::Expectation(_) => Status::ExpectationFailed,
            ParseError::BodyTooLarge(_) => Status::ContentTooLarge,
            ParseError::ProxyForbidden(_) => Status::Forbidden,
            _ => Status::BadRequest,
        }
    }

    /// The setting that decides whether such a request is served, if there is one.
    pub fn setting(&self) -> Option<&'static str> {
        match self {
            ParseError::RequestLineTooLong(_) => Some("limit_request_line"),
            ParseError::TooManyFields => Some("limit_request_fields"),
            ParseError::FieldTooLarge => Some("limit_request_field_size"),
            ParseError::BodyTooLarge(_) => Some("limit_request_body"),
            ParseError::Method(_) => Some("permit_unconventional_http_method"),
            ParseError::Version(_) => Some("permit_unconventional_http_version"),
            ParseError::HeaderName(name) if name.0.ends_with(b" ") => Some("strip_header_spaces"),
            // A name with a character that no name may have is refused by the grammar, underscore or not.
            ParseError::HeaderName(name) if name.0.contains(&b'_') && is_token(&name.0) => Some("header_map"),
            ParseError::ObsoleteFolding(_) => Some("permit_obsolete_folding"),
            ParseError::MissingHost => Some("permit_missing_host"),
            ParseError::SchemeHeaders => Some("secure_scheme_headers"),
            ParseError::ProxyForbidden(_) => Some("proxy_allow_ips"),
            _ => None,
        }
    }

    /// The reason phrase of the answer.
    pub fn reason(&self) -> &'static str {
        self.status().reason()
    }

    /// The text of the error page, in the words of Gunicorn where it has some; not yet escaped for HTML.
    pub fn message(&self) -> String {
        match self {
            ParseError::RequestLine(_) | ParseError::Target(_) | ParseError::TlsHandshake => {
                format!("Invalid Request Line '{self}'")
            }
            ParseError::Method(_) => format!("Invalid Method '{self}'"),
            ParseError::Version(_) | ParseError::MajorVersion(_) => format!("Invalid HTTP Version '{self}'"),
            ParseError::TooManyFields | ParseError::FieldTooLarge => {
                format!("Error parsing headers: '{self}'")
            }
            ParseError::ProxyLine(_) => format!("'{self}'"),
            ParseError::ProxyForbidden(_) => "Request forbidden".to_owned(),
            _ => self.to_string(),
        }
    }
}

/// The words of the log line: `Invalid request from ip=...: <this>`.
impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::RequestLine(line) => write!(f, "Invalid HTTP request line: {line}"),
            ParseError::Target(target) => write!(f, "Invalid HTTP request line: target {target}"),
            ParseError::Method(method) => write!(f, "Invalid HTTP method: {method}"),
            ParseError::Version(version) | ParseError::MajorVersion(version) => {
                write!(f, "Invalid HTTP Version: {version}")
            }
            ParseError::TlsHandshake => {
                write!(f, "Invalid HTTP request line: a TLS handshake on a plain port")
            }
            ParseError::RequestLineTooLong(max) => {
                write!(f, "Request Line is too large ({} > {max})", max + 1)
            }
            ParseError::LineEnd(line) => write!(f, "Invalid HTTP Header: bare CR or LF in {line}"),
            ParseError::Header(header) => write!(f, "Invalid HTTP Header: {header}"),
            ParseError::HeaderName(name) => write!(f, "Invalid HTTP header name: {name}"),
            ParseError::ObsoleteFolding(name) => write!(f, "Obsolete line folding is unacceptable: {name}"),
            ParseError::DuplicateHeader(name) => write!(f, "Invalid HTTP Header: {name} (more than one)"),
            ParseError::TooManyFields => f.write_str("limit request headers fields"),
            ParseError::FieldTooLarge => f.write_str("limit request headers fields size"),
            ParseError::MissingHost => f.write_str("Invalid HTTP Header: 'HOST' (missing)"),
            ParseError::InvalidHost(host) => write!(f, "Invalid HTTP Header: 'HOST' ({host})"),
            ParseError::HostMismatch(host) => {
                write!(f, "Invalid HTTP Header: 'HOST' ({host} is not the host of the request target)")
            }
            ParseError::ContentLength(value) => write!(f, "Invalid HTTP Header: 'CONTENT-LENGTH' ({value})"),
            ParseError::TransferEncoding(value) => {
                write!(f, "Invalid HTTP Header: 'TRANSFER-ENCODING' ({value})")
            }
            ParseError::TransferCoding(coding) => write!(f, "Unsupported transfer coding: {coding}"),
            ParseError::Expectation(value) => write!(f, "Unable to comply with expectation: {value}"),
            ParseError::BodyTooLarge(max) => write!(f, "Request body is too large (limit {max} bytes)"),
            ParseError::SchemeHeaders => f.write_str("Contradictory scheme headers"),
            ParseError::ChunkSize(line) => write!(f, "Invalid chunk size: {line:?}"),
            ParseError::ChunkTerminator(bytes) => {
                write!(f, "Invalid chunk terminator is not '\\r\\n': {bytes:?}")
            }
            ParseError::ChunkOverhead => f.write_str("Invalid chunk size: too many chunk extensions"),
            ParseError::ChunksTruncated => {
                f.write_str("Invalid chunk terminator: the body ends without CRLF")
            }
            ParseError::ForbiddenTrailer(name) => write!(f, "Invalid HTTP Header: {name} (in a trailer)"),
            ParseError::ProxyLine(line) => write!(f, "Invalid PROXY line: {line}"),
            ParseError::ProxyHeader(reason) => write!(f, "Invalid PROXY header: {reason}"),
            ParseError::ProxyForbidden(peer) => write!(f, "Proxy request from {peer} not allowed"),
        }
    }
}

impl std::error::Error for ParseError {}

#[cfg(test)]
mod tests {
    use super::{Excerpt, ParseError};

    #[test]
    fn pages_speak_as_gunicorn_does() {
        let excerpt = || Excerpt::of(b"X");
        for (error, code, message) in [
            (
                ParseError::RequestLine(excerpt()),
                400,
                "Invalid Request Line 'Invalid HTTP request line: 'X''",
            ),
            (ParseError::Method(excerpt()), 400, "Invalid Method 'Invalid HTTP method: 'X''"),
            (ParseError::Version(excerpt()), 400, "Invalid HTTP Version 'Invalid HTTP Version: 'X''"),
            (ParseError::MajorVersion(excerpt()), 505, "Invalid HTTP Version 'Invalid HTTP Version: 'X''"),
            (ParseError::RequestLineTooLong(4094), 414, "Request Line is too large (4095 > 4094)"),
            (ParseError::Header(excerpt()), 400, "Invalid HTTP Header: 'X'"),
            (ParseError::HeaderName(excerpt()), 400, "Invalid HTTP header name: 'X'"),
            (ParseError::ObsoleteFolding(excerpt()), 400, "Obsolete line folding is unacceptable: 'X'"),
            (ParseError::TooManyFields, 431, "Error parsing headers: 'limit request headers fields'"),
            (ParseError::FieldTooLarge, 431, "Error parsing headers: 'limit request headers fields size'"),
            (ParseError::TransferCoding(excerpt()), 501, "Unsupported transfer coding: 'X'"),
            (ParseError::Expectation(excerpt()), 417, "Unable to comply with expectation: 'X'"),
            (ParseError::BodyTooLarge(5), 413, "Request body is too large (limit 5 bytes)"),
            (ParseError::SchemeHeaders, 400, "Contradictory scheme headers"),
            (ParseError::ChunkSize(excerpt()), 400, "Invalid chunk size: b'X'"),
            (ParseError::ProxyLine(excerpt()), 400, "'Invalid PROXY line: 'X''"),
            (ParseError::ProxyForbidden(excerpt()), 403, "Request forbidden"),
        ] {
            assert_eq!((error.status().code(), error.message().as_str()), (code, message), "{error:?}");
        }
    }

    #[test]
    fn what_a_setting_decides_names_it() {
        let excerpt = |bytes: &[u8]| Excerpt::of(bytes);
        for (error, setting) in [
            (ParseError::RequestLineTooLong(4094), Some("limit_request_line")),
            (ParseError::TooManyFields, Some("limit_request_fields")),
            (ParseError::FieldTooLarge, Some("limit_request_field_size")),
            (ParseError::HeaderName(excerpt(b"A_B")), Some("header_map")),
            (ParseError::HeaderName(excerpt(b"A ")), Some("strip_header_spaces")),
            (ParseError::HeaderName(excerpt(b"A(")), None),
            (ParseError::HeaderName(excerpt(b"A_(")), None),
            (ParseError::HeaderName(excerpt(b"A_B ")), Some("strip_header_spaces")),
            (ParseError::ChunkOverhead, None),
        ] {
            assert_eq!(error.setting(), setting, "{error:?}");
        }
    }

    #[test]
    fn excerpts_print_as_python_prints_them() {
        for (bytes, as_str, as_bytes) in [
            (b"a".as_slice(), "'a'", "b'a'"),
            (b"it's", "\"it's\"", "b\"it's\""),
            (b"'\"", "'\\'\"'", "b'\\'\"'"),
            (b"\\\r\n\t\0\x7f", "'\\\\\\r\\n\\t\\x00\\x7f'", "b'\\\\\\r\\n\\t\\x00\\x7f'"),
            (b"\x85\xa0\xa1\xad\xe9", "'\\x85\\xa0\u{a1}\\xad\u{e9}'", "b'\\x85\\xa0\\xa1\\xad\\xe9'"),
        ] {
            let excerpt = Excerpt::of(bytes);
            assert_eq!((excerpt.to_string().as_str(), format!("{excerpt:?}").as_str()), (as_str, as_bytes));
        }
        assert_eq!(Excerpt::of(&[b'a'; 1000]).as_bytes().len(), 200);
    }
}
