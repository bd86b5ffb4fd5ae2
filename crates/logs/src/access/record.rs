//! What an access line can say about one finished exchange, borrowed from whoever finished it.
//!
//! Filled by the engine's caller, read by [`AccessFormat`](super::AccessFormat). It computes nothing.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

/// The value of a header or environ entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text<'a> {
    /// As it came from the wire; each byte is the character of that number (latin-1, PEP 3333).
    Latin1(&'a [u8]),
    /// Text of the application (an environ value may be any string).
    Unicode(Cow<'a, str>),
}

/// Where `%({name}i)s`, `%({name}o)s` and `%({name}e)s` look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// `i`: a header of the request.
    Request,
    /// `o`: a header the application set.
    Response,
    /// `e`: an entry of the WSGI environ.
    Environ,
}

/// Finds the value of a name. The name comes in lower case; the answer is to compare without case, and to be the last value
/// where a name is repeated (as in Gunicorn). It is asked only for the names of the format, under the log's lock: it must
/// be quick and must not log. What needs the interpreter is therefore looked up before, see
/// [`AccessFormat::names`](super::AccessFormat::names).
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<Text<'a>>;

/// One finished exchange. All byte texts are latin-1, as they came.
#[derive(Clone, Copy)]
pub struct AccessRecord<'a> {
    /// `REMOTE_ADDR`: `h`. Empty for unix peers, `None` (`-`) when there is no such entry.
    pub remote_addr: Option<&'a str>,
    /// The `Authorization` field: `u` is the user of its Basic credentials (RFC 7617).
    pub authorization: Option<&'a [u8]>,
    /// When the exchange ended: `t`.
    pub time: SystemTime,
    /// `m`, and the first part of `r`.
    pub method: &'a [u8],
    /// The request target as sent (`RAW_URI`), the second part of `r`.
    pub uri: &'a [u8],
    /// The path, percent-decoded (`PATH_INFO`): `U`.
    pub path: &'a [u8],
    /// What follows the `?`, as sent (`QUERY_STRING`): `q`.
    pub query: &'a [u8],
    /// `HTTP/1.1`: `H`, and the third part of `r`.
    pub protocol: &'a [u8],
    /// `s`.
    pub status: u16,
    /// Body bytes handed to the client, files included: `b` and `B`; `None` (`-`) when no response began.
    pub sent_bytes: Option<u64>,
    /// The `Referer` field: `f`.
    pub referer: Option<&'a [u8]>,
    /// The `User-Agent` field: `a`.
    pub agent: Option<&'a [u8]>,
    /// From the head's arrival to the end of the response: `T` (s), `M` (ms), `D` (µs), `L` (s, six decimals).
    pub elapsed: Duration,
    /// The worker: `p`.
    pub pid: u32,
    /// `{name}i`
    pub request_field: Lookup<'a>,
    /// `{name}o`
    pub response_field: Lookup<'a>,
    /// `{name}e`
    pub environ: Lookup<'a>,
}

impl<'a> AccessRecord<'a> {
    pub(super) fn field(&self, kind: FieldKind, name: &str) -> Option<Text<'a>> {
        match kind {
            FieldKind::Request => (self.request_field)(name),
            FieldKind::Response => (self.response_field)(name),
            FieldKind::Environ => (self.environ)(name),
        }
    }
}
