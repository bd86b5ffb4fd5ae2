//! Why the engine answers a request by itself: what the parser found, or a deadline, or a body that could not be stored.

use std::fmt;

use crate::http::{ParseError, Status};

/// A request that no application will see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The request itself is wrong, or beyond a limit.
    Parse(ParseError),
    /// The head was not complete in time.
    HeadTimeout,
    /// The body stalled for too long.
    BodyTimeout,
    /// The body could not be written to its spool file.
    SpoolFailed,
    /// HTTP without TLS on a port that speaks TLS.
    PlainHttp,
    /// The TLS session could not begin or go on; the client got an alert, no page.
    Tls(String),
}

impl Refusal {
    /// The status code of the answer.
    pub fn status(&self) -> Status {
        match self {
            Refusal::Parse(error) => error.status(),
            Refusal::HeadTimeout | Refusal::BodyTimeout => Status::RequestTimeout,
            Refusal::SpoolFailed => Status::InternalServerError,
            Refusal::PlainHttp | Refusal::Tls(_) => Status::BadRequest,
        }
    }

    /// The setting that decides whether such a request is served, if there is one. (Not for TLS, nor for a disk that is
    /// full: there is no choice.)
    pub fn setting(&self) -> Option<&'static str> {
        match self {
            Refusal::Parse(error) => error.setting(),
            Refusal::HeadTimeout => Some("header_timeout"),
            Refusal::BodyTimeout => Some("body_timeout"),
            Refusal::SpoolFailed | Refusal::PlainHttp | Refusal::Tls(_) => None,
        }
    }

    /// The text of the error page, not yet escaped.
    pub fn message(&self) -> String {
        match self {
            Refusal::Parse(error) => error.message(),
            Refusal::HeadTimeout | Refusal::BodyTimeout | Refusal::PlainHttp => self.to_string(),
            Refusal::SpoolFailed | Refusal::Tls(_) => String::new(),
        }
    }
}

/// The words of the log line.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Parse(error) => error.fmt(f),
            Refusal::HeadTimeout => f.write_str("the request's head did not arrive in time"),
            Refusal::BodyTimeout => f.write_str("the request's body did not arrive in time"),
            Refusal::SpoolFailed => f.write_str("the request's body could not be stored"),
            Refusal::PlainHttp => f.write_str("this port speaks HTTPS, the request came without TLS"),
            Refusal::Tls(why) => write!(f, "TLS: {why}"),
        }
    }
}

impl From<ParseError> for Refusal {
    fn from(error: ParseError) -> Refusal {
        Refusal::Parse(error)
    }
}
