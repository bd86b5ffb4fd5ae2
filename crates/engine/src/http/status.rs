//! The status codes the engine itself answers with, and their registered reason phrases.
//!
//! Called by the parse errors, the error pages and the engine's deadlines. Statuses of the application are not here:
//! they are passed on as it wrote them.

/// The status of an answer made by the server (RFC 9110 section 15, RFC 6585).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Status {
    /// Malformed request.
    BadRequest = 400,
    /// A PROXY header from a peer that may not send one.
    Forbidden = 403,
    /// Head or body did not arrive in time.
    RequestTimeout = 408,
    /// Body above the limit.
    ContentTooLarge = 413,
    /// Request line above the limit.
    UriTooLong = 414,
    /// An expectation other than `100-continue`.
    ExpectationFailed = 417,
    /// Field too long, or too many of them.
    FieldsTooLarge = 431,
    /// The application failed before its response began.
    InternalServerError = 500,
    /// A transfer coding that is not implemented.
    NotImplemented = 501,
    /// No room for another request.
    ServiceUnavailable = 503,
    /// A major version other than 1.
    VersionNotSupported = 505,
}

impl Status {
    /// The number on the status line.
    pub fn code(self) -> u16 {
        self as u16
    }

    /// The registered reason phrase.
    pub fn reason(self) -> &'static str {
        match self {
            Status::BadRequest => "Bad Request",
            Status::Forbidden => "Forbidden",
            Status::RequestTimeout => "Request Timeout",
            Status::ContentTooLarge => "Content Too Large",
            Status::UriTooLong => "URI Too Long",
            Status::ExpectationFailed => "Expectation Failed",
            Status::FieldsTooLarge => "Request Header Fields Too Large",
            Status::InternalServerError => "Internal Server Error",
            Status::NotImplemented => "Not Implemented",
            Status::ServiceUnavailable => "Service Unavailable",
            Status::VersionNotSupported => "HTTP Version Not Supported",
        }
    }
}
